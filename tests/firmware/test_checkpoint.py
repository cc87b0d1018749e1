# SPDX-License-Identifier: Apache-2.0
"""The token of the tick: only all stages, once each and in order, pass."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.safety import checkpoint
from podsteam_firmware.safety.checkpoint import Checkpoints

STAGES = [checkpoint.SENSE, checkpoint.SUPERVISE, checkpoint.SESSION, checkpoint.HEAT, checkpoint.DOSE]


def tick(marks: list[int]) -> Checkpoints:
    checkpoints = Checkpoints()
    checkpoints.begin()
    for mark in marks:
        checkpoints.mark(mark)
    return checkpoints


def test_stages_are_one_to_n() -> None:
    assert list(range(1, checkpoint.STAGES + 1)) == STAGES


def test_whole_tick_passes_once() -> None:
    checkpoints = tick(STAGES)
    assert checkpoints.passed()
    assert not checkpoints.passed()
    checkpoints.begin()
    for mark in STAGES:
        checkpoints.mark(mark)
    assert checkpoints.passed()


def test_nothing_passes_before_the_first_tick() -> None:
    assert not Checkpoints().passed()


@pytest.mark.parametrize("missing", STAGES)
def test_missing_stage(missing: int) -> None:
    checkpoints = tick([stage for stage in STAGES if stage != missing])
    assert not checkpoints.passed()
    assert checkpoints.reached == missing - 1


def test_only_one_order_passes() -> None:
    passing = [order for order in permutations(STAGES) if tick(list(order)).passed()]
    assert passing == [tuple(STAGES)]


@given(st.lists(st.integers(0, 7), max_size=10))
def test_any_other_marks_fail(marks: list[int]) -> None:
    assert tick(marks).passed() == (marks == STAGES)


def test_marks_of_the_last_tick_do_not_count() -> None:
    checkpoints = tick(STAGES)
    checkpoints.begin()
    assert not checkpoints.passed()


@pytest.mark.parametrize("bit", range(4))
def test_flipped_bit_fails(bit: int) -> None:
    """The count is kept twice: changed in one place alone, it does not pass, whichever stage comes next."""
    for at in range(len(STAGES) + 1):
        checkpoints = tick(STAGES[:at])
        checkpoints.reached ^= 1 << bit
        for mark in range(checkpoints.reached + 1, checkpoint.STAGES + 1):
            checkpoints.mark(mark)
        assert not checkpoints.passed()
