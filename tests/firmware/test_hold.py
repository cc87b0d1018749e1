# SPDX-License-Identifier: Apache-2.0
"""The 2-DOF PI-D: the law itself against one written in floats, then what each of its parts is there for."""

import pytest
from checked_int import CheckedInt, check_attributes
from hypothesis import given, settings
from hypothesis import strategies as st

from podsteam_firmware.heat.hold import Hold


class FloatLaw:
    """u = ff + Kp (b r - y) + I - Kp Td dy_f/dt, with Ti 80 s, Td 12.8 s, N 4, b 0.5, Tt 32 s; W, K, s."""

    def __init__(self, kp: float) -> None:
        self.kp = kp
        self.integral = 0.0
        self.filtered = 0.0
        self.waited = 0

    def enter(self, r: float, y: float, rate: float, excess: float) -> None:
        self.filtered = y - rate * 3.2
        self.integral = excess - self.kp * (0.5 * r - y) + self.kp * 4 * (y - self.filtered)
        self.waited = 0

    def step(self, r: float, y: float, ff: float, limit: float) -> float:
        wanted = ff + self.kp * (0.5 * r - y) + self.integral - self.kp * 4 * (y - self.filtered)
        self.filtered += (y - self.filtered) * 0.1 / 3.2
        output = min(max(wanted, 0.0), limit)
        self.waited = 900 if abs(r - y) < 1.0 else self.waited
        if self.waited < 900:
            self.waited += 1
        else:
            self.integral += self.kp * (r - y) * 0.1 / 80
        self.integral += (output - wanted) * 0.1 / 32
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


@settings(max_examples=50)
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


def test_derivative_works_on_the_measurement_through_its_filter() -> None:
    """A step of the reading by 0.1 K: -Kp N 0.1 K = -11.4 W beside the proportional -2.9 W, fading with 3.2 s."""
    hold = Hold()
    hold.enter(60_000, 60_000, 0, 2000)
    base = hold.step(60_000, 60_000, 0, 20_000)
    first = hold.step(60_000, 60_100, 0, 20_000)
    assert abs(first - base - (-29 - 114)) <= 4
    for _ in range(31):
        last = hold.step(60_000, 60_100, 0, 20_000)
    assert abs(last - base - (-29 - 114 * 0.37)) <= 6


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
    for capacity, gain in ((366, 285), (200, 156), (10, 100), (5000, 500)):
        hold.tune(capacity)
        assert hold.kp_dw_k == gain


def test_excess_says_when_to_enter() -> None:
    """Kp (e - Td rate): 20 K to go at 1 K/s leaves 7.2 K, that is 206 W more than the loss."""
    assert abs(Hold().excess_dw(90_000, 70_000, 1000) - 2059) <= 2


EXTREME_MC = st.sampled_from([-20_000, 0, 20_000, 98_000, 200_000])


@settings(max_examples=200)
@given(
    st.sampled_from([-20_000, 30_000, 98_000]),
    EXTREME_MC,
    st.sampled_from([-20_000, 0, 20_000]),
    st.sampled_from([10, 366, 100_000]),
    st.lists(st.tuples(EXTREME_MC, st.sampled_from([0, 1, 10_000]), st.sampled_from([0, 2000])), max_size=40),
)
def test_no_input_leaves_the_small_integers(
    target: int, start: int, rate: int, capacity: int, rows: list[tuple[int, int, int]]
) -> None:
    """Sensors jumping over the table's whole range, largest gain and element: every intermediate is below 2^30."""
    hold = Hold()
    check_attributes(hold)
    hold.tune(CheckedInt(capacity))
    goal = CheckedInt(target)
    excess = hold.excess_dw(goal, CheckedInt(start), CheckedInt(rate))
    hold.enter(goal, CheckedInt(start), CheckedInt(rate), excess)
    for measured, limit, loss in rows:
        assert 0 <= hold.step(goal, CheckedInt(measured), CheckedInt(loss), CheckedInt(limit)) <= limit
