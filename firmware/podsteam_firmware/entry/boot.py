# SPDX-License-Identifier: Apache-2.0
"""What the board runs first, and whatever else fails: everything that heats or doses is off.

A reset leaves the pins floating, and the board pulls them down. But a program that was interrupted, or a
REPL, leaves peripherals running, PWM among them, and both a soft reset and an attached terminal come here. So
this needs nothing but `machine`. `main.py` imports it again, which does the same again.
"""

from machine import PWM, Pin

OFF = (26, 25, 27)
"""SSR, relay heartbeat and valve of `podsteam_firmware.hal.pins`, as numbers: nothing of ours is imported."""


def all_off() -> None:
    """Low, and no PWM behind the pins. The pads are frozen meanwhile: PWM must be started to be ended."""
    for number in OFF:
        Pin(number, Pin.OUT, value=0, hold=True)  # pyright: ignore[reportCallIssue]  # unknown to the stubs
    for number in OFF:
        try:
            PWM(Pin(number), duty_u16=0).deinit()
        except Exception:
            # No PWM channel is free, so this pin has none. It is frozen low in any case.
            pass
        Pin(number, Pin.OUT, value=0, hold=False)  # pyright: ignore[reportCallIssue]


all_off()
