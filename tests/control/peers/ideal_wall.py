# SPDX-License-Identifier: Apache-2.0
"""An ideal regulator of the wall's temperature: it sees the true wall, without noise or lag, and its gains are far
higher than any real sensor would bear. What it cannot do, no regulator of that temperature can."""

PERIOD_MS = 100
_KP = 0.25
"""Part of full power for each kelvin: 100 W/K for 400 W."""
_TI_S = 4.0
_TD_S = 0.6


class IdealWall:
    """A PI-D with conditional integration. Its reading is the true wall temperature."""

    period_ms = PERIOD_MS
    name = "ideal wall regulator"

    def __init__(self) -> None:
        self._target = 0.0
        self._integral = 0.0
        self._last = 0.0

    def start(self, target_c: float, reading_c: float) -> None:
        self._target = target_c
        self._integral = 0.0
        self._last = reading_c

    def step(self, s: float, reading_c: float) -> float:
        dt = PERIOD_MS / 1000
        error = self._target - reading_c
        wanted = _KP * (error - _TD_S * (reading_c - self._last) / dt) + self._integral
        self._last = reading_c
        if 0.0 < wanted < 1.0:
            self._integral += _KP / _TI_S * error * dt
        return max(0.0, min(1.0, wanted))
