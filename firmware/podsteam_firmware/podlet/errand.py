# SPDX-License-Identifier: Apache-2.0
"""What is done with a tag beside reading and writing its podlet. Loaded when something of it is wanted.

* A look: configuration, lock bytes, NXP's signature of the UID (READ_SIG, checked in slices), the counter (READ_CNT).
* A password (PWD_AUTH): only where the tag's own configuration was read and says that wrong ones are not counted. A
  tag that counts them locks itself for good, and nobody can tell how many are left, so none is ever tried there. One
  that was right is given before each write in that insertion, its counting looked at each time.
* The floor: the static lock bits of its pages, one for each quarter of the doses that is used. They cannot be taken
  back, so only bits of the floor's pages are ever written, and never a block lock bit (NTAG21x data sheet, 8.5.2).

An errand is a chain of commands in one visit, as in `ntag`: `begin` starts the first, `take` judges and goes on.
"""

from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.crypto.ecdsa import Verifier
    from podsteam_firmware.podlet.pn532 import Pn532
    from podsteam_firmware.podlet.reader import Reader

NXP_KEY = (
    b"\x49\x4e\x1a\x38\x6d\x3d\x3c\xfe\x3d\xc1\x0e\x5d\xe6\x8a\x49\x9b"
    b"\x1c\x20\x2d\xb5\xb1\x32\x39\x3e\x89\xed\x19\xfe\x5b\xe8\xbc\x61"
)
"""x and y of the key that NXP signs the UIDs of NTAG21x with."""
LOOK = const(1)
PASSWORD = const(2)
_FLOOR = const(3)
NO_COUNTER = const(0xFFFFFFFF)

_IN_DATA_EXCHANGE = const(0x40)
_IN_COMMUNICATE_THRU = const(0x42)
_LIMIT_MS = const(100)
_READ = const(0x30)
_WRITE = const(0xA2)
_READ_CNT = const(0x39)
_READ_SIG = const(0x3C)
_PWD_AUTH = const(0x1B)
_SIGNATURE = const(32)
_COUNTS = const(0x10)
_COUNTER_BEHIND = const(0x08)
_LIMIT = const(0x07)
_TRIES = const(3)

_AT_CONFIG = const(0)
_AT_SIGNATURE = const(1)
_AT_COUNTER = const(2)
_AT_PASSWORD = const(3)
_AT_LOCK = const(4)
_AT_LOCKED = const(5)
_AT_ACCESS = const(6)

# Page of the dynamic lock bytes by the storage byte; CFG0 and CFG1 follow it.
_DYNLOCK = {0x0F: 0x28, 0x11: 0x82, 0x13: 0xE2}


def floor(reader: "Reader") -> "Errand | None":
    """The errand that locks what is due of the floor; None: nothing is."""
    record = reader.record
    image = reader.image
    quarters = min(reader.doses_used * 4 // record.values[p.MAIN_DOSE_COUNT], 4)
    wanted = (1 << quarters) - 1 << record.floor_page
    if not wanted & ~(image[10] | image[11] << 8):
        return None
    return Errand(reader, _FLOOR, wanted=wanted)


class Errand:
    """One errand at the tag that is in the holder now."""

    def __init__(self, reader: "Reader", what: int, password: bytes = b"", wanted: int = 0) -> None:
        self._reader = reader
        self._insertion = reader.insertion
        self._what = what
        self._password = password
        self._wanted = wanted
        self._step = _AT_CONFIG
        self._tries = 0
        self._hidden = False
        """The configuration cannot be read."""
        self._out = bytearray(7)
        self._chip: "Pn532 | None" = None
        self._check: "Verifier | None" = None
        if what == LOOK:
            # Not when the tag has answered: a session may have begun by then.
            from podsteam_firmware.crypto import ecdsa

            self._ecdsa = ecdsa
        self.state = m.WRITE_BUSY
        """A WRITE value."""
        self.code = 0
        """CODE of what was found, or why it failed."""
        self.original = 0
        """NXP's signature; 0: not known, 1: right, 2: wrong."""
        self.counter = NO_COUNTER
        self.auth0 = 0xFF
        self.access = 0
        self.locks = bytearray(5)
        self.pack = 0

    def begin(self, chip: "Pn532") -> bool:
        """The tag is selected: start. False: there is nothing to do at it any more."""
        if self.state != m.WRITE_BUSY or self._check is not None:
            return False
        reader = self._reader
        if reader.insertion != self._insertion or reader.tag_type not in _DYNLOCK:
            self._over(m.CODE_TAG_CHANGED)
            return False
        self._tries += 1
        if self._tries > _TRIES:
            self._over(m.CODE_NO_PODLET)
            return False
        self._chip = chip
        if self._what == _FLOOR:
            out = self._out
            out[0] = 1
            out[1] = _WRITE
            out[2] = 2
            out[3] = out[4] = 0
            out[5] = self._wanted & 0xF0
            out[6] = self._wanted >> 8
            self._step = _AT_LOCK
            chip.command(_IN_DATA_EXCHANGE, out, 7, 1, _LIMIT_MS)
        elif self._hidden:
            self._ask_signature()
        else:
            self._ask(_AT_CONFIG, _DYNLOCK[reader.tag_type])
        return True

    def open(self, chip: "Pn532") -> bool:
        """As `begin`, before each write to a tag behind a password: the tag forgets it when the field goes."""
        self.state = m.WRITE_BUSY
        self._tries = 0
        return self.begin(chip)

    def take(self) -> bool:
        """Judge the chip's answer and go on. True: nothing more is to be done in this visit."""
        step = self._step
        if step == _AT_CONFIG:
            return self._take_config()
        if step == _AT_SIGNATURE:
            return self._take_signature()
        if step == _AT_ACCESS:
            return self._take_access()
        if step == _AT_COUNTER:
            return self._take_counter()
        if step == _AT_PASSWORD:
            return self._take_password()
        if step == _AT_LOCK:
            if self._answer(0) < 0:
                return True
            self._ask(_AT_LOCKED, 0)
            return False
        return self._take_locked()

    def step(self) -> bool:
        """As `Work.step`: a slice of the signature's check."""
        check = self._check
        if check is None:
            return False
        result = check.step()
        if result:
            self._check = None
            self.original = result
            self._over(0 if result == 1 else m.CODE_TAG_COPY)
        return not result

    def _over(self, code: int) -> None:
        self.code = code
        failed = code and code != m.CODE_TAG_COPY
        self.state = m.WRITE_FAILED if failed else m.WRITE_DONE

    def _answer(self, length: int) -> int:
        """Where the tag's answer begins in the chip's buffer; -1: it gave none of that length, and is idle now."""
        chip = self._chip
        if chip is None or chip.length != length + 1 or chip.buf[chip.at] & 0x3F:
            return -1
        return chip.at + 1

    def _ask(self, step: int, page: int) -> None:
        """READ four pages."""
        out = self._out
        out[0] = 1
        out[1] = _READ
        out[2] = page
        self._send(step, _IN_DATA_EXCHANGE, 3, 16)

    def _send(self, step: int, code: int, length: int, answer: int) -> None:
        self._step = step
        if self._chip is not None:
            self._chip.command(code, self._out, length, 1 + answer, _LIMIT_MS)

    def _ask_signature(self) -> None:
        self._out[0] = _READ_SIG
        self._out[1] = 0
        self._send(_AT_SIGNATURE, _IN_COMMUNICATE_THRU, 2, _SIGNATURE)

    def _ask_access(self) -> None:
        """READ from CFG1 on. From an earlier page a tag whose CFG1 is hidden would fill up with its first pages."""
        self._ask(_AT_ACCESS, _DYNLOCK[self._reader.tag_type] + 2)

    def _take_config(self) -> bool:
        at = self._answer(16)
        self.locks[0:2] = self._reader.image[10:12]
        if at < 0 or self._chip is None:
            # Behind the password: then nobody knows what a wrong one would do.
            self._hidden = self._what == LOOK
            if self._tries >= _TRIES:
                self._over(m.CODE_TAG_LIMIT if self._what == PASSWORD else m.CODE_NO_PODLET)
            return True
        buf = self._chip.buf
        self.auth0 = buf[at + 7]
        self.locks[2:5] = buf[at : at + 3]
        if self._what == LOOK:
            self._ask_signature()
        else:
            self._ask_access()
        return False

    def _take_signature(self) -> bool:
        at = self._answer(_SIGNATURE)
        if at < 0 or self._chip is None:
            if self._tries >= _TRIES:
                self._over(m.CODE_TAG_COPY)
            return True
        ecdsa = self._ecdsa
        signature = bytes(self._chip.buf[at : at + _SIGNATURE])
        self._check = ecdsa.Verifier(ecdsa.SECP128R1, bytes(self._reader.uid), signature, NXP_KEY)
        if not self._hidden:
            self._ask_access()
        return self._hidden

    def _take_access(self) -> bool:
        at = self._answer(16)
        out = self._out
        if self._what == PASSWORD:
            if at < 0 or self._chip is None or self._chip.buf[at] & _LIMIT:
                self._over(m.CODE_TAG_LIMIT)
                return True
            self.access = self._chip.buf[at]
            out[0] = _PWD_AUTH
            out[1:5] = self._password
            self._send(_AT_PASSWORD, _IN_COMMUNICATE_THRU, 5, 2)
            return False
        if at >= 0 and self._chip is not None:
            self.access = self._chip.buf[at]
        if not self.access & _COUNTS or self.access & _COUNTER_BEHIND:
            return True
        out[0] = _READ_CNT
        out[1] = 2
        self._send(_AT_COUNTER, _IN_COMMUNICATE_THRU, 2, 3)
        return False

    def _take_counter(self) -> bool:
        at = self._answer(3)
        if at >= 0 and self._chip is not None:
            buf = self._chip.buf
            self.counter = buf[at] | buf[at + 1] << 8 | buf[at + 2] << 16
        return True

    def _take_password(self) -> bool:
        at = self._answer(2)
        if at >= 0 and self._chip is not None:
            self.pack = self._chip.buf[at] << 8 | self._chip.buf[at + 1]
            if self._reader.opener is not self:
                self._reader.opener = Errand(self._reader, PASSWORD, self._password)
        self._over(m.CODE_TAG_PASSWORD if at < 0 else 0)
        return True

    def _take_locked(self) -> bool:
        """Pages 0 to 3 as they are now: are the bits set, and is it the same tag?"""
        at = self._answer(16)
        reader = self._reader
        if at >= 0 and self._chip is not None:
            buf = self._chip.buf
            same = bytes(buf[at : at + 8]) == bytes(reader.image[:8])
            if same and not self._wanted & ~(buf[at + 10] | buf[at + 11] << 8):
                reader.image[10:12] = buf[at + 10 : at + 12]
                self._over(0)
        return True
