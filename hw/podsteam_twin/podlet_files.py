# SPDX-License-Identifier: Apache-2.0
"""Podlets from files, for people who try the simulated board: raw tag dumps, or TOML with names and units.

CPython only. A TOML file looks like this; `name`, `dose_ul` and `doses` are required:

    name = "Evening mist"
    dose_ul = 40
    doses = 25
    session_cap_ul = 400
    expires = 2028-06-30
"""

import datetime
import hashlib
import tomllib
from pathlib import Path
from typing import Any

from podsteam_protocol import podlet as p
from podsteam_twin import podlets
from podsteam_twin.nfc.memory import SIZES

# Number fields: (key of main, factor to the tag's unit, least, most); least and most in the file's unit.
_NUMBERS = {
    "dose_ul": (p.MAIN_DOSE_NL, 1000, 1, 1000),
    "doses": (p.MAIN_DOSE_COUNT, 1, 1, 10_000),
    "session_cap_ul": (p.MAIN_SESSION_CAP_NL, 1000, 1, 10_000),
    "min_interval_s": (p.MAIN_MIN_INTERVAL_S, 1, 0, 3600),
    "outlet_min_c": (p.MAIN_OUTLET_MIN_CDEG, 100, 0, 100),
    "outlet_max_c": (p.MAIN_OUTLET_MAX_CDEG, 100, 0, 100),
    "flow_nl_per_ms": (p.MAIN_FLOW_NL_MS, 1, 1, 10_000),
    "pao_days": (p.MAIN_PAO_DAYS, 1, 1, 3650),
}
# Text fields: (key of main, most bytes in UTF-8).
_TEXTS = {
    "name": (p.MAIN_NAME, 32),
    "maker": (p.MAIN_MAKER, 32),
    "batch": (p.MAIN_BATCH, 16),
    "inci": (p.MAIN_INCI, 800),
}
_DATES = {"made": p.MAIN_MADE_DAY, "expires": p.MAIN_EXPIRES_DAY}
_REQUIRED = ("name", "dose_ul", "doses")


def load(path_or_name: str | Path) -> bytes:
    """The raw dump of a podlet: a demo's name, a dump file (180, 540 or 924 bytes), or a `.toml` file.

    ValueError, one sentence with the file and the field, for anything wrong.
    """
    name = str(path_or_name)
    if name in podlets.DEMO:
        return podlets.demo(name).image()
    path = Path(path_or_name)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        demos = ", ".join(podlets.DEMO)
        raise ValueError(f"{name}: no such file, and no demo podlet of that name ({demos})") from None
    except OSError as e:
        raise ValueError(f"{name}: cannot be read ({e.strerror})") from None
    if path.suffix.lower() == ".toml":
        return _from_toml(path, data)
    if len(data) not in SIZES.values():
        sizes = ", ".join(f"{size} ({model})" for model, size in SIZES.items())
        raise ValueError(f"{name}: {len(data)} bytes are not a whole raw tag dump, which has {sizes}")
    return data


def _from_toml(path: Path, data: bytes) -> bytes:
    try:
        table = tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as e:
        raise ValueError(f"{path}: not TOML: {e}") from None
    try:
        fields = _fields(table)
        model = _model(table)
        key = "\0".join((path.stem, *(str(table.get(k, "")) for k in ("maker", "name", "batch"))))
        digest = hashlib.sha256(key.encode()).digest()
        fields[p.MAIN_ID] = digest[:8]
        # 4 is NXP's manufacturer code; 7 bits, so that no byte is the cascade tag 0x88. The UID stays the same
        # while file name, maker, name and batch do, so that the device knows an edited podlet again.
        uid = b"\x04" + bytes(byte & 0x7F for byte in digest[8:14])
    except ValueError as e:
        raise ValueError(f"{path}: {e}") from None
    try:
        return podlets.build(fields, model, uid).image()
    except ValueError as e:
        raise ValueError(f"{path}: {e}; choose a larger tag or a shorter inci") from None


def _model(table: dict[str, Any]) -> str:
    model = table.get("tag", "NTAG215")
    if not isinstance(model, str) or model not in SIZES:
        raise ValueError(f"tag must be one of {', '.join(SIZES)}, not {model!r}")
    return model


def _fields(table: dict[str, Any]) -> dict[int, bool | int | str | bytes]:
    known = {*_NUMBERS, *_TEXTS, *_DATES, "cleaning", "tag"}
    for field in table:
        if field not in known:
            raise ValueError(f"unknown field {field} (known: {', '.join(sorted(known))})")
    for field in _REQUIRED:
        if field not in table:
            raise ValueError(f"{field} is missing")
    fields: dict[int, bool | int | str | bytes] = {}
    for field, value in table.items():
        if field in _NUMBERS:
            key, factor, least, most = _NUMBERS[field]
            fields[key] = _number(field, value, factor, least, most)
        elif field in _TEXTS:
            key, most = _TEXTS[field]
            fields[key] = _text(field, value, most)
        elif field in _DATES:
            fields[_DATES[field]] = _day(field, value)
        elif field == "cleaning":
            if not isinstance(value, bool):
                raise ValueError(f"cleaning must be true or false, not {value!r}")
            if value:
                fields[p.MAIN_CLEANING] = True
    _check(table)
    fields[p.MAIN_FILL_NL] = int(fields[p.MAIN_DOSE_NL]) * int(fields[p.MAIN_DOSE_COUNT])
    return fields


def _check(table: dict[str, Any]) -> None:
    """What fields must be to each other."""
    if table.get("session_cap_ul", 10_000) < table["dose_ul"]:
        raise ValueError(f"session_cap_ul is less than one dose ({table['dose_ul']} uL)")
    if table.get("outlet_min_c", 0) >= table.get("outlet_max_c", 101):
        raise ValueError("outlet_max_c must be above outlet_min_c")
    if "made" in table and "expires" in table and table["expires"] <= table["made"]:
        raise ValueError("expires must be after made")


def _number(field: str, value: object, factor: int, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{field} must be a number, not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{field} must be from {least} to {most}, not {value}")
    scaled = round(value * factor)
    if abs(scaled - value * factor) > 1e-6:
        step = "a whole number" if factor == 1 else f"a multiple of {1 / factor:g}"
        raise ValueError(f"{field} must be {step}, not {value}")
    return scaled


def _text(field: str, value: object, most: int) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{field} must be text in quotes, not {value!r}")
    size = len(value.encode())
    if not 0 < size <= most:
        raise ValueError(f"{field} must have 1 to {most} bytes in UTF-8, not {size}")
    if not value.isprintable():
        raise ValueError(f"{field} must be one line of printable text")
    return value


def _day(field: str, value: object) -> int:
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise ValueError(f"{field} must be a date like 2027-06-30 without quotes, not {value!r}")
    if not 2000 <= value.year < 2100:
        raise ValueError(f"{field} must lie in the years 2000 to 2099, not {value.year}")
    return value.toordinal() - datetime.date(1970, 1, 1).toordinal()
