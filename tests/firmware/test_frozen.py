# SPDX-License-Identifier: Apache-2.0
"""Readings that repeat themselves, and converters too coarse for that to mean anything."""

import random

import pytest

from podsteam_firmware.safety.frozen import CHANNEL, Frozen
from podsteam_firmware.signals import Inputs

NAMES = ("wall_uv", "water_uv", "outlet_uv", "reference_uv")


class Bench:
    """Four channels with noise of `sigma` and a step of 1000 uV; the middle of a step by default."""

    def __init__(self, sigma: float = 1000.0, seed: int = 1, offset: float = 0.0) -> None:
        self.frozen = Frozen()
        self.inputs = Inputs()
        self.random = random.Random(seed)
        self.sigma = sigma
        self.offset = offset
        self.stuck: dict[str, int] = {}

    def tick(self, full: bool = False) -> bool:
        for name in NAMES:
            uv = 1_250_000 + self.offset + self.random.gauss(0.0, self.sigma)
            setattr(self.inputs, name, self.stuck.get(name, round(uv / 1000) * 1000))
        return self.frozen.step(self.inputs, full)

    def run(self, ticks: int, full: bool = False) -> int:
        """Ticks until the verdict; 0: none."""
        for i in range(1, ticks + 1):
            if self.tick(full):
                return i
        return 0


def test_a_new_detector_knows_nothing() -> None:
    frozen = Frozen()
    assert (frozen.detail, frozen.proof, frozen.strong) == (0, 0, 0)
    assert CHANNEL == 10_000_000


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize(("full", "ticks"), [(True, 55), (False, 541)])
def test_a_channel_that_stands_still(channel: int, full: bool, ticks: int) -> None:
    """2.7 s at full power, 27 s with less, after the first reading that stays."""
    bench = Bench(550.0)
    assert bench.run(400) == 0
    assert bench.frozen.strong < 960
    bench.stuck[NAMES[channel]] = 1_111_000
    assert bench.run(700, full) == ticks
    assert bench.frozen.detail == channel * 10_000_000 + 1_111_000
    # It counts from 0 again; but nobody proves the noise while the reference itself stands still.
    assert bench.run(700, full) == (0 if channel == 3 and not full else ticks - 1)


def test_full_power_weighs_ten_times_as_much() -> None:
    bench = Bench(550.0)
    bench.run(400)
    bench.stuck["wall_uv"] = 1_111_000
    assert bench.run(41, True) == 0
    assert bench.run(200) == 140


@pytest.mark.parametrize("channel", range(4))
def test_with_much_noise_power_does_not_matter(channel: int) -> None:
    """2.7 s, once a noise of a step has been proved for some seconds."""
    bench = Bench()
    assert bench.run(1200) == 0
    assert bench.frozen.strong >= 960
    bench.stuck[NAMES[channel]] = 1_111_000
    assert bench.run(100) == 55
    assert bench.frozen.detail == channel * CHANNEL + 1_111_000


@pytest.mark.parametrize(("strong", "still", "found"), [(961, 530, True), (960, 530, False), (961, 529, False)])
def test_that_proof_must_reach_960_too(strong: int, still: int, found: bool) -> None:
    frozen, inputs = Frozen(), Inputs()
    inputs.wall_uv, inputs.reference_uv = 5, 1000
    frozen.step(inputs, False)
    frozen._still[0] = still
    frozen.proof, frozen.strong = 1900, strong
    inputs.water_uv = inputs.outlet_uv = 1
    assert frozen.step(inputs, False) is found
    assert (frozen.proof, frozen.strong) == (1899, strong - 1)


def test_it_grows_by_eight_and_ends_at_its_most() -> None:
    frozen, inputs = Frozen(), Inputs()
    seen: list[int] = []
    for value in (1000, 1010, 1030, 1031, 1051):
        inputs.reference_uv = value
        frozen.step(inputs, False)
        seen.append(frozen.strong)
    assert seen == [0, 0, 8, 7, 15]
    frozen.strong = 1915
    inputs.reference_uv = 2000
    frozen.step(inputs, False)
    assert frozen.strong == 1920


@pytest.mark.parametrize("sigma", [670.0, 800.0, 1000.0, 4000.0])
@pytest.mark.parametrize("offset", [0.0, 499.0])
def test_no_false_trip_at_less_power(sigma: float, offset: float) -> None:
    """10 min, in the middle of a step and at its edge."""
    assert Bench(sigma, 5, offset).run(12_000) == 0


def test_one_other_reading_begins_anew() -> None:
    bench = Bench()
    bench.run(400)
    bench.stuck["wall_uv"] = 1_111_000
    assert bench.run(54, True) == 0
    bench.stuck["wall_uv"] = 1_112_000
    assert bench.run(100, True) == 55


def test_all_channels_at_once() -> None:
    bench = Bench()
    bench.run(400)
    bench.stuck = dict.fromkeys(NAMES, 1_000_000)
    assert bench.run(100, True) == 55


@pytest.mark.parametrize("sigma", [500.0, 800.0, 4000.0])
@pytest.mark.parametrize("offset", [0.0, 250.0, 499.0])
def test_no_false_trip_with_noise_of_half_a_step_or_more(sigma: float, offset: float) -> None:
    """10 min at full power, wherever in its step the reading lies."""
    assert Bench(sigma, 3, offset).run(12_000, True) == 0


@pytest.mark.parametrize("sigma", [0.0, 100.0, 167.0, 250.0, 350.0])
@pytest.mark.parametrize("offset", [0.0, 250.0, 499.0])
def test_a_coarse_converter_is_never_judged(sigma: float, offset: float) -> None:
    bench = Bench(sigma, 4, offset)
    assert bench.run(12_000, True) == 0
    bench.stuck["wall_uv"] = 1_111_000
    assert bench.run(2000, True) == 0


def test_the_proof_is_a_jump_by_two_steps() -> None:
    frozen, inputs = Frozen(), Inputs()
    values = [1000, 1010, 1000, 1019, 1000, 1020, 1000]
    proofs: list[int] = []
    for value in values:
        inputs.reference_uv = value
        frozen.step(inputs, False)
        proofs.append(frozen.proof)
    # The first jump is 10, the smallest: 19 is below two of it.
    assert proofs == [0, 0, 0, 0, 0, 64, 128]
    inputs.reference_uv = 1000
    frozen.step(inputs, False)
    assert frozen.proof == 127


@pytest.mark.parametrize(("values", "proof"), [((10, 1000), 0), ((0, 10, 30), 64), ((0, 20, 50), 0), ((7, 8, 10), 64)])
def test_the_first_reading_is_no_jump_and_one_of_zero_begins_one(values: tuple[int, ...], proof: int) -> None:
    frozen, inputs = Frozen(), Inputs()
    for value in values:
        inputs.reference_uv = value
        frozen.step(inputs, False)
    assert frozen.proof == proof


def test_the_smallest_jump_counts() -> None:
    frozen, inputs = Frozen(), Inputs()
    for value, proof in ((1000, 0), (1100, 0), (1090, 0), (1100, 0), (1080, 64), (1089, 63), (1071, 127), (1062, 126)):
        inputs.reference_uv = value
        frozen.step(inputs, False)
        assert frozen.proof == proof, value


def test_the_proof_wears_off_and_ends_at_its_most() -> None:
    bench = Bench(4000.0)
    bench.run(4000)
    assert 1900 <= bench.frozen.proof <= 1920
    frozen, inputs = bench.frozen, bench.inputs
    frozen.proof = 1900
    jump = frozen._quantum * 2
    inputs.reference_uv += jump
    frozen.step(inputs, False)
    assert frozen.proof == 1920
    for left in range(1919, -1, -1):
        inputs.wall_uv += 1
        inputs.water_uv += 1
        inputs.outlet_uv += 1
        frozen._still[3] = 0
        assert not frozen.step(inputs, False)
        assert frozen.proof == left
    assert not frozen.step(inputs, False)
    assert frozen.proof == 0


@pytest.mark.parametrize(("proof", "found"), [(961, True), (960, False)])
def test_the_proof_must_reach_960(proof: int, found: bool) -> None:
    frozen, inputs = Frozen(), Inputs()
    inputs.wall_uv, inputs.reference_uv = 5, 1000
    frozen.step(inputs, False)
    frozen._still[0] = 539
    frozen.proof = proof
    inputs.water_uv = inputs.outlet_uv = 1
    assert frozen.step(inputs, False) is found


def test_a_reading_of_zero_is_a_reading() -> None:
    frozen, inputs = Frozen(), Inputs()
    frozen.step(inputs, False)
    assert list(frozen._still) == [0, 0, 0, 0]
    frozen.step(inputs, False)
    assert list(frozen._still) == [1, 1, 1, 1]
