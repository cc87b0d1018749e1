# SPDX-License-Identifier: Apache-2.0
"""What a bad line does to bytes: turned bits, bursts, lost, doubled and inserted bytes. The same on both interpreters.

The distance to the next mishap of each kind is drawn from a geometric distribution, so that a rate is a probability for
each byte (each bit for `bit_ppb`), whatever pieces the bytes come in.
"""

import math

from podsteam_twin.rng import Rng

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podsteam_twin.uart import Uart

LINE = {
    "latency_ms": "how much later the host's adapter hands on what it gets, either way",
    "bit_ppb": "turned bits, of 10^9 data bits",
    "flip_ppm": "bytes with a wrong value, of 10^6",
    "burst": "bytes in a row that such a mishap hits (1)",
    "drop_ppm": "lost bytes, of 10^6",
    "twice_ppm": "doubled bytes, of 10^6",
    "insert_ppm": "bytes before which another appears, of 10^6",
    "most_baud": "the fastest rate that the host's adapter does (any); told to do a faster one, it talks nonsense",
    "way": "down (to the device), up or both (both)",
    "half_open": "down, up or both: what goes nowhere though both ends have the port open",
    "seed": "of the mishaps (the board's)",
}
"""Keys of a line's description."""
_NEVER = 1 << 30
_BITS = 8


class Noise:
    """One direction's mishaps."""

    def __init__(self, settings: "dict[str, Any]", seed: int) -> None:
        self._rng = Rng(seed)
        self._burst = max(1, int(settings.get("burst", 1)))
        self._garble = 0
        self._chances = [
            float(settings.get("bit_ppb", 0)) / 1e9,
            float(settings.get("flip_ppm", 0)) / 1e6,
            float(settings.get("drop_ppm", 0)) / 1e6,
            float(settings.get("twice_ppm", 0)) / 1e6,
            float(settings.get("insert_ppm", 0)) / 1e6,
        ]
        for chance in self._chances:
            if not 0 <= chance < 1:
                raise ValueError("a rate of a line is at least 0 and less than 1")
        self._next: "list[int]" = []
        for chance in self._chances:
            self._next.append(self._distance(chance))
        self.damaged = 0
        """Bytes that were hit, in any way."""

    def _distance(self, chance: float) -> int:
        """Trials until the next hit, from 1."""
        if chance <= 0:
            return _NEVER
        return 1 + min(_NEVER, int(math.log(1.0 - self._rng.uniform()) / math.log(1.0 - chance)))

    def _hit(self, kind: int, trials: int = 1) -> int:
        """Which of the next `trials` is hit, from 1; 0: none."""
        left = self._next[kind]
        if left > trials:
            self._next[kind] = left - trials if left < _NEVER else left
            return 0
        self._next[kind] = self._distance(self._chances[kind])
        return left

    def apply(self, data: "bytes | bytearray | memoryview") -> bytes:
        """The bytes as they arrive."""
        if min(self._next[1:]) > len(data) and self._next[0] > len(data) * _BITS and not self._garble:
            for kind in range(len(self._next)):
                self._hit(kind, len(data) * (_BITS if kind == 0 else 1))
            return bytes(data)
        out = bytearray()
        for value in data:
            before = value
            bit = self._hit(0, _BITS)
            if bit:
                value ^= 1 << (bit - 1)
            if self._hit(1):
                self._garble = self._burst
            if self._garble:
                self._garble -= 1
                value ^= 1 + self._rng.bits(8) % 255
            lost, twice, inserted = self._hit(2), self._hit(3), self._hit(4)
            if inserted:
                out.append(self._rng.bits(8))
            if not lost:
                out.append(value)
            if twice:
                out.append(value)
            if value != before or lost or twice or inserted:
                self.damaged += 1
        return bytes(out)


def set_line(uart: "Uart", settings: "dict[str, Any]", seed: int) -> None:
    """Make a line as `settings` (keys of `LINE`) say. Raises ValueError for an unknown key or an odd value."""
    for key in settings:
        if key not in LINE:
            raise ValueError("unknown key %r of a line; there are: %s" % (key, ", ".join(sorted(LINE))))
    way = settings.get("way", "both")
    if way not in ("down", "up", "both"):
        raise ValueError("way of a line is down, up or both")
    half_open = settings.get("half_open", "")
    if half_open not in ("", "down", "up", "both"):
        raise ValueError("half_open of a line is down, up or both")
    uart.down_open = half_open not in ("down", "both")
    uart.up_open = half_open not in ("up", "both")
    seed = int(settings.get("seed", seed))
    uart.most_baud = int(settings.get("most_baud", 0))
    uart.latency_us = int(float(settings.get("latency_ms", 0)) * 1000)
    uart.down_noise = Noise(settings, 2 * seed + 1) if way != "up" else None
    uart.up_noise = Noise(settings, 2 * seed + 2) if way != "down" else None
