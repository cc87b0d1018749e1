# SPDX-License-Identifier: Apache-2.0
"""Does a reading jump up and down? The spread of three neighbouring readings, summed over a second.

For each channel |a - 2 b + c| of every three readings in a row: steady warming and a sensor dipped into cold water give
nothing, noise of standard deviation s gives 1.95 s. 10 mV, which are 0.8 K at 100 degC, make a fault; healthy
converters have at most 0.3 K. A single wrong reading is let pass, three in a second are not.
"""

from array import array

from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.signals import Inputs

_TICKS = const(20)
_LIMIT_UV = const(400000)
"""20 x 1.95 x 10.2 mV."""
_MOST_UV = const(60000)
"""A spread counts as this at most, so that one wrong reading, which is in three of them, is less than half a fault."""


class Noisy:
    """Sums up spreads on the three NTCs. `step` in every tick with sound readings, True: one jumps."""

    def __init__(self) -> None:
        self.detail = 0
        """Channel (0 wall, 1 water, 2 outlet) times 10,000,000, plus its sum in uV."""
        self._ticks = 0
        self._seen = 0
        self._last = array("i", (0 for _ in range(3)))
        self._before = array("i", (0 for _ in range(3)))
        self._sums = array("i", (0 for _ in range(3)))

    def restart(self) -> None:
        """A reading was missing: the next ones stand alone."""
        self._seen = 0

    def step(self, inputs: "Inputs") -> bool:
        """One tick. Judges every twentieth."""
        self._spread(0, inputs.wall_uv)
        self._spread(1, inputs.water_uv)
        self._spread(2, inputs.outlet_uv)
        if self._seen < 2:
            self._seen += 1
        self._ticks += 1
        if self._ticks < _TICKS:
            return False
        self._ticks = 0
        found = False
        for channel in range(3):
            if self._sums[channel] >= _LIMIT_UV:
                self.detail = channel * 10000000 + self._sums[channel]
                found = True
            self._sums[channel] = 0
        return found

    def _spread(self, channel: int, uv: int) -> None:
        if self._seen == 2:
            spread = abs(uv - 2 * self._last[channel] + self._before[channel])
            self._sums[channel] += spread if spread < _MOST_UV else _MOST_UV
        self._before[channel] = self._last[channel]
        self._last[channel] = uv
