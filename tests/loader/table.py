# SPDX-License-Identifier: Apache-2.0
"""The rules of `docs/boot.md` as an oracle: its table is read from the page, its prose is written out below."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "boot.md"
SLOTS = ("a", "b")
POWER_ON, WATCHDOG, HARD = "power-on", "watchdog", "hard"


@dataclass(frozen=True)
class Stored:
    """A boot record in words."""

    active: str
    trial: str = ""
    tries: int = 0


@dataclass(frozen=True)
class Left:
    """A mark in words: what the last start was of, how it ended, and failed boots in a row before it."""

    slot: str
    ended: str
    """within 30 s, exception, asked for, after 30 s"""
    failed: dict[str, int]


@dataclass(frozen=True)
class Judged:
    """What the last boot was."""

    failed: str
    """a, b, unknown or nothing"""
    counts: dict[str, int]


def rows() -> list[dict[str, str]]:
    """The rows of the page's table, by the names of its columns."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def judge(cause: str, left: Left | None) -> Judged:
    """'What a failed boot is', sentence by sentence."""
    none = dict.fromkeys(SLOTS, 0)
    if cause == POWER_ON:
        return Judged("nothing", none)
    if left is None:
        return Judged("unknown" if cause == WATCHDOG else "nothing", none)
    counts = dict(left.failed)
    short = {
        "by the watchdog": left.ended == "within 30 s" and cause == WATCHDOG,
        "by an exception": left.ended == "exception",
        "by a panic": left.ended == "within 30 s" and cause == HARD,
    }
    if left.slot not in SLOTS or not any(short.values()):
        return Judged("nothing", counts)
    counts[left.slot] += 1
    return Judged(left.slot, counts)


def decide(
    table: list[dict[str, str]], states: dict[str, str], stored: Stored | None, judged: Judged
) -> tuple[str, str, Stored | None]:
    """The number of the first row that fits, what starts (a, b, or safe mode), and the record then stored."""
    record = stored or Stored("a")
    other = "b" if record.active == "a" else "a"

    def kind(slot: str) -> set[str]:
        if states[slot] != "good":
            return {states[slot]}
        return {"good", "failing" if judged.counts[slot] >= 3 else "usable"}

    facts = {
        "trial": {"yes" if record.trial else "no"},
        "trial's slot": kind(record.trial) if record.trial else set(),
        "tries left": {str(record.tries)},
        "failed last": {"trial" if judged.failed in (record.trial, "unknown") else "not trial"},
        "active slot": kind(record.active),
        "other slot": kind(other),
    }
    for row in table:
        if all(not row[name] or facts[name] & set(re.split(", ", row[name])) for name in facts):
            slot = {"trial": record.trial, "active": record.active, "other": other}.get(row["starts"], row["starts"])
            return row["row"], slot, _after(row["stored before"], row["starts"], stored, record, other)
    raise AssertionError("no row fits")


def _after(what: str, starts: str, stored: Stored | None, record: Stored, other: str) -> Stored | None:
    if what == "nothing":
        return stored
    if what == "one try less":
        return Stored(record.active, record.trial, record.tries - 1)
    if what == "other is active, no trial":
        return Stored(other)
    assert what == "no trial"
    if stored is None and starts == "safe mode":
        return None
    return Stored(record.active)
