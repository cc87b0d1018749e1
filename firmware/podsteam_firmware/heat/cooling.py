# SPDX-License-Identifier: Apache-2.0
"""The loss to the room, learned while the boiler cools after a session: UA = C x fall / integral of (T - room).

C is what the heat-up showed, less the water that has left as steam. The first half minute is waited for: wall and
element still give off heat. Two halves of 45 s must agree, and the result must be plausible, else nothing is learned.
"""

from podsteam_protocol.const import const

_WAIT_S = const(30)
_HALF_S = const(45)
_HOT_MC = const(40000)
"""Water over the room, all the while."""
_EVEN_MC = const(6000)
"""Wall and water agree this well, offsets of the sensors included."""
_FALL_MIN_MC = const(700)
_AGREE_PERCENT = const(30)
LOW_MW_K = const(150)
HIGH_MW_K = const(520)
"""Bounds of a loss that is believed, mW/K. Hypothesis: 150 to 500 for such a boiler."""


class Cooling:
    """One cooling. `begin` when heat ends, `step` once a second."""

    def __init__(self) -> None:
        self.loss_mw_k = 0
        """Loss that was found, mW/K; 0: none yet."""
        self._s = -1
        self._from = 0
        self._sum = 0
        self._first = 0

    def begin(self) -> None:
        """Heat has ended with a boiler whose capacity is known."""
        self._s = 0
        self.loss_mw_k = 0

    def end(self) -> None:
        """Heat goes on, or what is known of the boiler is no longer true."""
        self._s = -1

    def step(self, wall_mc: int, water_mc: int, ambient_mc: int, capacity_j_k: int) -> bool:
        """Means of the last second; True when `loss_mw_k` has been found."""
        if self._s < 0:
            return False
        self._s += 1
        if self._s <= _WAIT_S:
            self._from = water_mc
            self._sum = 0
        elif water_mc - ambient_mc < _HOT_MC or abs(wall_mc - water_mc) > _EVEN_MC:
            self._s = -1
        else:
            self._sum += (water_mc - ambient_mc) // 10
            if self._s == _WAIT_S + _HALF_S:
                self._first = self._half(water_mc, capacity_j_k)
                if not self._first:
                    self._s = -1
            elif self._s >= _WAIT_S + 2 * _HALF_S:
                self._s = -1
                return self._judge(self._half(water_mc, capacity_j_k))
        return False

    def _judge(self, second: int) -> bool:
        """Whether both halves agree on a plausible loss."""
        mean = (self._first + second) // 2
        if abs(self._first - second) * 100 > _AGREE_PERCENT * mean or not LOW_MW_K <= mean <= HIGH_MW_K:
            return False
        self.loss_mw_k = mean
        return True

    def _half(self, water_mc: int, capacity_j_k: int) -> int:
        """Loss over the half that ends now, mW/K; 0 when the water hardly fell."""
        fall = self._from - water_mc
        total = self._sum
        self._from = water_mc
        self._sum = 0
        if not _FALL_MIN_MC <= fall <= 60000:
            return 0
        return capacity_j_k * fall // max(total // 100, 1)
