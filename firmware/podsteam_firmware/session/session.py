# SPDX-License-Identifier: Apache-2.0
"""The session: one explicit state machine from the button or a host's ARM to the end of cooling.

Rules of the button: a press stops whatever runs, and then nothing starts for 2 s; a release starts what is armed,
confirms a resume that a host asked for, or, with nothing armed, starts the default program.
Whatever the state, what the heater and the doser may do follows from it in one place, `_apply`.
"""

from podsteam_firmware import ticks
from podsteam_firmware.session.button import Button
from podsteam_firmware.session.program import Program
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.heat.regimes import Heat
    from podsteam_firmware.link.events import Events
    from podsteam_firmware.sense import Sense
    from podsteam_firmware.signals import Inputs

ARMED_S = const(60)
"""Time to press the button after ARM or RESUME."""
_LOCKOUT_MS = const(2000)
_PAUSE_MAX_MS = const(600_000)
_NO_STEAM_TICKS = const(1200)
"""Steam lost for this long (60 s) ends the session."""
_BAD_TICKS = const(4)
"""A switch must report trouble for this long (200 ms) to be believed."""
_SCALD_MC = const(70_000)
"""Outlet from which on nothing starts: bare metal of 65 to 70 degC burns the skin in a second (ISO 13732-1)."""
_WARM_MK = const(10_000)
"""Keeping warm, the outlet is never so much hotter than the water is to be, or the water boils."""
_SUPERHEATED_MC = const(115_000)
"""Making steam: steam off water has 101 degC at most."""
_MC_NEAR = const(1000)
"""Keep-warm counts from this close to its temperature."""
_TUNE_BEGINS_MS = const(500)
"""Only then what the heater says of its tuning is about this one."""
_TUNED = const(1)
_NOT_TUNED = const(2)


class Session:
    """Program, state and counters of the current or last session.

    `state` is a STATE value, `stop_reason` a STOP value. `started`, `ended` and `start_default` stay set until the
    owner has acted on them, between this tick and the next.
    """

    def __init__(self, events: "Events", heat: "Heat") -> None:
        self._events = events
        self._heat = heat
        self.button = Button()
        self.program = Program()
        self.state = m.STATE_IDLE
        self.stop_reason = m.STOP_NONE
        self.number = 0
        """Number of the current or last session."""
        self.first_event = 0
        """Number of the event with which its record begins."""
        self.by_host = False
        self.started = False
        self.ended = False
        self.session_ms = 0
        """Time since the start; stands still when the session is over."""
        self.steam_ms = 0
        """Time with verified steam."""
        self.start_default = False
        """The button asks for the default program: the owner loads it and calls `arm`, then `start`."""
        self.most_mg_min = 0
        """Setting: most steam that is made, mg/min; 0: as the program says."""
        self.rest = 0
        """From the supervisor: 1 rest before the next start, 2 rest now; 0 no need."""
        self.resume_armed = False
        self.tuning = False
        """The session identifies the boiler; no program runs."""
        self.tune_state = m.TUNE_NONE
        """TUNE value of the last such session."""
        self.tune_reason = m.TUNE_REASON_NONE
        """TUNE_REASON value."""
        self._rate_mg_min = 0
        self._deadline = 0
        self._lockout_until = 0
        self._locked = False
        self._hold_ms = 0
        self._warm_ms = 0
        self._lost_ticks = 0
        self._bad_ticks = 0
        self._press_seen = False

    # What others ask for ------------------------------------------------------------------------------------
    def running(self) -> bool:
        """Whether a session is under way, paused included."""
        return m.STATE_WARM_UP <= self.state <= m.STATE_PAUSED

    def heating(self) -> bool:
        """Whether the relay is wanted closed."""
        return self.state == m.STATE_WARM_UP or self.state == m.STATE_STEAM

    def ready(self, inputs: "Inputs", sense: "Sense") -> bool:
        """Whether the device may start: rested, water, upright, mains, a drained trap, an outlet that burns nobody."""
        if self.rest or not inputs.water_ok or not inputs.upright or not inputs.drained:
            return False
        return sense.mains_ok and not self.scalding(sense)

    def scalding(self, sense: "Sense") -> bool:
        """Whether the outlet is over its scald limit."""
        return sense.outlet_mc >= _SCALD_MC

    def locked_out(self, now_ms: int) -> bool:
        """Whether a stop lies less than 2 s back."""
        if self._locked and ticks.due(now_ms, self._lockout_until):
            self._locked = False
        return self._locked

    def armed_s(self, now_ms: int) -> int:
        """Seconds left to press the button, rounded up; 0: nothing waits for it."""
        if self.state != m.STATE_ARMED and not self.resume_armed:
            return 0
        left = ticks.diff(self._deadline, now_ms)
        return (left + 999) // 1000 if left > 0 else 0

    def arm(self, now_ms: int, raw: bytes, by_host: bool, tuning: bool = False) -> None:
        """Load a program and wait for the button. The caller has checked that this is allowed."""
        self.program.load(raw)
        self._rate_mg_min = self.program.rate_mg_min(0)
        self.tuning = tuning
        self.number = (self.number + 1) & 0xFFFF
        self.by_host = by_host
        self.stop_reason = m.STOP_NONE
        self.session_ms = 0
        self.steam_ms = 0
        self._press_seen = False
        self._deadline = ticks.add(now_ms, ARMED_S * 1000)
        self.first_event = self._events.next
        self._enter(m.STATE_ARMED)
        self._events.emit(m.EVENT_ARMED, self.number, 1 if by_host else 0)

    def start(self) -> None:
        """Begin to heat."""
        self._hold_ms = 0
        self._warm_ms = 0
        self._lost_ticks = 0
        self.started = True
        if self.tuning:
            self.tune_state = m.TUNE_RUNNING
            self.tune_reason = m.TUNE_REASON_NONE
        self._events.emit(m.EVENT_STARTED, self.number, self.program.steam_s)
        self._enter(m.STATE_WARM_UP)

    def stop(self, now_ms: int, reason: int, fault: int) -> None:
        """End it. Always safe to call; does nothing but the lockout when nothing runs or is armed."""
        self._lockout_until = ticks.add(now_ms, _LOCKOUT_MS)
        self._locked = True
        self.resume_armed = False
        if self.state == m.STATE_ARMED or self.running():
            self.ended = self.running()
            self.stop_reason = reason
            if self.ended and self.tuning:
                self._tuned(reason)
            self._events.emit(m.EVENT_STOPPED, reason, fault)
            self._enter(m.STATE_COOLING if self.ended else m.STATE_IDLE)
        if fault:
            self._enter(m.STATE_FAULT)

    def _tuned(self, reason: int) -> None:
        """A tuning session ends."""
        if reason != m.STOP_DONE and self.tune_reason == m.TUNE_REASON_NONE:
            self.tune_reason = m.TUNE_REASON_STOPPED
        self.tune_state = m.TUNE_DONE if reason == m.STOP_DONE else m.TUNE_FAILED
        self._events.emit(m.EVENT_TUNED, self.tune_state, self.tune_reason)

    def pause(self, now_ms: int) -> None:
        """Heater and dosing off, session kept."""
        if self.heating():
            self.resume_armed = False
            self._deadline = ticks.add(now_ms, _PAUSE_MAX_MS)
            self._enter(m.STATE_PAUSED)

    def ask_resume(self, now_ms: int) -> None:
        """Let the next press and release go on with a paused session."""
        self.resume_armed = True
        self._press_seen = False
        self._deadline = ticks.add(now_ms, ARMED_S * 1000)

    def leave_fault(self) -> None:
        """The latched fault was cleared at the device: the release that ends this hold starts nothing."""
        self._press_seen = False
        self._enter(m.STATE_IDLE)

    def take_hold(self) -> bool:
        """The hold is for something else than a start: its release starts nothing. False: it stopped something."""
        taken = self._press_seen
        self._press_seen = False
        return taken

    # The tick -----------------------------------------------------------------------------------------------
    def step(self, now_ms: int, elapsed_ms: int, inputs: "Inputs", sense: "Sense") -> None:
        """One tick: button, conditions, progress, then what the heater is to do."""
        self._button(now_ms, inputs)
        if self.running():
            self.session_ms += elapsed_ms
            self._conditions(now_ms, inputs, sense)
        if self.state == m.STATE_ARMED and ticks.due(now_ms, self._deadline):
            self.stop(now_ms, m.STOP_NOT_STARTED, 0)
        elif self.state == m.STATE_WARM_UP:
            self._warm_up(now_ms, elapsed_ms, sense)
        elif self.state == m.STATE_STEAM:
            self._steam(now_ms, elapsed_ms)
        elif self.state == m.STATE_PAUSED and ticks.due(now_ms, self._deadline):
            self._pause_over(now_ms)
        elif self.state == m.STATE_COOLING and sense.wall_mc <= self.program.end_mc:
            self._enter(m.STATE_IDLE)
        self._apply()

    def _button(self, now_ms: int, inputs: "Inputs") -> None:
        button = self.button
        button.update(inputs.button)
        if button.pressed:
            self._events.emit(m.EVENT_BUTTON, 1, 0)
            waits = self.state == m.STATE_ARMED or self.resume_armed or not self.running()
            self._press_seen = waits and not self.locked_out(now_ms)
            if self.running() and not self.resume_armed:
                self.stop(now_ms, m.STOP_BUTTON, 0)
        elif button.released:
            self._events.emit(m.EVENT_BUTTON, 0, 0)
            if self._press_seen:
                self._press_seen = False
                self._confirmed()

    def _confirmed(self) -> None:
        """A press and release that was waited for."""
        if self.state == m.STATE_ARMED:
            self.start()
        elif self.resume_armed and self.state == m.STATE_PAUSED:
            self.resume_armed = False
            self._warm_ms = 0
            self._lost_ticks = 0
            self._enter(m.STATE_WARM_UP)
        elif self.state == m.STATE_IDLE or self.state == m.STATE_COOLING:
            self.start_default = True

    def _conditions(self, now_ms: int, inputs: "Inputs", sense: "Sense") -> None:
        reason = m.STOP_NONE
        if not inputs.upright:
            reason = m.STOP_TILTED
        elif not inputs.water_ok:
            reason = m.STOP_NO_WATER
        elif not sense.mains_ok:
            reason = m.STOP_MAINS_LOST
        elif not inputs.drained:
            reason = m.STOP_UNDRAINED
        elif self.heating() and sense.outlet_mc >= self._outlet_most_mc():
            reason = m.STOP_OUTLET_HOT
        elif self.rest > 1:
            reason = m.STOP_REST
        self._bad_ticks = self._bad_ticks + 1 if reason else 0
        if self._bad_ticks >= _BAD_TICKS:
            self._bad_ticks = 0
            self.stop(now_ms, reason, 0)
        elif self._heat.probe_dry and self.heating():
            self.stop(now_ms, m.STOP_NO_WATER, 0)

    def _holding(self) -> bool:
        """Whether it keeps warm, before it makes steam."""
        if self.state != m.STATE_WARM_UP or self.tuning:
            return False
        program = self.program
        return program.hold_mc > 0 and self._hold_ms < program.hold_s * 1000

    def _outlet_most_mc(self) -> int:
        """Outlet from which on what runs is stopped, milli-degC."""
        if self._holding():
            return max(_SCALD_MC, self.program.hold_mc + _WARM_MK)
        return _SUPERHEATED_MC

    def _warm_up(self, now_ms: int, elapsed_ms: int, sense: "Sense") -> None:
        if self.tuning:
            self._tune(now_ms, elapsed_ms)
            return
        program = self.program
        if self._holding():
            if sense.water_mc >= program.hold_mc - _MC_NEAR:
                self._hold_ms += elapsed_ms
            return
        self._warm_ms += elapsed_ms
        if self._heat.steam_ok:
            self._events.emit(m.EVENT_STEAM_VERIFIED, self.session_ms // 1000, sense.wall_mc // 10)
            self._lost_ticks = 0
            self._enter(m.STATE_STEAM)
        elif self._warm_ms > program.warm_up_max_s * 1000:
            self.stop(now_ms, m.STOP_NO_STEAM, 0)

    def _tune(self, now_ms: int, elapsed_ms: int) -> None:
        self._warm_ms += elapsed_ms
        tuned = self._heat.tuned if self._warm_ms > _TUNE_BEGINS_MS else 0
        if tuned == _TUNED:
            self.stop(now_ms, m.STOP_DONE, 0)
        elif tuned == _NOT_TUNED:
            self.tune_reason = self._heat.tune_reason
            self.stop(now_ms, m.STOP_TUNE_FAILED, 0)
        elif self._warm_ms > self.program.warm_up_max_s * 1000:
            self.tune_reason = m.TUNE_REASON_TIMEOUT
            self.stop(now_ms, m.STOP_TUNE_FAILED, 0)

    def _steam(self, now_ms: int, elapsed_ms: int) -> None:
        if self._heat.steam_ok:
            self.steam_ms += elapsed_ms
            self._lost_ticks = 0
        else:
            self._lost_ticks += 1
        self._rate_mg_min = self.program.rate_mg_min(self.steam_ms // 1000)
        if self._rate_mg_min == 0:
            self.stop(now_ms, m.STOP_DONE, 0)
        elif self._lost_ticks > _NO_STEAM_TICKS:
            self.stop(now_ms, m.STOP_NO_STEAM, 0)

    def _pause_over(self, now_ms: int) -> None:
        if self.resume_armed:
            self.resume_armed = False
            self._deadline = ticks.add(now_ms, _PAUSE_MAX_MS)
        else:
            self.stop(now_ms, m.STOP_PAUSE_EXPIRED, 0)

    def _apply(self) -> None:
        """What the heater is to do in this state."""
        if not self.heating():
            self._heat.off()
        elif self.tuning:
            self._heat.tune()
        elif self._holding():
            self._heat.hold(self.program.hold_mc)
        else:
            most = self.most_mg_min
            self._heat.steam(most if 0 < most < self._rate_mg_min else self._rate_mg_min)

    def _enter(self, state: int) -> None:
        if state != self.state:
            self._events.emit(m.EVENT_STATE, self.state, state)
            self.state = state
