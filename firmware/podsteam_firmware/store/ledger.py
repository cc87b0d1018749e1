# SPDX-License-Identifier: Apache-2.0
"""The ledger ring: records of 32 bytes in a raw partition of its own, programmed only, never rewritten.

A record is: sequence u32, kind u8, 0 u8, session u16, five values i32, CRC-32 of all that; little-endian. The
sequence is the record's place in a log without end, and the slot is that modulo the ring, so it is never given twice,
not even to a record that a power cut tore: its slot is left as it is, and the next one taken.

Sectors of 128 slots are erased ahead in idle time. After an erase that was seen to be whole, the sector's slot 0 takes
a header (kind 0): a sector without one was cut while it was erased, and is erased again. Only slots after a header
are ever programmed. What is guaranteed:

* With 256 slots erased ahead (`prepare` says False) so many records can be taken without an erase.
* The newest (sectors - 4) x 127 slots are never erased: 1,524 in a ring of 64 KiB.
* A record for which `append` said True was read back, and stays until it is older than that.
* When nothing erased is left, `append` says False and changes nothing.
"""

import binascii
import struct
from array import array

from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podsteam_firmware.hal.verbs import Hal

AHEAD = const(256)
"""Records for which there is room whenever idle time was enough."""
_RECORD = const(32)
_SECTOR = const(4096)
_SLOTS = const(128)
_LEAST = const(6)
"""Sectors of the smallest ring; a smaller partition is taken for none."""
_HEADER = const(0)
_GIVE_UP = const(3)
"""Failed erases in a row after which no more is tried until the next start."""
_BLANK = bytearray(b"\xff" * 32)
_CRC = (
    b"\x00\x00\x00\x00\x64\x10\xb7\x1d\xc8\x20\x6e\x3b\xac\x30\xd9\x26\x90\x41\xdc\x76\xf4\x51\x6b\x6b"
    b"\x58\x61\xb2\x4d\x3c\x71\x05\x50\x20\x83\xb8\xed\x44\x93\x0f\xf0\xe8\xa3\xd6\xd6\x8c\xb3\x61\xcb"
    b"\xb0\xc2\x64\x9b\xd4\xd2\xd3\x86\x78\xe2\x0a\xa0\x1c\xf2\xbd\xbd"
)
"""CRC-32 (reflected polynomial 0xEDB88320) of each half byte, four bytes each."""


def seal(record: bytearray) -> None:
    """Put the CRC-32 of the first 28 bytes into the last four.

    In halves of 16 bits: `binascii.crc32` gives an integer that lives on the heap, and this runs in the tick.
    """
    low = high = 0xFFFF
    for n in range(56):
        at = ((low ^ record[n >> 1] >> ((n & 1) << 2)) & 15) << 2
        low = (low >> 4 | (high & 15) << 12) ^ (_CRC[at] | _CRC[at + 1] << 8)
        high = high >> 4 ^ (_CRC[at + 2] | _CRC[at + 3] << 8)
    record[28] = ~low & 0xFF
    record[29] = ~low >> 8 & 0xFF
    record[30] = ~high & 0xFF
    record[31] = ~high >> 8 & 0xFF


class Ledger:
    """The ring. Without a partition, or with one below 24 KiB, it is empty and takes nothing."""

    def __init__(self, hal: "Hal") -> None:
        self._hal = hal
        sectors = hal.ring_size() // _SECTOR
        self._slots = sectors * _SLOTS if sectors >= _LEAST else 0
        self._record = bytearray(_RECORD)
        self._read = bytearray(_RECORD)
        self.values = array("i", bytes(20))
        """The five values of the next record, within +-2^30; 0 again after `append`."""
        self.head = 0
        """Sequence of the next record, unless that is a header's place."""
        self._end = 0
        self._failures = 0
        self.torn = 0
        """Records that were found half written at this start."""
        self.refused = 0
        """Records that were not taken since this start."""
        if self._slots:
            self._scan()

    # In the tick --------------------------------------------------------------------------------------------
    def room(self) -> int:
        """How many records can be taken before a sector must be erased."""
        slots = self._end - self.head
        return slots - (self._end // _SLOTS - (self.head + _SLOTS - 1) // _SLOTS)

    def append(self, kind: int, session: int) -> bool:
        """Add a record of `kind` (1 to 255) with `values`. True: it is in flash, and was read back.

        Allocates nothing. A slot that does not take its record is left behind, and the next one tried.
        """
        self._fill(kind, session)
        if self._next() or self._next():
            return True
        self.refused += 1
        return False

    def _fill(self, kind: int, session: int) -> None:
        record = self._record
        record[4] = kind
        record[6] = session & 0xFF
        record[7] = session >> 8
        for i in range(5):
            self._put(8 + 4 * i, self.values[i])
            self.values[i] = 0

    def _put(self, at: int, value: int) -> None:
        struct.pack_into("<i", self._record, at, value)

    def _next(self) -> bool:
        if self.head >= self._end:
            return False
        if self.head % _SLOTS == 0:
            self.head += 1
        self.head += 1
        return self._program(self.head - 1)

    def _program(self, seq: int) -> bool:
        """Seal the record as number `seq`, program it and read it back."""
        record = self._record
        self._put(0, seq)
        seal(record)
        if not self._hal.ring_program(seq % self._slots * _RECORD, record, _RECORD):
            return False
        return self._fetch(seq) and self._read == record

    def _fetch(self, seq: int) -> bool:
        return self._hal.ring_read(seq % self._slots * _RECORD, self._read) == _RECORD

    # In idle time -------------------------------------------------------------------------------------------
    def prepare(self) -> bool:
        """Erase the next sector if fewer than 256 records can be taken. True: it did, or tried.

        Only while the relay is open: it stops the interpreter for 45 to 400 ms. One sector in each call.
        """
        if not self._slots or self._failures >= _GIVE_UP or self.room() >= AHEAD:
            return False
        if self._erase(self._end):
            self._end += _SLOTS
            self._failures = 0
        else:
            self._failures += 1
        return True

    def _erase(self, first: int) -> bool:
        """Make the sector of slot `first` ready: erased, seen to be blank, headed."""
        if not self._hal.ring_erase(first % self._slots // _SLOTS):
            return False
        for seq in range(first, first + _SLOTS):
            if not self._fetch(seq) or self._read != _BLANK:
                return False
        self._fill(_HEADER, 0)
        return self._program(first)

    # At the start, and for reading --------------------------------------------------------------------------
    def read(self, seq: int) -> "tuple[int, int, int, int, int, int, int, int] | None":
        """Record `seq` as (sequence, kind, session, five values); None when there is no such record any more."""
        if seq % _SLOTS == 0 or not self._fetch(seq) or self._sealed() != seq:
            return None
        return struct.unpack_from("<IBxHiiiii", self._read, 0)  # pyright: ignore[reportReturnType]

    def oldest(self) -> int:
        """Lowest sequence that a record may still have."""
        return max(0, self._end - self._slots)

    def whole(self) -> int:
        """Sequence from which on no record that was taken is missing; before it a cut erase may have left gaps."""
        return max(0, self.head - max(0, self._slots // _SLOTS - 4) * (_SLOTS - 1))

    def entries(self) -> "Iterator[tuple[int, int, int, int, int, int, int, int]]":
        """All records, oldest first, as `read` gives them. Not while records are appended."""
        for seq in range(self.oldest(), self.head):
            record = self.read(seq)
            if record is not None:
                yield record

    def _sealed(self) -> int:
        """Sequence of the record that was read, -1 when its CRC is wrong."""
        read = self._read
        if struct.unpack_from("<I", read, 28)[0] != binascii.crc32(memoryview(read)[:28]):
            return -1
        return struct.unpack_from("<I", read, 0)[0]

    def _headed(self, first: int) -> bool:
        return first >= 0 and self._fetch(first) and self._sealed() == first and self._read[4] == _HEADER

    def _scan(self) -> None:
        """Find where the erased space ends, by the newest header, and where it begins, by the last slot in use."""
        top = -1
        for first in range(0, self._slots, _SLOTS):
            if self._fetch(first):
                seq = self._sealed()
                if seq > top and seq % self._slots == first and self._read[4] == _HEADER:
                    top = seq
        if top < 0:
            return
        self._end = top + _SLOTS
        self.head = top + self._used(top)
        while self.head == top + 1 and self._headed(top - _SLOTS):
            top -= _SLOTS
            self.head = top + self._used(top)

    def _used(self, first: int) -> int:
        """Slots in use at the start of a sector, its header and torn ones included."""
        used = 1
        for i in range(1, _SLOTS):
            if not self._fetch(first + i) or self._read != _BLANK:
                used = i + 1
                if self._sealed() != first + i:
                    self.torn += 1
        return used
