# SPDX-License-Identifier: Apache-2.0
"""Faults by name: each breaks one part of the simulated unit, and mends it again."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_twin.world import World

# Name to (attribute path from the world, value that breaks, value that mends).
_ATTRIBUTES = {
    "wall_open": ("sensors.wall.fault", "open", ""),
    "wall_short": ("sensors.wall.fault", "short", ""),
    "wall_frozen": ("sensors.wall.fault", "frozen", ""),
    "water_open": ("sensors.water.fault", "open", ""),
    "water_short": ("sensors.water.fault", "short", ""),
    "water_frozen": ("sensors.water.fault", "frozen", ""),
    "outlet_open": ("sensors.outlet.fault", "open", ""),
    "outlet_short": ("sensors.outlet.fault", "short", ""),
    "outlet_frozen": ("sensors.outlet.fault", "frozen", ""),
    "reference_off": ("sensors.reference_error", 0.1, 0.0),
    "ssr_welded": ("heater.ssr_welded", True, False),
    "element_open": ("heater.ssr_open", True, False),
    "relay_welded": ("heater.relay.welded", True, False),
    "relay_open": ("heater.relay.stuck_open", True, False),
    "coil_open": ("valve.coil_open", True, False),
    "valve_stuck_closed": ("valve.stuck_closed", True, False),
    "no_water": ("water_switch", False, True),
    "water_stuck": ("water_stuck", True, False),
    "latch_open": ("latch_closed", False, True),
    "tilted": ("upright", False, True),
    "reader_silent": ("chip.silent", True, False),
    "reader_bus_stuck": ("chip.stuck_bus", True, False),
    "flash_failing": ("flash.failing", True, False),
    "ring_failing": ("ring.failing", True, False),
}


def names() -> "list[str]":
    """All names, sorted."""
    return sorted(list(_ATTRIBUTES) + ["dry", "mains_lost", "valve_stuck_on"])


def set_fault(world: "World", name: str, on: bool) -> None:
    """Break (`on`) or mend. Raises ValueError for an unknown name."""
    world.heater.run_to(world.t_us)
    if name == "mains_lost":
        world.heater.set_mains(world.t_us, 0.0 if on else 230.0, 50000)
    elif name == "dry":
        # The water is gone (`on`) or filled up again.
        _water(world, on)
    elif name == "valve_stuck_on":
        world.valve.stick_on(world.t_us, on)
    elif name in _ATTRIBUTES:
        path, broken, mended = _ATTRIBUTES[name]
        owner, attribute = _find(world, path)
        setattr(owner, attribute, broken if on else mended)
    else:
        raise ValueError("unknown fault %r; there are: %s" % (name, ", ".join(names())))


def _water(world: "World", gone: bool) -> None:
    boiler = world.boiler
    if gone:
        boiler.add_water(-boiler.water_g, boiler.water_c)
    else:
        boiler.add_water(60.0 - boiler.water_g, 20.0)


def _find(world: "World", path: str) -> "tuple[object, str]":
    parts = path.split(".")
    owner = world
    for part in parts[:-1]:
        owner = getattr(owner, part)
    return owner, parts[-1]


def state(world: "World") -> "dict[str, bool]":
    """Every fault and whether it is set."""
    found: "dict[str, bool]" = {}
    for name in names():
        if name in _ATTRIBUTES:
            path, broken, _ = _ATTRIBUTES[name]
            owner, attribute = _find(world, path)
            found[name] = getattr(owner, attribute) == broken
    found["mains_lost"] = not world.heater.mains.present()
    found["dry"] = world.boiler.water_g < 0.1
    found["valve_stuck_on"] = world.valve.stuck_on
    return found
