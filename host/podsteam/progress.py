# SPDX-License-Identifier: Apache-2.0
"""What is known of a running session, put together from telemetry, status and events as they come.

The live view shows it; nothing here knows of terminals. Times are device times; the wall clock is not asked.
"""

from collections import deque
from dataclasses import dataclass

from podsteam import words
from podsteam.outlook import Outlook, outlook
from podsteam.program import phases_of
from podsteam.recap import difference_ms
from podsteam.shots import Shots
from podsteam.text import name_of
from podsteam.wire.messages import (
    DoseValue,
    Event,
    EventValue,
    PodletValue,
    Program,
    RegimeValue,
    StateValue,
    StatusGetReply,
    Tele,
)

_WRAP = 1 << 30
_BOILING_CDEG = 10_000
"""Where the bar of the warm-up ends; the true boiling point is the device's to find."""
_SLOPE_MS = 15_000
"""Time over which the water's rise is taken to say when it will boil."""
_HISTORY_MS = 1000

GIVEN = "given"
ASSUMED = "assumed"
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of the program, for a progress bar."""

    name: str
    share: float
    """0 to 1."""
    now: bool
    """It is the one that runs."""
    left_s: float | None = None
    """How much of its time is left; None: its length is not in the program."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened: session time (None: before its start), words, and how much it matters."""

    at_s: float | None
    text: str
    level: str


class Progress:
    """A session as far as it has come."""

    def __init__(self, program: Program | None) -> None:
        self.program = program
        self.name = name_of(program.name) if program else ""
        self.tele: Tele | None = None
        self.status: StatusGetReply | None = None
        self.state: int = StateValue.IDLE
        self.doses: list[str] = []
        """GIVEN, ASSUMED or REFUSED for each dose so far."""
        self.podlet_state: int | None = None
        self.doses_left: int | None = None
        self.stop_reason = 0
        self.fault = 0
        self.steam_s = 0.0
        """Time in the steam state so far."""
        self.history: list[Tele] = []
        """About one sample a second since the start."""
        self.lines: deque[Line] = deque(maxlen=40)
        """What happened last."""
        self._shots = Shots()
        self._phases = phases_of(program) if program else []
        self._started_ms: int | None = None
        self._begun = False
        self._hold_s = 0.0
        self._lowest_cdeg: int | None = None
        self._cooling_from_cdeg: int | None = None

    # What comes in.

    def update(self, tele: Tele | None, status: StatusGetReply | None) -> Line | None:
        """Take measurements or a status, whichever there is. Returns a line when they tell of a change of
        state that no event told."""
        changed: Line | None = None
        if status is not None:
            self.status = status
            self.fault = status.fault
            if self.podlet_state is None:
                self.podlet_state = status.podlet
            if tele is None and self.tele is None:
                changed = self._enter(status.state)
        if tele is not None:
            self._measure(tele)
            if tele.state != self.state:
                changed = self._enter(tele.state)
        return changed

    def event(self, event: Event) -> Line:
        """Take an event; returns it as a line."""
        if event.event == EventValue.STARTED:
            self._started_ms = event.uptime_ms
            self._begun = True
        line = Line(self.seconds(event.uptime_ms), *self._shots.take(event))
        match event.event:
            case EventValue.STATE:
                self.state = event.b
            case EventValue.STOPPED:
                self.stop_reason = event.a
            case EventValue.FAULT:
                self.fault = event.a
            case EventValue.FAULT_CLEARED:
                self.fault = 0
            case EventValue.PODLET:
                self.podlet_state, self.doses_left = event.a, event.b
            case EventValue.DOSE_RESULT:
                self.doses.append(GIVEN if event.a == DoseValue.GIVEN else ASSUMED)
                if self.doses_left:
                    self.doses_left -= 1
            case EventValue.DOSE_REFUSED:
                self.doses.append(REFUSED)
            case _:
                pass
        self.lines.append(line)
        return line

    def _enter(self, state: int) -> Line:
        self.state = state
        at_s = self.seconds(self.tele.uptime_ms) if self.tele else None
        line = Line(at_s, f"State: {words.word(words.STATE, state)}", "note")
        self.lines.append(line)
        return line

    def _measure(self, tele: Tele) -> None:
        if not self._begun and tele.state not in (StateValue.IDLE, StateValue.ARMED):
            # Joined a session that was running already.
            self._started_ms = (tele.uptime_ms - 1000 * tele.session_s) % _WRAP
            self._begun = True
        if self.tele is not None:
            step_s = min(2.0, max(0.0, difference_ms(tele.uptime_ms, self.tele.uptime_ms) / 1000))
            self.steam_s += step_s if tele.state == StateValue.STEAM else 0
            holding = tele.state == StateValue.WARM_UP and tele.regime == RegimeValue.HOLD
            self._hold_s += step_s if holding else 0
        if tele.state == StateValue.WARM_UP and self._lowest_cdeg is None:
            self._lowest_cdeg = tele.water_cdeg
        if tele.state == StateValue.COOLING and self._cooling_from_cdeg is None:
            self._cooling_from_cdeg = tele.wall_cdeg
        if self._begun:
            last = self.history[-1] if self.history else None
            if last is None or difference_ms(tele.uptime_ms, last.uptime_ms) >= _HISTORY_MS:
                self.history.append(tele)
        self.tele = tele

    # What it amounts to.

    def seconds(self, uptime_ms: int) -> float | None:
        """Session time of a device time; None before the start."""
        if self._started_ms is None:
            return None
        return difference_ms(uptime_ms, self._started_ms) / 1000

    @property
    def elapsed_s(self) -> float | None:
        """Session time now."""
        return self.seconds(self.tele.uptime_ms) if self.tele else None

    @property
    def reason(self) -> str:
        """Why it is in this state, or what it does there."""
        status = self.status
        match self.state:
            case StateValue.IDLE:
                return words.word(words.STOP, self.stop_reason) if self.stop_reason else "nothing runs"
            case StateValue.ARMED:
                left = f" within {status.armed_s} s" if status and status.armed_s else ""
                return f"press and release the button on the device{left}"
            case StateValue.PAUSED:
                return "heater and dosing off, session kept"
            case StateValue.COOLING:
                reason = words.word(words.STOP, self.stop_reason)
                end = f", cooling to {self.program.end_cdeg / 100:.0f} °C" if self.program else ""
                return f"{reason}{end}" if self.stop_reason else f"session over{end}"
            case StateValue.FAULT:
                return words.explained(self.fault) if self.fault else "latched fault"
            case _:
                return words.word(words.REGIME, self.tele.regime) if self.tele else ""

    @property
    def steam_total_s(self) -> int:
        """The program's steam time."""
        return sum(length for _, length in self._phases)

    @property
    def left(self) -> str:
        """How long it will take, as far as can be told; empty: it cannot."""
        ahead = self.outlook
        if self.state == StateValue.STEAM:
            program_s = max(0.0, self.steam_total_s - self.steam_s) if self._phases else None
            water_s = ahead.steam_left_s if ahead else None
            if water_s is not None and (program_s is None or water_s < program_s):
                return f"water for {words.clock(water_s)} of steam"
            return f"{words.clock(program_s)} of steam left" if program_s is not None else ""
        if self.state == StateValue.WARM_UP:
            boiling_s = ahead.to_steam_s if ahead and ahead.to_steam_s is not None else self._boils_in_s()
            return f"steam in about {words.clock(boiling_s)}" if boiling_s is not None else ""
        return ""

    @property
    def outlook(self) -> Outlook | None:
        """What the device itself sees ahead: from the newest measurement, before the first from the status."""
        newest = self.tele or self.status
        return outlook(newest) if newest is not None else None

    def _boils_in_s(self) -> float | None:
        """From the water's rise over the last quarter of a minute."""
        if self.tele is None or self.tele.regime == RegimeValue.HOLD or (self.program and not self._phases):
            return None
        for earlier in reversed(self.history):
            span_ms = difference_ms(self.tele.uptime_ms, earlier.uptime_ms)
            if span_ms < _SLOPE_MS:
                continue
            rise_cdeg = self.tele.water_cdeg - earlier.water_cdeg
            missing_cdeg = _BOILING_CDEG - self.tele.water_cdeg
            if rise_cdeg < 50 or missing_cdeg <= 0:
                return None
            return missing_cdeg / rise_cdeg * span_ms / 1000
        return None

    @property
    def next_dose_s(self) -> float | None:
        """Time until the program's next dose; None: there is none, or it cannot be told."""
        program = self.program
        if program is None or self.state not in (StateValue.WARM_UP, StateValue.STEAM):
            return None
        for i in range(program.dose_count):
            left_s = program.dose_first_s + i * program.dose_every_s - self.steam_s
            if left_s > 0:
                return left_s if self.state == StateValue.STEAM else None
        return None

    @property
    def podlet(self) -> str:
        """The podlet's state in words."""
        if self.podlet_state is None:
            return "not known yet"
        usable = self.podlet_state in (PodletValue.GUEST, PodletValue.SIGNED)
        if self.doses_left is not None and usable:
            return words.podlet(self.podlet_state, self.doses_left)
        return words.word(words.PODLET, self.podlet_state)

    def phases(self) -> list[Phase]:
        """The program's parts, with how far each has come."""
        program, tele = self.program, self.tele
        if program is None:
            return []
        past_warm_up = self.steam_s > 0 or self.state in (StateValue.STEAM, StateValue.COOLING)
        warming = self.state == StateValue.WARM_UP
        holding = warming and tele is not None and tele.regime == RegimeValue.HOLD
        phases: list[Phase] = []
        if program.hold_s:
            share = 1.0 if past_warm_up else min(1.0, self._hold_s / program.hold_s)
            phases.append(Phase("keep warm", share, holding, program.hold_s * (1 - share)))
        share = 0.0
        if past_warm_up:
            share = 1.0
        elif tele is not None and self._lowest_cdeg is not None:
            share = _share(tele.water_cdeg - self._lowest_cdeg, _BOILING_CDEG - self._lowest_cdeg)
        phases.append(Phase("warm-up", share, warming and not holding))
        before_s = 0
        for rate, length in self._phases:
            share = _share(self.steam_s - before_s, length)
            now = self.state == StateValue.STEAM and before_s <= self.steam_s < before_s + length
            phases.append(Phase(f"{rate / 1000:g} g/min", share, now, length * (1 - share)))
            before_s += length
        share = 0.0
        if tele is not None and self._cooling_from_cdeg is not None:
            share = _share(self._cooling_from_cdeg - tele.wall_cdeg, self._cooling_from_cdeg - program.end_cdeg)
            share = 1.0 if self.state == StateValue.IDLE else share
        phases.append(Phase("cooling", share, self.state == StateValue.COOLING))
        return phases


def _share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 1.0
