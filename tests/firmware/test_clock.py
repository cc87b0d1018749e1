# SPDX-License-Identifier: Apache-2.0
"""The controller's clock against the mains: 1 % of the grid is let pass, 2 % of the clock is not."""

import pytest

from podsteam_firmware.safety.clock import Clock
from podsteam_firmware.signals import Inputs

MASK = 0x3FFFFFFF


class Bench:
    """A clock that runs `factor` times too fast, at mains of `hz`."""

    def __init__(self, hz: float, factor: float = 1.0, start_ms: int = 0, phase: float = 0.0) -> None:
        self.clock = Clock()
        self.inputs = Inputs()
        self.hz, self.factor, self.start_ms, self.phase = hz, factor, start_ms, phase
        self.ticks = 0

    def tick(self, active: bool = True) -> bool:
        """A tick is 50 ms of the device's time."""
        self.inputs.sampled_ms = (self.start_ms + 50 * self.ticks) & MASK
        true_s = 0.05 * self.ticks / self.factor
        self.inputs.zero_cross = int(true_s * 2 * self.hz + self.phase + self.start_ms) & MASK
        self.ticks += 1
        return self.clock.step(self.inputs, active)

    def run(self, ticks: int) -> int:
        """Ticks until the verdict; 0: none."""
        for i in range(1, ticks + 1):
            if self.tick():
                return i
        return 0


def test_a_new_clock_knows_nothing() -> None:
    assert (Clock().rate, Clock().detail) == (0, 0)


@pytest.mark.parametrize("hz", [49.5, 50.0, 50.5, 59.4, 60.0, 60.6])
@pytest.mark.parametrize("start_ms", [0, MASK - 1000])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.6, 0.95])
def test_the_grid_may_be_off_by_one_percent(hz: float, start_ms: int, phase: float) -> None:
    bench = Bench(hz, 1.0, start_ms, phase)
    assert bench.run(4000) == 0
    assert bench.clock.rate == (100 if hz < 55 else 120)


@pytest.mark.parametrize("hz", [50.0, 60.0])
@pytest.mark.parametrize(("factor", "ticks"), [(1.06, 21), (0.94, 21), (1.021, 84), (0.979, 84), (1.3, 21), (0.7, 21)])
def test_a_clock_that_went_wrong(hz: float, factor: float, ticks: int) -> None:
    bench = Bench(hz)
    assert bench.run(200) == 0
    wrong = Bench(hz, factor)
    wrong.clock = bench.clock
    wrong.tick(False)
    wrong.ticks = 0
    assert 0 < wrong.run(200) <= ticks
    assert (wrong.clock.detail > 0) is (factor < 1)


def edge(count: int, elapsed_ms: int, limit_ticks: int = 21) -> bool:
    """Whether so many half-cycles in the first window of a clock that knows 50 Hz are a fault."""
    clock, inputs = Clock(), Inputs()
    clock.rate = 100
    found = False
    for i in range(limit_ticks):
        inputs.sampled_ms = elapsed_ms * i // (limit_ticks - 1)
        inputs.zero_cross = count * i // (limit_ticks - 1)
        found = clock.step(inputs, True) or found
    assert clock.detail == count * 1000 - elapsed_ms * 100
    return found


@pytest.mark.parametrize(
    ("count", "elapsed_ms", "found"),
    [(104, 995, False), (104, 994, True), (100, 1045, False), (100, 1046, True), (96, 1005, False), (96, 1006, True)],
)
def test_the_limit_of_a_second(count: int, elapsed_ms: int, found: bool) -> None:
    assert edge(count, elapsed_ms) is found


@pytest.mark.parametrize(("elapsed_ms", "found"), [(4065, False), (4066, True), (3935, False), (3934, True)])
def test_the_limit_of_four_seconds(elapsed_ms: int, found: bool) -> None:
    clock, inputs = Clock(), Inputs()
    clock.rate = 100
    verdicts: list[int] = []
    for i in range(81):
        inputs.sampled_ms = elapsed_ms * i // 80
        inputs.zero_cross = 5 * i
        if clock.step(inputs, True):
            verdicts.append(i)
    assert verdicts == ([80] if found else [])
    if found:
        assert clock.detail == 400_000 - elapsed_ms * 100


def test_windows_follow_each_other_without_a_gap() -> None:
    bench = Bench(50.0)
    for tick in range(1, 400):
        bench.tick()
        if tick > 20:
            assert bench.clock.detail == 0
    assert bench.clock._shorts < 4


def test_a_long_pause_is_judged_in_proportion() -> None:
    """100 s between two ticks: 1.6 % are let pass."""
    for count, found in ((10_160, False), (10_161, True), (9_840, False), (9_839, True)):
        assert edge(count, 100_000) is found
    assert edge(10_160, 99_999)


def test_a_jump_of_the_clock_is_found_in_the_same_second() -> None:
    for jump in (3_600_000, -3_600_000, 400, -400):
        bench = Bench(50.0)
        assert bench.run(90) == 0
        bench.start_ms = jump & MASK if jump < 0 else jump
        bench.phase = -bench.start_ms
        assert 0 < bench.run(21) <= 21


def test_after_four_seconds_the_next_window_begins_with_the_next_tick() -> None:
    clock, inputs = Clock(), Inputs()
    found: list[int] = []
    for i in range(120):
        inputs.sampled_ms = 50 * i
        inputs.zero_cross += 5 if i <= 81 else 6
        if clock.step(inputs, True):
            found.append(i)
    assert found[0] == 101


def test_the_middle_between_the_grids_is_110_half_cycles_a_second() -> None:
    for elapsed_ms, rate in ((1000, 120), (1001, 100)):
        clock, inputs = Clock(), Inputs()
        inputs.sampled_ms, inputs.zero_cross = elapsed_ms, 110
        clock._off(inputs, 0, 0)
        assert clock.rate == rate


@pytest.mark.parametrize(("count", "rate"), [(109, 100), (110, 120)])
def test_the_grid_is_the_nearer_one_and_kept(count: int, rate: int) -> None:
    clock, inputs = Clock(), Inputs()
    for i in range(21):
        inputs.sampled_ms = 50 * i
        inputs.zero_cross = count * i // 20
        clock.step(inputs, True)
    assert clock.rate == rate
    bench = Bench(60.0 if rate == 100 else 50.0)
    bench.clock = clock
    bench.tick(False)
    assert bench.run(30) == 21


def test_nothing_is_judged_without_heat() -> None:
    bench = Bench(50.0, 1.5)
    for _ in range(100):
        assert not bench.tick(False)
    assert bench.clock.rate == 0


def test_counters_that_wrap_or_jump_stay_small() -> None:
    bench = Bench(50.0)
    bench.run(30)
    bench.inputs.zero_cross = 0
    clock = bench.clock
    clock._count = 1
    clock._ms = bench.inputs.sampled_ms
    clock._ticks = 20
    assert clock.step(bench.inputs, True)
    assert clock.detail == 1_000_000 * 1000
    clock._ms = (bench.inputs.sampled_ms + 2_000_000) & MASK
    clock._count = 0
    clock._ticks = 20
    assert clock.step(bench.inputs, True)
    assert clock.detail == 1_000_000 * 100
