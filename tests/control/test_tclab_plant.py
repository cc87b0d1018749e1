# SPDX-License-Identifier: Apache-2.0
"""The adapter to PyPI `tclab` gives that package's model, in simulated time and the same for the same seed."""

import math
import statistics
import time

import pytest
from tclab_plant import TclabPlant


def test_it_starts_in_the_room_and_stays_there() -> None:
    plant = TclabPlant()
    readings = [plant.step(1.0, 0) for _ in range(300)]
    assert plant.true_c == plant.ambient_c == 21.0
    assert statistics.mean(readings) == pytest.approx(21.0, abs=0.4)
    assert plant.seconds == 300.0


def test_full_power_settles_where_the_model_says() -> None:
    """The model's two heaters at rest: 0 = P Q / 5720 + (Ta - H) / 20 - (H1 - H2) / 100, and the other's likewise."""
    plant = TclabPlant()
    for _ in range(2500):
        plant.step(1.0, 1000)
    rise_k = 200 * 100 / 5720 / (1 / 20 + 1 / 100 - (1 / 100) ** 2 / (1 / 20 + 1 / 100))
    assert plant.true_c - plant.ambient_c == pytest.approx(rise_k, abs=0.01)
    assert rise_k == pytest.approx(60.0, abs=0.1)
    assert plant.heater_c == pytest.approx(plant.true_c, abs=0.01)


def test_the_sensor_lags_its_heater_by_140_s() -> None:
    plant = TclabPlant()
    for _ in range(600):
        plant.step(1.0, 500)
    # 140 dT/dt = H - T, by the difference over a second.
    before_c, gap_k = plant.true_c, plant.heater_c - plant.true_c
    plant.step(1.0, 500)
    assert plant.true_c - before_c == pytest.approx(gap_k / 140, rel=0.01)


def test_readings_are_rounded_and_noisy_as_its_authors_made_them() -> None:
    plant = TclabPlant()
    for _ in range(60):
        plant.step(10.0, 400)
    readings = [plant.step(0.001, 400) for _ in range(3000)]
    for reading in set(readings):
        assert math.isclose(reading / 0.3223, round(reading / 0.3223), abs_tol=1e-6)
    # It rounds downwards: half a step low in the mean.
    assert statistics.mean(readings) == pytest.approx(plant.true_c - 0.16, abs=0.17)
    assert len(set(readings)) <= 3


def test_a_seed_gives_the_same_run_and_another_another() -> None:
    runs = []
    for seed in (3, 3, 4):
        plant = TclabPlant(seed)
        runs.append([plant.step(1.0, 700) for _ in range(400)])
    assert runs[0] == runs[1] != runs[2]


def test_power_is_cut_to_its_range() -> None:
    over, full, under, off = TclabPlant(), TclabPlant(), TclabPlant(), TclabPlant()
    for plant, power in ((over, 4000), (full, 1000), (under, -50), (off, 0)):
        plant.step(60.0, power)
    assert over.true_c == full.true_c > off.true_c == under.true_c


def test_the_heater_beside_disturbs() -> None:
    quiet, disturbed, later = TclabPlant(), TclabPlant(other_percent=100.0), TclabPlant()
    later.disturb(100.0)
    for _ in range(600):
        for plant in (quiet, disturbed, later):
            plant.step(1.0, 300)
    assert disturbed.true_c == later.true_c > quiet.true_c + 3


def test_it_runs_in_simulated_time_and_silently(capsys: pytest.CaptureFixture[str]) -> None:
    plant = TclabPlant()
    begin = time.perf_counter()
    for _ in range(3600):
        plant.step(1.0, 500)
    assert time.perf_counter() - begin < 5
    assert capsys.readouterr().out == ""
