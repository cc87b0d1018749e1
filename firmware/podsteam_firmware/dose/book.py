# SPDX-License-Identifier: Apache-2.0
"""The doser's book: each shot in the ledger ring, as an intent before the pulse and a result after it.

An intent counts as given, whatever follows. One without a result, found at the start, is settled as assumed.
"""

from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array

    from podsteam_firmware.podlet.reader import Reader
    from podsteam_firmware.store.ledger import Ledger

INTENT = const(1)
"""Kind of record: volume in nL, number of the dose on the podlet, minutes since 1970-01-01 at the session's start (0:
unknown), the podlet's UID as its upper and its lower 28 bits."""
RESULT = const(2)
"""Kind of record: volume in nL, DOSE result, sequence of the intent."""


class Book:
    """`intent`, then the pulse, then `result`."""

    def __init__(self, ledger: "Ledger", reader: "Reader") -> None:
        self._ledger = ledger
        self._reader = reader
        self.session = 0
        """Number of the running session; at the start that of the newest shot in the book."""
        self.minute = 0
        """Its start, minutes since 1970-01-01; 0: unknown."""
        self._intent = 0

    def ready(self) -> bool:
        """Whether the next shot can be written down."""
        return self._ledger.room() >= 2

    def intent(self, nl: int, dose_no: int) -> bool:
        """`nl` will be given. False: it could not be written down, and must not be. Allocates nothing."""
        values = self._ledger.values
        values[0] = nl
        values[1] = dose_no
        values[2] = self.minute
        self._podlet(values, self._reader.uid)
        if not self._ledger.append(INTENT, self.session):
            return False
        self._intent = self._ledger.head - 1
        return True

    def _podlet(self, values: "array[int]", uid: "bytes | bytearray") -> None:
        values[3] = uid[0] << 20 | uid[1] << 12 | uid[2] << 4 | uid[3] >> 4
        values[4] = (uid[3] & 15) << 24 | uid[4] << 16 | uid[5] << 8 | uid[6]

    def result(self, result: int, nl: int) -> None:
        """What became of it, a DOSE value. If there is no room for that, the intent says enough."""
        values = self._ledger.values
        values[0] = nl
        values[1] = result
        values[2] = self._intent
        self._ledger.append(RESULT, self.session)

    def settle(self) -> int:
        """At the start: the volume of a last shot without a result, which is now settled as assumed; 0: none, nL."""
        ledger = self._ledger
        for seq in range(ledger.head - 1, ledger.oldest() - 1, -1):
            record = ledger.read(seq)
            if record is not None and (record[1] == INTENT or record[1] == RESULT):
                self.session = record[2]
                if record[1] == RESULT:
                    return 0
                self._intent = seq
                self.result(m.DOSE_ASSUMED, record[3])
                return record[3]
        return 0
