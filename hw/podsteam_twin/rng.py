# SPDX-License-Identifier: Apache-2.0
"""A small generator of pseudo-random numbers that gives the same sequence on CPython and on MicroPython."""

_MASK = 0xFFFFFFFF
# Standard deviation of a sum of four independent bytes: sqrt(4 * (256^2 - 1) / 12), and its mean.
_BYTES_SD = 147.8
_BYTES_MEAN = 510


class Rng:
    """Marsaglia's xorshift32 (13, 17, 5): period 2^32 - 1. For simulated noise and ids, not for secrets."""

    def __init__(self, seed: int) -> None:
        """Start the sequence that belongs to `seed` (any integer)."""
        # Neighbouring seeds are spread over the whole word (Knuth's multiplier), else their first numbers look alike.
        x = (seed * 2654435761 + 0x9E3779B9) & _MASK
        self._x = x if x else 1

    def bits(self, n: int) -> int:
        """The next number of `n` bits, 1 to 32."""
        x = self._x
        x ^= (x << 13) & _MASK
        x ^= x >> 17
        x ^= (x << 5) & _MASK
        self._x = x
        return x >> (32 - n)

    def uniform(self) -> float:
        """The next float, 0 <= x < 1."""
        return self.bits(32) / 4294967296

    def noise(self) -> float:
        """The next float of about standard normal distribution: a sum of four bytes, so within +-3.45."""
        x = self.bits(32)
        return ((x & 255) + (x >> 8 & 255) + (x >> 16 & 255) + (x >> 24) - _BYTES_MEAN) / _BYTES_SD
