# SPDX-License-Identifier: Apache-2.0
"""Does the safety relay open? One mains cycle is commanded while it must be open: no current may flow.

Tested before heat, and again when the relay has opened at a pause or at the end of a session. The sense that would see
the current was seen working a moment before the second test; a dead one is found by the heat that follows the first.
The test costs 0.25 s and, if the contact is welded, one or two half-cycles of heat.
"""

from podsteam_protocol.const import const

_OPEN_TICKS = const(6)
"""300 ms without a heartbeat: the relay's hold-up is 250 ms at most."""
_TEST_TICKS = const(5)
"""A burst of 10 cycles, of which the first is on, lasts 200 ms."""


class Weld:
    """The test of the relay. `step` in every tick, True: current flowed though it was open."""

    def __init__(self) -> None:
        self.testing = False
        """The element is to have the burst that `pattern` gives, and the relay no heartbeat."""
        self.passed = False
        """The relay was seen to open since it was last closed: it may close again."""
        self.detail = 0
        """Half-cycles of current in the newest test."""
        # A start takes longer than the relay's hold-up, so after any reset the relay is open by now.
        self._open = _OPEN_TICKS
        self._due = True
        self._ticks = 0
        self._sent = False
        self._wanted = False

    def step(self, wanted: bool, closed: bool, mains: bool, counted: int) -> bool:
        """One tick. `wanted`: somebody wants the relay; `closed`: it had its heartbeat in the last tick;
        `counted`: half-cycles with current since the last tick."""
        if wanted and not self._wanted:
            self._due = True
            self.passed = False
        self._wanted = wanted
        if closed:
            self._open = 0
            self._due = True
            return False
        if self._open < _OPEN_TICKS:
            self._open += 1
        if self.testing:
            return self._test(counted)
        if self._due and mains and self._open >= _OPEN_TICKS:
            self._due = False
            self.testing = True
            self.passed = False
            self._sent = False
            self._ticks = 0
            self.detail = 0
        return False

    def stop(self) -> None:
        """A fault is latched: no test now, and one before the next heat."""
        self.testing = False
        self._due = True
        self.passed = False

    def pattern(self) -> int:
        """The burst of the test: its first cycle on, once."""
        if self._sent:
            return 0
        self._sent = True
        return 1

    def _test(self, counted: int) -> bool:
        self._ticks += 1
        self.detail += counted
        if self.detail > 0:
            self.testing = False
            return True
        if self._ticks >= _TEST_TICKS:
            self.testing = False
            self.passed = self._sent
            self._due = not self._sent
        return False
