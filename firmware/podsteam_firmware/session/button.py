# SPDX-License-Identifier: Apache-2.0
"""The start/stop button: debounced edges and the time it is held."""

from podsteam_protocol.const import const

_STEADY = const(2)
"""Ticks that a level must last (100 ms)."""
HOLD_TICKS = const(60)
"""Held this long (3 s) it is a hold, which clears a latched fault."""


class Button:
    """`update` once a tick; the edges are true for that tick alone."""

    def __init__(self) -> None:
        self.down = False
        """Debounced level."""
        self.pressed = False
        self.released = False
        self.held_ticks = 0
        """Ticks since it went down, 0 while it is up."""
        self._same = 0

    def update(self, level: bool) -> None:
        """Take this tick's raw level."""
        self.pressed = False
        self.released = False
        if level == self.down:
            self._same = 0
        else:
            self._same += 1
            if self._same >= _STEADY:
                self._same = 0
                self.down = level
                self.pressed = level
                self.released = not level
        self.held_ticks = self.held_ticks + 1 if self.down else 0
