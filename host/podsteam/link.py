# SPDX-License-Identifier: Apache-2.0
"""The host's end of the line: requests with retries, numbered events without gaps, and everything else that arrives.

Single-threaded: bytes are read only inside `request` and `receive`.
"""

from collections.abc import Callable
from typing import TypeVar

from podsteam.errors import DeviceRestarted, DeviceSilent
from podsteam.ordering import EventOrder
from podsteam.refusals import refusal
from podsteam.rto import RoundTrips
from podsteam.transport.port import Port
from podsteam.wire import messages as m
from podsteam.wire.base import Message
from podsteam_protocol.frame import Splitter, encode

R = TypeVar("R", bound=Message)
Unasked = m.Event | m.Tele | m.Console
"""What a device sends without being asked."""

Tap = Callable[[str, bytes], None]

TRIES = 4
PATIENCE_S = 2.0
"""A request is given up when it was sent `TRIES` times and this long ago: a device that erases flash takes its time."""
_TEXT_LIMIT = 4096
_UNASKED: dict[int, type[Unasked]] = {kind.ID: kind for kind in (m.Event, m.Tele, m.Console)}


class Link:
    """Frames in and out of one port.

    Hooks, to be set by the owner: `on_frame` gets the body (type, seq, payload) of every unasked frame as the device
    sent it, `on_message` the same as a typed value. Events come to both once each and in order. `on_bulk` gets the
    bodies of credits and of parts of blobs.
    """

    def __init__(self, port: Port, tap: Tap | None = None) -> None:
        """`tap` is told of all that crosses the line: which way (`trace.WAYS`), and the bytes."""
        self.port = port
        self.tap = tap
        self.boot_id = -1
        """Boot id of the device, -1 before the first reply."""
        self.round_trips = RoundTrips()
        self.order = EventOrder()
        self.retries = 0
        """Requests sent again, since the start."""
        self.stray = bytearray()
        """What arrived that was no frame, the newest `_TEXT_LIMIT` bytes."""
        self.on_frame: Callable[[bytes], None] | None = None
        self.on_message: Callable[[Unasked], None] | None = None
        self.on_bulk: Callable[[bytes], None] | None = None
        self._splitter = Splitter()
        self._seq = 0
        self._reply: bytes | None = None

    def renew(self, port: Port) -> None:
        """Go on with another port to the same device, whose boot id is to be learned again. Half a frame is forgotten,
        the order of events kept."""
        self.port = port
        self.boot_id = -1
        self._splitter = Splitter()
        if self.tap is not None:
            self.tap("reopened", b"")

    def _write(self, data: bytes) -> None:
        if self.tap is not None:
            self.tap("to_device", data)
        self.port.write(data)

    def request(self, message: Message, expect: type[R], patience_s: float = PATIENCE_S) -> R:
        """Send a request and return its reply, of the type `expect`.

        Sent again with the same number when no reply comes, so that the device executes it once; given up when that
        happened `TRIES` times and `patience_s` have passed.
        Raises Refused and its kin when the device says no, DeviceLost when it stays silent, DeviceRestarted
        when another boot id answers.
        """
        self._seq = (self._seq + 1) & 0xFF
        data = encode(message.ID, self._seq, message.pack())
        clock = self.port.clock
        start = clock.now()
        for attempt in range(TRIES):
            sent = clock.now()
            self._reply = None
            self._write(data)
            wait_s = self.round_trips.timeout_s(attempt)
            if attempt == TRIES - 1:
                wait_s = max(wait_s, start + patience_s - sent)
            self._await_reply(message.ID, sent + wait_s)
            if self._reply is not None:
                if attempt == 0:
                    # A reply to a repeated request does not tell which of the copies it answers (Karn).
                    self.round_trips.measured(clock.now() - sent)
                return self._read(message, self._reply, expect)
            self.retries += 1
            self.round_trips.repeated(wait_s)
        raise DeviceSilent(f"The device on {self.port.name} does not answer any more.")

    def send(self, message: Message) -> None:
        """Send what is not answered: a credit, a part of a blob."""
        self._write(encode(message.ID, 0, message.pack()))

    def _await_reply(self, kind: int, deadline: float) -> None:
        """Take what arrives until the reply is there or the time is over."""
        while self._reply is None:
            left_s = deadline - self.port.clock.now()
            if left_s <= 0:
                return
            self._take(self.port.read(left_s), kind)

    def _read(self, message: Message, body: bytes, expect: type[R]) -> R:
        boot_id = int.from_bytes(body[2:6], "little")
        if self.boot_id not in (-1, boot_id):
            raise DeviceRestarted("The device restarted; what it was doing is over, heater and dosing are off.")
        self.boot_id = boot_id
        if body[0] == m.ErrorReply.ID and expect.ID != m.ErrorReply.ID:
            raise refusal(m.ErrorReply.unpack(body[6:]), message)
        return expect.unpack(body[6:])

    def receive(self, timeout_s: float) -> bool:
        """Take what arrives within the time; returns at the first bytes. Whether there were any."""
        data = self.port.read(timeout_s)
        self._take(data, -1)
        return bool(data)

    def _take(self, data: bytes, kind: int) -> None:
        if data and self.tap is not None:
            self.tap("from_device", data)
        for is_frame, body in self._splitter.feed(data):
            if is_frame:
                self._frame(body, kind)
            else:
                self._text(body)

    def _text(self, text: bytes) -> None:
        self.stray = (self.stray + text)[-_TEXT_LIMIT:]
        if self.on_message is not None and self.boot_id >= 0:
            self.on_message(m.Console(text))

    def _frame(self, body: bytes, kind: int) -> None:
        got = body[0]
        if got & m.REPLY:
            answers = got == kind | m.REPLY or (got == m.ErrorReply.ID and body[6:7] == bytes([kind & 0xFF]))
            if kind >= 0 and answers and body[1] == self._seq and len(body) >= 6:
                self._reply = body
        elif self.boot_id < 0:
            return  # Left over from another host's connection.
        elif got == m.Event.ID:
            number = m.Event.unpack(body[2:]).number
            self._deliver(self.order.put(number, body))
        elif got in _UNASKED:
            self._deliver([body])
        elif got in (m.BlobData.ID, m.Credit.ID) and self.on_bulk is not None:
            self.on_bulk(body)

    def _deliver(self, bodies: list[bytes]) -> None:
        for body in bodies:
            if self.on_frame is not None:
                self.on_frame(body)
            if self.on_message is not None:
                self.on_message(_UNASKED[body[0]].unpack(body[2:]))

    def recover_events(self) -> None:
        """Ask for missing events again; those that the device no longer has are counted in `order.lost`."""
        reply = self.request(m.EventsGetRequest(self.order.expected), m.EventsGetReply)
        self._deliver(self.order.skip_to(reply.first))
