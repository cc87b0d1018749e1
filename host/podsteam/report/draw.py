# SPDX-License-Identifier: Apache-2.0
"""The one layout of a session's chart, for every canvas: all lengths in pixels, y downwards.

From the top: title (where the canvas has no page around it), state strip, events, doses, then a plot area for each
panel, all over one time axis. Curves are labelled at their right ends, outside of the data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Literal, Protocol

from podsteam import words
from podsteam.record import Dose
from podsteam.report.chart import Chart, Curve, Note, Panel, Point, thin
from podsteam.wire.messages import DoseValue

WIDTH = 1120.0
_LEFT = 58.0
_RIGHT = 104.0
_ROW = 16.0
_STRIP = 22.0
_DOSES = 50.0
_TITLE = 24.0
_GAP = 12.0
_AXIS = 44.0
_SMALL = 11.0
_TEXT = 12.0
_CHARACTER = 0.58
"""Width of a character, in font sizes: a little more than usual, so that an estimate errs towards space."""

_DASH = (5.0, 3.0)
_GIVEN = "given"
_ASSUMED = "assumed"
_REFUSED = "refused"

Anchor = Literal["start", "middle", "end"]

PALETTE: dict[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#14171c"),
    "ink": ("#1b1f24", "#eceff3"),
    "muted": ("#5b6470", "#a4adb8"),
    "grid": ("#dfe3e8", "#2c323a"),
    "axis": ("#8a939e", "#6d7682"),
    # After Okabe and Ito, "Color Universal Design", 2008; lighter ones on dark paper.
    "wall": ("#c44e00", "#ff8f4d"),
    "water": ("#0072b2", "#5cb3f0"),
    "outlet": ("#007f5c", "#2fd3a3"),
    "aim": ("#6b7480", "#b6bec8"),
    "power": ("#b87900", "#f0b43c"),
    "power-fill": ("#e69f0040", "#e69f0038"),
    "duty": ("#7a5c9e", "#c3a3ea"),
    "duty-fill": ("#7a5c9e30", "#c3a3ea2c"),
    "steam": ("#1f7fae", "#6cc7f2"),
    "steam-fill": ("#56b4e940", "#56b4e938"),
    "dose": ("#a3367a", "#f08cc4"),
    "bad": ("#b3261e", "#ff8a80"),
    "band-idle": ("#f4f5f7", "#191d23"),
    "band-armed": ("#eef0f3", "#1d2229"),
    "band-warm_up": ("#fff1e0", "#2b2216"),
    "band-steam": ("#e4f2fb", "#13262f"),
    "band-paused": ("#f3ecfa", "#241d2d"),
    "band-cooling": ("#eaf5ee", "#17251d"),
    "band-fault": ("#fde5e2", "#331a19"),
}
"""Colours by role, on light and on dark paper."""


class Canvas(Protocol):
    """What a chart is drawn on. `role` is a key of `PALETTE`."""

    def line(self, points: Sequence[Point], role: str, width: float, dash: tuple[float, float] | None = None) -> None:
        """A polyline."""
        ...

    def area(self, points: Sequence[Point], role: str) -> None:
        """A filled polygon without an outline."""
        ...

    def text(
        self, x: float, y: float, text: str, role: str, size: float = _TEXT, anchor: Anchor = "start", bold: bool = False
    ) -> None:
        """One line of text, `y` being its baseline."""
        ...


@dataclass(frozen=True, slots=True)
class Title:
    """Lines above the chart, for a canvas with no page around it."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    note: Note
    x: float
    row: int


@dataclass(frozen=True, slots=True)
class _Frame:
    """The time axis, and where the parts lie."""

    chart: Chart
    notes: tuple[_Placed, ...]
    note_rows: int
    top: float
    height: float

    def x(self, at_s: float) -> float:
        share = (at_s - self.chart.start_s) / (self.chart.end_s - self.chart.start_s)
        return _LEFT + min(max(share, 0.0), 1.0) * (WIDTH - _LEFT - _RIGHT)

    @property
    def strip(self) -> float:
        return self.top

    @property
    def events(self) -> float:
        return self.top + _STRIP + 4

    @property
    def dose_lane(self) -> float:
        return self.events + self.note_rows * _ROW

    @property
    def panels(self) -> float:
        return self.dose_lane + (_DOSES if self.chart.doses else 0)

    @property
    def bottom(self) -> float:
        return self.height - _AXIS

    def areas(self) -> Iterator[tuple[float, Panel]]:
        """Each panel with the top of its plot area."""
        top = self.panels
        for panel in self.chart.panels:
            yield top + _TITLE, panel
            top += _TITLE + panel.height + _GAP


def text_width(text: str, size: float) -> float:
    """About how wide a text is, in pixels."""
    return len(text) * size * _CHARACTER


def _title_height(title: Title | None) -> float:
    return 8 + (28 + 18 * len(title.lines) + 8 if title else 0)


def _frame(chart: Chart, title: Title | None) -> _Frame:
    bare = _Frame(chart, (), 0, _title_height(title), 0)
    placed: list[_Placed] = []
    ends: list[float] = []
    for note in sorted(chart.notes, key=lambda note: note.at_s):
        x = bare.x(note.at_s)
        width = text_width(note.text, _SMALL) + 14
        left = _note_left(x, width)
        row = next((i for i, end in enumerate(ends) if end <= left), len(ends))
        ends[row : row + 1] = [max(left, x) + width]
        placed.append(_Placed(note, x, row))
    panels = sum(_TITLE + panel.height + _GAP for panel in chart.panels)
    partly = _Frame(chart, tuple(placed), len(ends), bare.top, 0)
    return _Frame(chart, tuple(placed), len(ends), bare.top, partly.panels + panels + _AXIS)


def _note_left(x: float, width: float) -> float:
    """Where an event's text begins: right of its mark, or left of it at the picture's edge."""
    return x if x + width < WIDTH - 8 else x - width


def height(chart: Chart, title: Title | None = None) -> float:
    """The picture's height."""
    return _frame(chart, title).height


def draw(chart: Chart, canvas: Canvas, title: Title | None = None) -> None:
    """Draw the chart. The canvas is `WIDTH` by `height(chart, title)`."""
    frame = _frame(chart, title)
    if title:
        canvas.text(_LEFT, 34, title.title, "ink", 18, bold=True)
        for i, text in enumerate(title.lines):
            canvas.text(_LEFT, 56 + 18 * i, text, "muted", 12.5)
    _bands(frame, canvas)
    for top, panel in frame.areas():
        _panel(frame, canvas, panel, top)
    _time_axis(frame, canvas)
    _events(frame, canvas)
    _doses(frame, canvas)


def _rectangle(left: float, top: float, right: float, bottom: float) -> list[Point]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _bands(frame: _Frame, canvas: Canvas) -> None:
    for band in frame.chart.bands:
        left, right = frame.x(band.start_s), frame.x(band.end_s)
        if right - left < 0.2:
            continue
        canvas.area(_rectangle(left, frame.strip, right, frame.bottom - _GAP), f"band-{band.role}")
        if text_width(band.name, _TEXT) + 6 <= right - left:
            role = "bad" if band.role == "fault" else "ink"
            canvas.text((left + right) / 2, frame.strip + 15, band.name, role, _TEXT, "middle", bold=True)
        canvas.line([(left, frame.strip), (left, frame.bottom - _GAP)], "grid", 1)


def _events(frame: _Frame, canvas: Canvas) -> None:
    for placed in frame.notes:
        role = "bad" if placed.note.bad else "muted"
        y = frame.events + placed.row * _ROW
        canvas.line([(placed.x, y + 8), (placed.x, frame.dose_lane)], role, 1)
        for top, panel in frame.areas():
            canvas.line([(placed.x, top), (placed.x, top + panel.height)], role, 1, (2, 3))
        canvas.area(_rectangle(placed.x - 2.5, y + 5.5, placed.x + 2.5, y + 10.5), role)
        width = text_width(placed.note.text, _SMALL) + 14
        right = _note_left(placed.x, width) >= placed.x
        x = placed.x + 6 if right else placed.x - 6
        canvas.text(x, y + 12, placed.note.text, role, _SMALL, "start" if right else "end")


def _diamond(canvas: Canvas, x: float, y: float, kind: str) -> str:
    """A dose's mark: full, half full or crossed out. Returns its role."""
    ring = [(x, y - 7), (x + 6, y), (x, y + 7), (x - 6, y), (x, y - 7)]
    if kind == _REFUSED:
        canvas.line(ring, "bad", 1.4)
        canvas.line([(x - 3, y - 3), (x + 3, y + 3)], "bad", 1.4)
        canvas.line([(x - 3, y + 3), (x + 3, y - 3)], "bad", 1.4)
        return "bad"
    canvas.line(ring, "dose", 1.4)
    canvas.area(ring if kind == _GIVEN else [(x, y - 7), (x, y + 7), (x - 6, y)], "dose")
    return "dose"


def _kind(dose: Dose) -> str:
    if dose.refused:
        return _REFUSED
    return _GIVEN if dose.result == DoseValue.GIVEN else _ASSUMED


def _doses(frame: _Frame, canvas: Canvas) -> None:
    if not frame.chart.doses:
        return
    y = frame.dose_lane + 14
    canvas.text(_LEFT - 8, y + 4, "Doses", "ink", _TEXT, "end", bold=True)
    free = 0.0
    for dose in frame.chart.doses:
        x = frame.x(dose.at_s)
        role = _diamond(canvas, x, y, _kind(dose))
        text = words.microlitres(dose.volume_nl if dose.refused else dose.counted_nl)
        half = text_width(text, _SMALL) / 2
        if x - half >= free:
            canvas.text(x, y + 22, text, role, _SMALL, "middle")
            free = x + half + 4
    kinds = {_kind(dose) for dose in frame.chart.doses}
    shown = [kind for kind in (_GIVEN, _ASSUMED, _REFUSED) if kind in kinds]
    for i, kind in enumerate(shown):
        middle = frame.dose_lane + 8 + 17 * i
        role = _diamond(canvas, WIDTH - _RIGHT + 12, middle, kind)
        canvas.text(WIDTH - _RIGHT + 22, middle + 4, kind, role, _SMALL)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round values from `low` to `high`, at most about `most` of them, in steps of 1, 2 or 5 times a power of ten."""
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


def _panel(frame: _Frame, canvas: Canvas, panel: Panel, top: float) -> None:
    bottom = top + panel.height
    low, high = _range(panel)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * panel.height

    right = WIDTH - _RIGHT
    canvas.text(_LEFT, top - 7, panel.title, "ink", _TEXT, bold=True)
    for value in ticks(low, high, max(2, int(panel.height / 26))):
        canvas.line([(_LEFT, y(value)), (right, y(value))], "grid", 1)
        canvas.text(_LEFT - 7, y(value) + 4, f"{value:g}", "muted", _SMALL, "end")
    canvas.line([(_LEFT, top), (_LEFT, bottom), (right, bottom)], "axis", 1)
    labels: list[tuple[float, Curve]] = []
    for curve in panel.curves:
        for part in curve.parts:
            points = [
                (frame.x(at_s), y(value))
                for at_s, value in thin(part, frame.chart.start_s, frame.chart.end_s, int(right - _LEFT))
            ]
            if curve.filled:
                canvas.area([(points[0][0], bottom), *points, (points[-1][0], bottom)], f"{curve.role}-fill")
            canvas.line(points, curve.role, 1.4 if curve.dashed else 1.8, _DASH if curve.dashed else None)
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
        canvas.line(leader, curve.role, 1.4, _DASH if curve.dashed else None)
        canvas.text(right + 22, place + 4, curve.name, curve.role, _TEXT, bold=True)


_TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


def _time_axis(frame: _Frame, canvas: Canvas) -> None:
    start_s, end_s = frame.chart.start_s, frame.chart.end_s
    step = next((s for s in _TIME_STEPS_S if (end_s - start_s) / s <= 12), _TIME_STEPS_S[-1])
    for i in range(ceil(start_s / step), floor(end_s / step) + 1):
        x = frame.x(i * step)
        canvas.line([(x, frame.bottom - _GAP), (x, frame.bottom - _GAP + 5)], "axis", 1)
        canvas.text(x, frame.bottom - _GAP + 18, words.clock(i * step), "muted", _SMALL, "middle")
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    canvas.text(middle, frame.bottom - _GAP + 38, "time since the session's start, min:s", "ink", _TEXT, "middle")
