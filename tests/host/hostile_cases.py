# SPDX-License-Identifier: Apache-2.0
"""The list of what may come from outside and would like to act: texts, files, links, lengths. One list for all doors.

A text is put into every field that somebody else fills: program name and console line of a device, tags, notes, ids,
names of files and of things. A file is given to `records import`. A link lies where a file or a folder is to be
written. docs/records.md has the counts; tests/host/hostile_doors.py has
the doors, each of which every case is tried at.
"""

import base64
import hashlib
import json
import os
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Text(NamedTuple):
    """A text that somebody else chose."""

    kind: str
    text: str


class File(NamedTuple):
    """A file that somebody else made: `make` gets a folder and a good document, and returns its path."""

    kind: str
    name: str
    make: Callable[[Path, dict[str, Any]], Path]


class Link(NamedTuple):
    """Something that lies at a place to be written. `lay` gets the place and a folder that must stay as it is."""

    kind: str
    name: str
    lay: Callable[[Path, Path], None]


def _texts(kind: str, *texts: str) -> list[Text]:
    return [Text(kind, text) for text in texts]


TEXTS = [
    *_texts(
        "traversal",
        *(
            "..",
            "../x",
            "../../outside/x",
            "..\\..\\outside\\x",
            "a/../../outside/x",
            "....//x",
            "%2e%2e/x",
            "./.",
            "~/x",
        ),
        *("x/../../outside", "..\0x", "file:../x"),
    ),
    *_texts("absolute", "/etc/passwd", "//host/share/x", "\\\\host\\share\\x", "C:\\x", "C:x", "/dev/null", "/"),
    *_texts(
        "reserved",
        *("CON", "nul", "AUX.txt", "COM1", "LPT1.csv", "x.", "x ", "$MFT", "a:b", "a|b", 'a"b', "a*b?", "<a>", "-rf"),
        *("--help", "-", "last", "desktop.ini"),
    ),
    *_texts("oversize", "a" * 200, "é" * 4000, "x" * 100_000, "a/" * 2000, "\u0301" * 4000),
    *_texts(
        "unicode",
        *("\u202egnp.exe", "a\u200bb", "\u2066x\u2069", "\ufeffx", "e\u0301", "ﬁle", "\u2028x\u2029", "\U000e0041x"),
        *("\ue000", "\ud800x", "\udc80\udcff", "𝒳", "ａ／ｂ", "\uffff", "İ", "\u00adx", "x\u00a0"),  # noqa: RUF001
    ),
    *_texts(
        "formula",
        *("=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "＝1", "＠x", '"=1', ",=1"),  # noqa: RUF001
        *('=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0", ";=1", "\x00=1"),
    ),
    *_texts("C0", *(f"a{chr(code)}b" for code in (0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24, 26, 27, 127))),
    *_texts("C0", "\x1b[2J", "\x1b[31mred", "\x1bc", "\x1b[6n", "\x1b[?1049h", "".join(map(chr, range(32)))),
    *_texts("C1", *(f"a{chr(code)}b" for code in (0x84, 0x85, 0x8D, 0x90, 0x98, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F))),
    *_texts("C1", "\x9b31m", "".join(map(chr, range(0x80, 0xA0)))),
    *_texts(
        "OSC",
        *("\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\y", "\x1b]52;c;eHg=\x07", "\x9d0;t\x9c", "\x1b]1337;File=:x\x07"),
        *("\x1bPq#0\x1b\\", "\x1b_Gx\x1b\\", "\x1b^x\x1b\\"),
    ),
    *_texts(
        "markup",
        *(
            "[red]x[/]",
            "[link=http://x]y[/link]",
            "[@click=app.exit]z[/]",
            "[/]",
            "[bold",
            "[[",
            ":smile:",
            "[$error]x",
        ),
        *("\x08no wrap", "%(prog)s", "{0}{x}", "${HOME}", "\\[red]x", "`x`", "{{x}}"),
    ),
    *_texts(
        "HTML",
        *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><b>", "&lt;b&gt;", "<!--", "]]>"),
        *("javascript:alert(1)", "'onload='x", "</text></svg><script>x</script>", "&#x1b;[2J", "</script>"),
    ),
]
"""Every text."""


def _write(folder: Path, data: bytes, name: str = "x.json") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _raw(data: bytes, name: str = "x.json") -> Callable[[Path, dict[str, Any]], Path]:
    return lambda folder, _: _write(folder, data, name)


def _changed(change: Callable[[dict[str, Any]], None]) -> Callable[[Path, dict[str, Any]], Path]:
    """The good document with a change in it."""

    def make(folder: Path, good: dict[str, Any]) -> Path:
        document: dict[str, Any] = json.loads(json.dumps(good))
        change(document)
        return _write(folder, json.dumps(document).encode())

    return make


def _in(*keys: str, value: Any) -> Callable[[Path, dict[str, Any]], Path]:
    def change(document: dict[str, Any]) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return _changed(change)


def _frames(raw: bytes) -> dict[str, Any]:
    data = base64.b64encode(zlib.compress(raw, 9)).decode()
    return {"data": data, "bytes": 2**32, "sha256": hashlib.sha256(raw).hexdigest()}


def _bomb(size: int) -> Callable[[Path, dict[str, Any]], Path]:
    """Frames that are zeros, so many bytes when they are unpacked."""

    def change(document: dict[str, Any]) -> None:
        packer, digest, packed, mebibyte = zlib.compressobj(9), hashlib.sha256(), b"", bytes(1 << 20)
        for _ in range(size >> 20):
            packed += packer.compress(mebibyte)
            digest.update(mebibyte)
        data = base64.b64encode(packed + packer.flush()).decode()
        document["frames"] = {"data": data, "bytes": size, "sha256": digest.hexdigest()}

    return _changed(change)


def _many() -> dict[str, str]:
    return {f"t{i}": "x" for i in range(1_000_000)}


def _beside(files: Any) -> Callable[[Path, dict[str, Any]], Path]:
    """A CSV with what describes it beside it."""

    def make(folder: Path, good: dict[str, Any]) -> Path:
        _write(folder, json.dumps({**good, "files": files}).encode(), "x.meta.json")
        return _write(folder, b"record\n", "x.csv")

    return make


def _parquet(length: int) -> bytes:
    return b"PAR1" + bytes(64) + struct.pack("<I", length) + b"PAR1"


def _folder(folder: Path, _: dict[str, Any]) -> Path:
    path = folder / "x.json"
    path.mkdir()
    return path


def _sparse(folder: Path, _: dict[str, Any]) -> Path:
    path = folder / "x.json"
    with path.open("wb") as file:
        file.truncate(2**32)
    return path


_TWICE = b'{"format":"podsteam-session","format":"x","version":1,"record":{}}'
FILES = [
    File("JSON bomb", "nested lists", _raw(b"[" * 200_000)),
    File("JSON bomb", "nested objects", _raw(b'{"a":' * 200_000)),
    File("JSON bomb", "nested in a tag", _in("record", "tags", value={"a": json.loads("[" * 300 + "]" * 300)})),
    File("JSON bomb", "a number of 100,000 digits", _raw(b'{"version":' + b"9" * 100_000 + b"}")),
    File("JSON bomb", "1e999999", _raw(b'{"format":"podsteam-session","version":1e999999}')),
    File("JSON bomb", "NaN", _raw(b'{"format":"podsteam-session","version":NaN}')),
    File("JSON bomb", "a million keys", lambda folder, _: _write(folder, json.dumps(_many()).encode())),
    File("JSON bomb", "a key twice", _raw(_TWICE)),
    File("JSON bomb", "no UTF-8", _raw(b'{"format":"\xff\xfe"}')),
    File("JSON bomb", "UTF-16", _raw('{"format":1}'.encode("utf-16"))),
    File("JSON bomb", "nothing", _raw(b"")),
    File("JSON bomb", "zeros", _raw(bytes(100_000))),
    File("JSON bomb", "frames of 128 MiB when unpacked", _bomb(128 << 20)),
    File("JSON bomb", "frames of 65 MiB when unpacked", _bomb(65 << 20)),
    File("JSON bomb", "a million tags", _changed(lambda document: document["record"].update(tags=_many()))),
    File("wrong types", "a list", _raw(b"[]")),
    File("wrong types", "record is a list", _in("record", value=[])),
    File("wrong types", "id is a number", _in("record", "id", value=7)),
    File("wrong types", "id is a path", _in("record", "id", value="../../outside/x")),
    File("wrong types", "tags are a list", _in("record", "tags", value=[1])),
    File("wrong types", "a tag is a number", _in("record", "tags", value={"subject": 7})),
    File("wrong types", "a tag's name is a path", _in("record", "tags", value={"../x": "y"})),
    File("wrong types", "the note is an object", _in("record", "note", value={"a": "b"})),
    File("wrong types", "frames are a text", _in("frames", value="x")),
    File("wrong types", "data is a list", _in("frames", "data", value=[1])),
    File("wrong types", "a start without an offset", _in("record", "started", value="2026-01-01T00:00:00")),
    File("wrong types", "a start in the year 9999", _in("record", "started", value="9999-12-31T23:59:59-23:59")),
    File("wrong types", "a start in the year 1", _in("record", "started", value="0001-01-01T00:00:00+23:59")),
    File("wrong types", "files of a CSV are a list", _beside([])),
    File("wrong types", "files of a CSV are paths", _beside({"../outside/x": "0" * 64})),
    File("2^32 lengths", "version", _in("version", value=2**32)),
    File("2^32 lengths", "frames of bytes", _in("frames", "bytes", value=2**32)),
    File(
        "2^32 lengths",
        "frames that say 2^32 - 1 everywhere",
        _in("frames", value=_frames(b"\0" + b"\xff" * 4096 + b"\0")),
    ),
    File("2^32 lengths", "a Parquet footer of 2^32 - 1", _raw(_parquet(2**32 - 1), "x.parquet")),
    File("2^32 lengths", "a Parquet footer of 2^31", _raw(_parquet(2**31), "x.parquet")),
    File("2^32 lengths", "a Parquet footer of 60 zeros", _raw(_parquet(60), "x.parquet")),
    File("2^32 lengths", "a file of 2^32 bytes", _sparse),
    File("2^32 lengths", "a folder", _folder),
]
"""Every file."""


def _to(name: str) -> Callable[[Path, Path], None]:
    def lay(place: Path, outside: Path) -> None:
        os.symlink(outside / name if name else outside, place)

    return lay


def _loop(place: Path, _: Path) -> None:
    os.symlink(place, place)


LINKS = [
    Link("symlink", "to a file outside", _to("secret")),
    Link("symlink", "to nothing outside", _to("not-there")),
    Link("symlink", "to a folder outside", _to("")),
    Link("symlink", "to itself", _loop),
    Link(
        "symlink",
        "relative",
        lambda place, outside: os.symlink(os.path.relpath(outside / "secret", place.parent), place),
    ),
    Link("symlink", "to a device", lambda place, _: os.symlink("/dev/full", place)),
]
"""Every link."""

LENGTHS = (2**32 - 1, 2**31, 2**30, 0)
"""What the fields of a record's frames say that are 32 bits wide: times, counts, energies."""


def counts() -> dict[str, int]:
    """How many cases there are of each kind."""
    found = Counter(case.kind for case in [*TEXTS, *FILES, *LINKS])
    found["2^32 lengths"] += len(LENGTHS)
    return dict(found)
