# SPDX-License-Identifier: Apache-2.0
"""What is shown of a session, apart from how it is drawn: curves, state bands, doses and events on one
time axis."""

from collections.abc import Callable
from dataclasses import dataclass

from podsteam import words
from podsteam.program import phases_of
from podsteam.recap import Dose
from podsteam.record import Record
from podsteam.wire.messages import CODES, Event, EventValue, PodletValue, StateValue, StopValue, Tele

Point = tuple[float, float]

_GAP_S = 5.0
"""A curve is interrupted where no sample came for longer than this."""
_LEAD_S = 20.0
"""Most of the waiting before the session's start that is shown."""
_PLAUSIBLE_CDEG = (-5000, 40000)
"""What a sensor reads outside of this is a broken sensor, not a temperature."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: `parts` are its uninterrupted pieces, (s, value)."""

    name: str
    role: str
    """Name of its colour."""
    parts: tuple[tuple[Point, ...], ...]
    dashed: bool = False
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot area."""

    title: str
    """What is measured, and its unit."""
    height: float
    curves: tuple[Curve, ...]
    from_zero: bool
    at_least: float
    """The upper end of the axis is at least this."""


@dataclass(frozen=True, slots=True)
class Band:
    """A session state, shaded behind everything."""

    name: str
    role: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Note:
    """An event worth a mark on the time axis."""

    at_s: float
    text: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is drawn."""

    start_s: float
    end_s: float
    bands: tuple[Band, ...]
    notes: tuple[Note, ...]
    doses: tuple[Dose, ...]
    panels: tuple[Panel, ...]


def chart_of(record: Record) -> Chart:
    """The chart of a session; a record without samples gives empty panels."""
    first_s = min((span.start_s for span in record.spans), default=0.0)
    start_s = max(min(first_s, 0.0), -_LEAD_S)
    end_s = max(record.last_s, start_s + 10.0)

    def curve(
        name: str,
        role: str,
        value: Callable[[Tele], float | None],
        dashed: bool = False,
        filled: bool = False,
    ) -> Curve:
        return Curve(name, role, _parts(record, start_s, value), dashed, filled)

    temperatures = (
        curve("wall", "wall", lambda s: _celsius(s.wall_cdeg)),
        curve("water", "water", lambda s: _celsius(s.water_cdeg)),
        curve("outlet", "outlet", lambda s: _celsius(s.outlet_cdeg)),
        curve("aimed at", "aim", lambda s: _celsius(s.target_cdeg) if s.target_cdeg else None, dashed=True),
    )
    delivered = curve("delivered", "power", lambda s: s.power_dw / 10, filled=True)
    duty = curve("on-time", "duty", lambda s: s.duty_permille / 10, filled=True)
    made = curve("estimated", "steam", lambda s: s.steam_mg_min / 1000, filled=True)
    wanted = Curve("wanted", "aim", _wanted(record), dashed=True)
    return Chart(
        start_s,
        end_s,
        tuple(_bands(record, start_s)),
        tuple(note for event in record.events if (note := _note(record, event)) and note.at_s >= start_s),
        record.doses,
        (
            Panel("Temperature, °C", 230, tuple(c for c in temperatures if c.parts), False, 60),
            Panel("Power, W", 105, (delivered,), True, 50),
            Panel("Duty, %", 62, (duty,), True, 100),
            Panel("Steam rate, g/min", 105, tuple(c for c in (made, wanted) if c.parts), True, 2),
        ),
    )


def _celsius(cdeg: int) -> float | None:
    return cdeg / 100 if _PLAUSIBLE_CDEG[0] <= cdeg <= _PLAUSIBLE_CDEG[1] else None


def _parts(record: Record, start_s: float, value: Callable[[Tele], float | None]) -> tuple[tuple[Point, ...], ...]:
    parts: list[list[Point]] = []
    last_s: float | None = None
    for sample in record.samples:
        at_s, y = record.seconds(sample.uptime_ms), value(sample)
        if y is None or at_s < start_s or (last_s is not None and at_s < last_s):
            last_s = None if y is None else last_s
            continue
        if last_s is None or at_s - last_s > _GAP_S:
            parts.append([])
        parts[-1].append((at_s, y))
        last_s = at_s
    return tuple(tuple(part) for part in parts)


def _wanted(record: Record) -> tuple[tuple[Point, ...], ...]:
    """The program's steam rate over the time in which steam was made; pauses stretch it."""
    if record.program is None:
        return ()
    left = [(rate / 1000, float(length)) for rate, length in phases_of(record.program)]
    parts: list[tuple[Point, ...]] = []
    for span in record.spans:
        points: list[Point] = []
        at_s = span.start_s
        while span.state == StateValue.STEAM and left and at_s < span.end_s:
            rate, length = left[0]
            until_s = min(span.end_s, at_s + length)
            points += [(at_s, rate), (until_s, rate)]
            left[0] = (rate, length - (until_s - at_s))
            if left[0][1] <= 0:
                left.pop(0)
            at_s = until_s
        if points:
            parts.append(tuple(points))
    return tuple(parts)


def _bands(record: Record, start_s: float) -> list[Band]:
    bands: list[Band] = []
    for span in record.spans:
        if span.end_s > start_s:
            known = StateValue(span.state).name.lower() if span.state in set(StateValue) else "idle"
            bands.append(Band(words.word(words.STATE, span.state), known, max(span.start_s, start_s), span.end_s))
    return bands


_PODLET_NOTES = {
    PodletValue.ABSENT: "no podlet",
    PodletValue.EXHAUSTED: "podlet exhausted",
    PodletValue.EXPIRED: "podlet expired",
    PodletValue.UNREADABLE: "podlet unreadable",
    PodletValue.REMOVED: "podlet removed",
    PodletValue.RECALLED: "podlet recalled",
    PodletValue.ALLERGEN: "podlet with a listed allergen",
}


def _note(record: Record, event: Event) -> Note | None:
    """The mark for an event, where it gets one: what the curves and bands do not say by themselves."""
    text = ""
    match event.event:
        case EventValue.STARTED:
            text = "button pressed"
        case EventValue.STEAM_VERIFIED:
            text = "steam verified"
        case EventValue.STOPPED if event.a != StopValue.FAULT:
            text = words.word(words.STOP, event.a)
        case EventValue.FAULT:
            known = CODES.get(event.a)
            text = f"fault {event.a}" + (f" {known.name}" if known else "")
        case EventValue.PODLET:
            text = _PODLET_NOTES.get(PodletValue(event.a), "") if event.a in set(PodletValue) else ""
        case EventValue.LEASE if not event.a:
            text = "host went silent"
        case EventValue.DRY_PROBE if not event.b:
            text = "probe: dry"
        case EventValue.BOOT:
            text = "device restarted"
        case EventValue.STORE:
            text = "device's store failed"
        case _:
            pass
    return Note(record.seconds(event.uptime_ms), text, words.level(event) == "bad") if text else None


def thin(part: tuple[Point, ...], start_s: float, end_s: float, columns: int) -> list[Point]:
    """At most four points for each of `columns` columns of the picture: first, lowest, highest and last,
    in order."""
    if len(part) <= 2 * columns:
        return list(part)
    scale = columns / (end_s - start_s)
    kept: list[Point] = []
    column: list[Point] = []
    current = -1
    for point in (*part, None):
        here = -1 if point is None else int((point[0] - start_s) * scale)
        if column and here != current:
            low, high = min(column, key=lambda p: p[1]), max(column, key=lambda p: p[1])
            kept += sorted({column[0], low, high, column[-1]})
            column = []
        if point is not None:
            column.append(point)
        current = here
    return kept
