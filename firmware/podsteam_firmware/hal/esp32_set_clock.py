# SPDX-License-Identifier: Apache-2.0
"""Setting the clock: the DS3231's registers, or a time that is remembered until the next start. Loaded on demand."""

from podsteam_firmware import ticks
from podsteam_firmware.hal.esp32_bus import Part
from podsteam_firmware.hal.esp32_clock import now_ms
from podsteam_protocol.const import const

_DAY_S = const(86400)
_DAYS_TO_2000 = const(10957)
_DAYS_OF_FOUR_YEARS = const(1461)
_LEAP_DAY = const(59)
_MONTHS = b"\x1f\x1c\x1f\x1e\x1f\x1e\x1f\x1f\x1e\x1f\x1e\x1f"
_STATUS = const(15)
_STOPPED = const(0x80)


class Told:
    """A clock that a host has told. It goes with the chip's own, and must be read once in six days."""

    def __init__(self, unix_s: int) -> None:
        self._unix_s = unix_s
        self._at_ms = now_ms()

    def unix_s(self) -> int:
        """Seconds since 1970."""
        passed_s = ticks.diff(now_ms(), self._at_ms) // 1000
        self._unix_s += passed_s
        self._at_ms = ticks.add(self._at_ms, passed_s * 1000)
        return self._unix_s


def _bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def registers(unix_s: int) -> bytearray:
    """The DS3231's first seven registers at a time from 2000 to 2099: 24-hour form, UTC, Monday is day 1."""
    days = unix_s // _DAY_S - _DAYS_TO_2000
    second = unix_s % _DAY_S
    year = days // _DAYS_OF_FOUR_YEARS * 4
    day = days % _DAYS_OF_FOUR_YEARS
    # The first of four years is the leap year.
    leap = day < 366
    if not leap:
        year += 1 + (day - 366) // 365
        day = (day - 366) % 365
    month = 0
    # Without the leap day every year has the same months.
    at_leap_day = leap and day == _LEAP_DAY
    if leap and day >= _LEAP_DAY:
        day -= 1
    while day >= _MONTHS[month]:
        day -= _MONTHS[month]
        month += 1
    # 2000-01-01 was a Saturday.
    date = ((days + 5) % 7 + 1, day + 1 + at_leap_day, month + 1, year)
    return bytearray(_bcd(value) for value in (second % 60, second // 60 % 60, second // 3600) + date)


def set_chip(part: Part, unix_s: int) -> bool:
    """Set the DS3231 and take back that it once stood still. False: it did not take that.

    The seven registers go in one transfer, so that no carry falls between them. The mark that the oscillator stopped
    goes last: a chip that was only half set says that it knows no time.
    """
    if part.write(b"\x00" + registers(unix_s)) < 0 or part.write(b"\x0f") < 0:
        return False
    status = bytearray(1)
    if part.read(status) < 0:
        return False
    return part.write(bytes((_STATUS, status[0] & ~_STOPPED & 0xFF))) > 0
