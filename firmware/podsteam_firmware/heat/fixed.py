# SPDX-License-Identifier: Apache-2.0
"""Fixed-point arithmetic whose intermediates stay below 2^30, for sums that are longer than one product."""

# atan(2^-i) x 16384, big-endian.
_ATAN = b"\x32\x44\x1d\xac\x0f\xae\x07\xf5\x03\xff\x02\x00\x01\x00\x00\x80\x00\x40\x00\x20\x00\x10\x00\x08\x00\x04"


def mul14(a: int, b: int) -> int:
    """a x b / 16384 for |a| < 2^25 and |b| <= 2^14."""
    return ((a >> 10) * b >> 4) + ((a & 1023) * b >> 14)


def mul12(a: int, b: int) -> int:
    """a x b / 4096 for |a| < 2^25 and |b| < 2^16."""
    return ((a >> 10) * b >> 2) + ((a & 1023) * b >> 12)


def div12(a: int, b: int) -> int:
    """a x 4096 / b for 0 <= a < 2^25 and 16 <= b <= 4096: at most 2^29."""
    return (a // b << 12) + (a % b << 12) // b


def ratio14(a: int, b: int) -> int:
    """a x 16384 / b for |a| < 2^30, 0 < b < 2^22 and a result below 2^30."""
    rest = a % b << 7
    return (a // b << 14) + (rest // b << 7) + (rest % b << 7) // b


def isqrt(square: int) -> int:
    """Root of 0 to 2^30, rounded down."""
    if square <= 0:
        return 0
    root = 1
    while root * root <= square >> 2:
        root *= 2
    root *= 2
    after = (root + square // root) >> 1
    while after < root:
        root = after
        after = (root + square // root) >> 1
    return root


def atan14(i: int) -> int:
    """atan(2^-i), x 16384."""
    return _ATAN[2 * i] << 8 | _ATAN[2 * i + 1]
