# SPDX-License-Identifier: Apache-2.0
"""Layered caps: each layer holds, the last one that reduces gives the reason, and time between shots is kept."""

from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.dose.caps import Caps
from podsteam_firmware.podlet.policy import Limits
from podsteam_protocol import messages as m

DAY_MS = 86_400_000
MASK = 0x3FFFFFFF


def limits(dose_nl: int = 100_000, session_cap_nl: int = 1_000_000, flow_nl_ms: int = 1_000) -> Limits:
    made = Limits()
    made.dose_nl = dose_nl
    made.session_cap_nl = session_cap_nl
    made.flow_nl_ms = flow_nl_ms
    return made


def test_nothing_is_reduced_below_the_caps() -> None:
    caps = Caps()
    assert caps.allowed_nl(100_000, limits()) == 100_000
    assert caps.reason == 0


def test_each_layer_and_its_reason() -> None:
    for wanted, given_before, podlet, allowed, reason in (
        (100_001, 0, limits(), 100_000, m.DOSE_SHOT_CAP),
        (50_000, 0, limits(flow_nl_ms=10), 9_970, m.DOSE_SHOT_CAP),
        (100_000, 950_000, limits(), 50_000, m.DOSE_SESSION_CAP),
        (100_000, 1_000_000, limits(), 0, m.DOSE_SESSION_CAP),
        (100_000, 1_200_000, limits(), 0, m.DOSE_SESSION_CAP),
        (400_000, 0, limits(400_000), 250_000, m.DOSE_HARD_LIMIT),
        (400_000, 0, limits(300_000), 250_000, m.DOSE_HARD_LIMIT),
        (200_000, 2_900_000, limits(400_000, 9_000_000), 100_000, m.DOSE_HARD_LIMIT),
        (200_000, 3_000_000, limits(400_000, 9_000_000), 0, m.DOSE_HARD_LIMIT),
        (200_000, 950_000, limits(150_000), 50_000, m.DOSE_SESSION_CAP),
    ):
        caps = Caps()
        caps.session_nl = given_before
        assert caps.allowed_nl(wanted, podlet) == allowed
        assert caps.reason == reason


def test_a_session_starts_from_zero() -> None:
    caps = Caps()
    caps.count(0, 1_000_000)
    assert caps.allowed_nl(1, limits()) == 0
    caps.begin_session()
    assert caps.allowed_nl(1, limits()) == 1


def test_interval() -> None:
    caps = Caps()
    assert not caps.too_soon(0, 20)
    caps.count(1000, 1)
    assert caps.too_soon(1000, 20)
    assert caps.too_soon(20_999, 20)
    assert not caps.too_soon(21_000, 20)
    assert caps.too_soon(5_999, 0)
    assert not caps.too_soon(6_000, 0)


def test_the_interval_holds_across_sessions_and_the_clocks_wrap() -> None:
    caps = Caps()
    caps.count(MASK - 1000, 1)
    caps.begin_session()
    assert caps.too_soon(MASK - 1000, 20)
    assert caps.too_soon(18_998, 20)
    assert not caps.too_soon(18_999, 20)


def test_a_long_pause_never_looks_like_a_short_one() -> None:
    caps = Caps()
    caps.count(0, 1)
    for day in range(1, 40):
        assert not caps.too_soon(day * DAY_MS & MASK, 65_535)


@given(
    st.lists(st.integers(0, 2**29), min_size=1, max_size=60),
    st.integers(0, 2**29),
    st.integers(0, 2**29),
    st.integers(0, 1_000),
)
def test_no_sequence_beats_a_cap(wanted: list[int], dose_nl: int, session_cap_nl: int, flow: int) -> None:
    caps = Caps()
    podlet = limits(dose_nl, session_cap_nl, flow)
    total = 0
    for volume in wanted:
        allowed = caps.allowed_nl(volume, podlet)
        assert 0 <= allowed <= min(volume, dose_nl, 250_000)
        assert (allowed < volume) == (caps.reason != 0)
        if allowed:
            caps.count(0, allowed)
        total += allowed
    assert total == caps.session_nl <= min(session_cap_nl, 3_000_000)
