# SPDX-License-Identifier: Apache-2.0
"""Podlets from files, for people who try the simulated board: raw tag dumps, or TOML with names and units.

CPython only. A TOML file looks like this; `name`, `dose_ul` and `doses` are required:

    name = "Evening mist"
    dose_ul = 40
    doses = 25
    session_cap_ul = 400
    expires = 2028-06-30
"""

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_text
from podsteam_twin import podlets
from podsteam_twin.nfc.memory import SIZES


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
        fields = podlet_text.fields(table)
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
