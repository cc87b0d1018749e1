# SPDX-License-Identifier: Apache-2.0
"""A slice of the fuzzing of frames: damage on the line costs the damaged frames alone, and invents none."""

from pathlib import Path

import fuzz_checks
import pytest

SCRIPT = Path(fuzz_checks.__file__)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_damaged_line_loses_only_what_it_damaged(seed):
    good, lost, invented, _ = fuzz_checks.damaged_line(seed, 3000)
    assert good > 1800
    assert lost == 0
    assert invented == 0


def test_micropython_sees_exactly_the_same(run_micropython):
    printed = run_micropython(SCRIPT, "7", "1000")
    assert tuple(map(int, printed.split())) == fuzz_checks.damaged_line(7, 1000)
