# SPDX-License-Identifier: Apache-2.0
"""A hostile host against a living unit: any id, any payload, in any state, with hands that press, pull and break.

Every request must be answered, the same again to its repetition, and the truth of the simulated board must stay inside
the hard limits whatever is said. One seed is one unit and its whole life.
"""

import random
import struct
from typing import Any

from podsteam.wire import messages as w
from podsteam.wire.base import Message
from podsteam_protocol import frame
from podsteam_twin import launch, podlets

TOKEN = 0x1BADB002
FIRST_UNASKED = 0x70
MAX_WALL_MC = 140_000
MAX_SESSION_NL = 3_000_000
"""The hard limit of a session's doses; the shot under way when it is looked at may come on top."""
SHOT_NL = 250_000
RELAY_S = 0.45
"""A heating that ends: burst aborted, the relay open after its hold-up."""
FAULTS = (
    "wall_open",
    "water_short",
    "reference_off",
    "no_water",
    "tilted",
    "mains_lost",
    "reader_silent",
    "latch_open",
)
REQUESTS: list[type[Message]] = [
    kind
    for name, kind in vars(w).items()
    if isinstance(kind, type) and issubclass(kind, Message) and name.endswith("Request")
]
UNANSWERED = (w.Credit.ID, w.BlobData.ID)
HEATING = (w.StateValue.WARM_UP, w.StateValue.STEAM)
EDGES = (0, 1, 2, 60, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


class Violation(AssertionError):
    """A limit was broken or a request was not answered; the text says what and when."""


class Life:
    """One unit and what is done to it."""

    def __init__(self, seed: int, interpreter: str, **options: Any) -> None:
        self.chance = random.Random(seed)
        options = {"unix_s": self.chance.choice((0, 1_800_000_000)), **options}
        self.twin = launch.start(interpreter=interpreter, seed=seed, **options)
        self.presses = self.chance.random() < 0.8
        """Some units are never touched: they must stay cold."""
        self.pressed = False
        self.requests = 0
        self.heated = False
        self._splitter = frame.Splitter()
        self._seq = 0
        self._session = -1
        self._session_nl = 0
        self._broken = ""

    # The host -----------------------------------------------------------------------------------------------
    def _exchange(self, data: bytes, seconds: float) -> list[bytes]:
        out = self.twin.exchange(data, self.twin.now_us + int(seconds * 1e6), stop=False)
        return [body for is_frame, body in self._splitter.feed(out) if is_frame]

    def request(self, kind: int, payload: bytes) -> None:
        """Send it, see it answered, perhaps repeat it and see the same answer."""
        self._seq = (self._seq + 1) & 0xFF
        data = frame.encode(kind, self._seq, payload)
        first = self._reply(data, kind)
        self.requests += 1
        if self.chance.random() < 0.1 and kind != w.HelloRequest.ID:
            again = self._reply(data, kind)
            if again != first:
                raise Violation(f"request {kind:#x} repeated: {again.hex()} after {first.hex()}")

    def _reply(self, data: bytes, kind: int) -> bytes:
        sent = data
        for wait_s in (0.03, 0.1, 0.5, 1.0):
            for body in self._exchange(sent, wait_s):
                if body[1] == self._seq and body[0] & w.REPLY:
                    if body[0] not in (kind | w.REPLY, w.ErrorReply.ID):
                        raise Violation(f"request {kind:#x} answered by {body[0]:#x}")
                    return body
            sent = b""
        raise Violation(f"request {kind:#x} {data.hex()} not answered")

    def _payload(self, kind: type[Message]) -> bytes:
        """Right in its layout, with fields at edges, known names and the right token more often than not."""
        codes = kind.FORMAT[1:]
        values: list[Any] = []
        size = ""
        for code in codes:
            if code.isdigit():
                size += code
                continue
            if code == "s":
                name = self.chance.choice((b"", b"gentle", b"nosuch", self.chance.randbytes(int(size or 1))))
                values.append(name)
            else:
                bits = struct.calcsize(code) * 8
                low = -(1 << bits - 1) if code.islower() else 0
                value = self.chance.choice((self.chance.getrandbits(bits), *EDGES))
                values.append(low + value % (1 << bits))
            size = ""
        payload = bytearray(struct.pack(kind.FORMAT, *values))
        if codes[:1] == "I" and self.chance.random() < 0.8:
            payload[:4] = struct.pack("<I", TOKEN)
        if kind.TAIL:
            payload += self.chance.randbytes(self.chance.randrange(60))
        return bytes(payload)

    def anything(self) -> None:
        """A request of some id with some payload."""
        chance = self.chance
        if chance.random() < 0.25:
            size = chance.choice((0, 1, 4, 20, 60, frame.MAX_BODY - 2))
            kind, payload = chance.randrange(FIRST_UNASKED), chance.randbytes(chance.randrange(size + 1))
            if kind not in UNANSWERED:
                self.request(kind, payload)
            return
        if chance.random() < 0.1:
            unanswered = chance.choice((w.Credit, w.BlobData))
            self._exchange(frame.encode(unanswered.ID, 0, self._payload(unanswered)), 0.01)
            return
        kind = chance.choice(REQUESTS)
        payload = self._payload(kind)
        if chance.random() < 0.1:
            payload = payload[: chance.randrange(len(payload) + 1)]
        self.request(kind.ID, payload)

    def proper(self) -> None:
        """What a good host does to get heat: greet, arm, let somebody press, keep the lease."""
        self.request(w.HelloRequest.ID, w.HelloRequest(TOKEN, w.MAJOR, w.MINOR).pack())
        self.request(w.ArmRequest.ID, w.ArmRequest(TOKEN, b"gentle").pack())
        self.press(300)
        for _ in range(self.chance.randrange(240)):
            self.request(w.LeaseRequest.ID, w.LeaseRequest(TOKEN).pack())
            self._exchange(b"", 0.45)

    # Hands --------------------------------------------------------------------------------------------------
    def press(self, ms: int) -> None:
        """Press the button, on a unit that is touched at all."""
        if self.presses:
            self.pressed = True
            self.twin.control({"do": "press", "ms": ms})
        self._exchange(b"", ms / 1000 + 0.2)

    def hands(self) -> None:
        """Something that a person or an accident does."""
        chance = self.chance
        way = chance.randrange(6)
        if way == 0:
            self.press(chance.choice((30, 300, 3500)))
        elif way == 1:
            self.twin.control({"do": "insert", "podlet": chance.choice(sorted(podlets.DEMO))})
        elif way == 2:
            self.twin.control({"do": "remove"})
        elif way == 3 and not self._broken and chance.random() < 0.3:
            self._broken = chance.choice(FAULTS)
            self.twin.control({"do": "fault", "name": self._broken})
        elif way == 4 and chance.random() < 0.2:
            self.twin.control({"do": "reset", "cause": chance.choice(("power", "hard", "watchdog", "soft"))})
        elif self._broken:
            self.twin.control({"do": "fault", "name": self._broken, "on": False})
            self._broken = ""

    # The judge ----------------------------------------------------------------------------------------------
    def judge(self) -> None:
        """Raises Violation when the truth is outside a limit."""
        truth = self.twin.control({"do": "state"})
        self.heated = self.heated or truth["load_halves"] > 0
        if truth["crashes"]:
            raise Violation("the firmware stopped:\n" + truth["crashes"][0])
        if truth["hot_erases"]:
            raise Violation("flash was erased while the relay was closed")
        if truth["peak_wall_mc"] > MAX_WALL_MC:
            raise Violation(f"wall at {truth['peak_wall_mc']} mdegC")
        if truth["load_halves"] and not self.pressed:
            raise Violation("current flowed though nobody ever pressed the button")
        if truth["session"] != self._session:
            self._session, self._session_nl = truth["session"], truth["delivered_nl"]
        if truth["delivered_nl"] - self._session_nl > MAX_SESSION_NL + SHOT_NL:
            raise Violation(f"{truth['delivered_nl'] - self._session_nl} nl in one session")
        if truth["state"] not in HEATING and (truth["relay_closed"] or truth["burst"]):
            self._exchange(b"", RELAY_S)
            later = self.twin.control({"do": "state"})
            # A burst alone may be the test of the relay, which proves that no current flows.
            if later["state"] not in HEATING and later["relay_closed"]:
                raise Violation(f"relay on in state {later['state']}")
            self._exchange(b"", RELAY_S)
            last = self.twin.control({"do": "state"})
            if last["state"] not in HEATING and last["load_halves"] != later["load_halves"]:
                raise Violation(f"current flows in state {last['state']}")

    def live(self, steps: int) -> None:
        """A life of so many steps."""
        try:
            self._exchange(b"", 1.0)
            for _ in range(steps):
                way = self.chance.random()
                if way < 0.70:
                    self.anything()
                elif way < 0.85:
                    self.hands()
                elif way < 0.88:
                    self.proper()
                elif way < 0.90:
                    self._exchange(self.chance.randbytes(self.chance.randrange(200)) + b"\0", 0.2)
                else:
                    self._exchange(b"", self.chance.choice((0.05, 0.7, 5.0, 40.0)))
                self.judge()
        finally:
            self.twin.close()


def live(seed: int, interpreter: str = "cpython", steps: int = 150) -> Life:
    """One life. Raises Violation."""
    life = Life(seed, interpreter)
    life.live(steps)
    return life
