# SPDX-License-Identifier: Apache-2.0
"""A twin with a minimal host on its line: one request, one reply, and the events that came meanwhile."""

from typing import Any

from podsteam.wire import messages as w
from podsteam.wire.base import Message
from podsteam_protocol import frame
from podsteam_twin import launch

TOKEN = 0x0A0B0C0D


class Refused(Exception):
    """The device answered with ERROR; the first argument is the code."""


class Bench:
    """Drives a twin by virtual seconds. `events` gathers (EVENT value, a, b) as they come."""

    def __init__(self, interpreter: str = "cpython", **options: Any) -> None:
        options.setdefault("podlet", "demo")
        options.setdefault("unix_s", 0)
        self.twin = launch.start(interpreter=interpreter, seed=options.pop("seed", 1), **options)
        self.events: list[tuple[int, int, int]] = []
        self.telemetry: list[w.Tele] = []
        self._splitter = frame.Splitter()
        self._seq = 0

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.twin.now_us + int(seconds * 1e6)
        self._take(self.twin.exchange(b"", until, stop=False))

    def send(self, data: bytes) -> None:
        """Send bytes and wait for nothing."""
        self._take(self.twin.exchange(data, self.twin.now_us, stop=False))

    def run_hosted(self, seconds: float) -> None:
        """Let time pass and renew the lease every half second, as long as the session wants it."""
        until = self.twin.now_us + int(seconds * 1e6)
        while self.twin.now_us < until:
            try:
                self.ask(w.LeaseRequest(TOKEN))
            except Refused as refused:
                if refused.args[0] != "NO_SESSION":
                    raise
            self.run(min(0.45, (until - self.twin.now_us) / 1e6))

    def ask(self, message: Message, seq: int | None = None) -> Any:
        """Send a request and return its typed reply. Raises Refused."""
        if seq is None:
            self._seq = seq = (self._seq + 1) & 0xFF
        data = frame.encode(message.ID, seq, message.pack())
        until = self.twin.now_us + 1_000_000
        while self.twin.now_us < until:
            for body in self._take(self.twin.exchange(data, until)):
                if body[1] == seq and body[0] & w.REPLY:
                    return _reply(body)
            data = b""
        raise AssertionError(f"no reply to {message}")

    def hello(self) -> Any:
        """Open the link."""
        return self.ask(w.HelloRequest(TOKEN, w.MAJOR, w.MINOR))

    def control(self, do: str, **arguments: Any) -> dict[str, Any]:
        """A command of the control port."""
        answer = self.twin.control({"do": do, **arguments})
        assert "error" not in answer, answer
        return answer

    def press(self) -> None:
        """Press and release the button."""
        self.control("press")
        self.run(0.5)

    def start(self, program: bytes = b"") -> None:
        """Start a session as a host does: arm, press."""
        self.hello()
        self.ask(w.ArmRequest(TOKEN, program))
        self.press()

    @property
    def state(self) -> int:
        """Session state, as the control port sees it."""
        return int(self.control("state")["state"])

    def saw(self, event: int, a: int | None = None) -> bool:
        """Whether such an event has come."""
        return any(e[0] == event and (a is None or e[1] == a) for e in self.events)

    def close(self) -> None:
        """The firmware must not have stopped with an exception, and no flash was erased while hot."""
        truth = self.control("state")
        self.twin.close()
        assert truth["crashes"] == []
        assert truth["hot_erases"] == 0

    def _take(self, data: bytes) -> list[bytes]:
        bodies: list[bytes] = []
        for is_frame, body in self._splitter.feed(data):
            if not is_frame:
                continue
            bodies.append(body)
            if body[0] == w.Event.ID:
                event = w.Event.unpack(body[2:])
                self.events.append((event.event, event.a, event.b))
            elif body[0] == w.Tele.ID:
                self.telemetry.append(w.Tele.unpack(body[2:]))
        return bodies


REPLIES = {kind.ID: kind for kind in vars(w).values() if isinstance(kind, type) and kind.__name__.endswith("Reply")}


def _reply(body: bytes) -> Message:
    kind = REPLIES[body[0]]
    reply = kind.unpack(body[6:])
    if isinstance(reply, w.ErrorReply):
        raise Refused(w.CODES[reply.code].name, reply)
    return reply
