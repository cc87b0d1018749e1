# SPDX-License-Identifier: Apache-2.0
"""The verbs of the hardware: all that the firmware ever asks of the world. Never loaded on the device.

`hal.esp32` is the one door to `machine` and `esp32`; the simulated board (`podsteam_twin.board`) is the other
implementation. No verb blocks for more than 5 ms but `wait` and the store's, none raises in normal use, and
every verb that switches something on ends by itself.
"""

from io import BytesIO
from typing import Protocol

from podsteam_firmware.signals import Inputs


class Store(Protocol):
    """Files by name, the verbs of the HAL's store."""

    def file_read(self, name: str, limit: int = 4096) -> bytes | None:
        """As `Hal.file_read`."""
        ...

    def file_read_at(self, name: str, offset: int, buf: bytearray | memoryview) -> int:
        """As `Hal.file_read_at`."""
        ...

    def file_write(self, name: str, data: bytes | bytearray | memoryview) -> bool:
        """As `Hal.file_write`."""
        ...

    def file_append(self, name: str, data: bytes | bytearray | memoryview) -> bool:
        """As `Hal.file_append`."""
        ...

    def file_remove(self, name: str) -> bool:
        """As `Hal.file_remove`."""
        ...

    def file_list(self, folder: str) -> list[tuple[str, int]]:
        """As `Hal.file_list`."""
        ...


class Growing(Protocol):
    """A new file that is being written."""

    def write(self, data: bytes | bytearray | memoryview) -> bool:
        """More of it. Durable only when it is closed. False: it failed."""
        ...

    def close(self) -> bool:
        """Make what was written durable. False: it failed."""
        ...


class Root(Store, Protocol):
    """The whole file system, slots included."""

    def file_grow(self, name: str) -> "Growing | None":
        """Begin a new file, folders made as needed; None: that failed. Close it whatever happens."""
        ...

    def folder_list(self, folder: str) -> list[str]:
        """Names of the folders in a folder; empty when there is none."""
        ...


class Inflater(Protocol):
    """The bytes of a packed stream, one after the other."""

    def readinto(self, buf: memoryview) -> int | None:
        """Fill `buf`, or as much of it as there is before the stream's end. Returns how many bytes.

        Raises an exception for what is no such stream, or when its bytes are not all there.
        """
        ...


class Work(Protocol):
    """Work in slices between the ticks."""

    def step(self) -> bool:
        """One slice, 5 ms at most. True while there is more to do at once."""
        ...


class Hal(Protocol):
    """The hardware's verbs. Times in ms wrap at 2^30."""

    uid: bytes
    """The chip's own address, 6 bytes."""
    boot_id: int
    """Random for each start, 30 bits, not 0."""
    reset_cause: int
    """A RESET value of the protocol."""
    caps: int
    """CAP bits of the protocol."""
    speed: int
    """Device seconds in a wall-clock second: 1 on hardware."""
    board: str
    """Name of the board, at most 16 characters."""
    firmware_hash: bytes
    """First 8 bytes of the SHA-256 over the firmware's files, written into the device when it was flashed."""
    rx_window: int
    """Bytes that the link's receive buffer holds."""
    slot: int
    """The slot that runs, 0 or 1; 2: there are no slots."""

    # Clock ------------------------------------------------------------------------------------------------
    def now_ms(self) -> int:
        """Device time."""
        ...

    def wait(self, until_ms: int) -> int:
        """Sleep until `until_ms` or an I/O event, whichever is first. Returns the bits of what happened, 0: time."""
        ...

    def unix_s(self) -> int:
        """Wall-clock time in s, 0 when the device has no clock that was ever set."""
        ...

    def set_clock(self, unix_s: int) -> bool:
        """Set the battery clock, or where there is none remember the time until the next start. False: it failed.

        `unix_s` is from 2000 to 2099. Only `dose/wall.py` may call it: the 24 hours depend on the order.
        """
        ...

    # Sensing ----------------------------------------------------------------------------------------------
    def sample(self, inputs: Inputs) -> None:
        """Fill an `Inputs`. Allocates nothing."""
        ...

    # Element ----------------------------------------------------------------------------------------------
    def burst(self, pattern: int, cycles: int, cycle_us: int) -> None:
        """Switch the element by whole mains cycles: bit i of `pattern` is cycle i, `cycles` of them (1 to 25).

        `cycle_us` is the mains period (20000 or 16667). The pattern is at most 0.5 s long and ends off, by
        hardware, whatever becomes of the interpreter. Its edges fall in the middle of half-cycles, where a
        zero-crossing relay ignores them. Not to be called while `burst_busy`: the RMT would block.
        """
        ...

    def burst_busy(self) -> bool:
        """Whether a burst is being sent."""
        ...

    def burst_abort(self) -> None:
        """End a burst now: the pin is reclaimed as GPIO, low. Always safe to call."""
        ...

    def heartbeat(self) -> None:
        """One edge on the relay's charge pump. The relay opens 0.12 to 0.25 s after the last edge."""
        ...

    # Valve ------------------------------------------------------------------------------------------------
    def valve_pulse(self, width_us: int) -> None:
        """Open the valve for `width_us` (1,000 to 1,000,000), ended by hardware. Not while `valve_busy`."""
        ...

    def valve_busy(self) -> bool:
        """Whether a pulse is being sent."""
        ...

    def valve_abort(self) -> None:
        """End a pulse now. Always safe to call."""
        ...

    # Signs ------------------------------------------------------------------------------------------------
    def light(self, lamps: int) -> None:
        """Light these lamps of the status light and no others: red 1, green 2, blue 4. The tick plays the rhythm."""
        ...

    def beep(self, sound: int) -> None:
        """Play a SOUND word: bit i is 100 ms from 100 i ms on, 8 of them; ended by hardware. Not while one plays."""
        ...

    # Podlet reader (I2C of its own) -----------------------------------------------------------------------
    def nfc_write(self, buf: bytearray, length: int) -> int:
        """Send `buf[:length]` to the reader. Returns the bytes taken, or a negative errno (-5 EIO, -110 ETIMEDOUT)."""
        ...

    def nfc_read(self, buf: bytearray, length: int) -> int:
        """Read `length` bytes into `buf`; the first is the reader's ready byte. Returns bytes or a negative errno."""
        ...

    def nfc_ready(self) -> bool:
        """The reader's interrupt line: an ACK or answer waits."""
        ...

    def nfc_reset(self, active: bool) -> None:
        """Drive the reader's reset line: True holds it in reset."""
        ...

    # Link -------------------------------------------------------------------------------------------------
    def link_read(self, buf: bytearray) -> int:
        """Bytes that have arrived, at most `len(buf)`, into `buf`. Returns how many; never blocks."""
        ...

    def link_write(self, buf: bytearray, length: int) -> int:
        """Queue `buf[:length]` whole, or take nothing. Returns `length` or 0; never blocks."""
        ...

    def link_busy_ms(self) -> int:
        """Time until all that is queued has left, ms, rounded up."""
        ...

    def link_rate(self, baud: int) -> int:
        """The line's rate, bit/s, after it was set to `baud` while nothing was queued; 0 only asks."""
        ...

    # Store (littlefs). A name is a path like "programs/gentle"; folders are made as needed. -----------------
    def file_read(self, name: str, limit: int = 4096) -> bytes | None:
        """The file's bytes (at most `limit`), or None when there is none."""
        ...

    def file_read_at(self, name: str, offset: int, buf: bytearray | memoryview) -> int:
        """Bytes from `offset` into `buf`. Returns how many, or a negative errno."""
        ...

    def file_write(self, name: str, data: bytes | bytearray | memoryview) -> bool:
        """Replace the file whole: a temporary file and a rename, so a power cut leaves the old or the new."""
        ...

    def file_append(self, name: str, data: bytes | bytearray | memoryview) -> bool:
        """Append and make durable."""
        ...

    def file_remove(self, name: str) -> bool:
        """Remove; False when there was none."""
        ...

    def file_list(self, folder: str) -> list[tuple[str, int]]:
        """Sorted list of (name, size) in a folder; empty when there is none."""
        ...

    # Ledger ring: a raw partition of its own, in sectors of 4096 bytes --------------------------------------
    def ring_size(self) -> int:
        """Its bytes; 0: there is none, and the other three refuse."""
        ...

    def ring_read(self, offset: int, buf: bytearray) -> int:
        """Fill `buf` from byte `offset` on. Returns `len(buf)`, or a negative errno. Allocates nothing."""
        ...

    def ring_program(self, offset: int, buf: bytearray, length: int) -> bool:
        """Program `buf[:length]` at byte `offset`, within one sector: bits can only be cleared. 60 us for 32 bytes.

        Allocates nothing when `length` is that of `buf`. False: it failed, perhaps half-way.
        """
        ...

    def ring_erase(self, sector: int) -> bool:
        """Set a sector to ones. Stops the interpreter for 45 to 400 ms: only while the relay is open."""
        ...

    # System -----------------------------------------------------------------------------------------------
    def feed(self) -> None:
        """Feed the watchdog (1 s)."""
        ...

    def root_files(self) -> "Root":
        """The whole file system; only for an update and its trial."""
        ...

    def inflate(self, source: "BytesIO", window: int) -> "Inflater":
        """What comes out of a stream of raw deflate that looks back by 2 to the power of `window`; it is read from
        `source` byte by byte, never ahead. Raises ImportError where the interpreter has no `deflate`."""
        ...

    def random(self) -> int:
        """30 random bits."""
        ...

    def reset(self) -> None:
        """Restart the chip. Raises what ends the loop: SystemExit, or `Restart` on the simulated board."""
        ...
