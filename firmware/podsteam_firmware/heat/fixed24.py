# SPDX-License-Identifier: Apache-2.0
"""Fixed-point arithmetic with 24 bits behind the point, apart from `fixed`, which only a tuning loads."""


def mul24(a: int, b: int) -> int:
    """a x b / 2^24 for |a| < 2^28 and |b| < 2^26, right to 4, where the result is below 2^28."""
    high = a >> 14
    a &= 16383
    low = b & 4095
    b >>= 12
    return (high * b << 2) + (high * low >> 10) + (a * b >> 12) + (a * low >> 24)


def div24(a: int, b: int) -> int:
    """a x 2^24 / b for |a| < 2^28, 0 < b < 2^28 and a result below 2^29, bit by bit."""
    if a < 0:
        return -div24(-a, b)
    result = a // b
    a %= b
    for _ in range(24):
        result <<= 1
        a <<= 1
        if a >= b:
            a -= b
            result |= 1
    return result
