# SPDX-License-Identifier: Apache-2.0
"""The boot record and the slots as the application sees them: confirm a trial, go back, never take an older version.

The record's layout is the loader's (`podsteam_loader/record.py`), which the application must not import; a test
compares the two.
"""

import binascii
import struct

from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Store

NO_SLOT = const(2)
"""In place of a slot: none."""
TRIES = const(3)
"""Tries of a new application."""
_RECORD = "boot_record"
_FLOOR = "update/floor"


def version_number(text: str) -> int:
    """Major, minor and patch as one number, 10 bits each; -1 for what is no version. A suffix is passed over."""
    number = 0
    parts = text.split("-")[0].split("+")[0].split(".")
    if len(parts) != 3:
        return -1
    for part in parts:
        if not part.isdigit() or len(part) > 3:
            return -1
        number = number << 10 | int(part)
    return number


def read_record(root: "Store") -> "tuple[int, int, int, int] | None":
    """The boot record as the loader reads it: active slot, trial, tries, sequence; None when it is lost."""
    raw = root.file_read(_RECORD, 11)
    if raw is None or len(raw) != 10 or struct.unpack("<I", raw[6:])[0] != binascii.crc32(raw[:6]):
        return None
    form, active, trial, tries, sequence = struct.unpack("<BBBBH", raw[:6])
    if form != 1 or active > 1 or trial > NO_SLOT or trial == active or tries > TRIES:
        return None
    return active, trial, tries, sequence


def write_record(root: "Store", active: int, trial: int, tries: int) -> bool:
    """Replace the boot record. May erase flash."""
    old = read_record(root)
    sequence = (old[3] + 1) & 0xFFFF if old else 1
    raw = struct.pack("<BBBBH", 1, active, trial, tries, sequence)
    return root.file_write(_RECORD, raw + struct.pack("<I", binascii.crc32(raw)))


def floor(data: "Store") -> int:
    """The oldest version that is taken, as `version_number`."""
    raw = data.file_read(_FLOOR, 9)
    if raw is None or len(raw) != 8 or struct.unpack("<I", raw[4:])[0] != binascii.crc32(raw[:4]):
        return 0
    return struct.unpack("<I", raw[:4])[0]


def slot_version(root: "Store", slot: int) -> str:
    """The version that a slot's manifest names; empty when it has none."""
    head = root.file_read("ab"[slot] + "/manifest", 80)
    lines = head.split(b"\n") if head else []
    if len(lines) < 2 or not lines[1].startswith(b"version "):
        return ""
    return lines[1][8:].decode()


def raise_floor(data: "Store", version: str) -> bool:
    """Never take anything older than `version` again. True when that is stored, or was already."""
    number = version_number(version)
    if number <= floor(data):
        return True
    raw = struct.pack("<I", number)
    return data.file_write(_FLOOR, raw + struct.pack("<I", binascii.crc32(raw)))


def confirm(root: "Store", data: "Store", slot: int) -> bool:
    """The slot on trial runs and has proved itself: it is the application from now on, and the floor rises to it.

    The floor first: a cut between the two leaves a trial that goes on.
    """
    if not raise_floor(data, slot_version(root, slot)):
        return False
    return write_record(root, slot, NO_SLOT, 0)


def leave(root: "Store", slot: int) -> bool:
    """The other slot is the application from now on, without a trial. What it holds is for the loader to judge."""
    return write_record(root, 1 - slot, NO_SLOT, 0)
