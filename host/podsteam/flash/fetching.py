# SPDX-License-Identifier: Apache-2.0
"""Fetching a MicroPython image by its version: a table of addresses and SHA-256s, and a check before it is used."""

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from podsteam.errors import Incomplete, IntegrityFailed, StoreFailed, UsageProblem
from podsteam.text import safe

TABLE = Path(__file__).parents[1] / "boards" / "images.csv"
"""The table that comes with podsteam. PODSTEAM_IMAGES names another one."""
ENVIRONMENT = "PODSTEAM_IMAGES"
_MOST = 16 << 20
_TIMEOUT_S = 20.0
_HASH = re.compile(r"[0-9a-f]{64}")
_HEADS = ["version", "chip", "url", "sha256", "verified_by"]


@dataclass(frozen=True)
class Entry:
    """An image that can be fetched."""

    version: str
    chip: str
    url: str
    sha256: str
    """Empty: it is not known, and has to be given."""
    verified_by: str
    """The maintainer who compared it on a board; empty: nobody did."""


def entries() -> list[Entry]:
    """The table. Raises UsageProblem when it cannot be read."""
    import csv

    path = Path(os.environ.get(ENVIRONMENT) or TABLE)
    try:
        with path.open(encoding="utf-8", newline="") as f:
            reader = csv.DictReader(line for line in f if not line.startswith("#"))
            if reader.fieldnames != _HEADS:
                raise UsageProblem(f"{safe(str(path))} must have the columns {', '.join(_HEADS)}.")
            return [Entry(*(str(row[head] or "") for head in _HEADS)) for row in reader]
    except (OSError, UnicodeDecodeError) as e:
        raise UsageProblem(f"The table of images {safe(str(path))} cannot be read ({safe(str(e), 100)}).") from e


def fetch(version: str, chip: str, sha256: str, note: Callable[[str], None]) -> Path:
    """The image of a version for a chip, from the cache or fetched. `sha256` is needed when the table has none.

    Raises UsageProblem, IntegrityFailed, Incomplete, StoreFailed.
    """
    found = [e for e in entries() if e.chip == chip and e.version == version.removeprefix("v")]
    if not found:
        known = ", ".join(sorted(e.version for e in entries() if e.chip == chip)) or "none"
        raise UsageProblem(f"No image of MicroPython {safe(version, 40)} for {chip} is listed; there are {known}.")
    entry = found[0]
    wanted = (sha256 or entry.sha256).lower()
    if not wanted:
        raise UsageProblem(
            f"The SHA-256 of MicroPython {entry.version} for {chip} is not listed; give it with --sha256, as"
            f" the page of {safe(entry.url, 200)} shows it."
        )
    if not _HASH.fullmatch(wanted):
        raise UsageProblem("--sha256 takes 64 hexadecimal digits.")
    if not entry.verified_by:
        note(f"No maintainer has verified the entry for MicroPython {entry.version} on {chip}.")
    kept = Path(platformdirs.user_cache_dir("podsteam")) / "images" / f"{wanted}.bin"
    if not kept.exists():
        data = _get(entry.url)
        _same(data, wanted, entry.url)
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            new = kept.with_suffix(f".{os.getpid()}")
            new.write_bytes(data)
            new.replace(kept)
        except OSError as e:
            raise StoreFailed(f"The image cannot be kept in {safe(str(kept.parent))} ({e.strerror}).") from e
    check(kept, wanted)
    return kept


def check(path: Path, sha256: str) -> None:
    """Compare a file with its SHA-256. Raises IntegrityFailed, UsageProblem."""
    if not _HASH.fullmatch(sha256.lower()):
        raise UsageProblem("--sha256 takes 64 hexadecimal digits.")
    try:
        _same(path.read_bytes(), sha256.lower(), str(path))
    except OSError as e:
        raise UsageProblem(f"The image {safe(str(path))} cannot be read ({e.strerror}).") from e


def _same(data: bytes, sha256: str, shown: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise IntegrityFailed(f"{safe(shown, 200)} has the SHA-256 {found}, not {sha256}; it was not used.")


def _get(url: str) -> bytes:
    from http.client import HTTPException
    from urllib.error import URLError
    from urllib.request import urlopen

    if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise UsageProblem(f"{safe(url, 200)} is not fetched: only https is.")
    try:
        with urlopen(url, timeout=_TIMEOUT_S) as answer:
            data: bytes = answer.read(_MOST + 1)
            length = answer.headers.get("Content-Length")
    except (URLError, HTTPException, OSError) as e:
        raise Incomplete(
            f"{safe(url, 200)} cannot be fetched ({safe(str(e), 100)}); try again, or give --image."
        ) from e
    if len(data) > _MOST:
        raise IntegrityFailed(f"{safe(url, 200)} is too large for an image; it was not used.")
    if length is not None and length.isdecimal() and int(length) != len(data):
        raise Incomplete(f"Only {len(data)} of {length} bytes of {safe(url, 200)} came; try again.")
    return data
