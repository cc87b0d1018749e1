# SPDX-License-Identifier: Apache-2.0
"""Podlets as files: the TOML that people write, with a commented template, and back from a tag's fields."""

import datetime
import struct
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podsteam.errors import UsageProblem
from podsteam.text import safe
from podsteam_protocol.podlet_table import ALLERGENS, EXAMPLES, FIELDS
from podsteam_protocol.podlet_text import BY_NAME, fields

Value = bool | int | str | bytes
Fields = dict[int, Value]

MODELS = ("NTAG213", "NTAG215", "NTAG216")
_EPOCH = datetime.date(1970, 1, 1)
_IN_FILE = {"nL": "uL", "0.01 degC": "degC", "0.001 mPa s": "mPa s"}
"""The file's unit for the tag's."""


@dataclass(frozen=True)
class PodletFile:
    """What a file says: the fields of main, and what concerns the tag."""

    main: Fields
    model: str = ""
    """NTAG213, NTAG215 or NTAG216 that the podlet is for; "": whichever is there."""
    uri: str = ""
    """Web address that a phone shows; "": the podlet's name instead."""
    floor: bool = False
    """Whether pages may be locked at each quarter of use."""


def load(path: Path) -> PodletFile:
    """Read a TOML file. Raises UsageProblem, one sentence that names the file and the field."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as e:
        raise UsageProblem(f"{path}: not UTF-8 text.") from e
    except OSError as e:
        raise UsageProblem(f"{path}: cannot be read ({e.strerror or e}).") from e
    return parse(text, str(path))


def parse(text: str, name: str) -> PodletFile:
    """Read TOML text; `name` is for the messages. Raises UsageProblem."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise UsageProblem(f"{name}: not TOML: {safe(str(e), 200)}.") from e
    try:
        return PodletFile(fields(table), _model(table), _uri(table), _floor(table))
    except ValueError as e:
        raise UsageProblem(f"{name}: {safe(str(e), 1200)}.") from e


def _model(table: dict[str, Any]) -> str:
    model = table.get("tag", "")
    if "tag" in table and model not in MODELS:
        raise ValueError(f"tag must be one of {', '.join(MODELS)}, not {model!r}")
    return model


def _uri(table: dict[str, Any]) -> str:
    uri = table.get("uri", "")
    if not isinstance(uri, str):
        raise ValueError(f"uri must be text in quotes, not {uri!r}")
    if uri and not (uri.startswith(("https://", "http://")) and uri.isascii() and uri.isprintable() and " " not in uri):
        raise ValueError(f"uri must be a web address that begins with https://, not {uri!r}")
    if len(uri) > 200:
        raise ValueError(f"uri must have 200 bytes at most, not {len(uri)}")
    return uri


def _floor(table: dict[str, Any]) -> bool:
    floor = table.get("floor", False)
    if not isinstance(floor, bool):
        raise ValueError(f"floor must be true or false, not {floor!r}")
    return floor


# Templates ------------------------------------------------------------------------------------------------------


def template(name: str) -> str:
    """A commented file to edit, for a podlet of that name. Raises UsageProblem when the name cannot be one."""
    examples = {**EXAMPLES, "name": name}
    out = "# A podlet. Write it with `podsteam podlet write`, or make a tag dump of it with `--to`.\n"
    out += "# Lines that begin with # say nothing; remove the # to say it.\n"
    for field in FIELDS:
        if field[3]:
            out += f"\n# {_explain(field)}\n" + _line(field, examples.get(field[3]))
    out += "\n# Which tag it is for: NTAG213, NTAG215 or NTAG216. Left out: whichever is there.\n"
    out += '# tag = "NTAG215"\n'
    out += "\n# Web address that a phone shows instead of the name.\n"
    out += '# uri = "https://example.org/mist"\n'
    out += "\n# Pages 4 to 7 may be locked for good as it is used: the tag can hold no other podlet then.\n"
    out += "# floor = true\n"
    parse(out, f"'{safe(name)}'")
    return out


def _explain(field: tuple[Any, ...]) -> str:
    _, _, kind, _, _, least, most, required, unit, meaning = field
    text = f"{meaning[0].upper()}{meaning[1:]}"
    if kind == "pairs":
        text = "Measured pulses of the valve, volume in uL and open time in ms, rising; a hint"
    elif kind == "names":
        text = f"Allergens in it, of: {', '.join(ALLERGENS)}"
    elif kind == "int":
        text += f"; {least} to {most}" + (f" {_IN_FILE.get(unit, unit)}" if unit else "")
    elif kind == "text":
        text += f"; at most {most} bytes"
    return text + ("." if required else ". May be left out.")


def _line(field: tuple[Any, ...], example: int | str | None) -> str:
    kind, name = field[2], field[3]
    if example is None:
        stand_in = {"int": "1000", "text": '"gentle"', "bool": "true", "names": '["Limonene", "Linalool"]'}
        return f"# {name} = {stand_in.get(kind, '[[20, 52.5], [50, 130]]')}\n"
    quoted = isinstance(example, str) and kind != "day"
    return f"{name} = {_string(str(example)) if quoted else example}\n"


def _string(text: str) -> str:
    """A basic string of TOML."""
    out = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c for c in text.replace("\\", "\\\\"))
    return '"' + out.replace('"', '\\"') + '"'


# Back from a tag ------------------------------------------------------------------------------------------------


def as_table(main: dict[int | str, Any]) -> dict[str, Any]:
    """The fields of main under their names and in the units of a file; what no file has is left out."""
    table: dict[str, Any] = {}
    for name, (key, _, kind, _, factor, *_) in BY_NAME.items():
        value = main.get(key)
        if value is None:
            continue
        shown = _shown(kind, factor, value)
        if shown is not None:
            table[name] = shown
    return table


def _shown(kind: str, factor: int, value: object) -> Any:
    if kind == "text":
        return safe(value) if isinstance(value, str) else None
    if kind == "bool":
        return value if isinstance(value, bool) else None
    if kind == "pairs":
        whole = isinstance(value, bytes) and value and len(value) % 4 == 0
        return [[a / 10, b / 100] for a, b in struct.iter_unpack("<HH", value)] if whole else None  # type: ignore[arg-type]
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    if kind == "day":
        return date_of(value)
    if kind == "names":
        return [ALLERGENS[bit] for bit in range(len(ALLERGENS)) if value >> bit & 1]
    return value if factor == 1 else value / factor


def date_of(day: int) -> datetime.date | None:
    """The date of a day's number; None when no calendar has it."""
    try:
        return _EPOCH + datetime.timedelta(days=day)
    except OverflowError:
        return None


def as_toml(table: dict[str, Any]) -> str:
    """A table from `as_table` as the text of a file."""
    return "".join(f"{name} = {_toml(value)}\n" for name, value in table.items())


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(value)
