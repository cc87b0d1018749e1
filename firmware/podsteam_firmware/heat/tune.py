# SPDX-License-Identifier: Apache-2.0
"""Autotune within one heat-up: full power from cold, then no power while wall and water come together.

`balance` finds from that what metal and water take and what is lost. How much wall, water and energy lag one another
is searched for, so that the balance leaves least; then the difference of wall and water falls with the lag from wall
to water, T2. From all of it `rule` makes the gains of HOLD.

How to use it: `begin` with the first reading of a cold boiler, `step` every 100 ms; it returns the power wanted, and it
does not mind getting less. When `state` is DONE the results stand in the attributes, each within its bounds; FAILED
leaves a `reason`, a TUNE_REASON of the protocol, and results that must not be used. Nothing is stored here: `keep` puts
the results into a `Settings`. The whole takes at most 1.8 times as long as the heat was on, and that 400 s. The
supervisor stands beside it as ever, and nothing here is a protection.
"""

from podsteam_firmware.heat.balance import WORST, Balance
from podsteam_firmware.heat.fixed import isqrt
from podsteam_firmware.heat.hold import FILTER_DS, TUNED_J_K
from podsteam_firmware.heat.rule import Rule
from podsteam_protocol.const import const
from podsteam_protocol.messages import (
    TUNE_REASON_GAINS,
    TUNE_REASON_LAG,
    TUNE_REASON_LOSS,
    TUNE_REASON_METAL,
    TUNE_REASON_NONE,
    TUNE_REASON_NOT_COLD,
    TUNE_REASON_RESIDUAL,
    TUNE_REASON_TIMEOUT,
    TUNE_REASON_WATER,
)

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.heat.settings import Settings
    from podsteam_firmware.sense import Sense

TUNING = const(0)
"""Under way."""
DONE = const(1)
FAILED = const(2)

_RISE_MIN_CK = const(1800)
"""Before the water has become this much warmer, metal and water cannot be told apart."""
_EVEN_MC = const(4000)
_COLD_MC = const(45000)
_LEVEL_MC = const(80000)
"""Where the boiler settles when its boiling point is not known: 10 K below that at 3000 m."""
_BELOW_MC = const(10000)
_LEVEL_MAX_MC = const(90000)
_HEAT_MIN_DS = const(80)
_HEAT_MAX_DS = const(4000)
_PAIRS = const(34)
"""Most that the search looks at, one in 0.1 s."""
_SEARCH_DS = const(36)
_A_DS = const(15)
_D_DS = const(40)
"""Where the search begins: middles of what sensors and elements plausibly lag."""
_A_LOW_DS = const(-25)
_A_HIGH_DS = const(45)
_D_LOW_DS = const(5)
_D_HIGH_DS = const(90)
_FAR_J2 = const(67)
"""What a distance from there costs, J^2 for (0.1 s)^2: 0.3 of (150 J)^2 for 1 s."""
_RESIDUAL_MAX_J = const(200)
"""Or 1 % of the energy, if that is more."""
_METAL_MIN_J_K = const(40)
_METAL_MAX_J_K = const(300)
_WATER_MIN_J_K = const(25)
_WATER_MAX_J_K = const(900)
_LOSS_MIN_MW_K = const(100)
_LOSS_MAX_MW_K = const(1000)
_LAG_MIN_MS = const(2000)
_LAG_MAX_MS = const(150000)
_KP_MIN_DW_K = const(10)
_KP_MAX_DW_K = const(500)
_TI_MIN_DS = const(100)
_TI_MAX_DS = const(6000)
_TD_MIN_DS = const(5)
_TD_MAX_DS = const(600)
_QUIET_DS = const(18)
"""Kp Td at most, of full power for 1 K: with 0.12 K of noise the output moves by 5 % of full power a second."""


class Tune:
    """One tuning. See the module for how to use it."""

    def __init__(self, settings: "Settings") -> None:
        self.settings = settings
        self.state = TUNING
        """TUNING, DONE or FAILED."""
        self.reason = TUNE_REASON_NONE
        """Why it FAILED."""
        self.metal_j_k = 0
        """Heat capacity of element and wall, J/K (40 to 300)."""
        self.water_j_k = 0
        """That of the water and what follows it, J/K (25 to 900)."""
        self.loss_mw_k = 0
        """Loss to the room, mW/K (100 to 1000)."""
        self.delay_ms = 0
        """Element and water sensor together: how late power shows in the water's reading, ms (1,000 to 9,000)."""
        self.lag_ms = 0
        """Lag from wall to water, T2, ms (2,000 to 150,000)."""
        self.residual_j = 0
        """Root mean square of what the balance leaves, J."""
        self.kp_dw_k = 0
        """Gain of HOLD for a boiler of 366 J/K, 0.1 W/K (10 to 500)."""
        self.integral_ds = 0
        """Its integral time, 0.1 s (100 to 6000)."""
        self.derivative_ds = 0
        """Its derivative time, 0.1 s (5 to 600)."""
        self._balance = Balance(settings)
        self._rule = Rule()
        self._level_mc = 0
        self._full_dw = 0
        self._ds = 0
        self._off_ds = 0
        self._left = 0
        self._a = 0
        self._d = 0
        self._best = 0
        self._apart = 0
        self._way = 0
        self._failed = 0

    # The experiment ---------------------------------------------------------------------------------------
    def begin(self, sense: "Sense") -> None:
        """Start from this reading of a boiler that has taken the room's temperature, water in it."""
        self.state = TUNING
        self.reason = TUNE_REASON_NONE
        self._balance.begin(sense)
        self._level_mc = _LEVEL_MC
        if self.settings.boiling_mc > 0:
            self._level_mc = min(self.settings.boiling_mc - _BELOW_MC, _LEVEL_MAX_MC)
        self._full_dw = sense.full_dw
        self._ds = 0
        self._off_ds = 0
        self._apart = 0
        even = abs(sense.wall_mc - sense.outlet_mc) <= _EVEN_MC and abs(sense.water_mc - sense.outlet_mc) <= _EVEN_MC
        if not even or sense.wall_mc > _COLD_MC:
            self._fail(TUNE_REASON_NOT_COLD)

    def _fail(self, reason: int) -> None:
        self.state = FAILED
        self.reason = reason

    def step(self, sense: "Sense", elapsed_ms: int) -> int:
        """Every 100 ms; `elapsed_ms` (0 to 1000) is the time since the last. Power wanted, 0.1 W."""
        if self.state != TUNING:
            return 0
        if self._apart:
            self._search()
            return 0
        self._ds += max(1, (elapsed_ms + 50) // 100)
        self._balance.take(sense, elapsed_ms)
        if self._off_ds == 0:
            self._heat()
        elif self._ds * 5 >= self._off_ds * 9 - _SEARCH_DS * 5:
            self._search_begin()
        return sense.full_dw if self._off_ds == 0 and self.state == TUNING else 0

    def _heat(self) -> None:
        """Once a second: where would the boiler settle without more power?"""
        balance = self._balance
        if self._ds >= _HEAT_MAX_DS:
            self._fail(TUNE_REASON_TIMEOUT)
        elif self._ds % 10 == 0 and self._ds >= _HEAT_MIN_DS and balance.water_rise_ck() >= _RISE_MIN_CK:
            balance.evaluate(_A_DS, _D_DS)
            if balance.settled_mc() >= self._level_mc:
                self._off_ds = self._ds

    # The search -------------------------------------------------------------------------------------------
    def _search_begin(self) -> None:
        self._left = _PAIRS
        self._a = _A_DS
        self._d = _D_DS
        self._apart = 10
        self._way = 1
        self._failed = 0
        self._best = self._cost(_A_DS, _D_DS)

    def _search(self) -> None:
        """One pair (a, d) a step: on in a direction as long as that is better, at 1 s and then at 0.5 s."""
        if self._left == 0 or self._failed == 6:
            self._judge()
            return
        self._left -= 1
        a = self._a + self._aside(self._way)
        d = self._d + self._ahead(self._way)
        cost = self._cost(a, d)
        if cost < self._best:
            self._best = cost
            self._a = a
            self._d = d
            self._failed = 0
            return
        self._way = self._way % 6 + 1
        self._failed += 1
        if self._failed == 6 and self._apart > 5:
            self._apart = 5
            self._failed = 0

    def _aside(self, way: int) -> int:
        """Change of a in each of six directions."""
        return 0 if way == 3 or way == 4 else self._apart if way & 1 else -self._apart

    def _ahead(self, way: int) -> int:
        """Change of d in them."""
        return 0 if way < 3 else self._apart if way & 1 else -self._apart

    def _cost(self, a: int, d: int) -> int:
        """Residual of the balance at these lags, and what their distance from the middle costs."""
        if not _A_LOW_DS <= a <= _A_HIGH_DS or not _D_LOW_DS <= d <= _D_HIGH_DS:
            return WORST
        far = (a - _A_DS) * (a - _A_DS) + (d - _D_DS) * (d - _D_DS)
        return self._balance.evaluate(a, d) + self._balance.far(far * _FAR_J2)

    # Results ----------------------------------------------------------------------------------------------
    def _judge(self) -> None:
        """Every value within its bounds, or a failure."""
        balance = self._balance
        if balance.evaluate(self._a, self._d) >= WORST:
            # The equations have no solution: nothing of the balance is to be read.
            self._fail(TUNE_REASON_RESIDUAL)
            return
        self.metal_j_k = balance.metal_j_k()
        self.water_j_k = balance.water_j_k()
        self.loss_mw_k = balance.loss_mw_k()
        self.residual_j = balance.residual_j()
        self.delay_ms = max(self._d + min(self._a, 0), 10) * 100
        self.lag_ms = balance.fall_ds(self._a, self._d, self._off_ds) * 100
        if self.residual_j > max(_RESIDUAL_MAX_J, balance.taken // 25):
            self._fail(TUNE_REASON_RESIDUAL)
        elif not _METAL_MIN_J_K <= self.metal_j_k <= _METAL_MAX_J_K:
            self._fail(TUNE_REASON_METAL)
        elif not _WATER_MIN_J_K <= self.water_j_k <= _WATER_MAX_J_K:
            self._fail(TUNE_REASON_WATER)
        elif not _LOSS_MIN_MW_K <= self.loss_mw_k <= _LOSS_MAX_MW_K:
            self._fail(TUNE_REASON_LOSS)
        elif not _LAG_MIN_MS <= self.lag_ms <= _LAG_MAX_MS:
            self._fail(TUNE_REASON_LAG)
        else:
            self._gains()

    def _gains(self) -> None:
        """HOLD for that boiler; its filters are a delay of 2 Tf more."""
        capacity = self.metal_j_k + self.water_j_k
        # What is late is two lags: half of the larger counts with T2 (Skogestad's half rule), the rest as dead time.
        delay_ms = self.delay_ms * 7 // 10 + 200 * FILTER_DS
        second_ms = self.lag_ms + self.delay_ms * 3 // 10
        self._rule.find(capacity * 10000 // delay_ms, self._first_ms(capacity), second_ms, delay_ms)
        self.kp_dw_k = self._rule.kp_dw_k
        self.integral_ds = self._rule.integral_ms // 100
        self.derivative_ds = self._rule.derivative_ms // 100
        self._quiet()
        self.kp_dw_k = min(self.kp_dw_k * TUNED_J_K // capacity, _KP_MAX_DW_K)
        if self._sound():
            self.state = DONE
        else:
            self._fail(TUNE_REASON_GAINS)

    def _first_ms(self, capacity_j_k: int) -> int:
        """T1 = C / UA."""
        return capacity_j_k * 1000 // self.loss_mw_k * 1000

    def _sound(self) -> bool:
        """Whether the gains are within their bounds."""
        if self.kp_dw_k < _KP_MIN_DW_K or not _TI_MIN_DS <= self.integral_ds <= _TI_MAX_DS:
            return False
        return _TD_MIN_DS <= self.derivative_ds <= _TD_MAX_DS

    def _quiet(self) -> None:
        """Less gain and derivative where the noise of the reading would move the output too much."""
        now = self.kp_dw_k * self.derivative_ds
        most = self._full_dw * _QUIET_DS
        if now > most:
            part = isqrt((most << 8) // (now >> 8)) if now >= 256 else 256
            self.kp_dw_k = self.kp_dw_k * part >> 8
            self.derivative_ds = self.derivative_ds * part >> 8
            self.integral_ds = (self.integral_ds << 8) // max(part, 1)

    def keep(self, settings: "Settings") -> None:
        """Put the results of a tuning that is DONE into `settings`."""
        settings.metal_j_k = self.metal_j_k
        settings.capacity_j_k = self.metal_j_k + self.water_j_k
        settings.loss_mw_k = self.loss_mw_k
        settings.hold_gain_dw_k = self.kp_dw_k
        settings.hold_integral_ds = self.integral_ds
        settings.hold_derivative_ds = self.derivative_ds
