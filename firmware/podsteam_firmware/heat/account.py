# SPDX-License-Identifier: Apache-2.0
"""The account of a session: steam made, water left, and what the session teaches of the boiler.

Steam counts from the true onset: when the plateau has stood for 14 s, the onset is looked up in the record, and the
sum is put right. The water's heat capacity, from the whole rise (`fill.py`), then gives the fill. After the heat the
hot metal boils off a little more: 0.2 to 1.3 g, a twentieth of a small fill. After the session the fall of the water
gives the loss.
"""

from podsteam_firmware.heat.cooling import Cooling
from podsteam_firmware.heat.fill import Fill
from podsteam_firmware.heat.observer import clamp
from podsteam_firmware.heat.onset import Onset
from podsteam_firmware.heat.scale import Scale
from podsteam_firmware.heat.steam import latent_j_g, made_mg_min
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

_LAG_MS = const(4000)
"""Lag with which the onset is dated when it does not show: middle of what such sensors have."""
_LOOK_S = const(16)
_LOOK_LEAST_S = const(10)
_LOOK_AGAIN_S = const(4)
_LOOK_LAST_S = const(44)
_WATER_J_KG_K = const(4186)
_FULL_MG = const(250_000)
_FILL_PERMILLE = const(1015)
"""The fill is told low rather than high: a little steam leaves before the onset from which it is counted, so that the
gain of a weighed run is 1 to 3 % high."""
_MISSED_S = const(8)
"""Boiling for that long before the plateau is seen, where the onset was not found."""
_SLOW_S = const(5)
"""After the heat the sensor, and the element behind it, hold the wall's reading up for that long at most."""
_AFTER_S = const(60)
_LAG_MARGIN_PERCENT = const(110)
_LAG_MARGIN_MS = const(200)


class Account:
    """See the module. `step` every 100 ms, `second` once a second, both also while no heat is wanted."""

    def __init__(self, settings: "Settings", energy: "Energy", boiling: "Boiling", observer: "Observer") -> None:
        self.settings = settings
        self.scale = Scale(settings)
        self.steam_mg_min = 0
        """Steam made now, from power less loss; 0 unless the water boils."""
        self.steam_mg = 0
        """Its sum since `reset`, mg."""
        self.water_mg = -1
        """Water left in the boiler, mg; -1: unknown."""
        self.news = False
        """Cooling has taught something that is worth keeping."""
        self._energy = energy
        self._boiling = boiling
        self._observer = observer
        self._onset = Onset()
        self._fill = Fill()
        self._cooling = Cooling()
        self._cold = False
        self._fill_mg = -1
        self._since_mg = 0
        self._boiled_ds = 0
        self._rest = 0
        self._look_s = 0
        self._after_s = 0
        self._wall_mc = 0

    def reset(self) -> None:
        """Start of a session: `steam_mg` counts from 0."""
        self.steam_mg = 0
        self._boiled_ds = 0
        self._rest = 0

    def begin(self, cold: bool) -> None:
        """Heat begins; `cold`: in a boiler of one temperature."""
        self._cold = cold
        self._onset.clear()
        self._look_s = 0
        self._cooling.end()
        self._after_s = 0
        self.scale.begin()
        self._lose()

    def end(self) -> None:
        """Heat has ended."""
        self.scale.end()
        if self._boiling.now:
            if self._look_s and self._boiling.seen_s >= _LOOK_LEAST_S:
                # A boiler of 8 g may be off again before the plateau has stood for long.
                self._look(True)
            self._after_s = _AFTER_S
            self._wall_mc = self._observer.wall.reading_mc()
            # Half of both lags is the element's: what it holds over the wall is power times that.
            self._boil_off(self._energy.net_dw * self._energy.lead_ms // 2000)
        # A weighed run has settled the losses as well, unless they had been learned before.
        if self._fill_mg >= 0 and (self.settings.gain_permille == 1000 or self.settings.loss_known):
            self._cooling.begin()

    def weighed(self) -> None:
        """A weighing has settled the losses as well: what this cooling would say of them is not wanted any more."""
        self._cooling.end()

    def _lose(self) -> None:
        self.water_mg = -1
        self._fill_mg = -1
        self._fill.clear()

    # Every 100 ms -----------------------------------------------------------------------------------------
    def step(self, net_dw: int, elapsed_ms: int) -> None:
        """Count the steam that `net_dw` makes, 0.1 W without losses and without what still warms the water."""
        if not self._boiling.now:
            self.steam_mg_min = 0
            return
        self.steam_mg_min = made_mg_min(net_dw, self._boiling.point_mc) * self.settings.gain_permille // 1000
        self._boiled_ds += 1
        self._rest += self.steam_mg_min * elapsed_ms
        self._count(self._rest // 60000)
        self._rest %= 60000

    def _count(self, mg: int) -> None:
        self.steam_mg += mg
        self._since_mg += mg
        if self._fill_mg >= 0:
            self.water_mg = max(self._fill_mg - self._since_mg, 0)

    # Once a second ----------------------------------------------------------------------------------------
    def second(self, wanted: bool, rising: bool) -> None:
        """After the boiling's own second; `rising`: the regime is one that heats at full power."""
        boiling = self._boiling
        wall_mc = self._observer.wall.reading_mc()
        if not wanted:
            if self._after_s:
                self._after(wall_mc)
            self._cool(wall_mc)
            return
        self._onset.note(boiling.mean_mc, wall_mc, self._books_j())
        if not boiling.now:
            if boiling.fell:
                self._lose()
                self._cold = False
            elif rising:
                self._rise(wall_mc)
            return
        if boiling.seen_s == 0:
            self._since_mg = 0
            self._look_s = _LOOK_S
        elif boiling.seen_s == self._look_s:
            self._look(self._look_s >= _LOOK_LAST_S)
        self.scale.step(wall_mc - boiling.mean_mc, self._energy.net_dw, boiling.seen_s)

    def _books_j(self) -> int:
        return max(self._energy.net_j(), 0)

    def _rise(self, wall_mc: int) -> None:
        self._fill.note(self._boiling.mean_mc, wall_mc, self._books_j(), self._energy.net_dw)

    def _look(self, last: bool) -> None:
        """Put the sum of the steam right, and learn from the onset; `last`: it is not looked for again."""
        settings = self.settings
        energy = self._energy
        lag_ms = settings.water_lag_ms if settings.lag_known else _LAG_MS
        self._onset.lead_ms = energy.lead_ms
        if self._onset.look(lag_ms, energy.metal_j_k):
            self._learn_lag(self._onset.lag_ms)
            self._learn_fill(self._onset.lag_ms if self._onset.lag_ms else lag_ms)
            self._recount(energy.net_j() - self._onset.net_j)
        elif last:
            self._count(self.steam_mg_min * _MISSED_S // 60)
        else:
            self._look_s += _LOOK_AGAIN_S
            return
        self._look_s = 0
        self._cold = False

    def _recount(self, boiled_j: int) -> None:
        """Steam since the onset, from the energy since the onset (J)."""
        made_mg = boiled_j * 1000 // latent_j_g(self._onset.point_mc) * self.settings.gain_permille // 1000
        self._boiled_ds += self._onset.age_ds - self._boiling.seen_s * 10
        self._count((made_mg if made_mg > 0 else 0) - self._since_mg)

    def _learn_lag(self, lag_ms: int) -> None:
        settings = self.settings
        if lag_ms:
            settings.water_lag_ms = (settings.water_lag_ms + lag_ms) // 2 if settings.lag_known else lag_ms
            settings.lag_known = 1
            self._observer.lag_ms = safe_lag_ms(settings)

    def _learn_fill(self, lag_ms: int) -> None:
        energy = self._energy
        self._fill.solve(lag_ms)
        if energy.settle(self._onset, self._fill, self._cold):
            fill_mg = (energy.water_j_k - self.settings.pocket_j_k) * 1000000 // _WATER_J_KG_K
            fill_mg = fill_mg * self.settings.gain_permille // _FILL_PERMILLE
            self._fill_mg = fill_mg if fill_mg < _FULL_MG else _FULL_MG

    def _boil_off(self, net_dj: int) -> None:
        """Count the steam of `net_dj`, 0.1 J."""
        self._count(net_dj * 100 // latent_j_g(self._boiling.point_mc) * self.settings.gain_permille // 1000)

    def _after(self, wall_mc: int) -> None:
        """Once a second after the heat: the metal's heat boils water until it gives off less than is lost."""
        fall_mc = clamp(self._wall_mc - wall_mc, 20000)
        net_dw = self._energy.metal_j_k * fall_mc // 100 - self._energy.lost_dw(self._boiling.point_mc)
        self._wall_mc = wall_mc
        self._after_s -= 1
        if net_dw < 0 and self._after_s < _AFTER_S - _SLOW_S:
            self._after_s = 0
            return
        self._boil_off(net_dw)

    def _left_j_k(self) -> int:
        """Heat capacity of what is left, J/K."""
        energy = self._energy
        part = self._since_mg * 100 // (self._fill_mg // 10 + 1)
        if part > 1000:
            part = 1000
        return energy.capacity_j_k - (energy.water_j_k - self.settings.pocket_j_k) * part // 1000

    def _cool(self, wall_mc: int) -> None:
        """Learn the loss."""
        if self._fill_mg > 0:
            ambient_mc = self._energy.ambient_mc
            if self._cooling.step(wall_mc, self._boiling.mean_mc, ambient_mc, self._left_j_k()):
                self._learn_loss(self._cooling.loss_mw_k)

    def _learn_loss(self, loss_mw_k: int) -> None:
        """What the loss was believed to be has cost or brought steam: that is booked too."""
        settings = self.settings
        if settings.loss_known:
            loss_mw_k = (loss_mw_k + settings.loss_mw_k) // 2
        over_k = (self._boiling.point_mc - self._energy.ambient_mc) // 1000
        # mW x 0.1 s over J/g.
        more_mg = (loss_mw_k - settings.loss_mw_k) * over_k // 10 * self._boiled_ds
        self.steam_mg -= more_mg // latent_j_g(self._boiling.point_mc)
        if self.steam_mg < 0:
            self.steam_mg = 0
        settings.loss_mw_k = loss_mw_k
        settings.loss_known = 1
        self.news = True


def safe_lag_ms(settings: "Settings") -> int:
    """Lag to reckon with: a learned one on the high side, else the guess, which is high already; ms."""
    if settings.lag_known:
        return settings.water_lag_ms * _LAG_MARGIN_PERCENT // 100 + _LAG_MARGIN_MS
    return settings.water_lag_ms
