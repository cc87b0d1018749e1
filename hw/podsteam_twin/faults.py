# SPDX-License-Identifier: Apache-2.0
"""Faults by name: each breaks one part of the simulated unit, and mends it again.

A fault that has a size takes it as `value`; without one it has the size that its entry names. Faults of the sensors
are named after their sensor: `wall_open`, `water_open`, `outlet_open`. What happens to the firmware itself is in
`upsets`.
"""

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.electrics import RELAY_HOLD_US
from podsteam_twin.sensors import SENSORS, ntc_uv

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podsteam_twin.world import World

# Name to (attribute path from the world, value that breaks, value that mends).
_ATTRIBUTES: "dict[str, tuple[str, Any, Any]]" = {
    "wall_water_swapped": ("sensors.swapped", "wall_water", ""),
    "wall_outlet_swapped": ("sensors.swapped", "wall_outlet", ""),
    "water_outlet_swapped": ("sensors.swapped", "water_outlet", ""),
    "ssr_welded": ("heater.ssr_welded", True, False),
    "ssr_half_wave": ("heater.half_wave", True, False),
    "element_open": ("heater.ssr_open", True, False),
    "load_sense_dead": ("heater.sense_dead", True, False),
    "load_sense_stuck": ("heater.sense_stuck", True, False),
    "relay_welded": ("heater.relay.welded", True, False),
    "relay_open": ("heater.relay.stuck_open", True, False),
    "coil_open": ("valve.coil_open", True, False),
    "valve_stuck_closed": ("valve.stuck_closed", True, False),
    "no_water": ("water_switch", False, True),
    "water_stuck": ("water_stuck", True, False),
    "latch_open": ("latch_closed", False, True),
    "tilted": ("upright", False, True),
    "undrained": ("drained", False, True),
    "reader_silent": ("chip.silent", True, False),
    "reader_garbled": ("chip.bad_checksum", True, False),
    "reader_bus_stuck": ("chip.stuck_bus", True, False),
    "reader_sda_stuck": ("chip.stuck_sda", True, False),
    "flash_failing": ("flash.failing", True, False),
    "flash_full": ("files.full", True, False),
    "ring_failing": ("ring.failing", True, False),
    "ring_full": ("ring.worn", True, False),
    "link_gone": ("uart.gone", True, False),
}

SIZES = {
    "wall_frozen": "degC at which the reading stays; by itself where it is",
    "wall_held": "degC at which it stays but for its noise; by itself where it is",
    "wall_offset": "K that it shows too much (5)",
    "wall_drift": "K/min by which it shows more and more (3)",
    "wall_noisy": "times the usual noise (30)",
    "wall_detached": "0 to 1: what contact is left (0)",
    "wall_spikes": "K by which every eighth reading or so is wrong (20)",
    "reference_off": "relative error (0.1)",
    "reference_drift": "relative error per minute (0.01)",
    "element_weak": "0 to 1: what part of it is whole (0.6)",
    "relay_slow": "ms that it holds on without edges (800)",
    "zero_cross_wrong": "crossings counted for each one: 0 or 2 (0)",
    "mains_sag": "V (190)",
    "mains_hertz": "Hz (60)",
    "clock_wrong": "% that the chip's clock is fast (5)",
    "clock_jump": "s that the wall clock jumps ahead (315360000: ten years)",
    "valve_leak": "part of its flow that comes with the coil off (0.02)",
    "valve_stuck_open": "part of its flow that comes with the coil off (1)",
    "valve_clogged": "part of its flow that is left (0.3)",
    "reader_slow": "ms that each of its answers is late (400)",
    "reader_stretches": "ms for which it holds the bus's clock in each transfer (20)",
    "link_flood": "s of noise on the line (5)",
}
"""Faults that take a size: what it is, and which one is taken without. Those of the wall stand for all sensors."""

_OTHERS = ("dry", "mains_lost", "valve_stuck_on", "link_half_frame")
_SENSOR_FAULTS = ("open", "short", "frozen", "held", "offset", "drift", "noisy", "detached", "spikes")
_CHANNEL_FAULTS = ("open", "short", "frozen", "held")
_HERTZ_MHZ = 1000
_UV_K = 12700
"""uV for a kelvin of an NTC near 100 degC."""


def names() -> "list[str]":
    """All names, sorted."""
    found = list(_ATTRIBUTES) + list(_OTHERS)
    for name in SIZES:
        if not name.startswith("wall_"):
            found.append(name)
    for sensor in SENSORS:
        for kind in _SENSOR_FAULTS:
            found.append(sensor + "_" + kind)
    return sorted(found)


def set_fault(world: "World", name: str, on: bool, value: "float | None" = None) -> None:
    """Break (`on`) or mend. `value`: its size, see `SIZES`. Raises ValueError for an unknown name or an odd size."""
    world.heater.run_to(world.t_us)
    world.valve.run_to(world.t_us)
    sensor, _, kind = name.partition("_")
    if name not in names():
        raise ValueError("unknown fault %r; there are: %s" % (name, ", ".join(names())))
    if sensor in SENSORS and kind in _SENSOR_FAULTS:
        if value is not None and kind in ("open", "short"):
            raise ValueError("%s has no size" % name)
        _sensor(world, sensor, kind, on, value)
    elif name in SIZES:
        _sized(world, name, on, value)
    elif value is not None:
        raise ValueError("%s has no size" % name)
    elif name in _ATTRIBUTES:
        path, broken, mended = _ATTRIBUTES[name]
        owner, attribute = _find(world, path)
        setattr(owner, attribute, broken if on else mended)
    elif name == "mains_lost":
        world.heater.set_mains(world.t_us, 0.0 if on else world.mains_v, world.mains_mhz)
    elif name == "dry":
        # The water is gone (`on`) or filled up again.
        _water(world, on)
    elif name == "valve_stuck_on":
        world.valve.stick_on(world.t_us, on)
    elif on:
        # A frame of which only the first half ever comes.
        world.uart.host_send(world.t_us, b"\x00\x21\x31\x01\x01\x01")


def _sensor(world: "World", sensor: str, kind: str, on: bool, value: "float | None") -> None:
    sensors = world.sensors
    channel = getattr(sensors, sensor)
    if kind in _CHANNEL_FAULTS:
        channel.fault = kind if on else ""
        channel.stays_uv = -1.0 if value is None else ntc_uv(value)
    elif kind == "noisy":
        channel.noise_factor = (30.0 if value is None else value) if on else 1.0
    elif kind == "spikes":
        channel.spike_uv = int((20.0 if value is None else value) * _UV_K) if on else 0
    elif kind == "detached":
        contact = _part("contact", 0.0 if value is None else value)
        setattr(world.boiler, sensor + "_contact", contact if on else 1.0)
    elif kind == "offset":
        sensors.errors[sensor] = ((5.0 if value is None else value) if on else 0.0, 0.0, 0)
    else:
        sensors.errors[sensor] = (0.0, (3.0 if value is None else value) if on else 0.0, world.t_us)


def _part(what: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("%s is 0 to 1, not %s" % (what, value))
    return value


def _sized(world: "World", name: str, on: bool, value: "float | None") -> None:
    """A fault with a size that is none of a sensor."""
    heater = world.heater
    valve = world.valve
    t_us = world.t_us
    if name == "reference_off":
        world.sensors.reference_error = (0.1 if value is None else value) if on else 0.0
    elif name == "reference_drift":
        world.sensors.reference_drift = ((0.01 if value is None else value) if on else 0.0, t_us)
    elif name == "element_weak":
        whole = _part(name, 0.6 if value is None else value)
        heater.weaken(t_us, whole if on else 1.0)
    elif name == "relay_slow":
        heater.relay.hold_us = int((800 if value is None else value) * 1000) if on else RELAY_HOLD_US
    elif name == "zero_cross_wrong":
        factor = 0 if value is None else int(value)
        if factor not in (0, 2):
            raise ValueError("%s is 0 or 2, not %s" % (name, value))
        heater.miscount(t_us, factor if on else 1)
    elif name == "mains_sag":
        volts = 190.0 if value is None else float(value)
        heater.set_mains(t_us, volts if on else world.mains_v, world.mains_mhz)
    elif name == "mains_hertz":
        hertz = 60.0 if value is None else float(value)
        if not 10 <= hertz <= 500:
            raise ValueError("%s is 10 to 500, not %s" % (name, value))
        heater.set_mains(t_us, world.mains_v, int(hertz * _HERTZ_MHZ) if on else world.mains_mhz)
    elif name == "clock_wrong":
        percent = 5.0 if value is None else value
        if not -90 <= percent <= 900:
            raise ValueError("%s is -90 to 900, not %s" % (name, value))
        world.set_clock(int(percent * 10) if on else 0)
    elif name == "clock_jump":
        if world.unix_s:
            jump_s = 315360000 if value is None else int(value)
            world.jumped_s = jump_s if on else 0
    elif name == "valve_leak" or name == "valve_stuck_open":
        part = _part(name, value if value is not None else 0.02 if name == "valve_leak" else 1.0)
        valve.leak_nl_ms = valve.flow_nl_ms * part if on else 0.0
    elif name == "valve_clogged":
        part = _part(name, 0.3 if value is None else value)
        valve.clogged = part if on else 1.0
    elif name == "reader_slow":
        world.chip.late_ms = (400 if value is None else int(value)) if on else 0
    elif name == "reader_stretches":
        world.stretch_us = int((20 if value is None else value) * 1000) if on else 0
    elif on:
        # Noise as a loose contact makes it: bytes of every kind, zeros among them.
        world.uart.host_send(t_us, _noise(world, int((5 if value is None else value) * 11520)))


def _noise(world: "World", length: int) -> bytearray:
    noise = bytearray(length)
    for i in range(length):
        noise[i] = world.rng.bits(8)
    return noise


def _water(world: "World", gone: bool) -> None:
    boiler = world.boiler
    if gone:
        boiler.add_water(-boiler.water_g, boiler.water_c)
    else:
        boiler.add_water(Constants.water_g - boiler.water_g, 20.0)


def _find(world: "World", path: str) -> "tuple[object, str]":
    parts = path.split(".")
    owner = world
    for part in parts[:-1]:
        owner = getattr(owner, part)
    return owner, parts[-1]


def state(world: "World") -> "dict[str, bool]":
    """Every fault and whether it is set. What happens once (`link_flood`, `link_half_frame`) is never set."""
    found: "dict[str, bool]" = {}
    for name in names():
        found[name] = False
    for name, (path, broken, _) in _ATTRIBUTES.items():
        owner, attribute = _find(world, path)
        found[name] = getattr(owner, attribute) == broken
    for sensor in SENSORS:
        _sensor_state(world, sensor, found)
    heater = world.heater
    found["mains_lost"] = not heater.mains.present()
    found["mains_sag"] = heater.mains.present() and heater.mains.volts != world.mains_v
    found["mains_hertz"] = heater.mains.present() and heater.mains.mhz != world.mains_mhz
    found["dry"] = world.boiler.water_g < 0.1
    found["valve_stuck_on"] = world.valve.stuck_on
    found["reference_off"] = world.sensors.reference_error != 0
    found["reference_drift"] = world.sensors.reference_drift[0] != 0
    found["element_weak"] = heater.weak != 1
    found["relay_slow"] = heater.relay.hold_us != RELAY_HOLD_US
    found["zero_cross_wrong"] = heater.crossings_factor != 1
    found["clock_wrong"] = world.clock_permille != 0
    found["clock_jump"] = world.jumped_s != 0
    leaking = world.valve.leak_nl_ms > 0
    found["valve_stuck_open"] = leaking and world.valve.leak_nl_ms >= world.valve.flow_nl_ms
    found["valve_leak"] = leaking and not found["valve_stuck_open"]
    found["valve_clogged"] = world.valve.clogged != 1
    found["reader_slow"] = world.chip.late_ms != 0
    found["reader_stretches"] = world.stretch_us != 0
    return found


def _sensor_state(world: "World", sensor: str, found: "dict[str, bool]") -> None:
    channel = getattr(world.sensors, sensor)
    offset_k, k_min, _ = world.sensors.errors[sensor]
    for kind in _CHANNEL_FAULTS:
        found[sensor + "_" + kind] = channel.fault == kind
    found[sensor + "_noisy"] = channel.noise_factor != 1
    found[sensor + "_spikes"] = channel.spike_uv != 0
    found[sensor + "_detached"] = getattr(world.boiler, sensor + "_contact") != 1
    found[sensor + "_offset"] = offset_k != 0
    found[sensor + "_drift"] = k_min != 0
