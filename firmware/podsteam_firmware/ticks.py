# SPDX-License-Identifier: Apache-2.0
"""Arithmetic on wrapping time, in integers that never leave the small-integer range of the ESP32.

Times are `now_ms` values from 0 to 2^30 - 1, as `time.ticks_ms` gives there; they wrap after 12.4 days.
"""

from podsteam_protocol.const import const

_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)


def add(t: int, delta: int) -> int:
    """`t` plus `delta`; both in ms, `delta` within +-2^29."""
    # Centred first, so that no intermediate leaves the small integers; the XOR adds the half back modulo 2^30.
    return ((t - _HALF + delta) & _MASK) ^ _HALF


def diff(a: int, b: int) -> int:
    """`a` minus `b` in ms, right while the two are less than 2^29 ms (6.2 days) apart."""
    d = (a - b) & _MASK
    return d if d < _HALF else d - _HALF - _HALF


def due(now: int, deadline: int) -> bool:
    """Whether `deadline` has been reached at `now`."""
    return (now - deadline) & _MASK < _HALF
