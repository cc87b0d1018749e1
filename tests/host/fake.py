# SPDX-License-Identifier: Apache-2.0
"""A device made of a script: real frames on an in-memory port whose clock stands still until somebody waits.

Not the firmware: just enough of the protocol's rules (replayed replies, boot id, event ring) to lose, repeat and
garble things on purpose.
"""

from collections.abc import Callable
from typing import Any

from podsteam.errors import DeviceLost
from podsteam.wire import messages as m
from podsteam.wire.base import Message
from podsteam_protocol.frame import Splitter, encode

NO_LOSS = frozenset[int]()


class FakeClock:
    def __init__(self) -> None:
        self.t = 0.0

    def now(self) -> float:
        return self.t

    def sleep(self, seconds: float) -> None:
        self.t += seconds


class FakePort:
    """Both directions of the line. `hear` takes the host's bytes and answers with `say`."""

    virtual = False

    def __init__(self, hear: Callable[[bytes], None] | None = None, name: str = "fake0") -> None:
        self.name = name
        self.clock = FakeClock()
        self.hear = hear
        self.closed = False
        self.gone = False
        self.written: list[bytes] = []
        self._arriving: list[tuple[float, bytes]] = []

    def say(self, data: bytes, delay_s: float = 0.004) -> None:
        self._arriving.append((self.clock.t + delay_s, data))

    def read(self, timeout_s: float) -> bytes:
        if self.gone:
            raise DeviceLost("fake0 went away.")
        self._arriving.sort(key=lambda item: item[0])
        end = self.clock.t + timeout_s
        if not self._arriving or self._arriving[0][0] > end:
            self.clock.t = end
            return b""
        at, data = self._arriving.pop(0)
        self.clock.t = max(self.clock.t, at)
        return data

    def write(self, data: bytes) -> None:
        if self.gone:
            raise DeviceLost("fake0 went away.")
        self.written.append(data)
        if self.hear is not None:
            self.hear(data)

    def lines(self) -> dict[str, bool]:
        return {}

    def close(self) -> None:
        self.closed = True


class FakeDevice:
    """Answers requests. `answers[ID]` is a reply or a function of the payload; `refuse[ID]` a code."""

    def __init__(self, speed: int = 1, major: int = m.MAJOR) -> None:
        self.port = FakePort(self._hear)
        self.boot_id = 0x1234ABCD
        self.executed: list[int] = []
        self.heard: list[int] = []
        self.lose_requests = 0
        """How many of the next requests do not arrive."""
        self.lose_replies = 0
        """How many of the next replies do not arrive."""
        self.delay_s = 0.004
        self.events: list[m.Event] = []
        self.first_event = 0
        self.refuse: dict[int, int] = {}
        self.status: dict[str, Any] = {"state": 0, "flags": 0xDC}
        self.answers: dict[int, Message | Callable[[bytes], Message | None]] = {
            m.HelloRequest.ID: m.HelloReply(
                major=major, minor=m.MINOR, uid=bytes.fromhex("a1b2c3d4e5f6"), speed=speed, caps=m.CapBits.SIMULATED
            ),
            m.StatusGetRequest.ID: lambda _: m.StatusGetReply(
                next_event=(self.first_event + len(self.events)) & 0xFFFF, **self.status
            ),
            m.TeleSubRequest.ID: m.TeleSubReply.unpack,
            m.LeaseRequest.ID: m.LeaseReply(1500),
            m.ArmRequest.ID: m.ArmReply(60, 7),
            m.StopRequest.ID: m.StopReply(0),
            m.EventsGetRequest.ID: self._events_get,
        }
        self._splitter = Splitter()
        self._last: tuple[int, int] | None = None
        self._reply = b""

    def _hear(self, data: bytes) -> None:
        for is_frame, body in self._splitter.feed(data):
            if is_frame:
                self._request(body)

    def _request(self, body: bytes) -> None:
        kind, seq = body[0], body[1]
        self.heard.append(kind)
        if self.lose_requests:
            self.lose_requests -= 1
            return
        if self._last != (kind, seq):
            self._last = (kind, seq)
            self._reply = self._execute(kind, seq, body[2:])
        if self.lose_replies:
            self.lose_replies -= 1
            return
        if self._reply:
            self.port.say(self._reply, self.delay_s)

    def _execute(self, kind: int, seq: int, payload: bytes) -> bytes:
        self.executed.append(kind)
        boot = self.boot_id.to_bytes(4, "little")
        if kind in self.refuse:
            error = m.ErrorReply(kind, self.refuse[kind], 255, 0)
            return encode(m.ErrorReply.ID, seq, boot + error.pack())
        answer = self.answers.get(kind)
        if answer is None:
            return encode(m.ErrorReply.ID, seq, boot + m.ErrorReply(kind, 1, 255, 0).pack())
        reply = answer if isinstance(answer, Message) else answer(payload)
        return encode(kind | m.REPLY, seq, boot + reply.pack()) if reply is not None else b""

    def emit(self, event: int, a: int = 0, b: int = 0, lose: bool = False) -> None:
        """A new event; `lose`: it does not arrive."""
        made = m.Event((self.first_event + len(self.events)) & 0xFFFF, 0, event, a, b)
        self.events.append(made)
        if not lose:
            self.port.say(encode(m.Event.ID, 0, made.pack()))

    def _events_get(self, payload: bytes) -> m.EventsGetReply:
        first = m.EventsGetRequest.unpack(payload).first
        begin = (first - self.first_event) & 0xFFFF
        if begin > len(self.events):
            begin = 0
        for event in self.events[begin:]:
            self.port.say(encode(m.Event.ID, 0, event.pack()), self.delay_s + 0.001)
        next_number = (self.first_event + len(self.events)) & 0xFFFF
        return m.EventsGetReply((self.first_event + begin) & 0xFFFF, next_number)
