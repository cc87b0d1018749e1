# SPDX-License-Identifier: Apache-2.0
"""The benchmark's own arithmetic against published numbers, and our tuning on every eighth of its processes."""

import math

import numpy as np
import pytest
from batch import Gains, Plant, batch, error, found, half_rule, horizon, judge, sensitivity, simc, tclab
from tclab_plant import TclabPlant


def test_published_numbers() -> None:
    """SIMC on two processes (Skogestad 2003): Ms 1.59 and 1.70; the integral of the error is Ti / Kp."""
    plant = Plant("lag", 1, 1, (1.0,))
    pi = Gains(0.5, 1.0, 0.0, 0.0, 1.0)
    assert sensitivity(plant, pi) == pytest.approx(1.59, abs=0.005)
    assert error(plant, pi, horizon(pi)) == pytest.approx(2.035, rel=0.005)
    plant = Plant("integrator", 1, 1, (), integrates=True)
    pi = simc(plant)
    assert (pi.kp, pi.ti, pi.td) == (0.5, 8.0, 0.0)
    assert sensitivity(plant, pi) == pytest.approx(1.70, abs=0.01)
    assert error(plant, pi, horizon(pi)) == pytest.approx(16.0, rel=0.005)


def test_half_rule() -> None:
    """Skogestad's own example, 1 / ((s + 1)(0.2 s + 1)(0.04 s + 1)(0.008 s + 1)): T2 0.22, L 0.028."""
    plant = next(plant for plant in batch() if plant.name == "P5 a=0.2")
    assert half_rule(plant) == pytest.approx((1, 1, 0.22, 0.028))
    assert half_rule(Plant("P6", 1, 0.3, (0.7,), integrates=True)) == (1, math.inf, 0.7, 0.3)


def test_unstable_is_told() -> None:
    plant = Plant("integrator", 1, 1, (), integrates=True)
    assert sensitivity(plant, Gains(1.7, 8.0, 0.0, 0.0, 1.0)) == math.inf


@pytest.mark.parametrize(
    "plant", [plant for plant in batch() if not plant.integrates][::7], ids=lambda plant: plant.name
)
def test_steps_are_exact_and_monotone(plant: Plant) -> None:
    """Against the transfer function: the step's Laplace transform at s = 1 / span is G(s) / s."""
    period = plant.span / 100
    y = plant.step(period, 4000)
    s = 1 / plant.span
    # Simpson's rule but for the corner at the dead time.
    weight = np.full(4001, 1.0)
    weight[0] = weight[-1] = 0.5
    integral = float((weight * y * np.exp(-s * period * np.arange(4001))).sum() * period)
    assert integral == pytest.approx(abs(plant(complex(s))) / s, rel=2e-3)
    assert np.diff(y).min() >= -1e-9


def test_the_processes_left_out_turn_back() -> None:
    for plant in (Plant("P9", 1, 0, (1.0,), quadratic=0.8), Plant("P8", 1, 0, (1.0, 1.0, 1.0), zero=-0.1)):
        assert np.diff(plant.step(0.02, 2000)).min() < -1e-6


def test_all_processes_are_there() -> None:
    """21 + 21 + 10 + 6 + 9 + 9 + 36 + 7."""
    names = [plant.name for plant in batch()]
    assert len(names) == len(set(names)) == 119


@pytest.mark.parametrize("plant", batch()[3::8], ids=lambda plant: plant.name)
def test_robust_on_a_slice(plant: Plant) -> None:
    ms, _ = judge(plant)
    assert ms <= 1.7


def test_tclab_is_what_its_equations_say() -> None:
    """The transfer function against the package's model, in K for 100 %; then gains from a step of that model."""
    model = TclabPlant()
    seconds = [float(i) for i in range(1, 2001)]
    readings = []
    for _ in seconds:
        model.step(1.0, 1000)
        readings.append(model.true_c - model.ambient_c)
    ours = tclab().step(1.0, 2000)
    assert abs(np.array(readings) - ours[1:]).max() <= 0.02 * ours[-1]
    gains = found([0, *(round(1000 * reading) for reading in readings)], 1.0, 1.0, "tclab")
    assert sensitivity(tclab(), gains) <= 1.6
