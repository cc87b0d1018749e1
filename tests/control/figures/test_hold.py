# SPDX-License-Identifier: Apache-2.0
"""Holding 90 degC with 0.12 K of noise: ours and the peers in one run, on the same plants and seeds."""

from importlib.metadata import version

import pytest
import tclab_hold
from contest import PEERS, end, hold_run, make, seated, tuned
from peers import klipper
from publish import Publisher, Recorder
from runs import HOLD_C, HOLD_S, hold_case, hold_drawn, hold_ours, hold_peer, quantile, shared

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


def on_the_wall(name: str) -> list[float]:
    """The peer tuned on the wall's sensor and judged by the wall, one seed: what it was made for."""
    case = hold_case(1)
    gains, _ = tuned(name, case, "wall", HOLD_C)
    peer = make(name, gains)
    loop, seat = seated(case, peer, "wall")
    seat.start(HOLD_C)
    hold_run(loop, HOLD_C, HOLD_S)
    end(peer)
    walls = [row.wall for row in loop.rows]
    settled = walls[len(walls) // 2 :]
    mean = sum(settled) / len(settled)
    deviation = (sum((value - mean) ** 2 for value in settled) / len(settled)) ** 0.5
    return [max(walls) - HOLD_C, abs(mean - HOLD_C), deviation]


def test_hold_against_the_peers(ours: list[Hold], record_figure: Recorder) -> None:
    publisher = Publisher(record_figure)
    best = [1e9, 1e9, 1e9]
    for name in peers_at_hand():
        gains, tune_s = tuned(name, hold_case(1), "water", HOLD_C)
        values = worst(shared(hold_peer, [(name, gains, hold_case(seed)) for seed in SEEDS]))
        walls = on_the_wall(name)
        best = [min(entry) for entry in zip(best, values, walls)]
        for i, what in enumerate(BARS):
            context = f"{getattr(PEERS[name][1], 'name', name)}, gains from its own tuning ({tune_s:.0f} s), worst of "
            context += f"{len(SEEDS)} seeds on the water's sensor; on the wall's, judged at the wall: {walls[i]:.2g} K"
            publisher.row(f"hold_{what}_{name}", values[i], "K", None, context)
    values = worst(ours)
    drawn = shared(hold_ours, [hold_drawn(seed) for seed in DRAWN])
    layered = shared(hold_ours, [hold_case(seed, "layered") for seed in SEEDS])
    for i, (what, bar) in enumerate(BARS.items()):
        context = f"true water at 90 degC from cold, 0.12 K of noise, 15 min, worst of {len(SEEDS)} seeds; best peer "
        context += f"{best[i]:.2g} K; layered plant {worst(layered)[i]:.2g} K; {len(DRAWN)} drawn plants P95 "
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
