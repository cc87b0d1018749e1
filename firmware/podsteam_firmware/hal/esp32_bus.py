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
_NEWLIB_ETIMEDOUT = const(116)
_LINUX_ETIMEDOUT = const(110)
_TIMEOUT_US = const(20_000)
_REST_MS = const(200)


class Bus:
    """An I2C bus whose faults are numbers, and which rests after a timeout."""

    def __init__(self, number: int, sda: int, scl: int, freq: int) -> None:
        self._i2c = I2C(number, sda=Pin(sda), scl=Pin(scl), freq=freq, timeout=_TIMEOUT_US)
        self._resting = False
        self._rest_until_ms = 0

    def retry(self) -> None:
        """End the rest: something was done about the fault."""
        self._resting = False

    def _rests(self) -> bool:
        if self._resting and ticks.due(now_ms(), self._rest_until_ms):
            self._resting = False
        return self._resting

    def _failed(self, error: OSError) -> int:
        if error.errno not in (_NEWLIB_ETIMEDOUT, _LINUX_ETIMEDOUT):
            return EIO
        self._resting = True
        self._rest_until_ms = ticks.add(now_ms(), _REST_MS)
        return ETIMEDOUT

    def write(self, address: int, buf: "bytearray | memoryview") -> int:
        """Write all of `buf`. Returns its length, or a negative errno."""
        if self._rests():
            return ETIMEDOUT
        try:
            self._i2c.writeto(address, buf)  # pyright: ignore[reportUnknownMemberType]
        except OSError as e:
            return self._failed(e)
        return len(buf)

    def read(self, address: int, buf: "bytearray | memoryview") -> int:
        """Fill `buf`. Returns its length, or a negative errno."""
        if self._rests():
            return ETIMEDOUT
        try:
            self._i2c.readfrom_into(address, buf)  # pyright: ignore[reportUnknownMemberType]
        except OSError as e:
            return self._failed(e)
        return len(buf)

    def read_from(self, address: int, register: int, buf: bytearray) -> int:
        """Fill `buf` from `register` on. Returns its length, or a negative errno."""
        if self._rests():
            return ETIMEDOUT
        try:
            self._i2c.readfrom_mem_into(address, register, buf)  # pyright: ignore[reportUnknownMemberType]
        except OSError as e:
            return self._failed(e)
        return len(buf)


class Panel:
    """The expander: lights and switches. A switch that cannot be read counts as open: never the good state."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._buf = bytearray(1)
        self.light(0)

    def light(self, lights: int) -> None:
        """Light the given ones of RED, GREEN, BLUE. The switches' bits stay 1, which makes them inputs."""
        self._buf[0] = 0xFF & ~lights
        self._bus.write(pins.EXPANDER, self._buf)

    def closed(self) -> int:
        """Bits of the closed switches."""
        if self._bus.read(pins.EXPANDER, self._buf) < 0:
            return 0
        return ~self._buf[0] & (pins.WATER_OK | pins.LATCHED | pins.UPRIGHT)


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
        self._bus = bus
        self._buf = bytearray(16)

    def present(self) -> bool:
        """Whether the chip answers."""
        return self._bus.read_from(pins.CLOCK, 0, self._buf) > 0

    def unix_s(self) -> int:
        """Seconds since 1970; 0 when the chip, which keeps UTC, is silent, was never set or stood still since."""
        buf = self._buf
        # Bit 7 of register 15: the oscillator stopped. Bit 6 of register 2: 12-hour form, which nobody here
        # sets.
        if self._bus.read_from(pins.CLOCK, 0, buf) < 0 or buf[15] & 0x80 or buf[2] & 0x40:
            return 0
        month = _decimal(buf[5] & 0x1F)
        day = _decimal(buf[4] & 0x3F)
        if not 1 <= month <= 12 or not 1 <= day <= 31:
            return 0
        year = _decimal(buf[6])
        # 2000 to 2099: every fourth year is a leap year.
        days = _DAYS_TO_2000 + year * 365 + (year + 3 >> 2) + _day_of_year(month, day, year & 3 == 0)
        return (days * 24 + _decimal(buf[2] & 0x3F)) * 3600 + _decimal(buf[1]) * 60 + _decimal(buf[0])
