# SPDX-License-Identifier: Apache-2.0
"""When full power must end, so that boiling never begins at full power and no hot water is spat.

Ahead of the water's temperature of now lies what the hot element still gives off. Where boiling begins is what was
learned, less a margin, or the lowest that there is.

A point that was learned in an earlier session may be wrong by 10 K: the device may have been carried up a mountain.
The wall tells. A wall that boils is hotter than the boiling point by its superheat at the most, and that is known for
this wall, in the same two sensors' frame. So the boiling point is at least the wall less the superheat at full power,
and no more of the learned one is believed than that proves. The wall runs ahead of the water, so when nothing has
changed the proof is there before the water arrives, and costs no time.
"""

from podsteam_firmware.heat.observer import clamp
from podsteam_firmware.heat.scale import superheat_mk
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.heat.boiling import Boiling
    from podsteam_firmware.heat.energy import Energy
    from podsteam_firmware.heat.observer import Observer
    from podsteam_firmware.heat.settings import Settings

_RATE_MAX_MC_S = const(20000)
_PART_MAX = const(3000)
_TOLERANCE_MC = const(500)
"""The cubic law from the baseline's power to full power is good for 0.3 K, the sensors' noise for 0.2 K."""
_OVER_MAX_MK = const(20000)
"""Most that a wall is believed to be away from where it will settle."""
_PAUSE_MAX_MS = const(8000)
_LACK_S = const(8)
_SETTLED_MC_S = const(400)
"""A wall that rises more slowly than this has come to where full power keeps it."""
_LOW_DW = const(500)
_HIGH_DW = const(8000)
_BACK_MC = const(5000)
"""Full power comes back when the water is that much further away: after cold water was poured in."""


class Approach:
    """Watches how near boiling is. `near` every 100 ms of the rise."""

    def __init__(self, settings: "Settings", observer: "Observer", energy: "Energy", boiling: "Boiling") -> None:
        self.settings = settings
        self.on = False
        """Boiling is near: power is reduced."""
        self._superheat = 0
        self._plateau = 0
        self._part = 0
        self._behind_j = 0
        self._observer = observer
        self._energy = energy
        self._boiling = boiling

    def begin(self) -> None:
        """A rise begins."""
        self.on = False

    def second(self, net_dw: int, wanted_dw: int) -> None:
        """Once a second: the wall's superheat at full power, of which `net_dw` (0.1 W) goes into the water, and the
        plateau at which it will settle with `wanted_dw` (likewise)."""
        self._plateau = 0
        if self.settings.superheat_dw:
            self._superheat = self._over_mk(net_dw)
            point_mc = self._point_mc()
            if point_mc > 0:
                self._plateau = point_mc + self._over_mk(wanted_dw)

    def _over_mk(self, power_dw: int) -> int:
        """Wall over water at a power into the water, milli-K."""
        if power_dw > _HIGH_DW:
            power_dw = _HIGH_DW
        return superheat_mk(self.settings, power_dw if power_dw > _LOW_DW else _LOW_DW)

    def _point_mc(self) -> int:
        """Boiling point on which the wall's plateau stands, milli-degC; 0: none is known. A wall that full power has
        settled is behind it by just its superheat, and tells a device that was carried up a mountain."""
        point_mc = self.settings.boiling_mc
        if self._boiling.sure:
            point_mc = self._boiling.point_mc
        elif not self.on and self._observer.wall.rate_mc_s < _SETTLED_MC_S:
            point_mc = min(point_mc, self._proof_mc())
        return point_mc

    def _proof_mc(self) -> int:
        """The boiling point is at least this, as the wall shows."""
        return self._observer.wall.reading_mc() - self._superheat + _TOLERANCE_MC

    def onset_mc(self) -> int:
        """Water temperature from which boiling might begin."""
        settings = self.settings
        if self._boiling.sure:
            boiling_mc = self._boiling.point_mc
        elif settings.boiling_mc > 0 and settings.superheat_dw > 0:
            boiling_mc = self._proof_mc()
            if boiling_mc > settings.boiling_mc:
                boiling_mc = settings.boiling_mc
        else:
            boiling_mc = 0
        boiling_mc -= settings.boil_margin_mc
        return boiling_mc if boiling_mc > settings.boil_floor_mc else settings.boil_floor_mc

    def might_boil(self) -> bool:
        """Whether the water is where boiling might begin."""
        return self._observer.water_mc >= self.onset_mc()

    def near(self, net_dw: int, wanted_dw: int) -> bool:
        """Whether boiling might begin if all of `net_dw` (0.1 W, up to 15,000) went on into the water for a moment.

        The moment is what the element's excess over `wanted_dw` (likewise, without losses) takes to come down.
        """
        self._excess(net_dw, wanted_dw)
        rate = net_dw * 100 // self._energy.water_j_k
        if rate < self._observer.water.rate_mc_s:
            rate = self._observer.water.rate_mc_s
        if rate > _RATE_MAX_MC_S:
            rate = _RATE_MAX_MC_S
        ahead = self.settings.settle_ms * 2 // 3 if self._plateau else self.settings.settle_ms
        ahead = self._observer.water_mc + rate // 10 * self._part // 1000 * ahead // 100
        ahead += self._behind_j * 1000 // self._energy.water_j_k - self.onset_mc()
        self.on = ahead >= (-_BACK_MC if self.on else 0)
        return self.on

    def pause_ms(self, mean_dw: int) -> int:
        """Pause of the element in which its excess, and that of the wall, come down, at most 8 s; `mean_dw`: mean of
        the two powers, 0.1 W, above 0."""
        # Where nothing is known of the wall, the rest comes down on the way from the floor, or is not there at all.
        pause_ms = self.settings.pause_ms * 2 // 3 if self._plateau else self.settings.pause_ms // 4
        pause_ms = pause_ms * self._part // 1000 + self._behind_j * 10000 // mean_dw
        return pause_ms if pause_ms < _PAUSE_MAX_MS else _PAUSE_MAX_MS

    def more_dw(self, power_dw: int) -> int:
        """What a wall that is not yet as hot as it must be gets beside `power_dw`: what it lacks in 8 s, and at most a
        tenth, so that nothing spits where it was wrong."""
        more_dw = -self.over_j() * 10 // _LACK_S
        if more_dw > power_dw // 10:
            more_dw = power_dw // 10
        return more_dw if more_dw > 0 else 0

    def over_j(self) -> int:
        """What the wall holds over where it will be while the wanted steam is made, J; negative: what it lacks yet."""
        if not self._plateau:
            return 0
        wall = self._observer.wall
        over_mk = wall.reading_mc() + wall.rate_mc_s * self._energy.lead_ms // 2000 - self._plateau
        return clamp(over_mk, _OVER_MAX_MK) * self._energy.metal_j_k // 1000

    def _excess(self, net_dw: int, wanted_dw: int) -> None:
        """How long an exponential takes from one power to the other, over how long it takes to 60 %: the logarithm of
        their ratio, as 2 (a - b) / (a + b), permille (0 to 3,000)."""
        self._part = 0
        self._behind_j = max(self.over_j(), 0)
        if net_dw > wanted_dw > 0:
            self._part = 4000 * (net_dw - wanted_dw) // (net_dw + wanted_dw)
            if self._part > _PART_MAX:
                self._part = _PART_MAX
