# SPDX-License-Identifier: Apache-2.0
"""ISO/IEC 14443-3 type A: what the PN532's InListPassiveTarget found, judged.

The chip runs the anticollision itself. Its answer is NbTg, then for each target Tg, SENS_RES (2 bytes), SEL_RES,
the length of the UID and the UID (PN532 user manual, 7.3.5). An NTAG21x has SENS_RES 0044, SEL_RES 00 and a UID of
7 bytes that begins with its maker's code, 04 for NXP.
"""

from podsteam_protocol.const import const

_UID_SIZE = const(7)
"""Bytes of an NTAG21x UID."""

NONE = const(0)
"""No target."""
ONE = const(1)
"""One target that may be an NTAG21x; its UID was written."""
TWO = const(2)
"""More than one target: nobody can say which of them is the podlet."""
FOREIGN = const(3)
"""One target of another kind: a phone, a bank card, a tag with a random UID."""


def selected(buf: bytearray, at: int, length: int, uid: bytearray) -> int:
    """Judge the answer `buf[at:at + length]`; for ONE the UID's 7 bytes are written into `uid`."""
    if length == 0 or buf[at] == 0:
        return NONE
    if buf[at] > 1:
        return TWO
    if length < 6 + _UID_SIZE or buf[at + 2] != 0x00 or buf[at + 3] != 0x44 or buf[at + 4] or buf[at + 5] != _UID_SIZE:
        return FOREIGN
    for i in range(_UID_SIZE):
        uid[i] = buf[at + 6 + i]
    return ONE
