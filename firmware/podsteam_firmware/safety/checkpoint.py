# SPDX-License-Identifier: Apache-2.0
"""Proof that a tick ran whole: every stage leaves its mark, in order, or the relay gets no heartbeat.

Logical monitoring of the program sequence, as IEC 60730-1 Annex H asks of Class B software (a reference, not a
claim). The count is kept twice, the second time inverted, so that a flipped bit does not pass for a whole tick.
"""

from podsteam_protocol.const import const

SENSE = const(1)
"""Measured values are new."""
SUPERVISE = const(2)
"""The supervisor has judged them."""
SESSION = const(3)
"""The session has said what it wants."""
HEAT = const(4)
"""The heater control has run, or it was not its turn."""
DOSE = const(5)
"""The dosing has run."""
STAGES = const(5)
"""Number of the last stage."""


class Checkpoints:
    """The marks of one tick. `begin`, then `mark(SENSE)` to `mark(DOSE)`, then ask `passed`."""

    def __init__(self) -> None:
        self.reached = STAGES
        """Last stage that was marked in order; when `passed` says no, the stage after it is the one missing."""
        self._inverse = ~STAGES
        self._in_order = False

    def begin(self) -> None:
        """A new tick: no stage has passed."""
        self.reached = 0
        self._inverse = ~0
        self._in_order = True

    def mark(self, stage: int) -> None:
        """Stage `stage` is done. Any but the next one spoils the tick."""
        if stage == self.reached + 1 and self._inverse == ~self.reached:
            self.reached = stage
            self._inverse = ~stage
        else:
            self._in_order = False

    def passed(self) -> bool:
        """Whether every stage left its mark once and in order. Good for one tick: a second call says no."""
        whole = self._in_order and self.reached == STAGES and self._inverse == ~STAGES
        self._in_order = False
        return whole
