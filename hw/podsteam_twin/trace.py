# SPDX-License-Identifier: Apache-2.0
"""The event trace: everything the firmware did to the world, and when, folded into one SHA-256.

The same scenario must give the same digest on CPython and on MicroPython.
"""

import binascii
import hashlib
import struct

BURST = 1
ABORT = 2
HEARTBEAT = 3
VALVE = 4
VALVE_ABORT = 5
LIGHT = 6
BEEP = 7
NFC_WRITE = 8
NFC_RESET = 9
LINK = 10
FLASH = 11
RESTART = 12
RING = 13

NAMES = (
    "",
    "burst",
    "abort",
    "heartbeat",
    "valve",
    "valve_abort",
    "light",
    "beep",
    "nfc_write",
    "nfc_reset",
    "link",
    "flash",
    "restart",
    "ring",
)

_RECORD = 25


class Trace:
    """`note` one act; `digest` at the end. The last acts can be read back as text."""

    def __init__(self, keep: int = 0) -> None:
        self._hash = hashlib.sha256()
        self._buf = bytearray(_RECORD * 160)
        self._used = 0
        self._keep = keep
        self.count = 0
        """Acts noted."""
        self.last: "list[tuple[int, int, int, int]]" = []
        """The last `keep` acts: (kind, time in us, a, b)."""

    def note(self, kind: int, t_us: int, a: int = 0, b: int = 0) -> None:
        """Add one act: its kind, virtual time and two figures."""
        struct.pack_into("<Bqqq", self._buf, self._used, kind, t_us, a, b)
        self._used += _RECORD
        self.count += 1
        if self._used == len(self._buf):
            self._hash.update(self._buf)
            self._used = 0
        if self._keep:
            self.last.append((kind, t_us, a, b))
            if len(self.last) > 2 * self._keep:
                self.last = self.last[-self._keep :]

    def note_bytes(self, kind: int, t_us: int, data: "bytes | bytearray | memoryview") -> None:
        """Add an act with bytes, by their CRC-32 and length."""
        self.note(kind, t_us, binascii.crc32(data), len(data))

    def digest(self) -> str:
        """SHA-256 of all acts so far, in hex. Ends the trace: MicroPython's hash can't go on after that."""
        self._hash.update(bytes(memoryview(self._buf)[: self._used]))
        return binascii.hexlify(self._hash.digest()).decode()
