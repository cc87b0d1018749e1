# SPDX-License-Identifier: Apache-2.0
"""How long to wait for a reply: RFC 6298, from measured round trips, within this link's bounds."""

FLOOR_S = 0.025
CAP_S = 1.0
FIRST_S = 0.5
"""Before anything was measured."""


class RoundTrips:
    """Smoothed round trip and its deviation."""

    def __init__(self) -> None:
        self.smoothed_s = 0.0
        """Smoothed round trip, s; 0: none measured."""
        self.deviation_s = 0.0
        self.count = 0
        self._backed_off_s = 0.0

    def repeated(self, waited_s: float) -> None:
        """A reply did not come within so much: the next request waits twice as long, until one is measured again.

        RFC 6298, section 5: else, on a line that has become slower, every request would be repeated, and none measured.
        """
        self._backed_off_s = min(CAP_S, 2 * waited_s)

    def measured(self, round_trip_s: float) -> None:
        """Take one in. RFC 6298, section 2: gains 1/8 and 1/4."""
        if self.count == 0:
            self.smoothed_s = round_trip_s
            self.deviation_s = round_trip_s / 2
        else:
            self.deviation_s += (abs(self.smoothed_s - round_trip_s) - self.deviation_s) / 4
            self.smoothed_s += (round_trip_s - self.smoothed_s) / 8
        self.count += 1
        self._backed_off_s = 0.0

    def timeout_s(self, attempt: int) -> float:
        """Time to wait for a reply to the copy number `attempt` (from 0), doubled for each repetition."""
        base = self.smoothed_s + 4 * self.deviation_s if self.count else FIRST_S
        if attempt == 0:
            base = max(base, self._backed_off_s)
        return min(CAP_S, max(FLOOR_S, base) * 2**attempt)
