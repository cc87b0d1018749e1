# SPDX-License-Identifier: Apache-2.0
"""Duty to mains cycles: right on average, nothing lost between calls, and the one cycle in two seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.heat.burst import Burst


def ones(pattern: int) -> int:
    return bin(pattern).count("1")


@given(st.lists(st.tuples(st.integers(0, 989), st.integers(1, 25)), max_size=60))
def test_error_is_carried_over(calls: list[tuple[int, int]]) -> None:
    """Below 99 % no cycle has to be left out, and the sum is right within one cycle at any moment."""
    burst = Burst()
    wanted = given_cycles = 0
    for duty, cycles in calls:
        given_cycles += ones(burst.pattern(duty, cycles))
        wanted += duty * cycles
        assert abs(given_cycles * 1000 - wanted) <= 500


@given(st.integers(1, 25), st.integers(-500, 1500))
def test_pattern_has_no_more_than_its_cycles(cycles: int, duty: int) -> None:
    assert 0 <= Burst().pattern(duty, cycles) < 1 << cycles


def test_ends_of_the_range() -> None:
    burst = Burst()
    assert burst.pattern(0, 25) == 0
    assert burst.pattern(-1, 25) == 0
    assert burst.pattern(1000, 10) == 1023
    assert burst.pattern(5000, 10) == 1023
    assert burst.pattern(0, 25) == 0


def test_full_power_leaves_out_one_cycle_in_two_seconds() -> None:
    burst = Burst()
    cycles: list[int] = []
    flags: list[bool] = []
    for _ in range(100):
        pattern = burst.pattern(1000, 10)
        cycles += [pattern >> i & 1 for i in range(10)]
        flags.append(burst.dropped)
    gaps = [i for i, on in enumerate(cycles) if not on]
    assert gaps == list(range(99, 1000, 100))
    assert [i for i, flag in enumerate(flags) if flag] == list(range(9, 100, 10))


@pytest.mark.parametrize("duty", [985, 990, 995, 999])
def test_near_full_power_a_gap_comes_at_least_every_two_seconds(duty: int) -> None:
    burst = Burst()
    run = longest = total = 0
    for _ in range(400):
        pattern = burst.pattern(duty, 10)
        for i in range(10):
            run = run + 1 if pattern >> i & 1 else 0
            longest = max(longest, run)
            total += pattern >> i & 1
    assert longest <= 99
    assert total >= 4000 * (duty - 10) // 1000


def test_low_duty_spreads_its_cycles() -> None:
    """10 %: one cycle in ten, never two together."""
    burst = Burst()
    cycles: list[int] = []
    for _ in range(20):
        pattern = burst.pattern(100, 10)
        cycles += [pattern >> i & 1 for i in range(10)]
    on = [i for i, bit in enumerate(cycles) if bit]
    assert {b - a for a, b in zip(on, on[1:])} == {10}
