# SPDX-License-Identifier: Apache-2.0
"""The tuning rule: how robust its gains are at the points of its tables, between them, and whatever the units."""

import cmath
import math

import pytest
from checked_int import CheckedInt, check_attributes
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.heat.rule import ENDLESS_MS, Rule

DELAY_MS = 8000
STIFFNESS = 4000
"""400 W/K."""
GRID = [10 ** (-2.2 + 0.012 * i) for i in range(340)]


def worst(lag_ms: int, second_ms: int, delay_ms: int = DELAY_MS, stiffness: int = STIFFNESS) -> float:
    """Ms of the loop with `hold`'s structure and Tf = min(Td, L) / 10; at least that of the unstable is infinite."""
    rule = Rule()
    rule.find(stiffness, lag_ms, second_ms, delay_ms)
    kp, ti, td = rule.kp_dw_k / 10, rule.integral_ms / 1000, rule.derivative_ms / 1000
    t1, t2, delay = lag_ms / 1000, second_ms / 1000, delay_ms / 1000
    tf = min(td, delay) / 10
    gain = (t1 + delay) / (stiffness / 10 * delay)
    smallest = 1e9
    phase = 0.0
    before = None
    for w in GRID:
        s = 1j * w / delay
        loop = gain * cmath.exp(-delay * s) / ((1 + t1 * s) * (1 + t2 * s))
        loop *= kp * (1 + 1 / (ti * s) + td * s) / (1 + tf * s) ** 2
        smallest = min(smallest, abs(1 + loop))
        if before is not None:
            phase += cmath.phase((1 + loop) / before)
        before = 1 + loop
    # A stable loop's curve does not go round -1.
    return 1 / smallest if abs(phase) < math.pi else math.inf


def lag(place: float) -> int:
    """T for T / (T + 3 L) = `place`, ms."""
    return ENDLESS_MS if place >= 1 else round(3 * DELAY_MS * place / (1 - place))


@pytest.mark.parametrize("i", range(1, 9))
def test_at_the_points(i: int) -> None:
    for j in range(min(i, 7) + 1):
        assert 1.5 <= worst(lag(i / 8), lag(j / 8)) <= 1.6


@tries(60)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_between_the_points(x: float, y: float) -> None:
    """Above T1 = 0.05 L; below, a dead time alone is left, and the rule fades into a PI controller."""
    first = lag(0.02 + 0.98 * x)
    second = min(lag(0.875 * y), first)
    assert 1.3 <= worst(first, second) <= 1.66


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(-6, 6), st.sampled_from([1, 3, 10, 50]))
def test_units_do_not_matter(x: float, y: float, power: int, stretch: int) -> None:
    """Time and stiffness scaled: so are the gains."""
    base, other = Rule(), Rule()
    first, second = min(lag(x), 20_000_000), min(lag(y), lag(x), 160_000)
    base.find(STIFFNESS, first, second, DELAY_MS)
    other.find(STIFFNESS * 2**power, first * stretch, second * stretch, DELAY_MS * stretch)
    assert other.kp_dw_k == pytest.approx(base.kp_dw_k * 2**power, rel=0.01, abs=2)
    assert other.integral_ms == pytest.approx(base.integral_ms * stretch, rel=0.01)
    assert other.derivative_ms == pytest.approx(base.derivative_ms * stretch, rel=0.01, abs=20 * stretch)


def test_gains_are_monotone_in_the_dead_time() -> None:
    """More dead time at the same heat capacity: less gain, longer integral time."""
    before = (10**9, 0)
    for delay in (1000, 2000, 4000, 8000, 16_000):
        rule = Rule()
        rule.find(366 * 10_000 // delay, 1_000_000, 16_000, delay)
        assert rule.kp_dw_k < before[0] and rule.integral_ms > before[1]
        before = rule.kp_dw_k, rule.integral_ms


@given(
    st.integers(1, 300_000),
    st.sampled_from([0, 1, 1000, 10**6, ENDLESS_MS]),
    st.sampled_from([0, 1, 1000, 10**6, ENDLESS_MS]),
    st.sampled_from([1, 100, 10**4, 2 * 10**6]),
)
def test_no_process_leaves_the_small_integers(stiffness: int, first: int, second: int, delay: int) -> None:
    rule = Rule()
    check_attributes(rule)
    rule.find(CheckedInt(stiffness), CheckedInt(first), CheckedInt(min(first, second)), CheckedInt(delay))
    assert rule.kp_dw_k >= 0 and rule.integral_ms >= 0 and rule.derivative_ms >= 0
