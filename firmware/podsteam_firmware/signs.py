# SPDX-License-Identifier: Apache-2.0
"""What the person sees and hears: which light belongs to the present state, played from the tick, and when it sounds.

The lights and sounds are data, `podsteam_protocol/signs.py`, and come here as numbers: a light is a word of 20 bits, of
which each lasts 200 ms, below the bits of its lamps. Nothing but the state decides, so no light outlives its cause.
"""

from podsteam_firmware.session.button import HOLD_TICKS
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.podlet.reader import Reader
    from podsteam_firmware.safety.supervisor import Supervisor
    from podsteam_firmware.session.session import Session

_STEP_TICKS = const(4)
"""Ticks in a step of a rhythm: 200 ms."""
_ROUND_TICKS = const(80)
_SOUND_TICKS = const(16)
"""The longest sound: another one waits until this one is over."""
_DIGIT = const(48)
"""Of the digit 0."""
_LOW_DOSES = const(3)
"""A podlet with fewer doses is nearly empty."""


class Signs:
    """Light and sound. `step` once a tick, after the session's; then read `lights`, `changed` and `sound`."""

    def __init__(self, session: "Session", supervisor: "Supervisor", reader: "Reader") -> None:
        self._session = session
        self._supervisor = supervisor
        self._reader = reader
        self.sign: int = m.SIGN_READY
        """The SIGN word that is being played."""
        self.lights = 0
        """Lamps that are lit now, bits of the board's expander."""
        self.changed = False
        """They are to be set now: they have changed, or a round begins and a lost write is made good."""
        self.sound = 0
        """SOUND word to play now, 0: none."""
        self.confirm = False
        """Set by its owner while a hold of the button is wanted to agree to a podlet."""
        self.descale = False
        """Set by its owner when the boiler should be descaled soon."""
        self.updating = False
        """Set by its owner while new firmware is being stored."""
        self._state = m.STATE_IDLE
        self._ticks = 0
        self._waiting = 0
        self._sounding = 0

    def step(self, ready: bool) -> None:
        """One tick. `ready`: nothing but the button is missing for a start."""
        sign = self._choose(self._session.state, ready)
        self._hear(sign, self._session.state)
        if sign != self.sign:
            self.sign = sign
            self._ticks = 0
        lights = sign >> m.SIGN_STEPS if sign >> self._ticks // _STEP_TICKS & 1 else 0
        self.changed = lights != self.lights or self._ticks == 0
        self.lights = lights
        self._ticks += 1
        if self._ticks == _ROUND_TICKS:
            self._ticks = 0

    def _choose(self, state: int, ready: bool) -> int:
        """The SIGN word for the present state: what needs the person most comes first."""
        session = self._session
        if state == m.STATE_FAULT:
            return m.SIGN_CLEAR if 0 < session.button.held_ticks <= HOLD_TICKS else self._fault(self._supervisor.fault)
        if self.confirm:
            return m.SIGN_CONFIRM
        if state == m.STATE_ARMED or session.resume_armed:
            return m.SIGN_PRESS
        if state == m.STATE_WARM_UP:
            return m.SIGN_WARM_UP
        if state == m.STATE_STEAM:
            return m.SIGN_STEAM
        if state == m.STATE_PAUSED:
            return m.SIGN_PAUSED
        if self.updating:
            return m.SIGN_UPDATE
        if state == m.STATE_COOLING:
            return m.SIGN_COOLING
        return self._idle(ready)

    def _idle(self, ready: bool) -> int:
        if not ready:
            return m.SIGN_NOT_READY
        reader = self._reader
        state = reader.state
        if m.PODLET_EXHAUSTED <= state <= m.PODLET_UNREADABLE or state == m.PODLET_RECALLED:
            return m.SIGN_PODLET
        if (state == m.PODLET_GUEST or state == m.PODLET_SIGNED) and (
            reader.doses_left < _LOW_DOSES or reader.date_note == m.CODE_PODLET_OLD
        ):
            return m.SIGN_PODLET
        return m.SIGN_DESCALE if self.descale else m.SIGN_READY

    def _fault(self, code: int) -> int:
        """The SIGN word of the fault's class."""
        if code >= m.FAULTS_DOSE:
            return m.SIGN_FAULT_DOSE
        at = code - m.FAULTS_FIRST
        return m.FAULT_SIGNS[m.FAULT_CLASS[at] - _DIGIT if 0 <= at < len(m.FAULT_CLASS) else 0]

    def _hear(self, sign: int, state: int) -> None:
        """A sound for what has just begun; one that comes while another sounds waits, and the newest wins."""
        was = self._state
        self._state = state
        if state != was:
            if state == m.STATE_FAULT:
                self._waiting = m.SOUND_FAULT
            elif was == m.STATE_FAULT or state == m.STATE_WARM_UP:
                self._waiting = m.SOUND_START
            elif m.STATE_WARM_UP <= was <= m.STATE_PAUSED and (state == m.STATE_COOLING or state == m.STATE_IDLE):
                self._waiting = m.SOUND_END
        if sign != self.sign and (sign == m.SIGN_PRESS or sign == m.SIGN_CONFIRM):
            self._waiting = m.SOUND_CONFIRM
        self.sound = 0
        if self._sounding:
            self._sounding -= 1
        elif self._waiting:
            self.sound = self._waiting
            self._waiting = 0
            self._sounding = _SOUND_TICKS
