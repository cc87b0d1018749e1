# SPDX-License-Identifier: Apache-2.0
"""The I2C buses: the podlet reader's own, and the one of the expander (lights, switches) and the clock.

The timeout covers a PN532 that stretches the clock (440 us and more were seen; ESP-IDF's default is 100 us).
Up to MicroPython 1.28 it is the longest stretch and 13.1 ms at most; later it is the whole transfer's and
counts in system ticks of 10 ms, so that less than 20 ms would time out at once. A stuck bus costs that much
once, then it is left alone for a while: the ticks must go on.
"""

from machine import I2C, Pin

from podsteam_firmware import ticks
from podsteam_firmware.hal import pins
from podsteam_firmware.hal.esp32_clock import now_ms
from podsteam_protocol.const import const

EIO = const(-5)
"""Nobody answered, or the bus failed."""
ETIMEDOUT = const(-110)
"""The bus was held, or is left alone after that."""
_TIMEOUT_US = const(20_000)
_LONG_MS = const(8)
"""Longer than a transfer of 250 bytes at 400 kHz, shorter than any timeout."""
_REST_MS = const(200)


class Bus:
    """An I2C bus that rests after a timeout.

    A fault that took long to show is a timeout: the port's versions do not agree on its number.
    """

    def __init__(self, number: int, sda: int, scl: int, freq: int) -> None:
        self.i2c = I2C(number, sda=Pin(sda), scl=Pin(scl), freq=freq, timeout=_TIMEOUT_US)
        self._began_ms = 0
        self._resting = False

    def retry(self) -> None:
        """End the rest: something was done about the fault."""
        self._resting = False

    def rests(self) -> bool:
        """Whether the bus is to be left alone; otherwise a transfer begins now."""
        at_ms = now_ms()
        if self._resting and ticks.diff(at_ms, self._began_ms) < _REST_MS:
            return True
        self._resting = False
        self._began_ms = at_ms
        return False

    def failed(self) -> int:
        """The transfer that began last failed: with which errno."""
        if ticks.diff(now_ms(), self._began_ms) < _LONG_MS:
            return EIO
        self._resting = True
        return ETIMEDOUT


class Part:
    """What answers to one address on a bus. Its faults are numbers."""

    def __init__(self, bus: Bus, address: int) -> None:
        self._bus = bus
        self._i2c = bus.i2c
        self._address = address

    def write(self, buf: "bytes | bytearray | memoryview") -> int:
        """Write all of `buf`. Returns its length, or a negative errno."""
        if self._bus.rests():
            return ETIMEDOUT
        try:
            self._i2c.writeto(self._address, buf)  # pyright: ignore[reportUnknownMemberType]
        except OSError:
            return self._bus.failed()
        return len(buf)

    def read(self, buf: "bytearray | memoryview") -> int:
        """Fill `buf`. Returns its length, or a negative errno."""
        if self._bus.rests():
            return ETIMEDOUT
        try:
            self._i2c.readfrom_into(self._address, buf)  # pyright: ignore[reportUnknownMemberType]
        except OSError:
            return self._bus.failed()
        return len(buf)


class Panel:
    """The expander: lights and switches. A switch that cannot be read counts as open: never the good state."""

    def __init__(self, bus: Bus) -> None:
        self._part = Part(bus, pins.EXPANDER)
        self._buf = bytearray(1)
        self.light(0)

    def light(self, lights: int) -> None:
        """Light the given ones of RED, GREEN, BLUE. The switches' bits stay 1, which makes them inputs."""
        self._buf[0] = 0xFF & ~lights
        self._part.write(self._buf)

    def closed(self) -> int:
        """Bits of the closed switches."""
        if self._part.read(self._buf) < 0:
            return 0
        return ~self._buf[0] & (pins.WATER_OK | pins.LATCHED | pins.UPRIGHT | pins.DRAINED)


_DAYS = b"\0\0\x1f\x3b\x5a\x78\x97\xb5\xd4\xf3"
_DAYS_BEFORE_OCTOBER = const(273)
_DAYS_TO_2000 = const(10957)


def _day_of_year(month: int, day: int, leap: bool) -> int:
    """Days since 1 January."""
    before = _DAYS[month] if month < 10 else _DAYS_BEFORE_OCTOBER + (0, 31, 61)[month - 10]
    return before + day - 1 + (leap and month > 2)


def _decimal(bcd: int) -> int:
    return (bcd >> 4) * 10 + (bcd & 15)


class Clock:
    """The DS3231 with its battery."""

    def __init__(self, bus: Bus) -> None:
        self.part = Part(bus, pins.CLOCK)
        self._buf = bytearray(16)

    def present(self) -> bool:
        """Whether the chip answers. Reads its registers."""
        return self.part.write(b"\0") > 0 and self.part.read(self._buf) > 0

    def unix_s(self) -> int:
        """Seconds since 1970; 0 when the chip, which keeps UTC, is silent, was never set or stood still since."""
        buf = self._buf
        # Bit 7 of register 15: the oscillator stopped. Bit 6 of register 2: 12-hour form, which nobody here sets.
        if not self.present() or buf[15] & 0x80 or buf[2] & 0x40:
            return 0
        month = _decimal(buf[5] & 0x1F)
        day = _decimal(buf[4] & 0x3F)
        if not 1 <= month <= 12 or not 1 <= day <= 31:
            return 0
        year = _decimal(buf[6])
        # 2000 to 2099: every fourth year is a leap year.
        days = _DAYS_TO_2000 + year * 365 + (year + 3 >> 2) + _day_of_year(month, day, year & 3 == 0)
        return (days * 24 + _decimal(buf[2] & 0x3F)) * 3600 + _decimal(buf[1]) * 60 + _decimal(buf[0])
