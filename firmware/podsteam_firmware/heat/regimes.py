# SPDX-License-Identifier: Apache-2.0
"""The heater's regimes: from a demand (off, hold, steam, tune) and the measured state to the duty of the element.

IDLE -> PROBE -> HEAT -> APPROACH -> STEAM, or HEAT -> HOLD; COOL after either. Called 10 times a second. The
supervisor stands beside it and may forbid the element at any time; nothing here is a protection.
"""

from podsteam_firmware.heat.account import Account, safe_lag_ms
from podsteam_firmware.heat.approach import Approach
from podsteam_firmware.heat.boiling import Boiling
from podsteam_firmware.heat.energy import Energy
from podsteam_firmware.heat.hold import Hold
from podsteam_firmware.heat.keep import Keep
from podsteam_firmware.heat.observer import Observer
from podsteam_firmware.heat.probe import COAST, DRY, PULSE, Probe
from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.heat.steam import Evidence, Trim, demand_dw
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
    TUNE_REASON_WATER,
)

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.heat.tune import Tune
    from podsteam_firmware.sense import Sense

_TUNING = const(0)
_DONE = const(1)
_FAILED = const(2)
"""As `heat.tune` has them, which is not loaded until a tuning is wanted."""

_SEA_MC = const(100000)
"""Boiling point in the power formula until it is learned: 10 K less is 1 % more latent heat."""
_COLD_MC = const(45000)
"""Wall below which COOL ends, and from which a start begins with a probe."""
_FOLD_MC = const(8000)
_PROBE_ROOM_MC = const(15000)
_HALF_WAY_MC = const(20000)
_LEAST_NET_DW = const(100)
_LONG_S = const(3600)
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
        """Its sum since `reset_steam`, mg; put right once the onset has been looked up, and when a loss was learned."""
        self.water_mg = -1
        """Water left in the boiler, mg; -1: unknown, until 14 s after the plateau is seen."""
        self.to_steam_s = -1
        """Seconds until the water boils; 0: it does; -1: unknown, or no steam is wanted."""
        self.steam_left_s = -1
        """Seconds for which the water lasts at the present rate; -1: unknown."""
        self.scale_permille = -1
        """Resistance of the wall over that of the clean wall, permille of that; -1: no baseline yet."""
        self.descale = False
        """Descale soon."""
        self.tuning = False
        """A tuning is asked for."""
        self.tuned = _TUNING
        """Of the newest `tune`: 0 running, 1 done, 2 failed."""
        self.tune_reason = 0
        """Why it failed, a TUNE_REASON of the protocol."""
        self.boiling_mc = max(settings.boiling_mc - settings.boil_doubt_mc, 0)
        """Learned boiling point as the water sensor shows it, milli-degC; 0: not learned yet."""
        self.probe_dry = False
        """The probe found no water: no heat until `off`."""
        self.probe_rise_cdeg = 0
        """Rise of the wall in the newest probe, 0.01 K; 0: not yet decided."""
        self.energy = Energy(settings)
        """The books of the heat-up: heat capacities and room temperature, as they were learned."""
        self._probe = Probe()
        self._boiling = Boiling()
        self._boiling.point_mc = self.boiling_mc
        self._observer = Observer(safe_lag_ms(settings))
        self._approach = Approach(settings, self._observer, self.energy, self._boiling)
        self.account = Account(settings, self.energy, self._boiling, self._observer)
        """Steam, water, and what the session teaches."""
        self._evidence = Evidence()
        self._trim = Trim()
        self._hold = Hold()
        self._keep = Keep(self.energy, self._boiling, self._approach, self._hold)
        self.tuner: "Tune | None" = None
        """The newest tuning's findings; None: there was none since the start."""
        self._last_ms = -1
        self._elapsed_ms = 0
        self._pause_ms = 0
        self._demand_dw = 0
        self._fresh = False

    # Demands ----------------------------------------------------------------------------------------------
    def off(self) -> None:
        """No heat."""
        self.wanted = False
        self.rate_mg_min = 0
        self.target_mc = 0
        self.tuning = False
        self.probe_dry = False

    def load_tuner(self) -> None:
        """Load what a tuning takes: a tenth of the firmware, which nothing else needs. Not within a tick."""
        from podsteam_firmware.heat.tune import Tune

        self.tuner = Tune(self.settings)

    def tune(self) -> None:
        """Identify the boiler in one heat-up from cold; `tuned` tells how it goes. Called again it changes nothing.

        `load_tuner` comes first; where it did not, the first call does it.
        """
        if self.tuner is None:
            self.load_tuner()
        if not self.tuning:
            self.tuned = _TUNING
            self.tune_reason = 0
        self.wanted = True
        self.tuning = True
        self.rate_mg_min = 0
        self.target_mc = 0

    def hold(self, target_mc: int) -> None:
        """Warm the water to `target_mc` (30,000 to 98,000) and keep it there; lower where it would boil."""
        self.wanted = True
        self.tuning = False
        self.rate_mg_min = 0
        self.target_mc = target_mc

    def steam(self, rate_mg_min: int) -> None:
        """Make steam at `rate_mg_min` (500 to 20,000), as far as the element can."""
        if rate_mg_min < self.rate_mg_min:
            self._evidence.settle()
        self.wanted = True
        self.tuning = False
        self.rate_mg_min = rate_mg_min
        self.target_mc = 0

    def reset_steam(self) -> None:
        """Start of a session: `steam_mg` counts from 0."""
        self.account.reset()
        self.steam_mg = 0

    def reset_scale(self) -> None:
        """The boiler has been descaled: the next session's wall is the clean one."""
        self.account.scale.reset()
        self._tell()

    def recalibrated(self, wall_mk: int, water_mk: int) -> None:
        """The sensors' corrections changed by so much near the boiling point: so does what was learned of them."""
        if self.boiling_mc > 0:
            self.boiling_mc += water_mk
            self._boiling.point_mc = self.boiling_mc
        if self.settings.superheat_dw:
            self.settings.superheat_mc += wall_mk - water_mk

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
        if self._fresh:
            self._foresee(sense, power_dw)
        self.duty_permille = min(power_dw * 1000 // sense.full_dw, 1000) if sense.full_dw > 0 else 0
        self._judge(sense)

    def _measure(self, sense: "Sense") -> None:
        energy = self.energy
        observer = self._observer
        boiling = self._boiling
        observer.step(sense.wall_mc, sense.water_mc)
        energy.step(sense, self._elapsed_ms if self.wanted else 0)
        net = energy.net_dw
        # Holding a temperature looks like boiling: heat goes in and the water stays.
        if self.regime == REGIME_HOLD and sense.water_mc > self._keep.target_mc(self.target_mc) - _BOILING_WANTED_MC:
            net = 0
        boiling.expect(observer.water_mc, observer.water.rate_mc_s if self.settings.lag_known else -1)
        self._fresh = boiling.step(sense.water_mc, net, energy.capacity_j_k)
        if self._fresh:
            self._second(sense)
        self.boiling_mc = boiling.point_mc
        self._evidence.outlet(sense.outlet_mc)

    def _second(self, sense: "Sense") -> None:
        self.account.second(self.wanted, self.regime == REGIME_PROBE or self.regime == REGIME_HEAT)
        wanted_dw = demand_dw(self.rate_mg_min, self.boiling_mc, 0) * 1000 // self.settings.gain_permille
        self._approach.second(sense.full_dw - self.energy.lost_dw(self.boiling_mc), wanted_dw)
        self.account.scale.heat_up(sense.wall_mc, sense.water_mc, self._boiling.rate_mc_s)
        self._tell()

    def _judge(self, sense: "Sense") -> None:
        """Steam made, and whether it is verified."""
        account = self.account
        # What still warms the water makes no steam.
        net_dw = self.energy.net_dw - max(self._boiling.rate_mc_s, 0) * self.energy.capacity_j_k // 100
        account.step(net_dw, self._elapsed_ms)
        self.steam_mg_min = account.steam_mg_min
        self.steam_mg = account.steam_mg
        if self._boiling.now:
            self._verify(sense, net_dw)
        else:
            self._evidence.none()
        self.steam_ok = self._evidence.ok

    def _verify(self, sense: "Sense", net_dw: int) -> None:
        """Steam needs its regime, a warm outlet, and energy enough to have boiled any water; then power decides."""
        warm = sense.outlet_mc >= self.energy.ambient_mc + self.settings.outlet_rise_mc
        if self.regime == REGIME_STEAM and warm and self.energy.suffices(self.boiling_mc):
            self._evidence.judge(net_dw, self._demand_dw)
        else:
            self._evidence.none()

    def _tell(self) -> None:
        """Once a second: what the person is told."""
        account = self.account
        self.water_mg = account.water_mg
        self.scale_permille = account.scale.permille()
        self.descale = account.scale.descale
        self.steam_left_s = -1
        if self._boiling.now and self.rate_mg_min > 0 and self.water_mg >= 0 and self.steam_mg_min > 0:
            self.steam_left_s = self.water_mg * 60 // self.steam_mg_min

    def _foresee(self, sense: "Sense", power_dw: int) -> None:
        """Time to steam from the energy that is missing, and the power of now or, in a pause, of full power."""
        self.to_steam_s = -1
        if self.rate_mg_min == 0 or self.probe_dry:
            return
        if self._boiling.now:
            self.to_steam_s = 0
        elif self.energy.known:
            boiling = self.boiling_mc if self.boiling_mc > 0 else _SEA_MC
            net = (power_dw if power_dw > 0 else sense.full_dw) - self.energy.lost_dw(boiling - _HALF_WAY_MC)
            missing_j = self.energy.missing_j(boiling, self._observer.water_mc, sense.wall_mc)
            self.to_steam_s = min(missing_j * 10 // max(net, _LEAST_NET_DW), _LONG_S)

    # Regimes ----------------------------------------------------------------------------------------------
    def _rest(self, sense: "Sense") -> None:
        if self.regime != REGIME_COOL and self.regime != REGIME_IDLE:
            self.account.end()
            self._tell()
        self.regime = REGIME_COOL if sense.wall_mc > _COLD_MC else REGIME_IDLE
        self._boiling.restart()

    def _power(self, sense: "Sense") -> int:
        """Wanted power in 0.1 W."""
        if self.regime == REGIME_IDLE or self.regime == REGIME_COOL:
            self._begin(sense)
        if self.tuning:
            return self._identify(sense)
        if self.regime == REGIME_PROBE:
            return self._pulse(sense)
        if self.rate_mg_min == 0:
            power = self._keep.step(sense, self.target_mc)
            self.regime = REGIME_HOLD if self._keep.on else REGIME_HEAT
            return power
        self._keep.begin()
        return self._boil(sense)

    def _begin(self, sense: "Sense") -> None:
        self._boiling.restart()
        self.energy.begin(sense)
        self._approach.begin()
        self._keep.begin()
        self.account.begin(sense.wall_mc < _COLD_MC)
        if self.tuning and self.tuner:
            self.tuner.begin(sense)
        if sense.wall_mc < _COLD_MC:
            self.regime = REGIME_PROBE
            self.probe_rise_cdeg = 0
            self._probe.begin(self._observer.wall.reading_mc(), self._observer.water.reading_mc())
        else:
            self.regime = REGIME_HEAT

    def _pulse(self, sense: "Sense") -> int:
        water = self._observer.water
        wall_mc = self._observer.wall.reading_mc()
        self.energy.ramp(wall_mc, self._observer.wall.rate_mc_s)
        state = self._probe.step(wall_mc, water.reading_mc(), sense.power_dw, water.rate_mc_s)
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

    def _identify(self, sense: "Sense") -> int:
        """The tuning's own heat-up, with the probe beside it."""
        tuner = self.tuner
        if tuner is None:
            return 0
        power = tuner.step(sense, self._elapsed_ms) if self.tuned == _TUNING else 0
        if self.regime == REGIME_PROBE:
            power = min(power, self._pulse(sense))
            if self.probe_dry:
                self.tuned = _FAILED
                self.tune_reason = TUNE_REASON_WATER
        if self.tuned == _TUNING and tuner.state != _TUNING:
            self.tuned = tuner.state
            self.tune_reason = tuner.reason
            if tuner.state == _DONE:
                tuner.keep(self.settings)
                self.energy.recall()
        return power

    def point_mc(self) -> int:
        """The newest boiling point that was seen, in this or an earlier session, milli-degC; 0: none."""
        return self.boiling_mc if self._boiling.sure else self.settings.boiling_mc

    def _boil(self, sense: "Sense") -> int:
        """HEAT at full power, APPROACH a little above the wanted power, STEAM at it."""
        boiling = self.boiling_mc if self.boiling_mc > 0 else _SEA_MC
        loss = self.energy.lost_dw(boiling)
        self._demand_dw = demand_dw(self.rate_mg_min, boiling, 0)
        power = self._demand_dw * 1000 // self.settings.gain_permille + loss
        if self._boiling.now:
            if self.regime != REGIME_STEAM:
                self.regime = REGIME_STEAM
                self._trim.begin()
                self.energy.end_of_rise()
            return self._trim.step(power, sense.power_dw, sense.full_dw)
        if self._approach.near(sense.full_dw - loss, power - loss):
            return self._near(power, sense.full_dw)
        self.regime = REGIME_HEAT
        self.energy.learn(sense, self._observer.water_mc)
        return sense.full_dw

    def _near(self, power_dw: int, full_dw: int) -> int:
        """Boiling is near: a pause, then about the wanted power."""
        settings = self.settings
        if self.regime != REGIME_APPROACH:
            self.regime = REGIME_APPROACH
            self._pause_ms = self._approach.pause_ms((power_dw + full_dw) // 2)
        if self._pause_ms > 0:
            self._pause_ms -= self._elapsed_ms
            return 0
        if self.boiling_mc > 0:
            return power_dw * settings.onset_learned_permille // 1000 + self._approach.more_dw(power_dw)
        return power_dw * settings.onset_permille // 1000

    def _fold(self, power_dw: int, wall_mc: int) -> int:
        """Less power for a wall that gets too hot behind scale."""
        over = wall_mc - self.settings.wall_fold_mc
        if over <= 0:
            return power_dw
        return power_dw * max(_FOLD_MC - over, 0) // _FOLD_MC
