# SPDX-License-Identifier: Apache-2.0
"""The PN532 reader chip on I2C, frame for frame, with the tags in its field.

Time is virtual and passed in: `t_us`, never backwards. The chip is lazy: a command is carried out when its time
is over and somebody looks. Not modelled: card emulation, peer to peer, bit rates other than 106 kbit/s type A,
registers and GPIO. Clock stretching is inside the bus's own time.

It behaves as the real chip does where drivers go wrong: passive activation retries for ever until
RFConfiguration says otherwise; a new command is not acknowledged while one runs (send an ACK frame to abort it);
an answer that was read in part is gone (send a NACK frame to have it again); a 4-bit ACK or NAK seen through
InCommunicateThru is a CRC error; a target that was not released misses the first request of the next list; the
field and the targets are unusable before SAMConfiguration (an error frame).
"""

from podsteam_protocol.const import const
from podsteam_twin.nfc.commands import EXCHANGE, NEVER, THRU, Commands
from podsteam_twin.nfc.frames import ACK_FRAME, ERROR_FRAME, NACK_FRAME, frame, parse

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podsteam_twin.nfc.ntag import Ntag

    Twist = Callable[[bytes], bytes]

EIO = const(5)

_BOOT_US = const(2000)
_ACK_US = const(1000)
_ANSWER_GAP_US = const(200)

# Phases: nothing to read; the ACK waits or will, the command runs meanwhile; the answer waits or will.
_IDLE = const(0)
_ACKING = const(1)
_ANSWERING = const(2)


class Pn532(Commands):
    """The chip. Fields to set from outside:

    `tag`: the Ntag in the field, or None (`place` does the same with a time). `others`: further tags in the
    field. Faults: `silent` (frames are taken, none is ever answered), `bad_checksum` (answers come with a wrong
    DCS), `stuck_bus` (the bus fails whatever is done), `stuck_sda` (the bus fails until the chip is reset),
    `late_ms` (each ACK and each answer comes so much later), `never_ready` (the interrupt line is low, the ready byte
    says no), `stale` (a frame that is read once before the next one), `twist` (None, or a function that gets each frame
    that is read and returns what the bus carries in its place).
    """

    def __init__(self) -> None:
        super().__init__()
        self.silent = False
        self.bad_checksum = False
        self.stuck_bus = False
        self.stuck_sda = False
        self.late_ms = 0
        self.never_ready = False
        self.stale = b""
        self.twist: Twist | None = None
        self._in_reset = False
        self._now = 0
        self._boot(0)

    def _boot(self, t_us: int) -> None:
        """State after power-up or reset."""
        self._power_up()
        self._awake_at = t_us
        self._asleep = False
        self._phase = _IDLE
        self._at = NEVER
        self._payload: bytes | None = None
        self._start = 0
        self._due = NEVER
        self._answer = b""
        self._last = b""

    # The field ----------------------------------------------------------------------------------------------
    @property
    def tag(self) -> "Ntag | None":
        """The tag in the field, or None."""
        return self._tag

    @tag.setter
    def tag(self, tag: "Ntag | None") -> None:
        self.place(self._now, tag)

    def place(self, t_us: int, tag: "Ntag | None") -> None:
        """Put `tag` into the field at `t_us` in place of the one there; None takes that away.

        A command under way sees the change: an exchange with the tag that left ends in status 01, a WRITE may
        leave it torn, and a list that was waiting finds the new one.
        """
        if t_us < self._now:
            t_us = self._now
        self._now = t_us
        self._settle(t_us)
        old = self._tag
        if tag is old:
            return
        if old is not None:
            self._cut(old, t_us)
        self._tag = tag
        if tag is not None:
            tag.field(False)
            tag.field(self.rf_on)
        self._plan(t_us)

    def _cut(self, tag: "Ntag", t_us: int) -> None:
        """`tag` loses the field now, perhaps in the middle of a command."""
        payload = self._payload
        if payload is not None and t_us > self._start:
            body = payload[3:] if payload[1] == EXCHANGE else payload[2:]
            if payload[1] == EXCHANGE or payload[1] == THRU:
                tag.interrupt(body, (t_us - self._start) * 1000 // max(self._due - self._start, 1))
        tag.field(False)

    # The bus ------------------------------------------------------------------------------------------------
    def reset(self, t_us: int, active: bool) -> None:
        """Drive RSTPD_N: True holds the chip in reset, False lets it start (2 ms)."""
        self._now = t_us
        if active:
            self._settle(t_us)
            if self._tag is not None:
                self._cut(self._tag, t_us)
            self._boot(t_us)
            self.stuck_sda = False
        elif self._in_reset:
            self._awake_at = t_us + _BOOT_US
        self._in_reset = active

    def _deaf(self, t_us: int) -> bool:
        return self.stuck_bus or self.stuck_sda or self._in_reset or t_us < self._awake_at

    def write(self, t_us: int, data: bytes) -> int:
        """The host writes `data`. Returns the bytes taken, or -5 (EIO) when nothing acknowledges on the bus."""
        self._now = t_us
        if self._deaf(t_us):
            return -EIO
        if self._asleep:
            if not self._wake_on_i2c:
                return -EIO
            self._asleep = False
        payload = parse(bytes(data))
        if payload is None or self.silent:
            return len(data)
        if self._payload is not None:
            self._settle(t_us)
        if payload is ACK_FRAME:
            self._abort(t_us)
        elif payload is NACK_FRAME:
            if self._last and self._payload is None:
                self._answer = self._last
                self._phase = _ANSWERING
                self._at = t_us + _ANSWER_GAP_US
        elif self._payload is None and payload[0] == 0xD4 and len(payload) > 1:
            self._phase = _ACKING
            self._at = t_us + _ACK_US + 1000 * self.late_ms
            self._payload = payload
            self._last = b""
            self._start = t_us + _ACK_US
            self._plan(self._start)
        return len(data)

    def read(self, t_us: int, length: int) -> bytes | int:
        """The host reads `length` bytes: the ready byte (1 or 0), then the frame, then zeros; -5 as for `write`.

        One byte asks only whether something waits; more take the frame, whole or not.
        """
        self._now = t_us
        if self._deaf(t_us) or self._asleep:
            return -EIO
        if self._phase == _IDLE or t_us < self._at or self.never_ready:
            return bytes(length)
        if length < 2:
            return b"\x01"[:length]
        if self.stale:
            data, self.stale = self.stale, b""
        elif self._phase == _ACKING:
            self._phase = _ANSWERING
            self._offer(t_us)
            data = ACK_FRAME
        else:
            self._settle(t_us)
            self._phase = _IDLE
            data = self._last = self._answer
            if self._to_sleep:
                self._to_sleep = False
                self._asleep = True
        if self.twist is not None:
            data = self.twist(data)
        size = len(data) + 1
        if size >= length:
            return b"\x01" + data[: length - 1]
        return b"\x01" + data + bytes(length - size)

    def ready(self, t_us: int) -> bool:
        """Whether the IRQ line is low: an ACK or an answer waits."""
        self._now = t_us
        return ((self._phase != _IDLE and t_us >= self._at) or self.never_ready) and not (
            self.stuck_bus or self.stuck_sda
        )

    def next_event_us(self) -> int | None:
        """When the IRQ line goes low next, or None; in the past while what waits has not been read."""
        return None if self._phase == _IDLE or self._at >= NEVER else self._at

    def _offer(self, t_us: int) -> None:
        """The ACK has been read: the answer follows when it is there."""
        at = self._due if self._payload is not None else t_us
        self._at = max(at, t_us + _ANSWER_GAP_US) + 1000 * self.late_ms

    def _abort(self, t_us: int) -> None:
        """The command under way gives no answer. What the tag was told by then, it does."""
        payload = self._payload
        if payload is not None and t_us > self._start and (payload[1] == EXCHANGE or payload[1] == THRU):
            self._execute(payload)
        self._payload = None
        self._phase = _IDLE

    def _plan(self, t_us: int) -> None:
        """Set when the command under way will be over, as things stand from `t_us` on."""
        if self._payload is not None:
            self._due = t_us + self._duration(self._payload)
            if self._phase == _ANSWERING:
                self._offer(t_us)

    def _settle(self, t_us: int) -> None:
        """Carry out the command under way if its time is over."""
        payload = self._payload
        if payload is None or t_us < self._due:
            return
        self._payload = None
        answer = self._execute(payload)
        if answer is None:
            self._answer = ERROR_FRAME
            return
        answer = frame(bytes((0xD5, payload[1] + 1)) + answer)
        if self.bad_checksum:
            answer = answer[:-2] + bytes((answer[-2] ^ 0xFF, 0))
        self._answer = answer
