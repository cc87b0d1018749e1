# SPDX-License-Identifier: Apache-2.0
"""Does current flow when, and only when, the element is commanded on? Counted half-cycles against commanded ones.

The two counters are read a moment apart and the relay switches at zero crossings, so they may differ by a half-cycle
for a moment, never for long: differences are summed up, and let go at one in 8 s, which forgets the odd miscount. At
full power only the one cycle in 2 s that is left out can tell a welded relay. Its two half-cycles of current lift the
difference of the counters over its lowest value of the last second by two. If in the last three ticks the mains had two
half-cycles more than were commanded and none more than flowed, it is decided; if one more, which a late reading makes,
the difference must stay for two ticks. A miscount and a late reading together make no fault, unless they fall on that
very cycle. With less power, cycles without current lie before the fault; four half-cycles too many in a second are
more than those errors together ever make, and come in two ticks.
"""

from podsteam_protocol.const import const
from podsteam_protocol.messages import CODE_ELEMENT_OPEN, CODE_SSR_WELDED

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.signals import Inputs

_COUNT_MASK = const(0x3FFFFFFF)
_HALVES_MAX = const(64)
"""More in one tick is a counter that was set back."""
_WELDED_HALVES = const(5)
"""50 ms of current too much."""
_OPEN_HALVES = const(10)
"""100 ms of current missing at full power."""
_FORGET_TICKS = const(160)
_CYCLE_HALVES = const(2)
"""A cycle that was commanded off, and flowed."""
_SURE_HALVES = const(4)
"""So many over the lowest difference of the last second are certain, however little is commanded."""
_CYCLE_TICKS = const(2)
_LOW_TICKS = const(10)
"""The lowest difference is that of this block of 0.5 s and the one before."""
_GAP_HALVES = const(1)


class Load:
    """Sums up differences between commanded and counted half-cycles. `step` gives the fault code, or 0."""

    def __init__(self) -> None:
        self.commanded = 0
        """Half-cycles commanded on in the newest tick."""
        self.counted = 0
        """Half-cycles with current in it."""
        self.detail = 0
        """Half-cycles missing (positive) or too many (negative) that decided."""
        self._burst = -1
        self._load = 0
        self._missing = 0
        self._excess = 0
        self._ticks = 0
        self._over = 0
        self._low = 0
        self._low_before = 0
        self._high_ticks = 0
        self._crossings = 0
        # What was commanded off, and what did not flow, in this tick and the two before.
        self._off = 0
        self._off_1 = 0
        self._off_2 = 0
        self._gap = 0
        self._gap_1 = 0
        self._gap_2 = 0

    def step(self, inputs: "Inputs", mains: bool) -> int:
        """Compare one tick's counts: CODE_ELEMENT_OPEN, CODE_SSR_WELDED or 0. Without mains nothing is compared."""
        if self._burst < 0:
            self._burst = inputs.burst_halves
            self._load = inputs.load_halves
            self._crossings = inputs.zero_cross
        crossings = (inputs.zero_cross - self._crossings) & _COUNT_MASK
        commanded = (inputs.burst_halves - self._burst) & _COUNT_MASK
        counted = (inputs.load_halves - self._load) & _COUNT_MASK
        self.commanded = commanded if commanded < _HALVES_MAX else _HALVES_MAX
        self.counted = counted if counted < _HALVES_MAX else _HALVES_MAX
        self._crossings = inputs.zero_cross
        self._burst = inputs.burst_halves
        self._load = inputs.load_halves
        self._shift(crossings if crossings < _HALVES_MAX else _HALVES_MAX)
        if not mains:
            self._restart()
            return 0
        return self._judge(self.commanded - self.counted)

    def _restart(self) -> None:
        self._missing = 0
        self._excess = 0
        self._over = 0
        self._low = 0
        self._low_before = 0
        self._high_ticks = 0

    def _shift(self, crossings: int) -> None:
        self._off_2 = self._off_1
        self._off_1 = self._off
        self._off = crossings - self.commanded
        self._gap_2 = self._gap_1
        self._gap_1 = self._gap
        self._gap = crossings - self.counted

    def _flowed_off(self, missing: int) -> bool:
        """Whether current flowed through a whole cycle that was commanded off."""
        self._over -= missing
        if self._ticks % _LOW_TICKS == 0:
            self._low_before = self._low
            self._low = self._over
        self._low = min(self._low, self._over)
        self.detail = min(self._low, self._low_before) - self._over
        if self.detail > -_CYCLE_HALVES:
            self._high_ticks = 0
            return False
        self._high_ticks += 1
        off = self._off + self._off_1 + self._off_2
        gap = self._gap + self._gap_1 + self._gap_2
        if self.detail <= -_SURE_HALVES:
            return True
        if off < _CYCLE_HALVES or gap > _GAP_HALVES:
            return False
        return self._high_ticks >= (_CYCLE_TICKS if gap > 0 else 1)

    def _judge(self, missing: int) -> int:
        self._ticks += 1
        if self._ticks == _FORGET_TICKS:
            self._ticks = 0
            self._missing = max(self._missing - 1, 0)
            self._excess = max(self._excess - 1, 0)
        if missing != 0:
            self._missing = max(self._missing + missing, 0)
            self._excess = max(self._excess - missing, 0)
        code = 0
        if self._flowed_off(missing):
            code = CODE_SSR_WELDED
        elif self._excess >= _WELDED_HALVES:
            self.detail = -self._excess
            code = CODE_SSR_WELDED
        elif self._missing >= _OPEN_HALVES:
            self.detail = self._missing
            code = CODE_ELEMENT_OPEN
        if code != 0:
            # The sums start anew, so that a cleared fault does not come back by itself.
            self._restart()
        return code
