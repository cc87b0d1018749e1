# SPDX-License-Identifier: Apache-2.0
"""A device's settings: the TOML that people write, the structure that the device stores, and the way between them.

    version = 1

    [settings]
    sounds = true
    records_kept = 16

Keys, units and ranges come from the protocol's schema (`messages.SETTINGS`); the device checks the same ranges again
and stores all of the settings or none. What a file leaves out stays as it is on the device. None is a safety limit.

Files and devices of other versions: what both sides know is taken, what one of them does not is left out and told. A
value that is out of its range is never taken.
"""

import dataclasses
import struct
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from podsteam.errors import UsageProblem
from podsteam.text import safe
from podsteam.tomlfile import table_of
from podsteam.wire.messages import SETTINGS, Config, ConfigNotesReply, Setting

VERSION = 1
"""Of the file. Of a newer one the keys are taken that are known here."""
_MAX_FILE = 65536
_BY_KEY = {setting.key: setting for setting in SETTINGS}

Value = bool | int | float


def keys() -> list[str]:
    """The keys of a file, in the order of the structure."""
    return list(_BY_KEY)


def setting(key: str) -> Setting:
    """One key's row. Raises UsageProblem with the nearest name when there is none."""
    found = _BY_KEY.get(key)
    if found is None:
        near = get_close_matches(key, _BY_KEY, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(_BY_KEY)}."
        raise UsageProblem(f"There is no setting '{safe(key, 60)}'; {hint}")
    return found


def range_text(row: Setting) -> str:
    """What a key may be, as a sentence part."""
    if row.is_bool:
        return "true or false"
    low, high = (f"{Decimal(value) / row.scale:g}" for value in (row.low, row.high))
    return f"{'0 or ' if row.zero else ''}{low} to {high} {row.unit}".rstrip()


def value_of(config: Config, key: str) -> Value:
    """A setting in the file's unit."""
    row = setting(key)
    raw = int(getattr(config, row.field))
    if row.is_bool:
        return bool(raw)
    return raw if row.scale == 1 else float(Decimal(raw) / row.scale)


def with_value(config: Config, key: str, value: object, where: str = "") -> Config:
    """The settings with one changed. Raises UsageProblem that names the key, its range and, with it, `where`."""
    row = setting(key)
    at = f"{where}: " if where else ""
    bad = UsageProblem(f"{at}{key} is {safe(_shown(value), 60)}, but must be {range_text(row)}.")
    if row.is_bool:
        if not isinstance(value, bool):
            raise bad
        return dataclasses.replace(config, **{row.field: int(value)})
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad
    scaled = Decimal(str(value)) * row.scale
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise bad
    raw = int(scaled)
    if not (row.low <= raw <= row.high or (row.zero and raw == 0)):
        raise bad
    return dataclasses.replace(config, **{row.field: raw})


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else repr(value)


def parsed(key: str, text: str) -> Value:
    """A value as it is typed on a command line. Raises UsageProblem."""
    row = setting(key)
    words = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
    if row.is_bool and text.lower() in words:
        return words[text.lower()]
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        raise UsageProblem(f"{key} is '{safe(text, 60)}', but must be {range_text(row)}.") from None


def dump(config: Config) -> str:
    """The settings as a file that `read` takes, each key with its meaning and range."""
    lines = [f"version = {VERSION}", "", "[settings]"]
    for row in SETTINGS:
        value = value_of(config, row.key)
        shown = str(value).lower() if isinstance(value, bool) else f"{value:g}"
        lines.append(f"# {row.meaning} ({range_text(row)})")
        lines.append(f"{row.key} = {shown}")
    return "\n".join([*lines, ""])


def load(path: Path, before: Config, left: list[str] | None = None) -> Config:
    """The settings of a file; what it leaves out is as in `before`. Raises UsageProblem with file and key.

    `left` gets what a newer file has and this host tool does not know.
    """
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise UsageProblem(f"{safe(str(path))}: cannot be read ({e.strerror}).") from e
    if len(raw) > _MAX_FILE:
        raise UsageProblem(f"{safe(str(path))}: is larger than {_MAX_FILE} bytes, so it is no configuration.")
    return read(raw, before, safe(str(path)), left)


def read(raw: bytes, before: Config, name: str, left: list[str] | None = None) -> Config:
    """`load` from bytes; `name` is for messages."""
    found = table_of(raw, name)
    version = found.pop("version", None)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise UsageProblem(f"{name}: needs version = {VERSION} at its beginning.")
    unknown: list[str] = []
    table = found.pop("settings", {})
    if version > VERSION:
        unknown += found
        found.clear()
    if not isinstance(table, dict) or found:
        other = f"'{safe(next(iter(found)), 60)}'" if found else "settings"
        raise UsageProblem(f"{name}: {other} does not belong there; there are version and the table [settings].")
    config = before
    for key, value in cast("Mapping[str, Any]", table).items():
        if key not in _BY_KEY and version > VERSION:
            unknown.append(key)
            continue
        if key not in _BY_KEY:
            try:
                setting(key)
            except UsageProblem as e:
                raise UsageProblem(f"{name}: {e.message[0].lower()}{e.message[1:]}") from None
        config = with_value(config, key, value, name)
    if left is not None:
        left += [safe(key, 60) for key in unknown]
    return config


def _fields_in(raw: bytes) -> int:
    """How many of the structure's fields are whole in what a device sent."""
    sizes = [struct.calcsize("<" + code) for code in Config.FORMAT[1:]]
    return sum(sum(sizes[: i + 1]) <= len(raw) for i in range(len(sizes)))


def lacking(raw: bytes) -> list[str]:
    """Keys of the settings that a device does not have, by the structure that it sent."""
    return keys()[_fields_in(raw) :]


def of_device(raw: bytes) -> Config:
    """The structure that a device sent; what an older one does not have is a new unit's."""
    sent = Config.unpack(raw)
    return dataclasses.replace(sent, **{row.field: row.new for row in SETTINGS[_fields_in(raw) :]})


def notes(found: ConfigNotesReply | None) -> list[str]:
    """What became of the settings that a device has stored, as sentences; none: they are in use as they are."""
    if found is None:
        return []
    said: list[str] = []
    if found.stored > found.version:
        more = f"; {found.unknown} bytes more stay stored for it" if found.unknown else ""
        said.append(
            f"The settings were stored by a newer firmware (version {found.stored} of the settings; this one knows"
            f" {found.version}). What it knows of them is in use{more}."
        )
    for i, row in enumerate(SETTINGS):
        if found.defaulted >> i & 1:
            new = _shown(value_of(Config(**{each.field: each.new for each in SETTINGS}), row.key))
            value = f" as {Decimal(found.value) / row.scale:g}" if found.field == i else " out of its range"
            said.append(f"{row.key} is stored{value}, but must be {range_text(row)}; a new unit's {new} is used.")
    return said


def changes(before: Config, after: Config) -> list[tuple[str, Value, Value]]:
    """What differs: (key, before, after)."""
    pairs = [(key, value_of(before, key), value_of(after, key)) for key in keys()]
    return [row for row in pairs if row[1] != row[2]]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `podsteam config show --json`'s settings."""
    properties: dict[str, Any] = {}
    for row in SETTINGS:
        entry: dict[str, Any] = {"description": f"{row.meaning} ({range_text(row)})"}
        if row.is_bool:
            entry |= {"type": "boolean"}
        else:
            span = {"minimum": row.low / row.scale, "maximum": row.high / row.scale}
            entry |= {"type": "number" if row.scale > 1 else "integer"}
            entry |= {"anyOf": [{"const": 0}, span]} if row.zero else span
        entry["default"] = value_of(Config(**{each.field: each.new for each in SETTINGS}), row.key)
        properties[row.key] = entry
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
