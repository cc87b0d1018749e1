# SPDX-License-Identifier: Apache-2.0
"""How much of what is heated is water, and how much metal, from the whole rise at full power.

    E = Cl (r + tau dr/dt) + Cm w + b dw/dt + c

r is the reading of the water, tau its lag, w the reading of the wall, E the net energy. What the wall's own sensor lags
is in b, what the element holds over the wall, and how warm all was at the beginning, in c. At first the metal takes
nearly all of the heat and later the water more and more: that tells the two apart by least squares, and a mean over
half a minute knows them better than any two moments do.

The products are summed up once a second, later every second to ninth one, so that there are never more than 96 of
them. Units: 0.1 K, 50 J, the water's slope in 0.01 K/s and the wall's in 1/700 of its first; the
constant is a column of 1024.
"""

from array import array

from podsteam_firmware.heat.fixed24 import div24, mul24
from podsteam_firmware.heat.observer import clamp
from podsteam_protocol.const import const

_COLUMNS = const(6)
"""Constant, water, slope of the wall, wall; slope of the water; energy. `_s` has their products, row after row."""
_ONE = const(1024)
_TOP = const(1400)
"""Largest value of the wall's columns: 96 of its squares stay below 2^28."""
_WATER_TOP = const(1000)
_RATE_TOP = const(550)
"""Of the water's slope: with 9 s of it the water stays below 1,500."""
_ENERGY_TOP = const(1850)
_SUM_MAX = const(268435455)
_SLOPE_MAX = const(16777215)
_UNIT_J = const(50)
_PLACES = const(96)
_LEAST = const(6)
_SPARSE_S = const(32)
_SETTLE_S = const(4)
"""After full power has come on the element is still warming up."""
_SHIFT_PER_MS = const(1678)
"""2^24 / 10,000: a lag in ms times a slope in 0.01 K/s, in 0.1 K."""
_SLOPE = const(700)
"""The wall's first slope in its column, which is nearly the steepest; slopes of slow boilers keep their digits so."""
_SLOPE_LEAST = const(200)
_X_J_K = const(33554)
"""A J/K in the unit of an unknown: 0.1 K / 50 J, x 2^24."""


class Fill:
    """The sums of one rise. `clear` when heat begins, `note` once a second, `solve` when the lag is known."""

    def __init__(self) -> None:
        self.metal_j_k = 0
        """Heat capacity of the metal as this rise shows it, J/K; 0: it does not."""
        self._s = array("i", bytes(4 * _COLUMNS * _COLUMNS))
        self._v = array("i", bytes(4 * _COLUMNS))
        self._count = -1
        self._most_dw = 0
        self._full_s = 0
        self._pause_s = 0
        self._wall_0 = 0
        self._water_0 = 0
        self._wall_1 = 0
        self._wall_2 = 0
        self._water_1 = 0
        self._water_2 = 0
        self._net_1 = 0
        self._first = _SLOPE_LEAST
        self._x = 0
        self._pivot = 0

    def clear(self) -> None:
        """Heat begins."""
        self._count = -1
        self._most_dw = 0
        self._full_s = 0
        self._pause_s = 0
        self.metal_j_k = 0
        for i in range(_COLUMNS * _COLUMNS):
            self._s[i] = 0

    def note(self, water_mc: int, wall_mc: int, net_j: int, net_dw: int) -> None:
        """A second of the rise at full power: readings, the books (0 to 10 million J), and power less loss, 0.1 W."""
        if self._count < 0:
            self._count = 0
            self._wall_0 = wall_mc
            self._water_0 = water_mc
        if net_dw > self._most_dw:
            self._most_dw = net_dw
        # A pause of the probe's empties the element.
        self._full_s = self._full_s + 1 if net_dw * 8 >= self._most_dw * 7 else 0
        if self._full_s > _SETTLE_S + 1 and self._count < _PLACES:
            self._pause_s -= 1
            if self._pause_s < 0:
                self._pause_s = self._full_s // _SPARSE_S
                self._row(water_mc, wall_mc)
        self._wall_2 = self._wall_1
        self._wall_1 = wall_mc
        self._water_2 = self._water_1
        self._water_1 = water_mc
        self._net_1 = net_j

    def _row(self, water_mc: int, wall_mc: int) -> None:
        """Add the second before this one, whose slopes are known now."""
        v = self._v
        v[0] = _ONE
        v[1] = (self._water_1 - self._water_0) // 100
        slope = wall_mc - self._wall_2
        if self._count == 0:
            self._first = max(slope, _SLOPE_LEAST)
        v[2] = slope * _SLOPE // self._first
        v[3] = (self._wall_1 - self._wall_0) // 100
        v[4] = (water_mc - self._water_2) // 20
        v[5] = self._net_1 // _UNIT_J
        if abs(v[1]) > _WATER_TOP or abs(v[4]) > _RATE_TOP or v[5] > _ENERGY_TOP:
            return
        if abs(v[2]) > _TOP or abs(v[3]) > _TOP:
            return
        self._count += 1
        for i in range(5):
            self._add(i)

    # Short methods: the frame of a longer one would not fit on MicroPython's stack, and be allocated.
    def _add(self, i: int) -> None:
        for j in range(i, _COLUMNS):
            self._product(i, j)

    def _product(self, i: int, j: int) -> None:
        self._s[_COLUMNS * i + j] += self._v[i] * self._v[j]

    def solve(self, lag_ms: int) -> bool:
        """Find the metal, with the water's sensor lagging by `lag_ms` (0 to 9,000). False: this rise does not show it.

        The sums are used up; what is left of them serves `water_j_k`.
        """
        if self._count < _LEAST:
            return False
        self._count = _PLACES
        self._lead(lag_ms * _SHIFT_PER_MS)
        for i in range(3):
            if not self._eliminate(i):
                return False
        if not (self._bounded(7, 11) and self._bounded(14, 17) and self._bounded(21, 23)):
            return False
        self.metal_j_k = div24(self._s[23], self._s[21]) // _X_J_K
        return True

    def water_j_k(self, metal_j_k: int) -> int:
        """Heat capacity of the water and its pocket, J/K, if that of the metal is `metal_j_k` (up to 300); 0 or less
        for none. After a `solve` that was True."""
        metal_j_k *= _X_J_K
        self._x = self._slope(metal_j_k)
        return self._left_j_k(clamp(self._s[11] - mul24(self._s[9], metal_j_k), _SUM_MAX))

    def _slope(self, x: int) -> int:
        """The unknown of the wall's slope, where the wall's own is `x`."""
        x = self._s[17] - mul24(self._s[15], x)
        return clamp(div24(x, self._s[14]), _SLOPE_MAX)

    def _left_j_k(self, left: int) -> int:
        """What is left to the water, J/K."""
        left = clamp(left - mul24(self._s[8], self._x), _SUM_MAX)
        return div24(left, self._s[7]) // _X_J_K if abs(left) >> 2 < self._s[7] else 0

    def _lead(self, lag: int) -> None:
        """Make the column of the water's reading that of the water: add its slope times the lag (x 2^24)."""
        s = self._s
        s[1] += mul24(s[4], lag)
        s[8] += mul24(s[16], lag)
        s[9] += mul24(s[22], lag)
        s[11] += mul24(s[29], lag)
        self._x = 2 * s[10] + mul24(s[28], lag)
        s[7] += mul24(self._x, lag)

    def _bounded(self, pivot: int, other: int) -> bool:
        """Whether the quotient of two sums is one that `div24` and `mul24` can take."""
        return self._s[pivot] > 0 and abs(self._s[other]) >> 2 < self._s[pivot]

    def _eliminate(self, p: int) -> bool:
        """Take the part of column `p` out of the next ones; False for what no boiler does."""
        self._pivot = _COLUMNS * p
        for i in range(p + 1, 4):
            if not self._bounded(7 * p, self._pivot + i):
                return False
            self._x = div24(self._s[self._pivot + i], self._s[7 * p])
            self._sweep(i)
        return True

    def _sweep(self, i: int) -> None:
        for j in range(i, _COLUMNS):
            self._take(i, j)

    def _take(self, i: int, j: int) -> None:
        self._s[_COLUMNS * i + j] -= mul24(self._s[self._pivot + j], self._x)
