# SPDX-License-Identifier: Apache-2.0
"""Another program that has the same port open, as happens: a second host tool, or a service that looks for modems.

What it writes mixes with what the host writes, at times into the middle of it, and what the device sends goes to
whoever reads first. All of it follows from a seed, the same on both interpreters.
"""

import struct

from podsteam_protocol import messages as m
from podsteam_protocol.frame import encode
from podsteam_twin.rng import Rng

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SECOND = {
    "says": "what it sends in turn, of hello, status, lease, arm, pause, stop, events, tele, read, text (status)",
    "every_ms": "time between two of its words (200)",
    "takes_percent": "of the device's bytes that it reads away from the host (0)",
    "tears_percent": "of its words that land in the middle of what the host sends, where it sends at all (0)",
    "token": "that it greets and leases with (0x5ec07d)",
    "seed": "of its chances (0)",
}
"""Keys of a second host's description."""
_TOKEN = 0x5EC07D
_MOST_TAKEN = 64
"""Bytes that it reads at a time, at most: what an adapter hands on in one packet."""


def _payload(word: str, token: int) -> "tuple[int, bytes]":
    """Id and payload of a request by name."""
    if word == "hello":
        return m.HELLO, struct.pack("<IBB", token, m.MAJOR, m.MINOR)
    if word == "lease":
        return m.LEASE, struct.pack("<I", token)
    if word == "arm":
        return m.ARM, struct.pack("<I16s", token, b"gentle")
    if word == "pause":
        return m.PAUSE, struct.pack("<I", token)
    if word == "events":
        return m.EVENTS_GET, struct.pack("<H", 0)
    if word == "tele":
        return m.TELE_SUB, struct.pack("<H", 50)
    if word == "read":
        return m.BLOB_READ, struct.pack("<BHIII", m.BLOB_RECORD, 1, 0, 0xFFFFFFFF, 2048)
    return (m.STOP if word == "stop" else m.STATUS_GET), b""


WORDS = ("hello", "status", "lease", "arm", "pause", "stop", "events", "tele", "read", "text")


class Second:
    """The other program."""

    def __init__(self, settings: "dict[str, Any]", seed: int, t_us: int) -> None:
        """Begins at `t_us`. Raises ValueError for an unknown key or word, or an odd value."""
        for key in settings:
            if key not in SECOND:
                raise ValueError("unknown key %r of a second host; there are: %s" % (key, ", ".join(sorted(SECOND))))
        self._says: "list[str]" = str(settings.get("says", "status")).split()
        for word in self._says:
            if word not in WORDS:
                raise ValueError("a second host does not say %r, but: %s" % (word, ", ".join(WORDS)))
        self._every_us = int(float(settings.get("every_ms", 200)) * 1000)
        self._takes = int(settings.get("takes_percent", 0))
        self._tears = int(settings.get("tears_percent", 0))
        if self._every_us < 1000 or not self._says or not 0 <= self._takes <= 99 or not 0 <= self._tears <= 100:
            raise ValueError("a second host says something, at most each ms, and takes 0 to 99 and tears 0 to 100 %")
        self._token = int(settings.get("token", _TOKEN))
        self._rng = Rng(int(settings.get("seed", seed)) + 3)
        self._seq = self._rng.bits(8)
        self.due_us = t_us + self._every_us
        """When it speaks next."""
        self.said = 0
        """Words so far."""
        self.taken = 0
        """Bytes that it has read away."""
        self._torn = False
        self._ours = 0
        self._theirs = 0

    def word(self) -> bytes:
        """What it writes now; the next word is due later."""
        word = self._says[self.said % len(self._says)]
        self.said += 1
        self.due_us += self._every_us
        self._torn = self._chance(self._tears)
        if word == "text":
            return b"AT\r"
        self._seq = (self._seq + 1) & 0xFF
        kind, payload = _payload(word, self._token)
        return encode(kind, self._seq, payload)

    def torn_into(self, t_us: int, data: bytes) -> bytes:
        """What the host writes at `t_us`, with the other's word in its middle when that is due and torn."""
        if self.due_us - self._every_us // 2 > t_us or len(data) < 2 or not self._torn:
            return data
        at = 1 + self._rng.bits(16) % (len(data) - 1)
        return data[:at] + self.word() + data[at:]

    def left(self, data: bytes) -> bytes:
        """What of the device's bytes is left for the host."""
        if not self._takes:
            return data
        out = bytearray()
        at = 0
        while at < len(data):
            if not self._ours and not self._theirs:
                self._theirs = 1 + self._rng.bits(16) % _MOST_TAKEN
                self._ours = 1 + self._rng.bits(16) % (_MOST_TAKEN * (100 - self._takes) // self._takes + 1)
            if self._ours:
                count = min(self._ours, len(data) - at)
                out += data[at : at + count]
                self._ours -= count
            else:
                count = min(self._theirs, len(data) - at)
                self._theirs -= count
                self.taken += count
            at += count
        return bytes(out)

    def _chance(self, percent: int) -> bool:
        return self._rng.bits(16) % 100 < percent
