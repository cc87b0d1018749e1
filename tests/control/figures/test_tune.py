# SPDX-License-Identifier: Apache-2.0
"""Autotune on fifty drawn boilers and on as many of another structure."""

from publish import Publisher, Recorder
from runs import quantile, shared
from tuning import Tuning, tuning

SEEDS = range(100, 150)


def sound(result: Tuning) -> bool:
    """Done, without a fault and without boiling, with a heat capacity that is right to 15 %."""
    return result.done and result.fault == 0 and result.steam_g == 0 and abs(result.capacity - 1) <= 0.15


def ends(values: list[float]) -> str:
    """Smallest and largest."""
    return f"{min(values):.2f} to {max(values):.2f}"


def test_autotune(record_figure: Recorder) -> None:
    publisher = Publisher(record_figure)
    results: list[Tuning] = shared(tuning, [(seed, "lumped") for seed in SEEDS])
    layered: list[Tuning] = shared(tuning, [(seed, "layered") for seed in SEEDS])
    done = sum(map(sound, results)) / len(results)
    other = sum(map(sound, layered)) / len(layered)
    context = f"{len(results)} drawn boilers, 8 to 120 g, done, unfaulted, nothing boiled, heat capacity within 15 %; "
    context += f"found over true: heat capacity {ends([r.capacity for r in results])}, metal "
    context += f"{ends([r.metal for r in results])}, loss {ends([r.loss for r in results])}, lag from wall to water "
    context += f"{ends([r.lag for r in results])}; layered plant {100 * other:.0f} %, heat capacity "
    context += ends([r.capacity for r in layered])
    publisher.at_least("autotune_success", 100 * done, "%", 100, context)
    ratios = [result.ratio for result in results]
    context = (
        f"whole tuning over full power to the highest water temperature that it had, worst of {len(ratios)}; median "
    )
    context += f"{quantile(ratios, 0.5):.3g}, P95 {quantile(ratios, 0.95):.3g}; layered plant worst "
    context += f"{max(result.ratio for result in layered):.3g}"
    publisher.row("autotune_time_over_heatup", max(ratios), "", 1.8, context)
    publisher.check()
