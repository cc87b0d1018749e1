# SPDX-License-Identifier: Apache-2.0
"""What started and why: the reset's cause and the firmware's hash."""

import machine

from podsteam_protocol import messages as m


def reset_cause() -> int:
    """The RESET value. A brown-out shows as power-on, a panic and `machine.reset` as hard reset."""
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


def firmware_hash(path: str) -> bytes:
    """The hash that flashing left in `path`, 16 hexadecimal characters; zeros when missing or malformed."""
    try:
        with open(path) as f:
            found = bytes.fromhex(f.read(17).strip())
    except (OSError, ValueError):
        return bytes(8)
    return found if len(found) == 8 else bytes(8)
