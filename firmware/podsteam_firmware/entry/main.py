# SPDX-License-Identifier: Apache-2.0
"""What the board runs after `boot.py`: a moment for the REPL, then the firmware, until something ends it.

During the first 1.5 s Ctrl-C ends in the REPL, and so does holding the button all the while: that is how a
board is recovered. Everything is off then and no watchdog runs. Afterwards nothing leads to the REPL any
more: whatever ends the firmware, everything is switched off, the last words are kept in a file, and the chip
starts anew.
"""

import gc
import io
import os
import sys
import time

import machine
from boot import all_off
from machine import Pin

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.esp32 import Esp32Hal

_BUTTON = 4
_REPL_MS = 1500
_LOOK_MS = 10
_RELAY_OPENS_MS = 300
"""The relay's hold-up is 250 ms at most. Nothing is written before: an erase stops Python for 45 to 400 ms."""
_FOLDER = "/data"
_LAST_WORDS = "/data/last_words"
_MOST = 2048


def repl_wanted() -> bool:
    """Leave the port to the REPL for a moment. True: the button was held all the while, or Ctrl-C came."""
    button = Pin(_BUTTON, Pin.IN, Pin.PULL_UP)
    held = True
    try:
        for _ in range(_REPL_MS // _LOOK_MS):
            held = held and button.value() == 0
            time.sleep_ms(_LOOK_MS)
    except KeyboardInterrupt:
        return True
    return held


def _keep(error: BaseException) -> None:
    """Write why the firmware ended, beside the old file first. 2 kB at most."""
    gc.collect()
    # MicroPython's stubs know neither StringIO's methods nor that `print_exception` takes one.
    words = io.StringIO()
    words.write(f"after {time.ticks_ms()} ms\n")  # pyright: ignore[reportAttributeAccessIssue]
    sys.print_exception(error, words)  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType, reportUnknownMemberType]
    text = words.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    try:
        os.mkdir(_FOLDER)
    except OSError:
        # It is there already.
        pass
    with open(_LAST_WORDS + ".tmp", "wb") as f:
        f.write(text.encode()[:_MOST])
    os.rename(_LAST_WORDS + ".tmp", _LAST_WORDS)


def _end(hal: "Esp32Hal | None", error: BaseException) -> None:
    """Everything off, then the last words."""
    all_off()
    if hal is not None:
        from podsteam_firmware.loop import stop_everything

        stop_everything(hal)
        hal.feed()
    time.sleep_ms(_RELAY_OPENS_MS)
    if hal is not None:
        hal.feed()
    _keep(error)


def run() -> None:
    """Run the firmware. Ends in a reset, whatever happens."""
    hal = None
    try:
        from podsteam_firmware.hal.esp32 import Esp32Hal
        from podsteam_firmware.loop import Loop

        hal = Esp32Hal()
        loop = Loop(hal)
        while True:
            loop.turn()
    except BaseException as e:
        # Ctrl-C and SystemExit too: the REPL would keep a heater as it is.
        try:
            _end(hal, e)
        except BaseException:
            # The words are lost. The reset is not, and lets every pin float to off.
            pass
    finally:
        machine.reset()


if __name__ == "__main__" and not repl_wanted():
    run()
