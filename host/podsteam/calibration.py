# SPDX-License-Identifier: Apache-2.0
"""From what was measured to a unit's new calibration: bounds, plausibility, and one sentence for what cannot be.

Nothing here talks to a device. Every function returns a new set or raises: UsageProblem for what somebody typed,
IntegrityFailed for a measurement that cannot be right. So a mistake leaves the old set where it is. The device checks
the bounds again.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from podsteam.boilingpoint import at_pressure, pressure_at
from podsteam.errors import IntegrityFailed, UsageProblem
from podsteam.wire.messages import Calibration, Tele

NEW = Calibration(element_dw=4000, gain_permille=1000, low_cdeg=2200)
"""A unit that nobody has calibrated."""

MOST_K = 3.0
"""Largest correction of a sensor, and largest difference between sensors at rest."""
STILL_K = 0.5
"""Most that a sensor at rest, or water at its boiling point, may move while it is read."""
LEAST_STEAM_S = 60
LEAST_G = 5.0
GAIN = (0.7, 1.3)
ELEMENT_W = (100.0, 1000.0)
REST_C = (5.0, 45.0)
BOILING_C = (85.0, 103.0)
ALTITUDE_M = (-430.0, 4000.0)
PRESSURE_HPA = (600.0, 1085.0)


def within(name: str, value: float, bounds: tuple[float, float], unit: str) -> float:
    """The value, if it is a number within the bounds. Raises UsageProblem with its name."""
    low, high = bounds
    if not (math.isfinite(value) and low <= value <= high):
        raise UsageProblem(f"{name} is {value:g}, but must be {low:g} to {high:g} {unit}.")
    return value


def boiling_point_c(
    altitude_m: float | None = None, pressure_hpa: float | None = None, boiling_c: float | None = None
) -> float | None:
    """The true boiling point from whichever one is given; None: none is. Raises UsageProblem."""
    given = [each for each in (altitude_m, pressure_hpa, boiling_c) if each is not None]
    if len(given) > 1:
        raise UsageProblem("Give the boiling point in one way: --altitude-m, --pressure-hpa or --boiling-c.")
    if altitude_m is not None:
        return at_pressure(pressure_at(within("--altitude-m", altitude_m, ALTITUDE_M, "m")))
    if pressure_hpa is not None:
        return at_pressure(within("--pressure-hpa", pressure_hpa, PRESSURE_HPA, "hPa"))
    return within("--boiling-c", boiling_c, BOILING_C, "degC") if boiling_c is not None else None


# Sensors ----------------------------------------------------------------------------------------------------------


def water_correction_k(calibration: Calibration, reading_c: float) -> float:
    """What the device adds to an uncorrected reading of the water, K."""
    low_k, high_k = calibration.water_low_mk / 1000, calibration.water_high_mk / 1000
    if not calibration.high_cdeg:
        return low_k
    low_c, high_c = calibration.low_cdeg / 100, calibration.high_cdeg / 100
    share = max(0.0, min((reading_c - low_c) / (high_c - low_c), 1.0))
    return low_k + (high_k - low_k) * share


def uncorrected_water_c(calibration: Calibration, shown_c: float) -> float:
    """The reading behind a corrected one. The correction's slope is below 0.2, so this settles at once."""
    reading_c = shown_c
    for _ in range(20):
        reading_c = shown_c - water_correction_k(calibration, reading_c)
    return reading_c


@dataclass(frozen=True, slots=True)
class Readings:
    """What the three sensors showed over a stretch of time, corrected as they are now; degC."""

    wall_c: float
    water_c: float
    outlet_c: float
    moved_k: tuple[float, float, float]
    """Between the first third's mean and the last third's, of each."""


def readings(samples: Sequence[Tele]) -> Readings:
    """The means of some measurements, at least three."""
    columns = [[getattr(s, f"{name}_cdeg") / 100 for s in samples] for name in ("wall", "water", "outlet")]
    third = len(samples) // 3
    moved = [abs(_mean(column[-third:]) - _mean(column[:third])) for column in columns]
    return Readings(*(_mean(column) for column in columns), moved_k=(moved[0], moved[1], moved[2]))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _correction_mk(name: str, true_c: float, reading_c: float) -> int:
    off_k = reading_c - true_c
    if not abs(off_k) <= MOST_K:
        raise IntegrityFailed(
            f"The {name} sensor reads {reading_c:.1f} degC where {true_c:.1f} degC is true; a correction of more than"
            f" {MOST_K:g} K is refused, so check the sensor and the reference."
        )
    return round(-1000 * off_k)


def at_rest(old: Calibration, seen: Readings, true_c: float) -> Calibration:
    """The low point: everything has stood at `true_c` for long. Raises UsageProblem, IntegrityFailed."""
    within("--at-rest", true_c, REST_C, "degC")
    shown = {"wall": seen.wall_c, "water": seen.water_c, "outlet": seen.outlet_c}
    for name, moved_k in zip(shown, seen.moved_k, strict=True):
        if moved_k > STILL_K:
            raise IntegrityFailed(
                f"The boiler is not at rest: the {name} sensor moved by {moved_k:.1f} K while it was read; wait until"
                " it has taken the room's temperature."
            )
    low, high = min(shown, key=shown.__getitem__), max(shown, key=shown.__getitem__)
    if shown[high] - shown[low] > MOST_K:
        raise IntegrityFailed(
            f"The boiler is not at rest: {high} {shown[high]:.1f} and {low} {shown[low]:.1f} degC differ by more than"
            f" {MOST_K:g} K; wait until all have taken the room's temperature."
        )
    water_c = uncorrected_water_c(old, seen.water_c)
    return dataclasses.replace(
        old,
        wall_low_mk=_correction_mk("wall", true_c, seen.wall_c - old.wall_low_mk / 1000),
        water_low_mk=_correction_mk("water", true_c, water_c),
        outlet_low_mk=_correction_mk("outlet", true_c, seen.outlet_c - old.outlet_low_mk / 1000),
        low_cdeg=round(100 * water_c),
    )


def at_boiling(old: Calibration, seen: Readings, true_c: float) -> Calibration:
    """The high point, of the water alone: it boils, at `true_c`. Raises UsageProblem, IntegrityFailed."""
    within("The boiling point", true_c, BOILING_C, "degC")
    if seen.moved_k[1] > STILL_K:
        raise IntegrityFailed(
            f"The water is not on its boiling plateau: its sensor moved by {seen.moved_k[1]:.1f} K while it was read;"
            " let it boil for longer."
        )
    water_c = uncorrected_water_c(old, seen.water_c)
    return dataclasses.replace(
        old, water_high_mk=_correction_mk("water", true_c, water_c), high_cdeg=round(100 * water_c)
    )


# Steam ------------------------------------------------------------------------------------------------------------


def weighed_g(before_g: float | None, after_g: float | None, grams: float | None) -> float | None:
    """Steam made by the scale: the loss of weight, or the loss itself; None: nothing is given. Raises UsageProblem."""
    for name, value in (("--before", before_g), ("--after", after_g), ("--grams", grams)):
        if value is not None and not (math.isfinite(value) and 0 < value < 100_000):
            raise UsageProblem(f"{name} is {value:g}, which is no weight in grams.")
    if grams is not None:
        if before_g is not None or after_g is not None:
            raise UsageProblem("Give either --grams, or --before and --after.")
        return grams
    if before_g is None or after_g is None:
        return None
    if after_g >= before_g:
        raise UsageProblem(f"The weight after, {after_g:g} g, is not below the one before, {before_g:g} g.")
    return before_g - after_g


def by_weight(old: Calibration, weighed: float, believed_g: float, steam_s: float) -> Calibration:
    """The steam gain from one weighed session. Raises IntegrityFailed when it cannot be right."""
    if steam_s < LEAST_STEAM_S:
        raise IntegrityFailed(
            f"The session had {steam_s:.0f} s of verified steam; the gain needs {LEAST_STEAM_S} s or more, better 180."
        )
    if not weighed >= LEAST_G:
        raise IntegrityFailed(f"{weighed:g} g of steam is too little for the gain; it needs {LEAST_G:g} g or more.")
    if not (math.isfinite(believed_g) and believed_g > 0):
        raise IntegrityFailed("The device does not know how much steam it made; run the session again.")
    gain = old.gain_permille / 1000 * weighed / believed_g
    if not GAIN[0] <= gain <= GAIN[1]:
        raise IntegrityFailed(
            f"{weighed:g} g weighed against {believed_g:.1f} g believed makes a gain of {gain:.2f}, but {GAIN[0]:g} to"
            f" {GAIN[1]:g} is possible; check the scale, the element's rated power and for spilt water."
        )
    return dataclasses.replace(old, gain_permille=round(1000 * gain))


def rated_power(old: Calibration, watts: float) -> Calibration:
    """The element's rated power at 230 V. Raises UsageProblem."""
    return dataclasses.replace(old, element_dw=round(10 * within("The rated power", watts, ELEMENT_W, "W")))
