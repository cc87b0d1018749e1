# SPDX-License-Identifier: Apache-2.0
"""Session programs: the TOML that people write, the struct that the device stores, and the way between them.

    [program]
    name = "gentle"

    [warm_up]
    max_s = 300              # give up when there is no steam by then

    [[steam]]                # one to three phases, one after the other
    rate_g_per_min = 4.0
    minutes = 3

    [dose]
    first_s = 20             # counted from the first verified steam
    every_s = 40
    count = 4
    volume_ul = 0            # 0: what the podlet asks for

    [end]
    cool_to_c = 60

`FIELDS` holds every key with its unit and range; the device checks the same ranges again.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, cast

from podsteam.errors import UsageProblem
from podsteam.text import name_of, safe
from podsteam.wire.messages import Program

MAX_STEAM_S = 1800
"""Longest steam time of a session, all phases together, s."""
MAX_PHASES = 3
_NAME = re.compile(r"[a-z0-9_-]{1,16}")
_MAX_FILE = 65536


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a program file: range in the key's unit, and `scale` to the struct's integer."""

    key: str
    low: float
    high: float
    unit: str
    scale: int
    default: int
    meaning: str
    zero: bool = False
    """0 is allowed too and means: none, or the podlet's own."""

    def range_text(self) -> str:
        """The range as a sentence part."""
        text = f"{self.low:g} to {self.high:g} {self.unit}".rstrip()
        return f"0 or {text}" if self.zero and self.low > 0 else text


FIELDS: dict[str, tuple[Field, ...]] = {
    "warm_up": (
        Field("hold_c", 30, 95, "C", 100, 0, "keep-warm temperature before steam; 0: none", zero=True),
        Field("hold_s", 0, 3600, "s", 1, 0, "how long to keep warm once there"),
        Field("max_s", 30, 900, "s", 1, 300, "give up when there is no steam by then, keep-warm time not counted"),
    ),
    "steam": (
        Field("rate_g_per_min", 0.5, 12, "g/min", 1000, 0, "steam rate of the phase"),
        Field("duration_s", 10, 1800, "s", 1, 0, "length of the phase"),
        Field("minutes", 0.2, 30, "min", 60, 0, "length of the phase; instead of duration_s"),
    ),
    "dose": (
        Field("first_s", 0, 1800, "s", 1, 0, "first dose, counted from the first verified steam"),
        Field("every_s", 5, 1800, "s", 1, 0, "time between doses", zero=True),
        Field("count", 0, 60, "", 1, 0, "doses wanted; 0: none"),
        Field("volume_ul", 0, 250, "uL", 1000, 0, "volume of each dose; 0: what the podlet asks for"),
    ),
    "end": (Field("cool_to_c", 30, 95, "C", 100, 6000, "cooling is over at this wall temperature"),),
}
"""Every key by table; `[program]` has `name` alone: 1 to 16 of a-z, 0-9, - and _."""


def valid_name(name: str) -> bool:
    """Whether a program may have this name: 1 to 16 of a-z, 0-9, - and _."""
    return _NAME.fullmatch(name) is not None


def padded(name: str) -> bytes:
    """The name as the wire wants it, zero-padded to 16. Raises UsageProblem when it is not a valid name."""
    if not valid_name(name):
        raise UsageProblem(f"'{safe(name)}' is no program name; a name has 1 to 16 of a-z, 0-9, - and _.")
    return name.encode().ljust(16, b"\0")


def load(path: Path) -> Program:
    """Read and check a program file. Raises UsageProblem with file, key and range in one sentence."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as e:
        raise UsageProblem(f"{path}: cannot be read ({e.strerror or e}).") from e
    if len(data) > _MAX_FILE:
        raise UsageProblem(f"{path}: is larger than {_MAX_FILE // 1024} KiB, so it is no program file.")
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        raise UsageProblem(f"{path}: is not UTF-8 text, so it is no program file.") from e
    return parse(text, str(path))


def parse(text: str, where: str) -> Program:
    """Read and check a program's text; `where` names it in errors. Raises UsageProblem."""
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError, InvalidOperation) as e:
        raise UsageProblem(f"{where}: is not valid TOML: {safe(str(e))}.") from e
    return _Reader(where).program(tables)


def _as_table(value: object) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


class _Reader:
    """Turns parsed TOML into the struct, refusing what it does not know."""

    def __init__(self, where: str) -> None:
        self._where = where

    def _fail(self, what: str) -> UsageProblem:
        return UsageProblem(f"{self._where}: {what}.")

    def _known(self, found: Mapping[str, Any], known: list[str], table: str) -> None:
        for key in found:
            if key in known:
                continue
            from difflib import get_close_matches

            near = get_close_matches(key, known, n=1, cutoff=0.0)
            place = f"in {table}" if table else "at the top"
            raise self._fail(f"unknown key '{safe(key)}' {place}; the nearest known one is '{near[0]}'")

    def _table(self, tables: Mapping[str, Any], name: str) -> dict[str, Any]:
        table = _as_table(tables.get(name, {}))
        if table is None:
            raise self._fail(f"[{name}] must be a table")
        return table

    def _numbers(self, table: Mapping[str, Any], name: str, label: str) -> dict[str, int]:
        """The table's values as integers of the struct, defaults filled in."""
        fields = FIELDS[name]
        self._known(table, [f.key for f in fields], label)
        return {f.key: self._number(table[f.key], f, label) if f.key in table else f.default for f in fields}

    def _number(self, value: Any, field: Field, label: str) -> int:
        shown = safe(str(value), 40)
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise self._fail(f"{label} {field.key} must be a number, {field.range_text()}")
        exact = Decimal(value)
        inside = exact.is_finite() and Decimal(str(field.low)) <= exact <= Decimal(str(field.high))
        if not inside and not (field.zero and exact == 0):
            raise self._fail(f"{label} {field.key} is {shown}, but must be {field.range_text()}")
        scaled = exact * field.scale
        if scaled != int(scaled):
            step = f"{1 / field.scale:.2g} {field.unit}"
            raise self._fail(f"{label} {field.key} is {shown}, finer than its steps of {step}")
        return int(scaled)

    def program(self, tables: Mapping[str, Any]) -> Program:
        self._known(tables, ["program", *FIELDS], "")
        head = self._table(tables, "program")
        self._known(head, ["name"], "[program]")
        name = head.get("name", "")
        if not isinstance(name, str) or not valid_name(name):
            raise self._fail("[program] name must be 1 to 16 of a-z, 0-9, - and _")
        warm = self._numbers(self._table(tables, "warm_up"), "warm_up", "[warm_up]")
        phases = self._phases(tables.get("steam"))
        dose = self._dose(self._table(tables, "dose"), sum(s for _, s in phases))
        end = self._numbers(self._table(tables, "end"), "end", "[end]")
        given = self._table(tables, "warm_up")
        if ("hold_c" in given) != ("hold_s" in given):
            raise self._fail("[warm_up] hold_c and hold_s go together: give both or none")
        (rate1, s1), (rate2, s2), (rate3, s3) = [*phases, (0, 0), (0, 0)][:MAX_PHASES]
        return Program(
            name=padded(name),
            hold_cdeg=warm["hold_c"],
            hold_s=warm["hold_s"],
            warm_up_max_s=warm["max_s"],
            steam1_mg_min=rate1,
            steam1_s=s1,
            steam2_mg_min=rate2,
            steam2_s=s2,
            steam3_mg_min=rate3,
            steam3_s=s3,
            dose_first_s=dose["first_s"],
            dose_every_s=dose["every_s"],
            dose_count=dose["count"],
            dose_nl=dose["volume_ul"],
            end_cdeg=end["cool_to_c"],
        )

    def _phases(self, found: Any) -> list[tuple[int, int]]:
        """(mg/min, s) of each phase."""
        if isinstance(found, dict):
            raise self._fail("[steam] must be written [[steam]], once for each phase")
        tables = cast("list[object]", found) if isinstance(found, list) else []
        if not 1 <= len(tables) <= MAX_PHASES:
            raise self._fail(f"there must be 1 to {MAX_PHASES} [[steam]] phases")
        phases: list[tuple[int, int]] = []
        for i, table in enumerate(tables):
            label = f"[[steam]] phase {i + 1}"
            phase = _as_table(table)
            if phase is None:
                raise self._fail(f"{label} must be a table")
            numbers = self._numbers(phase, "steam", label)
            if "rate_g_per_min" not in phase:
                raise self._fail(f"{label} needs rate_g_per_min, {FIELDS['steam'][0].range_text()}")
            if ("minutes" in phase) == ("duration_s" in phase):
                raise self._fail(f"{label} needs either minutes or duration_s")
            phases.append((numbers["rate_g_per_min"], numbers["minutes"] or numbers["duration_s"]))
        total = sum(s for _, s in phases)
        if total > MAX_STEAM_S:
            raise self._fail(f"the [[steam]] phases last {total} s, but must last at most {MAX_STEAM_S} s together")
        return phases

    def _dose(self, table: Mapping[str, Any], steam_s: int) -> dict[str, int]:
        dose = self._numbers(table, "dose", "[dose]")
        count = dose["count"]
        if count > 1 and not dose["every_s"]:
            raise self._fail(f"[dose] count is {count}, so every_s must be given, {FIELDS['dose'][1].range_text()}")
        last_s = dose["first_s"] + (count - 1) * dose["every_s"]
        if count and last_s >= steam_s:
            raise self._fail(f"[dose] the last dose would come at {last_s} s, but steam ends at {steam_s} s")
        return dose


def phases_of(program: Program) -> list[tuple[int, int]]:
    """The program's steam phases as (mg/min, s), without the unused ones."""
    pairs = (
        (program.steam1_mg_min, program.steam1_s),
        (program.steam2_mg_min, program.steam2_s),
        (program.steam3_mg_min, program.steam3_s),
    )
    return [pair for pair in pairs if pair[1]]


def _decimal(value: int, scale: int) -> str:
    """`value / scale` in TOML, exactly."""
    text = f"{Decimal(value) / scale:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def dump(program: Program) -> str:
    """The program as TOML; reading it back gives the same struct, unused phases at the end."""
    lines = ["[program]", f'name = "{name_of(program.name)}"', "", "[warm_up]"]
    if program.hold_cdeg or program.hold_s:
        lines += [f"hold_c = {_decimal(program.hold_cdeg, 100)}", f"hold_s = {program.hold_s}"]
    lines += [f"max_s = {program.warm_up_max_s}", ""]
    for rate, length in phases_of(program):
        lines += ["[[steam]]", f"rate_g_per_min = {_decimal(rate, 1000)}", f"duration_s = {length}", ""]
    lines += [
        "[dose]",
        f"first_s = {program.dose_first_s}",
        f"every_s = {program.dose_every_s}",
        f"count = {program.dose_count}",
        f"volume_ul = {_decimal(program.dose_nl, 1000)}",
        "",
        "[end]",
        f"cool_to_c = {_decimal(program.end_cdeg, 100)}",
        "",
    ]
    return "\n".join(lines)
