# SPDX-License-Identifier: Apache-2.0
"""Does the wall get warmer when the element is on? The thermal backup of the current sense.

It finds a wall sensor that came off or stands still, and an element that draws current elsewhere. It judges only what
is certain, at full power (four fifths or more). The measure is the slowest boiler of the envelope, every constant at
its worst end: 206 W (300 W, 85 % of the mains), an element of 40 J/K and 10 W/K on a wall of 150 J/K, 120 g, a lag of
3 s. More voltage makes everything faster, by its square.

* From rest its wall has risen by 0.23 K after 3.5 s, 0.67 K after 5 s, 3.3 K after 10 s and 6.5 K after 15 s, as the
  mean of the newest 1.5 s. Half of that at first and 94 % in the end must be there. The slowest of 3000 drawn boilers
  has 1.7 and 1.5 times as much; the worst converter's noise leaves 0.08 K. What the wall was losing before is let off.
* From rest the rise in 2 s does not come down to 45 % of its greatest within 10 s either: water takes the heat from the
  lightest wall with a time constant of 5.8 s, and 60 % are left.
* A wall below 85 degC, where no water boils, rises: by 0.6 K in 2 s in the slowest boiler. What is missing from 0.4 K
  is summed up, look by look; 1.2 K are a fault. The first 3.5 s are let pass, up to 10 s when the wall was cooling, and
  10 s after a pause of less than 20 s, because what element and sensor lag behind by may still come.
* A wall of any temperature that was seen to rise by 0.6 K in 2 s for four looks does not fall: by as much in 2 s, of
  which 0.2 K in the second half, four looks in a row, is a fault. A wall that drops at once when bubbles begin to form
  falls in one half only.

After a sag of the mains by more than 3 %, or cold water poured in, a healthy wall may fall for tens of seconds, with
power or after a pause of it: then nothing is judged until it was seen to rise 24 s later or more, at most for 60 s.
"""

from podsteam_firmware.safety.trend import LOOKS, Trend
from podsteam_protocol.const import const

_COLD_CDEG = const(8500)
_WINDOW = const(8)
"""Looks that the rise is taken over: 2 s."""
_LEAST_CDEG = const(40)
_SHORT_MOST_CDEG = const(40)
"""One look adds this at most."""
_SHORT_CDEG = const(120)
_BEGIN_LOOKS = const(14)
_TURN_LOOKS = const(40)
_TURN_SHARE = const(16)
"""Of what four looks have fallen in 2 s, 0.01 K: a look more to turn round for each 0.04 K."""
_RISEN_LOOKS = const(4)
_UPSET_LOOKS = const(240)
_AFTER_LOOKS = const(96)
_FALL_CDEG = const(60)
_HALF_CDEG = const(20)
_FALL_LOOKS = const(4)
_POURED_CDEG = const(50)
"""Fall of the water in 2 s, seen twice, that only water poured in makes."""
_MAINS_UV = const(9775)
"""Hundredth of 195.5 V, 85 % of 230 V."""
_SQUARE_MOST = const(200)

_REST_LOOKS = const(80)
"""Without power for so long the element has given away what it had stored, or it had none since the start."""
_EVEN_CDEG = const(400)
_KNOWN = const(10)
_PAST = const(7)
_SLOW_SHIFT = const(5)
"""The wall before heat is averaged over 8 s, against which it shows that it cools."""
_DRIFT_CDEG = const(35)
"""Seven looks' sum: 0.05 K, which noise makes."""
_FIRST_LOOKS = const(14)
_LAST_LOOKS = const(60)
_DELAY_LOOKS = const(7)
_BENT_LOOKS = const(40)
_NEW = const(6)
_FULL_PERMILLE = const(59)
"""For each of 16 looks: 944 permille of what was possible."""


def _due(full: int) -> int:
    """0.01 K that a wall has risen by from rest after so many looks of full power at 195.5 V."""
    past = min(full, _BENT_LOOKS) - _DELAY_LOOKS
    return past * past * 27 // 100 + (full - _DELAY_LOOKS - past) * 16


class Rise:
    """Watches the wall at full power. `step` at each look, True: it does not get warmer."""

    def __init__(self) -> None:
        self.detail = 0
        """Change of the wall in the last 2 s, 0.01 K."""
        self._patience = 0
        self._short = 0
        self._falling = 0
        self._rising = 0
        self._risen = False
        self._rested = True
        self._quiet = 0
        self._slow = 0
        # A heat-up from rest: the sum of 14 looks before it, 0: it is none.
        self._base = 0
        self._drift = 0
        self._peak = 0

    def step(self, trend: Trend, mains_uv: int) -> bool:
        """One look; `mains_uv`: the mains sense."""
        rise = trend.rose(_WINDOW)
        self.detail = rise
        square = mains_uv // _MAINS_UV
        square = min(square * square // 100, _SQUARE_MOST)
        least = _LEAST_CDEG * square // 100
        self._upset(trend, rise, least)
        self._rest(trend)
        if self._base != 0:
            if self._behind(trend, square):
                return True
            self._peak = max(self._peak, rise)
            if trend.full <= _BENT_LOOKS:
                least = max(least, self._peak * 9 // 20)
        if self._falls(trend, rise):
            return True
        if trend.wall > _COLD_CDEG:
            self._short = 0
            return False
        return self._flat(trend, least - rise)

    def _upset(self, trend: Trend, rise: int, least: int) -> None:
        """Whether anything may be judged; and whether the wall was seen to rise."""
        if trend.sagged or (trend.water_rose(_WINDOW) <= -_POURED_CDEG and self._poured(trend)):
            self._patience = _UPSET_LOOKS
            self._risen = False
            self._base = 0
            # A rise must lie behind it, and behind all that element and sensor lag behind by.
            self._rising = -_AFTER_LOOKS
        elif rise >= least and trend.full > _BEGIN_LOOKS and self._patience <= _UPSET_LOOKS - _AFTER_LOOKS:
            self._patience = 0
        elif self._patience > 0:
            self._patience -= 1
        if trend.full == 0:
            self._risen = False
            self._rising = min(self._rising, 0)
        self._rising = self._rising + 1 if rise >= _FALL_CDEG else 0
        if self._rising >= _RISEN_LOOKS:
            self._risen = True

    def _poured(self, trend: Trend) -> bool:
        """Whether the look before had fallen as well, and its past is known."""
        return trend.known >= LOOKS and trend.water_rose(_WINDOW + 1) - trend.water_rose(1) <= -_POURED_CDEG

    def _rest(self, trend: Trend) -> None:
        """What the wall does before the power comes, and whether a heat-up from rest goes on."""
        if trend.quiet > 0:
            # The first look is its own average.
            looks = min(trend.quiet, 1 << _SLOW_SHIFT)
            self._slow += ((trend.wall << _SLOW_SHIFT) - self._slow) // looks
            if trend.quiet >= _REST_LOOKS:
                self._rested = True
            self._base = 0
        else:
            if self._quiet > 0:
                self._begin(trend)
            elif trend.full == 0 or trend.full > _LAST_LOOKS or trend.surged or trend.wall > _COLD_CDEG:
                self._base = 0
            self._rested = False
        self._quiet = trend.quiet

    def _begin(self, trend: Trend) -> None:
        """The first look with power."""
        even = abs(trend.wall - trend.water) <= _EVEN_CDEG
        if self._rested and even and trend.known >= _KNOWN and self._patience <= _BEGIN_LOOKS:
            self._base = trend.sum(_PAST, 1)
            drift = (self._slow * _PAST >> _SLOW_SHIFT) - self._base - _DRIFT_CDEG
            self._drift = max(drift, 0)
            self._base += trend.sum(_PAST, 1 + _PAST)
            self._peak = 0
        self._patience = max(self._patience, self._turn(trend))

    def _turn(self, trend: Trend) -> int:
        """Looks for a wall that cools, or will when its sensor has followed, to turn round."""
        if not self._rested:
            return _TURN_LOOKS
        fallen = trend.sum(4, _WINDOW) - trend.sum(4, 0)
        return min(_BEGIN_LOOKS + max(fallen, 0) // _TURN_SHARE, _TURN_LOOKS)

    def _behind(self, trend: Trend, square: int) -> bool:
        """Whether the wall of a heat-up from rest is behind that of the slowest boiler."""
        full = trend.full
        if full < _FIRST_LOOKS:
            return False
        if trend.power < _FULL_PERMILLE * min(full, LOOKS):
            self._base = 0
            return False
        # In 42nds of 0.01 K: sums of 6 and of 14 looks; the drift is one of 7 in 16 looks.
        missing = _due(full) * square // 100 * 42 + self._base * 3
        missing -= self._drift * (full + _NEW) * 6 >> 4
        return trend.sum(_NEW, 0) * 7 < missing

    def _flat(self, trend: Trend, short: int) -> bool:
        # A unit that is used at once heats before its first look is judged.
        if self._patience > 0 or trend.full < _BEGIN_LOOKS:
            self._short = 0
        else:
            self._short = max(self._short + min(short, _SHORT_MOST_CDEG), 0)
        return self._short >= _SHORT_CDEG

    def _falls(self, trend: Trend, rise: int) -> bool:
        falling = self._risen and rise <= -_FALL_CDEG and trend.rose(_WINDOW >> 1) <= -_HALF_CDEG
        self._falling = self._falling + 1 if falling else 0
        return self._falling >= _FALL_LOOKS
