# SPDX-License-Identifier: Apache-2.0
"""A hard life of either plant, told to the last bit: what it prints must not depend on the interpreter."""

import binascii
import struct

from podsteam_twin.boiler import envelope, water
from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.layered import LayeredBoiler
from podsteam_twin.boiler.plant import Boiler

STATE = (
    "element_c",
    "wall_c",
    "surface_c",
    "water_c",
    "outlet_c",
    "water_g",
    "steam_g",
    "steam_g_min",
    "energy_in_j",
    "energy_fill_j",
    "energy_lost_j",
    "energy_steam_j",
    "wall_probe_c",
    "water_probe_c",
    "outlet_probe_c",
)


def exact(value: float) -> str:
    """All bits of a number."""
    return binascii.hexlify(struct.pack("<d", value)).decode()


def imbalance_j(boiler, start_j: float) -> float:
    """What came in, less what is there and what left."""
    gone_j = boiler.energy_lost_j + boiler.energy_steam_j
    return start_j + boiler.energy_in_j + boiler.energy_fill_j - boiler.stored_j() - gone_j


def life(kind, seed: int):
    """Heats up, boils, is refilled cold, is tilted, is drained a little, boils dry, is refilled hot and dry, cools
    down. Yields the boiler, the heat content that it started with and what was done, after each act.
    """
    plant = envelope.draw(seed, scale_max_mm=1.0, refill_g=40.0)
    boiler = kind(Constants(**plant))
    start_j = boiler.stored_j()
    full = envelope.full_w(plant)
    heat_up_s = 1.3 * envelope.energy_bound_s(plant)
    boiler.run(heat_up_s, full)
    yield boiler, start_j, "hot"
    boiler.run(20.0, 0.6 * full)
    yield boiler, start_j, "boiling"
    boiler.add_water(30.0, 8.0)
    yield boiler, start_j, "refilled"
    boiler.run(60.0, full)
    boiler.wettable = 0.5
    boiler.run(40.0, 0.6 * full)
    yield boiler, start_j, "tilted"
    boiler.wettable = 1.0
    boiler.add_water(-0.5 * boiler.water_g, 0.0)
    yield boiler, start_j, "drained"
    for _ in range(200):
        if boiler.water_g > 0:
            boiler.run(5.0, full)
    yield boiler, start_j, "dry"
    boiler.run(10.0, full)
    yield boiler, start_j, "overheated"
    boiler.add_water(15.0, 12.0)
    boiler.run(10.0, 0.0)
    yield boiler, start_j, "quenched"
    boiler.run(300.0, 0.0)
    yield boiler, start_j, "cooled"


def report() -> list[str]:
    """Envelope, properties of water, and the state after each act of some lives, a line each."""
    lines = []
    for seed in (0, 1, 2, 40, 1000003):
        plant = envelope.draw(seed, scale_max_mm=0.5, slow=seed == 2)
        lines.append(" ".join("%s=%s" % (name, exact(plant[name])) for name in sorted(plant)))
        lines.append(
            "%d %s %s" % (envelope.target_mg_min(plant), exact(envelope.energy_bound_s(plant)), envelope.full_w(plant))
        )
    for altitude_m in range(-300, 4000, 61):
        boiling_c = water.saturation_c(float(altitude_m))
        lines.append("%s %s" % (exact(boiling_c), exact(water.evaporation_j_g(boiling_c))))
    for kind in (Boiler, LayeredBoiler):
        for seed in (3, 4):
            for boiler, _, act in life(kind, seed):
                values = [getattr(boiler, name) for name in STATE]
                values.append(getattr(boiler, "lower_c", 0.0))
                values.append(boiler.stored_j())
                lines.append(act + " " + " ".join(exact(value) for value in values))
    return lines


if __name__ == "__main__":
    for text in report():
        print(text)
