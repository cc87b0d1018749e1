# SPDX-License-Identifier: Apache-2.0
"""Is there water? A dry boiler shows in its wall: it leaves the boiling plateau, where water holds it.

Works on raw microvolts of wall and water NTC, which fall as it gets warmer: by 2.15 % for 1 K between 90 and 120 degC,
about 11 mV at 105 degC. The plateau is found, not assumed: it lies 2 to 13 K over a boiling point of 90 to 100 degC
and depends on power and scale. Two rules, judged twice a second while the element is on:

* plateau: the wall has left its plateau by 3.1 K and still rises, with no more power and no warmer water than there;
* runaway: the wall is over 114 degC and rises as only dry metal does at this power, hardly slower than 3 s before
  (towards a plateau the rise dies away), and half as fast as it rose at its fastest in this heat-up, power for power:
  that was metal that had hardly given any heat to water yet, so an empty boiler comes back to it, and a scaled one
  does not.

After the power has grown the wall seeks a new plateau; for those 6 s the runaway rule begins at 124 degC.
"""

from array import array

from podsteam_firmware.safety.celsius import cdeg
from podsteam_protocol.const import const

_TICKS = const(10)
"""Ticks between two looks: 0.5 s."""
_LOOKS = const(12)
"""Looks that are remembered: 6 s."""
_RUNAWAY_UV = const(444500)
"""114 degC."""
_RUNAWAY_GROWN_UV = const(358000)
"""124 degC."""
_FULL_HALVES = const(600)
"""Half-cycles in 6 s at 50 Hz and full power."""
_DRY_RISE_UV = const(38000)
"""4 K in 3 s at 114 degC and full power: 300 W into 190 J/K give 4.7 K; less power gives less in proportion."""
_DRY_RISE_LEAST_UV = const(8000)
_FASTEST_HALVES = const(480)
"""Four fifths of full power at 50 Hz: how fast the wall rises with less is not remembered."""
_STEADY_PERCENT = const(85)
"""Of the rise 3 s before, in kelvin."""
_BOILING_UV = const(827000)
"""85 degC: no plateau is looked for below."""
_STILL_UV = const(6000)
"""0.5 K: what a plateau of the wall may drift in 3 s, and the water in 6 s: while it warms, it does not boil."""
_MOVED_UV = const(14000)
"""1.2 K. Water that is warmer by this did not boil; a wall that is cooler has a new plateau, or got cold water."""
_LEFT_PERMILLE = const(65)
"""3.1 K; a healthy boiler of the envelope comes to 1.6 K in a cold refill behind scale."""
_RISING_UV = const(2500)
"""0.25 K in 3 s."""
_CREEP_UV = const(30)
"""0.005 K/s: the plateau follows the wall no faster than scale grows or the room warms."""
_LEAST_HALVES = const(120)
"""A fifth of full power: with less the water may not boil, and the wall goes with power and water."""
_MORE_PERCENT = const(112)
_MORE_HALVES = const(4)
"""Power has grown when it is more than 112 % and 4 half-cycles."""


class Dry:
    """Watches wall and water. `step` every 50 ms, True: dry."""

    def __init__(self) -> None:
        self.detail = 0
        """Wall reading that decided, uV."""
        self._wall = -1
        self._water = 0
        self._count = 0
        self._halves = 0
        self._walls = array("i", (0 for _ in range(_LOOKS)))
        self._waters = array("i", (0 for _ in range(_LOOKS)))
        self._powers = array("i", (0 for _ in range(_LOOKS)))
        self._power = 0
        self._known = 0
        self._wait = _LOOKS
        self._plateau = 0
        self._plateau_power = 0
        self._plateau_water = 0
        self._fastest = 0

    def step(self, wall_uv: int, water_uv: int, commanded: int) -> bool:
        """One tick: readings in uV, and half-cycles commanded on since the last one."""
        if self._wall < 0:
            self._wall = wall_uv << 3
            self._water = water_uv << 3
        # First-order filters, 0.4 s; the state is eight times the output.
        self._wall += wall_uv - (self._wall >> 3)
        self._water += water_uv - (self._water >> 3)
        self._halves += commanded
        self._count += 1
        if self._count < _TICKS:
            return False
        self._count = 0
        self._remember(self._wall >> 3, self._water >> 3)
        if self._known < _LOOKS or self._power == 0:
            self._plateau = 0
            return False
        if self._power >= _FASTEST_HALVES:
            self._fastest = max(self._fastest, self._rise())
        self._growth()
        return self._runaway(self._walls[0]) or self._left(self._walls[0])

    def _rise(self) -> int:
        """By how much the wall has become warmer in the last 3 s, 0.01 K."""
        return cdeg(self._walls[0]) - cdeg(self._walls[6])

    def settle(self) -> None:
        """The power has grown in a way that half-cycles do not show, because the mains have risen."""
        self._wait = _LOOKS
        self._plateau = 0

    def _remember(self, wall: int, water: int) -> None:
        self._power += self._halves - self._powers[_LOOKS - 1]
        for i in range(_LOOKS - 1, 0, -1):
            self._walls[i] = self._walls[i - 1]
            self._waters[i] = self._waters[i - 1]
            self._powers[i] = self._powers[i - 1]
        self._walls[0] = wall
        self._waters[0] = water
        self._powers[0] = self._halves
        self._halves = 0
        if self._known < _LOOKS:
            self._known += 1

    def _growth(self) -> None:
        """Whether the last 2 s had more power than the last 6 s; then everything settles for another 6 s."""
        recent = self._powers[0] + self._powers[1] + self._powers[2] + self._powers[3]
        if recent * 3 > self._power * _MORE_PERCENT // 100 + 3 * _MORE_HALVES:
            self.settle()
        elif self._wait > 0:
            self._wait -= 1

    def _runaway(self, wall: int) -> bool:
        self.detail = wall
        if wall > (_RUNAWAY_UV if self._wait == 0 else _RUNAWAY_GROWN_UV):
            return False
        rise = self._walls[6] - wall
        least = max(_DRY_RISE_UV * self._power // _FULL_HALVES, _DRY_RISE_LEAST_UV)
        if rise < least:
            return False
        rise = self._rise()
        before = (cdeg(self._walls[6]) - cdeg(self._walls[11])) * 6 // 5
        steady = rise * 100 >= before * _STEADY_PERCENT
        return steady and rise * 2 >= self._fastest * self._power // _FULL_HALVES

    def _left(self, wall: int) -> bool:
        if self._plateau == 0:
            self._settle(wall)
        elif self._changed(wall):
            self._plateau = 0
        elif (self._plateau - wall) * 1000 >= self._plateau * _LEFT_PERMILLE and self._walls[6] - wall >= _RISING_UV:
            return True
        else:
            self._plateau += max(-_CREEP_UV, min(_CREEP_UV, wall - self._plateau))
        return False

    def _changed(self, wall: int) -> bool:
        """Whether power or water are no longer those of the plateau, or the wall lies below it."""
        if self._plateau_water - self._waters[0] >= _MOVED_UV or wall - self._plateau >= _MOVED_UV:
            return True
        if self._power < _LEAST_HALVES:
            return True
        return self._power > self._plateau_power * _MORE_PERCENT // 100 + _MORE_HALVES

    def _settle(self, wall: int) -> None:
        """A plateau is where wall and water stood still for 6 s in the boiling range, at a power that did not grow."""
        if self._wait > 0 or self._power < _LEAST_HALVES or wall > _BOILING_UV:
            return
        if abs(self._waters[11] - self._waters[0]) > _STILL_UV:
            return
        if abs(self._walls[6] - wall) <= _STILL_UV and abs(self._walls[11] - wall) <= 2 * _STILL_UV:
            self._plateau = wall
            self._plateau_power = self._power
            self._plateau_water = self._waters[0]
