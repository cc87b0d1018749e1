# SPDX-License-Identifier: Apache-2.0
"""A whole tuning on the real MicroPython: not a byte is allocated in any of its steps. Run by `test_tune.py`.

Readings come straight from the simulated board's plant. Prints the state at the end, the steps, and the bytes.
"""

import gc

import micropython

from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.heat.tune import TUNING, Tune
from podsteam_firmware.sense import Sense
from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.plant import Boiler


class Step:
    """One step with everything that it needs in attributes."""

    def __init__(self) -> None:
        self.tune = Tune(Settings())
        self.sense = Sense()
        self.power_dw = 0

    def run(self) -> None:
        self.power_dw = self.tune.step(self.sense, 100)


def main() -> None:
    boiler = Boiler(Constants())
    step = Step()
    sense = step.sense
    sense.full_dw = 4000
    sense.wall_mc = sense.water_mc = sense.outlet_mc = 20000
    step.tune.begin(sense)
    run = step.run
    steps = 0
    allocated = 0
    gc.collect()
    gc.disable()
    while step.tune.state == TUNING:
        before = micropython.mem_total()
        locked = steps % 4 == 0
        if locked:
            micropython.heap_lock()
        run()
        if locked:
            micropython.heap_unlock()
        allocated += micropython.mem_total() - before
        boiler.run_steps(4, step.power_dw / 10)
        sense.power_dw = step.power_dw
        sense.wall_mc = int(boiler.wall_probe_c * 1000)
        sense.water_mc = int(boiler.water_probe_c * 1000)
        steps += 1
        if steps % 200 == 0:
            gc.collect()
    print(step.tune.state, steps, allocated)


main()
