# SPDX-License-Identifier: Apache-2.0
"""The firmware stopped at each of its lines: it hangs there, stands still for a long garbage collection, or raises.

On CPython, where every line can be seen. `span` counts the lines of two ticks and of what runs between them; `strike`
stops a copy of the unit at one of them. The relay's charge pump holds on as long as the worst board's may.
"""

import sys
from collections import Counter
from types import FrameType
from typing import Any

import forks
from published import Mapped, Rows, row
from unit import Unit

from podsteam_twin.upsets import Upset

WAYS = ("hang", "pause", "raise")
PAUSE_US = 1_500_000
"""A garbage collection with external memory, as it was measured once: longer than the watchdog waits."""
FOREVER_US = 3_600_000_000
SPAN_US = 100_000
WATCH_S = 4.0
HOLD_MS = 250
"""The relay's hold-up at the upper end of what the board allows: 120 to 250 ms."""
OURS = "podsteam_firmware"


class _Stop:
    """Counts the firmware's lines; at number `at` it does what `way` says. Installed as the trace function."""

    def __init__(self, unit: Unit, at: int, way: str) -> None:
        self._world = unit.bench.twin.machine.world  # type: ignore[attr-defined]
        self._at = at
        self._way = way
        self.lines = 0
        self.struck_us = -1
        self.where = ""

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        if OURS not in frame.f_code.co_filename:
            return None
        if event == "line":
            self.lines += 1
            if self.lines - 1 == self._at:
                self._stop(frame)
        return self

    def _stop(self, frame: FrameType) -> None:
        world = self._world
        self.struck_us = world.t_us
        self.where = f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"
        if self._way == "raise":
            raise Upset(self.where)
        world.stall(FOREVER_US if self._way == "hang" else PAUSE_US)


def _run(unit: Unit, at: int, way: str) -> _Stop:
    stop = _Stop(unit, at, way)
    # Not through the bench, which afterwards asks the firmware how long its lease lasts: such lines are not its own.
    machine = unit.bench.twin.machine  # type: ignore[attr-defined]
    until_us = machine.world.t_us + SPAN_US
    before = sys.gettrace()
    sys.settrace(stop)
    try:
        machine.run(until_us)
    finally:
        sys.settrace(before)
    return stop


def prepare(state: str, seed: int, after_s: float = 2.0) -> Unit:
    """A unit that has been in this state for a while, on the board whose relay opens latest."""
    unit = Unit("cpython", seed, {})
    unit.reach(state)
    unit.run(0.0 if state == "DOSING" else after_s)
    unit.control("fault", name="relay_slow", value=HOLD_MS)
    # So that the last edge before has the long hold-up too.
    unit.run(0.0 if state == "DOSING" else 0.3)
    return unit


def span(unit: Unit) -> int:
    """How many lines of the firmware run in the next 0.1 s."""
    return forks.forked(lambda: _run(unit, -1, "").lines)


def strike(unit: Unit, at: int, way: str) -> dict[str, Any]:
    """Stop a copy of the unit at line number `at`. Times in ms from there to the last half-cycle and to the open relay;
    `again`: half-cycles and drops after it started anew, which must be none."""
    return forks.forked(lambda: _strike(unit, at, way))


def _strike(unit: Unit, at: int, way: str) -> dict[str, Any]:
    stop = _run(unit, at, way)
    assert stop.struck_us >= 0, "the line was never reached"
    first = unit.truth()
    unit.run(WATCH_S)
    truth = unit.truth()
    return {
        "where": stop.where,
        "ssr_ms": max(truth["current_us"] - stop.struck_us, 0) / 1000,
        "relay_ms": max(truth["relay_drop_us"] - stop.struck_us, 0) / 1000,
        "valve_ms": max(truth["flow_us"] - stop.struck_us, 0) / 1000,
        "again": truth["relay_closed"] or truth["load_halves"] - first["load_halves"] > 50,
        "state": truth["state"],
    }


def _each(job: tuple[str, int, int]) -> list[tuple[str, dict[str, Any]]]:
    state, seed, step = job
    unit = prepare(state, seed)
    return [(way, strike(unit, at, way)) for way in WAYS for at in range(0, span(unit), step)]


def figures(mapped: Mapped, brief: bool) -> Rows:
    """Every line of two ticks in every state that heats."""
    states = ("PROBE", "HEAT", "HOLD", "STEAM", "DOSING")
    seeds = (1,) if brief else (1, 2)
    jobs = [(state, seed, 97 if brief else 1) for state in states for seed in seeds]
    seen = [each for found in mapped(_each, jobs) for each in found]
    worst = {key: max(each[key] for _, each in seen) for key in ("ssr_ms", "relay_ms", "valve_ms")}
    again = sum(bool(each["again"]) for _, each in seen)
    ways = Counter(way for way, _ in seen)
    tried = ", ".join(f"{count} {way}" for way, count in sorted(ways.items()))
    how = (
        f"worst of every line of two ticks in {len(states)} states ({tried}); {again} heated again after the restart; "
    )
    ssr = how + "a burst under way ends by itself after 200 ms at most, a half-cycle at its zero crossing"
    relay = how + f"{HOLD_MS} ms of it are the charge pump's hold-up on the worst board, which firmware cannot change"
    valve = "last drop after the firmware stopped at any of its lines; a pulse ends by itself"
    bars = (("ssr", 500, ssr), ("relay", 300, relay), ("valve", 1000, valve))
    return [
        row(
            __name__,
            f"safety/hang_{part}",
            worst[f"{part}_ms"],
            "ms",
            f"<= {bar}",
            worst[f"{part}_ms"] <= bar and not again,
            context,
        )
        for part, bar, context in bars
    ]
