# SPDX-License-Identifier: Apache-2.0
"""Readings that jump up and down, told from steep but steady ones."""

import random

import pytest
from small_boiler import uv_of

from podsteam_firmware.safety.noisy import Noisy
from podsteam_firmware.signals import Inputs

NAMES = ("wall_uv", "water_uv", "outlet_uv")


def run(noisy: Noisy, readings: list[int], name: str = "wall_uv") -> list[int]:
    """Ticks with a verdict, from 1."""
    inputs = Inputs()
    found: list[int] = []
    for i, uv in enumerate(readings, 1):
        setattr(inputs, name, uv)
        if noisy.step(inputs):
            found.append(i)
    return found


def test_a_new_detector_knows_nothing() -> None:
    assert Noisy().detail == 0


@pytest.mark.parametrize("channel", range(3))
def test_a_jumping_channel(channel: int) -> None:
    """Up and down by 10 mV: each three readings spread by 20 mV; 18 of them in the first second."""
    noisy = Noisy()
    readings = [1_000_000, 1_010_000] * 40
    assert run(noisy, readings, NAMES[channel]) == [40, 60, 80]
    assert noisy.detail == channel * 10_000_000 + 400_000


@pytest.mark.parametrize(("jump", "found"), [(10_000, [40]), (9_999, [])])
def test_the_limit_of_a_second(jump: int, found: list[int]) -> None:
    assert run(Noisy(), [1_000_000, 1_000_000 + jump] * 20) == found


@pytest.mark.parametrize(("last", "found"), [(1_000_001, []), (1_000_000, [40])])
def test_the_limit_to_the_microvolt(last: int, found: list[int]) -> None:
    assert run(Noisy(), [1_000_000] + [1_000_000, 1_010_000] * 19 + [last]) == found


def test_each_second_counts_from_zero() -> None:
    quiet = [1_000_000] * 20
    # 240 mV in each second, none of the next: never a fault.
    loud = [1_000_000, 1_006_000] * 10
    assert run(Noisy(), (quiet + loud + quiet + loud) * 3) == []


@pytest.mark.parametrize("spikes", [1, 2, 3])
def test_three_wrong_readings_in_a_second_but_not_two(spikes: int) -> None:
    readings = [1_000_000] * 40
    for i in range(spikes):
        readings[22 + 5 * i] += 300_000
    assert run(Noisy(), readings) == ([40] if spikes == 3 else [])


def test_a_spread_counts_60_mv_at_most() -> None:
    noisy = Noisy()
    run(noisy, [1_000_000, 1_000_000, 1_060_000])
    assert noisy._sums[0] == 60_000
    run(noisy, [2_000_000])
    assert noisy._sums[0] == 120_000
    noisy = Noisy()
    run(noisy, [1_000_000, 1_000_000, 1_059_999])
    assert noisy._sums[0] == 59_999


def test_steady_change_is_no_noise() -> None:
    assert run(Noisy(), [2_000_000 - 15_000 * i for i in range(100)]) == []
    # A sensor dipped from 100 degC into water of 10 degC, with a lag of half a second.
    assert run(Noisy(), [round(uv_of(10 + 90 * 0.9**i)) for i in range(100)]) == []


def test_healthy_noise_of_0_3_k_is_let_pass() -> None:
    noise = random.Random(2)
    assert run(Noisy(), [round(514_000 + noise.gauss(0, 3_810)) // 3_800 * 3_800 for _ in range(40_000)]) == []


def test_after_a_missing_reading_the_next_two_have_no_past() -> None:
    noisy = Noisy()
    run(noisy, [1_000_000] * 5)
    noisy.restart()
    run(noisy, [1_500_000, 1_500_000])
    assert noisy._sums[0] == 0
    run(noisy, [1_500_010])
    assert noisy._sums[0] == 10
    assert noisy._seen == 2
