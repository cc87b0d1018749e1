# SPDX-License-Identifier: Apache-2.0
"""Negative controls: each detector is left out once, and its fault must then do harm.

A control is a fault, the bars that the whole firmware keeps, and the detector without which one of them is missed. That
shows two things: the fault is real, and nothing else would have caught it in time, so the detector is worth its place.
"""

from dataclasses import dataclass, field
from typing import Any

import fault_cells
from left_out import FIRM, LOAD, THERMAL, UNFOLDED
from published import Mapped, Rows, row


@dataclass(frozen=True)
class Control:
    """`detector`: for people; `mute`: what is left out; `place`, `fault` and `cell`: as in the fault matrix; `apart`:
    detectors that are left out in both runs, because they would step in sooner."""

    detector: str
    mute: tuple[str, ...]
    fault: str
    place: str
    cell: dict[str, Any] = field(default_factory=dict)
    apart: tuple[str, ...] = ()


WELD = FIRM + "weld.step"
MAINS = FIRM + "_mains"
OPENED = {"poke": {FIRM + "weld.passed": True}}
"""For runs without the relay's test: it passed, once and for all."""
CONTROLS = (
    Control(
        "range", (FIRM + "_ranges._wrong",), "wall_open", "HEAT+20", {"off_ms": 250}, (*THERMAL, FIRM + "_noisy.step")
    ),
    Control("range", (FIRM + "_ranges._wrong",), "water_short", "HEAT+20", {"off_ms": 250}),
    Control("reference", (FIRM + "_ranges._wrong",), "reference_off", "STEAM+15", {"off_ms": 250}),
    Control(
        "over-temperature",
        (FIRM + "_ranges._over_temperature",),
        "dry",
        "STEAM+5",
        {"also": ["water_stuck"], "watch_s": 200, "wall_c": 150, "poke": UNFOLDED},
        THERMAL,
    ),
    Control("frozen", (FIRM + "_frozen.step",), "wall_frozen", "HEAT+3", {"off_ms": 3000}, (FIRM + "_rise.step",)),
    Control("frozen", (FIRM + "_frozen.step",), "water_frozen", "STEAM+15", {"off_ms": 30000, "watch_s": 40}),
    Control("noisy", (FIRM + "_noisy.step",), "wall_noisy", "STEAM+15", {"off_ms": 10000}),
    Control("detached", (FIRM + "_detached.step",), "wall_detached", "STEAM+15", {"off_ms": 3000, "watch_s": 40}),
    Control(
        "unmoved",
        (FIRM + "_unmoved.step",),
        "water_held",
        "HEAT+20",
        {"watch_s": 150},
        (FIRM + "_swapped.step",),
    ),
    Control(
        "unmoved, keeping warm",
        (FIRM + "_unmoved._far_wall",),
        "water_held",
        "HOLD+30",
        {"value": 55, "watch_s": 120, "wall_c": 96},
    ),
    Control(
        "swapped",
        (FIRM + "_swapped.step",),
        "wall_water_swapped",
        "IDLE+6",
        {"expected": "fault SENSORS_SWAPPED", "off_ms": 30000, "watch_s": 60},
        tuple(step for step in THERMAL if "swapped" not in step),
    ),
    Control("load sense, open", (LOAD,), "element_open", "HEAT+20", {"expected": "fault ELEMENT_OPEN", "seen_ms": 500}),
    Control("load sense, welded", (LOAD,), "ssr_welded", "STEAM+15", {"off_ms": 400}),
    Control("rise", (FIRM + "_rise.step",), "element_open", "HEAT+3", {"expected": "fault HEATING_FAILED"}, (LOAD,)),
    Control(
        "cooling",
        (FIRM + "_cooling.step",),
        "ssr_welded",
        "HOLD+30",
        {"expected": "fault SSR_WELDED", "watch_s": 60},
        (LOAD, *(step for step in THERMAL if "cooling" not in step)),
    ),
    Control(
        "relay test", (WELD,), "relay_welded", "STEAM+15", {"expected": "fault RELAY_WELDED", "watch_s": 250, **OPENED}
    ),
    Control("dry", (FIRM + "_dry.step",), "dry", "STEAM+15", {"also": ["water_stuck"], "wall_c": 130, "off_ms": 20000}),
    Control("clock", (FIRM + "_clock.step",), "clock_wrong", "STEAM+15", {"off_ms": 2000}),
    Control(
        "stale samples",
        (FIRM + "_samples",),
        "mute",
        "HEAT+20",
        {"path": "hal.sample", "off_ms": 500},
        (MAINS, "core.session._conditions", FIRM + "_clock.step", LOAD),
    ),
    Control("lease", (FIRM + "_lease",), "host_silent", "STEAM+15", {"off_ms": 2000, "relay_ms": 2300}),
    Control("memory", (FIRM + "_memory",), "flip", "HEAT+20", {"path": FIRM + "_on_ms", "bit": 12, "off_ms": 250}),
)


def cell_of(control: Control, muted: bool) -> fault_cells.Cell:
    """The cell of the fault matrix that this control plays, with its detector or without."""
    state, _, after_s = control.place.partition("+")
    mute = [*control.apart, *(control.mute if muted else ())]
    base = {"fault": control.fault, "mode": "stays", "expected": "off", "watch_s": 30, "wall_c": 140, **control.cell}
    return fault_cells.filled({**base, "state": state, "after_s": float(after_s), "mute": mute})


def play(control: Control, muted: bool, seed: int = 1) -> list[str]:
    """Which bars were missed."""
    misses: list[str] = fault_cells.play(cell_of(control, muted), (seed, False), "cpython")["misses"]
    return misses


def name_of(control: Control) -> str:
    """For people and for pytest."""
    return f"{control.detector}: {control.fault} {control.place}"


def _play(job: tuple[int, bool]) -> tuple[int, bool, list[str] | None]:
    """What was missed; None: it cannot be played."""
    index, muted = job
    try:
        return index, muted, play(CONTROLS[index], muted)
    except AssertionError:
        return index, muted, None


def figures(mapped: Mapped, brief: bool) -> Rows:
    """Each detector left out once: its fault must hurt, and must not with it."""
    jobs = [(index, muted) for index in range(len(CONTROLS)) for muted in (False, True)]
    seen = {(index, muted): misses for index, muted, misses in mapped(_play, jobs)}
    bad: list[str] = []
    for index, control in enumerate(CONTROLS):
        whole, without = seen[index, False], seen[index, True]
        if whole is None or without is None:
            bad.append(f"{name_of(control)} cannot be played")
        elif whole:
            bad.append(f"{name_of(control)} is missed with it ({whole[0]})")
        elif not without:
            bad.append(f"{name_of(control)}: nothing is missed without it")
    count = len(CONTROLS)
    context = "detectors without which their fault misses its bar, and with which it does not"
    context += "".join(f"; {each}" for each in bad)
    return [row(__name__, "safety/negative_controls", count - len(bad), "", f"all {count}", not bad, context)]
