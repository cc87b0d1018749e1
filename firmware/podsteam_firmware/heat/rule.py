# SPDX-License-Identifier: Apache-2.0
"""Gains of `hold` for a process of two lags and a dead time: the tuning rule.

    G(s) = K exp(-L s) / ((1 + T1 s)(1 + T2 s)),  T1 >= T2;  with T1 without end: exp(-L s) / (C s (1 + T2 s))

For each of 44 such processes the gains were computed that give a load disturbance the least integral of the absolute
error while the maximum sensitivity stays at Ms = 1.55 (the idea of Astrom and Hagglund, "Advanced PID Control", 2006,
chapter 6, for the controller of `hold` with Tf = min(Td / 10, L / 10)); between them they are interpolated. The test
of this module computes Ms again at the points and between.
"""

from podsteam_protocol.const import const

# Rows T1 / (T1 + 3 L) = 0, 1/8 .. 1; in each T2 / (T2 + 3 L) = 0, 1/8 .. up to the row's own, at most 7/8.
# Kp K L / (T1 + L) / (1 + T2 / 8 L) x 400, Ti / (L + T2) x 64, Td / (L + T2) x 400.
_GAIN = (
    b"\x50\x8a\x93\x9c\x90\xa4\xac\x93\x98\xaa\xb9\x97\x92\x9d\xb0\xc4\x9b\x8f\x94\x9f\xb1\xcd\x9e\x8f"
    b"\x8e\x94\x9e\xad\xd4\xa1\x8e\x8a\x8b\x8f\x97\xa3\xda\xa3\x8e\x87\x84\x84\x85\x8a"
)
_INTEGRAL = (
    b"\x16\x2d\x2b\x45\x3d\x3a\x5d\x52\x4a\x3e\x73\x67\x5c\x4b\x3f\x87\x7d\x68\x59\x4a\x39\xa0\x92\x7a"
    b"\x68\x56\x43\x2e\xbb\xa7\x8d\x78\x63\x4c\x34\x1a\xd6\xc3\xa5\x89\x71\x57\x41\x41"
)
_DERIVATIVE = (
    b"\x00\x86\x7f\x97\x95\x88\xa3\xa7\xa0\x99\xac\xb3\xb4\xb3\x96\xb4\xbd\xd3\xc7\xb0\x8c\xb6\xc6\xe0"
    b"\xda\xc5\xa4\x77\xb8\xcd\xeb\xea\xda\xbb\x8c\x50\xba\xd2\xef\xf8\xec\xd1\xa1\x5d"
)
_LAST = const(8)
_GAIN_UNIT = const(6400)
_INTEGRAL_UNIT = const(1024)
_DERIVATIVE_UNIT = const(6400)
"""What stands for 1 in the tables, x 16."""
DEEP = const(21)
"""Dead time of a 21st of T2 at least: less could not be told from the response, nor used."""
_BIG_MS = const(250000)
ENDLESS_MS = const(100000000)
"""T1 of a process that integrates."""


class Rule:
    """`find` gains, then read them."""

    def __init__(self) -> None:
        self.kp_dw_k = 0
        """Proportional gain, 0.1 W/K."""
        self.integral_ms = 0
        """Ti, ms."""
        self.derivative_ms = 0
        """Td, ms."""
        self._x = 0
        self._y = 0

    def find(self, stiffness_dw_k: int, lag_ms: int, second_ms: int, delay_ms: int) -> None:
        """Gains for T1 = `lag_ms` (0 to `ENDLESS_MS`), T2 = `second_ms` (0 to T1) and L = `delay_ms` (1 to 2,000,000).

        `stiffness_dw_k` is (T1 + L) / (K L), 1 to 300,000 in 0.1 W/K; for a heat capacity C it is C / L.
        """
        delay_ms = max(delay_ms, second_ms // DEEP, 1)
        self._x = part(lag_ms, 3 * delay_ms)
        self._y = min(part(second_ms, 3 * delay_ms), self._x, (_LAST - 1) * 256)
        # In 16ths until it is done; 1 + T2 / 8 L in 64ths, at most 240.
        self.kp_dw_k = stiffness_dw_k * self._between(_GAIN) // (_GAIN_UNIT // 16)
        self.kp_dw_k = self.kp_dw_k * (64 + part_of(second_ms, delay_ms)) // 1024
        delay_ms += second_ms
        self.integral_ms = scaled(delay_ms, self._between(_INTEGRAL), _INTEGRAL_UNIT)
        self.derivative_ms = scaled(delay_ms, self._between(_DERIVATIVE), _DERIVATIVE_UNIT)

    def _between(self, table: bytes) -> int:
        """Bilinear interpolation, x 16."""
        i = min(self._x >> 8, _LAST - 1)
        low = self._along(table, i)
        high = self._along(table, i + 1)
        i = self._x - (i << 8)
        return ((256 - i) * low + i * high) >> 12

    def _along(self, table: bytes, i: int) -> int:
        """Between two places of row `i`, x 256."""
        j = min(self._y >> 8, _LAST - 2)
        left = at(table, i, j)
        i = at(table, i, j + 1) - left
        return (left << 8) + (self._y - (j << 8)) * i


def at(table: bytes, i: int, j: int) -> int:
    """Row `i`, place `j` of a table of rows that are cut at the diagonal."""
    return table[i * (i + 1) // 2 + min(i, j)]


def part(a: int, b: int) -> int:
    """a / (a + b), x 2048, for a >= 0 and b > 0."""
    while a + b > 500000:
        a //= 2
        b //= 2
    return a * 2048 // (a + b)


def part_of(second_ms: int, delay_ms: int) -> int:
    """T2 / L, x 8, at most 168 + 8."""
    while second_ms > 100000000:
        second_ms //= 2
        delay_ms //= 2
    return min(second_ms * 8 // max(delay_ms, 1), 176)


def scaled(span_ms: int, value: int, unit: int) -> int:
    """span x value / unit, for a value of at most 4,080."""
    bits = 0
    while span_ms > _BIG_MS:
        span_ms >>= 1
        bits += 1
    return span_ms * value // unit << bits
