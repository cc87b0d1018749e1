# SPDX-License-Identifier: Apache-2.0
"""How long one call of simple-pid takes, its garbage included. Runs on MicroPython.

    micropython -m pid_time

The package as published, with readings that vary and a clock of its own, because MicroPython has no `time.monotonic`.
Prints the mean time of a call in microseconds: the best of twenty runs.
"""

import time

from simple_pid import PID

CALLS = 5000


class Clock:
    """Time for the controller, which looks at it in every call."""

    def __init__(self):
        self.s = 0.0

    def __call__(self):
        self.s += 0.1
        return self.s


def nothing(reading):
    """Costs what a call costs."""


def calls_us(pid):
    """Mean time of a call."""
    readings = [89.5 + 0.1 * (i * 7 % 10) for i in range(10)]
    begin = time.ticks_us()
    for i in range(CALLS):
        pid(readings[i % 10])
    return time.ticks_diff(time.ticks_us(), begin) / CALLS


def main():
    """Print what was measured."""
    pid = PID(0.14, 0.0024, 2.1, setpoint=90.0, sample_time=None, output_limits=(0, 1), time_fn=Clock())
    print(min([calls_us(pid) for _ in range(20)]) - min([calls_us(nothing) for _ in range(20)]))


if __name__ == "__main__":
    main()
