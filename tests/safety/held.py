# SPDX-License-Identifier: Apache-2.0
"""A sensor that stays at one value and has its noise all the same: how hot the wall gets, and when it is noticed.

Nothing tells such a reading from a true one but what the other sensors and the power say. The bar is on the wall: no
more than 10 K over that of the same unit without the fault, which goes on beside it.
"""

import fault_cells
import forks
from published import Mapped, Rows, row, shown
from reactions import percentile

PLACES = ("HEAT+3", "HEAT+20", "HOLD+20", "STEAM+10")
FAULTS = ("wall_held", "water_held")
WATCH_S = 150
EXCESS_K = 10
Job = tuple[str, str, fault_cells.Run]


def play(job: Job) -> tuple[float, float, float | None]:
    """degC of the wall at its hottest with the fault and without, and ms to heater-off."""
    fault, place, run = job
    state, _, after_s = place.partition("+")
    base = {"fault": fault, "mode": "stays", "expected": "safe", "watch_s": WATCH_S}
    cell = fault_cells.filled({**base, "state": state, "after_s": float(after_s)})
    unit = fault_cells.begin(cell, run, "cpython")
    unit.run(cell["after_s"])
    seen = forks.forked(lambda: fault_cells.measure(cell, unit))
    unit.run(WATCH_S + fault_cells.AFTER_S)
    return seen["wall_c"], unit.truth()["peak_wall_mc"] / 1000, seen["off_ms"]


def figures(mapped: Mapped, brief: bool) -> Rows:
    """The wall, and the times."""
    runs = [(1, False), (2, False), *((seed, True) for seed in range(201, 225))][: 1 if brief else None]
    seen = list(mapped(play, [(fault, place, run) for fault in FAULTS for place in PLACES for run in runs]))
    hottest = max(hot for hot, _, _ in seen)
    worst = max(hot - healthy for hot, healthy, _ in seen)
    times = [off for _, _, off in seen]
    told = sum(off is not None for off in times)
    context = (
        f"wall over that of the same unit without the fault, worst of {len(seen)} runs in warm-up, hold and steam; "
        f"hottest {hottest:.0f} degC; the heater went off in {told} within {WATCH_S} s, median "
        f"{shown(percentile(times, 50))} ms, P99 {shown(percentile(times))} ms"
    )
    holds = worst <= EXCESS_K and hottest <= 140
    return [row(__name__, "safety/sensor_held", round(worst, 1), "K", f"<= {EXCESS_K}", holds, context)]
