# SPDX-License-Identifier: Apache-2.0
"""Book-keeping of a heat-up: the net energy that went in, and the heat capacity that it shows."""

from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.heat.steam import loss_dw
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.sense import Sense

_EVEN_MC = const(4000)
"""Sensors this close together have taken the room's temperature."""
_ROOM_MIN_MC = const(5000)
_ROOM_MAX_MC = const(40000)
_RISE_MIN_MC = const(15000)
"""Rise of the water over which its heat capacity shows."""
_LAG_S = const(4)
"""Middle of the envelope of water sensor lags."""
_WATER_MIN_J_K = const(34)
"""8 g of water."""
_WATER_MAX_J_K = const(900)
_TAKEN_MAX_J = const(200000)
"""More than 200 g of water ever take; keeps the product small."""


class Energy:
    """The books. `begin` when heat begins, `step` every 100 ms."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.net_dw = 0
        """Delivered power less loss, over the last second, 0.1 W."""
        self.capacity_j_k = settings.capacity_j_k
        """All that is heated, J/K, as the newest heat-up showed it."""
        self.ambient_mc = settings.ambient_mc
        """Room, as the newest cold start showed it, milli-degC."""
        self._net_cj = 0
        self._fresh = False
        self._wall_0 = 0
        self._water_0 = 0

    def begin(self, sense: "Sense") -> None:
        """Heat begins: from these temperatures, and from 0 J."""
        outlet = sense.outlet_mc
        self._net_cj = 0
        self._fresh = True
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

    def step(self, sense: "Sense", elapsed_ms: int) -> None:
        """Book the power of the last `elapsed_ms` (0 to 1000; 0 while no heat is wanted)."""
        self.net_dw = sense.power_dw - self.lost_dw(sense.water_mc)
        self._net_cj += self.net_dw * elapsed_ms // 100

    def learn(self, sense: "Sense", rate_mc_s: int) -> None:
        """Heat capacity during the rise: what the metal did not take has warmed the water (slope `rate_mc_s`)."""
        water = sense.water_mc + rate_mc_s * _LAG_S - self._water_0
        if not self._fresh or water < _RISE_MIN_MC:
            return
        taken = self._net_cj // 100 - self.settings.metal_j_k * (sense.wall_mc - self._wall_0) // 1000
        taken = max(0, min(taken, _TAKEN_MAX_J)) * 1000 // water
        self.capacity_j_k = self.settings.metal_j_k + max(_WATER_MIN_J_K, min(_WATER_MAX_J_K, taken))

    def suffices(self, boiling_mc: int) -> bool:
        """Whether the net energy could heat the metal and 8 g of water to `boiling_mc`; 20 % are allowed."""
        metal = self.settings.metal_j_k * (boiling_mc - self._wall_0)
        water = _WATER_MIN_J_K * (boiling_mc - self._water_0)
        return self._net_cj // 100 >= (metal + water) // 1250
