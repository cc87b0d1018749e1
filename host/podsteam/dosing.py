# SPDX-License-Identifier: Apache-2.0
"""From weighed shots to the calibration of a unit's valve: a straight line, how sure it is, and one sentence for what
cannot be.

The device commands `width = dead time + volume / flow`. What a shot truly delivers is then a straight line over the
volume that was commanded: its slope is the true flow over the believed one, and its intercept tells the true dead time.
Nothing here talks to a device. Raises UsageProblem for what somebody typed, IntegrityFailed for a measurement that
cannot be right; so a mistake leaves the old set where it is.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from podsteam.errors import IntegrityFailed, UsageProblem
from podsteam.wire.messages import DoseCalibration

NEW = DoseCalibration(gain_permille=1000, dead_us=3000, p95_permille=200, temp_cdeg=2200)
"""A unit that nobody has calibrated."""
GAIN_PERMILLE = (500, 1500)
DEAD_US = (500, 20_000)
MOST_P95_PERMILLE = 500
LEAST_RUNS = 3
WEAR_PERMILLE = 20
"""Added to what the scatter says, for what wears until the next weighing."""
PER_KELVIN = 2.0
"""How much more water flows for a kelvin more near 20 degC: its viscosity falls by so much (IAPWS R12-08), %."""
MOST_SLOPE_ERROR = 0.15
_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's t for 95 %, two-sided, with 1 to 10 degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.2)."""
_DENSITY = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class Run:
    """Some shots of one volume that were weighed together."""

    volume_nl: int
    """Commanded, of each."""
    shots: int
    mass_mg: float
    """Delivered by all, by the scale."""

    def each_nl(self, density: float) -> float:
        """Delivered by one, nL; `density` in g/mL."""
        return self.mass_mg * 1000 / density / self.shots


@dataclass(frozen=True, slots=True)
class Line:
    """Delivered volume of a shot over the commanded one, with the half widths of the 95 % confidence intervals."""

    slope: float
    slope_error: float
    offset_nl: float
    offset_error_nl: float
    p95_permille: int
    """By how much 19 of 20 shots err at most after the calibration, wear included."""


def mass_mg(before_mg: float, after_mg: float) -> float:
    """What a podlet lost. Raises UsageProblem when the weights are none, or it gained."""
    for name, value in (("before", before_mg), ("after", after_mg)):
        if not (math.isfinite(value) and 0 < value < 1e6):
            raise UsageProblem(f"The weight {name}, {value:g}, is no weight of a podlet in mg.")
    if after_mg >= before_mg:
        raise UsageProblem(f"The weight after, {after_mg:g} mg, is not below the one before, {before_mg:g} mg.")
    return before_mg - after_mg


def line(runs: Sequence[Run], density: float = 1.0) -> Line:
    """The line through the runs. Raises UsageProblem, IntegrityFailed."""
    if not _DENSITY[0] <= density <= _DENSITY[1]:
        raise UsageProblem(f"The density is {density:g}, but must be {_DENSITY[0]:g} to {_DENSITY[1]:g} g/mL.")
    if len(runs) < LEAST_RUNS or len({run.volume_nl for run in runs}) < 2:
        raise IntegrityFailed(f"A calibration takes {LEAST_RUNS} runs or more with two volumes; there are {len(runs)}.")
    for i, run in enumerate(runs, 1):
        if not (math.isfinite(run.mass_mg) and run.mass_mg > 0):
            raise IntegrityFailed(f"Run {i} weighs {run.mass_mg:g} mg: nothing was delivered; check valve and podlet.")
    x = [float(run.volume_nl) for run in runs]
    y = [run.each_nl(density) for run in runs]
    n = len(runs)
    mean_x, mean_y = sum(x) / n, sum(y) / n
    spread = sum((each - mean_x) ** 2 for each in x)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
    offset = mean_y - slope * mean_x
    rest = sum((b - offset - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    deviation = math.sqrt(rest / (n - 2))
    t = _T95[min(n - 2, len(_T95)) - 1]
    slope_error = t * deviation / math.sqrt(spread)
    if slope <= 0 or slope_error > MOST_SLOPE_ERROR * slope:
        raise IntegrityFailed(
            f"The weights do not lie on a line: a slope of {slope:.2f} +- {slope_error:.2f}; check the scale, look for "
            "air in the podlet, and weigh again."
        )
    low = min(x)
    one = t * deviation * math.sqrt(1 + 1 / n + (low - mean_x) ** 2 / spread)
    p95 = math.ceil(1000 * one / (offset + slope * low)) + WEAR_PERMILLE if offset + slope * low > 0 else 1000
    if p95 > MOST_P95_PERMILLE:
        raise IntegrityFailed(f"The shots scatter by {p95 / 10:.0f} %; check the scale and the valve, and weigh again.")
    return Line(slope, slope_error, offset, t * deviation * math.sqrt(1 / n + mean_x**2 / spread), p95)


def calibrated(
    old: DoseCalibration,
    fitted: Line,
    flow_nl_ms: int,
    runs: Sequence[Run],
    room_c: float,
    day: int,
    per_kelvin: float = PER_KELVIN,
) -> DoseCalibration:
    """The new set. `flow_nl_ms`: what the weighed podlet tells; `per_kelvin`: % more flow for each kelvin that the room
    is warmer. Raises IntegrityFailed when it cannot be right, UsageProblem for an odd `per_kelvin`."""
    if not 0 <= per_kelvin <= 5:
        raise UsageProblem(f"--per-kelvin is {per_kelvin:g}, but must be 0 to 5 %.")
    gain = round(old.gain_permille * fitted.slope)
    if not GAIN_PERMILLE[0] <= gain <= GAIN_PERMILLE[1]:
        raise IntegrityFailed(
            f"The valve gives {gain / 10:.0f} % of what the podlet tells, but {GAIN_PERMILLE[0] / 10:.0f} to "
            f"{GAIN_PERMILLE[1] / 10:.0f} % is possible; check scale, density, valve and podlet."
        )
    dead = round(old.dead_us - fitted.offset_nl * 1_000_000 / (flow_nl_ms * gain))
    if not DEAD_US[0] <= dead <= DEAD_US[1]:
        raise IntegrityFailed(
            f"The weights make a dead time of {dead / 1000:.1f} ms, but {DEAD_US[0] / 1000:g} to {DEAD_US[1] / 1000:g} "
            "ms is possible; check the scale, and that the podlet does not leak."
        )
    return dataclasses.replace(
        old,
        gain_permille=gain,
        dead_us=dead,
        p95_permille=fitted.p95_permille,
        temp_permille_k=round(10 * per_kelvin),
        temp_cdeg=round(100 * max(5.0, min(room_c, 45.0))),
        pulses=min(sum(run.shots for run in runs), 65_535),
        day=day,
    )


def picture(runs: Sequence[Run], fitted: Line, density: float) -> str:
    """The weighed runs and their line as an SVG document."""
    points = [(run.volume_nl / 1000, run.each_nl(density) / 1000) for run in runs]
    top = 1.1 * max(max(x, y) for x, y in points)

    def place(x: float, y: float) -> str:
        return f"{60 + 400 * x / top:.1f},{430 - 400 * y / top:.1f}"

    def at(x: float) -> float:
        return fitted.offset_nl / 1000 + fitted.slope * x

    dots = "".join('<circle r="5" fill="#a3367a" cx="{}" cy="{}"/>'.format(*place(x, y).split(",")) for x, y in points)
    start = max(0.0, -fitted.offset_nl / 1000 / fitted.slope)
    labels = "".join(
        f'<text x="{60 + 400 * i / 4:.0f}" y="448" text-anchor="middle">{top * i / 4:.0f}</text>'
        f'<text x="52" y="{434 - 400 * i / 4:.0f}" text-anchor="end">{top * i / 4:.0f}</text>'
        for i in range(5)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 480" font-family="sans-serif" font-size="12">\n'
        '<rect width="500" height="480" fill="#fff"/><path d="M60,30V430H460" fill="none" stroke="#555"/>\n'
        f'<polyline points="{place(0, 0)} {place(top, top)}" stroke="#bbb" stroke-dasharray="4 4"/>\n'
        f'<polyline points="{place(start, at(start))} {place(top, at(top))}" stroke="#2a6f97" stroke-width="2"/>\n'
        f"{dots}{labels}\n"
        '<text x="260" y="470" text-anchor="middle">commanded, µL</text><text x="64" y="24">delivered, µL</text>\n'
        f'<text x="460" y="24" text-anchor="end">slope {fitted.slope:.3f} ± {fitted.slope_error:.3f}, offset '
        f"{fitted.offset_nl / 1000:.2f} ± {fitted.offset_error_nl / 1000:.2f} µL</text>\n</svg>\n"
    )
