# SPDX-License-Identifier: Apache-2.0
"""Did a sensor come off? Wall and water are held against each other: one of them falls, and the other says why not.

* The wall lies under the water though it was above it before: it is between element and water, so that cannot be.
  While power rests it must lie there by more than cold water makes: twice what the water has fallen in 4 s. Hot
  water that is poured in passes the wall, which does not fall: from then on the wall may be under it.
* The wall falls by 6 K in 2 s, three times more than the water, while power and mains stay what they were. Cold water
  would be seen by the water's sensor as well, within that factor for any wall and lag of the envelope. When power has
  rested for 10 s the wall may lose half of what it was over the water besides: the quickest wall loses a third.
* The water falls by 6 K in 2 s: cold water was poured in, or its sensor came off. Nobody can tell yet, so there is a
  `doubt`, in which there is no heat. What was poured in gets warmer again without heat, because the wall gives it, or
  takes the wall along below the old water; a sensor that hangs in the room sees neither. After 90 s without such an
  answer a fall by 12 K or more is the sensor's. A smaller one is let go after 8 s; `unmoved` has an eye on it.
* Beside a wall that is heated and 40 K over the water, 2.5 K in 2 s are enough for a doubt: the water is hardly warmer
  than the room then, and its sensor cannot fall by more. Such a wall warms what was poured in, so there must be an
  answer, however small the fall.
"""

from podsteam_firmware.safety.trend import Trend
from podsteam_protocol.const import const
from podsteam_protocol.messages import CODE_WALL_SENSOR, CODE_WATER_SENSOR

_WINDOW = const(8)
_UNDER_CDEG = const(600)
"""Each sensor may be 2 K off."""
_OVER_CDEG = const(100)
_UNDER_LOOKS = const(2)
_HOTTER_CDEG = const(200)
_STAYS_CDEG = const(100)
_FALL_CDEG = const(600)
_FAR_CDEG = const(4000)
_FAR_FALL_CDEG = const(250)
_PAST = const(15)
_FALL_RATIO = const(3)
_LEAST_HALVES = const(40)
"""A fifth of full power in 2 s: with less the wall goes with the controller's pulses."""
_LESS_HALVES = const(10)
_UPSET_LOOKS = const(40)
"""10 s after a sag of the mains, or after cold water, nothing that falls is judged."""
_REST_LOOKS = const(40)
"""Keeping warm, power rests for seconds, and longer while a session goes on: sensors may come off then as well."""
_WARM_CDEG = const(8400)
"""Water that is kept warm lies below. Over it a rest is short, and ends in steam."""
_FORGET_LOOKS = const(240)
_DOUBT_LOOKS = const(360)
_ANSWER_CDEG = const(200)
_ANSWER_SHARE = const(6)
_CLEAR_CDEG = const(1200)
_SHORT_LOOKS = const(32)
_WARMED_CDEG = const(150)


class Detached:
    """Holds wall and water against each other. `step` at each look gives CODE_WALL_SENSOR, CODE_WATER_SENSOR or 0."""

    def __init__(self) -> None:
        self.detail = 0
        """The reading that cannot be, 0.01 degC."""
        self.doubt = False
        """No heat until it is known whether cold water was poured in."""
        self._over = False
        self._far = False
        self._under = 0
        self._upset = 0
        self._hot = 0
        self._low = 0
        self._looks = 0

    def step(self, trend: Trend, closed: bool) -> int:
        """One look; `closed`: the safety relay is commanded closed, so a session goes on, even while power rests."""
        self.detail = trend.wall
        if self.doubt:
            return self._doubted(trend)
        if self._upset > 0:
            self._upset -= 1
        if trend.sagged:
            self._upset = _UPSET_LOOKS
        if trend.quiet >= _FORGET_LOOKS:
            self._over = False
        if trend.quiet >= _REST_LOOKS and not closed:
            return 0
        if (trend.quiet == 0 or closed) and (self._lies_under(trend) or self._fell(trend)):
            return CODE_WALL_SENSOR
        self._doubts(trend)
        return 0

    def _doubts(self, trend: Trend) -> None:
        rose = trend.water_rose(_WINDOW)
        if trend.quiet >= _REST_LOOKS and trend.water - rose >= _WARM_CDEG:
            return
        self._far = trend.quiet == 0 and trend.wall - trend.water >= _FAR_CDEG
        if rose <= -(_FAR_FALL_CDEG if self._far else _FALL_CDEG):
            self.doubt = True
            self._hot = trend.water - rose
            self._low = trend.water
            self._looks = 0

    def _lies_under(self, trend: Trend) -> bool:
        gap = trend.wall - trend.water
        warmed = trend.water_rose(_PAST)
        if gap >= _OVER_CDEG:
            self._over = self._over or trend.quiet == 0
        elif trend.quiet > 0 and warmed >= _HOTTER_CDEG and trend.rose(_WINDOW) > -_STAYS_CDEG:
            self._over = False
        if trend.quiet > 0:
            gap -= 2 * min(warmed, 0)
        self._under = self._under + 1 if self._over and gap <= -_UNDER_CDEG else 0
        return self._under >= _UNDER_LOOKS

    def _fell(self, trend: Trend) -> bool:
        if self._upset > 0:
            return False
        rose = trend.rose(_WINDOW)
        water = trend.water_rose(_WINDOW)
        least = _FALL_CDEG - _FALL_RATIO * min(water, 0)
        if trend.quiet >= _REST_LOOKS:
            return -rose >= least + (max(trend.wall - rose - trend.water + water, 0) >> 1)
        if trend.quiet > 0 or trend.recent < _LEAST_HALVES or trend.recent < trend.before - _LESS_HALVES:
            return False
        return -rose >= least

    def _doubted(self, trend: Trend) -> int:
        self._looks += 1
        fallen = self._hot - trend.water
        self._low = min(self._low, trend.water)
        poured = trend.wall <= self._hot - _ANSWER_CDEG - fallen // _ANSWER_SHARE
        small = fallen < _CLEAR_CDEG and not self._far
        if trend.water >= self._low + _WARMED_CDEG or poured or (small and self._looks >= _SHORT_LOOKS):
            self.doubt = False
            self._upset = _UPSET_LOOKS
        elif self._looks >= _DOUBT_LOOKS:
            self.detail = trend.water
            return CODE_WATER_SENSOR
        return 0
