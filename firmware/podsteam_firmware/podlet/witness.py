# SPDX-License-Identifier: Apache-2.0
"""What this device knows of a podlet beside its tag: doses in the ledger, and recall lists. Loaded when there are any.

The ledger's intents carry the UID and which content the tag had, so a podlet that comes back with an older slot is
found out, over restarts too, as long as the ring has its last dose: one of 760 at least. A tag with other content is
another podlet, and begins at what its slots say.
"""

from podsteam_firmware.dose.book import CONTENT, INTENT
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal
    from podsteam_firmware.podlet.reader import Reader
    from podsteam_firmware.podlet.recall import Lookup

_SLICE = const(8)
"""Records that one step reads, some 3 ms."""


class Search:
    """All looks at one podlet; `step` until it says that it is done. What is found is told to the reader."""

    def __init__(self, hal: "Hal", reader: "Reader") -> None:
        self._hal = hal
        self._reader = reader
        self._seq = reader.ledger.head if reader.ledger is not None else 0
        uid = reader.uid
        self._upper = uid[0] << 20 | uid[1] << 12 | uid[2] << 4 | uid[3] >> 4
        self._lower = (uid[3] & 15) << 24 | uid[4] << 16 | uid[5] << 8 | uid[6]
        self._lookup: "Lookup | None" = None

    def step(self) -> bool:
        """A few records of the ledger, newest first, or one entry of a list. False: that was all."""
        if self._seq:
            self._records()
        elif self._reader.recalls:
            return self._entry()
        return self._seq > 0 or self._reader.recalls

    def _records(self) -> None:
        reader = self._reader
        ledger = reader.ledger
        if ledger is None:
            self._seq = 0
            return
        last = max(ledger.oldest(), self._seq - _SLICE)
        content = reader.record.main_id & CONTENT
        while self._seq > last:
            self._seq -= 1
            record = ledger.read(self._seq)
            if record is None or record[1] != INTENT or record[6] != self._upper or record[7] != self._lower:
                continue
            if record[4] >> 16 == content:
                # The newest has the highest number.
                reader.witness(reader.uid, reader.record.main_id, record[4] & 0xFFFF)
                self._seq = 0
                return
        if last == ledger.oldest():
            self._seq = 0

    def _entry(self) -> bool:
        reader = self._reader
        if self._lookup is None:
            from podsteam_firmware.podlet import recall

            self._lookup = recall.Lookup(self._hal, reader.image, reader.uid, reader.record)
        found = self._lookup.step()
        reader.recalled = found > 0
        return not found
