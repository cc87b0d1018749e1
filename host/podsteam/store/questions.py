# SPDX-License-Identifier: Apache-2.0
"""What a store can answer: where a batch went, what a session depended on, how two sessions differ, how many went."""

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from podsteam.errors import UsageProblem
from podsteam.store.facts import Fact, facts
from podsteam.store.model import Entry, Stored
from podsteam.text import safe

if TYPE_CHECKING:
    from podsteam.store.database import Store


def as_of(history: Sequence[Fact], moment: datetime) -> Fact | None:
    """What was known at a moment; before anything was, what was known first."""
    before = [fact for fact in history if fact.since <= moment]
    return before[-1] if before else (history[0] if history else None)


def when(entry: Entry) -> datetime:
    """A session's start where it is known, else when its record was made."""
    return entry.started or entry.stored


def histories(store: "Store", kind: str) -> dict[str, list[Fact]]:
    """Everything that is known of a kind, by subject, oldest first."""
    found: dict[str, list[Fact]] = {}
    for fact in facts(store, kind):
        found.setdefault(fact.subject, []).append(fact)
    return found


def label_of(store: "Store", entry: Entry) -> Mapping[str, Any]:
    """What is known of a session's podlet at its time."""
    if not entry.podlet_uid:
        return {}
    fact = as_of(facts(store, "podlet", entry.podlet_uid), when(entry))
    return fact.value if fact else {}


def of_batch(store: "Store", batch: str) -> tuple[list[str], list[Entry]]:
    """(podlets of a batch, sessions that used one while it bore the batch), the sessions oldest first."""
    podlet_histories = histories(store, "podlet")
    podlets = sorted(
        uid for uid, history in podlet_histories.items() if any(fact.value.get("batch") == batch for fact in history)
    )
    found: list[Entry] = []
    for entry in store.list():
        fact = as_of(podlet_histories.get(entry.podlet_uid, []), when(entry))
        if fact is not None and fact.value.get("batch") == batch:
            found.append(entry)
    return podlets, sorted(found, key=when)


def known_at(store: "Store", entry: Entry) -> dict[str, Mapping[str, Any]]:
    """What is known of a session's device, its settings and calibration, its podlet and that one's batch, at the
    session's time."""
    label = label_of(store, entry)
    subjects = dict.fromkeys(("device", "config", "calibration"), entry.uid) | {"batch": str(label.get("batch", ""))}
    known = {kind: _known(store, kind, subject, entry) for kind, subject in subjects.items()}
    return {"podlet": label, **known}


def _known(store: "Store", kind: str, subject: str, entry: Entry) -> Mapping[str, Any]:
    fact = as_of(facts(store, kind, subject), when(entry)) if subject else None
    return fact.value if fact else {}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in two sessions."""

    group: str
    """firmware, config, program, calibration, podlet, tags or summary."""
    name: str
    a: Any
    b: Any


def compare(store: "Store", a: Stored, b: Stored) -> list[Difference]:
    """What differs between two sessions: what was set, and what came out."""
    ours, theirs = _described(store, a), _described(store, b)
    found: list[Difference] = []
    for group in ours:
        for name in dict.fromkeys([*ours[group], *theirs[group]]):
            left, right = ours[group].get(name), theirs[group].get(name)
            if left != right:
                found.append(Difference(group, name, left, right))
    return found


def _described(store: "Store", stored: Stored) -> dict[str, Mapping[str, Any]]:
    from podsteam.report.export import about

    full, known = about(stored), known_at(store, stored.entry)
    firmware = {name: full["record"][name] for name in ("unit", "firmware", "firmware_hash", "schema_hash")}
    program: dict[str, Any] = full["program"] or {}
    return {
        "firmware": firmware,
        "config": known["config"],
        "program": {name: value for name, value in program.items() if name != "steam"}
        | {f"steam {i + 1}": _phase(phase) for i, phase in enumerate(program.get("steam", []))},
        "calibration": known["calibration"],
        "podlet": {"uid": stored.entry.podlet_uid, **known["podlet"]},
        "tags": full["record"]["tags"],
        "summary": full["summary"],
    }


def _phase(phase: Mapping[str, Any]) -> str:
    return f"{phase['rate_g_per_min']:g} g/min for {phase['duration_s']} s"


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over several sessions; None: none has it."""

    count: int
    median: float | None
    least: float | None
    most: float | None


def _spread(values: Iterable[float | None]) -> Spread:
    known = [float(value) for value in values if value is not None]
    if not known:
        return Spread(0, None, None, None)
    return Spread(len(known), round(statistics.median(known), 3), min(known), max(known))


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the sessions of one group amount to."""

    group: str
    sessions: int
    complete: int
    faults: Mapping[int, int]
    """How many ended with each code."""
    time_to_steam_s: Spread
    steam_g: Spread
    steam_rate_g_per_min: Spread
    doses: Spread
    dosed_ul: Spread
    scale_percent: tuple[float, float] | None
    """Of the first and of the last session that knew it: its drift."""
    calibrations: int
    """How often the unit's calibration changed meanwhile; -1: the group is no unit."""
    calibration: Mapping[str, tuple[Any, Any]]
    """Its values that are not the same in the first and in the last session, in both; empty where the group is no
    unit."""


GROUPS = ("unit", "program", "firmware", "all")


def statistics_of(store: "Store", entries: Sequence[Entry], by: str = "unit") -> list[Statistics]:
    """The sessions in groups: by `unit`, `program`, `firmware`, by a tag's name, or `all` together."""
    groups: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=when):
        if by == "all":
            name = "all"
        elif by in GROUPS:
            name = {"unit": entry.uid, "program": entry.program, "firmware": entry.firmware}[by]
        else:
            name = entry.tags.get(by, "")
        groups.setdefault(name, []).append(entry)
    if by not in GROUPS and not any(groups.keys() - {""}):
        raise UsageProblem(f"No session has the tag '{safe(by, 40)}'; group by one, or by {', '.join(GROUPS)}.")
    return [_statistics(store, name, group, by == "unit") for name, group in sorted(groups.items())]


def _statistics(store: "Store", name: str, entries: Sequence[Entry], is_unit: bool) -> Statistics:
    summaries = [entry.summary for entry in entries if entry.summary is not None]
    faults: dict[int, int] = {}
    for each in summaries:
        if each.fault:
            faults[each.fault] = faults.get(each.fault, 0) + 1
    changes, moved = -1, {}
    if is_unit:
        first, last = when(entries[0]), when(entries[-1])
        known = facts(store, "calibration", name)
        changes = sum(first < fact.since <= last for fact in known)
        moved = _moved(as_of(known, first), as_of(known, last))
    return Statistics(
        name,
        len(entries),
        sum(each.complete for each in summaries),
        dict(sorted(faults.items())),
        _spread(each.time_to_steam_s for each in summaries),
        _spread(each.steam_mg / 1000 for each in summaries),
        _spread(each.steam_rate_mg_min / 1000 for each in summaries if each.steam_rate_mg_min is not None),
        _spread(each.doses for each in summaries),
        _spread(each.dosed_nl / 1000 for each in summaries),
        _drift(store, entries),
        changes,
        moved,
    )


def _moved(first: Fact | None, last: Fact | None) -> dict[str, tuple[Any, Any]]:
    if first is None or last is None:
        return {}
    both = {name: (first.value.get(name), value) for name, value in last.value.items()}
    return {name: pair for name, pair in both.items() if pair[0] != pair[1]}


def _drift(store: "Store", entries: Sequence[Entry]) -> tuple[float, float] | None:
    """Scale is worked out from the frames, so only the first and the last sessions are looked at."""

    def first_known(order: Iterable[Entry]) -> float | None:
        for entry in list(order)[:3]:
            percent = store.get(entry.id).record.summary.scale_percent
            if percent is not None:
                return percent
        return None

    first, last = first_known(entries), first_known(reversed(entries))
    return (first, last) if first is not None and last is not None else None


def data_of(value: Any) -> dict[str, Any]:
    """One of these as a dict for JSON."""
    return dataclasses.asdict(value)
