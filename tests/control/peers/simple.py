# SPDX-License-Identifier: Apache-2.0
"""The PyPI package simple-pid as it is published. It has no tuning of its own: a relay experiment and the textbook
rule of Ziegler and Nichols give its gains, as its users do it."""

from importlib.metadata import version

from simple_pid import PID

from peers.base import Relay

PERIOD_MS = 500


def tuner() -> Relay:
    return Relay(PERIOD_MS, 0.25)


class SimplePid:
    """Called twice a second with the time that went by. Its derivative has no filter: called every 0.1 s, the noise of
    the reading alone would fill the output and take the mean 8 K off."""

    period_ms = PERIOD_MS
    name = "simple-pid " + version("simple-pid")

    def __init__(self, gains: tuple[float, float, float]) -> None:
        self._gains = gains
        self._pid = PID(*gains)

    def start(self, target_c: float, reading_c: float) -> None:
        self._pid = PID(*self._gains, setpoint=target_c, sample_time=None, output_limits=(0, 1))

    def step(self, s: float, reading_c: float) -> float:
        output = self._pid(reading_c, dt=PERIOD_MS / 1000)
        assert output is not None
        return output
