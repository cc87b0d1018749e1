# SPDX-License-Identifier: Apache-2.0
"""The doser: a schedule of shots, each judged anew, counted on the podlet's tag before it is given, and never twice.

A shot's way: due -> interlocks and caps -> slot written on the tag and read back -> interlocks again -> intent written
down, reported and counted -> pulse -> coil sense compared -> result written down and reported. From the intent on the
shot counts as given, whatever happens; without the intent in the book there is no pulse. A shot that is refused is
judged again for 10 s, then left out; it is not made up for. A podlet that goes, or is swapped, ends dosing until the
next `start`.
"""

from podsteam_firmware import ticks
from podsteam_firmware.dose.caps import Caps
from podsteam_firmware.podlet import reader as rd
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.dose.sink import DoseBook, EventSink
    from podsteam_firmware.signals import Inputs

_IDLE = const(0)
_WAITING = const(1)
_WRITING = const(2)
_READY = const(3)
_PULSING = const(4)

_WINDOW_S = const(10)
"""How long a shot that is due waits for its conditions, s."""
_WRITE_TRIES = const(3)
_SETTLE_MS = const(50)
"""After a pulse's end, until the coil sense is judged: one tick, so that the sample was taken after it."""
_COIL_TICKS = const(3)
"""Samples in a row with coil current and no pulse that make a fault."""
_WRAP = const(0x3FFFFFFF)


class Doser:
    """The dosing timer. `step` it in every tick, whether it doses or not: it also watches the coil."""

    def __init__(self, reader: rd.Reader, events: "EventSink", book: "DoseBook") -> None:
        self._reader = reader
        self._events = events
        self._book = book
        self.caps = Caps()
        """The caps, with what was commanded in this session."""
        self.state = _IDLE
        """0: no schedule, done, or stopped; 1: waits for the next shot's time or conditions; 2: the tag takes the
        count; 3: counted on the tag, the pulse starts as soon as the interlocks allow; 4: the pulse runs."""
        self.steam_s = 0
        """Time with verified steam in this session, s."""
        self.outlet_cdeg = 0
        """Outlet temperature now, 0.01 degC."""
        self.steam_ok = False
        """Steam is verified now."""
        self.pulse_us = 0
        """Start a pulse of this width in this tick; 0: none."""
        self.valve_off = False
        """End a running pulse in this tick."""
        self.doses = 0
        """Shots given in this session, assumed ones included."""
        self.dosed_nl = 0
        """Volume commanded in this session, nL."""
        self.reason = 0
        """DOSE value of the last refusal or reduction in this session, 0: none yet."""
        self.fault = 0
        """CODE_VALVE_OPEN_COIL or CODE_VALVE_STUCK_ON, 0: none. Kept until the next `start`."""
        self._first_s = 0
        self._every_s = 0
        self._left = 0
        self._volume_nl = 0
        self._session = 0
        self._day = 0
        self._due_s = 0
        self._due_ms = 0
        self._is_due = False
        self._tries = 0
        self._bound = -1
        self._nl = 0
        self._wanted_nl = 0
        self._dose_no = 0
        self._end_ms = 0
        self._coil_pulses = 0
        self._coil_ticks = 0
        self._cut = False
        self._now_ms = 0
        self._latch_closed = False
        self._allow = False

    def start(self, first_s: int, every_s: int, count: int, volume_nl: int, session: int = 0, day: int = 0) -> None:
        """Begin a session's schedule: `count` shots, the first at `first_s` of verified steam, then every `every_s`.

        `volume_nl` 0 takes what the podlet asks for. `session` (its number) and `day` (days since 1970-01-01, 0:
        unknown) go onto the tag.
        """
        self.stop()
        self.caps.begin_session()
        self.doses = self.dosed_nl = self.reason = self.fault = 0
        self._due_s = first_s
        self._every_s = every_s
        self._left = count
        self._volume_nl = volume_nl
        self._session = session
        self._day = day
        self._is_due = False
        self._bound = self._reader.insertion if self._reader.present else -1
        self._reader.in_use = True
        if count:
            self.state = _WAITING

    def stop(self) -> None:
        """End dosing now. A running pulse is cut, and counts in full; `valve_off` is set by the next `step`."""
        if self.state == _PULSING:
            self._result(m.DOSE_ASSUMED)
            self._cut = True
        self.state = _IDLE
        self._reader.in_use = False

    def step(self, now_ms: int, inputs: "Inputs", allow: bool) -> None:
        """One tick. Sets `pulse_us` and `valve_off`; allocates nothing.

        `steam_s`, `outlet_cdeg` and `steam_ok` are to be set before. `allow`: supervisor and session allow dosing;
        without it a pulse is cut.
        """
        self.pulse_us = 0
        self._now_ms = now_ms
        self._latch_closed = inputs.latch_closed
        self._allow = allow
        caps = self.caps
        caps.too_soon(now_ms, 0)
        caps.window.advance(now_ms)
        self._book.minute = caps.window.minute
        state = self.state
        if state == _PULSING:
            self._pulsing(inputs)
        elif state != _IDLE:
            if self._gone():
                self._halt(m.DOSE_NO_PODLET)
            elif state == _WAITING:
                self._waiting()
            elif state == _WRITING:
                self._writing()
            else:
                self._ready(inputs)
        self._watch_coil(inputs)
        self.valve_off = self._cut
        self._cut = False

    # Interlocks --------------------------------------------------------------------------------------------

    def _gone(self) -> bool:
        """Whether the podlet that was there went, or another came."""
        return self._bound >= 0 and (not self._reader.present or self._reader.insertion != self._bound)

    def _interlock(self) -> int:
        """DOSE reason against a shot now, apart from podlet and caps; 0: none."""
        if not self._allow:
            return m.DOSE_NOT_CONTENT
        if not self._latch_closed:
            return m.DOSE_LATCH_OPEN
        if not self.steam_ok:
            return m.DOSE_NO_STEAM
        if self.outlet_cdeg < self._reader.outlet_min_cdeg:
            return m.DOSE_OUTLET_COLD
        if self.outlet_cdeg > self._reader.outlet_max_cdeg:
            return m.DOSE_OUTLET_HOT
        return 0

    def _against(self) -> int:
        """DOSE reason against the shot that is due; 0: none, and `_nl` is its volume."""
        reader = self._reader
        if reader.state == m.PODLET_EXHAUSTED:
            return m.DOSE_EMPTY
        if reader.state >= m.PODLET_ALLERGEN:
            # Each of these states has a reason of its own, in the same order.
            return reader.state - m.PODLET_ALLERGEN + m.DOSE_ALLERGEN
        if not reader.usable():
            return m.DOSE_NO_PODLET
        if not self._book.ready():
            return m.DOSE_NOT_RECORDED
        reason = self._interlock()
        if reason:
            return reason
        if self.caps.too_soon(self._now_ms, reader.min_interval_s):
            return m.DOSE_INTERVAL
        self._wanted_nl = self._volume_nl or reader.dose_nl
        self._nl = self.caps.allowed_nl(self._wanted_nl, reader)
        return 0 if self._nl else self.caps.reason

    # The shot's way ----------------------------------------------------------------------------------------

    def _waiting(self) -> None:
        if not self._is_due:
            if self.steam_s < self._due_s:
                return
            self._is_due = True
            self._due_ms = self._now_ms
            self._tries = 0
        reason = self._against()
        if reason:
            self._refuse(reason)
        elif self._reader.note_dose(self._reader.doses_used + 1, self._nl, self._session, self._day):
            self._bound = self._reader.insertion
            self._dose_no = self._reader.doses_used + 1
            self.state = _WRITING
        else:
            self._refuse(m.DOSE_TAG_WRITE)

    def _writing(self) -> None:
        written = self._reader.write_state
        if written == rd.WRITE_DONE:
            self.state = _READY
        elif written == rd.WRITE_FAILED:
            self._tries += 1
            self.state = _WAITING
            if self._tries >= _WRITE_TRIES:
                self._skip(m.DOSE_TAG_WRITE)
        else:
            self._refuse(m.DOSE_TAG_WRITE)

    def _ready(self, inputs: "Inputs") -> None:
        reason = self._interlock()
        if reason:
            self._refuse(reason)
            return
        nl = self._nl
        if not self._book.intent(nl, self._dose_no):
            self._skip(m.DOSE_NOT_RECORDED)
            return
        caps = self.caps
        if caps.reason:
            self.reason = caps.reason
            self._events.emit(m.EVENT_DOSE_WANTED, self._wanted_nl, caps.reasons)
            self._events.emit(m.EVENT_DOSE_REDUCED, caps.reason, nl)
        self._events.emit(m.EVENT_DOSE_INTENT, nl, self._dose_no)
        caps.count(self._now_ms, nl)
        self.dosed_nl += nl
        self.doses += 1
        self.pulse_us = caps.width_us(nl, self._reader.flow_nl_ms)
        self._end_ms = ticks.add(self._now_ms, self.pulse_us // 1000 + _SETTLE_MS)
        self._coil_pulses = inputs.coil_pulses
        self.state = _PULSING

    def _pulsing(self, inputs: "Inputs") -> None:
        if not self._allow or not self._latch_closed or self._gone():
            self._cut = True
            self._result(m.DOSE_ASSUMED)
        elif ticks.diff(self._now_ms, self._end_ms) > 0:
            pulses = (inputs.coil_pulses - self._coil_pulses) & _WRAP
            if pulses == 1 and not inputs.coil_on:
                self._result(m.DOSE_GIVEN)
            else:
                self._result(m.DOSE_ASSUMED)
                self._break(m.CODE_VALVE_STUCK_ON if pulses else m.CODE_VALVE_OPEN_COIL)

    def _result(self, result: int) -> None:
        self._book.result(result, self._nl)
        self._events.emit(m.EVENT_DOSE_RESULT, result, self._nl)
        self._next()

    def _next(self) -> None:
        """On to the next shot of the schedule."""
        self._is_due = False
        self._due_s += self._every_s
        self._left -= 1
        self.state = _WAITING if self._left > 0 else _IDLE

    def _refuse(self, reason: int) -> None:
        """The shot cannot be given now. It may wait within its window, unless waiting cannot help."""
        final = reason == m.DOSE_EMPTY or reason == m.DOSE_SESSION_CAP or reason == m.DOSE_HARD_LIMIT
        # From the day's cap on no reason goes while the session runs: a press of the button would stop it.
        if final or reason >= m.DOSE_DAY_CAP:
            self._halt(reason)
        elif ticks.diff(self._now_ms, self._due_ms) >= _WINDOW_S * 1000 or self.steam_s - self._due_s >= _WINDOW_S:
            self._skip(reason)

    def _skip(self, reason: int) -> None:
        self._report(reason)
        self._next()

    def _halt(self, reason: int) -> None:
        """No further shot in this session."""
        self._report(reason)
        self.state = _IDLE

    def _report(self, reason: int) -> None:
        self.reason = reason
        # A podlet that has gone asks for nothing any more: then the last volume stands for it.
        self._events.emit(m.EVENT_DOSE_REFUSED, reason, self._volume_nl or self._reader.dose_nl or self._nl)

    # Coil --------------------------------------------------------------------------------------------------

    def _watch_coil(self, inputs: "Inputs") -> None:
        """Coil current without a pulse is a stuck driver, whether a session runs or not."""
        if not inputs.coil_on or self.state == _PULSING:
            self._coil_ticks = 0
            return
        self._coil_ticks += 1
        if self._coil_ticks >= _COIL_TICKS:
            self._coil_ticks = _COIL_TICKS
            self._break(m.CODE_VALVE_STUCK_ON)

    def _break(self, fault: int) -> None:
        """The valve cannot be trusted: no further shot."""
        self.fault = fault
        self._cut = True
        self.state = _IDLE
