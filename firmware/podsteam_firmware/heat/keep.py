# SPDX-License-Identifier: Apache-2.0
"""Keeping a temperature below boiling: full power until the controller would no longer ask for it, then the controller.

Where the water might boil, power is bounded; a target above a known boiling point is lowered.
"""

from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.heat.approach import Approach
    from podsteam_firmware.heat.boiling import Boiling
    from podsteam_firmware.heat.energy import Energy
    from podsteam_firmware.heat.hold import Hold
    from podsteam_firmware.sense import Sense

_REHEAT_MC = const(12000)
"""Distance below a target from which full power takes over."""
_MARGIN_MC = const(3000)
"""A target stays this far below a learned boiling point."""
_ONSET_DW = const(1500)
"""Most power where water might boil: 3 g/min of steam, too little to spit."""
_NEAR_MC = const(4000)
"""Rise of the water that the wall still holds when the controller alone takes over."""
_COAST_STEPS = const(600)
"""A small wetted wall stays that much hotter than the water for ever."""
_WALL_MAX_MC = const(100000)
_SENSOR_S = const(2)
"""Least lag of the envelope's water sensors: rather a little more heat than a stop too early."""
_LAG_S = const(4)
"""Middle of the envelope of water sensor lags."""


class Keep:
    """One keep-warm. `begin` when heat begins, `step` every 100 ms."""

    def __init__(self, energy: "Energy", boiling: "Boiling", approach: "Approach", hold: "Hold") -> None:
        self.on = False
        """The controller is at work (HOLD), else full power (HEAT)."""
        self._near = False
        """The wall has little left to give."""
        self._steps = 0
        self._energy = energy
        self._boiling = boiling
        self._approach = approach
        self._hold = hold

    def begin(self) -> None:
        """The rise begins, or what went before was no keep-warm."""
        self.on = False
        self._near = False
        self._steps = 0

    def target_mc(self, target_mc: int) -> int:
        """Hold target, kept below a learned boiling point."""
        point_mc = self._boiling.point_mc
        if point_mc > 0 and target_mc > point_mc - _MARGIN_MC:
            return point_mc - _MARGIN_MC
        return target_mc

    def step(self, sense: "Sense", wanted_mc: int) -> int:
        """Power in 0.1 W towards `wanted_mc`."""
        wanted_mc = self.target_mc(wanted_mc)
        limit = sense.full_dw
        if limit > _ONSET_DW and self._approach.might_boil():
            limit = _ONSET_DW
        loss = self._energy.lost_dw(wanted_mc)
        if not self.on or wanted_mc - sense.water_mc > _REHEAT_MC:
            if not self.on:
                self._learn(sense)
            self._enter(wanted_mc, sense.water_mc, limit - loss)
            if not self.on:
                return limit
        self._hold.step(wanted_mc, sense.water_mc, loss, limit)
        if self._near:
            return self._hold.power_dw
        return self._coast(sense, wanted_mc, loss)

    def _coast(self, sense: "Sense", wanted_mc: int, loss_dw: int) -> int:
        """Power while the hot wall still gives off much. Far below boiling it is 40 K and more over the water, which
        the water's slope alone does not tell: what counts is where the two would meet. Once little is left, or after
        a minute, the controller alone takes over; its integral waits until then."""
        rise_mc = self._rise_mc(sense.wall_mc - sense.water_mc)
        self._steps += 1
        if rise_mc < _NEAR_MC or self._steps > _COAST_STEPS:
            self._near = True
            return self._hold.power_dw
        self._hold.wait()
        rise_mc = wanted_mc - sense.water_mc - rise_mc - self._boiling.rate_mc_s * _SENSOR_S
        # What is missing is given in 10 s, and the loss beside it.
        power = loss_dw + self._energy.capacity_j_k * rise_mc // 1000 if rise_mc > 0 else 0
        return power if power < self._hold.power_dw else self._hold.power_dw

    def _rise_mc(self, over_mc: int) -> int:
        """Rise of the water when a wall that is hotter by `over_mc` has given that off, milli-K."""
        if over_mc <= 0:
            return 0
        if over_mc > _WALL_MAX_MC:
            over_mc = _WALL_MAX_MC
        return self._energy.metal_j_k * over_mc // (self._energy.capacity_j_k + 1)

    def _learn(self, sense: "Sense") -> None:
        self._energy.learn(sense, sense.water_mc + self._boiling.rate_mc_s * _LAG_S)
        self._hold.tune(self._energy.capacity_j_k, self._energy.settings)

    def _enter(self, target: int, water: int, room_dw: int) -> None:
        """Switch on when the controller would ask for less than `room_dw` over the loss, off when it asks for more."""
        excess = self._hold.excess_dw(target, water, self._boiling.rate_mc_s)
        if excess >= room_dw:
            self.on = False
        elif not self.on:
            self._energy.end_of_rise()
            self._hold.enter(target, water, self._boiling.rate_mc_s, excess)
            self.on = True
