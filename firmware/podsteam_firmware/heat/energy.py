# SPDX-License-Identifier: Apache-2.0
"""Book-keeping of a heat-up: the net energy that went in, and the heat capacities of water and metal that it shows."""

from podsteam_firmware.heat.settings import METAL_J_K, Settings
from podsteam_firmware.heat.steam import loss_dw
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.heat.fill import Fill
    from podsteam_firmware.heat.onset import Onset
    from podsteam_firmware.sense import Sense

_EVEN_MC = const(4000)
"""Sensors this close together have taken the room's temperature."""
_ROOM_MIN_MC = const(5000)
_ROOM_MAX_MC = const(40000)
_RISE_MIN_MC = const(15000)
"""Rise of the water over which its heat capacity shows."""
_WATER_MIN_J_K = const(34)
"""8 g of water."""
_WATER_MAX_J_K = const(900)
_METAL_LOW_J_K = const(55)
_METAL_HIGH_J_K = const(230)
"""What a heat-up may show of the metal: 70 to 190 J/K by hypothesis, an element of 5 % error, and the method's own."""
_METAL_RISE_MC = const(40000)
_TAKEN_MAX_J = const(200000)
"""More than 200 g of water ever take; keeps the product small."""
_NET_MAX_CJ = const(900000000)
"""9 MJ, four hours at full power: the books stop there."""
_KEEP = const(2)
"""A metal that was learned follows a new session by half."""
_RAMP_MC = const(18000)
_RAMP_NET_MAX_CJ = const(5000000)
_RAMP_MIN_MC_S = const(300)
_LEAD_LESS_MS = const(150)
_LEAD_MIN_MS = const(300)
_LEAD_MAX_MS = const(6000)


class Energy:
    """The books. `begin` when heat begins, `step` every 100 ms."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.net_dw = 0
        """Delivered power less loss, over the last second, 0.1 W."""
        self.metal_j_k = settings.metal_j_k
        """Heat capacity of element and wall, J/K."""
        self.water_j_k = 0
        """That of the water and its pocket before any steam was made, J/K."""
        self.capacity_j_k = settings.capacity_j_k
        """Both, J/K, as the newest heat-up showed them."""
        self.ambient_mc = settings.ambient_mc
        """Room, as the newest cold start showed it, milli-degC."""
        self.lead_ms = 1500
        """Lags of element and wall sensor together, ms (300 to 6,000); see `ramp`."""
        self._net_cj = 0
        self._fresh = False
        self._ramped = False
        self._wall_0 = 0
        self._water_0 = 0
        self.known = settings.boiling_mc > 0
        """The capacities come from a heat-up, not from `Settings` as compiled in."""
        self._take(settings.capacity_j_k - self.metal_j_k)

    def recall(self) -> None:
        """Take over capacities that were put into the settings."""
        self.metal_j_k = self.settings.metal_j_k
        self._take(self.settings.capacity_j_k - self.metal_j_k)
        self.known = True

    def begin(self, sense: "Sense") -> None:
        """Heat begins: from these temperatures, and from 0 J."""
        outlet = sense.outlet_mc
        self._net_cj = 0
        self._fresh = True
        self._ramped = False
        self._wall_0 = sense.wall_mc
        self._water_0 = sense.water_mc
        if abs(sense.wall_mc - outlet) <= _EVEN_MC and abs(sense.water_mc - outlet) <= _EVEN_MC:
            self.ambient_mc = max(_ROOM_MIN_MC, min(_ROOM_MAX_MC, outlet))

    def end_of_rise(self) -> None:
        """From now on the water holds its temperature or boils: the capacity can no longer be seen."""
        self._fresh = False

    def lost_dw(self, hot_mc: int) -> int:
        """Loss of a boiler at `hot_mc`, 0.1 W."""
        return loss_dw(self.settings.loss_mw_k, hot_mc, self.ambient_mc)

    def net_j(self) -> int:
        """Net energy since heat began, J."""
        return self._net_cj // 100

    def step(self, sense: "Sense", elapsed_ms: int) -> None:
        """Book the power of the last `elapsed_ms` (0 to 1000; 0 while no heat is wanted)."""
        self.net_dw = sense.power_dw - self.lost_dw(sense.water_mc)
        elapsed_ms = self._net_cj + self.net_dw * elapsed_ms // 100
        self._net_cj = elapsed_ms if elapsed_ms < _NET_MAX_CJ else _NET_MAX_CJ

    def _take(self, water_j_k: int) -> None:
        self.water_j_k = max(_WATER_MIN_J_K, min(_WATER_MAX_J_K, water_j_k))
        self.capacity_j_k = self.metal_j_k + self.water_j_k

    def ramp(self, wall_mc: int, rate_mc_s: int) -> None:
        """Every 100 ms of a cold start: when the wall has risen by 18 K, how late its ramp is.

        The energy so far over the power is the time that full power took; rise over slope is the time that the ramp
        took. Between them lie the lags of element and wall sensor. That the water takes more and more of the heat
        makes it 1 s less; for what it is used (`Onset`) 0.15 s less still was best on the plants of the envelope.
        """
        if self._ramped or wall_mc - self._wall_0 < _RAMP_MC or rate_mc_s < _RAMP_MIN_MC_S or self.net_dw < 100:
            return
        self._ramped = True
        if 0 < self._net_cj < _RAMP_NET_MAX_CJ:
            lead_ms = self._net_cj * 100 // self.net_dw - (wall_mc - self._wall_0) * 1000 // rate_mc_s
            lead_ms -= _LEAD_LESS_MS
            if lead_ms < _LEAD_MIN_MS:
                lead_ms = _LEAD_MIN_MS
            self.lead_ms = lead_ms if lead_ms < _LEAD_MAX_MS else _LEAD_MAX_MS

    def learn(self, sense: "Sense", water_mc: int) -> None:
        """During the rise: what the metal did not take has warmed the water to `water_mc` (without the lag)."""
        rise = water_mc - self._water_0
        if self._fresh and rise >= _RISE_MIN_MC:
            taken = self._net_cj // 100 - self.metal_j_k * (sense.wall_mc - self._wall_0) // 1000
            if 0 < taken < _TAKEN_MAX_J:
                self._take(taken * 1000 // rise)
                self.known = True

    def settle(self, onset: "Onset", fill: "Fill", cold: bool) -> bool:
        """After the onset: metal and water as the rise showed them.

        `cold`: heat began in a boiler of one temperature, and boiling ended this very rise. `fill` then tells the
        metal, and the water is the mean of what it says with this metal, and of what the energy at the onset leaves
        to it; where `fill` says nothing, that energy alone, with a metal that was learned before. Otherwise the last
        part of the rise has to do. False: the water did not show.
        """
        water_j_k = onset.water_j_k
        if cold and onset.wall_mc - self._wall_0 >= _METAL_RISE_MC:
            if fill.metal_j_k > 0:
                self._follow(fill.metal_j_k)
                water_j_k = self._both_j_k(onset, fill.water_j_k(self.metal_j_k))
            elif self.metal_j_k != METAL_J_K:
                water_j_k = self._left_j_k(onset)
        if water_j_k > 0:
            self._take(water_j_k)
        return water_j_k > 0

    def _follow(self, shown_j_k: int) -> None:
        """The metal that a rise has shown."""
        shown_j_k = max(_METAL_LOW_J_K, min(_METAL_HIGH_J_K, shown_j_k))
        self.metal_j_k += (shown_j_k - self.metal_j_k) // (_KEEP if self.metal_j_k != METAL_J_K else 1)

    def _both_j_k(self, onset: "Onset", shown_j_k: int) -> int:
        """Mean of what the rise shows of the water and what its energy leaves, J/K."""
        left_j_k = self._left_j_k(onset)
        return (shown_j_k + left_j_k) // 2 if shown_j_k > 0 else left_j_k

    def _left_j_k(self, onset: "Onset") -> int:
        """Heat capacity of the water, with the metal as believed, from what was stored at the onset, J/K."""
        left_j = self._stored_j(onset) - self.metal_j_k * (onset.wall_mc - self._wall_0) // 1000
        return left_j * 1000 // max(onset.point_mc - self._water_0, _RISE_MIN_MC)

    def _stored_j(self, onset: "Onset") -> int:
        """What wall, element at the wall's temperature, and water held at the onset, J (200,000 at most). What the
        element holds over the wall is power times its half of both lags."""
        stored_j = onset.net_j - self.net_dw * self.lead_ms // 20000
        return stored_j if stored_j < _TAKEN_MAX_J else _TAKEN_MAX_J

    def missing_j(self, boiling_mc: int, water_mc: int, wall_mc: int) -> int:
        """What is missing until the water boils, from water and wall of now, J; never negative."""
        missing = self.water_j_k * (boiling_mc - water_mc) + self.metal_j_k * max(boiling_mc + 5000 - wall_mc, 0)
        return max(missing, 0) // 1000

    def suffices(self, boiling_mc: int) -> bool:
        """Whether the net energy could heat the metal and 8 g of water to `boiling_mc`; 20 % are allowed."""
        metal = self.settings.metal_j_k * (boiling_mc - self._wall_0)
        water = _WATER_MIN_J_K * (boiling_mc - self._water_0)
        return self._net_cj // 100 >= (metal + water) // 1250
