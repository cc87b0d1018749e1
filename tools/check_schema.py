# SPDX-License-Identifier: Apache-2.0
"""Check the protocol's schema: sound in itself, and compatible with every version that was ever released.

    python tools/check_schema.py [--freeze]

`protocol/vectors/schema-MAJOR.MINOR.json` is a released version. A minor version may only append: fields at
the end of a message, new messages, new values. Ids 0x01-0x0F are frozen for ever, across major versions too.
`--freeze` writes the file of the current version; that is a step of a release, and the file is never changed
afterwards.
"""

import json
import struct
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from podsteam_protocol import frame, schema, signs

ROOT = Path(__file__).resolve().parents[1]
RELEASED = ROOT / "protocol" / "vectors"

FROZEN = range(0x01, 0x10)
REQUESTS = range(0x01, 0x70)
UNASKED = range(0x70, 0x80)
CLASSES = {"request", "reply", "event", "telemetry", "record", "bulk", "reserved"}
CODES_END = 600
FAULTS = (*range(100, 200), *range(300, 400))
"""Codes of what the device finds by itself: heater, sensors and valve."""
BOOT_ID = 4
"""Bytes that the link layer puts before every reply."""


def snapshot(source: ModuleType = schema) -> dict[str, Any]:
    """The schema without its prose, as it is kept for a released version."""
    return {
        "version": [source.MAJOR, source.MINOR],
        "structs": {name: [list(f[:3]) for f in fields] for name, _, fields in source.STRUCTS},
        "messages": {
            str(number): {
                "name": name,
                "class": kind,
                "request": [list(f[:3]) for f in request],
                "reply": [list(f[:3]) for f in reply],
            }
            for number, name, kind, _, request, reply, _ in source.MESSAGES
        },
        "enums": {name: {str(v[0]): v[1] for v in values} for name, _, values in source.ENUMS},
        "bits": {name: {str(v[0]): v[1] for v in values} for name, _, values in source.BITS},
        "codes": {str(code): name for code, name, *_ in source.CODES},
    }


def _twice(what: str, items: list[Any]) -> list[str]:
    return [f"{what} {item} is used twice" for item in sorted({i for i in items if items.count(i) > 1})]


def _fields_sound(where: str, fields: Any, room: int) -> list[str]:
    out = _twice(f"{where}: field", [f[0] for f in fields])
    codes = [f[1] for f in fields]
    if "*" in codes[:-1]:
        out.append(f"{where}: only the last field can take the rest of the frame")
    size = struct.calcsize("<" + "".join(code for code in codes if code != "*"))
    if size > room:
        out.append(f"{where}: {size} bytes do not fit the {room} that a frame holds")
    return out


def _faults_sound(source: ModuleType) -> list[str]:
    """What is wrong with the table of faults."""
    numbers = {name: code for code, name, *_ in source.CODES}
    rows = [row[0] for row in source.FAULTS]
    out = _twice("fault", rows) + [f"fault {name}: no such code" for name in rows if name not in numbers]
    missing = [name for name, code in numbers.items() if code in FAULTS and name not in rows]
    out += [
        f"code {name} has no row in FAULTS: say its class, whether it latches and what can be behind it"
        for name in missing
    ]
    for name, light, latches, cause in source.FAULTS:
        if light not in signs.FAULT_CLASSES:
            out.append(f"fault {name}: {light} is no class; there are {', '.join(signs.FAULT_CLASSES)}")
        elif (light == "FAULT_DOSE") != (numbers.get(name, 0) >= 300):
            out.append(f"fault {name}: codes from 300 on, and only they, have the class FAULT_DOSE")
        if (latches is not True and latches is not False) or not cause.endswith("."):
            out.append(f"fault {name}: after the class come True or False, and a sentence")
    return out


def _settings_sound(source: ModuleType) -> list[str]:
    """What is wrong with the ranges of the settings."""
    layouts = {name: fields for name, _, fields in source.STRUCTS}
    fields = [(f[0], f[1]) for f in layouts.get("CONFIG", ())]
    out: list[str] = []
    if [row[0] for row in source.SETTINGS] != [name for name, _ in fields]:
        out.append("SETTINGS and the structure CONFIG do not have the same fields in the same order")
        return out
    for (name, code), (_, low, high, new, zero, *_) in zip(fields, source.SETTINGS, strict=True):
        most = (1 << 8 * struct.calcsize(code)) - 1
        if not 0 <= low <= high <= most:
            out.append(f"setting {name}: {low} to {high} is no range of its field")
        if not (low <= new <= high or (zero and new == 0)):
            out.append(f"setting {name}: a new unit's {new} is out of its range")
    return out


def sound(source: ModuleType = schema) -> list[str]:
    """What is wrong with the schema in itself."""
    messages = source.MESSAGES
    out = _twice("message id", [m[0] for m in messages]) + _twice("message name", [m[1] for m in messages])
    out += _twice("code", [c[0] for c in source.CODES]) + _twice("code name", [c[1] for c in source.CODES])
    codes = {c[1] for c in source.CODES}
    for number, name, kind, _, request, reply, errors in messages:
        where = f"{name} ({number:#04x})"
        if kind not in CLASSES:
            out.append(f"{where}: {kind} is no class")
        asked = kind in ("request", "reply", "reserved")
        if number not in (REQUESTS if asked or kind == "bulk" else UNASKED):
            out.append(f"{where}: outside the ids of its class")
        out += _fields_sound(f"{where} request", request, frame.MAX_BODY - 2)
        out += _fields_sound(f"{where} reply", reply, frame.MAX_BODY - 2 - (BOOT_ID if asked else 0))
        out += [f"{where}: {error} is no code" for error in errors if error not in codes]
    for code, name, *texts in source.CODES:
        if not 0 < code < CODES_END:
            out.append(f"code {name}: {code} is in no subsystem's range")
        out += [f"code {name}: '{text}' is no sentence" for text in texts if not text.endswith(".")]
    for name, _, values in (*source.ENUMS, *source.BITS):
        out += _twice(f"{name}: value", [v[0] for v in values]) + _twice(f"{name}: name", [v[1] for v in values])
    return out + _settings_sound(source) + _faults_sound(source)


def _appended(where: str, old: list[Any], new: list[Any], frozen: bool) -> list[str]:
    """Why the fields `new` cannot follow the released `old`."""
    for index, field in enumerate(old):
        if index >= len(new):
            return [f"{where}: field {field[0]} was removed"]
        if new[index] != field:
            was, now = (f"{f[0]} {f[1]} [{f[2]}]" for f in (field, new[index]))
            return [f"{where}: field {index} was {was}, now it is {now}"]
    if len(new) > len(old):
        if frozen:
            return [f"{where}: frozen for ever, but field {new[len(old)][0]} was added"]
        if old and old[-1][1] == "*":
            return [f"{where}: nothing can follow a field that takes the rest of the frame"]
    return []


def _kept(what: str, old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Why the values `new` (number to name) cannot follow the released `old`."""
    out: list[str] = []
    numbers = {name: number for number, name in new.items()}
    for number, name in old.items():
        if number in new and new[number] != name:
            out.append(f"{what} {number} was {name}, now it is reused for {new[number]}")
        elif number not in new and name in numbers:
            out.append(f"{what} {name} was {number}, now it is {numbers[name]}")
        elif number not in new:
            out.append(f"{what} {number} {name} was removed")
    return out


def breaks(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Why a device or host with the released schema `old` would misunderstand one with `new`."""
    out: list[str] = []
    same_major = old["version"][0] == new["version"][0]
    for number, was in old["messages"].items():
        frozen = int(number) in FROZEN
        if not same_major and not frozen:
            continue
        where = f"{was['name']} ({int(number):#04x})"
        now = new["messages"].get(number)
        if now is None:
            out.append(f"{where} was removed")
        elif now["name"] != was["name"]:
            out.append(f"id {int(number):#04x} was {was['name']}, now it is reused for {now['name']}")
        elif was["class"] != "reserved":
            if now["class"] != was["class"]:
                out.append(f"{where}: class was {was['class']}, now it is {now['class']}")
            out += _appended(f"{where} request", was["request"], now["request"], frozen)
            out += _appended(f"{where} reply", was["reply"], now["reply"], frozen)
    if same_major:
        for name, fields in old["structs"].items():
            now = new["structs"].get(name)
            out += _appended(f"struct {name}", fields, now, False) if now else [f"struct {name} was removed"]
        for kind in ("enums", "bits"):
            for name, values in old[kind].items():
                out += _kept(name, values, new[kind].get(name, {}))
        out += _kept("code", old["codes"], new["codes"])
        if not out and old["version"] == new["version"] and old != new:
            out.append(f"something was added: raise MINOR to {old['version'][1] + 1}")
    return out


def released(folder: Path = RELEASED) -> list[dict[str, Any]]:
    """The released versions, oldest first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("schema-*.json")]
    return sorted(found, key=lambda each: each["version"])


def main() -> int:
    """Check, or freeze; returns the exit status."""
    current = snapshot()
    version = ".".join(map(str, current["version"]))
    complaints = sound()
    if "--freeze" in sys.argv[1:] and not complaints:
        target = RELEASED / f"schema-{version}.json"
        target.write_text(json.dumps(current, indent=1) + "\n", encoding="utf-8")
    versions = released()
    for old in versions:
        label = ".".join(map(str, old["version"]))
        complaints += [f"breaks version {label}: {why}" for why in breaks(old, current)]
    for line in complaints:
        print(line, file=sys.stderr)
    print(f"schema: version {version} against {len(versions)} released, {len(complaints)} complaints")
    return 1 if complaints or not versions else 0


if __name__ == "__main__":
    sys.exit(main())
