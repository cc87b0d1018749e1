# SPDX-License-Identifier: Apache-2.0
"""A few drawn boilers of either structure are tuned; the figures have fifty."""

import pytest
from tuning import tuning


@pytest.mark.parametrize("kind", ["lumped", "layered"])
@pytest.mark.parametrize("seed", [1, 4, 10, 23])
def test_drawn_boilers_are_identified(seed: int, kind: str) -> None:
    result = tuning((seed, kind))
    assert result.done and result.reason == 0 and result.fault == 0
    assert result.ratio <= 1.8
    assert result.capacity == pytest.approx(1.0, abs=0.12)
    assert result.metal == pytest.approx(1.0, abs=0.35)
    assert result.steam_g == 0
