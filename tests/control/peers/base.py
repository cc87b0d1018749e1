# SPDX-License-Identifier: Apache-2.0
"""What a peer is to the loop, and the textbook tuning rule that most of them use.

A peer sees one sensor as our controller sees it (filtered readings of the board's converter) and says which part of
full power it wants; the same sigma-delta modulator makes whole mains cycles of that.
"""

import math
from typing import Protocol


class Peer(Protocol):
    """A temperature controller."""

    period_ms: int
    """How often it wants to be called, a multiple of 100 ms."""

    def start(self, target_c: float, reading_c: float) -> None:
        """Heat is asked for now."""
        ...

    def step(self, s: float, reading_c: float) -> float:
        """At time `s`: the part of full power, 0 to 1."""
        ...


class Tuner(Protocol):
    """An experiment that ends with gains."""

    period_ms: int
    gains: tuple[float, float, float] | None
    """Kp (1/K), Ki (1/Ks), Kd (s/K), output 0 to 1; None until the experiment is done."""

    def start(self, target_c: float, reading_c: float) -> None: ...
    def step(self, s: float, reading_c: float) -> float: ...


def ziegler_nichols(ku: float, tu: float) -> tuple[float, float, float]:
    """Kp 0.6 Ku, Ti Tu/2, Td Tu/8 from ultimate gain and period (Ziegler and Nichols 1942), as Kp, Ki, Kd."""
    kp = 0.6 * ku
    return kp, kp / (0.5 * tu), kp * 0.125 * tu


class Relay:
    """A relay experiment (Astrom and Hagglund 1984): full on below, off above the target, with a dead band.

    Once `swings` half-periods after the first two have been seen, Ku = 4 d / (pi a) with half the relay's height d and
    half the swing a; period and swing are medians.
    """

    def __init__(self, period_ms: int, band_k: float, swings: int = 8) -> None:
        self.period_ms = period_ms
        self.gains: tuple[float, float, float] | None = None
        self.ku = 0.0
        self.tu = 0.0
        self._band = band_k
        self._swings = swings
        self._target = 0.0
        self._on = True
        self._extreme = 0.0
        self._turns: list[tuple[float, float]] = []
        """Time of each switch, and the extreme between it and the one before."""

    def start(self, target_c: float, reading_c: float) -> None:
        self._target = target_c
        self._on = True
        self._extreme = reading_c

    def step(self, s: float, reading_c: float) -> float:
        above = reading_c - self._target
        if above > self._band if self._on else above < -self._band:
            self._switch(s, reading_c)
        # After switching on the reading still falls for a while, and the other way round.
        self._extreme = min(self._extreme, reading_c) if self._on else max(self._extreme, reading_c)
        return 1.0 if self._on else 0.0

    def _switch(self, s: float, reading_c: float) -> None:
        self._turns.append((s, self._extreme))
        self._on = not self._on
        self._extreme = reading_c
        if len(self._turns) >= self._swings + 3 and self.gains is None:
            self._conclude()

    def _conclude(self) -> None:
        turns = self._turns[2:]
        swings = sorted(abs(b[1] - a[1]) for a, b in zip(turns, turns[1:]))
        periods = sorted(b[0] - a[0] for a, b in zip(turns, turns[2:]))
        self.tu = periods[len(periods) // 2]
        self.ku = 4 * 0.5 / (math.pi * swings[len(swings) // 2] / 2)
        self.gains = ziegler_nichols(self.ku, self.tu)
