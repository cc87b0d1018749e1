# SPDX-License-Identifier: Apache-2.0
"""How fast the device answers a fault: many onsets, several units and plants, P99 of what was measured.

A figure is a row of `FIGURES`: what breaks, where, and which of the times of `fault_cells.Watch` counts. Each unit is
brought into a state once; the faults then strike copies of it, at one onset after the other.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import fault_cells
import forks
from left_out import LOAD, THERMAL, UNFOLDED
from published import Mapped, Rows, row, shown

Cell = fault_cells.Cell
Sample = dict[str, Any]
Job = tuple[list[Cell], fault_cells.Run, int]
ONSET_S = 0.17
"""Between neighbouring onsets: no multiple of the tick, the burst, or the cycle left out every two seconds."""
SENSORS = ("wall", "water", "outlet")


@dataclass(frozen=True)
class Figure:
    """One published time. `places`: states and seconds; `time`: the sample's key that counts; `bar_ms`: its bar."""

    name: str
    faults: tuple[str, ...]
    places: tuple[str, ...]
    time: str
    bar_ms: int
    what: str
    cell: dict[str, Any] = field(default_factory=dict)
    wall_c: float = 140
    more: tuple[tuple[str, str, int, str], ...] = ()
    """Further figures of the same samples: name, time, bar, what."""


FULL = ("PROBE+1", "HEAT+3", "HEAT+20")
HEATING = (*FULL, "APPROACH+1")
STEADY = ("HOLD+5", "STEAM+2", "STEAM+15", "DOSING+0")
CONVERTER = {"adc_noise_uv": 400.0, "adc_quantum_uv": 100.0}
"""The board's own converter on every plant; the envelope draws coarser ones too."""
FIGURES = (
    Figure(
        "safety/sensor_open_short",
        tuple(f"{sensor}_{way}" for sensor in SENSORS for way in ("open", "short")),
        (*HEATING, *STEADY),
        "off_ms",
        250,
        "fault to last half-cycle",
    ),
    Figure(
        "safety/sensor_frozen_heating",
        ("wall_frozen", "water_frozen"),
        FULL,
        "off_ms",
        3000,
        "reading stays to the last digit, at full power, the board's converter: fault to last half-cycle",
        {"plant": CONVERTER},
    ),
    Figure(
        "safety/sensor_frozen_steady",
        ("wall_frozen", "water_frozen"),
        ("APPROACH+1", *STEADY),
        "off_ms",
        30000,
        "reading stays to the last digit, at less power, the board's converter: fault to last half-cycle",
        {"watch_s": 40, "plant": CONVERTER},
    ),
    Figure(
        "safety/sensor_frozen_coarse",
        ("wall_frozen", "water_frozen"),
        (*FULL, "STEAM+15"),
        "off_ms",
        30000,
        "the same with the converters of the envelope, some so coarse that healthy readings repeat: to last half-cycle",
        {"watch_s": 40},
    ),
    Figure(
        "safety/sensor_detached",
        ("wall_detached", "water_detached"),
        ("HEAT+20", "APPROACH+1", "HOLD+30", "STEAM+15"),
        "off_ms",
        3000,
        "the sensor hangs in the room's air: fault to last half-cycle",
        {"watch_s": 40},
    ),
    Figure(
        "safety/sensor_detached_cool",
        ("wall_detached", "water_detached"),
        ("HEAT+3",),
        "off_ms",
        60000,
        "the same where the water is hardly warmer than the room yet, so that its sensor shows the same on and off its "
        "place: found by what does not follow",
        {"watch_s": 80},
    ),
    Figure(
        "safety/heater_open_electrical",
        ("element_open",),
        FULL,
        "latched_ms",
        200,
        "current missing at full power: fault to latched",
        {"fine_s": 0.005},
    ),
    Figure(
        "safety/heater_open_thermal",
        ("element_open",),
        ("IDLE+5", "ARMED+5"),
        "latched_ms",
        4000,
        "the load sense left out, no current from the start: heat commanded to latched by the wall",
        {"mute": [LOAD]},
    ),
    Figure(
        "safety/heater_open_thermal_hot",
        ("element_open",),
        ("PROBE+3", "HEAT+3", "HEAT+10"),
        "latched_ms",
        8000,
        "the same in a heat-up, where what the element has stored goes on into the wall: fault to latched",
        {"mute": [LOAD]},
    ),
    Figure(
        "safety/ssr_welded_detect",
        ("ssr_welded",),
        (*HEATING, *STEADY),
        "stray_ms",
        100,
        "a whole cycle of current that was not commanded to latched",
        {"fine_s": 0.002},
        more=(("safety/ssr_welded_relay", "opens_ms", 300, "latched to the relay open"),),
    ),
    Figure(
        "safety/over_temp",
        ("dry",),
        ("STEAM+5", "STEAM+15"),
        "hot_ms",
        150,
        "the wall's sensor shows 135 degC to last half-cycle (0: off before), every other thermal detector left out",
        {"also": ["water_stuck"], "mute": list(THERMAL), "poke": UNFOLDED, "watch_s": 200, "fine_for_s": 200},
        math.inf,
    ),
)


def percentile(values: list[float | None], percent: float = 99) -> float | None:
    """The value that so many percent do not pass (nearest rank); None when that one is None: it never happened."""
    ranked = sorted(values, key=lambda value: math.inf if value is None else value)
    return ranked[max(math.ceil(len(ranked) * percent / 100) - 1, 0)]


def cells_of(figure: Figure) -> list[Cell]:
    """A cell for each fault and place."""
    cells: list[Cell] = []
    for place in figure.places:
        state, _, after_s = place.partition("+")
        for fault in figure.faults:
            base = {"fault": fault, "mode": "stays", "expected": "off", "watch_s": 30, **figure.cell}
            where = {"figure": figure.name, "state": state, "after_s": float(after_s)}
            cells.append(fault_cells.filled({**base, **where}))
    return cells


def samples(cells: list[Cell], run: fault_cells.Run, onsets: int) -> Iterator[tuple[fault_cells.Cell, Sample]]:
    """Every cell (all of one `start_key`) at so many onsets, from one unit on CPython."""
    unit = fault_cells.begin(cells[0], run, "cpython")
    step_s = 0.011 if cells[0]["state"] == "DOSING" else ONSET_S
    most = 4 if cells[0]["state"] == "DOSING" else onsets
    points = sorted({(round(cell["after_s"] + i * step_s, 3)) for cell in cells for i in range(most)})
    gone_s = 0.0
    for point in points:
        unit.run(point - gone_s)
        gone_s = point
        for cell in cells:
            if any(abs(cell["after_s"] + i * step_s - point) < 1e-6 for i in range(most)):
                yield cell, forks.forked(lambda cell=cell: fault_cells.measure(cell, unit))


def _work(job: Job) -> list[tuple[str, str, Sample]]:
    """(Figure's name, state, sample)s."""
    cells, run, onsets = job
    return [(cell["figure"], cell["state"], sample) for cell, sample in samples(cells, run, onsets)]


def _jobs(runs: list[fault_cells.Run], onsets: int) -> list[Job]:
    """What begins alike goes together, whatever the figure: the way into a state is gone once."""
    alike: dict[Any, Job] = {}
    for run in runs:
        for cell in (cell for figure in FIGURES for cell in cells_of(figure)):
            alike.setdefault(fault_cells.start_key(cell, run), ([], run, onsets))[0].append(cell)
    return list(alike.values())


def figures(mapped: Mapped, brief: bool) -> Rows:
    """P99 of the time to heater-off and the like."""
    usual = [(seed, False) for seed in range(1, 2 if brief else 5)]
    drawn = [(seed, True) for seed in range(101, 102 if brief else 117)]
    # On drawn plants fewer onsets each: the plants are what varies there.
    work = _jobs(usual, 2 if brief else 6) + _jobs(drawn, 1 if brief else 2)
    found: dict[str, list[tuple[str, Sample]]] = {}
    for seen in mapped(_work, work):
        for name, state, sample in seen:
            found.setdefault(name, []).append((state, sample))
    rows: Rows = []
    for figure in FIGURES:
        own = (figure.name, figure.time, figure.bar_ms, figure.what)
        for each in (own, *figure.more):
            rows.append(_row(*each, figure.wall_c, found[figure.name]))
    return rows


def _row(name: str, key: str, bar_ms: int, what: str, wall_c: float, seen: list[tuple[str, Sample]]) -> dict[str, Any]:
    values = [sample[key] for _, sample in seen]
    p99 = percentile(values)
    hottest = max(sample["wall_c"] for _, sample in seen)
    never = Counter(state for state, sample in seen if sample[key] is None)
    late = Counter(state for state, sample in seen if sample[key] is not None and sample[key] > bar_ms)
    context = (
        f"{what}; P99 of {len(values)} runs over states, onsets, units and drawn plants, median "
        f"{shown(percentile(values, 50))} ms; wall at most {hottest:.0f} degC"
    )
    if never:
        context += "; never in " + ", ".join(f"{state} {count}" for state, count in sorted(never.items()))
    if late:
        context += "; late in " + ", ".join(f"{state} {count}" for state, count in sorted(late.items()))
    holds = p99 is not None and p99 <= bar_ms and hottest <= wall_c
    return row(
        __name__, name, "never" if p99 is None else p99, "" if p99 is None else "ms", f"<= {bar_ms}", holds, context
    )
