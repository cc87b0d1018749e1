# SPDX-License-Identifier: Apache-2.0
"""The device's wall clock: told by this computer where that is right, and only then.

A device dates its records by it and judges by it whether a podlet is still good. What it remembers of 24 hours does
not follow it.
"""

import datetime
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from podsteam.errors import UsageProblem, WrongVersion
from podsteam.text import safe
from podsteam.wire import messages as m

if TYPE_CHECKING:
    from podsteam.client import Device

TOLERANCE_S = 60
"""Clocks that differ by less are left alone: each setting takes two records of the device's ledger."""
_DAY_S = 86400
_EPOCH = datetime.date(1970, 1, 1)
FIRST = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
LAST = datetime.datetime(2099, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
"""What a device can be told."""


def parsed(text: str) -> int:
    """An ISO date and time in s since 1970; without an offset it is local. Raises UsageProblem."""
    try:
        at = datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    except (ValueError, OverflowError, OSError) as e:
        raise UsageProblem(f"'{safe(text)}' is no date and time; write it like 2026-11-26T18:30.") from e
    if not FIRST <= at <= LAST:
        raise UsageProblem(f"A device's clock can be set from 2026 to 2099, not to {at:%Y-%m-%d}.")
    return int(at.timestamp())


def utc(unix_s: int) -> str | None:
    """An instant in ISO form, None for 0."""
    return datetime.datetime.fromtimestamp(unix_s, datetime.UTC).isoformat() if unix_s else None


def date(day: int) -> str | None:
    """Days since 1970 as a date, None for 0."""
    return (_EPOCH + datetime.timedelta(days=day)).isoformat() if day else None


def tell(device: "Device", now_s: float | None = None) -> str:
    """Tell a device this computer's time, unless it has it already. Returns a sentence if a person should know.

    Left alone are devices that do not know the request, simulated boards whose time is not this computer's, and those
    that have known a later day: then one of the two clocks is wrong, and a person has to say which.
    """
    if device.port.virtual or device.hello.speed != 1:
        return ""
    at_s = int(time.time() if now_s is None else now_s)
    try:
        known = device.clock()
    except WrongVersion:
        return ""
    if known.unix_s and abs(known.unix_s - at_s) <= TOLERANCE_S:
        return ""
    if known.newest_day > at_s // _DAY_S:
        return (
            f"The device has known {date(known.newest_day)}, and this computer says {date(at_s // _DAY_S)}: "
            "its clock was left alone; `podsteam clock set` sets it all the same."
        )
    device.clock(at_s)
    if not known.unix_s:
        return ""
    return f"The device's clock was {span(known.unix_s - at_s)}; it was set."


def span(seconds: int) -> str:
    """How far a clock is off, in words."""
    size = abs(seconds)
    shown = f"{size} s" if size < 120 else f"{size // 60} min" if size < 7200 else f"{size // 3600} h"
    if size >= 2 * _DAY_S:
        shown = f"{size // _DAY_S} days"
    return f"{shown} {'ahead' if seconds > 0 else 'behind'}"


SOURCE: Mapping[int, str] = {
    m.ClockValue.NONE: "nothing: the device does not know the time",
    m.ClockValue.HOST: "the device itself, until it is switched off",
    m.ClockValue.BATTERY: "its battery clock",
}
"""What keeps the clock, in words."""
