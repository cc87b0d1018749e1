# SPDX-License-Identifier: Apache-2.0
"""A controller in the style of Marlin's hot-end PID, written from its documentation, and named as such.

From there: full power further than 10 K below the target and none as far above (PID_FUNCTIONAL_RANGE), the integral
reset there; between them a PID whose derivative acts on the reading through a first-order filter (PID_K1 0.95) and
whose integral is bounded so that it alone cannot ask for more than full power. M303 is a relay experiment that
shifts its bias until heating and cooling take equally long, over 5 cycles by default, with the classic rule of
Ziegler and Nichols at the end. Marlin samples every 0.164 s; here it is 0.2 s.
"""

import math

from peers.base import ziegler_nichols

PERIOD_MS = 200
RANGE_K = 10.0
K1 = 0.95
CYCLES = 8
"""The documentation's example takes 8."""
_HOLD_OFF_S = 5.0
"""No change of direction within 5 s of the one before, so that noise makes none."""


class Autotune:
    """M303: a relay that looks for its own middle."""

    period_ms = PERIOD_MS

    def __init__(self) -> None:
        self.gains: tuple[float, float, float] | None = None
        self._target = 0.0
        self._heating = True
        self._bias = self._height = 0.5
        self._highest = -1e9
        self._lowest = 1e9
        self._switched_s = 0.0
        self._began_s = 0.0
        self._high_s = 0.0
        self._cycles = 0

    def start(self, target_c: float, reading_c: float) -> None:
        self._target = target_c

    def step(self, s: float, reading_c: float) -> float:
        self._highest = max(self._highest, reading_c)
        self._lowest = min(self._lowest, reading_c)
        if s - self._switched_s > _HOLD_OFF_S:
            if self._heating and reading_c > self._target:
                self._heating = False
                self._high_s = s - self._began_s
                self._highest = self._target
                self._switched_s = s
            elif not self._heating and reading_c < self._target:
                self._cycle(s)
        return self._bias + self._height if self._heating else self._bias - self._height

    def _cycle(self, s: float) -> None:
        low_s = s - self._switched_s
        if self._cycles > 0:
            self._bias += self._height * (self._high_s - low_s) / (low_s + self._high_s)
            self._bias = max(0.08, min(0.92, self._bias))
            self._height = 1 - self._bias if self._bias > 0.5 else self._bias
            if self._cycles > 2:
                ku = 4 * self._height / (math.pi * (self._highest - self._lowest) / 2)
                gains = ziegler_nichols(ku, low_s + self._high_s)
                self.gains = gains if self._cycles >= CYCLES else None
        self._heating = True
        self._cycles += 1
        self._lowest = self._target
        self._began_s = self._switched_s = s


def tuner() -> Autotune:
    return Autotune()


class MarlinStyle:
    """Runs every 0.2 s."""

    period_ms = PERIOD_MS
    name = "Marlin-style"

    def __init__(self, gains: tuple[float, float, float]) -> None:
        self._kp, self._ki, self._kd = gains
        self._target = 0.0
        self._sum = 0.0
        self._slope = 0.0
        self._last = 0.0

    def start(self, target_c: float, reading_c: float) -> None:
        self._target = target_c
        self._sum = self._slope = 0.0
        self._last = reading_c

    def step(self, s: float, reading_c: float) -> float:
        dt = PERIOD_MS / 1000
        error = self._target - reading_c
        self._slope = K1 * self._slope + (1 - K1) * (self._last - reading_c) / dt
        self._last = reading_c
        if abs(error) > RANGE_K:
            self._sum = 0.0
            return 1.0 if error > 0 else 0.0
        self._sum = max(0.0, min(1.0 / self._ki, self._sum + error * dt))
        return max(0.0, min(1.0, self._kp * error + self._ki * self._sum + self._kd * self._slope))
