# SPDX-License-Identifier: Apache-2.0
"""One plot area: grid, value axis, curves, and the curves' names at their right ends, outside of the data."""

from collections.abc import Callable
from math import ceil, floor, log10

from podsteam.report.canvas import DASH, LEFT, RIGHT, SMALL, TEXT, WIDTH, Canvas
from podsteam.report.chart import Chart, Curve, Panel, thin


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round values from `low` to `high`, at most about `most` of them, in steps of 1, 2 or 5 times a power
    of ten."""
    rough = max(high - low, 1e-9) / max(most, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough * 0.999)
    return [i * step for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def _range(panel: Panel) -> tuple[float, float]:
    values = [y for curve in panel.curves for part in curve.parts for _, y in part]
    high = max([*values, panel.at_least])
    low = 0.0 if panel.from_zero else min([*values, 20.0])
    room = (high - low) * 0.06
    return (low if panel.from_zero else low - room), high + room


def draw_panel(canvas: Canvas, chart: Chart, panel: Panel, top: float, x: Callable[[float], float]) -> None:
    """Draw a panel whose plot area begins at `top`; `x` gives the place of a time."""
    bottom = top + panel.height
    low, high = _range(panel)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * panel.height

    right = WIDTH - RIGHT
    canvas.text(LEFT, top - 7, panel.title, "ink", TEXT, bold=True)
    for value in ticks(low, high, max(2, int(panel.height / 26))):
        canvas.line([(LEFT, y(value)), (right, y(value))], "grid", 1)
        canvas.text(LEFT - 7, y(value) + 4, f"{value:g}", "muted", SMALL, "end")
    canvas.line([(LEFT, top), (LEFT, bottom), (right, bottom)], "axis", 1)
    labels: list[tuple[float, Curve]] = []
    for curve in panel.curves:
        for part in curve.parts:
            points = [(x(at_s), y(value)) for at_s, value in thin(part, chart.start_s, chart.end_s, int(right - LEFT))]
            if curve.filled:
                canvas.area([(points[0][0], bottom), *points, (points[-1][0], bottom)], f"{curve.role}-fill")
            canvas.line(points, curve.role, 1.4 if curve.dashed else 1.8, DASH if curve.dashed else None)
        if curve.parts:
            labels.append((y(curve.parts[-1][-1][1]), curve))
    _labels(canvas, labels, right, top, bottom)


def _labels(canvas: Canvas, labels: list[tuple[float, Curve]], right: float, top: float, bottom: float) -> None:
    """Names at the curves' right ends, moved apart where they would overlap."""
    step = 14.0
    labels = sorted(labels, key=lambda label: label[0])
    places: list[float] = []
    for at, _ in labels:
        places.append(max(at, places[-1] + step if places else top + 4))
    over = places[-1] - (bottom - 2) if places else 0.0
    if over > 0:
        limit = bottom - 2
        for i in range(len(places) - 1, -1, -1):
            places[i] = min(places[i], limit)
            limit = places[i] - step
    for (at, curve), place in zip(labels, places, strict=True):
        leader = [(right + 2, at), (right + 12, place), (right + 18, place)]
        canvas.line(leader, curve.role, 1.4, DASH if curve.dashed else None)
        canvas.text(right + 22, place + 4, curve.name, curve.role, TEXT, bold=True)
