# SPDX-License-Identifier: Apache-2.0
"""The doser's book: each shot in the ledger ring, as an intent before the pulse and a result after it.

An intent counts as given, whatever follows. One without a result, found at the start, is settled as assumed. Each
intent carries the known time of `dose.window`, and marks in between carry it on, so that a start knows the last 24
hours.
"""

from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array

    from podsteam_firmware.dose.caps import Caps
    from podsteam_firmware.podlet.reader import Reader
    from podsteam_firmware.store.ledger import Ledger

INTENT = const(1)
"""Kind of record: volume in nL, number of the dose on the podlet in 16 bits below 14 that tell the tag's content, known
time in minutes (`dose.window`), the podlet's UID as its upper and its lower 28 bits."""
CONTENT = const(0x3FFF)
"""Bits of `Record.main_id` that an intent holds."""
RESULT = const(2)
"""Kind of record: volume in nL, DOSE result, sequence of the intent."""
MARK = const(7)
"""Kind of record: known time in minutes, minutes since 1970-01-01 by the battery clock (0: there is none),
nL of the last 24 hours, newest day that any clock ever told (days since 1970-01-01, 0: none did)."""
_MARK_EVERY = const(60)
"""Minutes between two marks while a volume is remembered."""
_DAY = const(1440)
"""Minutes in a day."""
_CLOCK_SLACK = const(2)
"""Minutes by which the battery clock and the uptime may disagree."""


class Book:
    """`intent`, then the pulse, then `result`."""

    def __init__(self, ledger: "Ledger", reader: "Reader") -> None:
        self._ledger = ledger
        self._reader = reader
        self.session = 0
        """Number of the running session; at the start that of the newest shot in the book."""
        self.minute = 0
        """Known time for the next intent, minutes."""
        self.day = 0
        """The newest day that is written down; the reader has it too, and may know a newer one."""
        self._intent = 0
        self._marked = 0
        self._clock = 0

    def ready(self) -> bool:
        """Whether the next shot can be written down."""
        return self._ledger.room() >= 2

    def intent(self, nl: int, dose_no: int) -> bool:
        """`nl` will be given. False: it could not be written down, and must not be. Allocates nothing."""
        values = self._ledger.values
        values[0] = nl
        values[1] = (self._reader.main_id & CONTENT) << 16 | dose_no
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

    # In idle time, and at the start -------------------------------------------------------------------------
    def mark(self, clock_min: int, total_nl: int) -> bool:
        """Write down that it is `minute` now, what the battery clock says (minutes since 1970, 0: nothing), and what
        was commanded in the last 24 hours.

        Who sets the battery clock marks it as unknown first: then no cut can make the leap pass for time.
        """
        values = self._ledger.values
        values[0] = self.minute
        values[1] = clock_min
        values[2] = total_nl
        reader = self._reader
        reader.newest_day = values[3] = day = max(reader.newest_day, clock_min // _DAY)
        if not self._ledger.append(MARK, self.session):
            return False
        self.day = day
        self._marked = self.minute
        self._clock = clock_min
        return True

    def mark_due(self, clock_min: int) -> bool:
        """Whether that is due again: an hour has passed, a new day has come, or the battery clock was set or jumps."""
        passed = self.minute - self._marked
        if passed >= _MARK_EVERY or clock_min // _DAY > self.day or (clock_min == 0) != (self._clock == 0):
            return True
        return clock_min > 0 and not -_CLOCK_SLACK <= clock_min - self._clock - passed <= _CLOCK_SLACK

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

    def recall(self, caps: "Caps", now_ms: int, clock_min: int) -> None:
        """At the start: put the last 24 hours into the caps' window, and let the interval begin anew.

        `clock_min`: what the battery clock says. What the ring no longer has for certain stands in its oldest mark;
        where it has none, the day counts as full.
        """
        ledger = self._ledger
        window = caps.window
        window.go_to(self._newest(clock_min))
        self._reader.newest_day = self.day
        self.minute = self._marked = window.minute
        self._clock = clock_min
        first = ledger.whole()
        oldest = window.minute
        before_nl = caps.day_nl()
        for seq in range(ledger.head - 1, first - 1, -1):
            record = ledger.read(seq)
            if record is None or (record[1] != INTENT and record[1] != MARK):
                continue
            oldest = record[5 if record[1] == INTENT else 3]
            if not window.holds(oldest):
                return
            if record[1] == MARK:
                before_nl = record[5]
            else:
                window.remember(oldest, record[3])
                before_nl -= record[3]
                caps.restart(now_ms)
        if first and before_nl > 0:
            window.remember(oldest, before_nl)

    def _newest(self, clock_min: int) -> int:
        """Known time at this start, minutes: the newest in the book, and what the battery clock adds to its mark."""
        ledger = self._ledger
        minute = 0
        for seq in range(ledger.head - 1, ledger.oldest() - 1, -1):
            record = ledger.read(seq)
            if record is not None and record[1] == INTENT:
                minute = max(minute, record[5])
            elif record is not None and record[1] == MARK:
                self.day = record[6]
                passed = clock_min - record[4] if clock_min and record[4] else 0
                return max(minute, record[3] + max(0, passed))
        return minute
