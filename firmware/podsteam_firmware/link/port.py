# SPDX-License-Identifier: Apache-2.0
"""The device's end of the line: bytes to requests, replies and unasked frames to bytes. Never blocks.

A request is executed once: its reply is kept and sent again when the host repeats the request. Events go out in
order and are asked for again by number; telemetry that finds no room is dropped and counted.
"""

import struct

from podsteam_firmware import ticks
from podsteam_firmware.link import events as ring
from podsteam_firmware.link import telemetry
from podsteam_firmware.link.layout import BODY
from podsteam_protocol import frame
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core
    from podsteam_firmware.link.bulk import Bulk
    from podsteam_firmware.link.dispatch import Dispatcher
    from podsteam_firmware.link.rate import Rate

_REFILL_MS = const(5)
"""Time between two looks at the line while a blob is sent: less than `bulk` queues."""


class Port:
    """Framing, replay and the order in which things are sent."""

    def __init__(self, core: "Core", dispatcher: "Dispatcher") -> None:
        self._core = core
        self._hal = core.hal
        self._dispatcher = dispatcher
        self._raw = bytearray(64)
        self._segment = bytearray(frame.BUFFER_SIZE)
        self._length = 0
        self._overlong = False
        self._reply = bytearray(frame.BUFFER_SIZE)
        self._reply_length = 0
        self._answered = bytearray(4)
        """CRC of the frame of the last request."""
        self._unsent = False
        self.out = bytearray(frame.BUFFER_SIZE)
        """Where unasked frames are made."""
        self._tele_body = memoryview(self.out)[2 : frame.HEADER + telemetry.SIZE]
        self._out_seq = 0
        self.next_event = 0
        """Number of the next event to send."""
        self.bulk: "Bulk | None" = None
        """Transfer of blobs, from the first request for one on."""
        self.rate: "Rate | None" = None
        """The line's rate, from the first request to change it on."""

    def pump(self, now_ms: int) -> None:
        """Take what has arrived, answer, then send events and telemetry as far as there is room."""
        for _ in range(4):
            got = self._hal.link_read(self._raw)
            if not got:
                break
            self._take(now_ms, got)
        if self._unsent:
            self._send_reply()
        if self.rate and self._turning(self.rate, now_ms):
            return
        if not self._dispatcher.connected:
            self.next_event = self._core.events.next
            return
        if not self._unsent:
            self._send_events()
            self._send_telemetry(now_ms)
            if self.bulk:
                self.bulk.pump(now_ms)

    def wake(self, now_ms: int, due_ms: int) -> int:
        """When to pump again: at `due_ms`, or earlier while a blob is being sent or the line's rate changes."""
        if self.rate and self.rate.next:
            soon_ms = ticks.add(now_ms, self._hal.link_busy_ms() + 1)
            return soon_ms if ticks.diff(due_ms, soon_ms) > 0 else due_ms
        if self.bulk and self.bulk.sending() and ticks.diff(due_ms, now_ms) > _REFILL_MS:
            return ticks.add(now_ms, _REFILL_MS)
        return due_ms

    def _turning(self, rate: "Rate", now_ms: int) -> bool:
        """Whether the line is on its way to another rate, so that nothing may be sent."""
        if rate.silent(now_ms):
            # The host may not have got the reply either, and then asks again.
            self._reply_length = 0
            self._unsent = False
        return self._unsent or rate.changing(now_ms)

    def console(self, text: bytes) -> None:
        """Send text to the host, cut to what a frame holds."""
        length = min(len(text), frame.MAX_BODY - 2)
        self.out[frame.HEADER : frame.HEADER + length] = text[:length]
        self.send(m.CONSOLE, length)

    # In -----------------------------------------------------------------------------------------------------
    def _take(self, now_ms: int, got: int) -> None:
        raw = self._raw
        at = 0
        while at < got:
            zero = raw.find(b"\0", at, got)
            end = got if zero < 0 else zero
            if self._length + end - at > frame.MAX_SEGMENT:
                self._overlong = True
            else:
                self._segment[self._length : self._length + end - at] = raw[at:end]
                self._length += end - at
            if zero < 0:
                return
            length = 0 if self._overlong else frame.open_segment(self._segment, self._length)
            self._length = 0
            self._overlong = False
            if length:
                self._request(now_ms, length)
            at = zero + 1

    def _request(self, now_ms: int, length: int) -> None:
        segment = self._segment
        kind = segment[1]
        seq = segment[2]
        if kind >= m.REPLY or kind >= m.EVENT:
            return
        if self.rate:
            self.rate.heard_ms = now_ms
        payload = memoryview(segment)[3 : 1 + length]
        if kind == m.BLOB_DATA or kind == m.CREDIT:
            if self.bulk:
                self.bulk.take(kind, payload)
            return
        # By its CRC, not by its number: another host on the line may be at the same number.
        crc = segment[1 + length : 5 + length]
        repeated = self._reply_length and crc == self._answered
        self._answered[:] = crc
        if kind == m.HELLO and not self._dispatcher.same_token(payload):
            repeated = False
            if self.bulk:
                self.bulk.leave()
        if not repeated:
            self._execute(now_ms, kind, seq, payload)
        self._unsent = True
        self._send_reply()

    def _execute(self, now_ms: int, kind: int, seq: int, payload: memoryview) -> None:
        """Run a request and seal its reply, an ERROR when it was refused."""
        reply = self._reply
        answer = self._dispatcher.handle(now_ms, kind, payload, reply)
        if answer < 0:
            arg = self._dispatcher.arg
            detail = self._dispatcher.detail
            struct.pack_into(m.ERROR_REP, reply, BODY, kind, -answer, arg, detail)
            answer = struct.calcsize(m.ERROR_REP)
            reply[2] = m.ERROR | m.REPLY
        else:
            reply[2] = kind | m.REPLY
        reply[3] = seq
        struct.pack_into("<I", reply, frame.HEADER, self._hal.boot_id)
        self._reply_length = frame.seal(reply, 4 + answer)

    # Out ----------------------------------------------------------------------------------------------------
    def _send_reply(self) -> None:
        if self._hal.link_write(self._reply, self._reply_length):
            self._unsent = False

    def send(self, kind: int, length: int) -> bool:
        """Send a frame whose payload stands in `out` from `frame.HEADER`. False: the line has no room."""
        out = self.out
        out[2] = kind
        out[3] = self._out_seq
        size = frame.seal(out, length, self._tele_body if kind == m.TELE else None)
        if not self._hal.link_write(out, size):
            return False
        self._out_seq = (self._out_seq + 1) & 0xFF
        return True

    def _send_events(self) -> None:
        events = self._core.events
        if (events.next - self.next_event) & 0xFFFF > events.count:
            self.next_event = events.oldest()
        while self.next_event != events.next:
            events.pack(self.next_event, self.out, frame.HEADER)
            if not self.send(m.EVENT, ring.SIZE):
                return
            self.next_event = (self.next_event + 1) & 0xFFFF

    def _send_telemetry(self, now_ms: int) -> None:
        tele = self._core.telemetry
        if tele.take(now_ms):
            telemetry.pack(self._core, self.out, frame.HEADER)
            if not self.send(m.TELE, telemetry.SIZE):
                tele.dropped += 1
