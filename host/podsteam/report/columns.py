# SPDX-License-Identifier: Apache-2.0
"""The columns of an export: name with unit, meaning, and where the value comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from podsteam import words
from podsteam.outlook import outlook
from podsteam.recap import Dose
from podsteam.record import Record
from podsteam.wire.messages import Event, EventValue, FlagBits, RegimeValue, StateValue, Tele

Cell = str | int | float | bool | None
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """The record that a row belongs to, and the wall-clock time of its head's `started_ms` where it is
    known."""

    record: Record
    started: datetime | None

    def time(self, uptime_ms: int) -> str | None:
        """ISO 8601 with milliseconds and offset."""
        moment = self.record.wall_time(uptime_ms, self.started)
        return moment.isoformat(timespec="milliseconds") if moment else None


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of a table whose rows are made from `T`."""

    name: str
    unit: str
    """Empty: a word, a count or a time."""
    meaning: str
    value: Callable[[Context, T], Cell]
    kind: str = "real"
    """How typed formats keep it: real, count, flag, text or time."""


def _name(enumeration: type[StateValue] | type[RegimeValue] | type[EventValue], value: int) -> str:
    try:
        return enumeration(value).name
    except ValueError:
        return str(value)


def _flag(bit: FlagBits, name: str, meaning: str) -> Column[Tele]:
    return Column(name, "", meaning, lambda _, s: bool(s.flags & bit), "flag")


SAMPLES: tuple[Column[Tele], ...] = (
    Column("time", "", "wall-clock time, ISO 8601; empty: not known", lambda c, s: c.time(s.uptime_ms), "time"),
    Column("t_s", "s", "time since the session's start", lambda c, s: c.record.seconds(s.uptime_ms)),
    Column("state", "", "session state", lambda _, s: _name(StateValue, s.state), "text"),
    Column("regime", "", "what the heater does", lambda _, s: _name(RegimeValue, s.regime), "text"),
    Column("wall_degC", "degC", "boiler wall", lambda _, s: s.wall_cdeg / 100),
    Column("water_degC", "degC", "water", lambda _, s: s.water_cdeg / 100),
    Column("outlet_degC", "degC", "steam outlet", lambda _, s: s.outlet_cdeg / 100),
    Column("target_degC", "degC", "temperature aimed at; 0: none", lambda _, s: s.target_cdeg / 100),
    Column("mains_V", "V", "mains voltage, effective", lambda _, s: s.mains_dv / 10),
    Column("duty_percent", "%", "part of the mains cycles that are on", lambda _, s: s.duty_permille / 10),
    Column("power_W", "W", "delivered to the element", lambda _, s: s.power_dw / 10),
    Column("steam_g_per_min", "g/min", "steam rate, estimated", lambda _, s: s.steam_mg_min / 1000),
    Column("energy_J", "J", "delivered in this session", lambda _, s: s.energy_j, "count"),
    Column("dosed_uL", "uL", "commanded in this session", lambda _, s: s.dosed_nl / 1000),
    Column("doses", "", "doses given in this session", lambda _, s: s.doses, "count"),
    _flag(FlagBits.STEAM_OK, "steam_verified", "steam is verified"),
    _flag(FlagBits.RELAY, "relay_closed", "safety relay commanded closed"),
    _flag(FlagBits.WATER_OK, "water_present", "water switch"),
    _flag(FlagBits.LATCH_CLOSED, "latch_closed", "podlet latch"),
    _flag(FlagBits.UPRIGHT, "upright", "tilt switch"),
    _flag(FlagBits.PODLET, "podlet_present", "a podlet is in the holder"),
    _flag(FlagBits.MAINS_OK, "mains_in_range", "mains voltage and frequency"),
    _flag(FlagBits.LEASE, "lease_held", "a host holds the lease"),
    _flag(FlagBits.DRIFTING, "sensor_check_pending", "a sensor check is pending"),
    Column("to_steam_s", "s", "until there is steam; empty: not known", lambda _, s: outlook(s).to_steam_s),
    Column(
        "steam_left_s",
        "s",
        "that the water left makes steam for; empty: not known",
        lambda _, s: outlook(s).steam_left_s,
    ),
    Column("water_g", "g", "water left in the boiler, estimated; empty: not known", lambda _, s: outlook(s).water_g),
    Column(
        "scale_percent",
        "%",
        "wall resistance over that of the clean boiler; empty: not known",
        lambda _, s: outlook(s).scale_percent,
    ),
    _flag(FlagBits.DESCALE, "descale_soon", "scale has grown"),
    Column("uptime_ms", "ms", "the device's own time, wraps at 2^30", lambda _, s: s.uptime_ms, "count"),
)
"""A row for each measurement."""

EVENTS: tuple[Column[Event], ...] = (
    Column("time", "", "wall-clock time, ISO 8601; empty: not known", lambda c, e: c.time(e.uptime_ms), "time"),
    Column("t_s", "s", "time since the session's start", lambda c, e: c.record.seconds(e.uptime_ms)),
    Column("number", "", "the device's count of events, modulo 65536", lambda _, e: e.number, "count"),
    Column("event", "", "what happened", lambda _, e: _name(EventValue, e.event), "text"),
    Column("a", "", "first figure of the event, as the protocol defines it", lambda _, e: e.a, "count"),
    Column("b", "", "second figure", lambda _, e: e.b, "count"),
    Column("text", "", "the event in words", lambda _, e: words.describe(e), "text"),
    Column("uptime_ms", "ms", "the device's own time, wraps at 2^30", lambda _, e: e.uptime_ms, "count"),
)
"""A row for each event."""

DOSES: tuple[Column[Dose], ...] = (
    Column("t_s", "s", "time since the session's start", lambda _, d: d.at_s),
    Column("number", "", "of the dose on the podlet; 0: refused before it had one", lambda _, d: d.number, "count"),
    Column("volume_uL", "uL", "commanded, or wanted when it was refused", lambda _, d: d.volume_nl / 1000),
    Column("counted_uL", "uL", "counted as given", lambda _, d: d.counted_nl / 1000),
    Column("refused", "", "it was refused", lambda _, d: d.refused, "flag"),
    Column(
        "result",
        "",
        "what became of it, or why it was refused",
        lambda _, d: words.word(words.DOSE, d.result),
        "text",
    ),
    Column(
        "made_smaller_by",
        "",
        "limits that made it smaller",
        lambda _, d: "; ".join(words.word(words.DOSE, reason) for reason in d.reduced),
        "text",
    ),
    Column("intended_uL", "uL", "what the program or the podlet asked for", lambda _, d: d.intended_nl / 1000),
)
"""A row for each dose that was wanted."""
