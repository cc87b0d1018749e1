# SPDX-License-Identifier: Apache-2.0
"""Power for steam, and steam for power; and whether there really is steam.

While water boils, a kelvin of wall temperature is worth 100 W and more, so temperature cannot set the steam: power
does. P = rate x latent heat + UA (Tsat - Ta). The pot is not refilled while it boils, so there is no sensible heat.
"""

from podsteam_protocol.const import const

_TRIM_TICKS = const(80)
_BLOCK = const(10)
_STEADY_TICKS = const(30)
"""Steam counts as verified when all the evidence stood for 3 s."""
_FALL_MC = const(300)
"""Outlet falling by this much in 1 s: the steam has gone. Without steam it falls by 0.5 K/s or more."""
_SETTLE_S = const(25)
_LEAST_DW = const(376)
"""1 g/min: less net power than that, or than half of what is wanted, proves no steam."""


def latent_j_g(boiling_mc: int) -> int:
    """Latent heat of water in J/g: 2257 at 100 degC and 2.6 more for each K below (steam tables, 88 to 102 degC)."""
    return 2257 + (100000 - boiling_mc) * 26 // 10000


def loss_dw(loss_mw_k: int, hot_mc: int, ambient_mc: int) -> int:
    """Loss to the room in 0.1 W, never negative."""
    lost_dw = loss_mw_k * (hot_mc - ambient_mc) // 100000
    return lost_dw if lost_dw > 0 else 0


def demand_dw(rate_mg_min: int, boiling_mc: int, lost_dw: int) -> int:
    """Power in 0.1 W that `rate_mg_min` of steam takes (0 to 20,000) beside a loss of `lost_dw`."""
    return rate_mg_min * latent_j_g(boiling_mc) // 6000 + lost_dw


class Trim:
    """Slow correction of the power, so that the energy that really went in is the energy that was wanted.

    What was wanted less what was delivered is summed up and asked for over the next 8 s, within a tenth of the power.
    Dropped cycles, patterns in flight while the mains steps, and rounding leave no mean error then. The delivered
    power is a mean of 1 s; against 8 s that is no delay to speak of.
    """

    def __init__(self) -> None:
        self._missing = 0

    def begin(self) -> None:
        """Power control begins."""
        self._missing = 0

    def step(self, wanted_dw: int, delivered_dw: int, full_dw: int) -> int:
        """Power for the next 100 ms; `delivered_dw`: the last second's, `full_dw`: all there is; 0.1 W."""
        bound = wanted_dw * (_TRIM_TICKS // 10)
        missing = self._missing + wanted_dw - delivered_dw
        if wanted_dw + self._missing // _TRIM_TICKS > full_dw:
            # There is no more: it is not made up for later.
            missing = min(missing, self._missing)
        self._missing = max(-bound, min(bound, missing))
        return wanted_dw + self._missing // _TRIM_TICKS


def made_mg_min(net_dw: int, boiling_mc: int) -> int:
    """Steam in mg/min that `net_dw` (0.1 W, losses already taken off) makes; 0 for less than nothing."""
    return max(net_dw, 0) * 6000 // latent_j_g(boiling_mc)


class Evidence:
    """Whether steam is verified: power, energy, and an outlet that steam has warmed, for 3 s together."""

    def __init__(self) -> None:
        self.ok = False
        """Steam is present now."""
        self.falling = False
        """The outlet cooled by 0.3 K or more from one second to the next."""
        self._ticks = 0
        self._sum = 0
        self._count = 0
        self._mean = 0
        self._grace = 1

    def settle(self) -> None:
        """Less steam is wanted from now on: for 25 s a cooling outlet proves nothing."""
        self._grace = _SETTLE_S

    def outlet(self, outlet_mc: int) -> None:
        """Every 100 ms, whatever the regime: follow the outlet's slope in means of 1 s."""
        self._sum += outlet_mc
        self._count += 1
        if self._count == _BLOCK:
            mean = self._sum // _BLOCK
            self.falling = self._grace == 0 and self._mean - mean >= _FALL_MC
            self._grace = max(self._grace - 1, 0)
            self._mean = mean
            self._sum = 0
            self._count = 0

    def none(self) -> None:
        """Something else than power is missing: no steam."""
        self.ok = False
        self._ticks = 0

    def judge(self, net_dw: int, wanted_dw: int) -> None:
        """Every 100 ms while all but power and slope speak for steam.

        `net_dw`: power of the last second that went into steam; `wanted_dw`: what the wanted rate takes. Both in
        0.1 W and without losses.
        """
        if self.falling or net_dw < min(wanted_dw // 2, _LEAST_DW):
            self.none()
        else:
            if self._ticks < _STEADY_TICKS:
                self._ticks += 1
            self.ok = self._ticks >= _STEADY_TICKS
