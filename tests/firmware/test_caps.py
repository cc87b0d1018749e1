# SPDX-License-Identifier: Apache-2.0
"""Layered caps: each layer holds, the last one that reduces gives the reason, and time between shots is kept."""

import pytest
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


def test_new_caps_have_counted_nothing() -> None:
    caps = Caps()
    assert (caps.session_nl, caps.reason, caps.reasons, caps.window.total_nl()) == (0, 0, 0, 0)


SHOT = m.DOSE_SHOT_CAP
SESSION = m.DOSE_SESSION_CAP
HARD = m.DOSE_HARD_LIMIT
DAY = m.DOSE_DAY_CAP


@pytest.mark.parametrize(
    ("cap_nl", "reason", "p95", "podlet", "session_nl", "day_nl"),
    [
        pytest.param(80_000, SHOT, 250, limits(80_000), 0, 0, id="the podlet's dose, which is aimed at"),
        pytest.param(9_970, SHOT, 250, limits(flow_nl_ms=10), 0, 0, id="what one pulse gives"),
        pytest.param(50_000, SESSION, 0, limits(), 950_000, 0, id="the podlet's session"),
        pytest.param(49_999, SESSION, 250, limits(session_cap_nl=999_999), 750_000, 0, id="the same, for 19 of 20"),
        pytest.param(250_000, HARD, 0, limits(300_000), 0, 0, id="the hard shot"),
        pytest.param(200_000, HARD, 250, limits(300_000), 0, 0, id="the same, for 19 of 20"),
        pytest.param(193_648, HARD, 291, limits(300_000), 0, 0, id="the same, with a rest in both parts"),
        pytest.param(30_000, HARD, 0, limits(session_cap_nl=9_000_000), 2_970_000, 0, id="the hard session"),
        pytest.param(30_000, HARD, 250, limits(session_cap_nl=9_000_000), 2_370_000, 0, id="the same, for 19 of 20"),
        pytest.param(20_000, DAY, 0, limits(), 0, 5_980_000, id="the day"),
        pytest.param(20_000, DAY, 250, limits(), 0, 4_780_000, id="the same, for 19 of 20"),
    ],
)
def test_a_cap_reduces_from_one_nanolitre_above_it_on(
    cap_nl: int, reason: int, p95: int, podlet: Limits, session_nl: int, day_nl: int
) -> None:
    caps = Caps()
    caps.p95_permille = p95
    caps.session_nl = session_nl
    caps.window.add(day_nl)
    for wanted_nl, why in ((cap_nl - 1, 0), (cap_nl, 0), (cap_nl + 1, reason)):
        assert caps.allowed_nl(wanted_nl, podlet) == min(wanted_nl, cap_nl)
        assert (caps.reason, caps.reasons) == (why, 1 << why if why else 0)


@pytest.mark.parametrize(
    ("podlet", "session_nl", "day_nl", "reason", "reasons"),
    [
        pytest.param(limits(0), 0, 0, SHOT, [SHOT], id="a podlet that allows none"),
        pytest.param(limits(flow_nl_ms=0), 0, 0, SHOT, [SHOT], id="a podlet that does not flow"),
        pytest.param(limits(), 1_000_001, 0, SESSION, [SHOT, SESSION], id="the session is over"),
        pytest.param(limits(session_cap_nl=9_000_000), 3_000_001, 0, HARD, [SHOT, HARD], id="the hard session is over"),
        pytest.param(limits(), 0, 6_000_001, DAY, [SHOT, DAY], id="the day is over"),
    ],
)
def test_past_a_cap_nothing_is_allowed_and_the_last_layer_says_why(
    podlet: Limits, session_nl: int, day_nl: int, reason: int, reasons: list[int]
) -> None:
    caps = Caps()
    caps.session_nl = session_nl
    caps.window.add(day_nl)
    assert caps.allowed_nl(100_001, podlet) == 0
    assert (caps.reason, caps.reasons) == (reason, sum(1 << each for each in reasons))


def test_a_shot_counts_in_the_session_and_in_the_day() -> None:
    caps = Caps()
    caps.count(0, 70_000)
    caps.count(0, 30_000)
    assert (caps.session_nl, caps.window.total_nl()) == (100_000, 100_000)
    caps.begin_session()
    assert (caps.session_nl, caps.window.total_nl()) == (0, 100_000)


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


@pytest.mark.parametrize(
    ("asked_ms", "kept"),
    [
        pytest.param(65_535_999, True, id="the longest interval that a podlet can ask for"),
        pytest.param(65_536_000, False, id="past it"),
        pytest.param(MASK, False, id="a moment before the shot, which is 12 days after it"),
    ],
)
def test_a_shot_past_the_longest_interval_is_forgotten_for_good(asked_ms: int, kept: bool) -> None:
    """Else the wrap of device time would bring it back."""
    caps = Caps()
    caps.count(0, 1)
    assert not caps.too_soon(asked_ms, 5)
    assert caps.too_soon(1_000, 20) == kept


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
