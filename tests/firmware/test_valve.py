# SPDX-License-Identifier: Apache-2.0
"""Volume to pulse width: the model, its bounds, and that it stays among the small integers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.dose import valve
from podsteam_firmware.dose.caps import Caps


def test_known_widths() -> None:
    assert valve.width_us(10, 10) == 4_000
    assert valve.width_us(970, 10) == 100_000
    assert valve.width_us(50_000, 500) == 103_000
    assert valve.width_us(1, 1_000) == 3_001
    assert valve.width_us(250_000, 10) == 1_000_000
    assert valve.width_us(0, 10) == 0
    assert valve.width_us(-1, 10) == 0
    assert valve.width_us(10, 0) == 0


def test_the_most_that_one_pulse_gives() -> None:
    for flow in (1, 10, 400, 1000):
        most = valve.most_nl(flow)
        assert valve.width_us(most, flow) == 1_000_000
        assert valve.width_us(most - flow, flow) == 1_000_000 - 1000
    assert valve.most_nl(10) == 9_970


@pytest.mark.parametrize(
    ("nl", "flow", "gain", "dead", "width"),
    [
        pytest.param(1, 1_000, 1000, 500, 1_000, id="shorter than the hardware makes"),
        pytest.param(499, 1_000, 1000, 500, 1_000, id="just shorter"),
        pytest.param(500, 1_000, 1000, 500, 1_000, id="the shortest"),
        pytest.param(501, 1_000, 1000, 500, 1_001, id="just longer"),
        pytest.param(996_999, 1_000, 1000, 3_000, 999_999, id="just below the longest"),
        pytest.param(997_000, 1_000, 1000, 3_000, 1_000_000, id="the longest"),
        pytest.param(997_001, 1_000, 1000, 3_000, 1_000_000, id="no longer than that"),
        pytest.param(999_999, 1_200, 1000, 3_000, 836_332, id="just below the largest volume"),
        pytest.param(1_000_000, 1_200, 1000, 3_000, 836_333, id="the largest volume"),
        pytest.param(1_000_001, 1_200, 1000, 3_000, 836_333, id="no larger than that"),
        pytest.param(1_000_000, 1, 1950, 3_000, 1_000_000, id="slowest liquid, fastest valve"),
        pytest.param(1_000, 1, 350, 500, 1_000_000, id="slowest liquid, slowest valve"),
        pytest.param(12_345, 67, 1234, 4_321, 153_634, id="odd numbers, a fast valve"),
        pytest.param(12_345, 67, 567, 4_321, 329_282, id="odd numbers, a slow valve"),
    ],
)
def test_widths_to_the_microsecond(nl: int, flow: int, gain: int, dead: int, width: int) -> None:
    assert valve.width_us(nl, flow, gain, dead) == width


@pytest.mark.parametrize(
    ("flow", "gain", "dead", "most"),
    [
        pytest.param(10, 1000, 3_000, 9_970, id="the nominal valve"),
        pytest.param(10, 1000, 500, 9_990, id="the shortest dead time, to whole ms"),
        pytest.param(10, 1000, 20_000, 9_800, id="the longest dead time"),
        pytest.param(10, 1950, 3_000, 19_440, id="the fastest valve"),
        pytest.param(10, 350, 3_000, 3_480, id="the slowest valve"),
        pytest.param(499_999, 1000, 3_000, 498_499_003, id="just below the largest flow"),
        pytest.param(500_000, 1000, 3_000, 498_500_000, id="the largest flow"),
        pytest.param(500_001, 1000, 3_000, 498_500_000, id="no larger than that"),
        pytest.param(0, 1000, 3_000, 0, id="no flow, no volume"),
    ],
)
def test_the_most_of_one_pulse_to_the_nanolitre(flow: int, gain: int, dead: int, most: int) -> None:
    assert valve.most_nl(flow, gain, dead) == most


def test_the_nominal_valve() -> None:
    caps = Caps()
    assert (caps.gain_permille, caps.dead_us, caps.p95_permille) == (1000, 3_000, 0)
    assert caps.width_us(50_000, 500) == valve.width_us(50_000, 500) == 103_000


@given(st.integers(1, 250_000), st.integers(1, 1_000))
def test_the_width_gives_the_volume(nl: int, flow: int) -> None:
    width = valve.width_us(nl, flow)
    assert 1_000 <= width <= 1_000_000
    given_nl = (width - 3_000) * flow / 1000
    assert given_nl <= nl
    if nl <= valve.most_nl(flow):
        assert nl - given_nl < flow / 1000


@given(st.integers(-(2**30), 2**30 - 1), st.integers(-(2**30), 2**30 - 1))
def test_any_request_is_bounded(nl: int, flow: int) -> None:
    width = valve.width_us(nl, flow)
    assert width == 0 or 1_000 <= width <= 1_000_000
