# SPDX-License-Identifier: Apache-2.0
"""Opening and closing a serial port so that DTR and RTS never reset the board.

The usual ESP32 board has two crossed transistors between the USB bridge and the chip. With the levels as a
program sees them (1: asserted, the bridge's pin is low) they do this:

    DTR RTS   EN    GPIO0
     0   0    high  high    runs
     1   1    high  high    runs
     0   1    LOW   high    held in reset
     1   0    high  LOW     runs on; a reset in this state ends in the ROM loader

So RTS may be asserted only while DTR is. An operating system changes lines of its own accord too: a POSIX
kernel asserts both together when the port is opened and, with HUPCL set, drops both together at the last
close; Windows applies the port's configuration at open, RTS before DTR, and drops DTR before RTS at close.

Therefore: both asserted while open; before the close RTS is released first, then DTR, so that nothing is left
for the system to drop. On Windows RTS is not in the configuration but follows after the open. `usbser.sys`
sends both lines only when DTR is written, hence DTR once more.

Known from published sources: the circuit (schematics of the makers' boards), what kernels do (their sources,
logs of Windows' requests). Recorded by the test: what pyserial does. A model, not a measurement: that two
lines changed by one request change within a microsecond, and how long a board's EN capacitor bridges. A
process that is killed on Windows cannot release anything: the board may be reset then.
"""

import os
import time
from typing import Protocol


class LinePort(Protocol):
    """What is needed of a `serial.Serial`. It must have neither `rtscts` nor `dsrdtr` set."""

    dtr: bool
    rts: bool

    def open(self) -> None:
        """Open the port that was configured before."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


_WINDOWS = os.name == "nt"
RESET_S = 0.1
"""How long the chip is held in reset, and left alone after it: many times what EN's capacitor takes."""


def assert_lines(port: LinePort, windows: bool = _WINDOWS) -> None:
    """Before `port.open()`: what the open is to do to the lines. `settle_lines` must follow it."""
    port.dtr = True
    port.rts = not windows


def settle_lines(port: LinePort, windows: bool = _WINDOWS) -> None:
    """Right after `port.open()`. Raises OSError when the port has vanished."""
    if windows:
        port.rts = True
        port.dtr = True


def release_lines(port: LinePort) -> None:
    """Before `port.close()`. Raises OSError for a port that has vanished or has no such lines.

    Nothing is done after a failure: dropping DTR when RTS could not be dropped would pass through the reset
    state.
    """
    port.rts = False
    port.dtr = False


def reset_board(port: LinePort) -> None:
    """Reset the board behind an open port on purpose, into its program. Raises OSError for a vanished port.

    From both asserted: DTR is released first (held in reset), then RTS (runs, GPIO0 high), then both come back.
    """
    port.dtr = False
    time.sleep(RESET_S)
    port.rts = False
    time.sleep(RESET_S)
    port.dtr = True
    port.rts = True


def open_port(port: LinePort, windows: bool = _WINDOWS) -> None:
    """Open a configured, closed port without resetting the board. Raises what `port.open` raises."""
    assert_lines(port, windows)
    port.open()
    settle_lines(port, windows)


def close_port(port: LinePort) -> None:
    """Close an open port without resetting the board. One that has vanished or has no such lines is closed too."""
    try:
        release_lines(port)
    except OSError:
        pass
    finally:
        port.close()
