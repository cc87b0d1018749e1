# SPDX-License-Identifier: Apache-2.0
"""The chip's clocks as plain integers that wrap at 2^30: ms after 12.4 days, us after 17.9 minutes.

Arithmetic on either is `podsteam_firmware.ticks`: differences in us are right up to 8.9 minutes.
"""

from time import sleep_ms as sleep_ms
from time import ticks_ms, ticks_us


def now_ms() -> int:
    """Milliseconds since some moment."""
    return ticks_ms()  # pyright: ignore[reportReturnType]  # the stubs hide that ticks are integers


def now_us() -> int:
    """Microseconds since some moment."""
    return ticks_us()  # pyright: ignore[reportReturnType]
