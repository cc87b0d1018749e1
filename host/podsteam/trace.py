# SPDX-License-Identifier: Apache-2.0
"""What crosses the line, frame by frame: kept in a file, and made readable, live or from that file.

    recorder = Recorder(Path("line.trace"), device.port.name)      # the tap of a link
    for item in decoded(read(Path("line.trace"))):
        print(line(item))

A trace file has a JSON object a line: a head, then what was sent or arrived at one time. Nothing in it is trusted.
"""

import binascii
import json
import os
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from podsteam.errors import IntegrityFailed, StoreFailed
from podsteam.text import safe
from podsteam_protocol import schema
from podsteam_protocol.frame import Splitter

TO_DEVICE = "to_device"
FROM_DEVICE = "from_device"
REOPENED = "reopened"
"""Ways: what the host wrote, what it read, and that its port was opened again."""
WAYS = (TO_DEVICE, FROM_DEVICE, REOPENED)
FORMAT = 1
"""Of the file."""
MOST_SHOWN = 24
"""Bytes of a long field, or of damage, that a line of text shows. JSON has them all."""
_REPLY = 0x80
_LONGEST_LINE = 1 << 20
_ARROWS = {TO_DEVICE: "->", FROM_DEVICE: "<-", REOPENED: "--"}
Item = dict[str, Any]

_MESSAGES = {number: (name, kind, request, reply) for number, name, kind, _, request, reply, _ in schema.MESSAGES}
_ENUMS = {name: {value: each for value, each, *_ in values} for name, _, values in schema.ENUMS}
_ENUMS["CODE"] = {code[0]: code[1] for code in schema.CODES}
_BITS = {name: [(1 << bit, each) for bit, each, *_ in values] for name, _, values in schema.BITS}
_STRUCTS = {name: fields for name, _, fields in schema.STRUCTS}
Field = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that the host wrote or read at one time."""

    at_s: float
    """Of the port's clock."""
    way: str
    data: bytes = b""


class Recorder:
    """A tap that keeps what crosses the line in a file. What a killed host had sent and heard is in it."""

    def __init__(self, path: Path, port: str) -> None:
        """Begin the file anew. Raises StoreFailed."""
        self._path = path
        head = {"podsteam_trace": FORMAT, "port": safe(port), "started": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        try:
            self._file = path.open("w", encoding="utf-8", buffering=1)
        except OSError as e:
            raise StoreFailed(f"{path}: the trace cannot be written ({e.strerror}).") from e
        self._put(head)

    def take(self, chunk: Chunk) -> None:
        """Keep one. Raises StoreFailed."""
        self._put({"at_s": round(chunk.at_s, 6), "way": chunk.way, "hex": chunk.data.hex()})

    def _put(self, row: Item) -> None:
        try:
            self._file.write(json.dumps(row, separators=(",", ":")) + "\n")
        except OSError as e:
            raise StoreFailed(f"{self._path}: the trace cannot be written ({e.strerror}).") from e

    def close(self) -> None:
        """End the file."""
        self._file.close()


def read(path: Path) -> Iterator[Chunk]:
    """The chunks of a file. A last line that was cut off is left out.

    Raises StoreFailed when it cannot be read, IntegrityFailed with the line's number when it is no trace.
    """
    shown = safe(os.fspath(path))
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
                if not raw.endswith(b"\n") and number > 1:
                    return
                try:
                    row = json.loads(raw)
                    if number == 1:
                        if row["podsteam_trace"] != FORMAT:
                            raise IntegrityFailed(f"{shown} is a trace of another version; update podsteam.")
                        continue
                    way, at_s = row["way"], float(row["at_s"])
                    if way not in WAYS or not abs(at_s) < 1e12:
                        raise ValueError
                    yield Chunk(at_s, way, binascii.unhexlify(row["hex"]))
                except (ValueError, KeyError, TypeError, RecursionError) as e:
                    raise IntegrityFailed(f"{shown}, line {number}: this is no line of a trace.") from e
    except OSError as e:
        raise StoreFailed(f"{shown} cannot be read ({e.strerror}).") from e


class Decoder:
    """Makes frames of chunks, each direction for itself. Times count from the first chunk."""

    def __init__(self) -> None:
        self._begin_s: float | None = None
        self._last_s = 0.0
        self._splitters = {TO_DEVICE: Splitter(), FROM_DEVICE: Splitter()}

    def feed(self, chunk: Chunk) -> list[Item]:
        """What a chunk completes."""
        if self._begin_s is None:
            self._begin_s = chunk.at_s
        self._last_s = chunk.at_s - self._begin_s
        if chunk.way == REOPENED:
            return [*self.finish(), _item(self._last_s, REOPENED, "reopened")]
        return self._cut(chunk.way, chunk.data)

    def finish(self) -> list[Item]:
        """What was begun and did not end."""
        return [item for way in self._splitters for item in self._cut(way, b"\0")]

    def _cut(self, way: str, data: bytes) -> list[Item]:
        found: list[Item] = []
        for is_frame, body in self._splitters[way].feed(data):
            found.append(_frame(self._last_s, way, body) if is_frame else _stray(self._last_s, way, body))
        return found


def decoded(chunks: Iterable[Chunk]) -> Iterator[Item]:
    """Every frame, text and piece of damage in chunks, in the order in which they ended."""
    decoder = Decoder()
    for chunk in chunks:
        yield from decoder.feed(chunk)
    yield from decoder.finish()


def _item(at_s: float, way: str, kind: str, **more: Any) -> Item:
    empty: Item = {"message": None, "seq": None, "boot_id": None, "bytes": 0, "fields": {}, "text": None, "hex": None}
    return {"at_s": round(at_s, 6), "way": way, "kind": kind, **empty, **more}


def _stray(at_s: float, way: str, raw: bytes) -> Item:
    """What stood between two zeros and was no frame: text, as a starting chip sends it, or a damaged frame."""
    plain = all(32 <= value < 127 or value in b"\r\n\t\x1b" for value in raw)
    kind = "text" if plain else "damaged"
    return _item(at_s, way, kind, bytes=len(raw), text=safe(raw, len(raw)) if plain else None, hex=raw.hex())


def _frame(at_s: float, way: str, body: bytes) -> Item:
    """A frame with its fields. Its size is that on the wire, one delimiter included."""
    number, seq, payload = body[0], body[1], body[2:]
    boot_id = None
    is_reply = bool(number & _REPLY)
    name, kind, request, reply = _MESSAGES.get(number & ~_REPLY, (f"0x{number & ~_REPLY:02x}", "", (), ()))
    if is_reply and len(payload) >= 4:
        boot_id = f"{int.from_bytes(payload[:4], 'little'):08x}"
        payload = payload[4:]
    layout = request if kind == "request" and not is_reply else reply
    fields, rest = _fields(layout, payload)
    if rest:
        fields["more"] = rest.hex()
    about: Item = {"message": name, "seq": seq, "boot_id": boot_id, "bytes": len(body) + 6, "fields": fields}
    return _item(at_s, way, "reply" if is_reply else "frame", **about)


def _fields(layout: tuple[Field, ...], payload: bytes) -> tuple[Item, bytes]:
    """The fields that are there, and what is behind the last one. An older end sends fewer, a newer one more."""
    found: Item = {}
    for name, code, unit, _ in layout:
        if code == "*":
            inner = unit.removeprefix("struct ")
            if inner in _STRUCTS:
                found[name], payload = _fields(_STRUCTS[inner], payload)
            else:
                found[name], payload = _shown(name, payload), b""
            continue
        size = struct.calcsize("<" + code)
        if len(payload) < size:
            break
        (value,) = struct.unpack_from("<" + code, payload)
        payload = payload[size:]
        found[name] = _value(name, unit, value)
    return found, payload


def _value(name: str, unit: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return _shown(name, value)
    sort, _, which = unit.partition(" ")
    if sort == "enum":
        return _ENUMS.get(which, {}).get(value, value)
    if sort == "bits":
        return [each for bit, each in _BITS.get(which, []) if value & bit]
    return value


def _shown(name: str, raw: bytes) -> str:
    """Bytes as text where they are text or a padded name, else in hex."""
    if name == "text":
        return safe(raw, len(raw))
    text = raw.rstrip(b"\0")
    if text and all(32 <= value < 127 for value in text) and name not in ("uid", "firmware_hash"):
        return safe(text, len(text))
    return raw.hex()


def line(item: Item) -> str:
    """An item as a person reads it."""
    start = f"{item['at_s']:10.3f} {_ARROWS[item['way']]} "
    if item["kind"] == "reopened":
        return f"{start}the port was opened again"
    if item["kind"] == "text":
        return f"{start}text: {item['text']}"
    if item["kind"] == "damaged":
        return f"{start}DAMAGED, {item['bytes']} bytes: {_cut(item['hex'])}"
    name = item["message"] if item["kind"] == "frame" else f"{item['message']} reply"
    return f"{start}{name} #{item['seq']} {_line_of(item['fields'])}".rstrip()


def _line_of(fields: Item) -> str:
    return " ".join(f"{name}={_short(value)}" for name, value in fields.items())


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return f"({_line_of(cast(Item, value))})"
    if isinstance(value, list):
        return "|".join(cast(list[str], value)) or "-"
    return _cut(value) if isinstance(value, str) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= 2 * MOST_SHOWN else text[: 2 * MOST_SHOWN] + "..."
