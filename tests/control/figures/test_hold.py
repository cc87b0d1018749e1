# SPDX-License-Identifier: Apache-2.0
"""Holding 90 degC with 0.12 K of noise: ours and the peers in one run, on the same plants and seeds."""

from importlib.metadata import version

import pytest
import tclab_hold
from contest import PEERS, tuned
from peers import klipper
from publish import Publisher, Recorder
from runs import HOLD_C, hold_case, hold_drawn, hold_ours, hold_peer, quantile, shared

SEEDS = range(1, 6)
DRAWN = range(40)
BARS = {"overshoot": 0.5, "bias": 0.2, "sd": 0.1}
Hold = tuple[float, float, float]


def worst(rows: list[Hold], part: float = 1.0) -> list[float]:
    """Largest overshoot, bias and deviation."""
    return [quantile([abs(row[i]) if i else max(row[i], 0.0) for row in rows], part) for i in range(3)]


@pytest.fixture(scope="module")
def ours() -> list[Hold]:
    return shared(hold_ours, [hold_case(seed) for seed in SEEDS])


def peers_at_hand() -> list[str]:
    """All, or without Klipper where it cannot be had."""
    try:
        klipper.folder()
    except klipper.Missing:
        return [name for name in PEERS if name != "klipper"]
    return list(PEERS)


def theirs(name: str, sensor: str) -> tuple[list[float], float]:
    """The worst of a peer that holds what `sensor` shows, on as many seeds as ours has, and how long it tuned, s.
    The wall is what these controllers were made for."""
    gains, tune_s = tuned(name, hold_case(1), sensor, HOLD_C)
    return worst(shared(hold_peer, [(name, gains, hold_case(seed), sensor) for seed in SEEDS])), tune_s


def test_hold_against_the_peers(ours: list[Hold], record_figure: Recorder) -> None:
    publisher = Publisher(record_figure)
    best = [1e9, 1e9, 1e9]
    best_wall = list(best)
    for name in peers_at_hand():
        values, tune_s = theirs(name, "water")
        walls, _ = theirs(name, "wall")
        best = [min(entry) for entry in zip(best, values)]
        best_wall = [min(entry) for entry in zip(best_wall, walls)]
        for i, what in enumerate(BARS):
            context = f"{getattr(PEERS[name][1], 'name', name)}, gains from its own tuning ({tune_s:.0f} s), worst of "
            context += f"{len(SEEDS)} seeds on the water's sensor; on the wall's, judged at the wall: {walls[i]:.2g} K"
            publisher.row(f"hold_{what}_{name}", values[i], "K", None, context)
    values = worst(ours)
    drawn = shared(hold_ours, [hold_drawn(seed) for seed in DRAWN])
    layered = shared(hold_ours, [hold_case(seed, "layered") for seed in SEEDS])
    for i, (what, bar) in enumerate(BARS.items()):
        context = f"true water at 90 degC from cold, 0.12 K of noise, 15 min, worst of {len(SEEDS)} seeds; best peer "
        context += f"at the same {best[i]:.2g} K, at holding the wall instead {best_wall[i]:.2g} K; "
        context += f"layered plant {worst(layered)[i]:.2g} K; {len(DRAWN)} drawn plants P95 "
        context += f"{worst(drawn, 0.95)[i]:.2g} K, worst {worst(drawn)[i]:.2g} K"
        publisher.row(f"hold_{what}", values[i], "K", min(bar, best[i]), context)
    publisher.check()


def test_hold_on_tclab(record_figure: Recorder) -> None:
    """A plant that nobody here wrote; slow, with readings in steps of 0.32 K."""
    publisher = Publisher(record_figure)
    seeds = range(1, 6)
    theirs = {}
    for name in peers_at_hand():
        found = tclab_hold.gains(name)
        theirs[name] = worst(shared(tclab_hold.theirs, [(name, found, seed) for seed in seeds]))
    values = worst(shared(tclab_hold.ours, seeds))
    for i, (what, bar) in enumerate(BARS.items()):
        context = f"model of PyPI tclab {version('tclab')} held at {tclab_hold.TARGET_C:g} degC from cold for "
        context += (
            f"{tclab_hold.RUN_S / 60:g} min, worst of {len(seeds)} seeds, gains from our identification of a step; "
        )
        context += "the peers' from their own tuning: " + ", ".join(f"{n} {v[i]:.2g} K" for n, v in theirs.items())
        publisher.row(f"hold_{what}_tclab", values[i], "K", bar, context)
    publisher.check()


def test_klipper_takes_part() -> None:
    try:
        klipper.folder()
    except klipper.Missing as reason:
        pytest.skip(str(reason))
