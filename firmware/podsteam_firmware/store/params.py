# SPDX-License-Identifier: Apache-2.0
"""Parameter sets: what the device has learned, as fixed layouts in two files each, A and B.

A set is: magic, version u16, payload's length u16, sequence u32, payload, CRC-32 of all that; little-endian. The valid
one with the higher sequence counts. A new set replaces the other one and is read back, so that whatever becomes
of it, the last good one is left.

`layouts` is a tuple, one entry for each version from 1 on: (struct format of the values, function that makes them
from the values of the version before). Every version has files of its own: a migration writes new ones, and an
application that is rolled back finds its own as it left them. Files of newer versions are for `migrate`.
"""

import binascii
import struct

from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podsteam_firmware.hal.verbs import Hal

    Values = tuple[int, ...]
    Layouts = tuple[tuple[str, Callable[[Values], Values] | None], ...]

_HEAD = "<4sHH"
MAGIC = b"PSet"
_HEAD_SIZE = const(12)


def _name(group: str, version: int, which: int) -> str:
    return "params/%s%d%s" % (group, version, "ab"[which])


def _newest(hal: "Hal", group: str, version: int, layout: str) -> "tuple[int, int, Values | None]":
    """Which file counts, its sequence and values; (1, 0, None) when neither is valid."""
    best = (1, 0, None)
    end = _HEAD_SIZE + struct.calcsize(layout)
    head = struct.pack(_HEAD, MAGIC, version, end - _HEAD_SIZE)
    for which in (0, 1):
        raw = hal.file_read(_name(group, version, which), end + 5)
        if raw and raw[:8] == head and raw[end:] == struct.pack("<I", binascii.crc32(raw[:end])):
            sequence = struct.unpack_from("<I", raw, 8)[0]
            if sequence > best[1]:
                best = (which, sequence, struct.unpack_from(layout, raw, _HEAD_SIZE))
    return best


def load(hal: "Hal", group: str, layouts: "Layouts") -> "tuple[Values | None, bool]":
    """The newest set, brought to the last of `layouts`, and whether an older version had to be; None: there is none."""
    last = len(layouts)
    for version in range(last, 0, -1):
        values = _newest(hal, group, version, layouts[version - 1][0])[2]
        if values is not None:
            for _, migrate in layouts[version:]:
                if migrate:
                    values = migrate(values)
            return values, version != last
    return None, False


def save(hal: "Hal", group: str, layouts: "Layouts", values: "Values") -> bool:
    """Write a set in the last of `layouts` beside the one that counts, and read it back. Only while the relay is
    open: it may erase flash. False: the last good set still counts."""
    version = len(layouts)
    layout = layouts[-1][0]
    which, sequence, _ = _newest(hal, group, version, layout)
    raw = struct.pack(_HEAD, MAGIC, version, struct.calcsize(layout))
    raw += struct.pack("<I", sequence + 1) + struct.pack(layout, *values)
    hal.file_write(_name(group, version, 1 - which), raw + struct.pack("<I", binascii.crc32(raw)))
    return _newest(hal, group, version, layout)[1:] == (sequence + 1, values)
