# SPDX-License-Identifier: Apache-2.0
"""Recalls: batches and single podlets that must not be used any more, held on this computer and by devices.

This computer's list is a JSON file beside the preferences; a session does not start with a podlet that it names. A
maker's list is signed (`hw/podlet/README.md`), holds hashes alone, and goes to the devices that trust its key too.
"""

import datetime
import hashlib
import json
import os
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from podsteam.errors import IntegrityFailed, PodletRecalled, UsageProblem
from podsteam.text import safe
from podsteam.tomlfile import table_of

if TYPE_CHECKING:
    from podsteam.podlet_sign import Signer

ENVIRONMENT = "PODSTEAM_RECALLS"
"""Names another file."""
MAGIC = b"PSRL"
MOST = 480
"""Entries of a signed list; a device keeps one for each key."""
_HEAD_FMT = "<4sIHH8s"
_HEAD = 20
_ENTRY = 8
_SIGNATURE = 64
_TEXTS = {"maker": 32, "batch": 16, "reason": 200}
"""Most bytes of UTF-8."""


@dataclass(frozen=True, slots=True)
class Recall:
    """One recall. `batch` with `maker`, or `uid`, or in a signed list only `hash`."""

    maker: str = ""
    batch: str = ""
    uid: str = ""
    """Of a tag, 14 hex digits."""
    reason: str = ""
    day: str = ""
    """When it was listed here, an ISO date."""
    hash: str = ""
    """What a signed list has in place of names, 16 hex digits."""
    key: str = ""
    """Id of the key that signed it; empty: a person listed it."""

    def entries(self) -> list[str]:
        """What it is looked up by, in hex."""
        if self.hash:
            return [self.hash]
        found = [entry_of_uid(bytes.fromhex(self.uid)).hex()] if self.uid else []
        return [*found, entry_of_batch(self.maker, self.batch).hex()] if self.batch else found

    def words(self) -> str:
        """What it names, for people."""
        if self.hash:
            return f"entry {self.hash}"
        if self.uid:
            return f"tag {self.uid}"
        return f"batch {safe(self.batch)}" + (f" of {safe(self.maker)}" if self.maker else "")


def entry_of_batch(maker: str, batch: str) -> bytes:
    """The entry that names a maker's batch."""
    return hashlib.sha256(b"B" + maker.encode() + b"\0" + batch.encode()).digest()[:_ENTRY]


def entry_of_uid(uid: bytes) -> bytes:
    """The entry that names a tag."""
    return hashlib.sha256(b"U" + uid).digest()[:_ENTRY]


def checked(maker: str = "", batch: str = "", uid: str = "", reason: str = "") -> Recall:
    """A recall that a person wrote. Raises UsageProblem."""
    for name, text in (("maker", maker), ("batch", batch), ("reason", reason)):
        if len(text.encode()) > _TEXTS[name] or not text.isprintable():
            raise UsageProblem(f"{name} must be at most {_TEXTS[name]} bytes of text, not '{safe(text, 40)}'.")
    if bool(batch) == bool(uid):
        raise UsageProblem("A recall names either a batch or the uid of a tag.")
    if uid:
        try:
            raw = bytes.fromhex(uid)
        except ValueError:
            raw = b""
        if len(raw) != 7:
            raise UsageProblem(f"uid must have 14 hex digits, not '{safe(uid, 40)}'.")
        uid = raw.hex()
    return Recall(maker, batch, uid, reason)


# This computer's list -----------------------------------------------------------------------------------------------


def place() -> Path:
    """The file, whether it is there or not."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    from platformdirs import user_config_dir

    return Path(user_config_dir("podsteam", appauthor=False)) / "recalls.json"


def load() -> list[Recall]:
    """This computer's list. Raises UsageProblem: a list that cannot be read names nothing, and that must be seen."""
    path = place()
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return [Recall(**{name: str(text) for name, text in entry.items()}) for entry in raw["recalls"]]
    except FileNotFoundError:
        return []
    except OSError as e:
        raise UsageProblem(f"{safe(str(path))}: cannot be read ({e.strerror or e}).") from e
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        raise UsageProblem(f"{safe(str(path))}: is no list of recalls; move it away and import anew.") from e


def merge(before: list[Recall], new: Iterable[Recall]) -> list[Recall]:
    """Both; what is named already stays as it is."""
    known = {entry for each in before for entry in each.entries()}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    merged = list(before)
    for each in new:
        if not known.issuperset(each.entries()):
            known.update(each.entries())
            merged.append(Recall(**{**asdict(each), "day": each.day or today}))
    return merged


def save(recalls: list[Recall]) -> None:
    """Replace this computer's list. Raises StoreFailed."""
    from podsteam.errors import StoreFailed

    path = place()
    text = json.dumps({"recalls": [{k: v for k, v in asdict(each).items() if v} for each in recalls]}, indent=1)
    temporary = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as e:
        raise StoreFailed(f"{safe(str(path))}: cannot be written ({e.strerror or e}).") from e


def naming(recalls: Iterable[Recall], memory: bytes) -> Recall | None:
    """The recall that names the podlet in a tag's memory; None: there is none."""
    from podsteam.podlet_image import main_of, uid_of
    from podsteam_protocol import podlet as p

    if len(memory) < 16:
        return None
    wanted = {entry_of_uid(uid_of(memory)).hex()}
    try:
        main = main_of(memory)[0]
    except IntegrityFailed:
        main = {}
    maker, batch = main.get(p.MAIN_MAKER, ""), main.get(p.MAIN_BATCH, "")
    if isinstance(maker, str) and isinstance(batch, str) and batch:
        wanted.add(entry_of_batch(maker, batch).hex())
    return next((each for each in recalls if wanted.intersection(each.entries())), None)


def refuse(found: Recall) -> PodletRecalled:
    """The error for a podlet that this names."""
    why = f": {safe(found.reason)}" if found.reason else ""
    since = f" on {found.day}" if found.day else ""
    return PodletRecalled(f"The podlet was recalled ({found.words()}, listed{since}{why}); take it out.")


# Lists in files -----------------------------------------------------------------------------------------------------


def read_toml(raw: bytes, name: str) -> list[Recall]:
    """A list that a person wrote: tables [[recall]] with batch and maker, or uid, and reason. Raises UsageProblem."""
    table = table_of(raw, name)
    rows = table.get("recall")
    if not isinstance(rows, list) or not rows or set(table) != {"recall"}:
        raise UsageProblem(f"{name}: wants tables [[recall]] and nothing else.")
    found: list[Recall] = []
    for number, row in enumerate(rows, 1):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        found.append(_row(row, f"{name}: recall {number}"))
    return found


def _row(row: Any, where: str) -> Recall:
    if not isinstance(row, dict):
        raise UsageProblem(f"{where}: is no table.")
    fields = cast("dict[str, Any]", row)
    for key, value in fields.items():
        if key not in ("maker", "batch", "uid", "reason"):
            raise UsageProblem(f"{where}: unknown field {safe(key, 40)}; there are maker, batch, uid and reason.")
        if not isinstance(value, str):
            raise UsageProblem(f"{where}: {key} must be a text.")
    try:
        return checked(**fields)
    except UsageProblem as e:
        raise UsageProblem(f"{where}: {e}") from e


def sign(recalls: Iterable[Recall], sequence: int, key: bytes, signer: "Signer") -> bytes:
    """A signed list of these, by the key with this public part. Raises UsageProblem."""
    from podsteam.podlet_sign import key_id

    entries = sorted({bytes.fromhex(entry) for each in recalls for entry in each.entries()})
    if not 0 < len(entries) <= MOST:
        raise UsageProblem(f"A signed list has 1 to {MOST} entries, not {len(entries)}.")
    today = (datetime.datetime.now(datetime.UTC).date() - datetime.date(1970, 1, 1)).days
    head = struct.pack(_HEAD_FMT, MAGIC, sequence, today, len(entries), key_id(key))
    body = head + b"".join(entries)
    return body + signer(b"recall:" + body)


def read_signed(raw: bytes, key: bytes, name: str) -> list[Recall]:
    """The entries of a signed list. Raises IntegrityFailed when it is damaged or not by this key."""
    from podsteam.podlet_sign import key_id, verify

    if len(raw) < _HEAD + _ENTRY + _SIGNATURE or raw[:4] != MAGIC:
        raise IntegrityFailed(f"{name}: is no signed recall list.")
    _, _, day, count, by = struct.unpack_from(_HEAD_FMT, raw, 0)
    body = raw[:-_SIGNATURE]
    if len(body) != _HEAD + _ENTRY * count:
        raise IntegrityFailed(f"{name}: is no whole recall list.")
    if by != key_id(key):
        raise IntegrityFailed(f"{name}: was signed by key {by.hex()}, and this is {key_id(key).hex()}.")
    if not verify(b"recall:" + body, raw[-_SIGNATURE:], key):
        raise IntegrityFailed(f"{name}: the signature is wrong; do not use it.")
    listed = (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()
    hashes = [body[at : at + _ENTRY].hex() for at in range(_HEAD, len(body), _ENTRY)]
    return [Recall(hash=each, key=by.hex(), day=listed) for each in hashes]
