# SPDX-License-Identifier: Apache-2.0
"""Bursts, their abort and their count, and the relay's heartbeat, on a fake chip beside simulated mains."""

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from fake_board import Mains, settle
from fake_chip import Chip

from podsteam_firmware.hal import BURST_DONE, pins
from podsteam_firmware.signals import Inputs

Load = Callable[[str], types.ModuleType]


# Element ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hz", "cycle_us"), [(50, 20000), (60, 16667)])
def test_whole_cycles_whatever_the_phase(hal: Any, chip: Chip, hz: int, cycle_us: int) -> None:
    mains = Mains(chip, hz)
    settle(hal, chip)
    for delay_us in range(0, 20000, 900):
        chip.advance(delay_us)
        begun = len(mains.conducting)
        hal.burst(0b1101, 4, cycle_us)
        settle(hal, chip, 150)
        hal.feed()
        conducting = mains.conducting[begun:]
        first = conducting.index(True)
        assert first <= 1
        assert conducting[first : first + 9] == [True, True, False, False, True, True, True, True, False]


@pytest.mark.parametrize(("hz", "cycle_us"), [(50, 20000), (60, 16667)])
def test_edges_are_far_from_the_zero_crossings(hal: Any, chip: Chip, hz: int, cycle_us: int) -> None:
    mains = Mains(chip, hz)
    settle(hal, chip)
    for _ in range(40):
        hal.burst(0b10101, 5, cycle_us)
        settle(hal, chip, 113)
    edges = [t_us for t_us, pin, _ in chip.history if pin == pins.SSR]
    assert len(edges) > 150
    nearest = [min(abs(edge - crossing) for crossing in mains.crossings) for edge in edges]
    assert min(nearest) > 700


def test_bursts_in_a_row_lose_no_half_cycle(hal: Any, chip: Chip) -> None:
    mains = Mains(chip)
    settle(hal, chip)
    hal.burst(0x3FF, 10, 20000)
    for _ in range(20):
        while not hal.wait((hal.now_ms() + 50) & 0x3FFFFFFF) & BURST_DONE:
            pass
        hal.burst(0x3FF, 10, 20000)
    on = mains.conducting[mains.conducting.index(True) :]
    assert len(on) > 380
    assert all(on)


def test_no_direct_current_when_the_line_is_busy(hal: Any, chip: Chip) -> None:
    # The next burst comes late by any time: half-cycles are lost then, but in pairs they stay.
    mains = Mains(chip)
    settle(hal, chip)
    for late_us in range(0, 20000, 700):
        hal.burst(0b111, 3, 20000)
        while hal.burst_busy():
            chip.advance(500)
        chip.advance(late_us)
    assert sum(mains.conducting) == 29 * 6 - (6 if hal.burst_busy() else 0)
    runs = "".join("1" if on else "0" for on in mains.conducting).split("0")
    assert all(len(run) % 2 == 0 for run in runs)


def test_halves_are_counted_as_they_begin(hal: Any, chip: Chip) -> None:
    mains = Mains(chip)
    settle(hal, chip)
    inputs = Inputs()
    for pattern in (0b1, 0b1011, 0b0, 0b1111111111):
        hal.burst(pattern, 10, 20000)
        for _ in range(25):
            settle(hal, chip, 10)
            hal.sample(inputs)
            assert abs(inputs.burst_halves - sum(mains.conducting)) <= 1
            if chip.version >= (1, 26):
                assert inputs.load_halves == sum(mains.conducting)
    assert inputs.burst_halves == sum(mains.conducting) == 2 * (1 + 3 + 0 + 10)


def test_an_aborted_burst_counts_what_was_sent(hal: Any, chip: Chip) -> None:
    mains = Mains(chip)
    settle(hal, chip)
    inputs = Inputs()
    for _ in range(5):
        hal.burst(0x3FF, 10, 20000)
        settle(hal, chip, 73)
        hal.burst_abort()
        settle(hal, chip, 250)
        hal.sample(inputs)
        assert abs(inputs.burst_halves - sum(mains.conducting)) <= 1
    assert 5 * 6 <= sum(mains.conducting) <= 5 * 8


def test_without_mains_a_burst_still_ends(hal: Any, chip: Chip) -> None:
    hal.burst(0b11, 2, 20000)
    settle(hal, chip, 100)
    assert [end - begin for begin, end in chip.highs(pins.SSR)] == [40000]
    assert chip.level(pins.SSR) == 0


@pytest.mark.parametrize(
    ("cycles", "cycle_us"), [(0, 20000), (26, 16667), (25, 20001), (26, 20000), (-1, 20000), (1, 0)]
)
def test_a_burst_longer_than_half_a_second_is_refused(hal: Any, chip: Chip, cycles: int, cycle_us: int) -> None:
    with pytest.raises(ValueError, match=r"0\.5 s"):
        hal.burst(-1, cycles, cycle_us)
    chip.advance(1_000_000)
    assert chip.highs(pins.SSR) == []


def test_the_longest_burst_ends_by_itself(hal: Any, chip: Chip) -> None:
    Mains(chip)
    settle(hal, chip)
    hal.burst(0x1FFFFFF, 25, 20000)
    # Python is dead from here on.
    chip.watchdog_ms = 0
    chip.advance(2_000_000)
    assert [500_000 - 3_500 <= end - begin <= 500_000 for begin, end in chip.highs(pins.SSR)] == [True]
    assert chip.noted("refill") == []


def test_nothing_is_written_or_counted_while_busy(hal: Any, chip: Chip) -> None:
    inputs = Inputs()
    hal.burst(0x3FF, 10, 20000)
    for i in range(8):
        chip.advance(20_000)
        assert hal.burst_busy()
        hal.burst(0x3FF, 10, 20000)
        hal.sample(inputs)
        assert abs(inputs.burst_halves - 2 * (i + 1)) <= 3
    assert chip.noted("blocked") == []
    assert len(chip.noted("burst")) == 1
    settle(hal, chip, 60)
    hal.sample(inputs)
    assert inputs.burst_halves == 20


@pytest.mark.parametrize("after_us", [0, 1, 4_000, 33_333, 199_000, 400_000])
def test_abort_is_at_once_and_needs_no_hardware(hal: Any, chip: Chip, after_us: int) -> None:
    hal.burst(0x1FFFFFF, 25, 20000)
    chip.advance(after_us)
    at_us = chip.t_us
    hal.burst_abort()
    assert chip.level(pins.SSR) == 0
    assert chip.pads[pins.SSR].source == "gpio"
    chip.watchdog_ms = 0
    chip.advance(1_000_000)
    assert all(end <= at_us for _, end in chip.highs(pins.SSR))


def test_after_an_abort_the_next_burst_waits_for_the_channel(hal: Any, chip: Chip) -> None:
    # Stopping the transmission would panic the chip: it runs out, and the pin comes back with the next burst.
    Mains(chip)
    settle(hal, chip)
    hal.burst(0x1FFFFFF, 25, 20000)
    settle(hal, chip, 100)
    hal.burst_abort()
    assert hal.burst_busy()
    hal.burst(0b1, 1, 20000)
    assert len(chip.noted("burst")) == 1
    settle(hal, chip, 500)
    assert not hal.burst_busy()
    began_us = chip.t_us
    hal.burst(0b1, 1, 20000)
    settle(hal, chip, 60)
    assert [begin > began_us for begin, _ in chip.highs(pins.SSR)] == [False, True]
    assert chip.dead is None
    assert chip.noted("blocked") == []


def test_channels_do_not_run_out(hal: Any, chip: Chip) -> None:
    for _ in range(20):
        hal.burst(0b11, 2, 20000)
        chip.advance(10_000)
        hal.burst_abort()
        chip.advance(50_000)
    assert len(chip.noted("burst")) == 20


def test_abort_is_always_safe(hal: Any, chip: Chip) -> None:
    for _ in range(3):
        hal.burst_abort()
        hal.valve_abort()
    assert not hal.burst_busy()
    assert not hal.valve_busy()


def test_a_zero_crossing_that_nobody_looked_at_says_nothing(hal: Any, chip: Chip) -> None:
    Mains(chip)
    for _ in range(20):
        chip.advance(7_300)
        hal.wait(hal.now_ms())
    assert hal._mains.phase_us(hal_us(hal), 10_000) == -1
    settle(hal, chip, 30)
    assert hal._mains.phase_us(hal_us(hal), 10_000) >= 0


def test_phase_goes_stale(hal: Any, chip: Chip) -> None:
    mains = Mains(chip)
    settle(hal, chip)
    assert hal._mains.phase_us(hal_us(hal), 10_000) >= 0
    mains.on = False
    settle(hal, chip, 600)
    assert hal._mains.phase_us(hal_us(hal), 10_000) == -1


def hal_us(hal: Any) -> int:
    return sys.modules["time"].ticks_us()


# Relay ------------------------------------------------------------------------------------------------------


def test_heartbeat_is_one_edge_and_never_pwm(hal: Any, chip: Chip) -> None:
    levels = []
    for _ in range(6):
        hal.heartbeat()
        levels.append(chip.level(pins.RELAY))
        chip.advance(50_000)
    assert levels == [1, 0, 1, 0, 1, 0]
    assert len([1 for _, pin, _ in chip.history if pin == pins.RELAY]) == 6
    assert chip.pwm == {}
