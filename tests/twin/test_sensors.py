# SPDX-License-Identifier: Apache-2.0
"""The analogue inputs against the Beta equation, and every way in which they can be wrong."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.plant import Boiler
from podsteam_twin.electrics import Mains
from podsteam_twin.rng import Rng
from podsteam_twin.sensors import Sensors, ntc_uv


def exact_uv(c: float) -> float:
    ohm = 100_000 * math.exp(3950 * (1 / (c + 273.15) - 1 / 298.15))
    return 2_500_000 * ohm / (ohm + 22_000)


def temperature_c(uv: float) -> float:
    ohm = 22_000 * uv / (2_500_000 - uv)
    return 1 / (math.log(ohm / 100_000) / 3950 + 1 / 298.15) - 273.15


def board(seed: int = 1, **overrides: float) -> tuple[Boiler, Mains, Sensors]:
    constants = Constants(**overrides)
    boiler = Boiler(constants)
    mains = Mains(constants.mains_v, 50_000)
    return boiler, mains, Sensors(boiler, mains, constants, seed)


QUIET = {"adc_noise_uv": 0.0}


@given(st.floats(-20, 220))
def test_the_curve_is_that_of_the_beta_equation(c: float) -> None:
    assert temperature_c(ntc_uv(c)) == pytest.approx(c, abs=0.05)
    assert temperature_c(exact_uv(c)) == pytest.approx(c, abs=1e-6)


def test_the_curve_ends() -> None:
    assert ntc_uv(-40) == ntc_uv(-20) == pytest.approx(exact_uv(-20), abs=0.5)
    assert ntc_uv(500) == ntc_uv(220) == pytest.approx(exact_uv(220), abs=0.5)


def test_each_channel_reads_its_own_place() -> None:
    boiler, mains, inputs = board(**QUIET)
    boiler.wall_probe_c, boiler.water_probe_c, boiler.outlet_probe_c = 110.0, 97.0, 45.0
    boiler.wall_c = boiler.water_c = boiler.outlet_c = 60.0
    mains.change(0, 211.0, 50_000)
    assert inputs.wall_uv() == pytest.approx(exact_uv(110), abs=200)
    assert inputs.water_uv() == pytest.approx(exact_uv(97), abs=200)
    assert inputs.outlet_uv() == pytest.approx(exact_uv(45), abs=200)
    assert inputs.reference_uv() == 1_250_000
    assert inputs.mains_uv() == 1_055_000


def test_noise_and_quantum() -> None:
    _, _, inputs = board(adc_noise_uv=400.0)
    readings = [inputs.reference_uv() for _ in range(2000)]
    assert all(reading % 100 == 0 for reading in readings)
    assert statistics.mean(readings) == pytest.approx(1_250_000, abs=40)
    assert statistics.stdev(readings) == pytest.approx(400, rel=0.1)
    inputs.reference.noise_factor = 3.0
    assert statistics.stdev([inputs.reference_uv() for _ in range(2000)]) == pytest.approx(1200, rel=0.1)
    inputs.reference.noise_factor = 0.0
    assert {inputs.reference_uv() for _ in range(50)} == {1_250_000}


def test_noise_is_decided_by_the_seed_and_each_channel_has_its_own() -> None:
    first, again, other = (board(seed)[2] for seed in (5, 5, 6))
    sequence = [first.wall_uv() for _ in range(20)]
    assert [again.wall_uv() for _ in range(20)] == sequence
    assert [other.wall_uv() for _ in range(20)] != sequence
    # A fault, or another channel that is read, leaves the noise that follows as it was.
    again.wall.fault = "short"
    assert again.wall_uv() != first.wall_uv()
    again.wall.fault = ""
    again.water_uv()
    assert again.wall_uv() == first.wall_uv()


def test_broken_and_grounded_wires() -> None:
    _, _, inputs = board(**QUIET)
    inputs.wall.fault = "open"
    assert inputs.wall_uv() == 2_500_000
    inputs.wall.fault = "short"
    assert inputs.wall_uv() == 142_000
    _, _, ideal = board(adc_floor_uv=0, **QUIET)
    ideal.water.fault = "short"
    assert ideal.water_uv() == 0
    inputs.wall.fault = ""
    assert inputs.wall_uv() == pytest.approx(exact_uv(20), abs=200)


def test_a_frozen_reading() -> None:
    boiler, _, inputs = board()
    before = inputs.wall_uv()
    inputs.wall.fault = "frozen"
    boiler.wall_probe_c = 150.0
    assert {inputs.wall_uv() for _ in range(100)} == {before}
    inputs.wall.fault = ""
    assert inputs.wall_uv() < before - 500_000


def test_offsets_and_errors() -> None:
    boiler, _, inputs = board(wall_offset_mc=1500, outlet_offset_mc=-700, mains_sense_error=0.02, **QUIET)
    boiler.wall_probe_c = boiler.water_probe_c = boiler.outlet_probe_c = 100.0
    assert temperature_c(inputs.wall_uv()) == pytest.approx(101.5, abs=0.02)
    assert temperature_c(inputs.water_uv()) == pytest.approx(100.0, abs=0.02)
    assert temperature_c(inputs.outlet_uv()) == pytest.approx(99.3, abs=0.02)
    assert inputs.mains_uv() == 1_173_000
    true_uv = inputs.wall_uv()
    inputs.supply_error = -0.04
    assert inputs.reference_uv() == 1_200_000
    assert inputs.wall_uv() == pytest.approx(true_uv * 0.96, abs=100)
    inputs.supply_error = 0.0
    inputs.reference_error = 0.1
    assert inputs.reference_uv() == 1_375_000
    assert inputs.wall_uv() == true_uv


def test_the_gain_of_the_adc_is_common_to_all() -> None:
    boiler, _, inputs = board(adc_gain_error=0.01, **QUIET)
    assert inputs.reference_uv() == 1_262_500
    assert inputs.mains_uv() == 1_161_500
    assert inputs.water_uv() == pytest.approx(exact_uv(boiler.water_probe_c) * 1.01, abs=200)


def test_a_curved_characteristic() -> None:
    """The bow adds most in the middle and nothing at both ends, to the NTCs and the reference, not to the mains."""
    boiler, _, inputs = board(adc_bow_uv=14_000.0, **QUIET)
    _, _, straight = board(**QUIET)
    bow = {}
    for volts in (0.2, 0.6, 1.0, 1.3, 1.6, 2.0, 2.4):
        bow[volts] = inputs.wall.read(volts * 1e6) - straight.wall.read(volts * 1e6)
    assert bow[1.3] == 14_000
    assert bow[1.0] == bow[1.6] == pytest.approx(13_050, abs=100)
    assert bow[0.6] == bow[2.0] == pytest.approx(8_800, abs=100)
    assert bow[0.2] == bow[2.4] == pytest.approx(1_200, abs=100)
    assert inputs.reference_uv() == pytest.approx(1_250_000 + 14_000, abs=100)
    assert inputs.mains_uv() == 1_150_000
    inputs.outlet.fault = "open"
    assert inputs.outlet_uv() == 2_500_000
    inputs.outlet.fault = "short"
    assert inputs.outlet_uv() == 142_000
    # Against the reference, as the device takes it, a tenth or two of a kelvin remain where water boils.
    boiler.water_probe_c = 100.0
    ratio_uv = inputs.water_uv() * 1_250_000 / inputs.reference_uv()
    assert 0.05 < abs(temperature_c(ratio_uv) - 100.0) < 0.25


def test_random_numbers() -> None:
    source = Rng(9)
    sample = [source.uniform() for _ in range(4000)]
    assert 0 <= min(sample) < 0.01
    assert 0.99 < max(sample) < 1
    assert statistics.mean(sample) == pytest.approx(0.5, abs=0.02)
    noise = [source.noise() for _ in range(4000)]
    assert statistics.mean(noise) == pytest.approx(0, abs=0.05)
    assert statistics.stdev(noise) == pytest.approx(1, abs=0.03)
    assert 0.65 < sum(abs(x) < 1 for x in noise) / 4000 < 0.71
    assert [source.bits(1) for _ in range(400)].count(1) == pytest.approx(200, abs=50)
    assert all(source.bits(5) < 32 for _ in range(100))
    # Marsaglia's sequence from 1.
    source._x = 1
    assert [source.bits(32) for _ in range(4)] == [270369, 67634689, 2647435461, 307599695]
    # Neighbouring seeds, the zero included, start apart.
    firsts = [Rng(seed).bits(32) >> 24 for seed in range(64)]
    assert len(set(firsts)) > 40
