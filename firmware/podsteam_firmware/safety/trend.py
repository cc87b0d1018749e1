# SPDX-License-Identifier: Apache-2.0
"""What the slow detectors look at: wall, water and outlet four times a second, and 4 s of their past, with the power.

A look takes five ticks, a temperature each in the first three, so that no tick has to do much. The readings pass a
first-order filter of 0.17 s: 0.3 K of noise become 0.11 K.
"""

from array import array

from podsteam_firmware.safety.celsius import cdeg
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.signals import Inputs

LOOKS = const(16)
"""Looks that are remembered, the newest included: 4 s."""
_TICKS = const(5)
_QUIET_MAX = const(10000)
_PERCENT = const(3)
"""The mains have changed when they differ by more than this from what they were."""


class Trend:
    """`step` it in every tick; after the one that returns 3 there is a new look, to be judged in this and the next."""

    def __init__(self) -> None:
        self.wall = 0
        """0.01 degC; likewise `water` and `outlet`."""
        self.water = 0
        self.outlet = 0
        self.known = 0
        """Looks since the start, at most 16: before, the past is made up."""
        self.power = 0
        """Permille of the last 4 s that the element was commanded on."""
        self.recent = 0
        """Half-cycles commanded on in the newest 2 s, and in the 2 s before: `before`."""
        self.before = 0
        self.full = 0
        """Looks in a row with four fifths of full power or more, at most 10000."""
        self.quiet = 0
        """Looks in a row without power, at most 10000."""
        self.sagged = False
        """The mains have fallen by 3 % since they last changed; `surged`: they have risen. True for one look."""
        self.surged = False
        self._mains = 0
        self._walls = array("h", (0 for _ in range(LOOKS)))
        self._waters = array("h", (0 for _ in range(LOOKS)))
        self._halves = array("h", (0 for _ in range(LOOKS)))
        self._crossings = array("h", (0 for _ in range(LOOKS)))
        self._slot = -1
        self._at = 0
        self._wall = 0
        self._water = 0
        self._outlet = 0
        self._on = 0
        self._passed = 0

    def step(self, inputs: "Inputs", commanded: int, crossings: int) -> int:
        """One tick with the half-cycles commanded on and the zero crossings in it. Returns its place in the look."""
        if self._slot < 0:
            self._wall = inputs.wall_uv << 2
            self._water = inputs.water_uv << 2
            self._outlet = inputs.outlet_uv << 2
        self._wall += inputs.wall_uv - (self._wall >> 2)
        self._water += inputs.water_uv - (self._water >> 2)
        self._outlet += inputs.outlet_uv - (self._outlet >> 2)
        self._on += commanded
        self._passed += crossings
        slot = self._slot + 1 if self._slot + 1 < _TICKS else 0
        self._slot = slot
        if slot == 0:
            self.wall = cdeg(self._wall >> 2)
        elif slot == 1:
            self.water = cdeg(self._water >> 2)
        elif slot == 2:
            self.outlet = cdeg(self._outlet >> 2)
        elif slot == 3:
            self._change(inputs.mains_uv)
            self._look()
        return slot

    def rose(self, looks: int) -> int:
        """By how much the wall has become warmer in the newest 1 to 15 looks, 0.01 K."""
        return self.wall - self._walls[(self._at - looks) & 15]

    def sum(self, looks: int, ago: int) -> int:
        """The sum of that many readings of the wall, the newest of them `ago` looks old; both together at most 16."""
        total = 0
        for i in range(ago, ago + looks):
            total += self._walls[(self._at - i) & 15]
        return total

    def water_rose(self, looks: int) -> int:
        """The same of the water."""
        return self.water - self._waters[(self._at - looks) & 15]

    def _change(self, mains_uv: int) -> None:
        self.sagged = mains_uv < self._mains // 100 * (100 - _PERCENT)
        self.surged = mains_uv > self._mains // 100 * (100 + _PERCENT)
        if self.sagged or self.surged:
            self._mains = mains_uv

    def _look(self) -> None:
        if self.known == 0:
            for i in range(LOOKS):
                self._walls[i] = self.wall
                self._waters[i] = self.water
        if self.known < LOOKS:
            self.known += 1
        self._at = (self._at + 1) & 15
        self._walls[self._at] = self.wall
        self._waters[self._at] = self.water
        self._halves[self._at] = self._on
        self._crossings[self._at] = self._passed
        self.full = min(self.full + 1, _QUIET_MAX) if self._on and self._on * 5 >= self._passed * 4 else 0
        self.quiet = 0 if self._on else min(self.quiet + 1, _QUIET_MAX)
        self._on = 0
        self._passed = 0
        self._sum()

    def _sum(self) -> None:
        recent = 0
        before = 0
        passed = 0
        for i in range(LOOKS):
            passed += self._crossings[i]
            if (self._at - i) & 15 < 8:
                recent += self._halves[i]
            else:
                before += self._halves[i]
        self.recent = recent
        self.before = before
        self.power = (recent + before) * 1000 // passed if passed > 0 else 0
