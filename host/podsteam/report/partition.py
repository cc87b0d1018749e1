# SPDX-License-Identifier: Apache-2.0
"""Many sessions as a folder for analysis: a table for each kind of row, a file for each session, in folders named
`device=...` and `month=...`, which DuckDB and pandas read as columns."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from podsteam import __version__
from podsteam.errors import UsageProblem
from podsteam.report.columns import DOSES, EVENTS, SAMPLES, Column
from podsteam.report.export import FORMAT, VERSION, about, as_json, context_of, csv_table
from podsteam.report.files import write_files
from podsteam.store.model import Entry, Stored

KEYS = ("device", "month", "day")
TABLES = ("sessions", "samples", "events", "doses")


def parse_keys(text: str) -> tuple[str, ...]:
    """`device,month` as keys. Raises UsageProblem."""
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if not keys or any(key not in KEYS for key in keys) or len(set(keys)) != len(keys):
        raise UsageProblem(f"--partition-by takes {', '.join(KEYS)}, each once, with commas between.")
    return keys


def folder_of(entry: Entry, keys: Sequence[str]) -> str:
    """The folder of a session. Made of hexadecimal digits and dates alone: nothing that a device said."""
    when = entry.started or entry.stored
    unit = "".join(character for character in entry.uid if character in "0123456789abcdef") or "unknown"
    values = {"device": unit, "month": f"{when:%Y-%m}", "day": f"{when:%Y-%m-%d}"}
    return "/".join(f"{key}={values[key]}" for key in keys)


_COUNTS = {"session", "boot_id", "doses", "doses_refused", "fault"}
_FLAGS = {"simulated", "started_by_host", "complete", "descale_soon"}
_TIMES = {"started", "ended"}
_TEXTS = {
    *("state", "source", "unit", "firmware", "firmware_hash", "podlet", "podlet_uid", "note", "raw_sha256"),
    *("program", "stop_reason", "fault_name"),
}
_REALS = {
    "duration_s": "s",
    "time_to_steam_s": "s",
    "steam_s": "s",
    "steam_g": "g",
    "steam_rate_g_per_min": "g/min",
    "energy_J": "J",
    "dosed_uL": "uL",
    "max_wall_degC": "degC",
    "max_water_degC": "degC",
    "max_outlet_degC": "degC",
    "water_left_g": "g",
    "scale_percent": "%",
}


def session_row(stored: Stored) -> dict[str, Any]:
    """A session as one row: what it was and what came out."""
    full = about(stored)
    program = full["program"]
    return {**full["record"], **full["summary"], "program": program["name"] if program else ""}


def _column(name: str, unit: str, kind: str) -> Column[dict[str, Any]]:
    return Column(name, unit, "as in the session's document", lambda _, row: row[name], kind)


SESSIONS: tuple[Column[dict[str, Any]], ...] = (
    *(_column(name, "", "time") for name in sorted(_TIMES)),
    *(_column(name, "", "text") for name in sorted(_TEXTS)),
    *(_column(name, "", "count") for name in sorted(_COUNTS)),
    *(_column(name, "", "flag") for name in sorted(_FLAGS)),
    *(_column(name, unit, "real") for name, unit in _REALS.items()),
)
"""A row for each session."""


def _tables(stored: Stored) -> Iterable[tuple[str, Sequence[Column[Any]], Sequence[Any]]]:
    yield "sessions", SESSIONS, [session_row(stored)]
    yield "samples", SAMPLES, stored.record.samples
    yield "events", EVENTS, stored.record.events
    yield "doses", DOSES, stored.record.doses


def write_partitioned(
    sessions: Iterable[Stored], folder: Path, keys: Sequence[str], form: str, tags: Sequence[str], overwrite: bool
) -> list[Path]:
    """Write every session below `folder`, as `parquet` or `csv`, with a column for each name in `tags`. Returns the
    paths; `schema.json` is the last.

    Raises UsageProblem when a file is there already and `overwrite` is off, when one cannot be written, and when
    something below the folder is a symbolic link, which could lead elsewhere.
    """
    written: list[Path] = []
    for stored in sessions:
        where = folder_of(stored.entry, keys)
        labels = {name: stored.entry.tags.get(name, "") for name in tags}
        files: dict[Path, bytes] = {}
        for name, columns, rows in _tables(stored):
            path = folder / name / where / f"{stored.entry.id}.{form}"
            files[path] = _encoded(form, columns, rows, stored, labels)
            _make_folder(folder, path.parent)
        written += write_files(files, overwrite)
    schema = {
        "format": f"{FORMAT}s-folder",
        "version": VERSION,
        "made_by": f"podsteam {__version__}",
        "partitioned_by": list(keys),
        "files": form,
        "tags": list(tags),
        "tables": {
            name: [{"name": c.name, "unit": c.unit, "meaning": c.meaning, "kind": c.kind} for c in columns]
            for name, columns in (("sessions", SESSIONS), ("samples", SAMPLES), ("events", EVENTS), ("doses", DOSES))
        },
    }
    _make_folder(folder, folder)
    return [*written, *write_files({folder / "schema.json": as_json(schema)}, True)]


def _encoded(form: str, columns: Sequence[Column[Any]], rows: Sequence[Any], stored: Stored, tags: Any) -> bytes:
    context = context_of(stored)
    if form == "csv":
        return csv_table(columns, rows, context, stored.entry.id, tags)
    from podsteam.report import parquet

    return parquet.encoded(parquet.table(columns, rows, context, stored.entry.id, tags))


def _make_folder(root: Path, folder: Path) -> None:
    for part in (folder, *folder.parents):
        if part == root or part in root.parents:
            break
        if part.is_symlink():
            raise UsageProblem(f"{part}: is a symbolic link, which an export does not follow; choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UsageProblem(f"{folder}: cannot be made ({e.strerror or e}).") from e
