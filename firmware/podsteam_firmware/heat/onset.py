# SPDX-License-Identifier: Apache-2.0
"""The boiling onset, looked at afterwards: when it was, how slow the water sensor is, and how much water there is.

Two quantities tell. Where the water stops rising, the sensor follows with its lag: the gap a = T - r to the plateau T
decays as exp(-t / tau), and the area below it that is left at any moment is tau a; so tau is area over gap, wherever
the onset was. With tau known, r + tau dr/dt is the water's own ramp, and where it crosses the plateau is the onset.
The energy from some moment on the ramp to the onset, less what metal took, over the rise of the water is the water's
heat capacity; the lag of a sensor and the offset do not enter.

The last 64 s are kept in means of 1 s: 512 bytes.
"""

from array import array

from podsteam_firmware.heat.observer import clamp
from podsteam_protocol.const import const

_SLOTS = const(64)
_MASK = const(63)
_PLATEAU = const(4)
"""Newest seconds whose mean is the plateau."""
_DRIFT_MC = const(200)
"""Most that it may differ from the four seconds before: after that the sensor has nearly arrived."""
_GAP_MC = const(500)
"""Smallest gap from which a lag is taken: five times the noise of the mean."""
_PART_PERCENT = const(40)
"""Of steepest slope times lag: at reduced power that is two thirds of the gap at the onset, never more than all of it.
Further back area over gap errs slowly towards the high side."""
_LAG_MIN_MS = const(500)
_LAG_MAX_MS = const(9000)
_BELOW_MC = const(700)
_SLOPE_MIN_MC_S = const(60)
_RISE_MC = const(6000)
"""Least rise of the water before the onset from which a heat capacity is taken."""
_WALL_MC = const(3000)
"""The wall is already that close to where it was at the onset: it takes little heat."""
_MOST_W = const(20000)
_NET_MAX_J = const(200000)


class Onset:
    """The record of the last minute. `note` once a second, `look` when the plateau has stood for a while."""

    def __init__(self) -> None:
        self.point_mc = 0
        """The plateau, milli-degC."""
        self.lag_ms = 0
        """Lag of the water sensor, ms (500 to 9,000); 0: it did not show."""
        self.age_ds = 0
        """Time since the onset, 0.1 s."""
        self.net_j = 0
        """Reading of the books (`note`) at the onset, J."""
        self.wall_mc = 0
        """Wall since the onset: the one at the onset, which its sensor shows only later; milli-degC."""
        self.water_j_k = 0
        """Heat capacity of water and pocket, J/K; 0: it did not show."""
        self._water = array("h", bytes(2 * _SLOTS))
        self._wall = array("h", bytes(2 * _SLOTS))
        self._net = array("i", bytes(4 * _SLOTS))
        self.lead_ms = 1500
        """Lags of element and wall sensor together, as `Energy.ramp` found them, ms (300 to 6,000)."""
        self._slope = 0
        self._head = 0
        self._known = 0

    def clear(self) -> None:
        """Heat begins anew."""
        self._known = 0

    def note(self, water_mc: int, wall_mc: int, net_j: int) -> None:
        """Means of the last second, and the books at its end (0 to 10 million J)."""
        self._head = (self._head - 1) & _MASK
        self._water[self._head] = water_mc // 10
        self._wall[self._head] = wall_mc // 10
        self._net[self._head] = net_j
        if self._known < _SLOTS:
            self._known += 1

    def _at(self, age: int) -> int:
        """Water `age` s ago, milli-degC."""
        return self._water[(self._head + age) & _MASK] * 10

    def _wall_at(self, age: int) -> int:
        return self._wall[(self._head + age) & _MASK] * 10

    def _net_at(self, age: int) -> int:
        return self._net[(self._head + age) & _MASK]

    def _true_at(self, age: int, lag_ms: int) -> int:
        """The water itself `age` s ago; `age` from 1 to the second last that is known."""
        return self._at(age) + (self._at(age - 1) - self._at(age + 1)) * (lag_ms // 10) // 200

    def look(self, lag_ms: int, metal_j_k: int) -> bool:
        """Whether an onset was found in the record. `lag_ms` serves where the lag does not show itself."""
        self.lag_ms = 0
        self.water_j_k = 0
        if self._known < 3 * _PLATEAU:
            return False
        self.point_mc = self._mean(0)
        self.wall_mc = (self._wall_at(0) + self._wall_at(1) + self._wall_at(2) + self._wall_at(3)) // _PLATEAU
        rise = self.point_mc - self._mean(_PLATEAU)
        if abs(rise) > _DRIFT_MC:
            return False
        self._steepest()
        self._bend()
        if self.lag_ms:
            lag_ms = self.lag_ms
        self._arrive(rise, lag_ms)
        age = self._bend()
        if self.lag_ms:
            lag_ms = self.lag_ms
        if not self._cross(age, lag_ms):
            return False
        self._weigh(lag_ms, metal_j_k)
        return True

    def _arrive(self, rise_mc: int, lag_ms: int) -> None:
        """The plateau that the reading has yet to reach: the rest of an exponential whose mean rose so much in 4 s."""
        if rise_mc > 0:
            # 1 / (exp(4 s / lag) - 1), permille.
            rest = lag_ms // 4 - 500 + 333000 // lag_ms
            if rest > 0:
                self.point_mc += rise_mc * rest // 1000

    def _mean(self, age: int) -> int:
        """Mean of four seconds, the newest of them `age` s ago, milli-degC."""
        return (self._at(age) + self._at(age + 1) + self._at(age + 2) + self._at(age + 3)) // _PLATEAU

    def _steepest(self) -> None:
        """Steepest rise of the reading over 4 s, milli-K/s (at most 20,000)."""
        steepest = 0
        i = self._known - 5
        while i >= 0:
            rise = self._at(i) - self._at(i + 4)
            if rise > steepest:
                steepest = rise
            i -= 1
        self._slope = steepest // 4 if steepest < 80000 else 20000

    def _bend(self) -> int:
        """Find the lag where the gap is wide, but not as wide as it was at the onset; returns that age."""
        area = 0
        i = 0
        self.lag_ms = 0
        while i < self._known:
            gap = self.point_mc - self._at(i)
            area += gap
            if gap >= _GAP_MC:
                # Area (0.001 K s, at most 14 million) over gap, in ms.
                lag = (area - gap // 2) * 10 // (gap // 100)
                if lag > _LAG_MAX_MS:
                    return 1
                if lag >= _LAG_MIN_MS and gap * 1000 >= lag * self._slope // 100 * _PART_PERCENT:
                    self.lag_ms = lag
                    return i
            i += 1
        return 1

    def _cross(self, age: int, lag_ms: int) -> bool:
        """Go back to where the water itself is well below the plateau, and forward along its slope."""
        age = max(age - 3, 1)
        while age < self._known - 4:
            below = self.point_mc - self._true_at(age, lag_ms)
            if below >= _BELOW_MC and self.point_mc - self._true_at(age + 1, lag_ms) >= _BELOW_MC:
                slope = (self._true_at(age, lag_ms) - self._true_at(age + 3, lag_ms)) // 3
                ahead_ds = below * 10 // max(slope, _SLOPE_MIN_MC_S)
                self._set(max(age * 10 + 5 - ahead_ds, 0))
                return True
            age += 1
        return False

    def _set(self, age_ds: int) -> None:
        i = age_ds // 10
        self.age_ds = age_ds
        self.net_j = self._net_at(i) - (self._net_at(i) - self._net_at(i + 1)) * (age_ds - 10 * i) // 10

    def _weigh(self, lag_ms: int, metal_j_k: int) -> None:
        """Heat capacity of the water from the oldest moment on the ramp at which the wall took little heat."""
        i = self._known - 3
        while i > self.age_ds // 10 + 1 and self.wall_mc - self._wall_at(i) > _WALL_MC:
            i -= 1
        if i <= self.age_ds // 10 + 1:
            return
        rise = self.point_mc - self._true_at(i, lag_ms)
        i = self._taken(i, metal_j_k)
        if rise >= _RISE_MC and 0 < i < _NET_MAX_J:
            self.water_j_k = i * 1000 // rise

    def _taken(self, age: int, metal_j_k: int) -> int:
        """Energy that the water took from the middle of a second to the onset, J.

        At first the element is still hotter than later, by its lag times the difference in power, and the wall hotter
        than its sensor shows, by that one's lag times its slope. Only the sum of the two lags is known, from the
        beginning of the heat-up (`lead_ms`); both count with half of it.
        """
        # The books stand at the end of a second, the means in its middle.
        net = self.net_j - (self._net_at(age) + self._net_at(age + 1)) // 2
        net -= metal_j_k * (self.wall_mc - self._wall_at(age)) // 1000
        metal_j_k *= (self._wall_at(age - 1) - self._wall_at(age + 1)) // 10
        metal_j_k = metal_j_k // 200 + self._power(age)
        return net + clamp(metal_j_k, _MOST_W) * self.lead_ms // 2000

    def _power(self, age: int) -> int:
        """How much more power went in then than now, W."""
        return (self._net_at(age - 1) - self._net_at(age + 1)) // 2 - (self._net_at(0) - self._net_at(8)) // 8
