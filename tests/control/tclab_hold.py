# SPDX-License-Identifier: Apache-2.0
"""Holding a temperature on the `tclab` model: ours with gains from our identification of one step, and the peers with
gains from their own tuning. One reading every 0.1 s for everybody.

Full power stands for 18 W, so that the gains lie within the bounds of `Hold`. The model rounds readings down, by half a
step in the mean: the true temperature is judged against the target with that added, since no controller can know it.
"""

from typing import Any

from contest import PEERS, TUNE_MAX_S, Gains, end, make
from tclab_plant import TclabPlant

from podsteam_firmware.heat.hold import Hold, tracking_ds
from podsteam_firmware.heat.identify import Process, Record
from podsteam_firmware.heat.observer import Track
from podsteam_firmware.heat.rule import Rule

TARGET_C = 50.0
RUN_S = 2400.0
STEP_PERMILLE = 400
STEP_S = 1500
FULL_DW = 180
QUANTUM_K = 0.3223
Result = tuple[float, float, float]


def judged(readings: list[float]) -> Result:
    """Overshoot, bias and standard deviation of the true temperature, the last two over the second half; K."""
    settled = readings[len(readings) // 2 :]
    mean = sum(settled) / len(settled)
    deviation = (sum((value - mean) ** 2 for value in settled) / len(settled)) ** 0.5
    reached = TARGET_C + QUANTUM_K / 2
    return max(readings) - reached, mean - reached, deviation


def identified(seed: int) -> tuple[Rule, Process]:
    """Our gains, from a step of power that was recorded every second."""
    plant = TclabPlant(seed)
    record = Record()
    record.begin(round(1000 * plant.step(1.0, 0)), 1000)
    for _ in range(STEP_S):
        record.add(round(1000 * plant.step(1.0, STEP_PERMILLE)))
    process = Process()
    assert process.identify(record, STEP_PERMILLE * FULL_DW // 1000)
    rule = Rule()
    rule.find(process.stiffness_dw_k, process.lag_ms, process.second_ms, process.delay_ms)
    return rule, process


def ours(seed: int) -> Result:
    """Full power until the controller would no longer ask for it, then `Hold`, as the regimes do it."""
    rule, process = identified(seed)
    hold = Hold()
    hold.kp_dw_k = min(rule.kp_dw_k, 500)
    hold.integral_ds = rule.integral_ms // 100
    hold.derivative_ds = rule.derivative_ms // 100
    hold._tracking_ds = tracking_ds(hold.integral_ds, hold.derivative_ds)
    plant, track = TclabPlant(seed + 50), Track()
    target = round(1000 * TARGET_C)
    loss = round((TARGET_C - plant.ambient_c) * 10000 / process.gain_mk_w())
    holding = False
    power = FULL_DW
    true: list[float] = []
    for _ in range(int(RUN_S * 10)):
        reading = round(1000 * plant.step(0.1, power * 1000 / FULL_DW))
        track.step(reading)
        if not holding:
            excess = hold.excess_dw(target, track.reading_mc(), track.rate_mc_s)
            if excess < FULL_DW - loss:
                hold.enter(target, track.reading_mc(), track.rate_mc_s, excess)
                holding = True
        if holding:
            power = hold.step(target, reading, loss, FULL_DW)
        true.append(plant.true_c)
    return judged(true)


def run(peer: Any, seed: int, seconds: float, until: Any = None) -> list[float]:
    """A peer, or its experiment, on the plant; the true temperatures."""
    plant = TclabPlant(seed)
    reading = plant.step(0.1, 0)
    peer.start(TARGET_C, reading)
    duty = 0.0
    true: list[float] = []
    for tick in range(int(seconds * 10)):
        if tick * 100 % peer.period_ms == 0:
            duty = peer.step(tick / 10, reading)
        reading = plant.step(0.1, 1000 * duty)
        true.append(plant.true_c)
        if until and until():
            break
    return true


def gains(name: str) -> Gains:
    """A peer's gains from its own tuning on this plant."""
    experiment: Any = PEERS[name][0]()
    run(experiment, 1, TUNE_MAX_S, lambda: experiment.gains is not None)
    assert experiment.gains, f"{name} found no gains in {TUNE_MAX_S} s"
    return experiment.gains


def theirs(item: tuple[str, Gains, int]) -> Result:
    """A peer that holds."""
    name, found, seed = item
    peer = make(name, found)
    result = judged(run(peer, seed + 50, RUN_S))
    end(peer)
    return result
