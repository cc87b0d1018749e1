# SPDX-License-Identifier: Apache-2.0
"""The heater's regimes: from a demand (off, hold, steam) and the measured state to the duty of the element.

IDLE -> PROBE -> HEAT -> APPROACH -> STEAM, or HEAT -> HOLD; COOL after either. Called 10 times a second. The
supervisor stands beside it and may forbid the element at any time; nothing here is a protection.
"""

from podsteam_firmware.heat.boiling import Boiling
from podsteam_firmware.heat.hold import Hold
from podsteam_firmware.heat.probe import COAST, DRY, PULSE, Probe
from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.heat.steam import Evidence, demand_dw, loss_dw, made_mg_min
from podsteam_firmware.ticks import diff
from podsteam_protocol.const import const
from podsteam_protocol.messages import (
    REGIME_APPROACH,
    REGIME_COOL,
    REGIME_HEAT,
    REGIME_HOLD,
    REGIME_IDLE,
    REGIME_PROBE,
    REGIME_STEAM,
)

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.sense import Sense

_SEA_MC = const(100000)
"""Boiling point in the power formula until it is learned: 10 K less is 1 % more latent heat."""
_COLD_MC = const(45000)
"""Wall below which COOL ends, and from which a start begins with a probe."""
_EVEN_MC = const(4000)
"""Sensors this close together have taken the room's temperature."""
_FOLD_MC = const(8000)
_REHEAT_MC = const(12000)
"""Distance below a hold target from which full power takes over."""
_PROBE_ROOM_MC = const(15000)
_HOLD_MARGIN_MC = const(3000)
"""A hold target stays this far below a learned boiling point."""
_HOLD_ONSET_DW = const(1500)
"""Most power in HOLD where water might boil: 3 g/min of steam, too little to spit."""
_BOILING_WANTED_MC = const(2000)
"""HOLD further than this below its target: heat goes in without effect if the water boils."""
_RISE_MIN_MC = const(15000)
"""Heat-up over which the heat capacity shows."""
_LAG_MC_S = const(4)
"""Middle of the envelope of water sensor lags, s."""
_WATER_MIN_J_K = const(34)
"""8 g of water."""
_WATER_MAX_J_K = const(900)
_TAKEN_MAX_J = const(200000)
"""More than 200 g of water ever take: keeps the product small."""


class Heat:
    """The heater control. Say what is wanted with `off`, `hold` or `steam`, call `step`, read the attributes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.regime = REGIME_IDLE
        """A REGIME of the protocol; never FAULT, which is the supervisor's."""
        self.wanted = False
        """Heat is asked for: the supervisor's `heat_wanted`."""
        self.duty_permille = 0
        """Part of the mains cycles to be on, 0 to 1000."""
        self.target_mc = 0
        """Temperature aimed at in HOLD, milli-degC; 0: none."""
        self.rate_mg_min = 0
        """Steam asked for, mg/min; 0: none."""
        self.steam_ok = False
        """Steam is verified, see `steam.Evidence`."""
        self.steam_mg_min = 0
        """Steam made now, from power less loss; 0 unless the water boils."""
        self.steam_mg = 0
        """Its sum since `reset_steam`, mg, without what is made before the plateau is seen (10 s, about 1 g)."""
        self.boiling_mc = 0
        """Learned boiling point as the water sensor shows it, milli-degC; 0: not learned since power-on."""
        self.probe_dry = False
        """The probe found no water: no heat until `off`."""
        self.probe_rise_cdeg = 0
        """Rise of the wall in the newest probe, 0.01 K; 0: not yet decided."""
        self.capacity_j_k = settings.capacity_j_k
        """All that is heated, J/K, as the newest heat-up showed it."""
        self.ambient_mc = settings.ambient_mc
        """Room, as the newest cold start showed it, milli-degC."""
        self._probe = Probe()
        self._boiling = Boiling()
        self._evidence = Evidence()
        self._hold = Hold()
        self._last_ms = -1
        self._elapsed_ms = 0
        self._net_dw = 0
        self._net_cj = 0
        self._fresh = False
        self._steam_rest = 0
        self._wall_0 = 0
        self._water_0 = 0

    # Demands ----------------------------------------------------------------------------------------------
    def off(self) -> None:
        """No heat."""
        self.wanted = False
        self.rate_mg_min = 0
        self.target_mc = 0
        self.probe_dry = False

    def hold(self, target_mc: int) -> None:
        """Warm the water to `target_mc` (30,000 to 98,000) and keep it there; lower where it would boil."""
        self.wanted = True
        self.rate_mg_min = 0
        self.target_mc = target_mc

    def steam(self, rate_mg_min: int) -> None:
        """Make steam at `rate_mg_min` (500 to 20,000), as far as the element can."""
        self.wanted = True
        self.rate_mg_min = rate_mg_min
        self.target_mc = 0

    def reset_steam(self) -> None:
        """Start of a session: `steam_mg` counts from 0."""
        self.steam_mg = 0
        self._steam_rest = 0

    # The step ---------------------------------------------------------------------------------------------
    def step(self, now_ms: int, sense: "Sense") -> None:
        """One step, every 100 ms; sums are taken over the time that really went by (1 s at most)."""
        elapsed_ms = diff(now_ms, self._last_ms) if self._last_ms >= 0 else 0
        self._elapsed_ms = max(0, min(elapsed_ms, 1000))
        self._last_ms = now_ms
        self._measure(sense)
        power_dw = 0
        if not self.wanted or self.probe_dry:
            self._rest(sense)
        elif sense.mains_ok:
            power_dw = self._fold(self._power(sense), sense.wall_mc)
        self.duty_permille = min(power_dw * 1000 // sense.full_dw, 1000) if sense.full_dw > 0 else 0
        self._judge(sense)

    def _measure(self, sense: "Sense") -> None:
        loss = loss_dw(self.settings.loss_mw_k, sense.water_mc, self.ambient_mc)
        self._net_dw = sense.power_dw - loss
        if self.wanted:
            self._net_cj += self._net_dw * self._elapsed_ms // 100
        net = self._net_dw
        # Holding a temperature looks like boiling: heat goes in and the water stays.
        if self.regime == REGIME_HOLD and sense.water_mc > self._target() - _BOILING_WANTED_MC:
            net = 0
        self._boiling.step(sense.water_mc, net, self.capacity_j_k)
        self.boiling_mc = self._boiling.point_mc
        self._evidence.outlet(sense.outlet_mc)

    def _judge(self, sense: "Sense") -> None:
        """Steam made, and whether it is verified."""
        self.steam_mg_min = 0
        if not self._boiling.now:
            self._evidence.none()
        else:
            stored = max(self._boiling.rate_mc_s, 0) * self.capacity_j_k // 100
            self.steam_mg_min = made_mg_min(self._net_dw - stored, self.boiling_mc)
            self._steam_rest += self.steam_mg_min * self._elapsed_ms
            self.steam_mg += self._steam_rest // 60000
            self._steam_rest %= 60000
            if self.regime == REGIME_STEAM:
                warm = sense.outlet_mc >= self.ambient_mc + self.settings.outlet_rise_mc
                wanted = demand_dw(self.rate_mg_min, self.boiling_mc, 0)
                self._evidence.judge(self._net_dw - stored, wanted, warm, self._energetic())
            else:
                self._evidence.none()
        self.steam_ok = self._evidence.ok

    def _energetic(self) -> bool:
        """Whether the net energy since the start could heat the metal and 8 g of water so far; 20 % are allowed."""
        metal = self.settings.metal_j_k * (self.boiling_mc - self._wall_0)
        water = _WATER_MIN_J_K * (self.boiling_mc - self._water_0)
        return self._net_cj // 100 >= (metal + water) // 1250

    # Regimes ----------------------------------------------------------------------------------------------
    def _rest(self, sense: "Sense") -> None:
        self.regime = REGIME_COOL if sense.wall_mc > _COLD_MC else REGIME_IDLE
        self._boiling.restart()

    def _power(self, sense: "Sense") -> int:
        """Wanted power in 0.1 W."""
        if self.regime == REGIME_IDLE or self.regime == REGIME_COOL:
            self._begin(sense)
        if self.regime == REGIME_PROBE:
            return self._pulse(sense)
        if self.rate_mg_min == 0:
            return self._keep(sense)
        return self._boil(sense)

    def _begin(self, sense: "Sense") -> None:
        wall = sense.wall_mc
        outlet = sense.outlet_mc
        self._boiling.restart()
        self._net_cj = 0
        self._fresh = True
        self._wall_0 = wall
        self._water_0 = sense.water_mc
        if abs(wall - outlet) <= _EVEN_MC and abs(sense.water_mc - outlet) <= _EVEN_MC:
            self.ambient_mc = max(5000, min(40000, outlet))
        if wall < _COLD_MC:
            self.regime = REGIME_PROBE
            self.probe_rise_cdeg = 0
            self._probe.begin(wall, sense.water_mc)
        else:
            self.regime = REGIME_HEAT

    def _pulse(self, sense: "Sense") -> int:
        state = self._probe.step(sense.wall_mc, sense.water_mc, sense.power_dw)
        self.probe_rise_cdeg = self._probe.rise_cdeg
        if state == PULSE:
            if self.rate_mg_min == 0 and self.target_mc - sense.water_mc < _PROBE_ROOM_MC:
                # Little is left to a low target: warm water is proof enough.
                self.regime = REGIME_HEAT
            return sense.full_dw
        if state == DRY:
            self.probe_dry = True
        elif state != COAST:
            self.regime = REGIME_HEAT
            return sense.full_dw
        return 0

    def _keep(self, sense: "Sense") -> int:
        """HEAT until the controller would no longer ask for full power, then HOLD."""
        target = self._target()
        water = sense.water_mc
        limit = self._onset_limit(sense)
        loss = loss_dw(self.settings.loss_mw_k, target, self.ambient_mc)
        self._learn(sense)
        excess = self._hold.excess_dw(target, water, self._boiling.rate_mc_s)
        if self.regime != REGIME_HOLD or target - water > _REHEAT_MC:
            if loss + excess >= limit:
                self.regime = REGIME_HEAT
                return limit
        if self.regime != REGIME_HOLD:
            self._fresh = False
            self._hold.enter(target, water, self._boiling.rate_mc_s, excess)
            self.regime = REGIME_HOLD
        return self._hold.step(target, water, loss, limit)

    def _target(self) -> int:
        """Hold target, kept below a learned boiling point."""
        if self.boiling_mc > 0:
            return min(self.target_mc, self.boiling_mc - _HOLD_MARGIN_MC)
        return self.target_mc

    def _onset_mc(self) -> int:
        """Water temperature at which boiling might begin: on the low side; later what was learned, less a margin."""
        if self.boiling_mc > 0:
            return self.boiling_mc - self.settings.boil_margin_mc
        return self.settings.boil_floor_mc

    def _near(self, sense: "Sense") -> bool:
        """Whether boiling might begin within the sensor's lag, taken on the high side."""
        ahead = max(self._boiling.rate_mc_s, 0) * self.settings.water_lag_ms // 1000
        return sense.water_mc + ahead >= self._onset_mc()

    def _onset_limit(self, sense: "Sense") -> int:
        return min(sense.full_dw, _HOLD_ONSET_DW) if self._near(sense) else sense.full_dw

    def _boil(self, sense: "Sense") -> int:
        """HEAT at full power, APPROACH a little above the wanted power, STEAM at it."""
        boiling = self.boiling_mc if self.boiling_mc > 0 else _SEA_MC
        power = demand_dw(self.rate_mg_min, boiling, loss_dw(self.settings.loss_mw_k, boiling, self.ambient_mc))
        if self._boiling.now:
            self.regime = REGIME_STEAM
            self._fresh = False
            return power
        if not self._near(sense):
            self.regime = REGIME_HEAT
            self._learn(sense)
            return sense.full_dw
        self.regime = REGIME_APPROACH
        if self.boiling_mc > 0:
            return power * self.settings.onset_learned_permille // 1000
        return power * self.settings.onset_permille // 1000

    def _learn(self, sense: "Sense") -> None:
        """Heat capacity from the energy of the heat-up: what the metal did not take has warmed the water."""
        water = sense.water_mc + self._boiling.rate_mc_s * _LAG_MC_S - self._water_0
        if self.regime != REGIME_HEAT or not self._fresh or water < _RISE_MIN_MC:
            return
        metal = self.settings.metal_j_k
        taken = self._net_cj // 100 - metal * (sense.wall_mc - self._wall_0) // 1000
        capacity = max(0, min(taken, _TAKEN_MAX_J)) * 1000 // water
        self.capacity_j_k = metal + max(_WATER_MIN_J_K, min(_WATER_MAX_J_K, capacity))
        self._hold.tune(self.capacity_j_k)

    def _fold(self, power_dw: int, wall_mc: int) -> int:
        """Less power for a wall that gets too hot behind scale."""
        over = wall_mc - self.settings.wall_fold_mc
        if over <= 0:
            return power_dw
        return power_dw * max(_FOLD_MC - over, 0) // _FOLD_MC
