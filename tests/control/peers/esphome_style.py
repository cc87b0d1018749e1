# SPDX-License-Identifier: Apache-2.0
"""A controller in the style of ESPHome's PID climate, written from its documentation, and named as such.

From there: the loop runs when the sensor publishes (1 s here; its sensors' default is slower); kp, ki, kd on the error
in degrees, output 0 to 1 for heating; the integral term is clamped to min_integral and max_integral, by default -1
and 1, whatever the output does; derivative and output are means of as many samples as configured, by default 1;
the autotuner is a relay with a noise band of 0.25 K whose first suggestion are the factors 0.6 Ku, 1.2 Ku/Pu and
0.075 Ku Pu of Ziegler and Nichols.
"""

from peers.base import Relay

PERIOD_MS = 1000
NOISE_BAND_K = 0.25
INTEGRAL_MAX = 1.0


def tuner() -> Relay:
    return Relay(PERIOD_MS, NOISE_BAND_K)


class EsphomeStyle:
    """Runs once a second."""

    period_ms = PERIOD_MS
    name = "ESPHome-style"

    def __init__(self, gains: tuple[float, float, float]) -> None:
        self._kp, self._ki, self._kd = gains
        self._target = 0.0
        self._integral = 0.0
        self._error: float | None = None

    def start(self, target_c: float, reading_c: float) -> None:
        self._target = target_c
        self._integral = 0.0
        self._error = None

    def step(self, s: float, reading_c: float) -> float:
        error = self._target - reading_c
        dt = PERIOD_MS / 1000
        self._integral += self._ki * error * dt
        self._integral = max(-INTEGRAL_MAX, min(INTEGRAL_MAX, self._integral))
        slope = 0.0 if self._error is None else (error - self._error) / dt
        self._error = error
        return max(0.0, min(1.0, self._kp * error + self._integral + self._kd * slope))
