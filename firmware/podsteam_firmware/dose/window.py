# SPDX-License-Identifier: Apache-2.0
"""What the device has commanded in the last 24 hours, by a clock that only runs while it is sure of it.

The clock counts minutes. It runs with the device's uptime; after a start it goes on from the newest time in the ledger
(`dose.book`), and counts the time without power only where a battery clock tells it. What is not known counts as
nothing, so a volume may be remembered for too long, never for too short a time. No wall clock that is set or jumps
moves it while the device runs.

Volumes are kept by the hour. One leaves when the hour after the next full day begins, 24 to 25 hours after it.
"""

from array import array

from podsteam_firmware import ticks
from podsteam_protocol.const import const

HOURS = const(25)
"""Hours that are remembered, the running one included."""
_MINUTE_MS = const(60_000)


class Window:
    """`advance` in every tick, `add` for each shot; `total_nl` is what the rolling cap is judged by."""

    def __init__(self) -> None:
        self.minute = 0
        """Known time, minutes."""
        self._hours = array("i", bytes(4 * HOURS))
        self._at_ms = 0
        self._runs = False

    def advance(self, now_ms: int) -> None:
        """Let the clock run with device time, which wraps: to be called at least daily. Allocates nothing."""
        if not self._runs:
            self._runs = True
            self._at_ms = now_ms
        while ticks.diff(now_ms, self._at_ms) >= _MINUTE_MS:
            self._at_ms = ticks.add(self._at_ms, _MINUTE_MS)
            self.go_to(self.minute + 1)

    def go_to(self, minute: int) -> None:
        """Known time is `minute` now, if it is not later already; what is older than a day is forgotten."""
        last = minute // 60
        hour = self.minute // 60
        if last - hour > HOURS:
            hour = last - HOURS
        while hour < last:
            hour += 1
            self._hours[hour % HOURS] = 0
        if minute > self.minute:
            self.minute = minute

    def add(self, nl: int) -> None:
        """`nl` is being commanded now."""
        self._hours[self.minute // 60 % HOURS] += nl

    def holds(self, minute: int) -> bool:
        """Whether what was commanded at `minute` of known time still counts."""
        return self.minute // 60 - minute // 60 < HOURS

    def remember(self, minute: int, nl: int) -> None:
        """`nl` was commanded at `minute` of known time, which `holds` and is not later than now."""
        self._hours[minute // 60 % HOURS] += nl

    def total_nl(self) -> int:
        """Commanded in the last 24 hours and up to one more, nL. Allocates nothing."""
        total = 0
        for i in range(HOURS):
            total += self._hours[i]
        return total
