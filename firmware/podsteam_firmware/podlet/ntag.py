# SPDX-License-Identifier: Apache-2.0
"""NTAG213, 215 and 216 (NXP data sheet NTAG213/215/216, rev. 3.2): reading one whole, and writing up to four pages.

A page has 4 bytes; user memory begins at page 4. READ and WRITE go through the PN532's InDataExchange; GET_VERSION
and FAST_READ only through InCommunicateThru, because the PN532 does not know them. Reading and writing are chains of
commands: `read` or `write` starts one, and each time the chip has an answer `take` judges it and starts the next.
After FAILED the tag must be selected anew: an NTAG21x that refused or missed a command is idle.
"""

from podsteam_firmware.podlet.pn532 import Pn532
from podsteam_protocol.const import const

GOING = const(0)
"""The next command runs."""
DONE = const(1)
"""Read, or written and verified."""
FAILED = const(2)
"""The tag went, was swapped, refused, or gave other bytes than were written."""
FOREIGN = const(3)
"""The tag is no NTAG213, 215 or 216."""

_IN_DATA_EXCHANGE = const(0x40)
_IN_COMMUNICATE_THRU = const(0x42)
_TARGET = const(1)
_LIMIT_MS = const(100)

_GET_VERSION = const(0x60)
_READ = const(0x30)
_FAST_READ = const(0x3A)
_WRITE = const(0xA2)

_UID_SIZE = const(7)
_VERSION_SIZE = const(8)
_QUAD = const(16)
"""Bytes that one READ gives: four pages. Pages 0 to 3 are UID, lock bits and capability container."""
_CHUNK_PAGES = const(16)
"""Most pages in one FAST_READ: their answer is 1.7 ms on a 400 kHz bus."""
_FIRST_USER_PAGE = const(4)
_MAX_IMAGE = const(904)
"""Bytes from page 0 to the end of an NTAG216's user memory, the largest there is."""

_AT_HEAD = const(0)
_AT_TYPE = const(1)
_AT_PAGES = const(2)
_AT_HEAD_AGAIN = const(3)
_AT_WRITE = const(4)
_AT_VERIFY = const(5)


class Visit:
    """What is done with the selected tag, and the image that reading fills."""

    def __init__(self, chip: Pn532) -> None:
        self._chip = chip
        self._out = bytearray(7)
        self._step = _AT_HEAD
        self._uid = bytearray(_UID_SIZE)
        self._data = self._uid
        self._page = 0
        self._end = 0
        self._first = 0
        self._size = 0
        self.tag_type = 0
        """Storage byte of GET_VERSION, after DONE."""
        self.image = bytearray(_MAX_IMAGE)
        """Tag memory from page 0, whole after DONE."""
        self.image_size = 0
        """Bytes of it, after DONE."""

    def read(self, uid: bytearray) -> None:
        """Read the tag of that UID into `image`. The UID is compared in its memory before and after."""
        self._uid = uid
        self._step = _AT_HEAD
        self._ask_quad(0)

    def write(self, at: int, data: bytearray, size: int) -> None:
        """Write `data[:size]` (4 to 16 bytes) to offset `at` in tag memory, whole pages, and read them back."""
        self._first = at // 4
        self._size = size
        self._data = data
        self._page = 0
        self._step = _AT_WRITE
        self._send_page()

    def take(self) -> int:
        """Judge the answer that the chip holds and go on. Returns GOING, DONE, FAILED or FOREIGN."""
        step = self._step
        if step == _AT_TYPE:
            return self._take_type()
        if step == _AT_PAGES:
            return self._take_pages()
        if step == _AT_WRITE:
            return self._take_written()
        if not self._answered(_QUAD):
            return FAILED
        if step == _AT_VERIFY:
            return DONE if self._matches(self._data, self._size) else FAILED
        if not self._is_same_tag():
            return FAILED
        if step == _AT_HEAD:
            self._copy(0, _QUAD)
            self._step = _AT_TYPE
            self._out[0] = _GET_VERSION
            self._chip.command(_IN_COMMUNICATE_THRU, self._out, 1, 1 + _VERSION_SIZE, _LIMIT_MS)
            return GOING
        if not self._matches(self.image, _QUAD):
            return FAILED
        self.image_size = self._end * 4
        return DONE

    def _take_type(self) -> int:
        if not self._answered(_VERSION_SIZE):
            return FAILED
        buf = self._chip.buf
        at = self._chip.at + 1
        storage = buf[at + 6]
        # Vendor ID is not looked at: what matters is the memory map, and that follows from product type and storage.
        if buf[at] != 0 or buf[at + 2] != 4:
            return FOREIGN
        if storage == 0x0F:
            self._end = 0x28
        elif storage == 0x11:
            self._end = 0x82
        elif storage == 0x13:
            self._end = 0xE2
        else:
            return FOREIGN
        self.tag_type = storage
        self._page = _FIRST_USER_PAGE
        return self._read_on()

    def _read_on(self) -> int:
        """Ask for the next pages, or for the first ones again when all were read."""
        pages = min(_CHUNK_PAGES, self._end - self._page)
        if pages:
            self._step = _AT_PAGES
            out = self._out
            out[0] = _FAST_READ
            out[1] = self._page
            out[2] = self._page + pages - 1
            self._chip.command(_IN_COMMUNICATE_THRU, out, 3, 1 + pages * 4, _LIMIT_MS)
        else:
            self._step = _AT_HEAD_AGAIN
            self._ask_quad(0)
        return GOING

    def _take_pages(self) -> int:
        pages = min(_CHUNK_PAGES, self._end - self._page)
        if not self._answered(pages * 4):
            return FAILED
        self._copy(self._page * 4, pages * 4)
        self._page += pages
        return self._read_on()

    def _take_written(self) -> int:
        if not self._answered(0):
            return FAILED
        self._page += 1
        if self._page * 4 < self._size:
            self._send_page()
        else:
            self._step = _AT_VERIFY
            self._ask_quad(self._first)
        return GOING

    def _ask_quad(self, page: int) -> None:
        """READ four pages."""
        out = self._out
        out[0] = _TARGET
        out[1] = _READ
        out[2] = page
        self._chip.command(_IN_DATA_EXCHANGE, out, 3, 1 + _QUAD, _LIMIT_MS)

    def _send_page(self) -> None:
        """WRITE the next page of the data."""
        out = self._out
        out[0] = _TARGET
        out[1] = _WRITE
        out[2] = self._first + self._page
        for i in range(4):
            out[3 + i] = self._data[self._page * 4 + i]
        self._chip.command(_IN_DATA_EXCHANGE, out, 7, 1, _LIMIT_MS)

    def _answered(self, length: int) -> bool:
        """Whether the tag carried the command out (the chip's status is 0) and gave `length` bytes."""
        chip = self._chip
        return chip.length == length + 1 and not chip.buf[chip.at] & 0x3F

    def _copy(self, at: int, length: int) -> None:
        """Move the bytes that the tag gave into the image."""
        start = self._chip.at + 1
        self.image[at : at + length] = self._chip.buf[start : start + length]

    def _matches(self, expected: bytearray, size: int) -> bool:
        """Whether the tag gave the first `size` bytes of `expected`."""
        start = self._chip.at + 1
        for i in range(size):
            if self._chip.buf[start + i] != expected[i]:
                return False
        return True

    def _is_same_tag(self) -> bool:
        """Whether pages 0 and 1 hold the selected UID. The fourth byte of page 0 is a check byte."""
        start = self._chip.at + 1
        for i in range(_UID_SIZE):
            if self._chip.buf[start + (i if i < 3 else i + 1)] != self._uid[i]:
                return False
        return True
