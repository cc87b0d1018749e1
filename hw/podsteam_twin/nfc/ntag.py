# SPDX-License-Identifier: Apache-2.0
"""An NTAG213, 215 or 216 as the air interface sees it: ISO 14443-3 states, commands, and writes that are torn.

Facts are those of NXP's data sheet NTAG213/215/216, rev. 3.2. Not modelled: the ASCII mirror and COMP_WRITE.
"""

from podsteam_protocol.const import const
from podsteam_twin.nfc.memory import AUTHLIM, CNT_EN, CNT_PROT, DEFAULT_UID, SIZES, Memory

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Tear = Callable[[int, bytes, bytes, int], bytes | None]

ACK = const(0x0A)
NAK_ARGUMENT = const(0)
"""Bad page, locked page, wrong password, unknown command."""
NAK_CRC = const(1)
NAK_AUTH_LIMIT = const(4)
"""Too many wrong passwords: PWD_AUTH is refused for good."""
NAK_EEPROM = const(5)

OFF = const(0)
"""No field."""
IDLE = const(1)
READY = const(2)
ACTIVE = const(3)
HALT = const(4)

_GET_VERSION = const(0x60)
_READ = const(0x30)
_FAST_READ = const(0x3A)
_WRITE = const(0xA2)
_READ_CNT = const(0x39)
_READ_SIG = const(0x3C)
_PWD_AUTH = const(0x1B)
_HLTA = const(0x50)


def torn(old: bytes, new: bytes, permille: int) -> bytes:
    """What a user page holds when the field vanishes after `permille` of a WRITE's time.

    The page is erased, then programmed; four outcomes: untouched, erased (zero), half programmed, done. NXP
    promises nothing for user pages, so a reader must survive each of them.
    """
    if permille < 250:
        return old
    if permille < 500:
        return bytes(4)
    if permille < 750:
        return new[:2] + bytes(2)
    return new


class Ntag(Memory):
    """One tag. Public fields may be set freely; none of them is part of the image:

    `signature`: 32 bytes for READ_SIG. `counter`: the 24-bit tap counter. `failures`: wrong passwords so far.
    `tear`: None, or a function `(page, old, new, permille) -> bytes or None` asked at each WRITE to a page that
    is not tearing-proof; `permille` is 1000 for a WRITE that would complete, less for one that the field left.
    Bytes become the page's content and the tag falls silent until the field comes again; None lets it be.
    """

    def __init__(self, model: str = "NTAG215", uid: bytes = DEFAULT_UID) -> None:
        """A tag as NXP delivers it. `uid` is 7 bytes; ValueError for another length or an unknown model."""
        super().__init__(model, uid)
        self.signature = bytes(32)
        self.counter = 0
        self.failures = 0
        self.tear: Tear | None = None
        self.state = OFF
        self._from_halt = False
        self._counted = False

    # ISO 14443-3 --------------------------------------------------------------------------------------------
    def field(self, on: bool) -> None:
        """The reader's field comes or goes. A field that stays changes nothing."""
        if on != (self.state != OFF):
            self.state = IDLE if on else OFF
            self.authenticated = False
            self._from_halt = False
            self._counted = False

    def request(self, wake: bool) -> bool:
        """REQA, or WUPA when `wake`. True when the tag answers (ATQA 0x0044); an active tag falls back, silent."""
        state = self.state
        if state == IDLE or (state == HALT and wake):
            self._from_halt = state == HALT
            self.state = READY
            return True
        if state == READY or state == ACTIVE:
            self._drop()
        return False

    def select(self) -> bool:
        """Anticollision and SELECT through both cascade levels. False when not ready or a check byte is wrong."""
        if self.state != READY:
            return False
        if not self.uid_ok():
            self._drop()
            return False
        self.state = ACTIVE
        return True

    def command(self, data: bytes) -> bytes | int | None:
        """One command without its CRC. Bytes: the answer; int: a 4-bit ACK or NAK; None: silence."""
        if self.state != ACTIVE:
            return None
        answer = self._answer(data)
        if answer is not None and not isinstance(answer, bytes) and answer != ACK:
            self._drop()
        return answer

    def interrupt(self, data: bytes, permille: int) -> None:
        """The field is lost after `permille` of the time of command `data`; a WRITE may be left torn."""
        if self.state == ACTIVE and len(data) == 6 and data[0] == _WRITE:
            self._write(data[1], data[2:], permille)
        self.field(False)

    def _drop(self) -> None:
        self.state = HALT if self._from_halt else IDLE
        self.authenticated = False

    # Commands -----------------------------------------------------------------------------------------------
    def _answer(self, data: bytes) -> bytes | int | None:
        size = len(data)
        code = data[0] if size else 0
        if code == _READ and size == 2:
            return self._read(data[1])
        if code == _FAST_READ and size == 3:
            return self._fast_read(data[1], data[2])
        if code == _WRITE and size == 6:
            return self._write(data[1], data[2:], 1000)
        if code == _GET_VERSION and size == 1:
            return bytes((0, 4, 4, 2, 1, 0, self._storage, 3))
        if code == _READ_CNT and size == 2:
            return self._read_count(data[1])
        if code == _READ_SIG and size == 2:
            return self.signature if data[1] == 0 else NAK_ARGUMENT
        if code == _PWD_AUTH and size == 5:
            return self._authenticate(data[1:])
        if code == _HLTA and size == 2:
            self._from_halt = True
            self._drop()
            return None
        return NAK_ARGUMENT

    def _count(self) -> None:
        if not self._counted:
            self._counted = True
            if self._access() & CNT_EN and self.counter < 0xFFFFFF:
                self.counter += 1

    def _read(self, page: int) -> bytes | int:
        limit = self._readable()
        if page >= limit:
            return NAK_ARGUMENT
        self._count()
        if page + 4 <= limit:
            return self._span(page, page + 4)
        data = self._span(page, limit)
        while len(data) < 16:
            data += self._span(0, min(limit, 4))
        return data[:16]

    def _fast_read(self, first: int, last: int) -> bytes | int:
        if first > last or last >= self._readable():
            return NAK_ARGUMENT
        self._count()
        return self._span(first, last + 1)

    def _read_count(self, number: int) -> bytes | int:
        access = self._access()
        if number != 2 or not access & CNT_EN or (access & CNT_PROT and not self.authenticated):
            return NAK_ARGUMENT
        return bytes((self.counter & 0xFF, self.counter >> 8 & 0xFF, self.counter >> 16))

    def _authenticate(self, password: bytes) -> bytes | int:
        limit = self._access() & AUTHLIM
        if limit and self.failures >= limit:
            return NAK_AUTH_LIMIT
        at = 4 * self._dynlock + 12
        if bytes(self.mem[at : at + 4]) != password:
            if limit:
                self.failures += 1
            return NAK_ARGUMENT
        self.failures = 0
        self.authenticated = True
        return bytes(self.mem[at + 4 : at + 6])

    def _write(self, page: int, data: bytes, permille: int) -> int | None:
        if not self._writable(page):
            return NAK_ARGUMENT
        one_way = page <= 3 or page == self._dynlock
        at = 4 * page
        if one_way:
            if permille < 1000:
                return None
            self._burn(page, data)
            return ACK
        old = bytes(self.mem[at : at + 4])
        value = self.tear(page, old, data, permille) if self.tear is not None else None
        if value is not None:
            self.mem[at : at + 4] = value
            self.field(False)
            return None
        self.mem[at : at + 4] = data if permille >= 1000 else torn(old, data, permille)
        return ACK


def from_image(image: bytes) -> Ntag:
    """A tag with this memory, its model told by the size. ValueError unless 180, 540 or 924 bytes."""
    if len(image) not in SIZES.values():
        raise ValueError("an NTAG image has 180, 540 or 924 bytes, not " + str(len(image)))
    tag = Ntag()
    tag.adopt(bytearray(image))
    return tag
