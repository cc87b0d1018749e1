# SPDX-License-Identifier: Apache-2.0
"""Sense, heat and supervisor on the real MicroPython: not a byte is allocated in any tick, in any regime.

Run by `test_tick_alloc.py`. The inputs come from the simulated board's plant, whose floats may allocate; only the
firmware's own calls are measured. Prints a line for each scenario: name, regimes seen, ticks, faults, bytes.
"""

import gc
import sys

import micropython

from podsteam_firmware.heat.burst import Burst
from podsteam_firmware.heat.regimes import Heat
from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.safety.checkpoint import DOSE, HEAT, SENSE, SESSION, SUPERVISE, Checkpoints
from podsteam_firmware.safety.supervisor import Supervisor
from podsteam_firmware.sense import Sense
from podsteam_firmware.signals import Inputs
from podsteam_firmware.ticks import add
from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.plant import Boiler
from podsteam_twin.electrics import Heater
from podsteam_twin.sensors import Sensors


class Tick:
    """The firmware's part of one tick, with everything that it needs in attributes."""

    def __init__(self) -> None:
        self.inputs = Inputs()
        self.sense = Sense()
        self.heat = Heat(Settings())
        self.supervisor = Supervisor()
        self.checkpoints = Checkpoints()
        self.burst = Burst()
        self.now_ms = 0
        self.odd = False
        self.pattern = 0
        self.heating = False
        self.passed = False

    def run(self) -> None:
        checkpoints = self.checkpoints
        checkpoints.begin()
        self.sense.update(self.now_ms, self.inputs)
        checkpoints.mark(SENSE)
        self.supervisor.step(self.now_ms, self.inputs, self.heat.wanted, False)
        checkpoints.mark(SUPERVISE)
        checkpoints.mark(SESSION)
        self.odd = not self.odd
        if self.odd:
            self.heat.step(self.now_ms, self.sense)
        checkpoints.mark(HEAT)
        checkpoints.mark(DOSE)
        self.passed = checkpoints.passed()
        # Bursts shorter than the tick, so that one in each tick will do.
        weld = self.supervisor.weld
        self.heating = self.supervisor.allow or weld.testing
        self.pattern = weld.pattern() if weld.testing else self.burst.pattern(self.heat.duty_permille, 2)


class Scenario:
    """A plant, and demands at certain seconds."""

    def __init__(self, name: str, constants: Constants, start_ms: int = 0) -> None:
        self.name = name
        self.boiler = Boiler(constants)
        self.heater = Heater(self.boiler, constants)
        self.sensors = Sensors(self.boiler, self.heater.mains, constants, 1)
        self.tick = Tick()
        self.tick.now_ms = start_ms
        self.us = 0
        self.regimes = {0}
        self.ticks = 0
        self.bytes = 0

    def sample(self) -> None:
        inputs = self.tick.inputs
        sensors = self.sensors
        inputs.sampled_ms = self.tick.now_ms
        inputs.wall_uv = sensors.wall_uv()
        inputs.water_uv = sensors.water_uv()
        inputs.outlet_uv = sensors.outlet_uv()
        inputs.reference_uv = sensors.reference_uv()
        inputs.mains_uv = sensors.mains_uv()
        inputs.zero_cross = self.heater.zero_cross(self.us)
        inputs.load_halves = self.heater.load_halves
        inputs.burst_halves = self.heater.burst_halves

    def advance(self) -> None:
        tick = self.tick
        heater = self.heater
        if not tick.heating and heater.busy(self.us):
            heater.abort(self.us)
        if tick.supervisor.relay:
            heater.heartbeat(self.us)
        if tick.heating and not heater.busy(self.us):
            heater.burst(self.us, tick.pattern, 2, 20000)
        self.us += 50000
        tick.now_ms = add(tick.now_ms, 50)
        heater.run_to(self.us)

    def measure(self) -> None:
        """One tick with the heap locked; what it would allocate on the heap raises, and every byte is counted."""
        run = self.tick.run
        before = micropython.mem_total()
        micropython.heap_lock()
        try:
            run()
        finally:
            micropython.heap_unlock()
        locked = micropython.mem_total() - before
        self.bytes += locked

    def measure_unlocked(self) -> None:
        """The same with the heap open: a large frame falls back to the stack only while the heap is locked."""
        run = self.tick.run
        before = micropython.mem_total()
        run()
        self.bytes += micropython.mem_total() - before

    def go(self, seconds: int) -> None:
        for i in range(seconds * 20):
            self.sample()
            if i % 200 == 0:
                gc.collect()
            if i % 4 == 0:
                self.measure()
            else:
                self.measure_unlocked()
            self.regimes.add(self.tick.heat.regime)
            self.ticks += 1
            self.advance()

    def report(self) -> None:
        regimes = ",".join(str(regime) for regime in sorted(self.regimes))
        print(self.name, regimes, self.ticks, self.tick.supervisor.fault, self.bytes)


def main() -> None:
    gc.collect()
    gc.disable()
    session = Scenario("session", Constants(water_g=30.0), (1 << 30) - 30000)
    session.go(1)
    session.tick.heat.hold(80000)
    session.go(60)
    session.tick.heat.steam(6000)
    session.go(60)
    session.tick.heat.off()
    session.go(5)
    session.report()

    steam = Scenario("dry", Constants(water_g=10.0))
    steam.go(1)
    steam.tick.supervisor.lease_begin(steam.tick.now_ms, 1500)
    steam.tick.heat.steam(8000)
    steam.go(1)
    steam.tick.supervisor.lease_end()
    steam.go(150)
    steam.report()

    empty = Scenario("empty", Constants(water_g=0.0))
    empty.go(1)
    empty.tick.heat.steam(6000)
    empty.go(45)
    empty.report()

    broken = Scenario("broken", Constants())
    broken.go(1)
    broken.tick.heat.steam(6000)
    broken.go(5)
    broken.sensors.outlet.fault = "open"
    broken.go(2)
    broken.report()
    sys.exit(0)


main()
