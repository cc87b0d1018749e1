# SPDX-License-Identifier: Apache-2.0
"""Boiling dry: the water goes, the switch says that there is some, and the wall must not get hot.

The onset is when the true wall has passed its plateau by 5 K. The plateau is where the wall was while the water still
covered it. Two ways: the boiler boils dry in a session by itself, or the water is gone from one moment to the next.
"""

from typing import Any

from published import Mapped, Rows, row
from reactions import percentile
from unit import Unit

from podsteam.wire import messages as w
from podsteam_twin.boiler import envelope
from podsteam_twin.boiler.constants import Constants

ONSET_MC = 5000
OFF_MS = 5000
SLOW_S = 3.0
"""The board calls for a wall sensor no slower than this; slower ones are reported apart."""
LEFT_G = 10.0
"""Of water beyond what covers the wall: a boiler that nobody filled up."""
WATCH_S = 600
STEP_S = 0.1


def plant_of(seed: int, slow: bool, by_itself: bool) -> dict[str, float]:
    """A drawn boiler; one that is to boil dry by itself is almost empty at the start."""
    plant = envelope.draw(seed, slow=slow)
    if slow:
        # Those that the board would refuse: a wall sensor slower than it calls for.
        plant["wall_lag_s"] = SLOW_S + plant["wall_lag_s"] * (envelope.SLOW_S - SLOW_S) / envelope.SLOW_S
    if by_itself:
        plant["capacity_g"] = max(plant["capacity_g"], plant["water_g"])
        plant["water_g"] = min(plant["water_g"], plant["dry_g"] + LEFT_G)
    return plant


def play(seed: int, slow: bool = False, by_itself: bool = True, mute: tuple[str, ...] = ()) -> dict[str, Any]:
    """One boiler that goes dry. `off_ms`: onset to last half-cycle, 0: it was off before, None: it stays on; `wall_c`:
    the wall at its hottest; `told`: the code."""
    unit = Unit("cpython", seed, plant_of(seed, slow, by_itself), drawn=True, steam_s=WATCH_S)
    unit.control("fault", name="water_stuck")
    for path in mute:
        unit.control("upset", kind="mute", path=path)
    covered_mg = int((unit.plant.get("dry_g", Constants.dry_g) + 1) * 1000)
    try:
        unit.reach("WARM_UP")
        if not by_itself:
            unit.until("state", w.StateValue.STEAM)
            unit.run(10)
            unit.control("fault", name="dry")
        return _watch(unit, covered_mg, by_itself)
    finally:
        unit.close()


def _watch(unit: Unit, covered_mg: int, by_itself: bool) -> dict[str, Any]:
    plateau_mc = None if by_itself else unit.truth()["wall_mc"]
    onset_us = None
    end_us = unit.now_us + WATCH_S * 1_000_000
    truth = unit.truth()
    while unit.now_us < end_us:
        unit.run(STEP_S)
        truth = unit.truth()
        if plateau_mc is None and truth["water_mg"] < covered_mg:
            plateau_mc = truth["wall_mc"]
        if plateau_mc is not None and onset_us is None and truth["wall_mc"] >= plateau_mc + ONSET_MC:
            onset_us = unit.now_us
        if unit.now_us - truth["current_us"] > 20_000_000 and (truth["latched"] or truth["state"] == 0):
            break
    over = unit.now_us - truth["current_us"] > 20_000_000
    off_ms = None if onset_us is None else max(truth["current_us"] - onset_us, 0) // 1000
    return {
        "off_ms": (0 if onset_us is None else off_ms) if over else None,
        "came": onset_us is not None,
        "wall_c": truth["peak_wall_mc"] / 1000,
        "told": truth["latched"],
        "plateau_c": (plateau_mc or 0) / 1000,
    }


def _play(job: tuple[int, bool, bool]) -> tuple[bool, dict[str, Any] | None]:
    """Whether its sensor is slow, and what was seen; None: this boiler never made steam."""
    try:
        return job[1], play(*job)
    except AssertionError:
        return job[1], None


def figures(mapped: Mapped, brief: bool) -> Rows:
    """On drawn plants; those with slower sensors than the board calls for apart."""
    seeds = range(301, 303 if brief else 361)
    jobs = [(seed, slow, itself) for slow in (False, True) for itself in (True, False) for seed in seeds]
    seen = list(mapped(_play, jobs))
    return [_row(slow, [found for is_slow, found in seen if is_slow == slow]) for slow in (False, True)]


def _row(slow: bool, tried: list[dict[str, Any] | None]) -> dict[str, Any]:
    good = [found for found in tried if found is not None]
    p99 = percentile([found["off_ms"] for found in good])
    hottest = max(found["wall_c"] for found in good)
    before = sum(not found["came"] for found in good)
    context = (
        f"true wall 5 K over its plateau to last half-cycle, P99 of {len(good)} drawn boilers, half boil dry by "
        f"themselves, half lose their water at once; off before that in {before}; wall at most {hottest:.0f} degC"
    )
    if len(good) < len(tried):
        context += f"; {len(tried) - len(good)} never made steam"
    holds = p99 is not None and p99 <= OFF_MS and hottest <= 140
    if slow:
        context += f"; wall sensors of {SLOW_S:g} to 8 s, slower than the board calls for"
    name = "safety/dry_boil_slow_sensor" if slow else "safety/dry_boil"
    return row(__name__, name, "never" if p99 is None else p99, "ms", f"<= {OFF_MS}", holds, context)
