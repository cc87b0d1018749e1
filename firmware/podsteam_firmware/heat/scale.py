# SPDX-License-Identifier: Apache-2.0
"""Lime scale on the wall, from how much hotter it must be than the water while that boils.

A clean wall boils with a superheat of about K q^(1/3) (Rohsenow's cubic law); scale adds R q. The unit's first session
that shows both readings and power is its clean baseline; later ones are compared with it at their own power, so mains
and rate may differ. The offsets of the two sensors are in both and cancel. K depends on the wetted area and cannot be
told from the offsets; half way between areas of 20 and 80 cm2 it is wrong by 0.45 K at most when power doubles. 0.1 mm
of scale on 80 cm2 is 5.7 K/kW, so 1.0 K at 180 W.
"""

from podsteam_firmware.heat.settings import Settings
from podsteam_protocol.const import const

_WAIT_S = const(14)
"""Boiling that long: wall and sensors have settled, but for what every session leaves."""
_SETTLED_S = const(49)
"""A window that ends earlier began when a wall behind scale had not settled."""
_WINDOW_S = const(20)
_SHORT_S = const(6)
"""A boiler of 8 g boils for half a minute: where there was no whole window that much is enough, 0.05 K of noise."""
_STEADY_PERCENT = const(8)
"""Single cycles move the mean of a second by 2 % of full power."""
_LAW_MK = const(1250)
"""K, milli-K/W^(1/3)."""
_ON_MK_KW = const(3400)
_OFF_MK_KW = const(1700)
_UNSURE_MC = const(4000)
"""Two sensors' offsets, and areas that differ."""
_AHEAD_MC = const(113000)
"""No clean wall of the envelope is hotter than 110 degC before its water boils."""
_BEHIND_MC = const(25000)
_WARMING_MC_S = const(300)
_LINEAR_MAX = const(100000)
_EXCESS_MAX = const(500000)
_LOW_DW = const(500)
_HIGH_DW = const(8000)
_BELIEVED_MC = const(40000)
"""More than that between wall and water is no superheat."""


def clean_mk(power_dw: int) -> int:
    """Superheat of a clean wall at a power of 50 to 800 W into the water, milli-K."""
    # Cube root of the power in W, x 64, by bisection: (64 root)^3 = 26214.4 power_dw stays below 2^30.
    low = 200
    high = 600
    while high - low > 1:
        middle = (low + high) >> 1
        if middle * middle * middle > power_dw * 26214:
            high = middle
        else:
            low = middle
    return _LAW_MK * low >> 6


def old_mk_kw(settings: Settings) -> int:
    """Scale that was there at the baseline already, milli-K/kW (0 to 100,000): what no offset of the sensors and no
    clean wall explains."""
    more = settings.superheat_mc - clean_mk(settings.superheat_dw) - _UNSURE_MC
    return min(more * 10000 // settings.superheat_dw, _LINEAR_MAX) if more > 0 else 0


def base_mk(settings: Settings, power_dw: int) -> int:
    """Wall over water as the sensors would show it at a power of 50 to 800 W if it were as it was at the baseline,
    milli-K. Only with a baseline."""
    base_dw = settings.superheat_dw
    old = old_mk_kw(settings) * (power_dw - base_dw) // 10000
    return settings.superheat_mc + clean_mk(power_dw) - clean_mk(base_dw) + old


def superheat_mk(settings: Settings, power_dw: int) -> int:
    """The same as it will be now, with the scale that came since."""
    excess = max(-_LINEAR_MAX, min(settings.excess_mk_kw, _LINEAR_MAX))
    return base_mk(settings, power_dw) + excess * power_dw // 10000


class Scale:
    """The index. `step` once a second while the water boils, `end` when heat ends."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.descale = False
        """Descale soon; goes off below half of where it comes on."""
        self._superheat = 0
        self._power = 0
        self._sum_mc = 0
        self._sum_dw = 0
        self._count = 0
        self._even = True
        self._early = False
        self._judge()

    def begin(self) -> None:
        """Heat begins."""
        self._power = 0
        self._even = True
        self._early = False
        self.pause()

    def pause(self) -> None:
        """What is going on now tells nothing of the wall."""
        self._sum_mc = 0
        self._sum_dw = 0
        self._count = 0

    def step(self, over_mc: int, net_dw: int, boiling_s: int) -> None:
        """Wall over water, power into the water, and for how long it has boiled."""
        if boiling_s < _WAIT_S or not _LOW_DW <= net_dw <= _HIGH_DW or abs(over_mc) > _BELIEVED_MC:
            self.pause()
            return
        mean = self._sum_dw // self._count if self._count else net_dw
        if abs(net_dw - mean) * 100 > mean * _STEADY_PERCENT:
            # The wall has to settle again, which only a whole window waits for.
            self._even = False
            self.pause()
            return
        self._sum_mc += over_mc
        self._sum_dw += net_dw
        self._count += 1
        if self._count == _WINDOW_S:
            self._take()
            self._early = boiling_s < _SETTLED_S

    def heat_up(self, wall_mc: int, water_mc: int, rate_mc_s: int) -> None:
        """Once a second, with the water's slope: a wall that is so hot while the water far below it still warms is
        behind scale. Much scale would never be told by boiling, because such a wall ends the session before that."""
        if wall_mc > _AHEAD_MC and wall_mc - water_mc > _BEHIND_MC and rate_mc_s > _WARMING_MC_S:
            self.descale = True

    def _take(self) -> None:
        """What was gathered is a window."""
        self._superheat = self._sum_mc // self._count
        self._power = self._sum_dw // self._count
        self.pause()

    def end(self) -> None:
        """Heat has ended: the last window is the baseline if there is none or it is cleaner, else compared with it."""
        settings = self.settings
        if self._even and not self._power and self._count >= _SHORT_S:
            self._take()
            self._early = True
        if self._early and not settings.superheat_dw and self._superheat > clean_mk(self._power) + _UNSURE_MC:
            # Behind scale the wall settles more slowly than that: no baseline.
            self._power = 0
        if not self._power:
            return
        if settings.superheat_dw:
            excess = (self._superheat - base_mk(settings, self._power)) * 10000 // self._power
            settings.excess_mk_kw = max(-_EXCESS_MAX, min(_EXCESS_MAX, excess))
        if not settings.superheat_dw or settings.excess_mk_kw <= -_OFF_MK_KW:
            # The first, or a wall that was descaled without a word.
            settings.superheat_mc = self._superheat
            settings.superheat_dw = self._power
            settings.excess_mk_kw = 0
        self._power = 0
        self._judge()

    def reset(self) -> None:
        """The wall is clean: the next session is the baseline."""
        self.settings.superheat_dw = 0
        self.settings.excess_mk_kw = 0
        self.descale = False

    def permille(self) -> int:
        """Excess resistance over that of the clean wall at the baseline's power, permille; -1: no baseline."""
        power = self.settings.superheat_dw
        if not power:
            return -1
        # Clean resistance in milli-K/kW.
        clean = clean_mk(power) * 10000 // power
        return max(self.settings.excess_mk_kw * 1000 // clean, 0)

    def _judge(self) -> None:
        limit = _OFF_MK_KW if self.descale else _ON_MK_KW
        self.descale = self.settings.superheat_dw > 0 and self.settings.excess_mk_kw >= limit
