# SPDX-License-Identifier: Apache-2.0
"""A malicious host, by plan: every request in every state with every field at every edge, cut short and overlong.

`request_fuzz` throws the dice; here each combination has its turn: the cases are numbered, a life in each state takes
some of them, and the next seed goes on where this one ended. Whatever is said, every request is answered, by its reply
or by a refusal whose code is known, and the truth of the simulated board stays inside the hard limits.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from request_fuzz import EDGES, TOKEN, UNANSWERED, Life, Violation

from podsteam.wire import messages as w
from podsteam.wire.base import Message
from podsteam_protocol import frame, schema

STATES = ("NO_HELLO", "IDLE", "ARMED", "WARM_UP", "STEAM", "PAUSED", "COOLING", "FAULT")
"""In the order in which a life goes through them. What is latched in the last one would keep the others away."""
NAME = b"malice"
PROGRAM = w.Program(name=NAME.ljust(16, b"\0"), warm_up_max_s=900, steam1_mg_min=3000, steam1_s=1200, end_cdeg=6000)
JUDGE_EVERY = 8
"""Steps between two looks at the truth, which keeps the hottest wall and all that was dosed: nothing slips through."""
_GOOD = {(w.BlobWriteRequest.ID, "kind"): 3, (w.BlobWriteRequest.ID, "size"): 100, (w.BlobDeleteRequest.ID, "kind"): 3}
"""Fields whose good value is not 1."""
_REPLY_S = 2.0
_PASS_EVERY, _PASS_S = 25, 0.3
_KNOWN = frozenset(code[0] for code in schema.CODES)
_LAYOUTS = {number: request for number, _, kind, _, request, _, _ in schema.MESSAGES if kind == "request"}
_STRUCTS = {name: fields for name, _, fields in schema.STRUCTS}
_KEPT: dict[str, type[Message]] = {
    "CONFIG": w.ConfigGetRequest,
    "CALIBRATION": w.CalGetRequest,
    "DOSE_CALIBRATION": w.DoseCalGetRequest,
}
"""Structs that the device has one of: asked for at the start, and the good rest of every request that sets one."""
_SET = {"CONFIG": w.ConfigSetRequest.ID, "CALIBRATION": w.CalSetRequest.ID, "DOSE_CALIBRATION": w.DoseCalSetRequest.ID}


class Case(NamedTuple):
    """One thing to say."""

    kind: int
    field: int
    """Index of the field that is at an edge, counted through its struct; -1: none, the payload's length is."""
    edge: int
    """Which edge of the field, or how many bytes are cut off the end; negative: so many are added."""


def flat(kind: int) -> list[tuple[str, str]]:
    """Name and struct code of each field of a request, those of its struct included."""
    found: list[tuple[str, str]] = []
    for name, code, unit, _ in _LAYOUTS.get(kind, ()):
        inner = _STRUCTS.get(unit.removeprefix("struct ")) if code == "*" else None
        found += [(each[0], each[1]) for each in inner] if inner else [(name, code)]
    return found


def _cases() -> Iterator[Case]:
    for kind in range(0x70):
        if kind in UNANSWERED:
            continue
        fields = flat(kind)
        for field in range(len(fields)):
            yield from (Case(kind, field, edge) for edge in range(len(EDGES) + 2))
        size = sum(20 if code == "*" else struct.calcsize("<" + code) for _, code in fields)
        yield from (Case(kind, -1, cut) for cut in range(size + 1))
        yield from (Case(kind, -1, -more) for more in (1, 7, 60, 200))


CASES = list(_cases())


class Malice(Life):
    """A life that goes through the states and says its share of the cases in each."""

    def __init__(self, seed: int, interpreter: str) -> None:
        super().__init__(seed, interpreter, unix_s=1_800_000_000, baud=921600, spare=True)
        self.presses = True
        self.seen: Counter[tuple[str, int]] = Counter()
        """(state, request id) to how often it was said there."""
        self.taken: Counter[int] = Counter()
        """Request id to how often it was not refused."""
        self._number = seed
        self._kept = {"PROGRAM": PROGRAM.pack()}

    # The line -----------------------------------------------------------------------------------------------
    def _reply(self, data: bytes, kind: int) -> bytes:
        """As soon as it is there, so that little virtual time passes between two requests."""
        until_us = self.twin.now_us + int(_REPLY_S * 1e6)
        while self.twin.now_us < until_us:
            out = self.twin.exchange(data, until_us)
            data = b""
            for is_frame, body in self._splitter.feed(out):
                if is_frame and body[1] == self._seq and body[0] & w.REPLY:
                    self._check(body, kind)
                    return body
        raise Violation(f"request {kind:#x} not answered")

    def _check(self, body: bytes, kind: int) -> None:
        if body[0] == w.ErrorReply.ID:
            error = w.ErrorReply.unpack(body[6:])
            if error.code not in _KNOWN or error.request != kind:
                raise Violation(f"request {kind:#x} refused with code {error.code} for {error.request:#x}")
        elif body[0] != kind | w.REPLY:
            raise Violation(f"request {kind:#x} answered by {body[0]:#x}")
        else:
            self.taken[kind] += 1

    def _say(self, message: Message) -> bytes:
        """A proper request; its reply's payload, b"" when it was refused."""
        self._seq = (self._seq + 1) & 0xFF
        body = self._reply(frame.encode(message.ID, self._seq, message.pack()), message.ID)
        return b"" if body[0] == w.ErrorReply.ID else body[6:]

    def _payload_of(self, case: Case) -> bytes:
        """Good fields but for the one of the case; now and then the others are thrown too."""
        chance = self.chance
        wild = chance.random() < 0.15
        payload = b""
        for index, (name, code) in enumerate(flat(case.kind)):
            edge = case.edge if index == case.field else len(EDGES) + 1 if wild else -1
            payload += self._field(case.kind, name, code, edge)
        fixed = len(payload)
        for unit in (unit for _, code, unit, _ in _LAYOUTS.get(case.kind, ()) if code == "*"):
            good = self._kept.get(unit.removeprefix("struct "), b"")
            if good and not wild and case.field >= 0:
                payload = self._one_changed(case, good)
        if case.field >= 0:
            return payload[: frame.MAX_BODY - 2]
        if case.edge >= 0:
            return payload[: max(0, fixed - case.edge)]
        return (payload + chance.randbytes(-case.edge))[: frame.MAX_BODY - 2]

    def _one_changed(self, case: Case, good: bytes) -> bytes:
        payload, at = bytearray(good), 0
        for index, (name, code) in enumerate(flat(case.kind)):
            size = struct.calcsize("<" + code)
            if index == case.field:
                payload[at : at + size] = self._field(case.kind, name, code, case.edge)
            at += size
        return bytes(payload)

    def _field(self, kind: int, name: str, code: str, edge: int) -> bytes:
        """A field: good with edge -1, at the edge of that number, the last two of which are the sign's and thrown."""
        chance = self.chance
        if code == "*" or code[-1] == "s":
            size = chance.randrange(60) if code == "*" else int(code[:-1])
            if edge < 0:
                return NAME.ljust(size, b"\0")[:size] if name in ("name", "program") else bytes(size)
            return chance.choice((b"", b"\xff" * size, NAME, b"../x", chance.randbytes(size))).ljust(size, b"\0")[:size]
        bits = struct.calcsize("<" + code) * 8
        if edge < 0:
            value = TOKEN if name == "token" else _GOOD.get((kind, name), 1)
        elif edge < len(EDGES):
            value = EDGES[edge]
        else:
            value = (1 << bits - 1) if edge == len(EDGES) else chance.getrandbits(bits)
        return (value % (1 << bits)).to_bytes(bits // 8, "little")

    # The states ---------------------------------------------------------------------------------------------
    def _state(self) -> str:
        value = self.twin.control({"do": "state"})["state"]
        return w.StateValue(value).name

    def _greet(self) -> None:
        """A clean start: what earlier cases have set is set back, so that the next state can be reached."""
        self.twin.control({"do": "reset", "cause": "power"})
        self._say(w.HelloRequest(TOKEN, w.MAJOR, w.MINOR))
        for name, get in _KEPT.items():
            if name not in self._kept:
                self._kept[name] = self._say(get())
            else:
                self._seq = (self._seq + 1) & 0xFF
                self._reply(frame.encode(_SET[name], self._seq, self._kept[name]), _SET[name])
        self.twin.control({"do": "refill", "g": 200.0})
        self._exchange(b"", 3.0)

    def _lease_for(self, seconds: float, target: str) -> None:
        """A living host, until the state is there or the time is over."""
        until_us = self.twin.now_us + int(seconds * 1e6)
        while self.twin.now_us < until_us and self._state() != target:
            self._say(w.LeaseRequest(TOKEN))
            self._exchange(b"", 0.5)

    def _enter(self, target: str) -> bool:
        """Get into a state as a good host and its user do. False: not from here, as with a latched fault."""
        if target == "NO_HELLO":
            self.twin.control({"do": "reset", "cause": "power"})
            return True
        if target == "FAULT":
            self._enter("WARM_UP")
            self.twin.control({"do": "fault", "name": "wall_open"})
            self._exchange(b"", 1.0)
            self.twin.control({"do": "fault", "name": "wall_open", "on": False})
            return self._state() == target
        self._greet()
        if target == "IDLE":
            return True
        self._say(w.ProgramPutRequest(PROGRAM.pack()))
        self._exchange(b"", 2.5)
        self._say(w.ArmRequest(TOKEN, NAME.ljust(16, b"\0")))
        if target != "ARMED":
            self.press(300)
            self._lease_for(3.0, "WARM_UP")
        if target in ("STEAM", "PAUSED", "COOLING"):
            self._lease_for(240.0, "STEAM")
        if target == "PAUSED":
            self._say(w.PauseRequest(TOKEN))
        if target == "COOLING":
            self._say(w.StopRequest())
            self._exchange(b"", 0.2)
        return self._state() == target

    def plan(self, steps: int) -> None:
        """A life of about so many steps, the same number in each state."""
        try:
            self._exchange(b"", 1.0)
            share = -(-steps // len(STATES))
            for target in STATES:
                if self._enter(target):
                    self._through(target, self._number * share, share)
        finally:
            self.twin.close()

    def _through(self, target: str, first: int, share: int) -> None:
        for step in range(share):
            case = CASES[(first + step) % len(CASES)]
            self.request(case.kind, self._payload_of(case))
            self.seen[target, case.kind] += 1
            if target == "NO_HELLO" and case.kind == w.HelloRequest.ID:
                self._enter(target)
            if step % _PASS_EVERY == 0:
                self._say(w.LeaseRequest(TOKEN))
                self._exchange(b"", _PASS_S)
            if step % JUDGE_EVERY == 0:
                self.judge()
                if target != "NO_HELLO" and self._state() != target and not self._enter(target):
                    break
        self.judge()


def live(seed: int, interpreter: str = "cpython", steps: int = 2000) -> Malice:
    """One life. Raises Violation."""
    life = Malice(seed, interpreter)
    life.plan(steps)
    return life
