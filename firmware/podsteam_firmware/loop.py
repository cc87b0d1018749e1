# SPDX-License-Identifier: Apache-2.0
"""The loop under the core: sample, step, carry out, pump, wait. The same on the board and on the simulated one."""

from podsteam_firmware import ticks
from podsteam_firmware.core import TICK_MS, Core
from podsteam_firmware.signals import Inputs, Outputs
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal

_NO_SLOT = const(2)
_RECORD_SIZE = const(10)
_TRIAL = const(2)
"""Where the boot record has the slot on trial."""
_CYCLES = const(10)
"""Mains cycles in a burst: 200 ms at 50 Hz."""


def stop_everything(hal: "Hal") -> None:
    """Element and valve off. The relay follows by itself: nobody makes its heartbeat any more."""
    hal.burst_abort()
    hal.valve_abort()


def drive(hal: "Hal", outputs: Outputs) -> None:
    """Carry out what a tick wants, off before on. The next burst is started by `Loop.turn`, when the last one ends."""
    if not outputs.heat:
        hal.burst_abort()
    if outputs.valve_off:
        hal.valve_abort()
    if outputs.heartbeat:
        hal.heartbeat()
    if outputs.valve_us:
        hal.valve_pulse(outputs.valve_us)
    if outputs.light_changed:
        hal.light(outputs.light)
    if outputs.beep:
        hal.beep(outputs.beep)
    if outputs.feed:
        hal.feed()


class Loop:
    """One core on one board."""

    def __init__(self, hal: "Hal") -> None:
        self.hal = hal
        self.inputs = Inputs()
        self.core = Core(hal, self.inputs)
        if hal.slot != _NO_SLOT:
            self._look_for_trial(hal)
        self._due = hal.now_ms()

    def _look_for_trial(self, hal: "Hal") -> None:
        """A boot record that names the slot that runs as the one on trial: `store/trial.py` follows it."""
        raw = hal.root_files().file_read("boot_record", 11)
        if raw is not None and len(raw) == _RECORD_SIZE and raw[_TRIAL] == hal.slot:
            from podsteam_firmware.store import trial

            self.core.extra = trial.begun(self.core, hal.slot, hal.now_ms())

    def turn(self) -> None:
        """One round: a tick when it is due, what the line and the reader have, then sleep until the next event."""
        hal = self.hal
        core = self.core
        now_ms = hal.now_ms()
        if ticks.due(now_ms, self._due):
            hal.sample(self.inputs)
            drive(hal, core.step(now_ms, self.inputs))
            self._due = ticks.add(self._due, TICK_MS)
            if ticks.due(now_ms, self._due):
                # Ticks that were missed are not made up for: each one stands for the present.
                self._due = ticks.add(now_ms, TICK_MS)
        more = core.pump(now_ms)
        if core.outputs.heat and not hal.burst_busy():
            hal.burst(core.next_burst(_CYCLES), _CYCLES, core.sense.cycle_us)
        if not more:
            hal.wait(core.port.wake(now_ms, self._due))
