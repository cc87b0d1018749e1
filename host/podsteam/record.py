# SPDX-License-Identifier: Apache-2.0
"""A session record: frames in, meaning out.

A record is a concatenation of wire frames, delimiters included: RECORD_HEAD, then EVENT and TELE as they
came, then RECORD_END. The device's own records and those that a host takes live have this one form, so
`decode` reads both. It never fails: a torn tail, damage in the middle and messages of a newer device are
counted and skipped.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from podsteam.recap import Dose, Span, Summary, difference_ms, doses_of, spans_of, summary_of
from podsteam.text import safe
from podsteam.wire.messages import Console, Event, EventValue, Program, RecordEnd, RecordHead, Tele
from podsteam_protocol import frame


@dataclass(frozen=True)
class Record:
    """A decoded session record. Times are device times in ms, wrapping at 2^30; `seconds` makes them
    session time."""

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
        """Device time that session time counts from: the STARTED event, else the head, else the first
        frame."""
        for event in self.events:
            if event.event == EventValue.STARTED:
                return event.uptime_ms
        if self.head:
            return self.head.started_ms
        first = self.samples or self.events
        return first[0].uptime_ms if first else 0

    def seconds(self, uptime_ms: int) -> float:
        """Session time of a device time, s. Right within 6 days of the session's start."""
        return difference_ms(uptime_ms, self.start_ms) / 1000

    def wall_time(self, uptime_ms: int, started: datetime | None = None) -> datetime | None:
        """Wall-clock time of a device time. `started` is that of the head's `started_ms`; without it the
        device's own clock counts, and a device without a clock gives None."""
        if self.head is None:
            return None
        if started is None:
            if not self.head.started_unix:
                return None
            started = datetime.fromtimestamp(self.head.started_unix, UTC)
        return started + timedelta(milliseconds=difference_ms(uptime_ms, self.head.started_ms))

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
        return tuple(doses_of(self))

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The session's states one after the other, without gaps."""
        return tuple(spans_of(self))

    @cached_property
    def summary(self) -> Summary:
        """The session's figures: the device's own where the record has its end, else computed from its
        frames."""
        return summary_of(self)


def decode(raw: bytes) -> Record:
    """Read a record. Whatever the bytes are, the answer is a Record; what could not be read is counted in
    it."""
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
