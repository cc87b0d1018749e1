# SPDX-License-Identifier: Apache-2.0
"""The 2-DOF PI-D: the law itself against one written in floats, then what each of its parts is there for."""

import math
import random

import pytest
from checked_int import CheckedInt, check_attributes
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.heat.hold import Hold, tracking_ds
from podsteam_firmware.heat.settings import Settings


class FloatLaw:
    """u = ff + Kp (b r - yf - Td dyf/dt) + I, yf = y / (1 + 1.2 s)^2, Ti 80 s, Td 12.8 s, b 0.5, Tt 32 s; W, K, s."""

    def __init__(self, kp: float) -> None:
        self.kp = kp
        self.integral = 0.0
        self.first = self.second = 0.0
        self.waited = 0

    def proportional(self, r: float) -> float:
        slope = (self.first - self.second) / 1.2
        return self.kp * (0.5 * r - self.second - 12.8 * slope)

    def enter(self, r: float, y: float, rate: float, excess: float) -> None:
        self.first = y - rate * 1.2
        self.second = y - rate * 2.4
        self.integral = excess - self.proportional(r)
        self.waited = 0

    def step(self, r: float, y: float, ff: float, limit: float) -> float:
        wanted = ff + self.proportional(r) + self.integral
        self.first += (y - self.first) * 0.1 / 1.2
        self.second += (self.first - self.second) * 0.1 / 1.2
        output = min(max(wanted, 0.0), limit)
        error = r - self.second
        self.waited = 900 if abs(error) < 1.0 else self.waited
        if self.waited < 900:
            self.waited += 1
        elif wanted >= 0 or error > 0:
            self.integral += self.kp * error * 0.1 / 80
        self.integral += min(output - wanted, 0.0) * 0.1 / 32
        return output


class Tank:
    """400 W into metal and water with a lag of 16 s, sensor lag 5 s; loss 0.35 W/K, room at 20 degC."""

    def __init__(self, start: float = 20.0, loss: float = 0.35) -> None:
        self.metal = self.water = self.sensor = start
        self.loss = loss

    def run(self, watts: float) -> int:
        for _ in range(5):
            flow = 5.0 * (self.metal - self.water)
            self.metal += (watts - flow) * 0.02 / 115
            self.water += (flow - self.loss * (self.water - 20)) * 0.02 / 251
            self.sensor += (self.water - self.sensor) * 0.02 / 5
        return round(self.sensor * 1000)


@tries(50)
@given(
    st.integers(30_000, 98_000),
    st.integers(20_000, 98_000),
    st.integers(-500, 1500),
    st.integers(-2000, 4000),
    st.lists(st.integers(-300, 300), min_size=20, max_size=150),
)
def test_same_as_the_law_in_floats(target: int, start: int, rate: int, excess: int, moves: list[int]) -> None:
    hold, law = Hold(), FloatLaw(28.6)
    assert hold.kp_dw_k == 286
    hold.enter(target, start, rate, excess)
    law.enter(target / 1000, start / 1000, rate / 1000, excess / 10)
    measured = start
    for move in moves:
        output = hold.step(target, measured, 250, 4000)
        expected = law.step(target / 1000, measured / 1000, 25.0, 400.0)
        assert abs(output - expected * 10) <= 8
        measured += move


@given(st.integers(30_000, 98_000), st.integers(15_000, 98_000), st.integers(-500, 2000), st.integers(0, 3500))
def test_entry_has_no_bump(target: int, measured: int, rate: int, excess: int) -> None:
    hold = Hold()
    hold.enter(target, measured, rate, excess)
    assert abs(hold.step(target, measured, 300, 4000) - (300 + excess)) <= 4


def test_set_point_step_kicks_by_weight_only() -> None:
    """10 K more at once: Kp b x 10 K = 143 W, and nothing from the derivative."""
    hold = Hold()
    hold.enter(60_000, 60_000, 0, 0)
    before = hold.step(60_000, 60_000, 500, 20_000)
    after = hold.step(70_000, 60_000, 500, 20_000)
    assert abs(after - before - 1430) <= 5


def test_a_step_of_the_reading_comes_through_two_filters() -> None:
    """0.1 K at once: nothing at first, -Kp (0.1 K x what has come through + Td x its slope) then, -2.9 W in the end."""
    hold = Hold()
    hold.enter(60_000, 60_000, 0, 2000)
    base = hold.step(60_000, 60_000, 0, 20_000)
    assert hold.step(60_000, 60_100, 0, 20_000) == base
    for _ in range(11):
        last = hold.step(60_000, 60_100, 0, 20_000)
    # After one time constant: 1 - 2 / e of the step has come through, and its slope is 0.1 K / (1.2 s e).
    assert abs(last - base + 286 * 0.1 * (0.264 + 12.8 * 0.307)) <= 12
    for _ in range(150):
        last = hold.step(60_000, 60_100, 0, 20_000)
    assert abs(last - base + 29) <= 6


def test_noise_moves_the_output_little() -> None:
    """0.12 K on each reading of 20 a second, averaged as `Sense` does it: less than 5 % of 400 W a second."""
    noise = random.Random(1)
    hold = Hold()
    hold.enter(90_000, 90_000, 0, 0)
    state = 90_000 * 4
    moved = 0
    before = hold.step(90_000, 90_000, 500, 4000)
    for _ in range(1200):
        for _ in range(2):
            state += round(90_000 + noise.gauss(0, 120)) - (state >> 2)
        output = hold.step(90_000, state >> 2, 500, 4000)
        moved += abs(output - before)
        before = output
    assert moved / 4000 / 120 <= 0.05


@pytest.mark.parametrize("limit", [4000, 1500, 800])
def test_no_wind_up_while_limited(limit: int) -> None:
    """However long the output was limited, overshoot stays small: the integral knows the power that really was."""
    tank, hold = Tank(), Hold()
    hold.enter(80_000, 20_000, 0, 4000)
    measured = 20_000
    highest = 0.0
    for _ in range(12_000):
        measured = tank.run(hold.step(80_000, measured, 210, limit) / 10)
        highest = max(highest, tank.water)
    assert highest <= 80.5
    assert abs(tank.water - 80.0) <= 0.05


def test_recovers_at_once_when_the_limit_opens() -> None:
    """Half an hour at a limit that cannot hold the target, then full power: no overshoot from what was gathered."""
    tank, hold = Tank(), Hold()
    hold.enter(80_000, 20_000, 0, 0)
    measured = 20_000
    highest = 0.0
    for i in range(30_000):
        measured = tank.run(hold.step(80_000, measured, 210, 100 if i < 18_000 else 4000) / 10)
        highest = max(highest, tank.water)
    assert highest <= 80.5
    assert abs(tank.water - 80.0) <= 0.05


def test_a_wall_that_is_still_hot_does_not_raise_the_integral() -> None:
    """30 K at twice the slope of the entry: the output soon is 0, and at the target it is what entry aimed at, the loss
    less Kp x 0.3 K."""
    hold = Hold()
    hold.enter(90_000, 60_000, 1500, hold.excess_dw(90_000, 60_000, 1500))
    outputs = [hold.step(90_000, 60_000 + 300 * i, 250, 4000) for i in range(100)]
    assert outputs[50:] == [0] * 50
    for _ in range(600):
        last = hold.step(90_000, 90_000, 250, 4000)
    assert abs(last - (250 - 86)) <= 8


def test_falls_back_at_once_after_it_was_too_hot() -> None:
    """Half an hour above the target, output 0: the integral has not gone down without end."""
    hold = Hold()
    hold.enter(60_000, 60_000, 0, 0)
    outputs = [hold.step(60_000, 75_000, 150, 4000) for _ in range(18_000)]
    assert max(outputs[20:]) == 0
    for i in range(300):
        hold.step(60_000, 75_000 - 50 * i, 150, 4000)
    outputs = [hold.step(60_000, 59_000, 150, 4000) for _ in range(200)]
    assert outputs[-1] >= 150


@pytest.mark.parametrize("loss", [0.2, 0.35, 0.6])
def test_integral_takes_out_a_wrong_feed_forward(loss: float) -> None:
    tank, hold = Tank(start=88.0, loss=loss), Hold()
    hold.enter(90_000, 88_000, 0, 0)
    measured = 88_000
    for _ in range(9_000):
        measured = tank.run(hold.step(90_000, measured, 245, 4000) / 10)
    assert abs(tank.water - 90.0) <= 0.05


def test_disturbance_is_taken_out() -> None:
    """50 g of cold water (-5 K): back within 0.5 K in three minutes, with at most 2 K over."""
    tank, hold = Tank(start=90.0), Hold()
    hold.enter(90_000, 90_000, 0, 0)
    measured = 90_000
    for _ in range(3000):
        measured = tank.run(hold.step(90_000, measured, 245, 4000) / 10)
    tank.water -= 5.0
    waters: list[float] = []
    for _ in range(3000):
        measured = tank.run(hold.step(90_000, measured, 245, 4000) / 10)
        waters.append(tank.water)
    assert max(waters) <= 92.0
    assert all(abs(water - 90.0) <= 0.5 for water in waters[1800:])


def test_gain_follows_the_heat_capacity_within_bounds() -> None:
    hold = Hold()
    for capacity, gain in ((366, 285), (200, 156), (10, 50), (5000, 500)):
        hold.tune(capacity)
        assert hold.kp_dw_k == gain
        assert (hold.integral_ds, hold.derivative_ds) == (800, 128)


def test_tuned_gains_are_used_and_scaled_with_the_fill() -> None:
    """200 dW/K at 366 J/K are 100 for half of it; a set without them leaves the compiled-in ones."""
    hold, settings = Hold(), Settings()
    settings.hold_gain_dw_k, settings.hold_integral_ds, settings.hold_derivative_ds = 200, 420, 150
    hold.tune(183, settings)
    assert (hold.kp_dw_k, hold.integral_ds, hold.derivative_ds) == (100, 420, 150)
    hold.tune(366, Settings())
    assert (hold.kp_dw_k, hold.integral_ds, hold.derivative_ds) == (285, 800, 128)


@given(st.integers(0, 6000), st.integers(0, 600))
def test_tracking_time_is_the_geometric_mean(integral: int, derivative: int) -> None:
    root = tracking_ds(integral, derivative)
    assert root == max(math.isqrt(integral * derivative), 10)


def test_excess_says_when_to_enter() -> None:
    """Kp (e - (Td - 2 Tf + 0.2 s) rate): 20 K to go at 1 K/s leaves 9.4 K, that is 269 W more than the loss."""
    assert abs(Hold().excess_dw(90_000, 70_000, 1000) - 2688) <= 2


@given(st.integers(70_000, 89_000), st.integers(0, 1500))
def test_entry_leads_to_the_target_or_just_below(measured: int, rate: int) -> None:
    """Once the slope is gone, the output at the target less what entry aims short is the loss alone: no offset to
    be integrated away."""
    hold = Hold()
    hold.enter(90_000, measured, rate, hold.excess_dw(90_000, measured, rate))
    hold._first = hold._second = (90_000 - rate // 5) * 12
    assert abs(hold.step(90_000, 90_000 - rate // 5, 300, 4000) - 300) <= 4


EXTREME_MC = st.sampled_from([-20_000, 0, 20_000, 98_000, 200_000])


@tries(200)
@given(
    st.sampled_from([-20_000, 30_000, 98_000]),
    EXTREME_MC,
    st.sampled_from([-20_000, 0, 20_000]),
    st.sampled_from([10, 366, 100_000]),
    st.booleans(),
    st.lists(st.tuples(EXTREME_MC, st.sampled_from([0, 1, 10_000]), st.sampled_from([0, 2000])), max_size=40),
)
def test_no_input_leaves_the_small_integers(
    target: int, start: int, rate: int, capacity: int, tuned: bool, rows: list[tuple[int, int, int]]
) -> None:
    """Sensors jumping over the table's whole range, largest gains and element: every intermediate is below 2^30."""
    hold, settings = Hold(), Settings()
    if tuned:
        settings.hold_gain_dw_k, settings.hold_integral_ds, settings.hold_derivative_ds = 500, 6000, 600
    check_attributes(hold)
    check_attributes(settings)
    hold.tune(CheckedInt(capacity), settings)
    goal = CheckedInt(target)
    excess = hold.excess_dw(goal, CheckedInt(start), CheckedInt(rate))
    hold.enter(goal, CheckedInt(start), CheckedInt(rate), excess)
    for measured, limit, loss in rows:
        assert 0 <= hold.step(goal, CheckedInt(measured), CheckedInt(loss), CheckedInt(limit)) <= limit


@pytest.mark.parametrize("offset_mc", [1, -1])
def test_a_thousandth_of_a_kelvin_too_much_and_too_little_count_alike(offset_mc: int) -> None:
    """The integral is rounded, not cut off: a cut would hold the water a little too cold for ever."""
    hold = Hold()
    hold.tune(366)
    hold.enter(90_000, 90_000 + offset_mc, 0, 0)
    for _ in range(900):
        hold.step(90_000, 90_000 + offset_mc, 300, 4000)
    before = hold._integral_mdw
    for _ in range(3000):
        hold.step(90_000, 90_000 + offset_mc, 300, 4000)
    # Kp e / Ti = 28.6 W/K x 1 mK / 80 s is less than half of the integral's unit of 0.1 mW in 0.1 s.
    assert hold._integral_mdw == before
