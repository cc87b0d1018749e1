# SPDX-License-Identifier: Apache-2.0
"""What the board runs after `boot.py`: a moment for the REPL, then the application, until something ends it.

During the first 1.5 s Ctrl-C ends in the REPL, and so does holding the button all the while: that is how a
board is recovered. Everything is off then and no watchdog runs. Afterwards nothing leads to the REPL any
more: the loader chooses a slot and the application in it runs, or safe mode does when there is none. Whatever
ends it, everything is switched off, the last words are kept in a file, and the chip starts anew.

Like the loader this is never updated over the link, so what it asks of an application stays as it is for ever:
`podsteam_firmware.hal.esp32.Esp32Hal(root, home)` with `feed()`, and `podsteam_firmware.loop` with
`Loop(hal).turn()` and `stop_everything(hal)`.
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
    from podsteam_loader.esp32 import Esp32Board
    from podsteam_loader.mark import Watch

_ROOT = "/"
_BUTTON = 4
_REPL_MS = 1500
_LOOK_MS = 10
_RELAY_OPENS_MS = 300
"""The relay's hold-up is 250 ms at most. Nothing is written before: an erase stops Python for 45 to 400 ms."""
_LAST_WORDS = "data/last_words"
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
    """Write why the application ended, beside the old file first. 2 kB at most."""
    gc.collect()
    # MicroPython's stubs know neither StringIO's methods nor that `print_exception` takes one.
    words = io.StringIO()
    words.write(f"after {time.ticks_ms()} ms\n")  # pyright: ignore[reportAttributeAccessIssue]
    sys.print_exception(error, words)  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType, reportUnknownMemberType]
    text = words.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    path = _ROOT + _LAST_WORDS
    try:
        os.mkdir(path[: path.rfind("/")])
    except OSError:
        # It is there already.
        pass
    with open(path + ".tmp", "wb") as f:
        f.write(text.encode()[:_MOST])
    os.rename(path + ".tmp", path)


def _end(hal: "Esp32Hal | None", watch: "Watch | None", error: BaseException, safe: bool) -> None:
    """Everything off, the mark for the next start, then the last words. Safe mode leaves those of the application."""
    all_off()
    if watch is not None:
        watch.ended(error)
    if hal is not None:
        from podsteam_firmware.loop import stop_everything

        stop_everything(hal)
        hal.feed()
    time.sleep_ms(_RELAY_OPENS_MS)
    if hal is not None:
        hal.feed()
    if not safe:
        _keep(error)


def _choose() -> "tuple[Esp32Board, str, Watch]":
    """Let the loader choose: its board, the folder of the slot, "" for safe mode, and its watch over the slot."""
    from podsteam_loader.esp32 import Esp32Board
    from podsteam_loader.start import start

    board = Esp32Board(_ROOT)
    name, watch = start(board)
    return board, board.folder(name) if name else "", watch


def _safe_mode(board: "Esp32Board") -> None:
    """Answer the host, for ever."""
    from podsteam_loader.safe import Safe

    safe = Safe(board)
    while True:
        safe.turn()


def _enter(folder: str) -> None:
    """Import from the slot in `folder` from now on."""
    from podsteam_loader.start import enter

    enter(folder)


def run() -> None:
    """Run what the loader chooses. Ends in a reset, whatever happens."""
    hal = None
    watch = None
    safe = False
    try:
        board, folder, watch = _choose()
        safe = not folder
        if safe:
            _safe_mode(board)
        _enter(folder)
        from podsteam_firmware.hal.esp32 import Esp32Hal
        from podsteam_firmware.loop import Loop

        hal = Esp32Hal(_ROOT, folder)
        loop = Loop(hal)
        while True:
            loop.turn()
            watch.turned(hal.now_ms())
    except BaseException as e:
        # Ctrl-C and SystemExit too: the REPL would keep a heater as it is.
        try:
            _end(hal, watch, e, safe)
        except BaseException:
            # The words are lost. The reset is not, and lets every pin float to off.
            pass
    finally:
        machine.reset()


if __name__ == "__main__" and not repl_wanted():
    run()
