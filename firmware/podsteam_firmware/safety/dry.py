# SPDX-License-Identifier: Apache-2.0
"""Is there water? A dry boiler shows in its wall: it leaves the boiling plateau, where water holds it.

Works on raw microvolts of the wall NTC, which fall as it gets warmer: by about 10 mV for 1 K at 105 degC. The plateau
is found, not assumed: it lies 2 to 13 K over a boiling point of 90 to 100 degC and depends on power and scale. Two
rules, judged twice a second while the element is on:

* plateau: the wall has left its plateau by 4 K and still rises, at the power that it had there or less;
* runaway: the wall is over 114 degC and rises as only dry metal does at this power, hardly slower than 3 s before
  (towards a plateau the rise dies away).

After the power has grown the wall seeks a new plateau; for those 6 s the runaway rule begins at 124 degC.
"""

from array import array

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
_STEADY_PERCENT = const(65)
"""Of the rise 3 s before; the NTC's slope itself falls by 2 % for each K."""
_BOILING_UV = const(827000)
"""85 degC: no plateau is looked for below."""
_STILL_UV = const(6000)
"""0.5 K: what a plateau may drift in 3 s."""
_LEFT_UV = const(42000)
"""4.0 K at 105 degC, 3.4 K at 95 degC, 4.3 K at 112 degC."""
_RISING_UV = const(2500)
"""0.25 K in 3 s."""
_CREEP_UV = const(30)
"""0.006 K/s: the plateau follows a wall that gets hotter this slowly."""
_LEAST_HALVES = const(120)
"""A fifth of full power: with less the water may not boil, and the wall goes with power and water."""
_MORE_PERCENT = const(112)
_MORE_HALVES = const(4)
"""Power has grown when it is more than 112 % and 4 half-cycles."""


class Dry:
    """Watches the wall. `step` every 50 ms, True: dry."""

    def __init__(self) -> None:
        self.detail = 0
        """Wall reading that decided, uV."""
        self._filter = -1
        self._count = 0
        self._halves = 0
        self._walls = array("i", (0 for _ in range(_LOOKS)))
        self._powers = array("i", (0 for _ in range(_LOOKS)))
        self._power = 0
        self._known = 0
        self._wait = _LOOKS
        self._plateau = 0
        self._plateau_power = 0

    def step(self, wall_uv: int, commanded: int) -> bool:
        """One tick: wall reading in uV, and half-cycles commanded on since the last one."""
        if self._filter < 0:
            self._filter = wall_uv << 3
        # First-order filter, 0.4 s; its state is eight times the output.
        self._filter += wall_uv - (self._filter >> 3)
        self._halves += commanded
        self._count += 1
        if self._count < _TICKS:
            return False
        self._count = 0
        self._remember(self._filter >> 3)
        if self._known < _LOOKS or self._power == 0:
            self._plateau = 0
            return False
        self._growth()
        return self._runaway(self._walls[0]) or self._left(self._walls[0])

    def _remember(self, wall: int) -> None:
        self._power += self._halves - self._powers[_LOOKS - 1]
        for i in range(_LOOKS - 1, 0, -1):
            self._walls[i] = self._walls[i - 1]
            self._powers[i] = self._powers[i - 1]
        self._walls[0] = wall
        self._powers[0] = self._halves
        self._halves = 0
        if self._known < _LOOKS:
            self._known += 1

    def _growth(self) -> None:
        """Whether the last 2 s had more power than the last 6 s; then everything settles for another 6 s."""
        recent = self._powers[0] + self._powers[1] + self._powers[2] + self._powers[3]
        if recent * 3 > self._power * _MORE_PERCENT // 100 + 3 * _MORE_HALVES:
            self._wait = _LOOKS
            self._plateau = 0
        elif self._wait > 0:
            self._wait -= 1

    def _runaway(self, wall: int) -> bool:
        self.detail = wall
        if wall > (_RUNAWAY_UV if self._wait == 0 else _RUNAWAY_GROWN_UV):
            return False
        rise = self._walls[6] - wall
        before = (self._walls[11] - self._walls[6]) * 6 // 5
        least = max(_DRY_RISE_UV * self._power // _FULL_HALVES, _DRY_RISE_LEAST_UV)
        return rise >= least and rise * 100 >= before * _STEADY_PERCENT

    def _left(self, wall: int) -> bool:
        power = self._power
        if self._plateau == 0:
            self._settle(wall, power)
        elif power < _LEAST_HALVES or power > self._plateau_power * _MORE_PERCENT // 100 + _MORE_HALVES:
            self._plateau = 0
        elif self._plateau - wall >= _LEFT_UV and self._walls[6] - wall >= _RISING_UV:
            return True
        else:
            # Down with the wall at once, up no faster than scale grows or the room warms.
            self._plateau = max(wall, self._plateau - _CREEP_UV)
            self._plateau_power = min(power, self._plateau_power)
        return False

    def _settle(self, wall: int, power: int) -> None:
        """A plateau is where the wall stood still for 6 s in the boiling range, at a power that did not grow."""
        if self._wait > 0 or power < _LEAST_HALVES or wall > _BOILING_UV:
            return
        if abs(self._walls[6] - wall) <= _STILL_UV and abs(self._walls[11] - wall) <= 2 * _STILL_UV:
            self._plateau = wall
            self._plateau_power = power
