# SPDX-License-Identifier: Apache-2.0
"""How long and how much one session may heat, counted in half-cycles of the mains: the second clock beside the ticks.

30 min of wanted heat, and the energy of 25 min at full power and 230 V, whatever the program says and whatever the
controller's clock does. Half-cycles count by their voltage squared, and those that flowed as well as those that were
commanded: the larger number. Each sum is kept twice, the second time inverted.
"""

from podsteam_protocol.const import const
from podsteam_protocol.messages import CODE_ENERGY_BUDGET, CODE_MAX_ON_TIME, CODE_MEMORY

_ON_S = const(1801)
"""A second more than by the ticks, which so decide when both are right."""
_FULL_S = const(1500)
_DV_UV = const(500)
_NOMINAL = const(5290)
"""(230 V in 0.1 V)^2 / 1000: a half-cycle at 230 V weighs 1000."""
_MOST_DV = const(3000)
_RATE = const(100)
_PERMILLE_S = const(1500)
"""_FULL_S * 1000 / 1000."""


class Budget:
    """Both sums. `step` in every tick gives CODE_MAX_ON_TIME, CODE_ENERGY_BUDGET, CODE_MEMORY or 0."""

    def __init__(self) -> None:
        self.halves: int = 0
        """Half-cycles of the mains while heat was wanted."""
        self.energy: int = 0
        """Half-cycles with power, thousandths of such at 230 V."""
        self.rate = _RATE
        """Half-cycles in a second: 100, or 120 once the clock has seen that."""
        self._halves_inverse = ~0
        self._energy_inverse = ~0

    def restart(self) -> None:
        """The boiler has rested, or a fault was cleared: both count from 0."""
        self.halves = 0
        self.energy = 0
        self._halves_inverse = ~0
        self._energy_inverse = ~0

    def spent(self) -> int:
        """Permille of the energy that has been spent."""
        return self.energy // (_PERMILLE_S * self.rate)

    def step(self, wanted: int, powered: int, mains_uv: int) -> int:
        """One tick: half-cycles while heat was wanted, those with power, and the mains sense."""
        if self._halves_inverse != ~self.halves or self._energy_inverse != ~self.energy:
            self.restart()
            return CODE_MEMORY
        mains_dv = min(mains_uv // _DV_UV, _MOST_DV)
        self.halves += wanted
        self.energy += powered * (mains_dv * mains_dv // _NOMINAL)
        self._halves_inverse = ~self.halves
        self._energy_inverse = ~self.energy
        if self.halves > _ON_S * self.rate:
            return CODE_MAX_ON_TIME
        return CODE_ENERGY_BUDGET if self.energy > _FULL_S * 1000 * self.rate else 0
