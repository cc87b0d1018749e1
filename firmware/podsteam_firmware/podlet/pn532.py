# SPDX-License-Identifier: Apache-2.0
"""The PN532's frames over I2C, as a machine that never waits: each `poll` makes at most one bus transfer.

Normal frame: `00 00 FF LEN LCS TFI PD0..PDn DCS 00`, LEN + LCS = 0 and TFI + PD + DCS = 0 modulo 256; TFI is D4 to
the chip and D5 from it, and the answer's code is the command's plus one (PN532 user manual UM0701-02, 6.2.1). A
read over I2C leads with a ready byte, 01 when a frame waits (6.2.4). An ACK frame sent to the chip aborts what it
does; a NACK frame makes it send its last answer again. Extended frames are never asked for and never accepted.
"""

from podsteam_firmware import ticks
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal

# Results of `poll`.
OK = const(0)
"""Done: the answer is `buf[at:at + length]`."""
PENDING = const(1)
"""Not done yet."""
REST = const(2)
"""No command runs."""
# Every result above REST is a failure.
_NO_ACK = const(3)
"""The chip did not acknowledge the command in time."""
_TIMEOUT = const(4)
"""It acknowledged, but no answer came in time."""
_CHECKSUM = const(5)
"""Two answers in a row with a wrong LCS or DCS."""
_MALFORMED = const(6)
"""Two answers in a row that are half, extended, too long or no frame at all."""
_SYNTAX = const(7)
"""The chip sent its error frame: it did not understand the command."""
_BUS = const(8)
"""A bus transfer failed."""

_MAX_PAYLOAD = const(16)
"""Longest payload that `command` takes, bytes."""
_MAX_ANSWER = const(66)
"""Longest answer after its code that can be received, bytes: a status and 16 pages of an NTAG, and one spare."""

_ACK_MS = const(30)
_RESET_MS = const(10)
_BOOT_MS = const(20)

_IDLE = const(0)
_SEND = const(1)
_SEND_NACK = const(2)
_SEND_ABORT = const(3)
_AWAIT_ACK = const(4)
_AWAIT_ANSWER = const(5)
_IN_RESET = const(6)
_BOOTING = const(7)


class Pn532:
    """One PN532. `command` or `restart` starts something, `poll` carries it on and tells how it ended."""

    def __init__(self, hal: "Hal") -> None:
        self._hal = hal
        self._ack = bytearray(b"\x00\x00\xff\x00\xff\x00")
        self._nack = bytearray(b"\x00\x00\xff\xff\x00\x00")
        self._out = bytearray(_MAX_PAYLOAD + 9)
        self._out[2] = 0xFF
        self.buf = bytearray(_MAX_ANSWER + 10)
        """Last transfer read, ready byte first."""
        self.at = 0
        """Where in `buf` the answer begins, after its code."""
        self.length = 0
        """Bytes of the answer after its code."""
        self._state = _IDLE
        self._result = REST
        self._out_length = 0
        self._answer = 0
        self._limit_ms = 0
        self._since = 0
        self._asked_again = False

    def command(self, code: int, payload: "bytes | bytearray", length: int, answer: int, limit_ms: int) -> None:
        """Start a command with `payload[:length]`; nothing is sent before the next `poll`.

        `answer` is the longest answer after its code, in bytes, `limit_ms` the time allowed for it after the ACK.
        A command that still runs is forgotten; the chip drops it when the new one arrives.
        """
        out = self._out
        out[3] = length + 2
        out[4] = -(length + 2) & 0xFF
        out[5] = 0xD4
        out[6] = code
        total = 0xD4 + code
        for i in range(length):
            out[7 + i] = payload[i]
            total += payload[i]
        out[7 + length] = -total & 0xFF
        out[8 + length] = 0
        self._out_length = length + 9
        self._answer = answer
        self._limit_ms = limit_ms
        self._asked_again = False
        self._state = _SEND

    def restart(self, now_ms: int) -> None:
        """Reset the chip by its reset line; `poll` gives OK when it listens again, all settings lost."""
        self._hal.nfc_reset(True)
        self._since = now_ms
        self._state = _IN_RESET

    def hold(self) -> None:
        """Keep the chip in reset, field off, until `restart`."""
        self._hal.nfc_reset(True)
        self._state = _IDLE

    def eager(self) -> bool:
        """Whether the next `poll` has something to do at once: to send, or to read what came in the meantime."""
        state = self._state
        return _SEND <= state <= _SEND_ABORT or (_AWAIT_ACK <= state <= _AWAIT_ANSWER and self._hal.nfc_ready())

    def poll(self, now_ms: int) -> int:
        """Carry on, with at most one bus transfer.

        Returns OK, PENDING, REST, or how it failed: 3 no ACK, 4 no answer in time, 5 checksum, 6 malformed, 7 error
        frame, 8 bus. A command that failed on the bus or in time has been aborted by then.
        """
        state = self._state
        if state == _IDLE:
            return REST
        if state >= _IN_RESET:
            return self._restarting(now_ms)
        if state <= _SEND_ABORT:
            return self._send(now_ms)
        if self._hal.nfc_ready():
            result = self._receive(now_ms)
            if result != PENDING:
                return result
            state = self._state
        if ticks.diff(now_ms, self._since) > (_ACK_MS if state == _AWAIT_ACK else self._limit_ms):
            self._give_up(_NO_ACK if state == _AWAIT_ACK else _TIMEOUT)
        return PENDING

    def _give_up(self, result: int) -> None:
        """Whatever the chip does or holds is to be dropped: it takes no command while one runs."""
        self._result = result
        self._state = _SEND_ABORT

    def _end(self, result: int) -> int:
        self._state = _IDLE
        return result

    def _restarting(self, now_ms: int) -> int:
        waited = ticks.diff(now_ms, self._since)
        if self._state == _IN_RESET:
            if waited >= _RESET_MS:
                self._hal.nfc_reset(False)
                self._since = now_ms
                self._state = _BOOTING
        elif waited >= _BOOT_MS:
            return self._end(OK)
        return PENDING

    def _send(self, now_ms: int) -> int:
        state = self._state
        if state == _SEND:
            out = self._out
            length = self._out_length
        else:
            out = self._nack if state == _SEND_NACK else self._ack
            length = 6
        sent = self._hal.nfc_write(out, length)
        if state == _SEND_ABORT:
            return self._end(self._result)
        if sent != length:
            self._give_up(_BUS)
            return PENDING
        self._since = now_ms
        self._state = _AWAIT_ACK if state == _SEND else _AWAIT_ANSWER
        return PENDING

    def _receive(self, now_ms: int) -> int:
        awaits_ack = self._state == _AWAIT_ACK
        wanted = 7 if awaits_ack else self._answer + 10
        count = self._hal.nfc_read(self.buf, wanted)
        if count < 0:
            self._give_up(_BUS)
            return PENDING
        if count == 0 or not self.buf[0] & 1:
            return PENDING
        if awaits_ack:
            if self._is_ack(count):
                self._since = now_ms
                self._state = _AWAIT_ANSWER
            # Anything else is a leftover of an earlier command: the ACK may still come.
            return PENDING
        result = self._parse(count)
        if result == _CHECKSUM or result == _MALFORMED:
            if not self._asked_again:
                self._asked_again = True
                self._state = _SEND_NACK
                return PENDING
        return result if result == PENDING else self._end(result)

    def _is_ack(self, count: int) -> bool:
        if count < 7:
            return False
        ack = self._ack
        buf = self.buf
        for i in range(6):
            if buf[i + 1] != ack[i]:
                return False
        return True

    def _parse(self, count: int) -> int:
        """Judge the frame in `buf[1:count]`. PENDING: a leftover, the answer may still come."""
        buf = self.buf
        at = buf.find(b"\x00\xff", 1, count) + 2
        if at < 2 or at + 2 > count:
            return _MALFORMED
        length = buf[at]
        both = (length + buf[at + 1]) & 0x1FF
        if both == 0xFF and length == 0:
            return PENDING
        if length == 0xFF:
            return _MALFORMED
        if both & 0xFF:
            return _CHECKSUM
        at += 2
        if length == 0 or at + length >= count:
            return _MALFORMED
        total = 0
        for i in range(at, at + length + 1):
            total += buf[i]
        if total & 0xFF:
            return _CHECKSUM
        if length == 1 and buf[at] == 0x7F:
            return _SYNTAX
        if length < 2 or buf[at] != 0xD5:
            return _MALFORMED
        if buf[at + 1] != self._out[6] + 1:
            return PENDING
        self.at = at + 2
        self.length = length - 2
        return OK
