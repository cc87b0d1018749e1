# SPDX-License-Identifier: Apache-2.0
"""Autotune on drawn boilers: what it finds over what is true, and how long it takes over a heat-up."""

from dataclasses import dataclass

from heat_loop import HeatLoop, Plant
from plants import drawn

from podsteam_firmware.heat.tune import DONE, TUNING

LONGEST_S = 900.0


@dataclass(frozen=True)
class Tuning:
    """One tuning of one boiler."""

    done: bool
    reason: int
    fault: int
    ratio: float
    """Its time over that in which full power takes the same plant's water to the highest temperature it had."""
    capacity: float
    """Heat capacity found over the true one."""
    metal: float
    """The same of the metal alone."""
    loss: float
    """Loss to the room found over the true one."""
    lag: float
    """Lag from wall to water found over Cm Cl / (Cm + Cl) / hA."""
    steam_g: float
    """Boiled away meanwhile."""


def heated_s(plant: Plant, water_c: float) -> float:
    """Seconds of full power until the water has this temperature."""
    for tick in range(40_000):
        if plant.state()[1] >= water_c:
            return (tick - 2) / 20
        plant.advance(tick >= 2, True, 20000, lambda cycles: (1 << cycles) - 1)
    raise AssertionError("it never gets there")


def tuning(item: tuple[int, str]) -> Tuning:
    """The drawn boiler of this seed and kind of plant, cold, tuned on its first day."""
    seed, kind = item
    case = drawn(seed, kind)
    c = case.constants
    loop = HeatLoop(case.plant(1), element_w=case.element_w)
    begin = loop.seconds
    loop.heat.tune()
    loop.run(LONGEST_S, lambda: loop.heat.tuned != TUNING)
    took = loop.seconds - begin
    found = loop.heat.tuner
    metal = c.element_j_k + c.wall_j_k
    water = c.water_g * c.water_j_gk + c.fittings_j_k
    loss = c.wall_loss_w_k + c.water_loss_w_k + c.fittings_loss_w_k
    lag = metal * water / (metal + water) / (c.area_m2 * c.convection_w_m2k)
    return Tuning(
        done=loop.heat.tuned == DONE,
        reason=loop.heat.tune_reason,
        fault=loop.supervisor.fault,
        ratio=took / heated_s(case.plant(1), max(row.water for row in loop.rows)),
        capacity=(found.metal_j_k + found.water_j_k) / (metal + water),
        metal=found.metal_j_k / metal,
        loss=found.loss_mw_k / 1000 / loss,
        lag=found.lag_ms / 1000 / lag,
        steam_g=loop.plant.steam_g(),
    )
