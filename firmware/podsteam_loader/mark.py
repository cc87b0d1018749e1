# SPDX-License-Identifier: Apache-2.0
"""The mark: what the loader knows of the last start, kept where a reset does not reach but a power cut does.

It says which slot was started, how far that came, and how many boots of each slot failed in a row. On the ESP32 it lies
in the RTC memory, which costs no flash and is not checked by anybody, so it carries a CRC-32.

A failed boot ended within 30 s by the watchdog, an exception or a panic. A panic is told from other resets by the
mark: nothing else ends in a hard reset that was not announced. On this chip the reset pin reads as power-on.
"""

import binascii
import struct

from podsteam_loader.record import NONE, A, B
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_loader.verbs import Memory

UNKNOWN = const(3)
"""In place of a slot: a boot failed, and the mark that says which slot's it was is garbage."""
STARTED = const(0)
"""Phase: started, and not running for 30 s yet."""
RAISED = const(1)
"""Phase: ended by an exception within 30 s."""
ASKED = const(2)
"""Phase: ended because somebody asked for it."""
RAN = const(3)
"""Phase: ran for 30 s, so that whatever comes is no failed boot."""
SETTLED_MS = const(30_000)
"""What a boot must last to be no failed one."""

_MOST = const(255)
_FORMAT = const(1)
_FMT = "<BBBBB"
_SIZE = const(9)
_TICKS = const(0x3FFFFFFF)


def pack(slot: int, phase: int, fails_a: int, fails_b: int) -> bytes:
    """A mark as it is kept."""
    raw = struct.pack(_FMT, _FORMAT, slot, phase, fails_a, fails_b)
    return raw + struct.pack("<I", binascii.crc32(raw))


def _unpack(raw: bytes) -> "tuple[int, int, int, int] | None":
    if len(raw) != _SIZE or struct.unpack("<I", raw[5:])[0] != binascii.crc32(raw[:5]):
        return None
    version, slot, phase, fails_a, fails_b = struct.unpack(_FMT, raw[:5])
    if version != _FORMAT or slot > NONE or phase > RAN:
        return None
    return slot, phase, fails_a, fails_b


def judge(cause: int, raw: bytes) -> "tuple[int, int, int]":
    """What the last boot was, from the reset's cause and the mark: (slot whose boot failed, failed boots of A, of B).

    The slot is NONE when no boot failed. Failed boots count in a row, the last one included; a power-on forgets them.
    """
    if cause == m.RESET_POWER_ON:
        return NONE, 0, 0
    last = _unpack(raw)
    if last is None:
        return (UNKNOWN if cause == m.RESET_WATCHDOG else NONE), 0, 0
    slot, phase, fails_a, fails_b = last
    died = phase == STARTED and (cause == m.RESET_WATCHDOG or cause == m.RESET_HARD)
    failed = slot if died or phase == RAISED else NONE
    if failed == A:
        fails_a = min(fails_a + 1, _MOST)
    elif failed == B:
        fails_b = min(fails_b + 1, _MOST)
    return failed, fails_a, fails_b


class Watch:
    """Follows one start of a slot and keeps the mark for the next one."""

    def __init__(self, memory: "Memory", slot: int, fails_a: int, fails_b: int, now_ms: int) -> None:
        """`slot`: what is about to be started, NONE: safe mode."""
        self._memory = memory
        self._slot = slot
        self._fails_a = fails_a
        self._fails_b = fails_b
        self._since_ms = now_ms
        self._settled = False
        self._note(STARTED)

    def _note(self, phase: int) -> None:
        self._memory.keep(pack(self._slot, phase, self._fails_a, self._fails_b))

    def turned(self, now_ms: int) -> None:
        """The application has done another turn. Once that went well for 30 s, its failed boots are forgotten."""
        if not self._settled and (now_ms - self._since_ms) & _TICKS >= SETTLED_MS:
            self._settled = True
            if self._slot == A:
                self._fails_a = 0
            elif self._slot == B:
                self._fails_b = 0
            self._note(RAN)

    def ended(self, error: BaseException) -> None:
        """The application ended. SystemExit asks for a restart and Ctrl-C is a person: neither is a failed boot."""
        if not self._settled:
            self._note(ASKED if isinstance(error, (SystemExit, KeyboardInterrupt)) else RAISED)
