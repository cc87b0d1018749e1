# SPDX-License-Identifier: Apache-2.0
"""What people write about a podlet (a TOML file, read into a table) against main's fields. Never loaded on the device.

Every mistake is a ValueError of one sentence that begins with the field's name.
"""

import struct

from podsteam_protocol import podlet as p
from podsteam_protocol.podlet_table import ALLERGENS, FIELDS

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_protocol.podlet_codec import Fields, Value

    Field = tuple[int, str, str, str, int, int, int, bool, str, str]
    Table = dict[str, object]

SETTINGS = ("tag", "uri", "floor")
"""What a file may say besides the fields of main."""
BY_NAME = {field[3]: field for field in FIELDS if field[3]}
"""The fields that a file may have, by their name there."""
_EPOCH = 719163
"""Proleptic day of 1970-01-01, as `date.toordinal` counts."""
_PAIRS = 8


def fields(table: "Table") -> "Fields":
    """main's fields from a table of names. ValueError, one sentence that names the field, for anything wrong."""
    for name in table:
        if name not in BY_NAME and name not in SETTINGS:
            known = sorted(list(BY_NAME) + list(SETTINGS))
            raise ValueError(f"unknown field {name} (known: {', '.join(known)})")
    for name in BY_NAME:
        if BY_NAME[name][7] and name not in table:
            raise ValueError(f"{name} is missing")
    found: "Fields" = {}
    for name in table:
        if name in BY_NAME:
            value = _value(BY_NAME[name], table[name])
            if value is not False:
                found[BY_NAME[name][0]] = value
    _check(table, found)
    return found


def _value(field: "Field", value: object) -> "Value":
    _, _, kind, name, factor, least, most, _, _, _ = field
    if kind == "int":
        return _number(name, value, factor, least, most)
    if kind == "text":
        return _text(name, value, most)
    if kind == "day":
        return _day(name, value)
    if kind == "names":
        return _names(name, value)
    if kind == "pairs":
        return _pulses(name, value)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")
    return value


def _check(table: "Table", found: "Fields") -> None:
    """What fields must be to each other, and what follows from them."""
    dose = found[p.MAIN_DOSE_NL]
    count = found[p.MAIN_DOSE_COUNT]
    assert isinstance(dose, int) and isinstance(count, int)
    if _of(found, p.MAIN_SESSION_CAP_NL, dose) < dose:
        raise ValueError(f"session_cap_ul is less than one dose ({table['dose_ul']} uL)")
    low = _of(found, p.MAIN_OUTLET_MIN_CDEG, 0)
    if low >= _of(found, p.MAIN_OUTLET_MAX_CDEG, 10_100):
        raise ValueError("outlet_max_c must be above outlet_min_c")
    made = _of(found, p.MAIN_MADE_DAY, -1)
    if made >= _of(found, p.MAIN_EXPIRES_DAY, made + 1):
        raise ValueError("expires must be after made")
    if dose * count > 0x3FFFFFFF:
        raise ValueError(f"doses is more than a podlet can count: {count} of {table['dose_ul']} uL are over 1 L")
    if p.MAIN_FILL_NL not in found:
        found[p.MAIN_FILL_NL] = dose * count
    elif _of(found, p.MAIN_FILL_NL, 0) < dose * count:
        raise ValueError(f"fill_ul is less than {count} doses of {table['dose_ul']} uL")


def _of(found: "Fields", key: int, default: int) -> int:
    value = found.get(key, default)
    assert isinstance(value, int)
    return value


def _number(name: str, value: object, factor: int, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}, not {value}")
    scaled = round(value * factor)
    if abs(scaled - value * factor) > 1e-6:
        step = "a whole number" if factor == 1 else f"a multiple of {1 / factor:g}"
        raise ValueError(f"{name} must be {step}, not {value}")
    return scaled


def _text(name: str, value: object, most: int) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text in quotes, not {value!r}")
    size = len(value.encode("utf-8", "surrogatepass"))
    if not 0 < size <= most:
        raise ValueError(f"{name} must have 1 to {most} bytes in UTF-8, not {size}")
    if not value.isprintable():
        raise ValueError(f"{name} must be one line of printable text")
    return value


def _day(name: str, value: object) -> int:
    ordinal = getattr(value, "toordinal", None)
    if ordinal is None or hasattr(value, "hour"):
        shown = repr(value) if ordinal is None else str(value)
        raise ValueError(f"{name} must be a date like 2027-06-30 without quotes, not {shown}")
    year = getattr(value, "year", 0)
    if not 2000 <= year < 2100:
        raise ValueError(f"{name} must lie in the years 2000 to 2099, not {year}")
    day = ordinal() - _EPOCH
    assert isinstance(day, int)
    return day


def _list(name: str, value: object) -> "list[object]":
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list in brackets, not {value!r}")
    return value  # pyright: ignore[reportUnknownVariableType]


def _names(name: str, value: object) -> int:
    bits = 0
    known = [allergen.lower() for allergen in ALLERGENS]
    for item in _list(name, value):
        if not isinstance(item, str) or item.lower() not in known:
            raise ValueError(f"{name} has no {item!r} (known: {', '.join(ALLERGENS)})")
        bits |= 1 << known.index(item.lower())
    return bits


def _pulses(name: str, value: object) -> bytes:
    out = b""
    before = (0, 0)
    items = _list(name, value)
    if not 0 < len(items) <= _PAIRS:
        raise ValueError(f"{name} must have 1 to {_PAIRS} pairs, not {len(items)}")
    for item in items:
        both = _list(name, item)
        if len(both) != 2:
            raise ValueError(f"{name} must be pairs like [50, 130.5], uL and ms, not {item!r}")
        pair = (_number(name, both[0], 10, 1, 6553), _number(name, both[1], 100, 1, 655))
        if pair[0] <= before[0] or pair[1] <= before[1]:
            raise ValueError(f"{name} must rise from pair to pair")
        out += struct.pack("<HH", pair[0], pair[1])
        before = pair
    return out
