# SPDX-License-Identifier: Apache-2.0
"""What a podlet's tag says: the numbers of its main region and its two usage slots (`podsteam_protocol.podlet`).

Nothing on the tag is trusted. `parse` gives False unless the limits can be read without doubt: main whole with a
right CRC, the needed numbers there and in range, two page-aligned slots that overlap nothing, and a usable count.
"""

import binascii
import struct

from podsteam_firmware.podlet import cbor, ndef
from podsteam_protocol import podlet as p
from podsteam_protocol.const import const

_CC = const(12)
_MEMORY = const(16)
_COUNT = const(18)
_MAX = const(0x3FFFFFFF)
_RESIDUE = const(0x2144DF1C)


class Record:
    """One tag's content. `parse` does all; `locate`, `read_main` and `read_slots` are its parts, to be run apart."""

    def __init__(self) -> None:
        self._map = cbor.MapReader()
        self.values = [0] * _COUNT
        """The numbers of main by their MAIN_* key, 0 when absent or no number."""
        self.main_at = 0
        """Offset of main in the image."""
        self.main_size = 0
        self.main_id = 0
        """Tells one podlet from another on the same tag: 30 bits of the CRC-32 of main, a small integer."""
        self.key_at = 0
        """Offset in the image of the id of the key that signed it, 0: it is not signed."""
        self.signature_at = 0
        """Offset in the image of r and s, 0: it is not signed."""
        self.floor_page = 0
        """First of the floor's pages, 0: there is none."""
        self.aux_at = 0
        """Offset of the first slot in the image, a multiple of 4."""
        self.slot = -1
        """The slot that counts: 0 (A), 1 (B), -1: none was written yet."""
        self.seq = 0
        """Its sequence number, modulo 2^16."""
        self.doses_used = 0
        """The most that any slot tells, so that it never goes back."""
        self.nl_used = 0
        self.first_use_day = 0
        """Days since 1970-01-01 of the first use, 0: unknown."""
        self.last_session = 0
        """Session number of the last use."""

    def parse(self, image: bytearray, length: int) -> bool:
        """Read `image[:length]`, tag memory from page 0. False: the limits cannot be read."""
        return self.locate(image, length) and self.read_main(image) and self.read_slots(image)

    def locate(self, image: bytearray, length: int) -> bool:
        """Find the record and its regions, and check main's CRC."""
        if length <= _MEMORY or image[_CC] != 0xE1 or image[_CC + 1] >> 4 != 1:
            return False
        end = min(length, _MEMORY + image[_CC + 2] * 8)
        start, size = ndef.find_message(image, _MEMORY, end)
        start, size = ndef.find_mime(image, start, start + size, p.MIME_TYPE)
        return start >= 0 and self._read_meta(image, start, start + size)

    def _read_meta(self, image: bytearray, start: int, end: int) -> bool:
        meta = [-1] * 6
        reader = self._map
        if not reader.open(image, start, end):
            return False
        while reader.next():
            if 0 <= reader.key < 6 and reader.kind == cbor.INT:
                meta[reader.key] = reader.value
        if not reader.valid:
            return False
        first = reader.position - start
        main, main_size, aux, aux_size, crc, floor = meta
        size = end - start
        if main < first or main_size < 1 or main + main_size > size:
            return False
        # aux ends where the payload does: then no single error can move it to where nothing was used.
        if aux < first or aux_size < 2 * p.SLOT_SIZE or aux + aux_size != size:
            return False
        if floor != -1 and not 4 <= floor <= 12:
            return False
        if (aux < main + main_size and main < aux + aux_size) or (start + aux) % 4:
            return False
        self.main_at = start + main
        self.main_size = main_size
        self.aux_at = start + aux
        self.floor_page = max(floor, 0)
        self.main_id = crc >> 2
        return binascii.crc32(memoryview(image)[self.main_at : self.main_at + main_size]) == crc

    def read_main(self, image: bytearray) -> bool:
        """Read main's numbers."""
        values = self.values
        for i in range(_COUNT):
            values[i] = 0
        self.key_at = self.signature_at = 0
        reader = self._map
        if not reader.open(image, self.main_at, self.main_at + self.main_size):
            return False
        while reader.next():
            key = reader.key
            if p.MAIN_FILL_NL <= key < _COUNT and key != p.MAIN_INCI:
                if reader.kind != (cbor.BOOL if key == p.MAIN_CLEANING else cbor.INT) or not _in_range(
                    key, reader.value
                ):
                    return False
                values[key] = reader.value
            elif key == p.MAIN_KEY_ID and reader.kind == cbor.BYTES and reader.length == 8:
                self.key_at = reader.at
            elif key == p.MAIN_SIGNATURE and reader.kind == cbor.BYTES and reader.length == 64:
                self.signature_at = reader.at
        if not self.key_at or self.signature_at + 64 != self.main_at + self.main_size:
            # Only what stands before the signature is signed, so it must be the last.
            self.signature_at = 0
        return reader.valid and values[p.MAIN_DOSE_NL] > 0 and values[p.MAIN_DOSE_COUNT] > 0

    def read_slots(self, image: bytearray) -> bool:
        """Read the usage slots. False: both were written and neither is whole, so nobody knows the count."""
        self.slot = -1
        self.seq = self.doses_used = self.nl_used = self.first_use_day = self.last_session = 0
        blank = 0
        for slot in range(2):
            at = self.aux_at + slot * p.SLOT_SIZE
            body = memoryview(image)[at : at + p.SLOT_SIZE]
            if binascii.crc32(body) == _RESIDUE:
                self._take_slot(slot, image, at)
            elif not any(body):
                blank += 1
        if self.slot < 0 and blank < 2:
            if not blank:
                return False
            # Only the first dose ever finds the other slot blank: this one is torn, and may have been given.
            self.doses_used = 1
            self.nl_used = self.values[p.MAIN_DOSE_NL]
        self._take_floor(image)
        return True

    def _take_floor(self, image: bytearray) -> None:
        """What the floor's pages tell: those that are locked stand for a quarter of the doses each."""
        if self.floor_page:
            # Static lock bits: byte 10 has page 4 in bit 4, byte 11 pages 8 to 15 (NTAG21x data sheet, 8.5.2).
            bits = (image[10] | image[11] << 8) >> self.floor_page
            quarters = 0
            for i in range(4):
                if bits >> i & 1:
                    quarters = i + 1
            self.doses_used = max(self.doses_used, self.values[p.MAIN_DOSE_COUNT] * quarters // 4)

    def _take_slot(self, slot: int, image: bytearray, at: int) -> None:
        seq, doses, nl, first_day, session, _ = struct.unpack_from(p.SLOT_FMT, image, at)
        self.doses_used = max(self.doses_used, doses)
        self.nl_used = max(self.nl_used, min(nl, _MAX))
        if self.slot < 0 or 0 < (seq - self.seq) & 0xFFFF < 0x8000:
            self.slot = slot
            self.seq = seq
            self.first_use_day = first_day
            self.last_session = session

    def next_slot_at(self) -> int:
        """Offset in the image of the slot to write next: the one that does not count now."""
        return self.aux_at + (p.SLOT_SIZE if self.slot == 0 else 0)

    def encode_next(self, out: bytearray, doses: int, nl: int, day: int, session: int) -> None:
        """Write into `out[:16]` the next slot: `doses` and `nl` used in all, `day` if this is the first known use."""
        day = self.first_use_day or day
        struct.pack_into(p.SLOT_FMT, out, 0, (self.seq + 1) & 0xFFFF, doses, min(nl, _MAX), day, session & 0xFFFF, 0)
        struct.pack_into("<I", out, 12, binascii.crc32(memoryview(out)[:12]))


def _in_range(key: int, value: int) -> bool:
    """Whether a number of main is one that this field can have; all are small integers on the device."""
    if key == p.MAIN_OUTLET_MIN_CDEG or key == p.MAIN_OUTLET_MAX_CDEG:
        return -0x8000 <= value <= 0x7FFF
    if key == p.MAIN_DOSE_COUNT or key == p.MAIN_MIN_INTERVAL_S or key == p.MAIN_FLOW_NL_MS:
        return 0 <= value <= 0xFFFF
    return 0 <= value <= _MAX
