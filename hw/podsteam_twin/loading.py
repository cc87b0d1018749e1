# SPDX-License-Identifier: Apache-2.0
"""The boot path of the simulated board: the real loader chooses, over slots whose state the options say.

Without the option `slots` a board starts its firmware at once, as if it were the only one. With it, `slots` holds the
state of slot a and of slot b: `good` (the firmware), `corrupt`, `empty`, or one whose files are all right and whose
application `raises` or `hangs`. `boot_record` and `mark` (hex) are what the loader finds stored.
"""

import binascii

from podsteam_loader import slots
from podsteam_loader.safe import Safe
from podsteam_loader.start import start
from podsteam_protocol import messages as m

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podsteam_loader.mark import Watch
    from podsteam_twin.board import BoardHal
    from podsteam_twin.world import World

RUNS = {"good": slots.GOOD, "corrupt": slots.CORRUPT, "empty": slots.EMPTY, "raises": slots.GOOD, "hangs": slots.GOOD}

_HANG_US = 50_000


class Raises:
    """An application that ends with an exception in its first turn."""

    def turn(self) -> None:
        """Raises ValueError."""
        raise ValueError("an application that cannot run")


class Hangs:
    """An application that never comes to a tick, so that nobody feeds the watchdog."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def turn(self) -> None:
        """Let time pass, whatever comes on the line."""
        self._world.pass_time(_HANG_US)


class TwinBoard:
    """The loader's verbs over the simulated board's, for one start."""

    def __init__(self, loading: "Loading", hal: "BoardHal", words: "list[str]") -> None:
        self._loading = loading
        self._words = words
        self.uid = hal.uid
        self.boot_id = hal.boot_id
        self.reset_cause = hal.reset_cause
        self.caps = m.CAP_SIMULATED
        self.speed = hal.speed
        self.rx_window = hal.rx_window
        self.file_read = hal.file_read
        self.file_write = hal.file_write
        self.link_read = hal.link_read
        self.link_write = hal.link_write
        self.now_ms = hal.now_ms
        self.wait = hal.wait
        self.feed = hal.feed
        self.light = hal.light

    def slot_state(self, slot: int, deep: bool) -> int:
        """As the verb: what the option says. A corrupt slot shows only when it is read to the end."""
        known = RUNS[self._loading.slots[slot]]
        return slots.GOOD if known == slots.CORRUPT and not deep else known

    def memory(self) -> bytes:
        """As the verb."""
        return self._loading.memory

    def keep(self, data: bytes) -> None:
        """As the verb."""
        self._loading.memory = data

    def last_words(self) -> bytes:
        """As the verb."""
        return self._words[-1].encode() if self._words else b""

    def open_link(self) -> None:
        """As the verb. The line is open."""


class Loading:
    """What outlives the starts: the slots, and the memory that keeps the mark."""

    def __init__(self, options: "dict[str, Any]", world: "World") -> None:
        self.slots: "list[str]" = options["slots"]
        if len(self.slots) != 2 or self.slots[0] not in RUNS or self.slots[1] not in RUNS:
            raise ValueError("slots: the states of two, each %s" % ", ".join(sorted(RUNS)))
        self._world = world
        self.memory = binascii.unhexlify(options.get("mark", ""))
        self.slot = ""
        """The slot that runs, "" in safe mode."""
        self._watch: "Watch | None" = None
        if "boot_record" in options:
            world.files.file_write("boot_record", binascii.unhexlify(options["boot_record"]))

    def start(self, hal: "BoardHal", words: "list[str]") -> "Safe | Raises | Hangs | None":
        """Choose. Returns what runs in place of the firmware; None when that does."""
        board = TwinBoard(self, hal, words)
        self.slot, self._watch = start(board)
        if not self.slot:
            return Safe(board)
        runs = self.slots["ab".find(self.slot)]
        if runs == "raises":
            return Raises()
        return Hangs(self._world) if runs == "hangs" else None

    def turned(self, now_ms: int) -> None:
        """As `Watch.turned`."""
        if self._watch is not None and self.slot:
            self._watch.turned(now_ms)

    def ended(self, error: BaseException) -> None:
        """As `Watch.ended`."""
        if self._watch is not None:
            self._watch.ended(error)
