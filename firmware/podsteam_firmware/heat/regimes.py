# SPDX-License-Identifier: Apache-2.0
"""The heater's regimes: from a demand (off, hold, steam) and the measured state to the duty of the element.

IDLE -> PROBE -> HEAT -> APPROACH -> STEAM, or HEAT -> HOLD; COOL after either. Called 10 times a second. The
supervisor stands beside it and may forbid the element at any time; nothing here is a protection.
"""

from podsteam_firmware.heat.boiling import Boiling
from podsteam_firmware.heat.energy import Energy
from podsteam_firmware.heat.hold import Hold
from podsteam_firmware.heat.probe import COAST, DRY, PULSE, Probe
from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.heat.steam import Evidence, demand_dw, made_mg_min
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
        self.boiling_mc = max(settings.boiling_mc - settings.boil_doubt_mc, 0)
        """Learned boiling point as the water sensor shows it, milli-degC; 0: not learned yet."""
        self.probe_dry = False
        """The probe found no water: no heat until `off`."""
        self.probe_rise_cdeg = 0
        """Rise of the wall in the newest probe, 0.01 K; 0: not yet decided."""
        self.energy = Energy(settings)
        """The books of the heat-up: heat capacity and room temperature, as they were learned."""
        self._probe = Probe()
        self._boiling = Boiling()
        self._boiling.point_mc = self.boiling_mc
        self._evidence = Evidence()
        self._hold = Hold()
        self._last_ms = -1
        self._elapsed_ms = 0
        self._steam_rest = 0

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
        if rate_mg_min < self.rate_mg_min:
            self._evidence.settle()
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
        energy = self.energy
        energy.step(sense, self._elapsed_ms if self.wanted else 0)
        net = energy.net_dw
        # Holding a temperature looks like boiling: heat goes in and the water stays.
        if self.regime == REGIME_HOLD and sense.water_mc > self._target() - _BOILING_WANTED_MC:
            net = 0
        self._boiling.step(sense.water_mc, net, energy.capacity_j_k)
        self.boiling_mc = self._boiling.point_mc
        self._evidence.outlet(sense.outlet_mc)

    def _judge(self, sense: "Sense") -> None:
        """Steam made, and whether it is verified."""
        self.steam_mg_min = 0
        if self._boiling.now:
            # What still warms the water makes no steam.
            net_dw = self.energy.net_dw - max(self._boiling.rate_mc_s, 0) * self.energy.capacity_j_k // 100
            self._count(made_mg_min(net_dw, self.boiling_mc))
            self._verify(sense, net_dw)
        else:
            self._evidence.none()
        self.steam_ok = self._evidence.ok

    def _count(self, rate_mg_min: int) -> None:
        self.steam_mg_min = rate_mg_min
        self._steam_rest += rate_mg_min * self._elapsed_ms
        self.steam_mg += self._steam_rest // 60000
        self._steam_rest %= 60000

    def _verify(self, sense: "Sense", net_dw: int) -> None:
        """Steam needs its regime, a warm outlet, and energy enough to have boiled any water; then power decides."""
        warm = sense.outlet_mc >= self.energy.ambient_mc + self.settings.outlet_rise_mc
        if self.regime == REGIME_STEAM and warm and self.energy.suffices(self.boiling_mc):
            self._evidence.judge(net_dw, demand_dw(self.rate_mg_min, self.boiling_mc, 0))
        else:
            self._evidence.none()

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
        self._boiling.restart()
        self.energy.begin(sense)
        if sense.wall_mc < _COLD_MC:
            self.regime = REGIME_PROBE
            self.probe_rise_cdeg = 0
            self._probe.begin(sense.wall_mc, sense.water_mc)
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
        limit = self._onset_limit(sense)
        loss = self.energy.lost_dw(target)
        if self.regime != REGIME_HOLD or target - sense.water_mc > _REHEAT_MC:
            if not self._enter(sense, target, limit - loss):
                self.regime = REGIME_HEAT
                return limit
        return self._hold.step(target, sense.water_mc, loss, limit)

    def _enter(self, sense: "Sense", target: int, room_dw: int) -> bool:
        """Whether HOLD is on, or begins now because its controller would ask for less than `room_dw` over the loss."""
        if self.regime == REGIME_HEAT:
            self.energy.learn(sense, self._boiling.rate_mc_s)
            self._hold.tune(self.energy.capacity_j_k)
        excess = self._hold.excess_dw(target, sense.water_mc, self._boiling.rate_mc_s)
        if excess >= room_dw:
            return False
        if self.regime != REGIME_HOLD:
            self.energy.end_of_rise()
            self._hold.enter(target, sense.water_mc, self._boiling.rate_mc_s, excess)
            self.regime = REGIME_HOLD
        return True

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

    def _near(self, sense: "Sense", rate_mc_s: int) -> bool:
        """Whether boiling might begin within the sensor's lag, taken on the high side, at a slope of this or more."""
        ahead = max(self._boiling.rate_mc_s, rate_mc_s) * self.settings.water_lag_ms // 1000
        return sense.water_mc + ahead >= self._onset_mc()

    def _onset_limit(self, sense: "Sense") -> int:
        return min(sense.full_dw, _HOLD_ONSET_DW) if self._near(sense, 0) else sense.full_dw

    def _boil(self, sense: "Sense") -> int:
        """HEAT at full power, APPROACH a little above the wanted power, STEAM at it."""
        boiling = self.boiling_mc if self.boiling_mc > 0 else _SEA_MC
        loss = self.energy.lost_dw(boiling)
        power = demand_dw(self.rate_mg_min, boiling, loss)
        if self._boiling.now:
            self.regime = REGIME_STEAM
            self.energy.end_of_rise()
            return power
        # As steep as full power makes it, also when heat has only just begun, or is reduced already.
        if not self._near(sense, max(sense.full_dw - loss, 0) * 100 // self.energy.capacity_j_k):
            self.regime = REGIME_HEAT
            self.energy.learn(sense, self._boiling.rate_mc_s)
            return sense.full_dw
        self.regime = REGIME_APPROACH
        if self.boiling_mc > 0:
            return power * self.settings.onset_learned_permille // 1000
        return power * self.settings.onset_permille // 1000

    def _fold(self, power_dw: int, wall_mc: int) -> int:
        """Less power for a wall that gets too hot behind scale."""
        over = wall_mc - self.settings.wall_fold_mc
        if over <= 0:
            return power_dw
        return power_dw * max(_FOLD_MC - over, 0) // _FOLD_MC
