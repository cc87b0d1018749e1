# SPDX-License-Identifier: Apache-2.0
"""Our tuning on the benchmark of Astrom and Hagglund and on `tclab`, against SIMC of the same structure."""

from importlib.metadata import version

from batch import batch, found, judge, sensitivity, tclab
from publish import Publisher, Recorder
from runs import quantile, shared
from tclab_plant import TclabPlant

STEP_S = 2400
NOTE = (
    "monotone processes of the Astrom-Hagglund benchmark (without (1 - a s) / (s + 1)^3 and the last family for "
    "T >= 0.8) and tclab {tclab}, gains from our identification of a noise-free step"
)


def tclab_ms() -> float:
    """Ms on the model of `tclab`, tuned from its own step, before noise and rounding."""
    plant = TclabPlant()
    readings = [0]
    for _ in range(STEP_S):
        plant.step(1.0, 1000)
        readings.append(round(1000 * (plant.true_c - plant.ambient_c)))
    return sensitivity(tclab(), found(readings, 1.0, 1.0, "tclab"))


def test_batch(record_figure: Recorder) -> None:
    publisher = Publisher(record_figure)
    plants = batch()
    judged = shared(judge, plants)
    values = [ms for ms, _ in judged] + [tclab_ms()]
    ratios = [ratio for _, ratio in judged]
    note = f"{len(values)} " + NOTE.format(tclab=version("tclab"))
    spread = f"median {quantile(values, 0.5):.3g}, P95 {quantile(values, 0.95):.3g}, tclab {values[-1]:.3g}"
    worst = max(zip(values, [*(plant.name for plant in plants), "tclab"]))[1]
    publisher.row("batch_ms_max", max(values), "", 1.7, f"{note}; {spread}, worst {worst}", digits=4)
    within = sum(value <= 1.6 for value in values) / len(values)
    publisher.at_least("batch_ms_within_1_6", within, "", 0.9, f"{note}; {spread}")
    losses = sorted((ratio, plant.name) for ratio, plant in zip(ratios, plants))
    context = (
        "integral of the absolute error after a step of load over that of SIMC's PID (tc = L, half rule), median of "
    )
    context += f"{len(ratios)} (tclab has no dead time for SIMC); P10 {quantile(ratios, 0.1):.2g}, P90 "
    context += f"{quantile(ratios, 0.9):.2g}; better on {sum(ratio < 1 for ratio in ratios)}, where T2 is far above L "
    context += f"worse: {losses[-1][1]} by {losses[-1][0]:.3g}"
    publisher.row("batch_iae_over_simc", quantile(ratios, 0.5), "", 1.0, context)
    publisher.check()
