# SPDX-License-Identifier: Apache-2.0
"""What the bench does with many devices: each function takes one seed or case and returns plain numbers, so that two
processes can share the work (`shared`)."""

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from heat_loop import HeatLoop
from loop import STEAM_S, Device, Session, full_power_t90_s, run_steam
from plants import Case, drawn, nominal

from podsteam_protocol.messages import REGIME_PROBE
from podsteam_twin.boiler.water import evaporation_j_g, saturation_c

SCALE_MAX_MM = 1.0
SLOW_LAG_S = 8.0
SAG = 0.85
SAG_S = 20.0
HOLD_C = 90.0
HOLD_S = 900.0
HOLD_NOISE_UV = 1850.0
"""0.12 K of a reading at 90 degC, where the divider falls by 15.4 mV for each kelvin."""
PROCESSES = 2


def shared(work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """`work` for each of `items`, in order, by two processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        return list(pool.map(work, items, chunksize=4))


def quantile(values: Iterable[float], part: float) -> float:
    """The value below which `part` of them lie, by linear interpolation."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def spread(values: Iterable[float], scale: float = 1.0, digits: int = 3) -> str:
    """Median, P95 and worst, as the contexts give them."""
    known = [value * scale for value in values]
    parts = (quantile(known, 0.5), quantile(known, 0.95), max(known))
    return "median {:.{d}g}, P95 {:.{d}g}, worst {:.{d}g}".format(*parts, d=digits)


@dataclass(frozen=True)
class Use:
    """One session of one device."""

    ratio: float
    """t90 over that of full power; 99 when there never was steam."""
    bound: float
    """t90 over the energy bound."""
    error: float
    """Mean steam over the target, less 1."""
    peak: float
    """5 s peak over the target, less 1."""
    onset: float
    """Power at boiling onset over the power that the target takes."""
    water: float
    """Error of the water left at the end, of the fill; 1 when it is not known."""
    wall_c: float
    """Highest true wall temperature."""
    fault: int
    coasted: bool
    """The probe paused the heat to make sure that there is water."""


def true_w(session: Session, case: Case) -> float:
    """W truly delivered at boiling onset: the firmware reckons with the rated element and the sensed mains."""
    c = case.constants
    return session.onset_w() / (1 + c.mains_sense_error) ** 2 / (1 + c.element_error)


def target_w(case: Case) -> float:
    """W that the target truly takes of this plant, losses included."""
    c = case.constants
    boiling = saturation_c(c.altitude_m)
    lost = c.wall_loss_w_k + c.water_loss_w_k + c.fittings_loss_w_k
    return case.target_mg_min / 60000 * evaporation_j_g(boiling) + lost * (boiling - c.ambient_c)


def bound_s(case: Case) -> float:
    """Energy bound of a cold start, s."""
    from podsteam_twin.boiler import envelope

    return envelope.energy_bound_s(case.changes)


def use(device: Device, case: Case, seconds: float = STEAM_S, race: bool = True) -> tuple[Use, Session]:
    """A session, judged; without `race` not against full power, which opens the bimetal of a wall behind much scale."""
    session = device.steam(case, seconds)
    t90 = session.t90_s() if race else None
    full = full_power_t90_s(case) if race else 1.0
    left_mg = getattr(session.loop.heat, "water_mg", -1)
    truly = session.loop.plant.state()[3]
    return Use(
        ratio=t90 / full if t90 else 99.0,
        bound=t90 / bound_s(case) if t90 else 99.0,
        error=session.error(),
        peak=session.peak(),
        onset=true_w(session, case) / target_w(case),
        water=abs(left_mg / 1000 - truly) / case.constants.water_g if left_mg >= 0 else 1.0,
        wall_c=max(row.wall for row in session.rows),
        fault=session.loop.supervisor.fault,
        coasted=any(row.regime == REGIME_PROBE and row.duty == 0 for row in session.rows[20:]),
    ), session


def first_and_second(item: tuple[int, str]) -> tuple[Use, Use]:
    """A drawn device's first session, on a day when its mains sense is right, and its next one, calibrated from the
    first and with the sense as drawn."""
    seed, kind = item
    case = drawn(seed, kind, SCALE_MAX_MM)
    device = Device(case)
    first, session = use(device, case.but(mains_sense_error=0.0))
    device.calibrate(session)
    return first, use(device, case)[0]


@cache
def fleet(kind: str, count: int) -> list[tuple[Use, Use]]:
    """First and second session of `count` drawn devices."""
    return shared(first_and_second, [(seed, kind) for seed in range(count)])


def slow_first(item: tuple[int, str]) -> Use:
    """First session of a drawn device whose water sensor is slower than any in the envelope."""
    seed, kind = item
    case = drawn(seed, kind).but(water_lag_s=SLOW_LAG_S)
    return use(Device(case), case)[0]


def scaled_hot(seed: int) -> tuple[Use, bool, bool]:
    """A device whose scale takes the wall beyond 125 degC at full power; whether it folded back or said descale."""
    case = drawn(seed).but(scale_mm=1.0)
    device = Device(case.but(scale_mm=0.0))
    device.steam(device.case, 90)
    result, session = use(device, case, race=False)
    heat = session.loop.heat
    folded = result.wall_c >= heat.settings.wall_fold_mc / 1000 - 2
    return result, folded, bool(getattr(heat, "descale", False))


# Single cases -----------------------------------------------------------------------------------------------
def nominal_pair(item: tuple[int, str, float]) -> tuple[Use, Use, Use]:
    """The nominal device: first session, the next one uncalibrated, and the next one calibrated. `altitude_m` too."""
    seed, kind, altitude_m = item
    home = nominal(seed, kind)
    away = home.but(altitude_m=altitude_m)
    device = Device(home)
    if altitude_m:
        device.steam(home)
    first, session = use(device, away)
    second, _ = use(device, away)
    device.calibrate(session)
    return first, second, use(device, away)[0]


def sag(item: tuple[int, str, dict[str, float]]) -> tuple[float, float, float]:
    """Error of the mean steam in the 30 s before, during and in the 5 s after a mains sag, over the steam before."""
    seed, kind, changes = item
    case = nominal(seed, kind, **changes)
    device = Device(case)
    device.steam(case)
    loop = device.begin(case)
    loop.heat.steam(case.target_mg_min)
    run_steam(loop, case, 60)
    marks = [loop.seconds]
    plant: Any = loop.plant
    plant.heater.set_mains(plant._us, case.constants.mains_v * SAG, int(case.constants.mains_mhz))
    loop.run(SAG_S)
    marks.append(loop.seconds)
    plant.heater.set_mains(plant._us, case.constants.mains_v, int(case.constants.mains_mhz))
    loop.run(5)
    marks.append(loop.seconds)
    means = [_mean(loop, a, b) for a, b in zip([marks[0] - 30, *marks], marks)]
    target = case.target_mg_min / 1000
    return means[0] / target - 1, means[1] / means[0] - 1, means[2] / means[0] - 1


def _mean(loop: HeatLoop, since_s: float, until_s: float) -> float:
    rates = [row.steam for row in loop.rows if since_s < row.s <= until_s]
    return sum(rates) / len(rates)


def hold_case(seed: int, kind: str = "lumped") -> Case:
    """The nominal boiler with 0.12 K of noise."""
    return nominal(seed, kind, adc_noise_uv=HOLD_NOISE_UV)


def hold_drawn(seed: int, kind: str = "lumped") -> Case:
    """A drawn boiler, where 90 degC lies below boiling, with calibrated sensors and 0.12 K of noise."""
    case = drawn(seed, kind)
    low = min(case.constants.altitude_m, 1500.0)
    return case.but(altitude_m=low, wall_offset_mc=0, water_offset_mc=0, outlet_offset_mc=0, adc_noise_uv=HOLD_NOISE_UV)


def hold_ours(case: Case) -> tuple[float, float, float]:
    """Overshoot, bias and standard deviation of the true water when our controller holds 90 degC from cold."""
    from contest import hold_run

    loop = Device(case).begin()
    loop.heat.hold(int(HOLD_C * 1000))
    result = hold_run(loop, HOLD_C, HOLD_S)
    assert loop.supervisor.fault == 0
    return result


def hold_peer(item: tuple[str, tuple[float, float, float], Case, str]) -> tuple[float, float, float]:
    """The same for a peer on the sensor of the `water` or of the `wall`, judged by what it holds."""
    from contest import end, hold_run, make, seated

    name, gains, case, sensor = item
    peer = make(name, gains)
    loop, seat = seated(case, peer, sensor)
    seat.start(HOLD_C)
    result = hold_run(loop, HOLD_C, HOLD_S, sensor)
    end(peer)
    return result


def clean_and_scaled(item: tuple[int, float]) -> tuple[bool, int]:
    """A drawn device: two clean sessions, then two with this much scale on top; descale said, and the index."""
    seed, scale_mm = item
    case = drawn(seed)
    device = Device(case, cool_s=1.0)
    for _ in range(2):
        device.steam(case, 90)
    said, index = False, -1
    for _ in range(2):
        heat = device.steam(case.but(scale_mm=scale_mm), 90).loop.heat
        said = said or bool(getattr(heat, "descale", False))
        index = getattr(heat, "scale_permille", -1)
    return said, index
