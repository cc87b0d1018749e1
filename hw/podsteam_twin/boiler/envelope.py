# SPDX-License-Identifier: Apache-2.0
"""Plausible boilers drawn at random, so that no result rests on one plant.

`draw` gives overrides for `Constants`. The ranges are the tuples below, each flat unless said otherwise; the rules that
keep implausible combinations out are stated at the functions that apply them. `hw/boiler/README.md` has the table and
where each range comes from.
"""

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.water import evaporation_j_g, saturation_c
from podsteam_twin.rng import Rng

ELEMENT_W = (300, 600)
"""W on the element's nameplate, whole watts: what the device is told."""
ELEMENT_ERROR = (-0.05, 0.05)
"""Relative error of the element's resistance."""
WATER_G = (8.0, 120.0)
"""g at the start, and what the boiler holds."""
ALTITUDE_M = (0.0, 3000.0)
MAINS = (0.85, 1.10)
"""Of 230 V."""
MAINS_SENSE_ERROR = (-0.005, 0.005)
LOSSES = (0.7, 1.3)
"""Of the losses by default, 0.35 W/K in all, shared out as the defaults are."""
ELEMENT_J_K = (10.0, 40.0)
ELEMENT_WALL_W_K = (10.0, 40.0)
WALL_J_K = (60.0, 150.0)
AREA_M2 = (0.002, 0.008)
CONVECTION_W_M2K = (600.0, 1500.0)
AMBIENT_C = (10.0, 35.0)
START_K = 5.0
"""K at most between device and room at the start."""
WALL_LAG_S = (0.5, 3.0)
WATER_LAG_S = (1.5, 5.0)
OUTLET_LAG_S = (1.5, 5.0)
SLOW_S = 8.0
"""s, the longest lag of slow sensors, which are no part of the main envelope."""
OFFSET_MC = (-1000, 1000)
NOISE_K = (0.05, 0.3)
"""K, standard deviation of a reading at 100 degC."""
QUANTUM_K = (0.02, 0.3)
"""K between neighbouring readings at 100 degC."""
BOW_UV = (0.0, 14000.0)
"""uV of the ADC's bow."""
LOWER_SHARE = (0.2, 0.5)
MIXING_W_K = (5.0, 25.0)
BUBBLING_W_K = (0.02, 0.1)
COLLAPSE_K = (1.0, 4.0)
UV_K = 12700
"""uV that an NTC's divider falls by per K at 100 degC (`sensors.py`)."""
FILM_G_M2 = 1600.0
"""g/m2 of water, a layer of 1.6 mm, below which the wall falls dry in places: 8 g on the default area."""
DEPTH = 2.0
"""Such layers that the boiler holds at least: a shallower puddle is no boiler."""
PLATEAU_C = 125.0
"""degC of the wall at full power beyond which scale is not drawn: there folding back or descaling is right."""
TARGET = 0.6
"""Of the steam a plant can make: what is asked of it."""


def draw(
    seed: int, scale_max_mm: float = 0.0, slow: bool = False, refill_g: float = 0.0, plateau_c: float = PLATEAU_C
) -> "dict[str, float]":
    """Overrides of `Constants` for the plant that belongs to `seed`, the same on both interpreters.

    `scale_max_mm`: scale is drawn between 0 and this, or less where the wall would pass `plateau_c` at full power.
    `slow`: the lags of the three sensors are drawn up to 8 s, which breaks the board's demands. `refill_g`: room that
    the boiler has beyond the water at the start. No option changes what is drawn for the other constants.

    Rules: device and water have stood in the room, so they start within 5 K of it. Water and wetted wall go together:
    the wall falls dry in places below 1.6 mm of water, and the boiler starts with twice that at least, which takes
    the largest areas from the smallest boilers. Wall lag is below both others' upper ends, as the board calls for.
    At these powers and areas the flux stays below 400 kW/m2, far from critical, so there is no rule for it.
    """
    rng = Rng(seed * 4099 + 77)
    for _ in range(8):
        # The first words of neighbouring seeds are related.
        rng.bits(32)
    plant: "dict[str, float]" = {}
    plant["element_w"] = float(ELEMENT_W[0] + int(rng.uniform() * (ELEMENT_W[1] - ELEMENT_W[0] + 1)))
    plant["element_error"] = _between(rng, ELEMENT_ERROR)
    plant["water_g"] = _between(rng, WATER_G)
    plant["capacity_g"] = plant["water_g"] + refill_g
    plant["altitude_m"] = _between(rng, ALTITUDE_M)
    plant["mains_v"] = 230.0 * _between(rng, MAINS)
    plant["mains_sense_error"] = _between(rng, MAINS_SENSE_ERROR)
    losses = _between(rng, LOSSES)
    for name in ("wall_loss_w_k", "water_loss_w_k", "fittings_loss_w_k"):
        plant[name] = losses * getattr(Constants, name)
    plant["element_j_k"] = _between(rng, ELEMENT_J_K)
    plant["element_wall_w_k"] = _between(rng, ELEMENT_WALL_W_K)
    plant["wall_j_k"] = _between(rng, WALL_J_K)
    largest_m2 = min(AREA_M2[1], plant["water_g"] / (DEPTH * FILM_G_M2))
    plant["area_m2"] = _between(rng, (AREA_M2[0], largest_m2))
    plant["dry_g"] = FILM_G_M2 * plant["area_m2"]
    plant["convection_w_m2k"] = _between(rng, CONVECTION_W_M2K)
    plant["ambient_c"] = _between(rng, AMBIENT_C)
    warmer = _between(rng, (-START_K, START_K))
    plant["start_c"] = min(max(plant["ambient_c"] + warmer, AMBIENT_C[0]), AMBIENT_C[1])
    for name, lag_s in (("wall_lag_s", WALL_LAG_S), ("water_lag_s", WATER_LAG_S), ("outlet_lag_s", OUTLET_LAG_S)):
        plant[name] = _between(rng, (lag_s[0], SLOW_S if slow else lag_s[1]))
    for name in ("wall_offset_mc", "water_offset_mc", "outlet_offset_mc"):
        plant[name] = OFFSET_MC[0] + int(rng.uniform() * (OFFSET_MC[1] - OFFSET_MC[0] + 1))
    plant["adc_noise_uv"] = UV_K * _between(rng, NOISE_K)
    plant["adc_quantum_uv"] = int(UV_K * _between(rng, QUANTUM_K))
    scale = rng.uniform()
    plant["adc_bow_uv"] = _between(rng, BOW_UV)
    # The second plant's layers; the first takes no notice.
    plant["lower_share"] = _between(rng, LOWER_SHARE)
    plant["mixing_w_k"] = _between(rng, MIXING_W_K)
    plant["bubbling_w_k"] = _between(rng, BUBBLING_W_K)
    plant["collapse_k"] = _between(rng, COLLAPSE_K)
    plant["scale_mm"] = scale * min(scale_max_mm, _most_scale_mm(plant, plateau_c))
    return plant


def full_w(overrides: "dict[str, float]") -> float:
    """W that the plant's element truly gives at the plant's mains, always on."""
    c = Constants(**overrides)
    volts = c.mains_v / 230.0
    return c.element_w * volts * volts / (1 + c.element_error)


def plateau_c(overrides: "dict[str, float]") -> float:
    """degC at which the wall settles while full power boils the water, scale and all."""
    return _plateau_c(Constants(**overrides), full_w(overrides))


def full_mg_min(overrides: "dict[str, float]") -> float:
    """mg/min of steam that the plant makes at full power once all is warm: what the losses leave, evaporated."""
    c = Constants(**overrides)
    power_w = full_w(overrides)
    return max(power_w - _lost_w(c, power_w), 0.0) / evaporation_j_g(saturation_c(c.altitude_m)) * 60000


def target_mg_min(overrides: "dict[str, float]") -> int:
    """Steam to ask of the plant, mg/min: 60 % of what it can make at its true mains, in steps of 10 mg/min."""
    return int(TARGET * full_mg_min(overrides) / 10 + 0.5) * 10


def energy_bound_s(overrides: "dict[str, float]", steam_mg_min: float = -1.0) -> float:
    """s that full power takes at least until `steam_mg_min` leaves; below 0: 90 % of the target.

    T = (Cw (Tw - T0) + Ce (Te - T0) + (m cp + Cf) (Ts - T0)) / P, with Tw the wall's plateau at the power P1 that makes
    this steam and covers the losses, and Te = Tw + P1 / Gew. Losses on the way are neglected, so the true time is
    longer.
    """
    c = Constants(**overrides)
    if steam_mg_min < 0:
        steam_mg_min = 0.9 * target_mg_min(overrides)
    boiling_c = saturation_c(c.altitude_m)
    steam_w = steam_mg_min * evaporation_j_g(boiling_c) / 60000
    steam_w += _lost_w(c, steam_w)
    wall_c = _plateau_c(c, steam_w)
    element_c = wall_c + steam_w / c.element_wall_w_k
    water_j_k = c.water_g * c.water_j_gk + c.fittings_j_k
    stored_j = c.wall_j_k * (wall_c - c.start_c) + c.element_j_k * (element_c - c.start_c)
    stored_j += water_j_k * (boiling_c - c.start_c)
    return stored_j / full_w(overrides)


def _between(rng: Rng, ends: "tuple[float, float]") -> float:
    return ends[0] + (ends[1] - ends[0]) * rng.uniform()


def _superheat_k(c: Constants, flux_w_m2: float) -> float:
    """K of the boiling surface over the water at this flux: root of h x + b x^3 = flux, by Newton from above."""
    x = 100.0
    for _ in range(40):
        square = c.boiling_w_m2k3 * x * x
        x -= (c.convection_w_m2k * x + square * x - flux_w_m2) / (c.convection_w_m2k + 3 * square)
    return x


def _plateau_c(c: Constants, power_w: float) -> float:
    """degC of the wall while `power_w` boils the water; what the wall loses to the room is neglected."""
    flux_w_m2 = power_w / c.area_m2
    through_scale_k = flux_w_m2 * c.scale_mm / (1000 * c.scale_w_mk)
    return saturation_c(c.altitude_m) + _superheat_k(c, flux_w_m2) + through_scale_k


def _lost_w(c: Constants, power_w: float) -> float:
    """W lost to the room while `power_w` boils the water."""
    lost_w = c.wall_loss_w_k * (_plateau_c(c, power_w) - c.ambient_c)
    return lost_w + (c.water_loss_w_k + c.fittings_loss_w_k) * (saturation_c(c.altitude_m) - c.ambient_c)


def _most_scale_mm(plant: "dict[str, float]", most_c: float) -> float:
    """mm of scale with which the wall's plateau at full power is `most_c`; 0 when it is above without any."""
    c = Constants(**plant)
    power_w = full_w(plant)
    left_k = most_c - _plateau_c(c, power_w)
    return max(left_k, 0.0) * 1000 * c.scale_w_mk * c.area_m2 / power_w
