# SPDX-License-Identifier: Apache-2.0
"""From divider voltage to temperature, in integers: a table of the NTC's curve and a straight line between its points.

The sensor is an NTC of 100 kOhm at 25 degC, B(25/85) = 3950 K, to ground; 22.0 kOhm pull it up to 2.500 V.
The reference channel reads half of that same supply, so the ratio of the two is free of the supply's and the
converter's gain error. Beta equation: R = R25 exp(B (1/T - 1/T25)), T in kelvin.
"""

from podsteam_protocol.const import const

_FIRST_MC = const(-20000)
_LAST_MC = const(200000)
_STEP_MC = const(4000)
_LAST = const(55)

# Divider ratio R / (R + 22.0 kOhm) x 65536, big-endian, at -20, -16 .. 200 degC. The test of this module
# computes it anew from the Beta equation. The chord of 4 K is off by at most 0.075 K from 0 to 160 degC.
_RATIO = (
    b"\xfa\xc4\xf9\x5d\xf7\xa9\xf5\x9c\xf3\x2a\xf0\x47\xec\xe7\xe8\xfe\xe4\x85\xdf\x74\xd9\xc7\xd3\x80\xcc\xa1"
    b"\xc5\x35\xbd\x48\xb4\xec\xac\x36\xa3\x3f\x9a\x20\x90\xf3\x87\xd1\x7e\xd3\x76\x0d\x6d\x93\x65\x72\x5d\xb6"
    b"\x56\x66\x4f\x89\x49\x1e\x43\x27\x3d\xa0\x38\x87\x33\xd6\x2f\x87\x2b\x95\x27\xf9\x24\xad\x21\xac\x1e\xee"
    b"\x1c\x6e\x1a\x27\x18\x13\x16\x2f\x14\x76\x12\xe3\x11\x74\x10\x25\x0e\xf3\x0d\xdb\x0c\xdb\x0b\xf1\x0b\x1a"
    b"\x0a\x55\x09\xa0\x08\xfa\x08\x62"
)


def _ratio(i: int) -> int:
    """Entry `i`, x 131072: one bit more than stored, so that a hot sensor still resolves 6 mK."""
    return (_RATIO[2 * i] << 9) | (_RATIO[2 * i + 1] << 1)


def _between(x: int) -> int:
    """Temperature in milli-degC at ratio `x` (x 131072), which lies inside the table. Three times in each tick, so the
    search reads the table itself: calls would take a quarter of the whole conversion."""
    low = 0
    high = _LAST
    while high - low > 1:
        middle = (low + high) >> 1
        if (_RATIO[2 * middle] << 9 | _RATIO[2 * middle + 1] << 1) > x:
            low = middle
        else:
            high = middle
    x = _ratio(low) - x
    high = _ratio(low) - _ratio(high)
    return _FIRST_MC + low * _STEP_MC + x * _STEP_MC // high


def temperature_mc(uv: int, reference_uv: int) -> int:
    """Temperature in milli-degC, -20,000 to 200,000 (clamped outside).

    `uv` is the divider, `reference_uv` the reference channel; both in microvolts, 0 to 4,000,000. A reference of
    0 or less reads as hottest: nothing heats on a dead supply.
    """
    if reference_uv <= 0 or uv <= 0:
        return _LAST_MC
    if uv >= 2 * reference_uv:
        return _FIRST_MC
    # uv / (2 reference) x 131072 in two steps of 8 bits: no intermediate reaches 2^30.
    x = (uv << 8) // reference_uv
    x = (x << 8) + (((uv << 8) - x * reference_uv) << 8) // reference_uv
    if x >= _ratio(0):
        return _FIRST_MC
    if x <= _ratio(_LAST):
        return _LAST_MC
    return _between(x)
