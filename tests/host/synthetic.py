# SPDX-License-Identifier: Apache-2.0
"""Session records made up for tests: the frames that a device would send, with curves that look like the real
ones.

`session()` runs a script of a whole session: 10 s armed, 85 s of warm-up, steam with doses, cooling. The
curves are first-order shapes, not physics; the simulated board is for that.
"""

import math
from dataclasses import dataclass, field, replace

from podsteam.wire.base import Message
from podsteam.wire.messages import (
    SCHEMA_HASH,
    CapBits,
    Console,
    DoseValue,
    Event,
    EventValue,
    FlagBits,
    PodletValue,
    Program,
    RecordEnd,
    RecordHead,
    RegimeValue,
    StateValue,
    StopValue,
    Tele,
)
from podsteam_protocol import frame

UID = bytes.fromhex("7cdfa1b2c3d4")
BOOT_ID = 0x5EED0001
WRAP = 1 << 30

PROGRAM = Program(
    name=b"gentle".ljust(16, b"\0"),
    warm_up_max_s=300,
    steam1_mg_min=4000,
    steam1_s=120,
    steam2_mg_min=6000,
    steam2_s=60,
    dose_first_s=20,
    dose_every_s=40,
    dose_count=4,
    end_cdeg=6000,
)

HEAD = RecordHead(
    format=1,
    schema_hash=SCHEMA_HASH,
    boot_id=BOOT_ID,
    uid=UID,
    session=12,
    started_ms=20_000,
    started_unix=0,
    by_host=1,
    firmware_minor=1,
    firmware_hash=bytes.fromhex("0011223344556677"),
    podlet=PodletValue.GUEST,
    podlet_uid=bytes.fromhex("04a1b2c3d4e5f6"),
    caps=CapBits.SIMULATED | CapBits.NFC | CapBits.VALVE,
    program=PROGRAM.pack(),
)

_BASE_FLAGS = (
    FlagBits.WATER_OK | FlagBits.LATCH_CLOSED | FlagBits.UPRIGHT | FlagBits.PODLET | FlagBits.MAINS_OK | FlagBits.LEASE
)


@dataclass
class Script:
    """The device's side of a session as it goes: what it sends, in order, and what it has summed up."""

    head: RecordHead = HEAD
    period_ms: int = 200
    armed_s: int = 10
    heat_s: int = 85
    program: Program = PROGRAM
    messages: list[Message] = field(default_factory=list)
    now_ms: int = 0
    state: int = StateValue.IDLE
    number: int = 0
    wall: float = 24.0
    water: float = 22.0
    outlet: float = 22.0
    power: float = 0.0
    steam: float = 0.0
    energy: float = 0.0
    steam_mg: float = 0.0
    dosed_nl: int = 0
    doses: int = 0
    regime: int = RegimeValue.IDLE
    started_ms: int = 0

    def event(self, kind: int, a: int = 0, b: int = 0) -> None:
        self.messages.append(Event(self.number % 65536, self.now_ms % WRAP, kind, a, b))
        self.number += 1

    def enter(self, state: int, regime: int) -> None:
        self.event(EventValue.STATE, self.state, state)
        if regime != self.regime:
            self.event(EventValue.REGIME, self.regime, regime)
        self.state, self.regime = state, regime

    def tele(self) -> Tele:
        flags = _BASE_FLAGS | (FlagBits.STEAM_OK if self.state == StateValue.STEAM else 0)
        if self.state in (StateValue.WARM_UP, StateValue.STEAM):
            flags |= FlagBits.RELAY
        session_s = (self.now_ms - self.started_ms) // 1000 if self.started_ms else 0
        return Tele(
            uptime_ms=self.now_ms % WRAP,
            session_s=max(0, session_s),
            state=self.state,
            regime=self.regime,
            flags=flags,
            wall_cdeg=round(self.wall * 100),
            water_cdeg=round(self.water * 100),
            outlet_cdeg=round(self.outlet * 100),
            mains_dv=2305 + round(8 * math.sin(self.now_ms / 9000)),
            duty_permille=min(1000, round(self.power / 300 * 1000)),
            power_dw=round(self.power * 10),
            steam_mg_min=round(self.steam),
            energy_j=round(self.energy),
            dosed_nl=self.dosed_nl,
            doses=self.doses,
        )

    def wait(self, seconds: float, power: float, wall: float, water: float, outlet: float, lag_s: float) -> None:
        """Let time pass: the temperatures go towards the given ones, and telemetry is sent."""
        steps = round(seconds * 1000 / self.period_ms)
        part = 1 - math.exp(-self.period_ms / 1000 / lag_s)
        for _ in range(steps):
            self.now_ms += self.period_ms
            dt_s = self.period_ms / 1000
            self.power += (power - self.power) * min(1.0, dt_s * 2)
            self.wall += (wall - self.wall) * part + 0.03 * math.sin(self.now_ms / 700)
            self.water += (water - self.water) * part
            self.outlet += (outlet - self.outlet) * part
            boiling = self.state == StateValue.STEAM
            self.steam += ((self.power * 23.1 if boiling else 0.0) - self.steam) * min(1.0, dt_s / 3)
            self.energy += self.power * dt_s
            self.steam_mg += self.steam * dt_s / 60
            self.messages.append(self.tele())

    def dose(self, volume_nl: int, result: int = DoseValue.GIVEN) -> None:
        self.doses += 1
        self.event(EventValue.DOSE_INTENT, volume_nl, self.doses + 3)
        self.wait(0.4, self.power, self.wall, self.water, self.outlet, 5)
        self.dosed_nl += volume_nl
        self.event(EventValue.DOSE_RESULT, result, volume_nl)

    def end(self, reason: int, fault: int = 0, steam_s: int = 0) -> RecordEnd:
        return RecordEnd(
            ended_ms=self.now_ms % WRAP,
            stop_reason=reason,
            fault=fault,
            steam_s=steam_s,
            steam_mg=round(self.steam_mg),
            energy_j=round(self.energy),
            doses=self.doses,
            dosed_nl=self.dosed_nl,
        )


def script(period_ms: int = 200, *, fault: bool = False, start_ms: int = 20_000, by_device: bool = False) -> Script:
    """A whole session: armed, warm-up, 180 s of steam in two phases, four doses (one made smaller, one
    refused when `fault`), cooling. With `fault` the boiler runs dry 100 s into the steam."""
    s = Script(replace(HEAD, started_ms=start_ms % WRAP), period_ms, now_ms=start_ms)
    s.messages.append(s.head)
    s.event(EventValue.PODLET, PodletValue.GUEST, 12)
    s.event(EventValue.ARMED, 12, 1)
    s.enter(StateValue.ARMED, RegimeValue.IDLE)
    s.wait(s.armed_s, 0, 24, 22, 22, 100)
    s.event(EventValue.BUTTON, 1)
    s.event(EventValue.BUTTON, 0)
    s.started_ms = s.now_ms
    s.event(EventValue.STARTED, 12, 180)
    s.enter(StateValue.WARM_UP, RegimeValue.PROBE)
    s.wait(2, 120, 30, 24, 22, 20)
    s.event(EventValue.DRY_PROBE, 42, 1)
    s.event(EventValue.REGIME, s.regime, RegimeValue.HEAT)
    s.regime = RegimeValue.HEAT
    s.wait(s.heat_s - 15, 298, 125, 112, 34, 38)
    s.event(EventValue.REGIME, s.regime, RegimeValue.APPROACH)
    s.regime = RegimeValue.APPROACH
    s.wait(13, 190, 106, 100, 62, 6)
    s.event(EventValue.STEAM_VERIFIED, s.heat_s, round(s.wall * 100))
    s.enter(StateValue.STEAM, RegimeValue.STEAM)
    s.wait(20, 173, 106.5, 99.9, 84, 8)
    s.dose(60_000)
    s.wait(39.6, 173, 106.6, 99.9, 86, 8)
    s.dose(60_000, DoseValue.ASSUMED)
    if fault:
        s.wait(34, 173, 106.6, 99.9, 86, 8)
        s.event(EventValue.PODLET, PodletValue.REMOVED)
        s.event(EventValue.DOSE_REFUSED, DoseValue.NO_PODLET, 60_000)
        s.wait(5.6, 173, 135, 101, 86, 8)
        s.event(EventValue.FAULT, 111, 12150)
        s.event(EventValue.STOPPED, StopValue.FAULT, 111)
        s.enter(StateValue.FAULT, RegimeValue.FAULT)
        s.wait(60, 0, 60, 60, 40, 60)
        if by_device:
            s.messages.append(s.end(StopValue.FAULT, 111, 100))
        return s
    s.wait(39.6, 173, 106.6, 99.9, 86, 8)
    s.event(EventValue.DOSE_REDUCED, DoseValue.SESSION_CAP, 30_000)
    s.dose(30_000)
    s.wait(20, 173, 106.6, 99.9, 86, 8)
    s.wait(20, 260, 108.4, 100.1, 90, 8)
    s.event(EventValue.DOSE_REFUSED, DoseValue.SESSION_CAP, 60_000)
    s.wait(39.6, 260, 108.6, 100.1, 91, 8)
    s.event(EventValue.STOPPED, StopValue.DONE)
    s.enter(StateValue.COOLING, RegimeValue.COOL)
    s.wait(90, 0, 45, 50, 30, 70)
    s.enter(StateValue.IDLE, RegimeValue.IDLE)
    if by_device:
        s.messages.append(s.end(StopValue.DONE, 0, 180))
    return s


def wire(messages: list[Message]) -> bytes:
    """The messages as a record's bytes, numbered as a link would."""
    return b"".join(frame.encode(m.ID, i % 256, m.pack()) for i, m in enumerate(messages))


def bodies(messages: list[Message]) -> list[bytes]:
    """The messages as frame bodies (type, seq, payload), as the link hands them over."""
    return [bytes([m.ID, i % 256]) + m.pack() for i, m in enumerate(messages)]


def session(period_ms: int = 200, *, fault: bool = False, by_device: bool = True) -> bytes:
    """The bytes of a whole session record; `by_device`: with the RECORD_END that a device's own record
    has."""
    return wire(script(period_ms, fault=fault, by_device=by_device).messages)


def hostile() -> bytes:
    """A record whose every text tries something: terminal escapes, markup, a formula, a name with a
    newline."""
    evil = b'=1+1"<b>\x1b]0;x\x07'
    program = replace(PROGRAM, name=evil[:16].ljust(16, b"\0"))
    head = replace(HEAD, program=program.pack())
    text = Console("</td><script>alert(1)</script>\x1b[2J\u202e[red]\r\n=cmd()".encode())
    odd = Event(7, 25_000, 200, -1, 2**31 - 1)
    return wire([head, text, odd, Tele(uptime_ms=25_000, state=99, regime=98, wall_cdeg=-32768)])
