# SPDX-License-Identifier: Apache-2.0
"""Does the wall get warmer when the element is on? The thermal backup of the current sense.

It finds a wall sensor that came off or stands still, and an element that draws current elsewhere. It judges only what
is certain, at full power (four fifths or more):

* A wall below 75 degC, where no water boils, rises. The slowest boiler of the envelope, 195 W into 690 J/K behind a
  lag of 3 s, rises by 0.5 K in 2 s; the limit is 0.1 K, four looks in a row. The first 2.5 s are let pass.
* A wall of any temperature that was seen to rise by 0.6 K in 2 s for four looks does not fall: by as much in 2 s, of
  which 0.2 K in the second half, six looks in a row, is a fault. A wall that drops at once when bubbles begin to form
  falls in one half only.

After a sag of the mains by more than 3 %, or cold water poured in, a healthy wall may fall for tens of seconds, with
power or after a pause of it: then nothing is judged until it was seen to rise again, at most 60 s.
"""

from podsteam_firmware.safety.trend import Trend
from podsteam_protocol.const import const

_COLD_CDEG = const(7500)
_WINDOW = const(8)
"""Looks that the rise is taken over: 2 s."""
_FLAT_CDEG = const(10)
_RISING_CDEG = const(20)
_FLAT_LOOKS = const(4)
_BEGIN_LOOKS = const(10)
_UPSET_LOOKS = const(240)
_FALL_CDEG = const(60)
_HALF_CDEG = const(20)
_FALL_LOOKS = const(6)
_POURED_CDEG = const(50)
"""Fall of the water in 2 s that only water poured in makes."""


class Rise:
    """Watches the wall at full power. `step` at each look, True: it does not get warmer."""

    def __init__(self) -> None:
        self.detail = 0
        """Change of the wall in the last 2 s, 0.01 K."""
        self._patience = 0
        self._flat = 0
        self._falling = 0
        self._rising = 0
        self._risen = False

    def step(self, trend: Trend) -> bool:
        """One look."""
        rise = trend.rose(_WINDOW)
        self.detail = rise
        if trend.sagged or trend.water_rose(_WINDOW) <= -_POURED_CDEG:
            self._patience = _UPSET_LOOKS
            self._risen = False
            # The 2 s of a rise must lie behind it.
            self._rising = -_WINDOW
        elif rise >= _RISING_CDEG and trend.full > _BEGIN_LOOKS:
            self._patience = 0
        elif self._patience > 0:
            self._patience -= 1
        if trend.full == 0:
            # An upset is not over because the power was off meanwhile.
            self._patience = max(self._patience, _BEGIN_LOOKS)
            self._risen = False
            self._rising = min(self._rising, 0)
        self._rising = self._rising + 1 if rise >= _FALL_CDEG else 0
        if self._rising >= _FLAT_LOOKS:
            self._risen = True
        # A unit that is used at once heats before its first look is judged.
        begun = self._patience == 0 and trend.full >= _BEGIN_LOOKS
        flat = begun and trend.wall <= _COLD_CDEG and rise < _FLAT_CDEG
        self._flat = self._flat + 1 if flat else 0
        falling = self._risen and rise <= -_FALL_CDEG and trend.rose(_WINDOW >> 1) <= -_HALF_CDEG
        self._falling = self._falling + 1 if falling else 0
        return self._flat >= _FLAT_LOOKS or self._falling >= _FALL_LOOKS
