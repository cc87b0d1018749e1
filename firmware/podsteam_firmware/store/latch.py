# SPDX-License-Identifier: Apache-2.0
"""A latched fault outlives every reset: its code is kept in a file until it is cleared at the device.

The file is written when the relay is open, because that may erase flash. The ledger ring is erased ahead, so it takes
the fault at once, while the boiler is hot: if the power goes before the file is written, the ring still knows. The
beginning and the end of each session stand there as well: one that has no end was cut off.
"""

import binascii
import struct

from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal
    from podsteam_firmware.store.ledger import Ledger

FAULT = const(3)
"""Kind of record: CODE of the fault, its detail."""
CLEARED = const(4)
"""Kind of record: CODE of the fault that was cleared at the device."""
BEGIN = const(5)
"""Kind of record: a session begins to heat."""
END = const(6)
"""Kind of record: it is over; STOP reason."""
_FAULT_DEPTH = const(64)
"""Records that are looked through for a fault: until it is cleared there are few that could follow it."""
_SESSION_DEPTH = const(520)
"""Records that are looked through for a session: two for each of its 255 doses at most."""
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


# In the ledger ring -----------------------------------------------------------------------------------------
def note(ledger: "Ledger", kind: int, session: int, value: int, detail: int) -> bool:
    """Write it down now, also in the tick and while hot. Allocates nothing. False: there was no room."""
    ledger.values[0] = value
    ledger.values[1] = detail
    return ledger.append(kind, session)


def uncleared(ledger: "Ledger") -> int:
    """Code of the newest fault in the ring that was not cleared, 0: none."""
    for seq in range(ledger.head - 1, max(ledger.oldest(), ledger.head - _FAULT_DEPTH) - 1, -1):
        record = ledger.read(seq)
        if record is not None and (record[1] == FAULT or record[1] == CLEARED):
            return record[3] if record[1] == FAULT else 0
    return 0


def cut_off(ledger: "Ledger") -> int:
    """Number of the newest session if it never ended, 0: it did, or there is none."""
    for seq in range(ledger.head - 1, max(ledger.oldest(), ledger.head - _SESSION_DEPTH) - 1, -1):
        record = ledger.read(seq)
        if record is not None and (record[1] == BEGIN or record[1] == END):
            return record[2] if record[1] == BEGIN else 0
    return 0
