# SPDX-License-Identifier: Apache-2.0
"""Temperatures, mains, power and energy from raw samples, against numbers worked out by hand."""

import math
from collections.abc import Iterator

import pytest
from checked_int import CheckedInt, check_attributes, checked_array
from effort import tries
from hypothesis import given
from hypothesis import strategies as st
from small_boiler import uv_of

from podsteam_firmware import sense as sense_module
from podsteam_firmware.sense import Sense
from podsteam_firmware.signals import Inputs
from podsteam_firmware.ticks import add

MASK = 0x3FFFFFFF


class Bench:
    """Feeds `Sense` with a mains of `volts` and `hz`, and an element that is on for `share` of the time."""

    def __init__(self, start_ms: int = 0, start_count: int = 0) -> None:
        self.sense = Sense()
        self.inputs = Inputs()
        self.inputs.reference_uv = 1_250_000
        self.inputs.wall_uv = self.inputs.water_uv = self.inputs.outlet_uv = round(uv_of(20.0))
        self.now_ms = start_ms
        self.start_count = start_count
        self.halves = 0.0
        self.load = 0.0
        self.volts = 230.0
        self.hz = 50.0
        self.share = 0.0

    def tick(self, elapsed_ms: int = 50) -> Sense:
        self.now_ms = add(self.now_ms, elapsed_ms)
        self.halves += self.hz * 2 * elapsed_ms / 1000
        self.load += self.hz * 2 * elapsed_ms / 1000 * self.share
        inputs = self.inputs
        inputs.sampled_ms = self.now_ms
        inputs.mains_uv = round(self.volts * 5000)
        inputs.zero_cross = (self.start_count + int(self.halves + 1e-6)) & MASK
        inputs.load_halves = (self.start_count + int(self.load + 1e-6)) & MASK
        self.sense.update(self.now_ms, inputs)
        return self.sense

    def run(self, seconds: float) -> Sense:
        for _ in range(round(seconds * 20)):
            self.tick()
        return self.sense


def test_first_sample_is_taken_as_it_is() -> None:
    bench = Bench()
    bench.inputs.wall_uv = round(uv_of(90.0))
    sense = bench.tick()
    assert abs(sense.wall_mc - 90_000) <= 100
    assert abs(sense.water_mc - 20_000) <= 100
    assert sense.mains_dv == 2300


@pytest.mark.parametrize("name", ["wall", "water", "outlet"])
def test_filter_is_first_order_with_a_time_constant_of_170_ms(name: str) -> None:
    bench = Bench()
    bench.run(1)
    setattr(bench.inputs, name + "_uv", round(uv_of(60.0)))
    values: list[int] = []
    for _ in range(60):
        bench.tick()
        values.append(getattr(bench.sense, name + "_mc"))
    start, end = 20.0, 60.0
    for n in (1, 2, 4, 8):
        expected = end - (end - start) * 0.75**n
        assert abs(values[n - 1] / 1000 - expected) <= 0.15
    assert abs(values[-1] - 60_000) <= 80
    assert math.isclose(-0.05 / math.log(0.75), 0.174, abs_tol=0.001)


def test_filter_keeps_no_rounding_error() -> None:
    bench = Bench()
    bench.run(1)
    settled = bench.sense.wall_mc
    bench.inputs.wall_uv = round(uv_of(20.0)) + 3000
    bench.run(2)
    bench.inputs.wall_uv = round(uv_of(20.0))
    bench.run(4)
    assert abs(bench.sense.wall_mc - settled) <= 1


@pytest.mark.parametrize(("hz", "cycle_us"), [(50.0, 20000), (60.0, 16667), (47.0, 20000), (62.0, 16667)])
def test_frequency(hz: float, cycle_us: int) -> None:
    bench = Bench()
    bench.hz = hz
    bench.tick()
    assert bench.sense.cycle_us == 20000
    assert not bench.sense.mains_ok
    bench.run(1.2)
    assert bench.sense.cycle_us == cycle_us
    assert bench.sense.mains_ok


def test_mains_is_known_after_half_a_second() -> None:
    bench = Bench()
    assert not bench.run(0.4).mains_ok
    assert bench.run(0.2).mains_ok


@pytest.mark.parametrize(
    ("volts", "hz", "ok"),
    [
        (185.0, 50.0, True),
        (184.0, 50.0, False),
        (265.0, 50.0, True),
        (266.0, 50.0, False),
        (230.0, 46.0, True),
        (230.0, 43.0, False),
        (230.0, 64.0, True),
        (230.0, 67.0, False),
        (0.0, 0.0, False),
    ],
)
def test_mains_limits(volts: float, hz: float, ok: bool) -> None:
    bench = Bench()
    bench.volts = volts
    bench.hz = hz
    assert bench.run(3).mains_ok is ok


def test_lost_mains_is_seen_at_once_by_voltage_and_within_200_ms_by_crossings() -> None:
    bench = Bench()
    bench.run(2)
    bench.volts = 0.0
    assert not bench.tick().mains_ok
    bench = Bench()
    bench.run(2)
    bench.hz = 0.0
    assert not bench.run(0.2).mains_ok
    bench.hz = 50.0
    assert bench.run(1.1).mains_ok


def test_power_of_a_known_element() -> None:
    """400 W at 230 V, on for 3 of 5 half-cycles, at 241 V: 400 (241/230)^2 x 0.6 = 263.5 W."""
    bench = Bench()
    bench.volts = 241.0
    bench.share = 0.6
    bench.run(3)
    assert abs(bench.sense.full_dw - 4392) <= 5
    assert abs(bench.sense.power_dw - 2635) <= 27


def test_power_follows_within_a_second() -> None:
    bench = Bench()
    bench.share = 1.0
    bench.run(2)
    assert bench.sense.power_dw == 4000
    bench.share = 0.0
    bench.run(0.5)
    assert 1800 <= bench.sense.power_dw <= 2200
    bench.run(0.6)
    assert bench.sense.power_dw == 0


@pytest.mark.parametrize(("hz", "start_ms", "start_count"), [(50.0, 0, 0), (60.0, MASK - 3000, MASK - 700)])
def test_energy_is_the_sum_of_half_cycles(hz: float, start_ms: int, start_count: int) -> None:
    """A minute at full power is 24 kJ at 50 and 60 Hz, across the wrap of clock and counters too."""
    bench = Bench(start_ms, start_count)
    bench.hz = hz
    bench.run(2)
    bench.sense.reset_energy()
    bench.share = 1.0
    bench.run(60)
    assert abs(bench.sense.energy_dj - 240_000) <= 100
    assert abs(bench.sense.on_halves - hz * 120) <= 1
    bench.sense.reset_energy()
    assert bench.sense.energy_dj == bench.sense.on_halves == 0


def test_late_ticks_lose_no_energy() -> None:
    bench = Bench()
    bench.run(2)
    bench.sense.reset_energy()
    bench.share = 1.0
    for elapsed_ms in (50, 130, 50, 400, 70, 300):
        bench.tick(elapsed_ms)
    assert abs(bench.sense.energy_dj - 4000) <= 40
    # The mean over 20 ticks: 14 of 50 ms off, and this second on.
    assert abs(bench.sense.power_dw - 4000 * 1000 / 1700) <= 20


def test_element_setting() -> None:
    bench = Bench()
    bench.sense.element_dw = 6000
    bench.share = 1.0
    bench.run(2)
    assert bench.sense.power_dw == bench.sense.full_dw == 6000


@pytest.fixture(scope="module")
def _checked() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sense_module, "array", checked_array)
        yield


EXTREME_UV = st.sampled_from([0, 1, 142_000, 1_250_000, 2_500_000, 3_300_000])
COUNT = st.sampled_from([0, 1, 5, 12, 64, 1000, 1 << 20, MASK])


@pytest.mark.usefixtures("_checked")
@tries(60)
@given(st.lists(st.tuples(EXTREME_UV, EXTREME_UV, EXTREME_UV, COUNT, COUNT, st.integers(0, 2000)), max_size=45))
def test_no_input_leaves_the_small_integers(rows: list[tuple[int, int, int, int, int, int]]) -> None:
    """Whatever samples and counters do, with the largest element and the steepest correction: all stay below 2^30."""
    sense = Sense()
    sense.element_dw = 10_000
    sense.correct(3000, -3000, 3000)
    sense.correct_high(5000, 3000, 106_000)
    check_attributes(sense)
    inputs = Inputs()
    now_ms = CheckedInt(MASK - 500)
    for wall, reference, mains, crossings, load, elapsed in rows:
        now_ms = CheckedInt(add(now_ms, elapsed))
        inputs.sampled_ms = now_ms
        inputs.wall_uv = CheckedInt(wall)
        inputs.reference_uv = CheckedInt(reference)
        inputs.mains_uv = CheckedInt(mains)
        inputs.zero_cross = CheckedInt(crossings)
        inputs.load_halves = CheckedInt(load)
        sense.update(now_ms, inputs)
