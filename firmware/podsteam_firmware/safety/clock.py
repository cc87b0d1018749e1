# SPDX-License-Identifier: Apache-2.0
"""Does the controller's clock go right? Its milliseconds are held against the mains' zero crossings.

The grid stays within 1 % of 50 or 60 Hz; a generator need not, and stops the device here. Of a second 4.5 half-cycles
too many or too few are a fault, of four seconds 6.5, which is 1.6 %, and of more as much in proportion: a clock that
is wrong by 5 % is found after 1 s, by 2 % after 4 s. Which of the two the grid has is decided in the first second with
heat and then kept, so a clock that is wrong by 20 % from the start passes for the other grid: the energy budget,
counted in half-cycles, is what is left.
"""

from podsteam_firmware.ticks import diff
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.signals import Inputs

_COUNT_MASK = const(0x3FFFFFFF)
_SHORT_TICKS = const(20)
_SHORTS = const(4)
_SHORT_MILLIS = const(4500)
_LONG_MILLIS = const(6500)
_MIDDLE = const(110)
_LONG_PERMILLE = const(16)
_MOST_MS = const(1000000)
_MOST_HALVES = const(1000000)


class Clock:
    """Compares the two. `step` in every tick, True: they disagree."""

    def __init__(self) -> None:
        self.rate = 0
        """Half-cycles in a second, 100 or 120; 0: not known yet."""
        self.detail = 0
        """Half-cycles too many (positive) or too few in the window that decided, thousandths."""
        self._ticks = 0
        self._shorts = 0
        self._ms = 0
        self._count = 0
        self._long_ms = 0
        self._long_count = 0

    def step(self, inputs: "Inputs", active: bool) -> bool:
        """One tick. `active`: heat is wanted and there are mains; counters may miss edges when it is not."""
        if not active:
            self._ticks = 0
            return False
        if self._ticks == 0:
            self._begin(inputs)
            self._shorts = 0
            self._long_ms = self._ms
            self._long_count = self._count
        self._ticks += 1
        if self._ticks <= _SHORT_TICKS:
            return False
        wrong = self._off(inputs, self._ms, self._count) > _SHORT_MILLIS
        self._shorts += 1
        if not wrong and self._shorts == _SHORTS:
            wrong = self._off(inputs, self._long_ms, self._long_count) > _LONG_MILLIS
            self._ticks = 0
        self._begin(inputs)
        self._ticks = min(self._ticks, 1)
        return wrong

    def _begin(self, inputs: "Inputs") -> None:
        self._ms = inputs.sampled_ms
        self._count = inputs.zero_cross

    def _off(self, inputs: "Inputs", since_ms: int, since_count: int) -> int:
        """By how many thousandths the half-cycles since then are not what the clock says; 0 if within 1.6 %."""
        elapsed_ms = min(diff(inputs.sampled_ms, since_ms), _MOST_MS)
        elapsed_ms = max(elapsed_ms, -_MOST_MS)
        halves = min((inputs.zero_cross - since_count) & _COUNT_MASK, _MOST_HALVES)
        if self.rate == 0:
            self.rate = 100 if halves * 1000 < elapsed_ms * _MIDDLE else 120
        self.detail = halves * 1000 - elapsed_ms * self.rate
        let_pass = abs(elapsed_ms) * self.rate // 1000 * _LONG_PERMILLE
        return abs(self.detail) if abs(self.detail) > let_pass else 0
