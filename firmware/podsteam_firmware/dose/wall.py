# SPDX-License-Identifier: Apache-2.0
"""Setting the wall clock, in the order that keeps the 24 hours safe from it. Loaded when a host first asks.

The book counts the time without power by the clock's difference from its last mark. So a mark without a clock time is
written first: whatever is cut off after it, the leap never passes for time that went by. Only then is the clock set,
and its new time written down.
"""

from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.dose.book import Book
    from podsteam_firmware.hal.verbs import Hal

_DAY_S = const(86400)
FIRST_DAY = const(20454)
"""2026-01-01: a clock that tells an earlier day was never set."""
LAST_DAY = const(47481)
"""2099-12-31: the last day that a DS3231 can tell."""


def in_range(unix_s: int) -> bool:
    """Whether a device can be told this time."""
    return FIRST_DAY <= unix_s // _DAY_S <= LAST_DAY


def set_clock(hal: "Hal", book: "Book", total_nl: int, unix_s: int) -> int:
    """Set the clock to a time that is `in_range`. `total_nl` is what the 24 hours remember.

    Returns 0, or the CODE of what failed; the clock may be set then, and no time counts as passed.
    """
    if not book.mark(0, total_nl) and hal.ring_size():
        return m.CODE_STORE_FULL
    if not hal.set_clock(unix_s):
        return m.CODE_STORE_FAILED
    book.mark(unix_s // 60, total_nl)
    return 0
