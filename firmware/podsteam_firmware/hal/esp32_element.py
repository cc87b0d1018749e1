# SPDX-License-Identifier: Apache-2.0
"""The element: bursts of whole mains cycles whose edges fall in the middle of half-cycles.

A zero-crossing relay looks at its input when the mains cross zero. Edges halfway between are as far from that
as can be, so a few milliseconds of error in the phase change nothing. A burst that follows another within the
second part of a half-cycle starts at once and shortens its first cycle, so that no half-cycle is lost between
the two.
"""

from podsteam_firmware import ticks
from podsteam_firmware.hal.esp32_clock import now_us
from podsteam_firmware.hal.esp32_mains import Mains
from podsteam_firmware.hal.esp32_rmt import OneShot
from podsteam_protocol.const import const

_MASK = const(0x3FFFFFFF)
_LONGEST_US = const(500_000)
_MOST_CYCLES = const(25)
_MARGIN_US = const(1_500)
"""Too near the zero crossing to begin: Python's delay and the error of the phase must fit in between."""


class Element:
    """The solid-state relay of the heater."""

    def __init__(self, shot: OneShot, mains: Mains) -> None:
        """`shot`: the relay's pin."""
        self._shot = shot
        self._mains = mains
        self._durations: list[int] = []
        self._levels: list[bool] = []
        # The burst that is being sent, or was sent last and is not in the total yet.
        self._pattern = 0
        self._cycles = 0
        self._half_us = 10_000
        self._start_us = 0
        self._total = 0

    def busy(self) -> bool:
        """Whether a burst is being sent, be it into nothing."""
        return self._shot.busy()

    def burst(self, pattern: int, cycles: int, cycle_us: int) -> None:
        """As the verb. Does nothing while `busy`; raises ValueError for a pattern longer than 0.5 s."""
        if not 0 < cycles <= _MOST_CYCLES or not 0 < cycles * cycle_us <= _LONGEST_US:
            raise ValueError("a burst lasts at most 0.5 s")
        if self._shot.busy():
            return
        self._add_up(2 * self._cycles)
        self._start_us = now_us()
        lead_us = self._lead_us(cycle_us >> 1)
        self._set_levels(pattern, cycles)
        self._set_durations(cycle_us, lead_us)
        if self._shot.send(self._durations, self._levels):
            self._pattern = pattern
            self._cycles = cycles
            self._half_us = cycle_us >> 1
            self._start_us = ticks.add(self._start_us, lead_us)

    def abort(self) -> None:
        """Off now, whatever is being sent."""
        self._shot.abort()
        self._add_up(self._begun())

    def halves(self) -> int:
        """Half-cycles commanded on since the start, as far as they have begun, modulo 2^30."""
        return (self._total + self._on(self._begun())) & _MASK

    def _lead_us(self, half_us: int) -> int:
        """Time until the middle of a half-cycle; negative: it has just passed and the burst can begin at once."""
        phase_us = self._mains.phase_us(self._start_us, half_us)
        if phase_us < 0:
            return 0
        lead_us = (half_us >> 1) - phase_us
        if phase_us > half_us - _MARGIN_US:
            lead_us += half_us
        return lead_us

    def _set_levels(self, pattern: int, cycles: int) -> None:
        """Low for the lead, one item for each cycle, low at the end. The lists keep their size while `cycles` does."""
        levels = self._levels
        if len(levels) != cycles + 2:
            levels[:] = [False] * (cycles + 2)
            self._durations[:] = [1] * (cycles + 2)
        for i in range(cycles):
            levels[i + 1] = bool(pattern >> i & 1)

    def _set_durations(self, cycle_us: int, lead_us: int) -> None:
        durations = self._durations
        for i in range(1, len(durations) - 1):
            durations[i] = cycle_us
        durations[0] = lead_us if lead_us > 0 else 1
        if lead_us < 0:
            durations[1] += lead_us

    def _begun(self) -> int:
        """Half-cycles of the burst that have begun: the first one a quarter of a cycle after its edge."""
        if not self._cycles:
            return 0
        since_us = ticks.diff(now_us(), self._start_us)
        begun = (since_us + (self._half_us >> 1)) // self._half_us
        return 0 if begun < 0 else min(begun, 2 * self._cycles)

    def _on(self, halves: int) -> int:
        """How many of the burst's first `halves` half-cycles are on."""
        on = 0
        for i in range(halves >> 1):
            if self._pattern >> i & 1:
                on += 2
        if halves & 1 and self._pattern >> (halves >> 1) & 1:
            on += 1
        return on

    def _add_up(self, halves: int) -> None:
        """The burst is over after `halves` half-cycles: its share goes into the total."""
        self._total = (self._total + self._on(halves)) & _MASK
        self._cycles = 0
