# SPDX-License-Identifier: Apache-2.0
"""What each fault of the simulated board does, and that mending it undoes it."""

from typing import Any

import pytest

from podsteam_twin import faults
from podsteam_twin.sensors import ntc_uv
from podsteam_twin.world import World

S = 1_000_000
QUIET = {"adc_noise_uv": 0.0}
ONCE = ("link_flood", "link_half_frame", "clock_jump")
"""They happen, and nothing stays broken; the wall clock jumps only where there is one."""


def world(**options: Any) -> World:
    return World({"seed": 1, "podlet": "demo", **options})


def heated(unit: World, seconds: float, duty: bool = True) -> None:
    """Keep relay and element on for so long."""
    heater = unit.heater
    end_us = unit.t_us + int(seconds * S)
    while unit.t_us < end_us:
        if unit.t_us % 50_000 == 0:
            heater.heartbeat(unit.t_us)
        if duty and not heater.busy(unit.t_us):
            heater.burst(unit.t_us, 0x3FF, 10, 20000)
        unit.t_us += 5_000
    heater.run_to(unit.t_us)


def wall_uv(unit: World) -> int:
    unit.sensors.t_us = unit.t_us
    return unit.sensors.wall_uv()


@pytest.mark.parametrize("name", faults.names())
def test_every_fault_is_set_and_mended(name: str) -> None:
    unit = world()
    healthy = faults.state(unit)
    assert not any(healthy.values())
    faults.set_fault(unit, name, True)
    assert [broken for broken, on in faults.state(unit).items() if on] == ([] if name in ONCE else [name])
    faults.set_fault(unit, name, False)
    assert faults.state(unit) == healthy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("wall_open", 1), ("ssr_welded", 2), ("mains_lost", 1), ("wall_detached", 1.5), ("element_weak", -1)),
        *(("zero_cross_wrong", 3), ("mains_hertz", 5), ("clock_wrong", 1000), ("no_such", None)),
    ],
)
def test_odd_sizes_and_names_are_refused(name: str, value: float | None) -> None:
    with pytest.raises(ValueError):
        faults.set_fault(world(), name, True, value)


def test_readings_that_stay() -> None:
    unit = world()
    faults.set_fault(unit, "wall_frozen", True, 60.0)
    unit.boiler.wall_probe_c = 100.0
    assert {wall_uv(unit) for _ in range(20)} == {int(ntc_uv(60.0))}
    faults.set_fault(unit, "wall_frozen", False)
    faults.set_fault(unit, "wall_held", True)
    first = [wall_uv(unit) for _ in range(200)]
    unit.boiler.wall_probe_c = 140.0
    then = [wall_uv(unit) for _ in range(200)]
    assert len(set(first)) > 5 and len(set(then)) > 5
    assert abs(sum(first) / 200 - sum(then) / 200) < 200


def test_readings_that_lie() -> None:
    unit = world(plant=QUIET)
    unit.boiler.wall_probe_c, unit.boiler.water_probe_c = 100.0, 60.0
    for name, value, shown_c in (("wall_offset", -4.0, 96.0), ("wall_water_swapped", None, 60.0)):
        faults.set_fault(unit, name, True, value)
        assert wall_uv(unit) == pytest.approx(ntc_uv(shown_c), abs=200)
        faults.set_fault(unit, name, False)
    faults.set_fault(unit, "wall_drift", True, 6.0)
    unit.t_us += 30 * S
    # The boiler has not gone on with the time.
    assert wall_uv(unit) == pytest.approx(ntc_uv(103.0), abs=200)
    faults.set_fault(unit, "wall_drift", False)
    unit.boiler.wall_probe_c = 100.0
    faults.set_fault(unit, "wall_spikes", True, 20.0)
    readings = [wall_uv(unit) for _ in range(400)]
    wrong = sum(abs(reading - ntc_uv(100.0)) > 100_000 for reading in readings)
    assert 25 < wrong < 80
    faults.set_fault(unit, "reference_drift", True, 0.01)
    unit.t_us += 60 * S
    unit.sensors.t_us = unit.t_us
    assert unit.sensors.reference_uv() == pytest.approx(1_262_500, abs=200)


def test_a_detached_sensor_falls_to_the_room() -> None:
    unit = world(plant={"wall_lag_s": 2.0, "start_c": 90.0, "ambient_c": 20.0})
    faults.set_fault(unit, "wall_detached", True)
    unit.heater.run_to(2 * S)
    assert 40 < unit.boiler.wall_probe_c < 50
    unit.heater.run_to(20 * S)
    assert unit.boiler.wall_probe_c == pytest.approx(20, abs=0.5) and unit.boiler.wall_c > 80


@pytest.mark.parametrize(
    ("name", "value", "current", "sensed", "energy"),
    [
        ("element_weak", 0.5, 100, 100, 0.5),
        ("ssr_half_wave", None, 50, 50, 0.5),
        ("load_sense_dead", None, 100, 0, 1.0),
        ("load_sense_stuck", None, 100, 100, 1.0),
        ("element_open", None, 0, 0, 0.0),
    ],
)
def test_element_and_its_sense(name: str, value: float | None, current: int, sensed: int, energy: float) -> None:
    unit = world()
    heated(unit, 1)
    before = (unit.heater.true_halves, unit.heater.load_halves, unit.boiler.energy_in_j)
    faults.set_fault(unit, name, True, value)
    heated(unit, 1)
    after = (unit.heater.true_halves, unit.heater.load_halves, unit.boiler.energy_in_j)
    halves, seen, joules = (b - a for a, b in zip(before, after))
    assert halves == pytest.approx(current, abs=1) and seen == pytest.approx(sensed, abs=1)
    assert joules == pytest.approx(400 * energy, abs=8)


def test_a_stuck_load_sense_counts_without_current() -> None:
    unit = world()
    faults.set_fault(unit, "load_sense_stuck", True)
    unit.heater.run_to(S)
    assert unit.heater.load_halves == 100 and unit.heater.true_halves == 0


def test_current_that_nobody_commanded() -> None:
    unit = world()
    faults.set_fault(unit, "ssr_welded", True)
    heated(unit, 0.5, duty=False)
    assert unit.heater.strays == unit.heater.true_halves > 10
    first_us = unit.heater.current_us - (unit.heater.true_halves - 2) * 10_000
    assert unit.heater.stray_us == first_us
    assert world().truth()["stray_us"] == 0


def test_a_relay_that_holds_on() -> None:
    for value, closed in ((None, True), (100.0, False)):
        unit = world()
        faults.set_fault(unit, "relay_slow", True, value)
        heated(unit, 0.5)
        assert unit.heater.relay_closed(unit.t_us + 300_000) is closed


def test_zero_crossings_and_clocks() -> None:
    unit = world()
    faults.set_fault(unit, "zero_cross_wrong", True)
    assert unit.heater.zero_cross(S) == 0
    unit.t_us = S
    faults.set_fault(unit, "zero_cross_wrong", True, 2)
    assert unit.heater.zero_cross(2 * S) == 200
    unit.t_us = 2 * S
    faults.set_fault(unit, "zero_cross_wrong", False)
    assert unit.heater.zero_cross(3 * S) == 300
    faults.set_fault(unit, "clock_wrong", True, 10)
    unit.t_us = 3 * S
    assert unit.clock_us() == 3_100_000 and unit.true_us(unit.clock_us()) == 3 * S
    faults.set_fault(unit, "clock_wrong", False)
    unit.t_us = 4 * S
    assert unit.clock_us() == 4_100_000 and unit.true_us(5_100_000) == 5 * S


def test_mains_come_back_as_the_unit_knew_them() -> None:
    unit = world(plant={"mains_v": 120.0, "mains_mhz": 60000})
    for name in ("mains_lost", "mains_sag", "mains_hertz"):
        faults.set_fault(unit, name, True)
        assert (unit.heater.mains.volts, unit.heater.mains.mhz) != (120.0, 60000) or name == "mains_hertz"
        faults.set_fault(unit, name, False)
        assert (unit.heater.mains.volts, unit.heater.mains.mhz) == (120.0, 60000)


def test_the_valve_leaks_and_clogs() -> None:
    unit = world()
    faults.set_fault(unit, "valve_leak", True)
    unit.valve.run_to(S)
    assert unit.valve.delivered_nl == pytest.approx(0.02 * unit.valve.flow_nl_ms * 1000)
    faults.set_fault(unit, "valve_leak", False)
    unit.t_us = S
    before = unit.valve.delivered_nl
    faults.set_fault(unit, "valve_clogged", True, 0.5)
    heated(unit, 0.2, duty=False)
    unit.valve.pulse(unit.t_us, 100_000)
    unit.valve.run_to(unit.t_us + 100_000)
    assert unit.valve.delivered_nl - before == pytest.approx(0.5 * 97 * unit.valve.flow_nl_ms, rel=0.01)
    assert unit.valve.flow_us == unit.t_us + 100_000


def test_store_and_line() -> None:
    unit = world()
    faults.set_fault(unit, "flash_full", True)
    assert not unit.files.file_write("a", b"1") and unit.files.file_list("") == []
    faults.set_fault(unit, "flash_full", False)
    assert unit.files.file_write("a", b"1")
    faults.set_fault(unit, "link_gone", True)
    unit.uart.host_send(unit.t_us, b"abc")
    unit.t_us += S
    assert unit.uart.device_available(unit.t_us) == 0
    faults.set_fault(unit, "link_gone", False)
    faults.set_fault(unit, "link_flood", True, 0.01)
    unit.t_us += S
    assert unit.uart.device_available(unit.t_us) == 115
