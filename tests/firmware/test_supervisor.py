# SPDX-License-Identifier: Apache-2.0
"""The supervisor: every limit at its edge, then whole plants: how fast heat goes off, and that health trips nothing."""

import math
from collections.abc import Callable, Iterator

import pytest
from checked_int import CheckedInt, check_attributes, checked_array
from effort import tries
from heat_loop import HeatLoop, SmallPlant, TwinPlant
from hypothesis import given
from hypothesis import strategies as st
from small_boiler import uv_of

from podsteam_firmware.safety import dry as dry_module
from podsteam_firmware.safety import frozen as frozen_module
from podsteam_firmware.safety import noisy as noisy_module
from podsteam_firmware.safety import trend as trend_module
from podsteam_firmware.safety.dry import Dry
from podsteam_firmware.safety.load import Load
from podsteam_firmware.safety.ranges import Ranges
from podsteam_firmware.safety.supervisor import Supervisor
from podsteam_firmware.safety.trend import Trend
from podsteam_firmware.signals import Inputs
from podsteam_firmware.ticks import add
from podsteam_protocol import messages as m

MASK = 0x3FFFFFFF
SENSORS = ("wall", "water", "outlet")


class Bench:
    """Healthy inputs, tick by tick, to be spoiled by the test. `duty` is on in the burst and in the load."""

    def __init__(self, start_ms: int = 0, start_count: int = 0) -> None:
        self.supervisor = Supervisor()
        self.inputs = Inputs()
        self.now_ms = start_ms
        inputs = self.inputs
        inputs.reference_uv = 1_250_000
        inputs.wall_uv = inputs.water_uv = inputs.outlet_uv = round(uv_of(20.0))
        inputs.mains_uv = 1_150_000
        inputs.zero_cross = inputs.load_halves = inputs.burst_halves = start_count
        self.heat = True
        self.valve = False
        self.burst = self.load = 0
        self.crossings = 5
        self.warming_uv = 0
        self.age_ms = 0

    def tick(self, elapsed_ms: int = 50) -> Supervisor:
        inputs = self.inputs
        self.now_ms = add(self.now_ms, elapsed_ms)
        inputs.sampled_ms = add(self.now_ms, -self.age_ms)
        inputs.zero_cross = (inputs.zero_cross + self.crossings * elapsed_ms // 50) & MASK
        inputs.burst_halves = (inputs.burst_halves + self.burst) & MASK
        inputs.load_halves = (inputs.load_halves + self.load) & MASK
        if self.supervisor.weld.testing:
            self.supervisor.weld.pattern()
        inputs.wall_uv -= self.warming_uv
        self.supervisor.step(self.now_ms, inputs, self.heat, self.valve)
        return self.supervisor

    def run(self, ticks: int) -> Supervisor:
        for _ in range(ticks):
            self.tick()
        return self.supervisor

    def allowed(self) -> "Bench":
        """Run until heat is allowed."""
        assert self.run(20).allow
        return self

    def ticks_to_fault(self, most: int = 2000) -> int:
        for i in range(1, most + 1):
            if self.tick().fault:
                return i
        return 0


def assert_off(supervisor: Supervisor) -> None:
    assert not supervisor.allow
    assert not supervisor.allow_valve
    assert not supervisor.relay


# Allowing ---------------------------------------------------------------------------------------------------


def test_relay_first_heat_after_400_ms() -> None:
    """First the relay is tested, for 250 ms; then it has time to close, and a welded SSR to show itself."""
    bench = Bench()
    assert_off(bench.supervisor)
    ticks = tests = 0
    while not bench.tick().allow:
        if bench.supervisor.relay:
            ticks += 1
        else:
            assert bench.supervisor.weld.testing
            tests += 1
    assert (tests, ticks) == (5, 8)
    assert bench.supervisor.fault == 0


def test_nothing_is_allowed_when_nothing_is_wanted() -> None:
    bench = Bench()
    bench.heat = False
    for _ in range(100):
        assert_off(bench.tick())
    assert bench.supervisor.fault == 0


def test_settling_starts_again_after_a_pause() -> None:
    bench = Bench().allowed()
    bench.heat = False
    assert_off(bench.tick())
    bench.heat = True
    # The relay may still be closed for 300 ms; then it is tested.
    for _ in range(10):
        assert_off(bench.tick())
    assert bench.run(2).relay
    assert not bench.supervisor.allow


def test_valve_alone_gets_relay_and_valve_but_no_heat() -> None:
    bench = Bench()
    bench.heat = False
    bench.valve = True
    bench.run(20)
    assert bench.supervisor.relay
    assert bench.supervisor.allow_valve
    assert not bench.supervisor.allow


def test_heat_alone_gets_no_valve() -> None:
    assert not Bench().allowed().supervisor.allow_valve


# Sensors ----------------------------------------------------------------------------------------------------


def test_limits_are_the_temperatures_they_claim() -> None:
    """Each limit in uV, computed again from the Beta equation."""
    for module, name, celsius in (
        ("ranges", "_OPEN_UV", -10.0),
        ("ranges", "_HOT_UV", 133.0),
        ("supervisor", "_COOL_UV", 50.0),
        ("dry", "_RUNAWAY_UV", 114.0),
        ("dry", "_RUNAWAY_GROWN_UV", 124.0),
        ("dry", "_BOILING_UV", 85.0),
    ):
        loaded = __import__("podsteam_firmware.safety." + module, fromlist=[name])
        assert abs(getattr(loaded, name) - uv_of(celsius)) <= 500, name


@pytest.mark.parametrize(("index", "sensor"), list(enumerate(SENSORS)))
@pytest.mark.parametrize(
    ("good", "bad", "code"),
    [(2_409_000, 2_409_001, m.CODE_WALL_OPEN), (160_000, 159_999, m.CODE_WALL_SHORT)],
)
def test_sensor_open_and_short(index: int, sensor: str, good: int, bad: int, code: int) -> None:
    bench = Bench().allowed()
    name = sensor + "_uv"
    fine = getattr(bench.inputs, name)
    if sensor == "wall" and code == m.CODE_WALL_SHORT:
        good = 296_000
    setattr(bench.inputs, name, good)
    assert bench.run(3).fault == 0
    for reading in (bad, bad, fine, bad, bad):
        setattr(bench.inputs, name, reading)
        bench.tick()
        assert bench.supervisor.allow is (reading == fine)
        assert bench.supervisor.fault == 0
    assert bench.tick().fault == code + 2 * index
    assert bench.supervisor.fault_detail == bad
    assert_off(bench.supervisor)


def test_codes_of_the_sensors_lie_as_the_supervisor_counts_them() -> None:
    assert m.CODE_WALL_SHORT == m.CODE_WALL_OPEN + 1
    assert (m.CODE_WATER_OPEN, m.CODE_WATER_SHORT) == (m.CODE_WALL_OPEN + 2, m.CODE_WALL_OPEN + 3)
    assert (m.CODE_OUTLET_OPEN, m.CODE_OUTLET_SHORT) == (m.CODE_WALL_OPEN + 4, m.CODE_WALL_OPEN + 5)


def test_grounded_input_of_an_adc_that_cannot_read_low_is_a_short() -> None:
    bench = Bench().allowed()
    bench.inputs.wall_uv = 142_000
    assert bench.ticks_to_fault() == 3
    assert bench.supervisor.fault == m.CODE_WALL_SHORT


@pytest.mark.parametrize(("good", "bad"), [(1_200_000, 1_199_999), (1_300_000, 1_300_001)])
def test_reference(good: int, bad: int) -> None:
    bench = Bench().allowed()
    bench.inputs.reference_uv = good
    assert bench.run(5).allow
    bench.inputs.reference_uv = bad
    assert not bench.tick().allow
    assert bench.ticks_to_fault() == 2
    assert bench.supervisor.fault == m.CODE_REFERENCE
    assert bench.supervisor.fault_detail == bad


def test_wrong_reference_is_told_before_the_sensors_it_spoils() -> None:
    bench = Bench().allowed()
    bench.inputs.reference_uv = 0
    bench.inputs.wall_uv = bench.inputs.water_uv = 0
    bench.run(3)
    assert bench.supervisor.fault == m.CODE_REFERENCE


def test_range_fault_may_last_for_hours() -> None:
    """Nothing overflows while readings stay bad: 300 ticks and more fit no byte."""
    bench = Bench().allowed()
    bench.inputs.reference_uv = 0
    bench.inputs.wall_uv = 0
    bench.inputs.outlet_uv = 2_500_000
    bench.run(600)
    assert bench.supervisor.fault == m.CODE_REFERENCE


@pytest.mark.parametrize("pattern", ["11", "101"])
def test_over_temperature_two_of_three(pattern: str) -> None:
    bench = Bench().allowed()
    for i, hot in enumerate(pattern):
        bench.inputs.wall_uv = 295_700 if hot == "1" else 296_000
        assert bench.supervisor.fault == 0
        bench.tick()
        if hot == "1":
            assert not bench.supervisor.allow
        assert (bench.supervisor.fault != 0) is (i == len(pattern) - 1)
    assert bench.supervisor.fault == m.CODE_OVER_TEMPERATURE
    assert bench.supervisor.fault_detail == 295_700


def test_hot_readings_far_apart_are_no_over_temperature() -> None:
    bench = Bench().allowed()
    for reading in (295_700, 296_000, 296_000, 295_700, 296_000, 296_000):
        bench.inputs.wall_uv = reading
        bench.tick()
    assert bench.supervisor.fault == 0


@pytest.mark.parametrize(("age_ms", "fault"), [(150, 0), (151, m.CODE_SAMPLES_STALE), (-150, 0), (-151, 115)])
def test_stale_samples(age_ms: int, fault: int) -> None:
    bench = Bench().allowed()
    bench.heat = False
    bench.age_ms = age_ms
    assert bench.tick().fault == fault
    if fault:
        assert bench.supervisor.fault_detail == age_ms
        assert_off(bench.supervisor)


# Load sense -------------------------------------------------------------------------------------------------


def test_element_open() -> None:
    """10 half-cycles of current missing: 100 ms at full power."""
    bench = Bench().allowed()
    bench.burst = 5
    assert bench.ticks_to_fault() == 2
    assert bench.supervisor.fault == m.CODE_ELEMENT_OPEN
    assert bench.supervisor.fault_detail == 10


def test_half_the_current_missing_is_an_open_element_too() -> None:
    bench = Bench().allowed()
    bench.burst, bench.load, bench.warming_uv = 4, 2, 900
    assert bench.ticks_to_fault() == 5
    assert bench.supervisor.fault == m.CODE_ELEMENT_OPEN


def test_welded_relay_is_found_within_100_ms_when_off() -> None:
    bench = Bench().allowed()
    bench.load = 5
    assert bench.ticks_to_fault() == 1
    assert bench.supervisor.fault == m.CODE_SSR_WELDED
    assert bench.supervisor.fault_detail == -5


def test_welded_relay_is_found_at_full_power_by_the_cycle_left_out() -> None:
    bench = Bench().allowed()
    bench.warming_uv = 900
    seconds = 0.0
    while not bench.supervisor.fault:
        seconds += 0.05
        bench.load = 5
        bench.burst = 3 if math.isclose(seconds % 2, 0.05, abs_tol=0.01) else 5
        if seconds > 20:
            bench.inputs.wall_uv = 900_000
        bench.tick()
        assert seconds < 10
    assert bench.supervisor.fault == m.CODE_SSR_WELDED


def test_counters_read_a_moment_apart_are_no_fault() -> None:
    """One half-cycle early or late, for 20 min, and a miscount every 20 s."""
    bench = Bench().allowed()
    bench.inputs.wall_uv = bench.inputs.water_uv = 700_000
    for i in range(24_000):
        skew = (0, 1, -1, 1, 0, -1)[i % 6]
        bench.burst = 3 + max(skew, 0)
        bench.load = 3 + max(-skew, 0)
        if i % 400 == 399:
            bench.load += 1 if i % 800 == 399 else -1
        bench.tick()
        assert bench.supervisor.fault == 0, i


def test_each_aborted_burst_may_conduct_one_half_cycle_more() -> None:
    bench = Bench().allowed()
    for i in range(1200):
        bench.load = 1 if i % 200 == 0 else 0
        bench.tick()
    assert bench.supervisor.fault == 0


def test_no_judgement_on_the_load_without_mains() -> None:
    bench = Bench().allowed()
    bench.inputs.mains_uv = 0
    bench.crossings = 0
    bench.burst = 5
    bench.run(20)
    assert bench.supervisor.fault == 0
    assert not bench.supervisor.allow


class LoadBench:
    """A `Load` and its counters."""

    def __init__(self) -> None:
        self.load = Load()
        self.inputs = Inputs()
        self.inputs.burst_halves = self.inputs.load_halves = 700
        assert self.step(0, 0) == 0

    def step(self, commanded: int, counted: int, mains: bool = True) -> int:
        self.inputs.burst_halves += commanded
        self.inputs.load_halves += counted
        code = self.load.step(self.inputs, mains)
        assert self.load.commanded == commanded
        return code

    def odd(self, commanded: int, counted: int, times: int) -> int:
        """So many ticks like that; a second between two of them where too much flows. Nothing is found. Returns the
        ticks that it took."""
        pause = 20 if counted > commanded else 0
        for tick in range(times * (1 + pause)):
            first = tick % (1 + pause) == 0
            assert self.step(commanded if first else 0, counted if first else 0) == 0
        return times * (1 + pause)


def test_edges_of_what_flows_too_much() -> None:
    """4 half-cycles, but not at once, are nothing, 5 are a fault; the sum starts from 0 after that, and after a time
    without mains."""
    bench = LoadBench()
    bench.odd(0, 1, 4)
    assert bench.step(0, 1) == m.CODE_SSR_WELDED
    assert bench.load.detail == -5
    bench.odd(0, 1, 4)
    assert bench.step(0, 0, mains=False) == 0
    bench.odd(0, 1, 4)
    assert bench.step(0, 1) == m.CODE_SSR_WELDED


@pytest.mark.parametrize("ticks", [(4,), (2, 2), (1, 2, 1), (3, 0, 0, 1)])
def test_four_half_cycles_too_many_within_a_second_are_certain(ticks: tuple[int, ...]) -> None:
    bench = LoadBench()
    for counted in ticks[:-1]:
        assert bench.step(0, counted) == 0
    assert bench.step(0, ticks[-1]) == m.CODE_SSR_WELDED
    assert bench.load.detail == -4
    bench = LoadBench()
    assert bench.step(0, 3) == 0


def test_edges_of_what_is_missing() -> None:
    """9 half-cycles are nothing, 10 are a fault; the sum starts from 0 after that, and after a time without mains."""
    bench = LoadBench()
    assert bench.step(9, 0) == 0
    assert bench.step(1, 0) == m.CODE_ELEMENT_OPEN
    assert bench.load.detail == 10
    assert bench.step(9, 0) == 0
    assert bench.step(0, 0, mains=False) == 0
    assert bench.step(9, 0) == 0
    assert bench.step(1, 0) == m.CODE_ELEMENT_OPEN


def test_too_many_and_too_few_cancel() -> None:
    bench = LoadBench()
    for _ in range(20):
        assert bench.step(3, 0) == 0
        assert bench.step(0, 3) == 0
    assert bench.step(9, 0) == 0
    assert bench.step(0, 9) == m.CODE_SSR_WELDED


@pytest.mark.parametrize(("commanded", "counted", "edge"), [(0, 1, 4), (1, 0, 9)])
def test_one_half_cycle_is_forgotten_in_eight_seconds(commanded: int, counted: int, edge: int) -> None:
    bench = LoadBench()
    gone = 1 + bench.odd(commanded, counted, edge)
    # With the first tick that makes 159. The next one forgets, and takes one half-cycle more for it.
    for _ in range(159 - gone):
        assert bench.step(0, 0) == 0
    assert bench.step(commanded, counted) == 0
    assert bench.step(commanded, counted) != 0
    bench = LoadBench()
    bench.odd(commanded, counted, edge)
    for _ in range(158 - gone):
        assert bench.step(0, 0) == 0
    assert bench.step(commanded, counted) != 0
    # A minute forgets 7, not more, and never less than nothing.
    bench = LoadBench()
    assert bench.step(commanded, counted) == 0
    for _ in range(1300):
        assert bench.step(0, 0) == 0
    bench.odd(commanded, counted, edge)
    assert bench.step(commanded, counted) != 0
    bench = LoadBench()
    for _ in range(640):
        assert bench.step(0, 0) == 0
    bench.odd(commanded, counted, edge)
    for _ in range(321):
        assert bench.step(0, 0) == 0
    assert bench.step(2 * commanded, 2 * counted) == 0
    assert bench.step(commanded, counted) != 0


def test_counter_set_back_is_not_taken_for_current() -> None:
    load = Load()
    inputs = Inputs()
    inputs.burst_halves = inputs.load_halves = 5000
    assert load.step(inputs, True) == 0
    inputs.burst_halves = inputs.load_halves = 0
    assert load.step(inputs, True) == 0
    assert load.commanded == 64


def test_load_fault_does_not_come_back_by_itself() -> None:
    load = Load()
    inputs = Inputs()
    load.step(inputs, True)
    inputs.load_halves = 30
    assert load.step(inputs, True) == m.CODE_SSR_WELDED
    assert load.step(inputs, True) == 0


# Mains ------------------------------------------------------------------------------------------------------


def test_mains_lost_by_voltage_is_a_stop_not_a_fault() -> None:
    bench = Bench().allowed()
    bench.inputs.mains_uv = 849_999
    assert not bench.tick().allow
    assert bench.supervisor.mains_lost
    assert bench.supervisor.relay
    bench.inputs.mains_uv = 850_000
    assert bench.tick().allow
    assert bench.supervisor.fault == 0


def test_mains_lost_by_crossings_takes_two_ticks() -> None:
    bench = Bench().allowed()
    bench.crossings = 2
    assert bench.tick().allow
    assert not bench.tick().allow
    assert bench.supervisor.mains_lost
    bench.crossings = 3
    assert bench.tick().allow


# Heating failed ---------------------------------------------------------------------------------------------


def test_heating_failed_takes_less_than_four_seconds() -> None:
    bench = Bench().allowed()
    bench.run(60)
    bench.burst = bench.load = 5
    ticks = bench.ticks_to_fault()
    assert bench.supervisor.fault == m.CODE_HEATING_FAILED
    assert 66 <= ticks <= 75
    assert bench.supervisor.fault_detail == 0


# On-time, lease, latch --------------------------------------------------------------------------------------


def test_thirty_minutes_and_no_more() -> None:
    bench = Bench()
    bench.tick(50)
    for _ in range(3600):
        bench.tick(500)
        bench.age_ms = 0
        assert bench.supervisor.fault == 0
    bench.tick(50)
    assert bench.supervisor.fault == m.CODE_MAX_ON_TIME
    assert bench.supervisor.fault_detail == 1_800_050


@pytest.mark.parametrize(("rest_s", "fault"), [(55, m.CODE_MAX_ON_TIME), (65, 0)])
def test_on_time_survives_a_short_pause(rest_s: int, fault: int) -> None:
    bench = Bench()
    for heat, seconds in ((True, 1000), (False, rest_s), (True, 1000)):
        bench.heat = heat
        for _ in range(seconds * 2):
            bench.tick(500)
    assert bench.supervisor.fault == fault


@pytest.mark.parametrize(("heat_s", "rest"), [(899, 0), (901, 1), (1769, 1), (1771, 2)])
def test_a_rest_is_told_before_thirty_minutes_are_over(heat_s: int, rest: int) -> None:
    bench = Bench()
    for _ in range(heat_s * 2):
        bench.tick(500)
    assert (bench.supervisor.rest, bench.supervisor.fault) == (rest, 0)
    bench.heat = False
    for seconds, left in ((59, rest), (2, 0)):
        for _ in range(seconds * 2):
            bench.tick(500)
        assert bench.supervisor.rest == left


def test_a_fault_ends_the_relays_test() -> None:
    supervisor = Supervisor()
    supervisor.weld.testing = supervisor.weld.passed = True
    supervisor.trip(m.CODE_CLOCK, 0)
    assert not (supervisor.weld.testing or supervisor.weld.passed)


@pytest.mark.parametrize(("on_ms", "rest"), [(900_000, 0), (900_001, 1), (1_770_000, 1), (1_770_001, 2)])
def test_a_rest_is_told_in_its_millisecond(on_ms: int, rest: int) -> None:
    supervisor = Supervisor()
    supervisor._on_ms = on_ms
    supervisor._tire()
    assert supervisor.rest == rest


@pytest.mark.parametrize(("permille", "rest"), [(500, 0), (501, 1), (980, 1), (981, 2)])
def test_a_rest_is_told_before_the_energy_is_spent(permille: int, rest: int) -> None:
    bench = Bench()
    bench.tick(50)
    budget = bench.supervisor._budget  # pyright: ignore[reportPrivateUsage]
    budget.energy = permille * 1500 * budget.rate
    budget._energy_inverse = ~budget.energy  # pyright: ignore[reportPrivateUsage]
    bench.tick(50)
    assert (bench.supervisor.rest, bench.supervisor.fault) == (rest, 0)


def test_a_fault_that_is_cleared_begins_the_rest_anew() -> None:
    bench = Bench()
    for _ in range(1850):
        bench.tick(500)
    bench.supervisor.trip(m.CODE_DRY_BOIL, 0)
    bench.inputs.wall_uv = bench.inputs.water_uv = 2_000_000
    assert bench.supervisor.clear(bench.now_ms, bench.inputs)
    assert bench.supervisor.rest == 0


@pytest.mark.parametrize("start_ms", [0, MASK - 900])
def test_lease(start_ms: int) -> None:
    """On the tick the lease lapses: no heat, no dose, no fault; and no renewal brings it back. Across the wrap too."""
    bench = Bench(start_ms).allowed()
    bench.valve = True
    supervisor = bench.supervisor
    supervisor.lease_begin(bench.now_ms, 1500)
    assert bench.run(29).allow
    supervisor.lease_renew(bench.now_ms, 1500)
    assert bench.run(29).allow
    assert supervisor.allow_valve
    bench.tick()
    assert not supervisor.allow
    assert not supervisor.allow_valve
    assert supervisor.lease_lost
    assert supervisor.fault == 0
    supervisor.lease_renew(bench.now_ms, 1500)
    assert not bench.tick().allow
    supervisor.lease_begin(bench.now_ms, 1500)
    assert bench.tick().allow
    supervisor.lease_end()
    assert bench.run(100).allow
    supervisor.lease_renew(bench.now_ms, 1)
    assert bench.run(10).allow
    assert not supervisor.lease_lost


@pytest.mark.parametrize("renew", [False, True])
def test_no_lease_is_longer_than_two_seconds(renew: bool) -> None:
    bench = Bench().allowed()
    bench.supervisor.lease_begin(bench.now_ms, 60_000 if not renew else 1000)
    if renew:
        bench.supervisor.lease_renew(bench.now_ms, 60_000)
    assert bench.run(39).allow
    assert not bench.tick().allow


def test_first_fault_stays() -> None:
    bench = Bench().allowed()
    bench.supervisor.trip(m.CODE_CHECKPOINT, 3)
    assert_off(bench.supervisor)
    bench.supervisor.trip(m.CODE_EXCEPTION, 4)
    bench.inputs.wall_uv = 2_500_000
    bench.run(10)
    assert (bench.supervisor.fault, bench.supervisor.fault_detail) == (m.CODE_CHECKPOINT, 3)
    assert_off(bench.supervisor)


def test_clear_only_when_cool_and_readable() -> None:
    bench = Bench().allowed()
    supervisor = bench.supervisor
    supervisor.trip(m.CODE_DRY_BOIL, 470_000)
    for uv, cleared in ((1_549_799, False), (2_409_001, False), (100_000, False), (2_409_000, True)):
        bench.inputs.wall_uv = uv
        bench.inputs.sampled_ms = bench.now_ms
        assert supervisor.clear(bench.now_ms, bench.inputs) is cleared
        assert (supervisor.fault == 0) is cleared
    supervisor.trip(m.CODE_DRY_BOIL, 470_000)
    bench.inputs.sampled_ms = add(bench.now_ms, -151)
    assert not supervisor.clear(bench.now_ms, bench.inputs)
    bench.inputs.sampled_ms = bench.now_ms
    bench.inputs.wall_uv = 1_549_800
    assert supervisor.clear(bench.now_ms, bench.inputs)
    assert supervisor.fault_detail == 0
    assert_off(supervisor)
    bench.inputs.wall_uv = round(uv_of(20.0))
    assert bench.run(20).allow


def test_cause_that_is_still_there_latches_again() -> None:
    bench = Bench().allowed()
    bench.inputs.outlet_uv = 2_450_000
    bench.run(5)
    bench.inputs.sampled_ms = bench.now_ms
    assert bench.supervisor.clear(bench.now_ms, bench.inputs)
    assert bench.ticks_to_fault() <= 3
    assert bench.supervisor.fault == m.CODE_OUTLET_OPEN


def test_memory_is_kept_twice() -> None:
    """A latch or a time that changed by itself is a fault of its own."""
    for spoil in ("fault", "_fault_inverse", "_on_ms", "_on_inverse"):
        bench = Bench().allowed()
        setattr(bench.supervisor, spoil, getattr(bench.supervisor, spoil) ^ 64)
        bench.tick()
        assert bench.supervisor.fault == m.CODE_MEMORY
        assert_off(bench.supervisor)
    bench = Bench().allowed()
    bench.supervisor.trip(m.CODE_DRY_BOIL, 1)
    bench.supervisor.fault = 0
    bench.tick()
    assert bench.supervisor.fault == m.CODE_MEMORY


# Dry boil: the rules ------------------------------------------------------------------------------------------


def judge(
    dry: Dry,
    celsius: Callable[[float], float],
    seconds: float,
    halves: Callable[[float], int],
    water: Callable[[float], float] = lambda _: 100.0,
) -> float | None:
    """Seconds until a rule fires, or None; for wall, water and power over time."""
    for i in range(int(seconds * 20)):
        if dry.step(round(uv_of(celsius(i / 20))), round(uv_of(water(i / 20))), halves(i / 20)):
            return i / 20
    return None


def test_wall_leaving_its_plateau() -> None:
    """105 degC for 30 s, then 0.3 K/s: found 3 to 4 K over the plateau."""
    found = judge(Dry(), lambda s: 105.0 + max(0.0, s - 30) * 0.3, 80, lambda s: 3)
    assert found is not None
    assert 3.0 <= (found - 30) * 0.3 <= 4.2


def test_plateau_is_not_left_by_noise_drift_or_more_power() -> None:
    assert judge(Dry(), lambda s: 105.0 + math.sin(s), 120, lambda s: 3) is None
    assert judge(Dry(), lambda s: 105.0 + 0.004 * s, 300, lambda s: 3) is None
    assert judge(Dry(), lambda s: 105.0 + (6 if s > 40 else 0), 120, lambda s: 2 if s < 39 else 5) is None
    # Water that still warms takes the wall with it: slowly all the time, or 1 K after a pause.
    assert judge(Dry(), lambda s: 95.0 + 0.12 * s, 90, lambda s: 3, lambda s: 60.0 + 0.3 * s) is None
    late = judge(Dry(), lambda s: 95.0 + max(0.0, s - 30) * 0.1, 90, lambda s: 3, lambda s: 85.0 + max(0, s - 30) * 0.1)
    assert late is None
    assert judge(Dry(), lambda s: 80.0 + max(0.0, s - 30) * 0.3, 46, lambda s: 3) is None


def test_wall_of_an_empty_boiler_runs_away() -> None:
    """3.5 K/s from cold: found within 1 s of 114 degC. The same path dying away towards 120 degC is a plateau."""
    found = judge(Dry(), lambda s: 20.0 + 3.5 * s, 60, lambda s: 5)
    assert found is not None
    assert 114.0 <= 20 + 3.5 * found <= 118.0
    assert judge(Dry(), lambda s: 120.0 - 100.0 * math.exp(-s / 6), 60, lambda s: 5) is None


def test_after_more_power_the_wall_may_rise_for_a_while() -> None:
    step = judge(Dry(), lambda s: 110.0 + min(max(0.0, s - 20) * 2, 12.0), 60, lambda s: 1 if s < 20 else 5)
    assert step is None
    found = judge(Dry(), lambda s: 110.0 + max(0.0, s - 20) * 2, 60, lambda s: 1 if s < 20 else 5)
    assert found is not None
    assert 110 + (found - 20) * 2 <= 128


def test_no_power_no_dry_boil() -> None:
    assert judge(Dry(), lambda s: 20.0 + 3.5 * s, 30, lambda s: 0) is None


# Whole plants -------------------------------------------------------------------------------------------------


def run_dry(loop: HeatLoop, rate_mg_min: int, dry_g: float) -> tuple[float, float]:
    """Steam until the boiler is dry. Seconds from the wall 5 K over its plateau to the fault (negative: before),
    and the hottest wall."""
    loop.heat.steam(rate_mg_min)
    plateau, over_s = 0.0, 0.0
    while not loop.supervisor.fault:
        loop.tick()
        row = loop.rows[-1]
        assert row.s < 1700
        if row.water_g > dry_g and row.regime == m.REGIME_STEAM:
            plateau = row.wall
        elif plateau and not over_s and row.wall > plateau + 5:
            over_s = row.s
    found_s = loop.seconds
    assert loop.supervisor.fault == m.CODE_DRY_BOIL
    loop.run(30)
    assert loop.rows[-1].power_dw == 0
    return (found_s - over_s if over_s else -1.0), max(row.wall for row in loop.rows)


@pytest.mark.parametrize("rate", [3000, 6000, 8000])
@pytest.mark.parametrize("changes", [{}, {"wall_lag_s": 3.0, "water_lag_s": 8.0}, {"altitude_m": 3000.0}])
def test_dry_boil_on_the_simulated_board(rate: int, changes: dict[str, float]) -> None:
    """Off at most 5 s after the true wall is 5 K over its plateau; the wall never passes 140 degC."""
    late, peak = run_dry(HeatLoop(TwinPlant(water_g=20.0, **changes)), rate, 8.5)
    assert late <= 5.0
    assert peak <= 120


@pytest.mark.parametrize("rate", [1500, 6000])
def test_dry_boil_on_the_second_boiler(rate: int) -> None:
    late, peak = run_dry(HeatLoop(SmallPlant(water_g=20.0)), rate, 6.5)
    assert late <= 5.0
    assert peak <= 120


@pytest.mark.parametrize("watts", [300.0, 400.0, 600.0])
def test_empty_boiler_under_full_power_without_any_probe(watts: float) -> None:
    """A controller that heats an empty boiler and notices nothing: the supervisor alone keeps the wall below 140."""
    loop = HeatLoop(TwinPlant(water_g=0.0, start_c=50.0, wall_lag_s=3.0, element_w=watts), element_w=watts)
    loop.heat.steam(6000)
    assert loop.run(120, lambda: loop.supervisor.fault != 0)
    loop.run(30)
    assert loop.supervisor.fault == m.CODE_DRY_BOIL
    assert max(row.wall for row in loop.rows) <= 140


HEALTHY = [
    {"element_w": 300.0},
    {"element_w": 400.0, "altitude_m": 3000.0, "wall_lag_s": 3.0},
    {"element_w": 600.0},
    {"element_w": 600.0, "altitude_m": 3000.0},
    {"element_w": 600.0, "area_m2": 0.003, "wall_lag_s": 3.0, "adc_noise_uv": 1500.0},
    {"element_w": 600.0, "scale_mm": 0.1, "wall_j_k": 60.0},
    {"element_w": 300.0, "wall_j_k": 150.0, "element_j_k": 40.0, "element_wall_w_k": 12.0, "wall_lag_s": 3.0},
    {"element_w": 400.0, "mains_v": 207.0, "water_g": 15.0},
    {"element_w": 400.0, "mains_v": 253.0, "mains_mhz": 60000, "start_c": 5.0, "ambient_c": 10.0},
]


@pytest.mark.parametrize("changes", HEALTHY)
@pytest.mark.parametrize("start_ms", [0, MASK - 40_000])
def test_no_false_trip(changes: dict[str, float], start_ms: int) -> None:
    """Heat-up, steam up and down, a cold refill, pause, hold: nothing trips from 0 to 3000 m, 300 to 600 W."""
    plant = TwinPlant(**changes)
    loop = HeatLoop(plant, start_ms, element_w=changes["element_w"])
    for rate, seconds in ((5000, 130), (1500, 40), (8000, 40)):
        loop.heat.steam(rate)
        loop.run(seconds)
        if plant.boiler.water_g < 14:
            plant.boiler.add_water(20.0, 15.0)
    loop.heat.off()
    loop.run(10)
    loop.heat.hold(88_000)
    loop.run(60)
    loop.heat.steam(4000)
    loop.run(40)
    assert loop.supervisor.fault == 0
    assert not loop.heat.probe_dry
    assert any(row.steam_ok for row in loop.rows)


@pytest.mark.parametrize(
    ("fault", "code", "seconds"),
    [
        ("wall open", m.CODE_WALL_OPEN, 0.2),
        ("water short", m.CODE_WATER_SHORT, 0.2),
        ("outlet open", m.CODE_OUTLET_OPEN, 0.2),
        ("reference", m.CODE_REFERENCE, 0.2),
        ("element", m.CODE_ELEMENT_OPEN, 0.3),
        ("welded", m.CODE_SSR_WELDED, 0.5),
    ],
)
def test_faults_on_the_simulated_board_in_steady_steam(fault: str, code: int, seconds: float) -> None:
    plant = TwinPlant()
    loop = HeatLoop(plant)
    loop.heat.steam(6000)
    loop.run(110)
    if fault == "element":
        plant.heater.ssr_open = True
    elif fault == "welded":
        plant.heater.ssr_welded = True
    elif fault == "reference":
        plant.sensors.reference_error = -0.06
    else:
        name, kind = fault.split()
        getattr(plant.sensors, name).fault = kind
    assert loop.run(seconds, lambda: loop.supervisor.fault != 0)
    assert loop.supervisor.fault == code
    loop.run(2)
    assert loop.rows[-1].power_dw == 0


def test_welded_relay_at_start_is_found_before_any_heat_is_asked_for() -> None:
    plant = TwinPlant()
    plant.heater.ssr_welded = True
    loop = HeatLoop(plant)
    loop.heat.steam(6000)
    assert loop.run(0.5, lambda: loop.supervisor.fault != 0)
    assert loop.supervisor.fault == m.CODE_SSR_WELDED
    loop.run(1)
    # Nothing but the tests of the relay was commanded, at the start and before heat.
    assert plant.heater.burst_halves == 4
    assert not plant.heater.relay_closed(plant._us)


def test_welded_relay_at_full_power_on_the_simulated_board() -> None:
    plant = TwinPlant()
    loop = HeatLoop(plant)
    loop.heat.steam(6000)
    loop.run(20)
    plant.heater.ssr_welded = True
    assert loop.run(8, lambda: loop.supervisor.fault != 0)
    assert loop.supervisor.fault == m.CODE_SSR_WELDED


def test_wall_sensor_that_came_off_during_heat_up() -> None:
    plant = TwinPlant()
    loop = HeatLoop(plant)
    loop.heat.steam(6000)
    loop.run(8)
    plant.boiler.wall_contact = 0.0
    assert loop.run(12, lambda: loop.supervisor.fault != 0)
    assert loop.supervisor.fault == m.CODE_HEATING_FAILED


# Small integers -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _checked() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (dry_module, frozen_module, noisy_module, trend_module):
            patch.setattr(module, "array", checked_array)
        yield


UV = st.sampled_from([0, 150_000, 300_000, 400_000, 500_000, 700_000, 1_250_000, 2_300_000, 2_500_000, 3_300_000])
COUNT = st.sampled_from([0, 1, 5, 64, 1 << 20, MASK])


@pytest.mark.usefixtures("_checked")
@tries(60)
@given(
    st.lists(
        st.tuples(UV, UV, UV, COUNT, COUNT, COUNT, st.integers(0, 2000), st.integers(1, 40)),
        min_size=1,
        max_size=12,
    )
)
def test_no_input_leaves_the_small_integers(rows: list[tuple[int, int, int, int, int, int, int, int]]) -> None:
    supervisor = Supervisor()
    check_attributes(supervisor)
    for thing in vars(supervisor).values():
        if hasattr(thing, "__dict__"):
            check_attributes(thing)
    inputs = Inputs()
    now_ms = CheckedInt(MASK - 3000)
    supervisor.lease_begin(now_ms, CheckedInt(1500))
    for wall, reference, mains, crossings, load, burst, elapsed, ticks in rows:
        for i in range(ticks):
            now_ms = CheckedInt(add(now_ms, elapsed))
            inputs.sampled_ms = now_ms
            inputs.wall_uv = inputs.water_uv = inputs.outlet_uv = CheckedInt(wall)
            inputs.reference_uv = CheckedInt(reference)
            inputs.mains_uv = CheckedInt(mains)
            inputs.zero_cross = CheckedInt((crossings + 5 * i) & MASK)
            inputs.load_halves = CheckedInt((load + 5 * i) & MASK)
            inputs.burst_halves = CheckedInt((burst + 5 * i) & MASK)
            supervisor.step(now_ms, inputs, True, True)


@pytest.mark.usefixtures("_checked")
@given(st.lists(st.tuples(UV, st.integers(0, 64)), min_size=20, max_size=120))
def test_detectors_alone_stay_small(rows: list[tuple[int, int]]) -> None:
    """Without the range check before them, which would hide most."""
    dry, trend, ranges, inputs = Dry(), Trend(), Ranges(), Inputs()
    for thing in (dry, trend, ranges):
        check_attributes(thing)
    for uv, halves in rows:
        for _ in range(5):
            dry.step(CheckedInt(uv), CheckedInt(uv), CheckedInt(halves))
            trend.step(inputs, CheckedInt(halves), CheckedInt(5))
        inputs.wall_uv = inputs.water_uv = CheckedInt(uv)
        ranges.step(inputs)
