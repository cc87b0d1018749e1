# SPDX-License-Identifier: Apache-2.0
"""Volume to pulse width: the model, its bounds, and that it stays among the small integers."""

from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.dose import valve


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
