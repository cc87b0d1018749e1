# SPDX-License-Identifier: Apache-2.0
"""What a session amounts to: its doses, the states it went through, and its summary, worked out from a
record."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from podsteam.outlook import outlook
from podsteam.shots import Shots
from podsteam.wire.messages import DoseValue, Event, EventValue, FlagBits, StateValue, StopValue, Tele

if TYPE_CHECKING:
    from podsteam.record import Record

_WRAP = 1 << 30
_MAX_GAP_S = 5.0
"""A longer gap between two samples is not integrated over: nothing is known of it."""


def difference_ms(a: int, b: int) -> int:
    """`a` minus `b`, device times in ms that wrap at 2^30; right while they are less than 6 days apart."""
    d = (a - b) % _WRAP
    return d if d < _WRAP // 2 else d - _WRAP


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
    wanted_nl: int = 0
    """Before it was made smaller; 0: it was not, or the record does not tell."""

    @property
    def intended_nl(self) -> int:
        """What the program or the podlet asked for, nL."""
        return self.wanted_nl or self.volume_nl


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in one session state."""

    state: int
    start_s: float
    end_s: float


class Summary(NamedTuple):
    """A session in a few figures. `None`: not known, or it never came to that. A tuple, as the store's entries are: a
    list makes many."""

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
    water_left_g: float | None = None
    """At the end of heating, estimated."""
    scale_percent: float | None = None
    """Wall resistance over that of the clean boiler, estimated."""
    descale: bool = False
    """The device asked for descaling."""


def doses_of(record: "Record") -> list[Dose]:
    """Every dose that was wanted, in order."""
    done: list[Dose] = []
    begun: Event | None = None
    shots = Shots()
    smaller: tuple[tuple[int, ...], int] = ((), 0)

    def add(event: Event, number: int, volume_nl: int, counted_nl: int, result: int, refused: bool) -> None:
        at_s = record.seconds(event.uptime_ms)
        done.append(Dose(at_s, number, volume_nl, counted_nl, result, refused, *smaller))

    for event in record.events:
        match event.event:
            case EventValue.DOSE_INTENT:
                if begun is not None:
                    add(begun, begun.b, begun.a, begun.a, DoseValue.ASSUMED, False)
                begun = event
                smaller = shots.smaller()
            case EventValue.DOSE_WANTED | EventValue.DOSE_REDUCED:
                shots.take(event)
            case EventValue.DOSE_RESULT:
                # A result whose beginning was lost is a dose all the same.
                number, volume_nl = (begun.b, begun.a) if begun else (0, event.b)
                add(begun or event, number, volume_nl, event.b, event.a, False)
                begun, smaller = None, ((), 0)
            case EventValue.DOSE_REFUSED:
                smaller = shots.smaller()
                add(event, 0, event.b, 0, event.a, True)
            case _:
                pass
    if begun is not None:
        add(begun, begun.b, begun.a, begun.a, DoseValue.ASSUMED, False)
    return done


def spans_of(record: "Record") -> list[Span]:
    """The states, one after the other. The STATE events decide; without any, the samples do."""
    changes = [(record.seconds(e.uptime_ms), e.a, e.b) for e in record.events if e.event == EventValue.STATE]
    first_s = min((record.seconds(x.uptime_ms) for x in (*record.samples[:1], *record.events[:1])), default=0.0)
    if changes:
        points = [
            (min(first_s, changes[0][0]), changes[0][1]),
            *((at_s, entered) for at_s, _, entered in changes),
        ]
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


def _integrals(record: "Record") -> tuple[float, float]:
    """Time with verified steam in s and steam made in mg, from the samples."""
    steam_s = steam_mg = 0.0
    for before, after in zip(record.samples, record.samples[1:], strict=False):
        step_s = difference_ms(after.uptime_ms, before.uptime_ms) / 1000
        if 0 < step_s <= _MAX_GAP_S and before.flags & FlagBits.STEAM_OK:
            steam_s += step_s
            steam_mg += (before.steam_mg_min + after.steam_mg_min) / 2 * step_s / 60
    return round(steam_s, 3), steam_mg


def _time_to_steam_s(record: "Record") -> float | None:
    for event in record.events:
        if event.event == EventValue.STEAM_VERIFIED:
            return float(event.a)
    for sample in record.samples:
        if sample.flags & FlagBits.STEAM_OK:
            return record.seconds(sample.uptime_ms)
    return None


def _ahead(samples: "list[Tele]") -> tuple[float | None, float | None, bool]:
    """Water left in g and scale in %, as last known; whether descaling was asked for."""
    ahead = [outlook(sample) for sample in samples]
    water = next((each.water_g for each in reversed(ahead) if each.water_g is not None), None)
    scale = next((each.scale_percent for each in reversed(ahead) if each.scale_percent is not None), None)
    return water, scale, any(each.descale for each in ahead)


def summary_of(record: "Record") -> Summary:
    """The session's figures: the device's own where the record has its end, else computed."""
    end = record.end
    stopped = next((e for e in reversed(record.events) if e.event == EventValue.STOPPED), None)
    fault = next((e.a for e in record.events if e.event == EventValue.FAULT), 0)
    given = [dose for dose in record.doses if not dose.refused]
    running = [s for s in record.samples if s.state not in (StateValue.IDLE, StateValue.ARMED)]
    water_left_g, scale_percent, descale = _ahead(running)
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
        water_left_g=water_left_g,
        scale_percent=scale_percent,
        descale=descale,
    )
