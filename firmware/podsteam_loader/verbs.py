# SPDX-License-Identifier: Apache-2.0
"""What the loader asks of the board. Never loaded on the device.

`esp32` implements it on the board, `podsteam_twin.loading` on the simulated one.
"""

from typing import Protocol


class Files(Protocol):
    """Small files by name."""

    def file_read(self, name: str, limit: int = 4096) -> bytes | None:
        """The file's bytes (at most `limit`), or None when there is none."""
        ...

    def file_write(self, name: str, data: bytes) -> bool:
        """Replace the file whole: a temporary file and a rename, so a power cut leaves the old or the new."""
        ...


class Memory(Protocol):
    """A few bytes that survive every reset but not a power cut. Nothing checks them: they may be garbage."""

    def memory(self) -> bytes:
        """What was kept last."""
        ...

    def keep(self, data: bytes) -> None:
        """Keep `data` in its place. Erases no flash."""
        ...


class Board(Files, Memory, Protocol):
    """All that choosing a slot and safe mode need."""

    uid: bytes
    """The chip's own address, 6 bytes."""
    boot_id: int
    """Random for each start, 30 bits, not 0."""
    reset_cause: int
    """A RESET value of the protocol."""
    caps: int
    """CAP bits that hold in safe mode too: SIMULATED."""
    speed: int
    """Device seconds in a wall-clock second: 1 on hardware."""
    rx_window: int
    """Bytes that the link's receive buffer holds."""

    def slot_state(self, slot: int, deep: bool) -> int:
        """State of a slot, as `slots.state`."""
        ...

    def last_words(self) -> bytes:
        """Why the firmware ended last, as text; empty when nothing is kept."""
        ...

    def open_link(self) -> None:
        """Take the line to the host over."""
        ...

    def link_read(self, buf: bytearray) -> int:
        """Bytes that have arrived, at most `len(buf)`, into `buf`. Returns how many."""
        ...

    def link_write(self, buf: bytearray, length: int) -> int:
        """Queue `buf[:length]` whole, or take nothing. Returns `length` or 0."""
        ...

    def light(self, lamps: int) -> None:
        """Light these lamps of the status light and no others: red 1, green 2, blue 4. Never raises."""
        ...

    def now_ms(self) -> int:
        """Device time, wraps at 2^30."""
        ...

    def wait(self, until_ms: int) -> int:
        """Sleep until `until_ms` or until bytes arrive, whichever is first."""
        ...

    def feed(self) -> None:
        """Feed the watchdog."""
        ...
