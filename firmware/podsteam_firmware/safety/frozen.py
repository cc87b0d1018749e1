# SPDX-License-Identifier: Apache-2.0
"""Does the converter still convert? A living reading has noise; one that repeats itself to the microvolt has none.

Each channel counts how long it has repeated itself: 2.7 s at four fifths of full power or more, or 27 s with less,
make a fault. That is certain only where the noise reaches half of the converter's step: then a reading in the middle
of a step repeats itself 54 times by chance once in 10^8. Averaging 64 samples gives that, because it makes the step 64
times finer and the noise only 8 times smaller; the board's has 20. So the converter has to prove it first, on the
reference channel, which stands still: its readings keep jumping by two steps or more. One in nine that do so stands for
a noise of two thirds of a step, with which 54 repetitions come by chance once in 10^17: then 2.7 s are enough at any
power. A coarser converter is never judged here, and what it hides is left to the detectors that compare sensors with
each other and with the power.
"""

from array import array

from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.signals import Inputs

CHANNEL = const(10000000)
"""`detail` is the channel (0 wall, 1 water, 2 outlet, 3 reference) times this, plus the reading in uV."""
_LIMIT = const(540)
_FULL = const(10)
"""A repetition at full power weighs as much as this many."""
_PROOF = const(64)
"""Ticks that a jump by two steps proves the converter's noise for."""
_STRONG = const(8)
"""The same for the proof that counts at any power."""
_PROVED = const(960)
_PROOF_MAX = const(1920)
_NEVER = const(268435456)


class Frozen:
    """Counts repetitions on four channels. `step` in every tick, True: one stands still."""

    def __init__(self) -> None:
        self.detail = 0
        """Which channel and at what, see `CHANNEL`."""
        self.proof = 0
        """How well the converter's noise is proved; from 960 on it is believed."""
        self.strong = 0
        """How well it is proved to be so large that power does not matter; from 960 on as well."""
        self._last = array("i", (-1 for _ in range(4)))
        self._still = array("h", (0 for _ in range(4)))
        self._quantum = _NEVER

    def step(self, inputs: "Inputs", full: bool) -> bool:
        """One tick; `full`: four fifths of the mains' half-cycles in it were commanded on."""
        self._prove(abs(inputs.reference_uv - self._last[3]) if self._last[3] >= 0 else 0)
        weight = _FULL if full or self.strong >= _PROVED else 1
        found = self._repeats(0, inputs.wall_uv, weight)
        found = self._repeats(1, inputs.water_uv, weight) or found
        found = self._repeats(2, inputs.outlet_uv, weight) or found
        return self._repeats(3, inputs.reference_uv, weight) or found

    def _prove(self, jump: int) -> None:
        if 0 < jump < self._quantum:
            self._quantum = jump
        if jump >= 2 * self._quantum:
            self.proof = min(self.proof + _PROOF, _PROOF_MAX)
            self.strong = min(self.strong + _STRONG, _PROOF_MAX)
        else:
            self.proof = max(self.proof - 1, 0)
            self.strong = max(self.strong - 1, 0)

    def _repeats(self, channel: int, uv: int, weight: int) -> bool:
        if uv != self._last[channel]:
            self._last[channel] = uv
            self._still[channel] = 0
            return False
        self._still[channel] = min(self._still[channel] + weight, _LIMIT)
        if self._still[channel] < _LIMIT or self.proof < _PROVED:
            return False
        self.detail = channel * CHANNEL + uv
        self._still[channel] = 0
        return True
