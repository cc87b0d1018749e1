# SPDX-License-Identifier: Apache-2.0
"""One tick after the other finds the heap locked. Runs on MicroPython.

    micropython oom_checks.py SCRIPT tick|turn FROM STEP

SCRIPT is JSON: `options` of the unit, `acts` as [time in us, control command, or hex of the host's bytes], `end_us`.
Tick number FROM, FROM + STEP and so on is locked, each in a session of its own: the tick alone, or all that its turn
of the loop does. The simulated board under the firmware may allocate as it likes. Prints one line of JSON for each.
"""

import binascii
import gc
import json
import sys

import micropython

from podsteam_firmware import ticks
from podsteam_firmware.loop import Loop
from podsteam_twin.machine import Machine


class Gate:
    """Whether the firmware finds the heap locked just now, and when that first stopped it."""

    def __init__(self):
        self.locked = False
        self.stopped_us = -1
        self.heating = False

    def open(self):
        """Open the heap; whether it was locked."""
        if not self.locked:
            return False
        micropython.heap_unlock()
        self.locked = False
        return True

    def close(self):
        """Lock it again."""
        self.locked = True
        micropython.heap_lock()


def _opened_0(gate, verb):
    """A verb without arguments that runs with the heap open, whatever its caller has. A star would allocate."""

    def call():
        if not gate.open():
            return verb()
        try:
            return verb()
        finally:
            gate.close()

    return call


def _opened_1(gate, verb):
    def call(a):
        if not gate.open():
            return verb(a)
        try:
            return verb(a)
        finally:
            gate.close()

    return call


def _opened_2(gate, verb):
    def call(a, b):
        if not gate.open():
            return verb(a, b)
        try:
            return verb(a, b)
        finally:
            gate.close()

    return call


def _opened_3(gate, verb):
    def call(a, b, c):
        if not gate.open():
            return verb(a, b, c)
        try:
            return verb(a, b, c)
        finally:
            gate.close()

    return call


NONE = "now_ms unix_s burst_busy burst_abort heartbeat valve_busy valve_abort nfc_ready ring_size feed random reset"
ONE = "wait set_clock sample valve_pulse light beep nfc_reset link_read file_remove file_list ring_erase"
TWO = "nfc_write nfc_read link_write file_read file_write file_append ring_read"
THREE = "burst file_read_at ring_program"


class OpenHal:
    """The board's verbs, each with the heap open."""

    def __init__(self, gate, hal):
        for name in dir(hal):
            if name[:1] != "_" and not callable(getattr(hal, name)):
                setattr(self, name, getattr(hal, name))
        for names, opened in ((NONE, _opened_0), (ONE, _opened_1), (TWO, _opened_2), (THREE, _opened_3)):
            for name in names.split():
                setattr(self, name, opened(gate, getattr(hal, name)))
        self._file_read = self.file_read
        self.file_read = self._read

    def _read(self, name, limit=4096):
        return self._file_read(name, limit)


class LockedMachine(Machine):
    """A unit whose tick number `which` finds the heap locked, with its whole turn if `turn`; -1: none."""

    def __init__(self, options, which, turn):
        self.gate = Gate()
        self.ticks = 0
        self.which = which
        self.regimes = []
        Machine.__init__(self, options)
        self.loop = Loop(OpenHal(self.gate, self.hal))
        self.first = self.loop
        self.turn = turn
        self.step = self.loop.core.step
        if not turn:
            self.loop.core.step = self._locked_step

    def _turn(self):
        loop = self.loop
        if loop is not self.first or self.ticks > self.which >= 0:
            return Machine._turn(self)
        if not ticks.due(self.hal.now_ms(), loop._due):
            return Machine._turn(self)
        self.ticks += 1
        if self.which < 0:
            regime = loop.core.heat.regime
            if regime not in self.regimes:
                self.regimes.append(regime)
        if self.ticks - 1 != self.which or not self.turn:
            return Machine._turn(self)
        self.gate.close()
        try:
            loop.turn()
        except MemoryError:
            self._stopped()
            raise
        finally:
            self.gate.open()

    def _locked_step(self, now_ms, inputs):
        if self.ticks - 1 != self.which:
            return self.step(now_ms, inputs)
        self.gate.close()
        try:
            return self.step(now_ms, inputs)
        except MemoryError:
            self._stopped()
            raise
        finally:
            self.gate.open()

    def _stopped(self):
        self.gate.open()
        self.gate.stopped_us = self.world.t_us
        self.gate.heating = self.world.heater.relay_closed(self.world.t_us)


def play(script, which, turn):
    """One session. Returns what came of it."""
    machine = LockedMachine(script["options"], which, turn)
    for at_us, act in script["acts"]:
        machine.run(at_us)
        if isinstance(act, dict):
            machine.control(act)
        else:
            machine.exchange(binascii.unhexlify(act), at_us, False)
    machine.run(script["end_us"])
    truth = machine.control({"do": "state"})
    stopped_us = machine.gate.stopped_us
    # Before anybody has pressed the button nothing heats, and a press after the restart starts a session as ever.
    off_ms = max(truth["current_us"] - stopped_us, 0) // 1000 if machine.gate.heating else 0
    return {
        "tick": which,
        "ticks": machine.ticks,
        "regimes": machine.regimes,
        "stopped": stopped_us >= 0,
        "heating": machine.gate.heating,
        "off_ms": off_ms,
        "latched": truth["latched"],
        "heats": truth["relay_closed"],
        "crashes": len(truth["crashes"]),
        "digest": machine.world.trace.digest(),
    }


def main():
    """Play what the arguments say."""
    with open(sys.argv[1]) as f:
        script = json.load(f)
    turn, first, step = sys.argv[2] == "turn", int(sys.argv[3]), int(sys.argv[4])
    healthy = play(script, -1, turn)
    print(json.dumps(healthy))
    for which in range(first, healthy["ticks"], step):
        gc.collect()
        print(json.dumps(play(script, which, turn)))


main()
