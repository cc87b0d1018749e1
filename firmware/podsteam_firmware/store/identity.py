# SPDX-License-Identifier: Apache-2.0
"""Who this unit is: one block in two copies (`params`), and how it is changed, whole or not at all.

The block is the protocol's struct IDENTITY. Calibration and keys in it are brought to where the firmware reads them. A
note that names the block is written first, so that a power cut after the block has come to count is followed by a start
that finishes the rest. What the unit learns later stands in its own sets; the block is not changed by that.

Loaded when a host asks for it, and at a start after such a cut.
"""

import binascii
import hashlib
import struct

from podsteam_firmware import ticks
from podsteam_firmware.dose import calibration as dose_calibration
from podsteam_firmware.store import calibration, params
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core
    from podsteam_firmware.hal.verbs import Hal

SIZE = const(678)
"""Bytes of the block."""
DUE = "identity_due"
"""The note: CRC-32 of the block whose parts are to be brought to their places."""
PARTS = const(64)
"""Where `parts` stands; the number of podlet keys follows."""
KEY = const(64)
UPDATE_KEY = const(102)
PODLET_KEYS = const(166)
_CAL = const(66)
_DOSE = const(88)
_MOST_KEYS = const(8)
_NAME = const(32)
_BLOCK = (("<678s", None),)
_WAIT_MS = const(60_000)

# Names of files that others read: `store/update.py` and `podlet/signed.py`, which are not loaded for it.
UPDATE_KEY_FILE = "update_key"
_PODLET_KEYS_FILE = "podlet_keys"


def load(hal: "Hal") -> "bytes | None":
    """The block that counts; None: this unit was never provisioned."""
    values, _ = params.load(hal, "identity", _BLOCK)
    return values[0] if values else None  # pyright: ignore[reportReturnType]  # the layout's one value is bytes


def key_id(key: "bytes | bytearray | memoryview") -> bytes:
    """Id of a key, given as x and y."""
    return hashlib.sha256(key).digest()[:8]


def sound(raw: "bytes | bytearray") -> bool:
    """Whether every value of a block is within its bounds."""
    parts = raw[PARTS]
    if not _name_sound(raw, 0) or not _name_sound(raw, _NAME) or parts > 15 or raw[PARTS + 1] > _MOST_KEYS:
        return False
    if parts & m.PART_CALIBRATION and calibration.check(_calibration(raw)) >= 0:
        return False
    return not parts & m.PART_DOSE_CALIBRATION or dose_calibration.check(_dose_calibration(raw)) < 0


def _name_sound(raw: "bytes | bytearray", at: int) -> bool:
    name = bytes(raw[at : at + _NAME]).rstrip(b"\0")
    for c in name:
        if not (0x30 <= c <= 0x39 or 0x41 <= c <= 0x5A or 0x61 <= c <= 0x7A or c == 0x2D or c == 0x2E or c == 0x5F):
            return False
    return len(name) > 0


def _calibration(raw: "bytes | bytearray") -> "tuple[int, ...]":
    return struct.unpack_from(m.CALIBRATION_FMT, raw, _CAL)


def _dose_calibration(raw: "bytes | bytearray") -> "tuple[int, ...]":
    return struct.unpack_from(m.DOSE_CALIBRATION_FMT, raw, _DOSE)


def store(hal: "Hal", raw: "bytes | bytearray", step: int) -> bool:
    """One of the `STEPS` of a change, from 0 on. Each may erase flash once or twice: only while the relay is open.

    The block counts from step 1 on. False: the step failed.
    """
    if step == 0:
        return hal.file_write(DUE, struct.pack("<I", binascii.crc32(raw)))
    if step == 1:
        return params.save(hal, "identity", _BLOCK, (bytes(raw),))  # pyright: ignore[reportArgumentType]  # see `load`
    if step < STEPS - 1:
        return _apply(hal, raw, 1 << (step - 2))
    return hal.file_remove(DUE)


STEPS = const(7)


def _apply(hal: "Hal", raw: "bytes | bytearray", part: int) -> bool:
    """Bring one PART to where it is read. True when that is done, or there is nothing to bring."""
    if not raw[PARTS] & part:
        return True
    if part == m.PART_CALIBRATION:
        return calibration.keep(hal, _calibration(raw))
    if part == m.PART_DOSE_CALIBRATION:
        return dose_calibration.keep(hal, _dose_calibration(raw))
    if part == m.PART_UPDATE_KEY:
        return hal.file_write(UPDATE_KEY_FILE, raw[UPDATE_KEY : UPDATE_KEY + KEY])
    return hal.file_write(_PODLET_KEYS_FILE, raw[PODLET_KEYS : PODLET_KEYS + raw[PARTS + 1] * KEY])


def finish(hal: "Hal") -> None:
    """At the start, when there is a note: bring the block's parts to their places, or forget a block that never came
    to count. What fails is tried again at the next start."""
    raw = load(hal)
    step = STEPS - 1
    if raw is not None and hal.file_read(DUE, 5) == struct.pack("<I", binascii.crc32(raw)):
        step = 2
    while step < STEPS and store(hal, raw or b"", step):
        step += 1


class Change:
    """One change: `put` until the block is there, `keep`, then `step` as work between the ticks."""

    def __init__(self, core: "Core") -> None:
        self._core = core
        self.state = m.IDENTITY_RECEIVING
        self.code = 0
        """CODE of what went wrong."""
        self.next = 0
        """Bytes of the block that have come."""
        self._raw = bytearray(SIZE)
        self._until_ms = 0
        self._step = 0

    def put(self, offset: int, data: memoryview) -> int:
        """Bytes of the block; others than those that are wanted change nothing. Returns the offset wanted next."""
        end = offset + len(data)
        if offset == self.next and end <= SIZE:
            self._raw[offset:end] = data
            self.next = end
        return self.next

    def keep(self, crc: int) -> int:
        """The block is whole. Returns the seconds in which the button is waited for, 0: it is not; or -CODE."""
        core = self._core
        raw = bytes(self._raw)
        if self.next != SIZE or binascii.crc32(raw) != crc or not sound(raw):
            return self._end(m.CODE_IDENTITY_FORM)
        stored = load(core.hal)
        if stored == raw:
            self._end(0)
            return 0
        if stored is None and not self._other_key():
            self._write()
            return 0
        return self._ask()

    def _ask(self) -> int:
        """Wait for the button. Returns the seconds for that, or -CODE."""
        code = self._unheard()
        if code:
            return self._end(code)
        self.state = m.IDENTITY_BUTTON
        self._until_ms = ticks.add(self._core.now_ms, _WAIT_MS)
        self._core.extra = self
        return _WAIT_MS // 1000

    def _other_key(self) -> bool:
        """Whether updates signed with another key than now would be taken."""
        if not self._raw[PARTS] & m.PART_UPDATE_KEY:
            return False
        key = self._core.hal.file_read(UPDATE_KEY_FILE, KEY + 1)
        return key is not None and key != bytes(self._raw[UPDATE_KEY : UPDATE_KEY + KEY])

    def _unheard(self) -> int:
        """CODE of what keeps a press from being an answer, 0: nothing."""
        session = self._core.session
        if session.state == m.STATE_FAULT:
            return m.CODE_SAFETY_LATCHED
        if session.state != m.STATE_IDLE:
            return m.CODE_BUSY_SESSION
        return m.CODE_BUTTON_HELD if session.button.down else 0

    def pressed(self) -> bool:
        """The button was pressed and released at rest. True: that was waited for here."""
        waited = self.left_s() > 0
        if waited:
            self._write()
        return waited

    def drop(self) -> None:
        """Whoever asked for it no longer wants it."""
        self._end(m.CODE_NEED_BUTTON)

    def left_s(self) -> int:
        """Seconds left to press the button."""
        if self.state != m.IDENTITY_BUTTON:
            return 0
        return max(0, (ticks.diff(self._until_ms, self._core.now_ms) + 999) // 1000)

    def _write(self) -> None:
        self.state = m.IDENTITY_WRITING
        self._core.extra = self

    def step(self) -> bool:
        """One step of the work."""
        core = self._core
        if self.state == m.IDENTITY_BUTTON:
            if ticks.due(core.now_ms, self._until_ms):
                self._end(m.CODE_NEED_BUTTON)
            return False
        if not self._advance():
            self._end(m.CODE_STORE_FAILED)
        return False

    def _advance(self) -> bool:
        """Store some of it. False: that failed."""
        core = self._core
        if not store(core.hal, self._raw, self._step):
            return False
        self._step += 1
        if self._step == STEPS:
            core.calibrate(calibration.recall(core.hal))
            core.calibrate_dose(dose_calibration.recall(core.hal))
            self._end(0)
        return True

    def _end(self, code: int) -> int:
        self.state = m.IDENTITY_FAILED if code else m.IDENTITY_DONE
        self.code = code
        self._raw = bytearray(0)
        self.next = 0
        if self._core.extra is self:
            self._core.extra = None
        return -code


class KeysChange(Change):
    """Other podlet keys than those that the unit trusts, with no block: likewise for a press of the button."""

    def __init__(self, core: "Core", keys: bytes) -> None:
        """`keys`: x and y of each."""
        super().__init__(core)
        self._raw = bytearray(keys)

    def ask(self) -> int:
        """Wait for the button. Returns the seconds for that, or -CODE."""
        return self._ask()

    def _advance(self) -> bool:
        kept = self._core.hal.file_write(_PODLET_KEYS_FILE, self._raw)
        if kept:
            self._end(0)
        return kept
