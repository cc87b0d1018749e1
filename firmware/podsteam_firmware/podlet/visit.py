# SPDX-License-Identifier: Apache-2.0
"""What is done with a selected tag: read its user memory whole, or write four pages and read them back.

Both are chains of commands. `read` or `write` starts one, and each time the chip has an answer `take` judges it and
starts the next. After FAILED the tag must be selected anew: an NTAG21x that refused or missed a command is idle.
"""

from podsteam_firmware.podlet import iso14443, ntag
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

_HEAD = const(0)
_TYPE = const(1)
_PAGES = const(2)
_HEAD_AGAIN = const(3)
_WRITE = const(4)
_VERIFY = const(5)


class Visit:
    """The chains, and the image that reading fills."""

    def __init__(self, chip: Pn532) -> None:
        self._chip = chip
        self._tag = ntag.Ntag(chip)
        self._step = _HEAD
        self._uid = bytearray(iso14443.UID_SIZE)
        self._page = 0
        self._end = 0
        self._first = 0
        self._data = self._uid
        self.tag_type = 0
        """Storage byte of GET_VERSION."""
        self.image = bytearray(ntag.MAX_IMAGE)
        """Tag memory from page 0; whole after DONE."""
        self.image_size = 0
        """Bytes of it, 0 before DONE."""

    def read(self, uid: bytearray) -> None:
        """Read the tag of that UID into `image`. The UID is compared in its memory before and after."""
        self._uid = uid
        self.image_size = 0
        self._step = _HEAD
        self._tag.read(0)

    def write(self, page: int, data: bytearray) -> None:
        """Write the 16 bytes of `data` into four pages from `page` on and read them back."""
        self._first = page
        self._data = data
        self._page = 0
        self._step = _WRITE
        self._tag.write(page, data, 0)

    def take(self) -> int:
        """Judge the answer that the chip holds and go on. Returns GOING, DONE, FAILED or FOREIGN."""
        step = self._step
        if step == _TYPE:
            return self._take_type()
        if step == _PAGES:
            return self._take_pages()
        if step == _WRITE:
            return self._take_written()
        if not self._tag.answered(ntag.HEAD_SIZE):
            return FAILED
        if step == _VERIFY:
            return DONE if self._matches(self._data) else FAILED
        if not self._is_same_tag():
            return FAILED
        if step == _HEAD:
            self._copy(0, ntag.HEAD_SIZE)
            self._step = _TYPE
            self._tag.get_version()
            return GOING
        if not self._matches(self.image):
            return FAILED
        self.image_size = self._end * ntag.PAGE_SIZE
        return DONE

    def _take_type(self) -> int:
        if not self._tag.answered(ntag.VERSION_SIZE):
            return FAILED
        start = self._chip.at + 1
        self._end = ntag.user_end(self._chip.buf, start)
        if not self._end:
            return FOREIGN
        self.tag_type = self._chip.buf[start + 6]
        self._page = ntag.FIRST_USER_PAGE
        return self._read_on()

    def _read_on(self) -> int:
        """Ask for the next pages, or for the first ones again when all were read."""
        if self._page < self._end:
            self._step = _PAGES
            self._tag.fast_read(self._page, min(self._page + ntag.CHUNK_PAGES, self._end) - 1)
        else:
            self._step = _HEAD_AGAIN
            self._tag.read(0)
        return GOING

    def _take_pages(self) -> int:
        pages = min(ntag.CHUNK_PAGES, self._end - self._page)
        if not self._tag.answered(pages * ntag.PAGE_SIZE):
            return FAILED
        self._copy(self._page * ntag.PAGE_SIZE, pages * ntag.PAGE_SIZE)
        self._page += pages
        return self._read_on()

    def _take_written(self) -> int:
        if not self._tag.answered(0):
            return FAILED
        self._page += 1
        at = self._page * ntag.PAGE_SIZE
        if at < ntag.HEAD_SIZE:
            self._tag.write(self._first + self._page, self._data, at)
        else:
            self._step = _VERIFY
            self._tag.read(self._first)
        return GOING

    def _copy(self, at: int, length: int) -> None:
        """Move the bytes that the tag gave into the image."""
        start = self._chip.at + 1
        self.image[at : at + length] = self._chip.buf[start : start + length]

    def _matches(self, expected: bytearray) -> bool:
        """Whether the tag gave the first 16 bytes of `expected`."""
        start = self._chip.at + 1
        for i in range(ntag.HEAD_SIZE):
            if self._chip.buf[start + i] != expected[i]:
                return False
        return True

    def _is_same_tag(self) -> bool:
        """Whether pages 0 and 1 hold the selected UID. The fourth byte of page 0 is a check byte."""
        start = self._chip.at + 1
        for i in range(iso14443.UID_SIZE):
            if self._chip.buf[start + (i if i < 3 else i + 1)] != self._uid[i]:
                return False
        return True
