# SPDX-License-Identifier: Apache-2.0
"""The loader's own door to the ESP32: files, the RTC memory, the watchdog, and the line to the host for safe mode.

A slot's drivers cannot be trusted when the slot is what is broken, so the loader brings what little it needs.
"""

import os
from time import sleep_ms, ticks_ms

import machine
import micropython
from machine import I2C, RTC, UART, WDT, Pin

from podsteam_loader import slots
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_loader.verbs import Board
else:
    # The contract is for the type checker: the device never loads it.
    Board = object

_WATCHDOG_MS = const(10_000)
"""Until the application's first tick, as its own HAL sets it: a slot that hangs while it is imported is reset too."""
_BAUD = const(115200)
_TX = const(1)
_RX = const(3)
_BUFFER = const(4096)
_LOOK_MS = const(5)
_SDA = const(17)
_SCL = const(32)
_EXPANDER = const(0x20)
"""0: the board has none, and its pins are left alone."""
_I2C_US = const(20_000)
"""As `hal/esp32_bus` of the application has it, for all versions of the port."""
_TICKS = const(0x3FFFFFFF)


class Esp32Board(Board):
    """The verbs on the reference board. Constructing it starts the watchdog, which nothing stops."""

    caps = 0
    speed = 1
    rx_window = _BUFFER

    def __init__(self, root: str = "/") -> None:
        """`root`: where the file system is mounted, with a slash at its end."""
        self._watchdog = WDT(timeout=_WATCHDOG_MS)
        self._root = root
        self._rtc = RTC()
        self._uart: UART | None = None
        self._bus: I2C | None = None
        self.uid = machine.unique_id()
        four = os.urandom(4)
        self.boot_id = ((four[0] & 0x3F) << 24 | four[1] << 16 | four[2] << 8 | four[3]) or 1
        self.reset_cause = _reset_cause()

    def folder(self, name: str) -> str:
        """Path of the slot of this name."""
        return self._root + name

    def slot_state(self, slot: int, deep: bool) -> int:
        """As the verb."""
        self.feed()
        return slots.state(self.folder("ab"[slot]), deep)

    def file_read(self, name: str, limit: int = 4096) -> "bytes | None":
        """As the verb."""
        try:
            with open(self._root + name, "rb") as f:
                return f.read(limit)
        except OSError:
            return None

    def file_write(self, name: str, data: bytes) -> bool:
        """As the verb."""
        path = self._root + name
        try:
            with open(path + ".tmp", "wb") as f:
                f.write(data)
            os.rename(path + ".tmp", path)
        except OSError:
            return False
        return True

    def last_words(self) -> bytes:
        """As the verb."""
        return self.file_read("data/last_words", 2048) or b""

    def memory(self) -> bytes:
        """As the verb."""
        return self._rtc.memory()

    def keep(self, data: bytes) -> None:
        """As the verb."""
        self._rtc.memory(data)

    def open_link(self) -> None:
        """As the verb: UART 1 on the USB bridge's pins, in place of the REPL. A 0x03 interrupts nothing any more."""
        micropython.kbd_intr(-1)
        self._uart = UART(1, baudrate=_BAUD, tx=_TX, rx=_RX, rxbuf=_BUFFER, txbuf=_BUFFER, timeout=0)

    def link_read(self, buf: bytearray) -> int:
        """As the verb."""
        uart = self._uart
        if uart is None or uart.any() <= 0:
            return 0
        return uart.readinto(buf) or 0

    def link_write(self, buf: bytearray, length: int) -> int:
        """As the verb, but waits for room: at most 0.4 s, and nothing is on meanwhile."""
        if self._uart is not None:
            # MicroPython's streams take a length, which saves a slice.
            self._uart.write(buf, length)  # pyright: ignore[reportCallIssue]
        return length

    def light(self, lamps: int) -> None:
        """As the verb: one byte to the expander, whose switches stay inputs. Safe mode can do without an answer."""
        if not _EXPANDER:
            return
        try:
            if self._bus is None:
                self._bus = I2C(1, sda=Pin(_SDA), scl=Pin(_SCL), freq=100_000, timeout=_I2C_US)
            self._bus.writeto(_EXPANDER, bytes((0xFF & ~lamps,)))  # pyright: ignore[reportUnknownMemberType]
        except Exception:
            # Safe mode answers a host whatever the expander does.
            pass

    def now_ms(self) -> int:
        """As the verb."""
        return ticks_ms()  # pyright: ignore[reportReturnType]  # the stubs hide that ticks are integers

    def wait(self, until_ms: int) -> int:
        """As the verb."""
        while (until_ms - self.now_ms() - 1) & _TICKS < _TICKS >> 1:
            if self._uart is not None and self._uart.any() > 0:
                break
            sleep_ms(_LOOK_MS)
        return 0

    def feed(self) -> None:
        """As the verb."""
        self._watchdog.feed()


def _reset_cause() -> int:
    """The RESET value. A brown-out and the reset pin show as power-on, a panic and `machine.reset` as hard reset."""
    cause = machine.reset_cause()
    if cause == machine.PWRON_RESET:
        return m.RESET_POWER_ON
    if cause == machine.HARD_RESET:
        return m.RESET_HARD
    if cause == machine.WDT_RESET:
        return m.RESET_WATCHDOG
    if cause == machine.DEEPSLEEP_RESET:
        return m.RESET_DEEP_SLEEP
    if cause == machine.SOFT_RESET:
        return m.RESET_SOFT
    return m.RESET_UNKNOWN
