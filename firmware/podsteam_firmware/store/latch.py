# SPDX-License-Identifier: Apache-2.0
"""A latched fault outlives every reset: its code is kept in a file until it is cleared at the device."""

import binascii
import struct

from podsteam_protocol import messages as m

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal

_NAME = "fault"
_FMT = "<Hi"


def load(hal: "Hal") -> int:
    """Code of the latched fault, 0: none. A record that fails its CRC counts as a fault: it stood for one."""
    raw = hal.file_read(_NAME, 16)
    if raw is None:
        return 0
    if len(raw) != 10 or struct.unpack("<I", raw[6:])[0] != binascii.crc32(raw[:6]):
        return m.CODE_INTERNAL
    return struct.unpack(_FMT, raw[:6])[0]


def save(hal: "Hal", code: int, detail: int) -> bool:
    """Latch. Only while the relay is open: it may erase flash."""
    raw = struct.pack(_FMT, code, detail)
    return hal.file_write(_NAME, raw + struct.pack("<I", binascii.crc32(raw)))


def clear(hal: "Hal") -> bool:
    """Forget it. Only while the relay is open."""
    return hal.file_remove(_NAME)
