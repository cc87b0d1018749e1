# SPDX-License-Identifier: Apache-2.0
"""NTAG213, 215 and 216 (NXP data sheet NTAG213/215/216, rev. 3.2): commands and memory map.

A page has 4 bytes. READ and WRITE go through the PN532's InDataExchange; GET_VERSION and FAST_READ only through
InCommunicateThru, because the PN532 does not know them.
"""

from podsteam_firmware.podlet import pn532
from podsteam_protocol.const import const

PAGE_SIZE = const(4)
CHUNK_PAGES = const(16)
"""Most pages in one FAST_READ: their answer is 1.7 ms on a 400 kHz bus."""
FIRST_USER_PAGE = const(4)
HEAD_SIZE = const(16)
"""Bytes of pages 0 to 3: UID, lock bits and capability container. Also what one READ gives."""
VERSION_SIZE = const(8)
"""Bytes that GET_VERSION gives."""
MAX_IMAGE = const(904)
"""Bytes from page 0 to the end of an NTAG216's user memory, the largest there is."""

_TARGET = const(1)
_GET_VERSION = const(0x60)
_READ = const(0x30)
_FAST_READ = const(0x3A)
_WRITE = const(0xA2)
_LIMIT_MS = const(100)


class Ntag:
    """Commands to the selected tag. Each starts one on the chip, whose `poll` carries it out."""

    def __init__(self, chip: pn532.Pn532) -> None:
        self._chip = chip
        self._out = bytearray(pn532.MAX_PAYLOAD)

    def get_version(self) -> None:
        """Ask for the bytes that tell the type, see `user_end`."""
        self._out[0] = _GET_VERSION
        self._thru(1, VERSION_SIZE)

    def fast_read(self, first: int, last: int) -> None:
        """Ask for pages `first` to `last`, both included, at most `CHUNK_PAGES`."""
        self._out[0] = _FAST_READ
        self._out[1] = first
        self._out[2] = last
        self._thru(3, (last + 1 - first) * PAGE_SIZE)

    def read(self, page: int) -> None:
        """Ask for the four pages from `page` on."""
        self._exchange(_READ, page, 3, HEAD_SIZE)

    def write(self, page: int, data: bytearray, at: int) -> None:
        """Write `data[at:at + 4]` into a page."""
        for i in range(PAGE_SIZE):
            self._out[3 + i] = data[at + i]
        self._exchange(_WRITE, page, 7, 0)

    def answered(self, length: int) -> bool:
        """Whether the tag carried the last command out and gave `length` bytes: `chip.buf` from `chip.at + 1` on."""
        chip = self._chip
        return chip.length == length + 1 and not chip.buf[chip.at] & 0x3F

    def _thru(self, length: int, answer: int) -> None:
        self._chip.command(pn532.IN_COMMUNICATE_THRU, self._out, length, answer + 1, _LIMIT_MS)

    def _exchange(self, code: int, page: int, length: int, answer: int) -> None:
        self._out[0] = _TARGET
        self._out[1] = code
        self._out[2] = page
        self._chip.command(pn532.IN_DATA_EXCHANGE, self._out, length, answer + 1, _LIMIT_MS)


def user_end(buf: bytearray, at: int) -> int:
    """First page after the user memory, from GET_VERSION's 8 bytes `buf[at:at + 8]`; 0: not an NTAG21x."""
    if buf[at] != 0 or buf[at + 2] != 4:
        return 0
    storage = buf[at + 6]
    if storage == 0x0F:
        return 0x28
    if storage == 0x11:
        return 0x82
    if storage == 0x13:
        return 0xE2
    return 0
