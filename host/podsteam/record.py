# SPDX-License-Identifier: Apache-2.0
"""A session record: frames in, meaning out.

A record is a concatenation of wire frames, delimiters included: RECORD_HEAD, then EVENT and TELE as they came,
then RECORD_END. The device's own records and those that a host takes live have this one form, so `decode` reads
both. It never fails: a torn tail, damage in the middle and messages of a newer device are counted and skipped.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from podsteam.text import safe
from podsteam.wire.messages import (
    Console,
    DoseValue,
    Event,
    EventValue,
    FlagBits,
    Program,
    RecordEnd,
    RecordHead,
    StateValue,
    StopValue,
    Tele,
)
from podsteam_protocol import frame

_WRAP = 1 << 30
_MAX_GAP_S = 5.0
"""A longer gap between two samples is not integrated over: nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Dose:
    """One dose that was wanted, and what became of it."""

    at_s: float
    """Time since the session's start."""
    number: int
    """Number of the dose on the podlet; 0: refused before it had one."""
    volume_nl: int
    """Commanded, or wanted when it was refused."""
    counted_nl: int
    """Counted as given."""
    result: int
    """DOSE value."""
    refused: bool
    reduced: tuple[int, ...] = ()
    """DOSE values: why it was made smaller."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in one session state."""

    state: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A session in a few figures. `None`: not known, or it never came to that."""

    complete: bool
    """The session's end is in the record."""
    duration_s: float
    """From the session's start to its end, cooling included; to the last frame when it was cut off."""
    time_to_steam_s: float | None
    steam_s: float
    """Time with verified steam."""
    steam_mg: int
    """Steam made, estimated."""
    steam_rate_mg_min: int | None
    """Mean over the time with verified steam."""
    energy_j: int
    doses: int
    """Given, or counted as given."""
    doses_refused: int
    dosed_nl: int
    stop_reason: int
    """STOP value."""
    fault: int
    """CODE value, 0: none."""
    max_wall_cdeg: int | None
    max_water_cdeg: int | None
    max_outlet_cdeg: int | None


@dataclass(frozen=True)
class Record:
    """A decoded session record. Times are device times in ms, wrapping at 2^30; `seconds` makes them session time."""

    head: RecordHead | None
    program: Program | None
    samples: tuple[Tele, ...]
    events: tuple[Event, ...]
    """In order of time, each once."""
    end: RecordEnd | None
    console: tuple[str, ...] = ()
    """Text that the device printed meanwhile, made safe."""
    unknown: Mapping[int, int] = field(default_factory=dict[int, int])
    """Frames that this version cannot read: how many of each message id."""
    damaged_bytes: int = 0
    """Bytes that belong to no whole frame."""

    @cached_property
    def start_ms(self) -> int:
        """Device time that session time counts from: the STARTED event, else the head, else the first frame."""
        for event in self.events:
            if event.event == EventValue.STARTED:
                return event.uptime_ms
        if self.head:
            return self.head.started_ms
        first = self.samples or self.events
        return first[0].uptime_ms if first else 0

    def seconds(self, uptime_ms: int) -> float:
        """Session time of a device time, s. Right within 6 days of the session's start."""
        return _difference_ms(uptime_ms, self.start_ms) / 1000

    def wall_time(self, uptime_ms: int, started: datetime | None = None) -> datetime | None:
        """Wall-clock time of a device time. `started` is that of the head's `started_ms`; without it the device's
        own clock counts, and a device without a clock gives None."""
        if self.head is None:
            return None
        if started is None:
            if not self.head.started_unix:
                return None
            started = datetime.fromtimestamp(self.head.started_unix, UTC)
        return started + timedelta(milliseconds=_difference_ms(uptime_ms, self.head.started_ms))

    @cached_property
    def last_s(self) -> float:
        """Session time of the last frame that has a time."""
        times = [self.seconds(item.uptime_ms) for item in (*self.samples[-1:], *self.events[-1:])]
        if self.end:
            times.append(self.seconds(self.end.ended_ms))
        return max(times, default=0.0)

    @cached_property
    def doses(self) -> tuple[Dose, ...]:
        """Every dose that was wanted, in order. One that was begun and never reported counts as given."""
        return tuple(_doses(self))

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The session's states one after the other, without gaps."""
        return tuple(_spans(self))

    @cached_property
    def summary(self) -> Summary:
        """The session's figures: the device's own where the record has its end, else computed from its frames."""
        return _summary(self)


def _difference_ms(a: int, b: int) -> int:
    d = (a - b) % _WRAP
    return d if d < _WRAP // 2 else d - _WRAP


def decode(raw: bytes) -> Record:
    """Read a record. Whatever the bytes are, the answer is a Record; what could not be read is counted in it."""
    head: RecordHead | None = None
    end: RecordEnd | None = None
    samples: list[Tele] = []
    events: dict[tuple[int, int], Event] = {}
    console: list[str] = []
    unknown: Counter[int] = Counter()
    damaged = 0
    tail = len(raw) - 1 - raw.rfind(b"\0")
    for is_frame, data in frame.Splitter().feed(raw[: len(raw) - tail]):
        if not is_frame:
            damaged += len(data)
            continue
        payload = data[2:]
        match data[0]:
            case Tele.ID:
                samples.append(Tele.unpack(payload))
            case Event.ID:
                event = Event.unpack(payload)
                # An event that was asked for again comes a second time.
                events.setdefault((event.number, event.uptime_ms), event)
            case RecordHead.ID:
                head = head or RecordHead.unpack(payload)
            case RecordEnd.ID:
                end = RecordEnd.unpack(payload)
            case Console.ID:
                console.append(safe(Console.unpack(payload).text))
            case other:
                unknown[other] += 1
    return Record(
        head=head,
        program=Program.unpack(head.program) if head and head.program else None,
        samples=tuple(samples),
        events=_in_order(list(events.values())),
        end=end,
        console=tuple(console),
        unknown=dict(unknown),
        damaged_bytes=damaged + tail,
    )


def _in_order(events: list[Event]) -> tuple[Event, ...]:
    """By number, which wraps at 65536, so relative to the first one that came."""
    if not events:
        return ()
    first = events[0].number

    def rank(event: Event) -> int:
        d = (event.number - first) % 65536
        return d if d < 32768 else d - 65536

    return tuple(sorted(events, key=rank))


def _doses(record: Record) -> list[Dose]:
    done: list[Dose] = []
    begun: Event | None = None
    reduced: list[int] = []

    def add(event: Event, number: int, volume_nl: int, counted_nl: int, result: int, refused: bool) -> None:
        at_s = record.seconds(event.uptime_ms)
        done.append(Dose(at_s, number, volume_nl, counted_nl, result, refused, tuple(reduced)))
        reduced.clear()

    for event in record.events:
        match event.event:
            case EventValue.DOSE_INTENT:
                if begun is not None:
                    add(begun, begun.b, begun.a, begun.a, DoseValue.ASSUMED, False)
                begun = event
            case EventValue.DOSE_REDUCED:
                reduced.append(event.a)
            case EventValue.DOSE_RESULT:
                # A result whose beginning was lost is a dose all the same.
                number, volume_nl = (begun.b, begun.a) if begun else (0, event.b)
                add(begun or event, number, volume_nl, event.b, event.a, False)
                begun = None
            case EventValue.DOSE_REFUSED:
                add(event, 0, event.b, 0, event.a, True)
            case _:
                pass
    if begun is not None:
        add(begun, begun.b, begun.a, begun.a, DoseValue.ASSUMED, False)
    return done


def _spans(record: Record) -> list[Span]:
    changes = [(record.seconds(e.uptime_ms), e.a, e.b) for e in record.events if e.event == EventValue.STATE]
    first_s = min((record.seconds(x.uptime_ms) for x in (*record.samples[:1], *record.events[:1])), default=0.0)
    if changes:
        points = [(min(first_s, changes[0][0]), changes[0][1]), *((at_s, entered) for at_s, _, entered in changes)]
    else:
        points = [(record.seconds(sample.uptime_ms), sample.state) for sample in record.samples]
    spans: list[Span] = []
    for i, (at_s, state) in enumerate(points):
        until_s = points[i + 1][0] if i + 1 < len(points) else max(record.last_s, at_s)
        if spans and spans[-1].state == state:
            spans[-1] = Span(state, spans[-1].start_s, until_s)
        elif until_s > at_s:
            spans.append(Span(state, at_s, until_s))
    return spans


def _integrals(record: Record) -> tuple[float, float]:
    """Time with verified steam in s and steam made in mg, from the samples."""
    steam_s = steam_mg = 0.0
    for before, after in zip(record.samples, record.samples[1:], strict=False):
        step_s = _difference_ms(after.uptime_ms, before.uptime_ms) / 1000
        if 0 < step_s <= _MAX_GAP_S and before.flags & FlagBits.STEAM_OK:
            steam_s += step_s
            steam_mg += (before.steam_mg_min + after.steam_mg_min) / 2 * step_s / 60
    return round(steam_s, 3), steam_mg


def _time_to_steam_s(record: Record) -> float | None:
    for event in record.events:
        if event.event == EventValue.STEAM_VERIFIED:
            return float(event.a)
    for sample in record.samples:
        if sample.flags & FlagBits.STEAM_OK:
            return record.seconds(sample.uptime_ms)
    return None


def _summary(record: Record) -> Summary:
    end = record.end
    stopped = next((e for e in reversed(record.events) if e.event == EventValue.STOPPED), None)
    fault = next((e.a for e in record.events if e.event == EventValue.FAULT), 0)
    given = [dose for dose in record.doses if not dose.refused]
    running = [s for s in record.samples if s.state not in (StateValue.IDLE, StateValue.ARMED)]
    if end:
        steam_s, steam_mg, energy_j = float(end.steam_s), end.steam_mg, end.energy_j
        doses, dosed_nl, stop, fault = end.doses, end.dosed_nl, end.stop_reason, end.fault or fault
    else:
        steam_s, made_mg = _integrals(record)
        steam_mg, energy_j = round(made_mg), max((s.energy_j for s in running), default=0)
        doses, dosed_nl = len(given), sum(dose.counted_nl for dose in given)
        stop = stopped.a if stopped else int(StopValue.NONE)
        fault = (stopped.b if stopped else 0) or fault
    return Summary(
        complete=bool(end or stopped),
        duration_s=max(0.0, record.seconds(end.ended_ms) if end else record.last_s),
        time_to_steam_s=_time_to_steam_s(record),
        steam_s=steam_s,
        steam_mg=steam_mg,
        steam_rate_mg_min=round(steam_mg * 60 / steam_s) if steam_s else None,
        energy_j=energy_j,
        doses=doses,
        doses_refused=len(record.doses) - len(given),
        dosed_nl=dosed_nl,
        stop_reason=stop,
        fault=fault,
        max_wall_cdeg=max((s.wall_cdeg for s in running), default=None),
        max_water_cdeg=max((s.water_cdeg for s in running), default=None),
        max_outlet_cdeg=max((s.outlet_cdeg for s in running), default=None),
    )
