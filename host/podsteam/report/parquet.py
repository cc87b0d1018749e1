# SPDX-License-Identifier: Apache-2.0
"""Sessions as Parquet, for DuckDB, pandas and the like: typed columns with unit and meaning in their metadata.

Needs pyarrow, which the extra `parquet` brings.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from podsteam.errors import UsageProblem
from podsteam.report.columns import DOSES, EVENTS, SAMPLES, Cell, Column, Context
from podsteam.report.export import as_json, context_of, described
from podsteam.report.files import write_files
from podsteam.store.model import Stored
from podsteam.text import safe

T = TypeVar("T")
META = b"podsteam"
"""Key of the document in a file's metadata."""


def _arrow() -> tuple[Any, Any]:
    """pyarrow and its Parquet module, which has no types. Raises UsageProblem where it is not installed."""
    try:
        import pyarrow  # pyright: ignore[reportMissingTypeStubs]
        import pyarrow.parquet as files  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError as e:
        raise UsageProblem("Parquet needs pyarrow, which is not installed; run: pip install 'podsteam[parquet]'") from e
    return pyarrow, files


def _value(kind: str, cell: Cell) -> Any:
    if cell is None or (cell == "" and kind == "time"):
        return None
    if kind == "time":
        return datetime.fromisoformat(str(cell)).astimezone(UTC)
    if kind == "text":
        return safe(str(cell))
    return {"real": float, "count": int, "flag": bool}[kind](cell)


def table(
    columns: Sequence[Column[T]], rows: Iterable[T], context: Context, record: str, tags: Mapping[str, str]
) -> Any:
    """One table as an Arrow table, the record's id first, its tags last."""
    pa, _ = _arrow()
    types = {
        "real": pa.float64(),
        "count": pa.int64(),
        "flag": pa.bool_(),
        "text": pa.string(),
        "time": pa.timestamp("ms", "UTC"),
    }
    items = list(rows)
    fields = [pa.field("record", pa.string())]
    arrays = [pa.array([record] * len(items), pa.string())]
    for column in columns:
        about = {"meaning": column.meaning, **({"unit": column.unit} if column.unit else {})}
        fields.append(pa.field(column.name, types[column.kind], metadata=about))
        cells = [_value(column.kind, column.value(context, item)) for item in items]
        arrays.append(pa.array(cells, types[column.kind]))
    for name, value in tags.items():
        fields.append(pa.field(f"tag_{name}", pa.string()))
        arrays.append(pa.array([safe(value)] * len(items), pa.string()))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def encoded(arrow_table: Any, meta: bytes = b"") -> bytes:
    """An Arrow table as a file, `meta` in its metadata."""
    _, files = _arrow()
    if meta:
        arrow_table = arrow_table.replace_schema_metadata({META: meta})
    out = io.BytesIO()
    files.write_table(arrow_table, out, compression="zstd")
    return out.getvalue()


def samples_parquet(stored: Stored, blind: bool = False) -> bytes:
    """The measurements, with the session's document in the file's metadata."""
    t = table(SAMPLES, stored.record.samples, context_of(stored), stored.entry.id, stored.entry.tags)
    return encoded(t, as_json(described(stored, blind)))


def events_parquet(stored: Stored) -> bytes:
    """The events."""
    return encoded(table(EVENTS, stored.record.events, context_of(stored), stored.entry.id, stored.entry.tags))


def doses_parquet(stored: Stored) -> bytes:
    """The doses."""
    return encoded(table(DOSES, stored.record.doses, context_of(stored), stored.entry.id, stored.entry.tags))


def write_parquet(stored: Stored, path: Path, overwrite: bool = False, blind: bool = False) -> list[Path]:
    """Write the measurements to `path`, events and doses beside it. Raises UsageProblem as `export.write_csv` does."""
    ending = path.suffix or ".parquet"
    files = {
        path: samples_parquet(stored, blind),
        path.with_name(f"{path.stem}.events{ending}"): events_parquet(stored),
        path.with_name(f"{path.stem}.doses{ending}"): doses_parquet(stored),
    }
    return write_files(files, overwrite)


def meta_of(path: Path) -> bytes:
    """The session's document in a Parquet file's metadata. Raises UsageProblem."""
    pa, files = _arrow()
    try:
        found: Any = files.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException) as e:
        raise UsageProblem(f"{path}: is no Parquet file that can be read.") from e
    if META not in found:
        raise UsageProblem(f"{path}: is no session that 'podsteam records export --format parquet' wrote.")
    meta: bytes = found[META]
    return meta
