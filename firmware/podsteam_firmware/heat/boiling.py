# SPDX-License-Identifier: Apache-2.0
"""Does the water boil, and at what temperature? Seen in the water sensor: heat goes in and the reading stays.

The boiling point is learned, never assumed (90 degC at 3000 m, and NTC parts differ by 1 to 2 K). The slope is taken
from means of 1 s, four seconds apart: with 0.1 K of noise it is known to 0.015 K/s.
"""

from array import array

from podsteam_protocol.const import const

_BLOCK = const(10)
_BLOCKS = const(5)
_LOWEST_MC = const(84000)
"""No water boils below: 90 degC at 3000 m, less weather and sensor error, less what the sensor lags behind."""
_SETTLE_S = const(12)
"""After heat begins the sensor's lag alone looks like a plateau."""
_STILL_S = const(2)
_GONE_S = const(3)
_SLOPE_MIN_MC_S = const(20)
_SLOPE_MAX_MC_S = const(150)
_NET_MIN_DW = const(300)
_RATE_MAX_MC_S = const(20000)
"""A sensor that jumps must not overflow a product."""
_FELL_MC = const(3000)
_LAG_S = const(4)
"""Middle of the envelope of sensor lags: how far the reading still has to go when the plateau is seen."""
_NEAR_MC = const(1200)
"""Where the boiling point and the lag are known, a bend of the reading this close to it is believed."""
_BEND_PERCENT = const(60)


class Boiling:
    """Follows the water. `step` every 100 ms."""

    def __init__(self) -> None:
        self.now = False
        """The water is at its plateau."""
        self.point_mc = 0
        """Boiling point as this device's water sensor shows it, milli-degC; 0: not yet learned."""
        self.rate_mc_s = 0
        """Slope of the water reading over the last 4 s, milli-K/s."""
        self.mean_mc = 0
        """Mean of the newest whole second, milli-degC."""
        self.sure = False
        """The plateau was seen since the start, so nobody can have carried the device away."""
        self.seen_s = 0
        """Since when the plateau has been seen, s (up to 1,000)."""
        self.fell = False
        """In this second colder water has ended the plateau, or it was none."""
        self._true_mc = 0
        self._bend_mc_s = -1
        self._means = array("i", bytes(4 * _BLOCKS))
        self._known = 0
        self._sum = 0
        self._count = 0
        self._heated_s = 0
        self._still_s = 0
        self._gone_s = 0

    def restart(self) -> None:
        """Heat begins anew: no plateau yet; what was learned stays."""
        self.now = False
        self._heated_s = 0
        self._still_s = 0
        self._gone_s = 0

    def expect(self, true_mc: int, rate_mc_s: int) -> None:
        """What a known lag says of the water (milli-degC) and of the reading's slope now; -1: the lag is not known."""
        self._true_mc = true_mc
        self._bend_mc_s = rate_mc_s

    def step(self, water_mc: int, net_dw: int, capacity_j_k: int) -> bool:
        """`net_dw`: power less loss, 0.1 W; `capacity_j_k`: all that it heats, J/K, above 0. True once a second."""
        self._sum += water_mc
        self._count += 1
        if self._count < _BLOCK:
            return False
        mean = self._sum // _BLOCK
        self._sum = 0
        self._count = 0
        self.mean_mc = mean
        self.fell = False
        self._slope(mean)
        self._heated_s = self._heated_s + 1 if net_dw >= _NET_MIN_DW else 0
        # What the slope would be if nothing boiled: 0.1 W / (J/K) in milli-K/s.
        expected = net_dw * 100 // capacity_j_k
        if self.now:
            self.seen_s = min(self.seen_s + 1, 1000)
            self._follow(mean, expected)
        elif mean >= _LOWEST_MC and self._heated_s >= _SETTLE_S:
            self._look(mean, expected)
        else:
            self._still_s = 0
        return True

    def _slope(self, mean: int) -> None:
        means = self._means
        for i in range(_BLOCKS - 1, 0, -1):
            means[i] = means[i - 1]
        means[0] = mean
        if self._known < _BLOCKS:
            self._known += 1
        last = self._known - 1
        rate = (mean - means[last]) // last if last > 0 else 0
        self.rate_mc_s = max(-_RATE_MAX_MC_S, min(_RATE_MAX_MC_S, rate))

    def _look(self, mean: int, expected: int) -> None:
        limit = expected // 4
        if limit > _SLOPE_MAX_MC_S:
            limit = _SLOPE_MAX_MC_S
        elif limit < _SLOPE_MIN_MC_S:
            limit = _SLOPE_MIN_MC_S
        if self.rate_mc_s > limit and not self._bent(expected):
            self._still_s = 0
            return
        self._still_s += 1
        if self._still_s >= _STILL_S:
            self.now = True
            self.sure = True
            self.seen_s = 0
            self._gone_s = 0
            self.point_mc = mean + max(self.rate_mc_s, 0) * _LAG_S
            if self._bend_mc_s >= 0 and self.point_mc > self._true_mc:
                self.point_mc = max(self._true_mc, mean)

    def _bent(self, expected: int) -> bool:
        """Whether the reading, this close to the known boiling point, rises no longer as it should."""
        if self._bend_mc_s < 0 or self.point_mc == 0 or self._true_mc + _NEAR_MC < self.point_mc:
            return False
        return self._bend_mc_s * 100 < expected * _BEND_PERCENT

    def _follow(self, mean: int, expected: int) -> None:
        """At the plateau the point follows the reading, within 8 s; cold water or a wrong guess ends it."""
        rises = expected > 2 * _SLOPE_MIN_MC_S and self.rate_mc_s * 2 > expected
        self._gone_s = self._gone_s + 1 if rises else 0
        if mean < self.point_mc - _FELL_MC or self._gone_s >= _GONE_S:
            self.restart()
            self.fell = True
        elif expected > 0:
            self.point_mc += (mean - self.point_mc) // 8
