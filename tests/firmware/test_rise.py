# SPDX-License-Identifier: Apache-2.0
"""The wall at full power: it must rise while it is cold, and may not fall once it rose."""

import pytest
from past import Past

from podsteam_firmware.safety.rise import Rise


def found(rise: Rise, past: Past, looks: int, step: int) -> int:
    """Looks until the verdict while the wall changes by `step` in each; 0: none in `looks`."""
    for i in range(1, looks + 1):
        if rise.step(past.look(past.wall + step).on()):
            return i
    return 0


def begun(wall: int = 3000) -> tuple[Rise, Past]:
    """A detector before its heat-up, and a past of no power."""
    rise, past = Rise(), Past(wall)
    past.full = 0
    assert not rise.step(past)
    return rise, past


def test_a_new_detector_knows_nothing() -> None:
    assert Rise().detail == 0


def test_a_wall_that_stands_still_is_found_three_and_a_half_seconds_after_the_start() -> None:
    rise, past = begun()
    assert found(rise, past, 100, 0) == 13
    assert rise.detail == 0


def test_a_unit_that_heats_before_it_was_ever_looked_at_has_its_first_seconds_too() -> None:
    """Switched on and used at once: the first look that is judged has full power already."""
    rise, past = Rise(), Past(3000)
    past.full = 0
    assert found(rise, past, 100, 0) == 13


def test_a_verdict_stays_while_the_wall_does() -> None:
    rise, past = begun()
    found(rise, past, 100, 0)
    assert rise.step(past.look().on())


@pytest.mark.parametrize(("step", "code"), [(1, 13), (2, 0)])
def test_the_limit_is_a_tenth_of_a_kelvin_in_two_seconds(step: int, code: int) -> None:
    """8 looks of 0.01 K are too little, of 0.02 K enough."""
    rise, past = begun()
    assert found(rise, past, 100, step) == code


@pytest.mark.parametrize(("rise_cdeg", "flat"), [(9, True), (10, False)])
def test_the_limit_to_the_hundredth(rise_cdeg: int, flat: bool) -> None:
    rise, past = begun()
    for _ in range(12):
        past.look().on()
        rise.step(past)
    past._walls[-8:] = [past.wall - rise_cdeg] * 8
    past._walls.append(past.wall)
    assert rise.step(past) is flat
    assert rise.detail == rise_cdeg


def test_one_look_with_a_rise_starts_the_count_anew() -> None:
    rise, past = begun()
    assert found(rise, past, 12, 0) == 0
    rise.step(past.look(past.wall + 10).on())
    past.look(past.wall - 10).on()
    assert found(rise, past, 10, 0) == 4


@pytest.mark.parametrize(("wall", "code"), [(7500, 13), (7501, 0)])
def test_only_a_wall_below_75_degrees_must_rise(wall: int, code: int) -> None:
    rise, past = begun(wall)
    assert found(rise, past, 60, 0) == code


def test_less_than_full_power_is_not_judged() -> None:
    rise, past = begun()
    for _ in range(100):
        past.look().full = 0
        assert not rise.step(past)
    for _ in range(9):
        assert not rise.step(past.look().on())
    past.full = 0
    rise.step(past.look())
    assert found(rise, past, 100, 0) == 13


@pytest.mark.parametrize("sagged", [True, False])
def test_after_a_sag_or_cold_water_nothing_is_judged_for_a_minute_unless_the_wall_rises(sagged: bool) -> None:
    rise, past = begun()
    past.full = 20
    past.sagged = sagged
    if not sagged:
        past.look(water=past.water - 50).on()
    assert not rise.step(past)
    past.sagged = False
    past.look(water=past._waters[0])
    past._waters[:] = [past.water] * len(past._waters)
    assert found(rise, past, 300, 0) == 243
    rise, past = begun()
    past.full = 20
    past.sagged = True
    rise.step(past.look())
    past.sagged = False
    for _ in range(8):
        rise.step(past.look(past.wall + 3).on())
    # 2 s later the window holds less than 0.1 K.
    assert found(rise, past, 300, 0) == 8


@pytest.mark.parametrize(("rest", "looks"), [(0, 243), (100, 143), (230, 13), (300, 13)])
def test_cold_water_poured_in_without_power_counts_from_its_own_moment(rest: int, looks: int) -> None:
    rise, past = begun()
    past.full = 0
    assert not rise.step(past.look(water=past.water - 50))
    past._waters[:] = [past.water] * len(past._waters)
    for _ in range(rest):
        past.full = 0
        assert not rise.step(past.look())
    assert found(rise, past, 300, 0) == looks


def test_water_that_falls_by_less_than_half_a_kelvin_is_noise() -> None:
    rise, past = begun()
    past.look(water=past.water - 49)
    past._waters[-9:-1] = [4000] * 8
    assert found(rise, past, 100, 0) == 13


def test_a_rise_ends_the_patience_only_after_the_beginning() -> None:
    """2.5 s of full power first: a wall that coasts up from before says nothing."""
    rise, past = begun()
    past._walls[-9:] = [past.wall - 100] * 9
    for i in range(10):
        assert not rise.step(past.look(past.wall + (20 if i == 0 else 0)).on())
    assert rise._patience == 0
    rise, past = begun()
    past.full = 10
    past._walls[:] = [past.wall - 20] * 16
    rise.step(past)
    assert rise._patience == 9
    past.full = 11
    rise.step(past)
    assert rise._patience == 0


def risen(wall: int = 9000) -> tuple[Rise, Past]:
    """A detector that has seen the wall rise by 0.6 K in 2 s for four looks, and now stands."""
    rise, past = begun(wall)
    past._walls[:] = [past.wall - 60] * 16
    for _ in range(4):
        past.on()
        rise.step(past)
    assert rise._risen
    past._walls[:] = [past.wall] * 16
    return rise, past


def test_a_wall_has_risen_after_four_looks_by_six_tenths() -> None:
    for by, looks, seen in ((60, 4, True), (59, 4, False), (60, 3, False)):
        rise, past = begun(9000)
        past._walls[:] = [past.wall - by] * 16
        for _ in range(looks):
            rise.step(past.on())
        assert rise._risen is seen


def test_a_wall_that_falls_at_full_power_is_found_after_six_looks() -> None:
    rise, past = risen()
    # 0.08 K each: 0.64 K in 2 s from the eighth on.
    assert found(rise, past, 100, -8) == 13


@pytest.mark.parametrize(("window", "half", "falls"), [(60, 20, True), (59, 20, False), (60, 19, False)])
def test_falling_at_its_edges(window: int, half: int, falls: bool) -> None:
    rise, past = risen()
    past._walls[:] = [past.wall + window] * 12 + [past.wall + half] * 4 + [past.wall]
    verdicts = [rise.step(past.on()) for _ in range(6)]
    assert verdicts == [False] * 5 + [falls]


def test_a_wall_that_drops_at_once_is_let_pass() -> None:
    rise, past = risen()
    past.look(past.wall - 300)
    assert found(rise, past, 60, 0) == 0


def test_a_fall_before_the_wall_was_seen_to_rise_or_after_an_upset_is_let_pass() -> None:
    rise, past = begun(12000)
    assert found(rise, past, 60, -50) == 0
    for upset in ("sagged", "full"):
        rise, past = risen(12000)
        setattr(past, upset, upset == "sagged")
        rise.step(past)
        past.sagged = False
        assert not rise._risen
        assert found(rise, past, 60, -50) == 0


@pytest.mark.parametrize(("looks", "risen_again"), [(10, False), (11, True)])
def test_a_rise_counts_again_when_all_of_it_lies_after_the_upset(looks: int, risen_again: bool) -> None:
    rise, past = risen()
    past._walls[:] = [past.wall - 60] * 16
    past.sagged = True
    rise.step(past)
    past.sagged = False
    for _ in range(looks):
        rise.step(past.on())
    assert rise._risen is risen_again
