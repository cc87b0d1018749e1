# SPDX-License-Identifier: Apache-2.0
"""Identification of a process from a recorded step: what it finds of known ones, and what it refuses."""

import math
import random

import pytest
from checked_int import CheckedInt, check_attributes, checked_array
from effort import tries
from hypothesis import example, given
from hypothesis import strategies as st

from podsteam_firmware.heat import fixed, fixed24
from podsteam_firmware.heat.identify import SLOTS, Process, Record
from podsteam_firmware.heat.rule import ENDLESS_MS

POWER_DW = 4000


def response(t: float, gain: float, first: float, second: float, delay: float) -> float:
    """Step response of K exp(-L s) / ((1 + T1 s)(1 + T2 s)), T1 and T2 different; T1 infinite: K / T1 is `gain`."""
    t -= delay
    if t <= 0:
        return 0.0
    if math.isinf(first):
        return gain * (t - second + second * math.exp(-t / second)) if second > 0 else gain * t
    if second == 0:
        return gain * (1 - math.exp(-t / first))
    return gain * (1 - (first * math.exp(-t / first) - second * math.exp(-t / second)) / (first - second))


def identified(
    gain: float, first: float, second: float, delay: float, period_ms: int = 100, noise_mc: float = 0.0
) -> Process:
    """What is found of a response to 400 W; gain in mK (or mK/s), times in s."""
    noise = random.Random(3)
    record, process = Record(), Process()
    record.begin(15_000, period_ms)
    for i in range(1, 40_000):
        value = 15_000 + response(i * period_ms / 1000, gain, first, second, delay) + noise.gauss(0, noise_mc)
        if record.add(round(value)) and process.identify(record, POWER_DW):
            return process
    raise AssertionError("not identified")


@pytest.mark.parametrize(
    ("first", "second", "delay"),
    [(100.0, 0.0, 10.0), (60.0, 15.0, 10.0), (40.0, 36.0, 10.0), (10.0, 4.0, 30.0), (300.0, 20.0, 8.0)],
)
def test_finds_a_settling_process(first: float, second: float, delay: float) -> None:
    process = identified(40_000, first, second, delay)
    assert process.delay_ms / 1030 == pytest.approx(delay, rel=0.12)
    assert (process.delay_ms / 1030 + process.second_ms / 1000) == pytest.approx(delay + second, rel=0.06)
    assert process.lag_ms / 1000 == pytest.approx(first, rel=0.12)
    assert process.gain_mk_w() == pytest.approx(100, rel=0.12)


@pytest.mark.parametrize(("second", "delay"), [(0.0, 8.0), (16.0, 8.0), (16.0, 3.0)])
def test_finds_one_that_ends_in_a_ramp(second: float, delay: float) -> None:
    """0.25 K/s at 400 W is a heat capacity of 1600 J/K: C / L is the stiffness."""
    process = identified(250, math.inf, second, delay)
    assert process.lag_ms == ENDLESS_MS
    assert process.delay_ms / 1030 == pytest.approx(delay, rel=0.1, abs=0.2)
    assert process.second_ms / 1000 == pytest.approx(second, rel=0.1, abs=0.15 * delay)
    assert process.stiffness_dw_k * process.delay_ms / 10_000 == pytest.approx(1600, rel=0.05)


def test_nearly_integrating_is_a_ramp_with_a_bend() -> None:
    """366 J/K at 100 W, 0.35 W/K, so T1 is 1046 s, of which only the beginning is looked at."""
    process = identified(100 / 0.35 * 1000, 1046.0, 16.0, 6.0)
    assert process.lag_ms > 300_000
    assert process.stiffness_dw_k * process.delay_ms / 40_000 == pytest.approx(366, rel=0.08)


@tries(25)
@given(st.floats(30.0, 200.0), st.floats(0.0, 0.9), st.floats(4.0, 30.0), st.sampled_from([100, 250, 1000]))
def test_time_and_gain_scale(first: float, share: float, delay: float, period_ms: int) -> None:
    """The same process in other units of time and temperature gives the same numbers in those units."""
    second = first * share
    base = identified(20_000, first, second, delay)
    other = identified(80_000, first * period_ms / 100, second * period_ms / 100, delay * period_ms / 100, period_ms)
    assert other.delay_ms == pytest.approx(base.delay_ms * period_ms / 100, rel=0.05)
    assert other.stiffness_dw_k * 4 == pytest.approx(base.stiffness_dw_k, rel=0.06, abs=4)


def test_a_little_noise_does_no_harm() -> None:
    process = identified(40_000, 60.0, 15.0, 10.0, noise_mc=30)
    assert process.delay_ms / 1030 + process.second_ms / 1000 == pytest.approx(25.0, rel=0.15)
    assert process.stiffness_dw_k == pytest.approx(identified(40_000, 60.0, 15.0, 10.0).stiffness_dw_k, rel=0.25)


def test_high_order_is_met_where_it_matters() -> None:
    """1 / (1 + 10 s)^5: no two lags are like it, but dead time and lags together lag as it does."""
    record, process = Record(), Process()
    record.begin(0, 100)
    for i in range(1, 10_000):
        x = i / 100
        value = 40_000 * (1 - math.exp(-x) * sum(x**k / math.factorial(k) for k in range(5)))
        if record.add(round(value)) and process.identify(record, POWER_DW):
            break
    w = 2 * math.pi / 60
    phase = w * process.delay_ms / 1030 + math.atan(w * process.lag_ms / 1000) + math.atan(w * process.second_ms / 1000)
    assert phase == pytest.approx(5 * math.atan(10 * w), rel=0.05)


@pytest.mark.parametrize("level", [0, -5000, 150])
def test_refuses_what_does_not_rise(level: int) -> None:
    record, process = Record(), Process()
    record.begin(20_000, 100)
    for i in range(SLOTS):
        record.add(20_000 + level * i // SLOTS)
    assert record.count == SLOTS
    assert not process.identify(record, POWER_DW)


def test_refuses_a_short_record_and_no_power() -> None:
    record, process = Record(), Process()
    record.begin(0, 100)
    for i in range(SLOTS // 2 - 1):
        record.add(1000 * i)
    assert not process.identify(record, POWER_DW)
    for i in range(SLOTS):
        record.add(round(response(i * 1.0, 40_000, 10.0, 0.0, 10.0)))
    assert not process.identify(record, 0)


def test_refuses_a_record_that_ends_too_early() -> None:
    """A third of what is needed: not yet."""
    record, process = Record(), Process()
    record.begin(0, 100)
    for i in range(SLOTS):
        record.add(round(response(i / 8, 40_000, 60.0, 15.0, 10.0)))
    assert not process.identify(record, POWER_DW)


def test_record_joins_its_places() -> None:
    record = Record()
    record.begin(100, 100)
    full = [i for i in range(1, 1000) if record.add(100 + i)]
    assert full == [128, 256, 512]
    assert record.period_ms == 800
    assert [record.rise[k] for k in range(record.count + 1)] == [8 * k for k in range(record.count + 1)]
    assert 8 * record.count <= 999 < 8 * (record.count + 1)


# Arithmetic -------------------------------------------------------------------------------------------------


@given(st.integers(-(2**25) + 1, 2**25 - 1), st.integers(-(2**14), 2**14))
def test_mul14(a: int, b: int) -> None:
    assert abs(fixed.mul14(CheckedInt(a), CheckedInt(b)) - a * b / 2**14) <= 2


@given(st.integers(-(2**28) + 1, 2**28 - 1), st.integers(-(2**26) + 1, 2**26 - 1))
def test_mul24(a: int, b: int) -> None:
    if abs(a * b) < 2**52:
        assert abs(fixed24.mul24(CheckedInt(a), CheckedInt(b)) - a * b / 2**24) <= 4


@given(st.integers(-(2**28) + 1, 2**28 - 1), st.integers(1, 2**28 - 1))
def test_div24(a: int, b: int) -> None:
    if abs(a) < 31 * b:
        assert abs(fixed24.div24(CheckedInt(a), CheckedInt(b)) - a * 2**24 / b) <= 1


@given(st.integers(-(2**29), 2**29), st.integers(1, 2**22 - 1))
def test_ratio14(a: int, b: int) -> None:
    if abs(a) < 65_000 * b:
        assert abs(fixed.ratio14(CheckedInt(a), CheckedInt(b)) - a * 2**14 / b) <= 2


@given(st.integers(0, 2**30 - 1))
def test_isqrt(square: int) -> None:
    assert fixed.isqrt(CheckedInt(square)) == math.isqrt(square)


def test_arc_tangents() -> None:
    for i in range(13):
        assert abs(fixed.atan14(i) - math.atan(2.0**-i) * 2**14) <= 0.6


def bounded(rises: list[int]) -> Process | None:
    """What is found of a record, with every intermediate checked to be below 2^30; None when it is refused."""
    record, process = Record(), Process()
    record.rise = checked_array("i", (CheckedInt(0) for _ in record.rise))  # type: ignore[assignment]
    check_attributes(record)
    check_attributes(process)
    record.begin(CheckedInt(20_000), CheckedInt(100))
    for rise in rises:
        record.add(CheckedInt(20_000 + max(-300_000, min(300_000, rise))))
    if not process.identify(record, CheckedInt(POWER_DW)):
        return None
    assert process.stiffness_dw_k > 0
    assert 0 <= process.second_ms <= process.lag_ms <= ENDLESS_MS
    assert process.delay_ms >= 1
    return process


@tries(100)
@given(
    st.sampled_from([400, 40_000, 250_000]),
    st.sampled_from([0.5, 30.0, 3000.0, math.inf]),
    st.sampled_from([0.0, 0.4, 20.0]),
    st.sampled_from([0.0, 5.0, 40.0]),
    st.sampled_from([0, 300, 3000, 20_000, 100_000]),
    st.integers(0, 1000),
)
@example(gain=400, first=math.inf, second=0.0, delay=5.0, noise=300, seed=996)
def test_no_record_leaves_the_small_integers(
    gain: int, first: float, second: float, delay: float, noise: int, seed: int
) -> None:
    """Good records, noisy ones and nonsense: every intermediate is below 2^30."""
    rng = random.Random(seed)
    values = (response(i * 0.7, gain, first, min(second, first / 2), delay) for i in range(1, SLOTS + 1))
    bounded([round(value + rng.gauss(0, noise)) for value in values])


@tries(60)
@given(st.sampled_from([300, 20_000, 300_000]), st.integers(1, 64), st.integers(-4, 4), st.integers(0, 1000))
def test_no_curve_leaves_the_small_integers(size: int, width: int, slope: int, seed: int) -> None:
    """Waves, spikes and jumps on a ramp: nothing that a boiler does."""
    rng = random.Random(seed)
    levels = [rng.choice([0, 0, 1, -1, 0.5]) * size for _ in range(SLOTS // width + 1)]
    bounded([round(levels[i // width] + slope * size * i / SLOTS) for i in range(SLOTS)])


def test_refuses_what_goes_down_as_far_as_up() -> None:
    """A rise of 4 K under a noise of 2 K, and under one of 0.02 K: only one of them is a record."""
    rng = random.Random(1)
    rises = [response(i * 0.7, 4000, 6.0, 2.0, 3.0) for i in range(1, SLOTS + 1)]
    assert bounded([round(rise + rng.gauss(0, 2000)) for rise in rises]) is None
    assert bounded([round(rise + rng.gauss(0, 20)) for rise in rises]) is not None
