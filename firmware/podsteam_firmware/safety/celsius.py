# SPDX-License-Identifier: Apache-2.0
"""Microvolts of an NTC to 0.01 degC, for the slow detectors: the supervisor's own table, coarser than the controller's.

Divider voltage every 5 K, worked out once (NTC 100 kOhm, B 3950 K, 22.0 kOhm to 2.5 V; the tests compute it again), and
straight lines between: right within 0.15 K. The supply's error of at most 4 % is left in: 1.7 K at 100 degC.
"""

from podsteam_protocol.const import const

_FIRST_CDEG = const(-1000)
_STEP_CDEG = const(500)
_LAST = const(36)
# fmt: off
_UV = (
    2409009, 2381019, 2346457, 2304441, 2254185, 2195074, 2126747, 2049180, 1962741, 1868218, 1766810, 1660066,
    1549788, 1437903, 1326332, 1216864, 1111054, 1010164, 915132, 826574, 744817, 669940, 601825, 540205, 484713,
    434921, 390367, 350583, 315111, 283513, 255379, 230332, 208030, 188161, 170449, 154645, 140529,
)
# fmt: on


def cdeg(uv: int) -> int:
    """0.01 degC of a divider voltage, -1000 to 17000; a reading beyond them counts as the end."""
    if uv >= _UV[0]:
        return _FIRST_CDEG
    if uv <= _UV[_LAST]:
        return _FIRST_CDEG + _LAST * _STEP_CDEG
    low = 0
    high = _LAST
    while high - low > 1:
        middle = (low + high) >> 1
        if uv <= _UV[middle]:
            low = middle
        else:
            high = middle
    return _FIRST_CDEG + low * _STEP_CDEG + (_UV[low] - uv) * _STEP_CDEG // (_UV[low] - _UV[high])
