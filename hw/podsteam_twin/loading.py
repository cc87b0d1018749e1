# SPDX-License-Identifier: Apache-2.0
"""The boot path of the simulated board: the real loader chooses, over slots whose state the options say.

Without the option `slots` a board starts its firmware at once, as if it were the only one. With it, `slots` holds the
state of slot a and of slot b: `good` (the firmware), `corrupt`, `empty`, or one whose files are all right and whose
application `raises` or `hangs`. `files` stands for what the simulated flash holds of the slot: an update can change
it, and slot a is filled when it is empty. What runs from such a slot is the firmware all the same, unless the file
podsteam_firmware/core.mpy in it begins with the word raises or hangs. `boot_record` and `mark` (hex) are what the
loader finds stored, `update_key` (hex) the key that the unit trusts.
"""

import binascii
import hashlib

from podsteam_firmware import VERSION
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
    from podsteam_twin.files import FileStore
    from podsteam_twin.world import World

RUNS = {"good": slots.GOOD, "corrupt": slots.CORRUPT, "empty": slots.EMPTY, "raises": slots.GOOD, "hangs": slots.GOOD}
FILES = "files"

_CORE = "/podsteam_firmware/core.mpy"

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
        if self._loading.slots[slot] == FILES:
            return in_files(self._loading.files, "ab"[slot], deep)
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


def in_files(files: "FileStore", folder: str, deep: bool) -> int:
    """State of the slot in a folder of the simulated flash, as `slots.state` has it on the device."""
    raw = files.file_read(folder + "/manifest", 1 << 20)
    if raw is None:
        return slots.EMPTY
    lines = raw.split(b"\n")
    body = b"\n".join(lines[:-2]) + b"\n"
    if lines[0] != b"podsteam-slot 1" or lines[-2:] != [b"end %08x" % binascii.crc32(body), b""]:
        return slots.CORRUPT
    listed = 1
    for line in lines:
        if line[:5] == b"file ":
            _, size, digest, path = line.decode().split(" ")
            data = files.file_read(folder + "/" + path, 1 << 20)
            if data is None or len(data) != int(size):
                return slots.CORRUPT
            if deep and hashlib.sha256(data).digest() != binascii.unhexlify(digest):
                return slots.CORRUPT
            listed += 1
    return slots.GOOD if listed > 1 and listed == _count(files, folder) else slots.CORRUPT


def _count(files: "FileStore", folder: str) -> int:
    """Files below a folder."""
    count = len(files.file_list(folder))
    for name in files.folder_list(folder):
        count += _count(files, folder + "/" + name)
    return count


def fill(files: "FileStore", folder: str, version: str, content: bytes) -> None:
    """Put an application of one file into a slot."""
    digest = binascii.hexlify(hashlib.sha256(content).digest()).decode()
    body = ("podsteam-slot 1\nversion %s\nfile %d %s %s\n" % (version, len(content), digest, _CORE[1:])).encode()
    files.file_write(folder + _CORE, content)
    files.file_write(folder + "/manifest", body + b"end %08x\n" % binascii.crc32(body))


class Loading:
    """What outlives the starts: the slots, and the memory that keeps the mark."""

    def __init__(self, options: "dict[str, Any]", world: "World") -> None:
        self.slots: "list[str]" = options["slots"]
        known = sorted(RUNS) + [FILES]
        if len(self.slots) != 2 or self.slots[0] not in known or self.slots[1] not in known:
            raise ValueError("slots: the states of two, each %s" % ", ".join(known))
        self._world = world
        self.files = world.files
        if self.slots[0] == FILES and in_files(self.files, "a", False) == slots.EMPTY:
            fill(self.files, "a", "%d.%d.%d" % VERSION, b"the firmware")
        self.memory = binascii.unhexlify(options.get("mark", ""))
        self.slot = ""
        """The slot that runs, "" in safe mode."""
        self._watch: "Watch | None" = None
        if "update_key" in options:
            world.files.file_write("update_key", binascii.unhexlify(options["update_key"]))
        if "boot_record" in options:
            world.files.file_write("boot_record", binascii.unhexlify(options["boot_record"]))

    def start(self, hal: "BoardHal", words: "list[str]") -> "Safe | Raises | Hangs | None":
        """Choose. Returns what runs in place of the firmware; None when that does."""
        board = TwinBoard(self, hal, words)
        self.slot, self._watch = start(board)
        if not self.slot:
            return Safe(board)
        runs = self.slots["ab".find(self.slot)]
        if runs == FILES:
            first = (self.files.file_read(self.slot + _CORE, 6) or b"").decode()
            runs = first if first in ("raises", "hangs") else first[:5]
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
