# SPDX-License-Identifier: Apache-2.0
"""The lease: a session that a host started lives only while that host renews it."""

from podsteam_firmware import ticks
from podsteam_protocol.const import const

LEASE_MS = const(1500)
"""Time from a renewal to the lapse. With a tick of 50 ms, heat is off within 2 s of the host's last word."""


class Lease:
    """At most one holder, known by its token; taken over only after it lapsed or was given up."""

    def __init__(self) -> None:
        self.token = 0
        """The holder's token, 0: nobody."""
        self._deadline = 0

    def left_ms(self, now_ms: int) -> int:
        """Time until it lapses, 0: it has, or nobody holds it."""
        if self.token == 0:
            return 0
        left = ticks.diff(self._deadline, now_ms)
        return left if left > 0 else 0

    def held_by_other(self, now_ms: int, token: int) -> bool:
        """Whether somebody else's lease is alive."""
        return self.token != token and self.left_ms(now_ms) > 0

    def renew(self, now_ms: int, token: int) -> None:
        """Take or extend it."""
        self.token = token
        self._deadline = ticks.add(now_ms, LEASE_MS)

    def drop(self) -> None:
        """Give it up."""
        self.token = 0
