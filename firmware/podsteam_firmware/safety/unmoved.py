# SPDX-License-Identifier: Apache-2.0
"""Does a reading answer to heat, and to its end? It finds what has noise and stays where it is all the same.

* Water that does not get warmer: half of full power or more goes through a wall of 92 degC or more, which by then
  boils what touches it, and the water stays below 84 degC and rises by less than 1 K in 20 s. The slowest boiler rises
  by 3 K. Cold water that is poured in begins a new 20 s.
* Water that does not get warmer beside a wall far over it, at a twentieth of full power or more. What makes up the
  losses lies below 2 K and 0.4 of the water's rise over the room, at the worst of everything (a wetted wall of 20 cm2
  with 1 mm of scale, 120 g, badly mixed); 16 K are allowed in any case. What the wall lies over that, 10 K at most, is
  summed up until the water, filtered by 4 s, has changed by 0.25 K: heat that it must show. Drawn boilers with cold
  water poured in sum up 102 K s at most, 240 with the worst of everything 206 K s, and all but one of them 147; 250
  are a fault. It finds a water sensor that stays, or falls slowly, while the device keeps warm.
* The same, sooner, for a boiler that has told its pace: K s that the wall must lie over the water for the water to
  become 1 K warmer, measured at full power over 2 K each, the first of which is left out. Losses explain a part of the
  water's rise over the room: 0.325 W/K of them, over what the wall gives to 37 J/K, the least water, at this pace. What
  the wall lies over that, 16 K at most, is summed up; 40 K s, for the sensor's lag, and what would warm the water by
  1 K are a fault. Drawn boilers of both kinds, without scale, come to an eighth of it with cold water poured in. Cold
  water makes the pace unknown for a minute, and so does a minute without power.
* A wall that does not get cooler: after a quarter of full power or more, at which it stood still and boiled water, it
  must have lost its superheat, 4 K or more, 10 s after the end of heat. It is judged at each pause and at the end of
  each session: a wall sensor that stands still at a plausible value while water boils is masked until then, and so is
  a relay that holds its current with a dead sense.
"""

from podsteam_firmware.safety.trend import Trend
from podsteam_protocol.const import const
from podsteam_protocol.messages import CODE_WALL_SENSOR, CODE_WATER_SENSOR

_WALL_CDEG = const(9200)
_WATER_CDEG = const(8400)
_HALF_PERMILLE = const(500)
_QUARTER_PERMILLE = const(250)
_LOOKS = const(80)
_FAR_CDEG = const(1600)
_OFF_CDEG = const(200)
"""Each sensor may be 1 K off."""
_ROOM_CDEG = const(2000)
"""The outlet shows the room, but not after steam: the room is never taken for warmer."""
_FAR_MOST_CDEG = const(1000)
_FAR_PERMILLE = const(50)
_FAR_CHANGE_CDEG = const(25)
_FAR_SUM = const(100000)
"""250 K s, in 0.01 K and looks."""
_PACE_CDEG = const(200)
"""Rise of the water that a pace is measured over."""
_PACE_LEAST = const(40)
"""Looks, so 10 s: 9 s is what the largest wall takes for the least water."""
_PACE_PERMILLE_5 = const(11)
"""Five times what losses explain for each look of the pace: 0.325 W/K / 37 J/K / 4."""
_PACE_MOST_PERMILLE = const(400)
_PACE_FAR_CDEG = const(1600)
_PACE_SUM = const(16000)
_PACE_RISE_CDEG = const(100)
_WINDOW = const(8)
_POURED_CDEG = const(100)
_FORGET_LOOKS = const(240)
_RISE_CDEG = const(100)
_NEW_LOW_CDEG = const(50)
_COOLED_CDEG = const(100)
_COOL_LOOKS = const(40)
_PAST = const(15)
_STILL_CDEG = const(40)


class Unmoved:
    """Watches all three. `step` at each look gives CODE_WALL_SENSOR, CODE_WATER_SENSOR or 0."""

    def __init__(self) -> None:
        self.detail = 0
        """The reading that stays, 0.01 degC."""
        self._looks = 0
        self._water = 0
        self._wall = 0
        self._boiled = False
        self._far = 0
        self._begun = 0
        self._mean = 0
        self._pace = 0
        self._led = 0
        self._from = 0
        self._settled = False
        self._upset = 0

    def step(self, trend: Trend) -> int:
        """One look."""
        if self._far_wall(trend) or self._cold_water(trend):
            self.detail = trend.water
            return CODE_WATER_SENSOR
        if self._hot_wall(trend):
            self.detail = trend.wall
            return CODE_WALL_SENSOR
        return 0

    def _cold_water(self, trend: Trend) -> bool:
        water = trend.water
        heated = trend.wall >= _WALL_CDEG and water < _WATER_CDEG and trend.power >= _HALF_PERMILLE
        if not heated or water <= self._water - _NEW_LOW_CDEG or water >= self._water + _RISE_CDEG:
            self._looks = 0
            self._water = water
            return False
        self._looks += 1
        return self._looks >= _LOOKS

    def _far_wall(self, trend: Trend) -> bool:
        if self._mean == 0:
            self._mean = trend.water << 4
            self._from = trend.water
        # Sixteen times the filtered water.
        self._mean += trend.water - (self._mean >> 4)
        water = self._mean >> 4
        self._learn(trend, water)
        warmer = trend.water - min(trend.outlet, _ROOM_CDEG)
        lead = trend.wall - trend.water - self._explained(warmer)
        heated = lead > 0 and trend.water < _WATER_CDEG and trend.power >= _FAR_PERMILLE
        if not heated or abs(water - self._begun) >= _FAR_CHANGE_CDEG:
            self._far = 0
            self._begun = water
            return False
        if self._pace == 0:
            self._far += min(lead, _FAR_MOST_CDEG)
            return self._far >= _FAR_SUM
        self._far += min(lead, _PACE_FAR_CDEG)
        return self._far >= min(_PACE_SUM + self._pace * _PACE_RISE_CDEG, _FAR_SUM)

    def _explained(self, warmer: int) -> int:
        """What losses explain of the wall's lead over water that is so much warmer than the room, all in 0.01 K."""
        if self._pace == 0:
            return max(warmer * 2 // 5 + _OFF_CDEG, _FAR_CDEG)
        return warmer * min(self._pace * _PACE_PERMILLE_5 // 5, _PACE_MOST_PERMILLE) // 1000 + _OFF_CDEG

    def _learn(self, trend: Trend, water: int) -> None:
        """Measure the pace, in looks, or forget it."""
        poured = trend.water_rose(_WINDOW) <= -_POURED_CDEG
        if poured or trend.quiet >= _FORGET_LOOKS:
            self._pace = 0
            self._settled = False
        if poured:
            self._upset = _FORGET_LOOKS
        elif self._upset > 0:
            self._upset -= 1
        if self._upset > 0 or trend.full == 0 or trend.wall >= _WALL_CDEG or water < self._from:
            self._led = 0
            self._from = water
            return
        self._led += trend.wall - trend.water
        if water < self._from + _PACE_CDEG:
            return
        if self._settled:
            self._pace = max(self._led // (water - self._from), _PACE_LEAST)
        self._settled = True
        self._led = 0
        self._from = water

    def _hot_wall(self, trend: Trend) -> bool:
        if trend.quiet == 0:
            hot = trend.wall >= _WALL_CDEG and trend.water >= _WATER_CDEG
            self._boiled = hot and trend.power >= _QUARTER_PERMILLE and abs(trend.rose(_PAST)) <= _STILL_CDEG
            self._wall = trend.wall
            return False
        return self._boiled and trend.quiet == _COOL_LOOKS and self._wall - trend.wall < _COOLED_CDEG
