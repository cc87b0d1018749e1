# SPDX-License-Identifier: Apache-2.0
"""The boot record: which slot is the application, which one is on trial, and how many tries that has left.

One small file with a CRC-32, replaced by a temporary file and a rename, which littlefs does whole or not at all. So a
power cut leaves the old record or the new one; a record that fails its check all the same counts as lost.
"""

import binascii
import struct

from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_loader.verbs import Files

A = const(0)
"""The first slot."""
B = const(1)
"""The second slot."""
NONE = const(2)
"""No slot: no trial, or safe mode."""
TRIES = const(3)
"""Tries that a new application gets: a record that still has all of them is one whose trial has not begun."""

_NAME = "boot_record"
_FMT = "<BBBBH"
_FORMAT = const(1)
_SIZE = const(10)


class Record:
    """One boot record. It is never changed: a change is a new one."""

    def __init__(self, active: int, trial: int, tries: int, sequence: int) -> None:
        self.active = active
        """The application's slot, A or B."""
        self.trial = trial
        """The slot on trial, NONE when there is no trial."""
        self.tries = tries
        """Tries left to it after the one that is going on."""
        self.sequence = sequence
        """Counts the changes, wraps at 2^16."""

    def pack(self) -> bytes:
        """As it is stored."""
        raw = struct.pack(_FMT, _FORMAT, self.active, self.trial, self.tries, self.sequence)
        return raw + struct.pack("<I", binascii.crc32(raw))

    def changed(self, active: int, trial: int, tries: int) -> "Record":
        """The record that follows this one."""
        return Record(active, trial, tries, (self.sequence + 1) & 0xFFFF)


def unpack(raw: bytes) -> "Record | None":
    """The record in these bytes; None when they are none: torn, of another format, or out of range."""
    if len(raw) != _SIZE or struct.unpack("<I", raw[6:])[0] != binascii.crc32(raw[:6]):
        return None
    version, active, trial, tries, sequence = struct.unpack(_FMT, raw[:6])
    if version != _FORMAT or active > B or trial > NONE or trial == active or tries > TRIES:
        return None
    return Record(active, trial, tries, sequence)


def load(files: "Files") -> "Record | None":
    """The stored record, None when it is lost or torn."""
    raw = files.file_read(_NAME, _SIZE + 1)
    return None if raw is None else unpack(raw)


def save(files: "Files", record: Record) -> bool:
    """Store. May erase flash: not while the relay may be closed. False when the flash did not take it."""
    return files.file_write(_NAME, record.pack())
