# SPDX-License-Identifier: Apache-2.0
"""Sessions back from what `records export` writes: a JSON document, alone, beside a CSV or in a Parquet file.

A file is untrusted: whatever it holds, it becomes a record whose frames match their checksum, or one sentence.
"""

import base64
import binascii
import hashlib
import json
import re
import zlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import select

from podsteam.errors import IntegrityFailed, UsageProblem
from podsteam.record import decode
from podsteam.store.model import IMPORTED, SessionMeta
from podsteam.store.tables import SESSION
from podsteam.text import mended

if TYPE_CHECKING:
    from podsteam.store.database import Store

FORMAT = "podsteam-session"
_MAX_FILE = 1 << 28
_YEARS = (1970, 2200)
"""Outside of them a time cannot be shown in every zone, and no session was."""
_MAX_RAW = 1 << 26
"""64 MiB of frames: days of measurements at ten a second."""


def import_file(store: "Store", path: Path) -> tuple[str, bool]:
    """Take a session from a file; returns its id, and whether it is new here.

    Raises UsageProblem for a file that cannot be read or is none of ours, IntegrityFailed when its frames do not match
    their checksum, or when another session has its id.
    """
    document = _document(path)
    raw = _frames(document, path)
    head = decode(raw).head
    if head is None:
        raise IntegrityFailed(f"{path}: the session has no readable beginning.")
    record = _record(document, path)
    about = document["record"]
    tags: Any = about.get("tags")
    note: Any = about.get("note", "")
    if not isinstance(tags, dict) or not isinstance(note, str):
        raise UsageProblem(f"{path}: the session's tags or its note are not as podsteam writes them.")
    meta = SessionMeta(
        head,
        _started(about.get("started"), path),
        mended(path.name)[:200],
        _texts(cast("dict[Any, Any]", tags), path),
        note,
    )
    sha256 = hashlib.sha256(raw).hexdigest()
    with store.reading() as connection:
        row = connection.execute(select(SESSION.c.sha256).where(SESSION.c.id == record)).scalar()
    if row is not None:
        if row != sha256:
            raise IntegrityFailed(f"{path}: record {record} is here already with other frames; nothing was taken.")
        return record, False
    return store.add_device_record(meta, raw, source=IMPORTED, record=record), True


def _text(path: Path) -> bytes:
    """The document that a file is, has beside it, or holds. Raises UsageProblem, OSError, IntegrityFailed."""
    if path.suffix.lower() == ".parquet":
        from podsteam.report.parquet import meta_of

        return meta_of(path)
    if path.suffix.lower() != ".csv":
        return path.read_bytes()
    beside = path.with_name(f"{path.stem}.meta.json")
    if beside.stat().st_size > _MAX_FILE:
        raise UsageProblem(f"{beside}: is larger than {_MAX_FILE >> 20} MiB, which no session is.")
    text = beside.read_bytes()
    files = json.loads(text).get("files", {})
    if files.get(path.name) != hashlib.sha256(path.read_bytes()).hexdigest():
        raise IntegrityFailed(f"{path}: is not as it was written; {beside.name} has another checksum.")
    return text


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_FILE:
            raise UsageProblem(f"{path}: is larger than {_MAX_FILE >> 20} MiB, which no session is.")
        found = json.loads(_text(path))
    except OSError as e:
        raise UsageProblem(f"{path}: cannot be read ({e.strerror or e}).") from e
    except (ValueError, RecursionError, AttributeError) as e:
        raise UsageProblem(f"{path}: is no JSON document that podsteam wrote.") from e
    if not isinstance(found, dict) or found.get("format") != FORMAT:  # pyright: ignore[reportUnknownMemberType]
        raise UsageProblem(f"{path}: is no session that 'podsteam records export' wrote.")
    document = cast("dict[str, Any]", found)
    if document.get("version") != 1:
        raise UsageProblem(f"{path}: has version {str(document.get('version'))[:20]!r}; this podsteam reads 1.")
    if not isinstance(document.get("record"), dict):
        raise UsageProblem(f"{path}: tells nothing of its record.")
    return document


def _frames(document: dict[str, Any], path: Path) -> bytes:
    frames: Any = document.get("frames")
    if not isinstance(frames, dict):
        raise UsageProblem(f"{path}: has no frames, so it was written for reading only; export it again.")
    held = cast("dict[str, Any]", frames)
    try:
        unfolder = zlib.decompressobj()
        raw = unfolder.decompress(base64.b64decode(str(held.get("data")), validate=True), _MAX_RAW)
    except (binascii.Error, zlib.error, ValueError) as e:
        raise IntegrityFailed(f"{path}: its frames are damaged.") from e
    if not unfolder.eof or hashlib.sha256(raw).hexdigest() != held.get("sha256"):
        raise IntegrityFailed(f"{path}: its frames do not match their checksum.")
    return raw


def _record(document: dict[str, Any], path: Path) -> str:
    record: Any = document["record"].get("id")
    if not isinstance(record, str) or not re.fullmatch(r"[a-f][0-9a-f]{11}", record):
        raise UsageProblem(f"{path}: its record has no id as podsteam gives them.")
    return record


def _started(value: Any, path: Path) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None or not _YEARS[0] <= moment.year <= _YEARS[1]:
            raise ValueError("no offset, or no such year")
        moment.timestamp()
    except (ValueError, OverflowError) as e:
        years = f"from {_YEARS[0]} to {_YEARS[1]}"
        raise UsageProblem(f"{path}: the session's start is no time with an offset, {years}.") from e
    return moment


def _texts(tags: dict[Any, Any], path: Path) -> dict[str, str]:
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in tags.items()):
        raise UsageProblem(f"{path}: a tag is no text.")
    return {str(name): str(value) for name, value in tags.items()}
