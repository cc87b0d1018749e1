# SPDX-License-Identifier: Apache-2.0
"""The supervisor asks each detector, with what it needs, and trips with its code and its reading."""

from typing import Any

import pytest

from podsteam_firmware.safety.supervisor import Supervisor
from podsteam_firmware.signals import Inputs
from podsteam_protocol import messages as m


class Finds:
    """In the place of a detector: finds something at its call number `at`, and keeps what it was asked with."""

    def __init__(self, result: Any, at: int = 0) -> None:
        self.result = result
        self.at = at
        self.asked: list[tuple[Any, ...]] = []
        self.detail = 4711
        self.energy = 4711
        self.rate = 0
        self.sound = False
        self.near = False
        self.commanded = self.counted = 0
        self.doubt = False
        self.testing = self.passed = False
        self.pattern = int
        self.settled = 0

    def step(self, *asked: Any) -> Any:
        self.asked.append(asked)
        return self.result if len(self.asked) == self.at + 1 else type(self.result)(0)

    def spent(self) -> int:
        return 0

    def restart(self) -> None:
        self.settled += 1

    def settle(self) -> None:
        self.settled += 1

    def stop(self) -> None:
        pass


class Bench:
    """A supervisor on healthy inputs in the middle of heat."""

    def __init__(self, **detectors: Any) -> None:
        self.supervisor = Supervisor()
        self.inputs = Inputs()
        self.inputs.reference_uv = 1_250_000
        self.inputs.wall_uv = self.inputs.water_uv = self.inputs.outlet_uv = 700_000
        self.inputs.mains_uv = 1_150_000
        self.now_ms = 0
        self.heat = True
        self.valve = False
        self.burst = self.load = 4
        self.spoiled = False
        """The test itself says what is commanded and flows in the relay's test."""
        for name, detector in detectors.items():
            setattr(self.supervisor, name, detector)

    def tick(self, ticks: int = 1) -> Supervisor:
        for _ in range(ticks):
            self.now_ms += 50
            inputs = self.inputs
            inputs.sampled_ms = self.now_ms
            inputs.zero_cross += 5
            testing = self.supervisor.weld.testing and not self.spoiled
            if testing:
                self.supervisor.weld.pattern()
            inputs.burst_halves += 0 if testing else self.burst
            inputs.load_halves += 0 if testing else self.load
            self.supervisor.step(self.now_ms, inputs, self.heat, self.valve)
        return self.supervisor


@pytest.mark.parametrize(
    ("name", "result", "code"),
    [
        ("_ranges", m.CODE_REFERENCE, m.CODE_REFERENCE),
        ("_load", m.CODE_ELEMENT_OPEN, m.CODE_ELEMENT_OPEN),
        ("weld", True, m.CODE_RELAY_WELDED),
        ("_clock", True, m.CODE_CLOCK),
        ("_budget", m.CODE_ENERGY_BUDGET, m.CODE_ENERGY_BUDGET),
        ("_frozen", True, m.CODE_FROZEN),
        ("_noisy", True, m.CODE_SENSOR_NOISY),
        ("_dry", True, m.CODE_DRY_BOIL),
        ("_swapped", m.CODE_SENSORS_SWAPPED, m.CODE_SENSORS_SWAPPED),
        ("_rise", True, m.CODE_HEATING_FAILED),
        ("_detached", m.CODE_WATER_SENSOR, m.CODE_WATER_SENSOR),
        ("_unmoved", m.CODE_WALL_SENSOR, m.CODE_WALL_SENSOR),
        ("_cooling", True, m.CODE_SSR_WELDED),
    ],
)
def test_each_detector_trips_with_its_code_and_reading(name: str, result: Any, code: int) -> None:
    finds = Finds(result)
    supervisor = Bench(**{name: finds}).tick(200)
    assert supervisor.fault == code
    assert supervisor.fault_detail == 4711
    assert not (supervisor.allow or supervisor.allow_valve or supervisor.relay)


def test_the_slow_ones_are_asked_four_times_a_second_when_four_seconds_are_known() -> None:
    """From the sixteenth look on, `rise` from the first; in one tick the heat-up's, in the next the others."""
    slow = {name: Finds(False) for name in ("_swapped", "_rise", "_spit", "_detached", "_unmoved", "_cooling")}
    bench = Bench(**slow)
    for ticks in range(1, 101):
        bench.tick()
        looks = max(0, (ticks - 79) // 5 + 1) if ticks >= 79 else 0
        for name in ("_swapped", "_spit"):
            assert len(slow[name].asked) == looks, (name, ticks)
        assert len(slow["_rise"].asked) == (ticks + 1) // 5
        looks = max(0, (ticks - 80) // 5 + 1) if ticks >= 80 else 0
        for name in ("_detached", "_unmoved", "_cooling"):
            assert len(slow[name].asked) == looks, (name, ticks)
    trend = bench.supervisor._trend
    assert slow["_rise"].asked[0] == (trend, 1_150_000)
    assert slow["_spit"].asked[0] == (trend, 1_150_000)
    assert slow["_cooling"].asked[0] == (trend, bench.supervisor.relay)


def test_the_raw_ones_are_asked_in_every_tick() -> None:
    raw = {name: Finds(False) for name in ("_frozen", "_noisy", "_dry")}
    bench = Bench(**raw)
    bench.tick(30)
    assert [len(each.asked) for each in raw.values()] == [30, 30, 30]
    assert raw["_frozen"].asked[-1] == (bench.inputs, True)
    bench.burst = bench.load = 3
    bench.tick()
    assert raw["_frozen"].asked[-1] == (bench.inputs, False)
    assert raw["_dry"].asked[-1] == (700_000, 700_000, 3)
    bench.burst = bench.load = 0
    bench.inputs.zero_cross -= 5
    bench.tick()
    assert raw["_frozen"].asked[-1] == (bench.inputs, False)
    for commanded, crossings, full in ((1, 1, True), (4, 5, True), (2, 3, False), (20, 25, True), (19, 25, False)):
        bench.burst = bench.load = commanded
        bench.inputs.zero_cross += crossings - 5
        bench.tick()
        assert raw["_frozen"].asked[-1] == (bench.inputs, full)


def test_unsound_readings_reach_no_detector_but_the_ranges() -> None:
    raw = {name: Finds(False) for name in ("_frozen", "_noisy", "_dry")}
    bench = Bench(**raw)
    bench.inputs.outlet_uv = 2_500_000
    bench.tick(2)
    assert [len(each.asked) for each in raw.values()] == [0, 0, 0]
    assert raw["_noisy"].settled == 2
    bench.inputs.outlet_uv = 700_000
    bench.tick()
    assert [len(each.asked) for each in raw.values()] == [1, 1, 1]
    assert raw["_noisy"].settled == 2


def test_one_hot_reading_reaches_what_counts_jumps_and_nothing_else() -> None:
    raw = {name: Finds(False) for name in ("_frozen", "_noisy", "_dry")}
    bench = Bench(**raw)
    bench.inputs.wall_uv = 250_000
    bench.tick()
    assert [len(each.asked) for each in raw.values()] == [0, 1, 0]
    assert raw["_noisy"].settled == 0
    # Beside one that is missing it is no jump.
    bench.inputs.outlet_uv = 2_500_000
    bench.tick()
    assert [len(each.asked) for each in raw.values()] == [0, 1, 0]
    assert raw["_noisy"].settled == 1
    bench.inputs.wall_uv = 700_000
    bench.tick()
    assert [len(each.asked) for each in raw.values()] == [0, 1, 0]
    assert raw["_noisy"].settled == 2


def test_a_wall_that_jumps_to_hot_and_back_is_noisy() -> None:
    bench = Bench()
    for i in range(60):
        bench.inputs.wall_uv = 250_000 if i % 5 == 0 else 700_000
        bench.tick()
    assert bench.supervisor.fault == m.CODE_SENSOR_NOISY


def test_a_surge_of_the_mains_lets_the_dry_rules_settle() -> None:
    dry = Finds(False)
    bench = Bench(_dry=dry)
    bench.tick(100)
    assert dry.settled == 0
    bench.inputs.mains_uv = 1_190_000
    bench.tick(10)
    assert dry.settled == 1


def test_the_burst_of_the_relays_test_is_nobodys_power() -> None:
    """Neither current that is missing nor heat that could be felt; and the relay stays without heartbeat."""
    dry = Finds(False)
    bench = Bench(_dry=dry)
    bench.spoiled = True
    bench.load = bench.burst = 0
    bench.tick()
    assert bench.supervisor.weld.testing
    assert bench.supervisor.weld.pattern() == 1
    bench.burst = 2
    bench.tick()
    bench.burst = 0
    for _ in range(4):
        assert not bench.supervisor.relay
        bench.tick()
    assert bench.supervisor.relay
    assert {asked[2] for asked in dry.asked} == {0}
    bench.tick(20)
    assert bench.supervisor.fault == 0
    assert bench.supervisor._load._missing == 0


def test_current_in_the_relays_test_is_its_fault_and_not_the_ssrs() -> None:
    bench = Bench()
    bench.spoiled = True
    bench.load = bench.burst = 0
    bench.tick()
    bench.load = bench.burst = 2
    assert bench.tick().fault == m.CODE_RELAY_WELDED
    assert bench.supervisor.fault_detail == 2


def test_no_test_of_the_relay_while_a_fault_is_latched() -> None:
    bench = Bench()
    bench.supervisor.trip(m.CODE_DRY_BOIL, 0)
    bench.load = bench.burst = 0
    for _ in range(50):
        assert not bench.tick().weld.testing


def test_no_heat_in_doubt_but_the_relay_stays() -> None:
    detached = Finds(0)
    bench = Bench(_detached=detached)
    bench.burst = bench.load = 0
    bench.tick()
    bench.supervisor.weld.pattern()
    bench.tick(20)
    assert bench.supervisor.allow
    detached.doubt = True
    assert not bench.tick().allow
    assert bench.supervisor.relay
    detached.doubt = False
    assert bench.tick().allow


def test_nothing_is_allowed_in_the_tick_in_which_the_relay_is_to_open() -> None:
    bench = Bench()
    bench.valve = True
    bench.burst = bench.load = 0
    bench.tick()
    bench.supervisor.weld.pattern()
    supervisor = bench.tick(20)
    assert supervisor.allow and supervisor.allow_valve
    supervisor.weld.passed = False
    bench.tick()
    assert not (supervisor.relay or supervisor.allow or supervisor.allow_valve)


def test_the_clock_is_asked_only_with_heat_and_mains() -> None:
    clock = Finds(False)
    bench = Bench(_clock=clock)
    bench.tick()
    assert clock.asked[-1] == (bench.inputs, True)
    bench.inputs.mains_uv = 0
    bench.tick()
    assert clock.asked[-1] == (bench.inputs, False)
    bench.inputs.mains_uv = 1_150_000
    bench.heat = False
    bench.valve = True
    bench.tick()
    assert clock.asked[-1] == (bench.inputs, False)


def test_the_budget_gets_the_larger_count_and_the_clocks_rate() -> None:
    budget = Finds(0)
    bench = Bench(_budget=budget)
    bench.burst, bench.load = 3, 2
    bench.tick(10)
    assert budget.asked[-1] == (5, 3, 1_150_000)
    assert budget.rate == 0
    bench.burst, bench.load = 2, 3
    bench.supervisor._clock.rate = 120
    bench.tick()
    assert budget.asked[-1] == (5, 3, 1_150_000)
    assert budget.rate == 120
    bench.heat = False
    bench.tick()
    assert budget.asked[-1] == (0, 3, 1_150_000)


def test_in_the_first_tick_no_half_cycle_has_passed() -> None:
    budget = Finds(0)
    bench = Bench(_budget=budget)
    bench.inputs.zero_cross = 5000
    bench.tick()
    assert budget.asked == [(0, 0, 1_150_000)]


def test_rest_and_a_cleared_fault_empty_the_budget() -> None:
    budget = Finds(0)
    bench = Bench(_budget=budget)
    bench.burst = bench.load = 0
    bench.heat = False
    bench.tick(1201)
    assert budget.settled == 0
    bench.tick(2)
    assert budget.settled == 2
    bench.supervisor.trip(m.CODE_DRY_BOIL, 0)
    bench.inputs.wall_uv = 1_700_000
    assert bench.supervisor.clear(bench.now_ms, bench.inputs)
    assert budget.settled == 3


def test_a_risk_to_spit_is_told_and_heat_goes_on() -> None:
    bench = Bench(_spit=Finds(True))
    assert not bench.tick(70).spit_risk
    supervisor = bench.tick(20)
    assert supervisor.spit_risk
    assert supervisor.fault == 0
    assert not Bench(_spit=Finds(False)).tick(90).spit_risk


def test_sound_is_what_the_ranges_say() -> None:
    bench = Bench()
    assert bench.tick().sound()
    bench.inputs.wall_uv = 0
    assert not bench.tick().sound()


def test_the_valve_too_waits_for_the_relays_test() -> None:
    bench = Bench()
    bench.burst = bench.load = 0
    bench.heat = False
    bench.valve = True
    bench.tick()
    bench.supervisor.weld.pattern()
    bench.tick(4)
    assert not bench.supervisor.relay
    assert bench.tick().relay
    assert not bench.supervisor.allow_valve
    bench.tick(8)
    assert bench.supervisor.allow_valve
    assert not bench.supervisor.allow
