# SPDX-License-Identifier: Apache-2.0
"""Duty to whole mains cycles: a first-order sigma-delta modulator. Whole cycles carry no direct current."""

from podsteam_protocol.const import const

_FULL = const(1000)
_HALF = const(500)
_DROP_AFTER = const(99)
"""On-cycles in a row before one is left out: 2 s at 50 Hz, 1.7 s at 60 Hz."""


class Burst:
    """Makes the patterns for the HAL's `burst`. The rounding error is carried from call to call."""

    def __init__(self) -> None:
        self.dropped = False
        """Whether the newest pattern has a cycle left out so that a welded SSR shows; at full power one in 2 s."""
        self._error = 0
        self._run = 0

    def pattern(self, duty_permille: int, cycles: int) -> int:
        """The next `cycles` mains cycles (1 to 25) at `duty_permille` (clamped to 0..1000): bit i is cycle i.

        The cycles that are on differ from the wanted number by less than one, summed over all calls; only the
        dropped ones at full power are missing (1 %).
        """
        if duty_permille < 0:
            duty_permille = 0
        if duty_permille > _FULL:
            duty_permille = _FULL
        self.dropped = False
        bits = 0
        for i in range(cycles):
            if self._next(duty_permille):
                bits |= 1 << i
        return bits

    def _next(self, duty_permille: int) -> bool:
        error = self._error + duty_permille
        on = error >= _HALF
        if on and self._run >= _DROP_AFTER:
            # What is left out is not made up for: at full power it could not be.
            on = False
            error -= _FULL
            self.dropped = True
        elif on:
            error -= _FULL
        self._error = error
        self._run = self._run + 1 if on else 0
        return on
