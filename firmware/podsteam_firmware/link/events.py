# SPDX-License-Identifier: Apache-2.0
"""Numbered events in a preallocated ring: emitted in the tick without allocating, read later by link and journal."""

import struct
from array import array

from podsteam_protocol.const import const

RING = const(64)
"""Events kept for a host that asks again."""
SIZE = const(15)
"""Bytes of the EVENT payload."""


class Events:
    """The ring. Readers keep a number of their own and take what lies between it and `next`."""

    def __init__(self) -> None:
        self._ring = array("i", bytes(4 * 4 * RING))
        self.next = 0
        """Number that the next event will have, modulo 65536."""
        self.count = 0
        """How many the ring holds, at most `RING`."""
        self.now_ms = 0
        """Time stamp for the next events; set at the start of each tick."""

    def emit(self, event: int, a: int, b: int) -> None:
        """Add one: `event` is an EVENT value, `a` and `b` as its definition says (signed, within +-2^30)."""
        at = (self.next % RING) * 4
        ring = self._ring
        ring[at] = self.now_ms
        ring[at + 1] = event
        ring[at + 2] = a
        ring[at + 3] = b
        self.next = (self.next + 1) & 0xFFFF
        if self.count < RING:
            self.count += 1

    def oldest(self) -> int:
        """Number of the oldest event still in the ring."""
        return (self.next - self.count) & 0xFFFF

    def behind(self, number: int) -> int:
        """How many events from `number` on are in the ring; 0 when there is nothing new or it lies too far back."""
        d = (self.next - number) & 0xFFFF
        return d if d <= self.count else 0

    def pack(self, number: int, buf: bytearray, at: int) -> None:
        """Write the EVENT payload of event `number` into `buf` from `at`."""
        ring = self._ring
        i = (number % RING) * 4
        struct.pack_into("<HIB", buf, at, number, ring[i], ring[i + 1])
        struct.pack_into("<ii", buf, at + 7, ring[i + 2], ring[i + 3])
