# SPDX-License-Identifier: Apache-2.0
"""Sensors that came off, told from cold water and from less power."""

import pytest
from past import Past

from podsteam_firmware.safety.detached import Detached
from podsteam_protocol import messages as m


def heated(wall: int = 10500, water: int = 9800) -> tuple[Detached, Past]:
    """A detector that has seen the wall over the water, at steady power."""
    detached, past = Detached(), Past(wall, water)
    assert detached.step(past) == 0
    return detached, past


def test_a_new_detector_knows_nothing() -> None:
    detached = Detached()
    assert detached.detail == 0
    assert not detached.doubt


# The wall under the water -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("gap", "code"), [(600, m.CODE_WALL_SENSOR), (599, 0)])
def test_a_wall_under_the_water(gap: int, code: int) -> None:
    detached, past = heated()
    past.wall = past.water - gap
    past._walls[:] = [past.wall] * 16
    assert detached.step(past) == 0
    assert detached.step(past) == code
    assert detached.detail == past.wall


def test_the_wall_must_lie_under_it_twice_in_a_row() -> None:
    detached, past = heated()
    for wall in (9000, 9300, 9000):
        past.wall = wall
        past._walls[:] = [wall] * 16
        assert detached.step(past) == 0


@pytest.mark.parametrize(("over", "code"), [(100, m.CODE_WALL_SENSOR), (99, 0)])
def test_only_a_wall_that_was_over_the_water_may_not_be_under_it(over: int, code: int) -> None:
    """Hot water that was poured into a cold boiler is not held against the wall."""
    detached, past = heated(8000 + over, 8000)
    past.wall = 7000
    past._walls[:] = [7000] * 16
    detached.step(past)
    assert detached.step(past) == code


@pytest.mark.parametrize(("looks", "code"), [(239, m.CODE_WALL_SENSOR), (240, 0)])
def test_that_is_forgotten_after_a_minute_without_power(looks: int, code: int) -> None:
    detached, past = heated()
    past.wall = 7000
    past._walls[:] = [7000] * 16
    for _ in range(looks):
        assert detached.step(past.off()) == 0
    past.quiet = 0
    detached.step(past)
    assert detached.step(past) == code


# The wall falls ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "water", "code"),
    [(-600, 0, 108), (-599, 0, 0), (-1200, -200, 108), (-1199, -200, 0), (-600, 100, 108), (-599, 100, 0)],
)
def test_a_wall_that_falls_more_than_the_water_lets_it(wall: int, water: int, code: int) -> None:
    detached, past = heated()
    assert detached.step(past.look(past.wall + wall, past.water + water)) == code
    assert code in (0, m.CODE_WALL_SENSOR)


@pytest.mark.parametrize(("recent", "before", "code"), [(40, 50, 108), (39, 40, 0), (190, 200, 108), (189, 200, 0)])
def test_only_at_steady_power(recent: int, before: int, code: int) -> None:
    detached, past = heated()
    past.recent, past.before = recent, before
    assert detached.step(past.look(past.wall - 650)) == code


@pytest.mark.parametrize(("looks", "code"), [(39, 0), (40, m.CODE_WALL_SENSOR)])
def test_not_for_ten_seconds_after_a_sag(looks: int, code: int) -> None:
    detached, past = heated()
    past.sagged = True
    detached.step(past)
    past.sagged = False
    for _ in range(looks - 1):
        assert detached.step(past) == 0
    assert detached.step(past.look(past.wall - 650)) == code


def test_not_without_power() -> None:
    detached, past = heated()
    assert detached.step(past.look(past.wall - 650).off()) == 0
    assert not detached.doubt


# The water falls --------------------------------------------------------------------------------------------


def doubted(fall: int = 600, wall: int = 10500) -> tuple[Detached, Past]:
    detached, past = heated(wall)
    assert detached.step(past.look(water=past.water - fall)) == 0
    return detached, past


def test_water_that_falls_by_6_k_in_2_s_is_in_doubt() -> None:
    assert doubted(600)[0].doubt
    assert not doubted(599)[0].doubt


@pytest.mark.parametrize(("quiet", "doubt"), [(1, True), (39, True), (40, False)])
def test_water_that_falls_while_power_rests_is_in_doubt_for_10_s(quiet: int, doubt: bool) -> None:
    """Keeping warm, power comes in pulses. A wall without power may do what it likes."""
    detached, past = heated()
    past.quiet = quiet
    assert detached.step(past.look(past.wall - 2000, past.water - 600)) == 0
    assert detached.doubt is doubt


def test_a_wall_that_falls_while_power_rests_says_nothing() -> None:
    detached, past = heated()
    past.quiet = 1
    past.look(past.water - 700)
    past._walls[:] = [past.wall + 700] * 16
    assert [detached.step(past) for _ in range(4)] == [0] * 4
    assert not detached.doubt


@pytest.mark.parametrize(
    ("wall", "water", "poured"), [(9500, 9200, True), (9501, 9200, False), (9267, 7800, True), (9268, 7800, False)]
)
def test_a_wall_that_falls_below_the_old_water_says_it_was_poured(wall: int, water: int, poured: bool) -> None:
    """2 K and a sixth of the water's fall below 98 degC: 95 degC for 6 K."""
    detached, past = doubted()
    assert detached.step(past.look(wall, water).off()) == 0
    assert detached.doubt is not poured


@pytest.mark.parametrize(("warmer", "poured"), [(150, True), (149, False)])
def test_water_that_gets_warmer_without_heat_was_poured(warmer: int, poured: bool) -> None:
    detached, past = doubted()
    detached.step(past.look(water=7000).off())
    assert detached.doubt
    assert detached.step(past.look(water=7000 + warmer).off()) == 0
    assert detached.doubt is not poured


def test_the_first_low_counts_too() -> None:
    detached, past = doubted(600)
    detached.step(past.look(water=9349).off())
    assert detached.doubt
    detached.step(past.look(water=9350).off())
    assert not detached.doubt


def test_a_fall_that_nothing_explains_is_the_sensors_after_90_s() -> None:
    detached, past = doubted()
    past.look(water=4000)
    for i in range(1, 400):
        if detached.step(past.look().off()):
            assert i == 360
            assert detached.detail == 4000
            return
        assert detached.doubt
    raise AssertionError("never found")


@pytest.mark.parametrize(("water", "looks"), [(9800 - 1199, 32), (9800 - 1200, 0)])
def test_a_small_fall_is_let_go_after_8_s(water: int, looks: int) -> None:
    detached, past = doubted()
    past.look(water=water)
    for i in range(1, 100):
        assert detached.step(past.look().off()) == 0
        if not detached.doubt:
            assert i == looks
            return
    assert looks == 0


def test_after_the_doubt_a_falling_wall_is_let_pass_for_10_s() -> None:
    detached, past = doubted()
    detached.step(past.look(9000).off())
    assert not detached.doubt
    past.quiet = 0
    past.look(9000, 8000)
    past._waters[:] = [8000] * len(past._waters)
    past._walls[:] = [9700] * len(past._walls)
    for _ in range(39):
        assert detached.step(past) == 0
    assert detached.step(past) == m.CODE_WALL_SENSOR


def test_a_new_doubt_counts_from_its_own_beginning() -> None:
    detached, past = doubted()
    for _ in range(100):
        detached.step(past.look(water=6000).off())
    detached.step(past.look(7000).off())
    assert not detached.doubt
    past.quiet = 0
    past._walls[:] = [7000] * len(past._walls)
    past._waters[:] = [7000] * len(past._waters)
    past.water = 7000
    assert detached.step(past.look(7000, 6400)) == 0
    assert detached.doubt
    assert (detached._looks, detached._hot, detached._low) == (0, 7000, 6400)
