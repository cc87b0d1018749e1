# SPDX-License-Identifier: Apache-2.0
"""The one layout of a session's chart, for every canvas: all lengths in pixels, y downwards.

From the top: title (where the canvas has no page around it), state strip, events, doses, then a plot area for
each panel, all over one time axis. Curves are labelled at their right ends, outside of the data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

from podsteam import words
from podsteam.recap import Dose
from podsteam.report.canvas import LEFT, RIGHT, SMALL, TEXT, WIDTH, Canvas, Title, text_width
from podsteam.report.chart import Chart, Note, Panel, Point
from podsteam.report.panel import draw_panel
from podsteam.wire.messages import DoseValue

_ROW = 16.0
_MOST_ROWS = 6
"""Events that find no place in so many rows get their line, but no words; the list beside the picture has them."""
_STRIP = 22.0
_DOSES = 50.0
_TITLE = 24.0
_GAP = 12.0
_AXIS = 44.0

_GIVEN = "given"
_ASSUMED = "assumed"
_REFUSED = "refused"


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
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

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


def _title_height(title: Title | None) -> float:
    return 8 + (28 + 18 * len(title.lines) + 8 if title else 0)


def _frame(chart: Chart, title: Title | None) -> _Frame:
    bare = _Frame(chart, (), 0, _title_height(title), 0)
    placed: list[_Placed] = []
    ends: list[float] = []
    for note in sorted(chart.notes, key=lambda note: note.at_s):
        x = bare.x(note.at_s)
        width = text_width(note.text, SMALL) + 14
        left = _note_left(x, width)
        row = next((i for i, end in enumerate(ends) if end <= left), len(ends))
        if row < _MOST_ROWS:
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
        canvas.text(LEFT, 34, title.title, "ink", 18, bold=True)
        for i, text in enumerate(title.lines):
            canvas.text(LEFT, 56 + 18 * i, text, "muted", 12.5)
    _bands(frame, canvas)
    for top, panel in frame.areas():
        draw_panel(canvas, chart, panel, top, frame.x)
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
        if text_width(band.name, TEXT) + 6 <= right - left:
            role = "bad" if band.role == "fault" else "ink"
            canvas.text((left + right) / 2, frame.strip + 15, band.name, role, TEXT, "middle", bold=True)
        canvas.line([(left, frame.strip), (left, frame.bottom - _GAP)], "grid", 1)


def _events(frame: _Frame, canvas: Canvas) -> None:
    for placed in frame.notes:
        role = "bad" if placed.note.bad else "muted"
        for top, panel in frame.areas():
            canvas.line([(placed.x, top), (placed.x, top + panel.height)], role, 1, (2, 3))
        if placed.row >= _MOST_ROWS:
            continue
        y = frame.events + placed.row * _ROW
        canvas.line([(placed.x, y + 8), (placed.x, frame.dose_lane)], role, 1)
        canvas.area(_rectangle(placed.x - 2.5, y + 5.5, placed.x + 2.5, y + 10.5), role)
        width = text_width(placed.note.text, SMALL) + 14
        right = _note_left(placed.x, width) >= placed.x
        x = placed.x + 6 if right else placed.x - 6
        canvas.text(x, y + 12, placed.note.text, role, SMALL, "start" if right else "end")


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
    canvas.text(LEFT - 8, y + 4, "Doses", "ink", TEXT, "end", bold=True)
    free = 0.0
    for dose in sorted(frame.chart.doses, key=lambda dose: dose.at_s):
        x = frame.x(dose.at_s)
        role = _diamond(canvas, x, y, _kind(dose))
        text = words.microlitres(dose.volume_nl if dose.refused else dose.counted_nl)
        half = text_width(text, SMALL) / 2
        # Not over the key at the right.
        middle = min(x, WIDTH - RIGHT - half)
        if middle - half >= free:
            canvas.text(middle, y + 22, text, role, SMALL, "middle")
            free = middle + half + 4
    kinds = {_kind(dose) for dose in frame.chart.doses}
    shown = [kind for kind in (_GIVEN, _ASSUMED, _REFUSED) if kind in kinds]
    for i, kind in enumerate(shown):
        middle = frame.dose_lane + 8 + 17 * i
        role = _diamond(canvas, WIDTH - RIGHT + 12, middle, kind)
        canvas.text(WIDTH - RIGHT + 22, middle + 4, kind, role, SMALL)


_TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


def _time_axis(frame: _Frame, canvas: Canvas) -> None:
    start_s, end_s = frame.chart.start_s, frame.chart.end_s
    step = next((s for s in _TIME_STEPS_S if (end_s - start_s) / s <= 12), _TIME_STEPS_S[-1])
    for i in range(ceil(start_s / step), floor(end_s / step) + 1):
        x = frame.x(i * step)
        canvas.line([(x, frame.bottom - _GAP), (x, frame.bottom - _GAP + 5)], "axis", 1)
        canvas.text(x, frame.bottom - _GAP + 18, words.clock(i * step), "muted", SMALL, "middle")
    middle = (LEFT + WIDTH - RIGHT) / 2
    canvas.text(middle, frame.bottom - _GAP + 38, "time since the session's start, min:s", "ink", TEXT, "middle")
