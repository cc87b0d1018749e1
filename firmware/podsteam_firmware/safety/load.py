# SPDX-License-Identifier: Apache-2.0
"""Does current flow when, and only when, the element is commanded on? Counted half-cycles against commanded ones.

The two counters are read a moment apart and the relay switches at zero crossings, so they may differ by a few
half-cycles for a moment, never for long: differences are summed up, and let go at one in 8 s, which forgets the
odd miscount but not the one cycle in 2 s that is left out at full power.
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
_OPEN_HALVES = const(12)
"""120 ms of current missing at full power."""
_FORGET_TICKS = const(160)


class Load:
    """Sums up differences between commanded and counted half-cycles. `step` gives the fault code, or 0."""

    def __init__(self) -> None:
        self.commanded = 0
        """Half-cycles commanded on in the newest tick."""
        self.detail = 0
        """Half-cycles missing (positive) or too many (negative) that decided."""
        self._burst = -1
        self._load = 0
        self._missing = 0
        self._excess = 0
        self._ticks = 0

    def step(self, inputs: "Inputs", mains: bool) -> int:
        """Compare one tick's counts: CODE_ELEMENT_OPEN, CODE_SSR_WELDED or 0. Without mains nothing is compared."""
        if self._burst < 0:
            self._burst = inputs.burst_halves
            self._load = inputs.load_halves
        self.commanded = min((inputs.burst_halves - self._burst) & _COUNT_MASK, _HALVES_MAX)
        counted = min((inputs.load_halves - self._load) & _COUNT_MASK, _HALVES_MAX)
        self._burst = inputs.burst_halves
        self._load = inputs.load_halves
        if not mains:
            self._missing = 0
            self._excess = 0
            return 0
        return self._judge(self.commanded - counted)

    def _judge(self, missing: int) -> int:
        self._ticks += 1
        if self._ticks == _FORGET_TICKS:
            self._ticks = 0
            self._missing = max(self._missing - 1, 0)
            self._excess = max(self._excess - 1, 0)
        self._missing = max(self._missing + missing, 0)
        self._excess = max(self._excess - missing, 0)
        code = 0
        if self._excess >= _WELDED_HALVES:
            self.detail = -self._excess
            code = CODE_SSR_WELDED
        elif self._missing >= _OPEN_HALVES:
            self.detail = self._missing
            code = CODE_ELEMENT_OPEN
        if code != 0:
            # The sums start anew, so that a cleared fault does not come back by itself.
            self._missing = 0
            self._excess = 0
        return code
