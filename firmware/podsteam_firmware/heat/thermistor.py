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

# Divider ratio R / (R + 22.0 kOhm) x 65536, big-endian, at -20, -16 .. 200 degC, less half of what the chord of 4 K is
# off in its middle (second difference over 16), so that the error is spread to both sides. The test of this module
# computes it anew from the Beta equation. The reading is off by at most 0.04 K from 0 to 160 degC.
_RATIO = (
    b"\xfa\xc8\xf9\x62\xf7\xaf\xf5\xa3\xf3\x31\xf0\x4f\xec\xef\xe9\x07\xe4\x8e\xdf\x7e\xd9\xd1\xd3\x89\xcc\xaa"
    b"\xc5\x3d\xbd\x4f\xb4\xf1\xac\x3a\xa3\x42\x9a\x21\x90\xf2\x87\xcf\x7e\xcf\x76\x09\x6d\x8d\x65\x6b\x5d\xaf"
    b"\x56\x5f\x4f\x81\x49\x17\x43\x20\x3d\x9a\x38\x81\x33\xd0\x2f\x81\x2b\x90\x27\xf4\x24\xa9\x21\xa7\x1e\xea"
    b"\x1c\x6a\x1a\x23\x18\x10\x16\x2c\x14\x73\x12\xe1\x11\x72\x10\x23\x0e\xf1\x0d\xda\x0c\xda\x0b\xf0\x0b\x19"
    b"\x0a\x54\x09\x9f\x08\xf9\x08\x61"
)
# Where the search begins, by the ratio's upper six bits: the last entry that lies above all of that stretch. It takes
# five steps from there at most, one or two at boiling.
_BELOW = (
    b"\x36\x36\x31\x2e\x2b\x29\x27\x25\x24\x22\x21\x20\x1f\x1f\x1e\x1d\x1c\x1c\x1b\x1a\x1a\x19\x19\x18\x18\x17"
    b"\x17\x16\x16\x15\x15\x14\x14\x13\x13\x13\x12\x12\x11\x11\x10\x10\x10\x0f\x0f\x0e\x0e\x0d\x0d\x0c\x0c\x0b"
    b"\x0a\x0a\x09\x08\x08\x07\x06\x05\x03\x01\x00\x00"
)
_COLDEST = const(128400)
_HOTTEST = const(4290)
"""First and last entry, x 131072: one bit more than stored, so that a hot sensor still resolves 6 mK."""


def _between(x: int) -> int:
    """Temperature in milli-degC at ratio `x` (x 131072), which lies inside the table. Three times in each tick, so it
    reads the table itself: calls would take a quarter of the whole conversion."""
    at = _BELOW[x >> 11] << 1
    below = _RATIO[at + 2] << 9 | _RATIO[at + 3] << 1
    while below > x:
        at += 2
        below = _RATIO[at + 2] << 9 | _RATIO[at + 3] << 1
    above = _RATIO[at] << 9 | _RATIO[at + 1] << 1
    return _FIRST_MC + (at >> 1) * _STEP_MC + (above - x) * _STEP_MC // (above - below)


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
    if x >= _COLDEST:
        return _FIRST_MC
    if x <= _HOTTEST:
        return _LAST_MC
    return _between(x)
