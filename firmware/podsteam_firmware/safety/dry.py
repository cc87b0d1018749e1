# SPDX-License-Identifier: Apache-2.0
"""Is there water? A dry boiler shows in its wall: it leaves the boiling plateau, which water holds down.

Works on raw microvolts of wall and water NTC, which fall as it gets warmer: about 10 mV for 1 K at 105 degC. The
plateau is found, not assumed: it lies 2 to 13 K over a boiling point of 90 to 100 degC and depends on power and
scale. Three rules, judged twice a second while the element is on:

* runaway: the wall is over 112 degC and rises by 1 K/s or more, hardly slower than 2 s before: towards a plateau
  the rise would die away;
* parting: the wall is over 92 degC and rises while the water sensor, bare now, cools;
* plateau: the wall has left its plateau by 4 K and still rises, at no more power than it had there.
"""

from array import array

from podsteam_protocol.const import const

_TICKS = const(10)
"""Ticks between two looks: 0.5 s."""
_LOOKS = const(12)
"""Looks that are remembered: 6 s."""
_RUNAWAY_UV = const(464000)
"""112 degC."""
_RUNAWAY_RISE_UV = const(10000)
"""1 K in 1 s at 112 degC; a dry boiler of 300 W rises by 2.6 K/s."""
_STEADY_PERCENT = const(70)
_PARTING_UV = const(714000)
"""92 degC."""
_PARTING_UV_3S = const(14000)
"""1.1 K of wall and of water in 3 s."""
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
_MORE_HALVES = const(30)
"""15 % of 2 s: with more power than that the plateau lies higher and is looked for anew."""


class Dry:
    """Watches wall and water. `step` every 50 ms, True: dry."""

    def __init__(self) -> None:
        self.detail = 0
        """Wall reading that decided, uV."""
        self._wall = 0
        self._water = 0
        self._count = 0
        self._halves = 0
        self._walls = array("i", (0 for _ in range(_LOOKS)))
        self._waters = array("i", (0 for _ in range(_LOOKS)))
        self._powers = array("i", (0 for _ in range(_LOOKS)))
        self._known = 0
        self._plateau = 0
        self._plateau_power = 0
        self._wait = 0

    def step(self, wall_uv: int, water_uv: int, commanded: int) -> bool:
        """One tick: readings in uV, and half-cycles commanded on since the last one."""
        if self._known == 0 and self._count == 0:
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
        power = self._powers[0] + self._powers[1] + self._powers[2] + self._powers[3]
        self._halves = 0
        if self._known < _LOOKS or power == 0:
            self._plateau = 0
            return False
        return self._look(self._walls[0], power)

    def _remember(self, wall: int, water: int) -> None:
        for i in range(_LOOKS - 1, 0, -1):
            self._walls[i] = self._walls[i - 1]
            self._waters[i] = self._waters[i - 1]
            self._powers[i] = self._powers[i - 1]
        self._walls[0] = wall
        self._waters[0] = water
        self._powers[0] = self._halves
        if self._known < _LOOKS:
            self._known += 1

    def _look(self, wall: int, power: int) -> bool:
        self.detail = wall
        rise_1s = self._walls[2] - wall
        rise_3s = self._walls[6] - wall
        if wall <= _RUNAWAY_UV and rise_1s >= _RUNAWAY_RISE_UV:
            # The NTC's slope falls by a tenth in 5 K, so that even a steady rise gets smaller in microvolts.
            if rise_1s * 100 >= (self._walls[6] - self._walls[4]) * _STEADY_PERCENT:
                return True
        water_fall_3s = self._waters[0] - self._waters[6]
        if wall <= _PARTING_UV and rise_3s >= _PARTING_UV_3S and water_fall_3s >= _PARTING_UV_3S:
            return True
        if self._plateau == 0:
            self._settle(wall, power)
        elif power > self._plateau_power + _MORE_HALVES or wall > _BOILING_UV:
            self._plateau = 0
            self._wait = _LOOKS
        elif self._plateau - wall >= _LEFT_UV and rise_3s >= _RISING_UV:
            return True
        else:
            self._follow(wall, power)
        return False

    def _settle(self, wall: int, power: int) -> None:
        """A plateau is where the wall stood still for 6 s in the boiling range, at a power that did not grow."""
        if self._wait > 0:
            self._wait -= 1
        elif wall <= _BOILING_UV and abs(self._walls[6] - wall) <= _STILL_UV and abs(self._walls[11] - wall) <= 2 * _STILL_UV:
            self._plateau = wall
            self._plateau_power = power

    def _follow(self, wall: int, power: int) -> None:
        """Down with the wall at once, up no faster than scale or slow heating would take it."""
        if wall >= self._plateau:
            self._plateau = wall
        else:
            self._plateau = max(wall, self._plateau - _CREEP_UV)
        if power < self._plateau_power:
            self._plateau_power = power
