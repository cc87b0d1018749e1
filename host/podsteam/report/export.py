# SPDX-License-Identifier: Apache-2.0
"""A session for other tools: CSV tables, or one JSON document with schema and units."""

import base64
import csv
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from podsteam import words
from podsteam.program import phases_of
from podsteam.report.columns import DOSES, EVENTS, SAMPLES, Cell, Column, Context
from podsteam.report.files import write_files
from podsteam.store.model import Stored
from podsteam.text import safe
from podsteam.wire.messages import CODES, StopValue

FORMAT = "podsteam-session"
VERSION = 1
"""Version of the JSON document. Later versions only add keys; another number means that something else
changed."""

T = TypeVar("T")

# What spreadsheets take for the beginning of a formula, the full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def guarded(cell: Cell) -> str | int | float:
    """A value as a CSV cell that no spreadsheet takes for a formula. Numbers stay numbers, whatever their
    sign."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, str):
        text = safe(cell)
        return "'" + text if text.lstrip().startswith(_FORMULA) else text
    return cell


def csv_table(
    columns: Sequence[Column[T]], rows: Iterable[T], context: Context, record: str, tags: Mapping[str, str]
) -> bytes:
    """One table as UTF-8 CSV (RFC 4180), the record's id in the first column, units in the header's names, the tags
    in the last ones."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["record", *(column.name for column in columns), *(f"tag_{name}" for name in tags)])
    labels = [guarded(value) for value in tags.values()]
    for row in rows:
        writer.writerow([guarded(record), *(guarded(column.value(context, row)) for column in columns), *labels])
    return out.getvalue().encode()


def context_of(stored: Stored) -> Context:
    """What the columns need to know of the session."""
    return Context(stored.record, stored.entry.started)


def samples_csv(stored: Stored) -> bytes:
    """The measurements as CSV."""
    return csv_table(SAMPLES, stored.record.samples, context_of(stored), stored.entry.id, stored.entry.tags)


def events_csv(stored: Stored) -> bytes:
    """The events as CSV."""
    return csv_table(EVENTS, stored.record.events, context_of(stored), stored.entry.id, stored.entry.tags)


def document(stored: Stored) -> dict[str, Any]:
    """The session as one JSON-ready document."""
    record, context = stored.record, context_of(stored)
    return {
        **about(stored),
        "samples": _table(SAMPLES, record.samples, context),
        "events": _table(EVENTS, record.events, context),
        "doses": _table(DOSES, record.doses, context),
        "console": list(record.console),
    }


def about(stored: Stored) -> dict[str, Any]:
    """The document without its tables."""
    entry, record = stored.entry, stored.record
    return {
        "format": FORMAT,
        "version": VERSION,
        "record": {
            "id": entry.id,
            "state": entry.state,
            "source": entry.source,
            "unit": entry.uid,
            "boot_id": entry.boot_id,
            "session": entry.session,
            "started_by_host": entry.by_host,
            "simulated": entry.simulated,
            "firmware": safe(entry.firmware),
            "firmware_hash": entry.firmware_hash,
            "schema_hash": f"{record.head.schema_hash:08x}" if record.head else None,
            "podlet": words.word(words.PODLET, entry.podlet),
            "podlet_uid": entry.podlet_uid,
            "started": entry.started.isoformat(timespec="milliseconds") if entry.started else None,
            "ended": entry.ended.isoformat(timespec="milliseconds") if entry.ended else None,
            "ending": safe(entry.ending),
            "note": safe(entry.note, 4000),
            "tags": {safe(name): safe(value) for name, value in entry.tags.items()},
            "raw_bytes": entry.raw_bytes,
            "raw_sha256": entry.sha256,
            "damaged_bytes": record.damaged_bytes,
            "frames_not_understood": sum(record.unknown.values()),
        },
        "program": _program(stored),
        "summary": _summary(stored),
        "annotations": [
            {
                "at": each.at.isoformat(timespec="milliseconds"),
                "by": safe(each.by),
                "tags": {safe(k): None if v is None else safe(v) for k, v in each.tags.items()},
                "note": safe(each.note, 4000),
            }
            for each in stored.annotations
        ],
        "chain_head": stored.head,
    }


def frames_data(raw: bytes) -> dict[str, Any]:
    """A record's frames as text, from which `records import` has the session again, byte for byte."""
    return {
        "encoding": "base64 of zlib",
        "bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "data": base64.b64encode(zlib.compress(raw, 6)).decode(),
    }


def _table(columns: Sequence[Column[T]], rows: Iterable[T], context: Context) -> dict[str, Any]:
    return {
        "columns": [{"name": c.name, "unit": c.unit, "meaning": c.meaning} for c in columns],
        "rows": [[column.value(context, row) for column in columns] for row in rows],
    }


def _program(stored: Stored) -> dict[str, Any] | None:
    program = stored.record.program
    if program is None:
        return None
    return {
        "name": safe(stored.entry.program),
        "hold_degC": program.hold_cdeg / 100,
        "hold_s": program.hold_s,
        "warm_up_max_s": program.warm_up_max_s,
        "steam": [{"rate_g_per_min": rate / 1000, "duration_s": length} for rate, length in phases_of(program)],
        "dose_first_s": program.dose_first_s,
        "dose_every_s": program.dose_every_s,
        "dose_count": program.dose_count,
        "dose_uL": program.dose_nl / 1000,
        "end_degC": program.end_cdeg / 100,
    }


def _summary(stored: Stored) -> dict[str, Any]:
    s = stored.record.summary

    def scaled(value: int | None, by: int) -> float | None:
        return None if value is None else value / by

    return {
        "complete": s.complete,
        "duration_s": s.duration_s,
        "time_to_steam_s": s.time_to_steam_s,
        "steam_s": s.steam_s,
        "steam_g": s.steam_mg / 1000,
        "steam_rate_g_per_min": scaled(s.steam_rate_mg_min, 1000),
        "energy_J": s.energy_j,
        "doses": s.doses,
        "doses_refused": s.doses_refused,
        "dosed_uL": s.dosed_nl / 1000,
        "stop_reason": StopValue(s.stop_reason).name if s.stop_reason in set(StopValue) else str(s.stop_reason),
        "stop_reason_text": words.word(words.STOP, s.stop_reason),
        "fault": s.fault,
        "fault_name": CODES[s.fault].name if s.fault in CODES else "",
        "max_wall_degC": scaled(s.max_wall_cdeg, 100),
        "max_water_degC": scaled(s.max_water_cdeg, 100),
        "max_outlet_degC": scaled(s.max_outlet_cdeg, 100),
        "water_left_g": s.water_left_g,
        "scale_percent": s.scale_percent,
        "descale_soon": s.descale,
    }


def described(stored: Stored, blind: bool = False) -> dict[str, Any]:
    """What a table cannot say of itself: the session, its columns with units, and, unless the podlet's identity is to
    be hidden, the frames, from which the session can be imported."""
    columns = {"samples": SAMPLES, "events": EVENTS, "doses": DOSES}
    return {
        **about(stored),
        "columns": {
            name: [{"name": c.name, "unit": c.unit, "meaning": c.meaning, "kind": c.kind} for c in table]
            for name, table in columns.items()
        },
        **({} if blind else {"frames": frames_data(stored.raw)}),
    }


def as_json(data: Any) -> bytes:
    """JSON as all files have it: one line, UTF-8."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def write_csv(stored: Stored, path: Path, overwrite: bool = False, blind: bool = False) -> list[Path]:
    """Write the measurements to `path`, and beside it the events to `NAME.events.csv` and what describes both, with
    their SHA-256, to `NAME.meta.json`. Returns the paths.

    Raises UsageProblem when one is there already and `overwrite` is off, or when one cannot be written.
    """
    beside = path.with_name(f"{path.stem}.events{path.suffix or '.csv'}")
    tables = {path: samples_csv(stored), beside: events_csv(stored)}
    checksums = {each.name: hashlib.sha256(data).hexdigest() for each, data in tables.items()}
    meta = as_json({**described(stored, blind), "files": checksums})
    return write_files({**tables, path.with_name(f"{path.stem}.meta.json"): meta}, overwrite)


def write_json(stored: Stored, path: Path, overwrite: bool = False, blind: bool = False) -> list[Path]:
    """Write the session as one JSON document; returns its path. Raises UsageProblem as `write_csv` does."""
    full = document(stored) if blind else {**document(stored), "frames": frames_data(stored.raw)}
    return write_files({path: as_json(full)}, overwrite)
