# SPDX-License-Identifier: Apache-2.0
"""One simulated unit: the world, the firmware in it, and what happens when the firmware restarts."""

import io
import sys

from podsteam_firmware.loop import Loop, stop_everything
from podsteam_protocol import messages as m
from podsteam_twin import controls, trace
from podsteam_twin.board import BoardHal, Restart
from podsteam_twin.loading import Loading
from podsteam_twin.world import WATCHDOG_US, Bitten, World

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podsteam_loader.safe import Safe
    from podsteam_twin.cut import ArmedCut
    from podsteam_twin.loading import Hangs, Raises

_REBOOT_US = 400_000
"""From a reset to the first tick: boot ROM, interpreter, imports. Hypothesis; a board must tell."""
_MOST_WORDS = 2048
_PRESS_AFTER_US = 500_000
"""How long the hand of `press_on_arm` takes."""


def _last_words(error: Exception) -> str:
    """The traceback as text, on either interpreter."""
    words = io.StringIO()
    print_exception = getattr(sys, "print_exception", None)
    if print_exception:
        print_exception(error, words)
    else:
        import traceback

        traceback.print_exception(error, file=words)
    return words.getvalue()


class Machine:
    """Built from a dict of options, see `World`; `press_on_arm` presses the button whenever something waits for it,
    `slots` starts through the loader (`loading`), and `reset_cause` is the RESET value of the first start.
    """

    def __init__(self, options: "dict[str, Any]") -> None:
        self.world = World(options)
        self.crashes: "list[str]" = []
        """Last words of every exception that stopped the firmware."""
        self.cut: "ArmedCut | None" = None
        """A power cut that waits for its operation."""
        self._press_on_arm = bool(options.get("press_on_arm"))
        self._armed_before = False
        self.loading = Loading(options, self.world) if "slots" in options else None
        """The boot path, when the board has one."""
        self._unfinished: "list[object]" = []
        """What the firmware was at, between the ticks, when it was restarted."""
        self.instead: "Safe | Raises | Hangs | None" = None
        """What runs in place of the firmware: safe mode, or an application that is none."""
        self._boot(int(options.get("reset_cause", m.RESET_POWER_ON)))

    def _boot(self, cause: int) -> None:
        """Start the firmware as `main.py` does."""
        self.hal = BoardHal(self.world, cause)
        self.instead = self.loading.start(self.hal, self.crashes) if self.loading else None
        if self.loading is not None and self.loading.slot:
            self.hal.slot = "ab".find(self.loading.slot)
        if self.instead is None:
            self.loop = Loop(self.hal)

    def _turn(self) -> None:
        """One turn of whatever runs."""
        if self.instead is not None:
            self.instead.turn()
        else:
            self.loop.turn()
        if self.loading is not None:
            self.loading.turned(self.hal.now_ms())

    def restart(self, cause: int, words: str = "") -> None:
        """Everything the pins do ends, as in a reset; the firmware starts again. `words` are kept as its last ones."""
        world = self.world
        world.note(trace.RESTART, cause)
        world.reset_pins()
        world.pass_time(_REBOOT_US)
        if words:
            world.files.file_write("last_words", words.encode()[-_MOST_WORDS:])
        world.feed()
        if self.instead is None and self.loop.core.extra is not None:
            # A file that its work was writing is still open here, and littlefs must not lose its handle.
            self._unfinished.append(self.loop.core.extra)
        self._boot(cause)

    def run(self, until_us: int, stop: bool = False) -> None:
        """Run until virtual time `until_us`; with `stop`, come back as soon as bytes have left the device."""
        world = self.world
        while world.t_us < until_us:
            world.limit_us = until_us
            world.stop_at_tx = stop
            try:
                if world.cut:
                    world.resume()
                else:
                    self._turn()
            except Restart:
                if self.loading is not None:
                    self.loading.ended(SystemExit())
                self.restart(m.RESET_HARD)
            except Bitten:
                self.restart(m.RESET_WATCHDOG)
            except Exception as error:
                self._crash(error)
            if self.cut is not None and self.cut.due:
                self.cut.apply()
                self.cut = None
                self.restart(m.RESET_POWER_ON)
            if world.t_us - world.fed_us > WATCHDOG_US:
                self.restart(m.RESET_WATCHDOG)
            if self._press_on_arm:
                self._watch_arming()
            if stop and world.uart.has_left(world.t_us):
                return

    def _crash(self, error: Exception) -> None:
        """What `main.py` does on an exception: everything off, last words, reset."""
        if self.loading is not None:
            self.loading.ended(error)
        stop_everything(self.hal)
        self.crashes.append(_last_words(error))
        self.restart(m.RESET_HARD, self.crashes[-1])

    def _watch_arming(self) -> None:
        if self.instead is not None:
            return
        session = self.loop.core.session
        armed = session.state == m.STATE_ARMED or session.resume_armed
        if armed and not self._armed_before:
            self.world.press(self.world.t_us + _PRESS_AFTER_US, 300_000)
        self._armed_before = armed

    def exchange(self, data: "bytes | memoryview", until_us: int, stop: bool = True) -> bytes:
        """Give bytes to the device, run, and return the bytes that have left it."""
        world = self.world
        if data:
            world.uart.host_send(world.t_us, data)
        self.run(until_us, stop)
        return world.uart.host_receive(world.t_us)

    def lease_ms(self) -> int:
        """What is left of the host's lease, 0: nobody holds it."""
        if self.instead is not None:
            return 0
        core = self.loop.core
        return core.lease.left_ms(self.hal.now_ms())

    def control(self, command: "dict[str, Any]") -> "dict[str, Any]":
        """Carry out a command of the control port; the answer carries `now_us`, and `error` when it was refused."""
        try:
            answer = controls.carry_out(self, command)
        except (ValueError, KeyError, TypeError) as error:
            answer: "dict[str, Any]" = {"error": str(error)}
        answer["now_us"] = self.world.t_us
        return answer
