# SPDX-License-Identifier: Apache-2.0
"""Sensors that came off, told from cold water and from less power."""

import pytest
from past import Past

from podsteam_firmware.safety.detached import Detached
from podsteam_protocol import messages as m


def heated(wall: int = 10500, water: int = 9800) -> tuple[Detached, Past]:
    """A detector that has seen the wall over the water, at steady power."""
    detached, past = Detached(), Past(wall, water)
    assert detached.step(past, False) == 0
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
    past.was(wall=past.wall)
    assert detached.step(past, False) == 0
    assert detached.step(past, False) == code
    assert detached.detail == past.wall


def test_the_wall_must_lie_under_it_twice_in_a_row() -> None:
    detached, past = heated()
    for wall in (9000, 9300, 9000):
        past.wall = wall
        past.was(wall=wall)
        assert detached.step(past, False) == 0


@pytest.mark.parametrize(("over", "code"), [(100, m.CODE_WALL_SENSOR), (99, 0)])
def test_only_a_wall_that_was_over_the_water_may_not_be_under_it(over: int, code: int) -> None:
    """Hot water that was poured into a cold boiler is not held against the wall."""
    detached, past = heated(8000 + over, 8000)
    past.wall = 7000
    past.was(wall=7000)
    detached.step(past, False)
    assert detached.step(past, False) == code


@pytest.mark.parametrize(("looks", "code"), [(239, m.CODE_WALL_SENSOR), (240, 0)])
def test_that_is_forgotten_after_a_minute_without_power(looks: int, code: int) -> None:
    detached, past = heated()
    past.wall = 7000
    past.was(wall=7000)
    for _ in range(looks):
        assert detached.step(past.off(), False) == 0
    past.quiet = 0
    detached.step(past, False)
    assert detached.step(past, False) == code


# The same while power rests ---------------------------------------------------------------------------------


def rested(wall: int, water: int, looks: int = 60) -> tuple[Detached, Past]:
    """A detector in a session whose power has rested for so long."""
    detached, past = heated(wall, water)
    for _ in range(looks):
        assert detached.step(past.look().off(), True) == 0
    return detached, past


@pytest.mark.parametrize(
    ("gap", "water", "code"), [(600, 0, 108), (599, 0, 0), (599, 10, 0), (1000, -200, 108), (999, -200, 0)]
)
def test_a_wall_under_the_water_in_a_rest(gap: int, water: int, code: int) -> None:
    """By 6 K, and by twice what the water has fallen in 4 s besides."""
    detached, past = rested(6300, 6000)
    past.was(water=6000)
    past.water = 6000 + water
    past.wall = past.water - gap
    past.was(wall=past.wall)
    assert detached.step(past.off(), True) == 0
    assert detached.step(past.off(), True) == code


def test_nothing_of_that_after_the_session() -> None:
    detached, past = rested(6300, 6000)
    past.wall = 3000
    for _ in range(10):
        assert detached.step(past.look(water=past.water - 700).off(), False) == 0
    assert not detached.doubt


@pytest.mark.parametrize(("risen", "wall", "code"), [(200, 0, 0), (199, 0, 108), (200, -99, 0), (200, -100, 108)])
def test_hot_water_in_a_rest_lifts_the_water_over_a_wall_that_stays(risen: int, wall: int, code: int) -> None:
    detached, past = rested(6200, 6000)
    past.was(wall=6050 - wall, water=6100 - risen)
    past.wall, past.water = 6050, 6100
    detached.step(past.off(), True)
    past.was(wall=6050, water=7000)
    past.water = 7000
    detached.step(past.off(), True)
    assert detached.step(past.off(), True) == code


@pytest.mark.parametrize(("ago", "over"), [(14, True), (15, False)])
def test_the_hot_water_of_the_last_4_s_is_looked_at(ago: int, over: bool) -> None:
    """Fifteen looks, and whatever the readings between them were."""
    detached, past = rested(6200, 6000)
    past._waters[-1 - ago] = 5850
    past.wall = past.water = 6050
    past.was(wall=6050)
    detached.step(past.off(), True)
    assert detached._over is over


def test_the_wall_that_stays_is_looked_at_over_2_s() -> None:
    for ago in (7, 8, 9):
        detached, past = rested(6200, 6000)
        past.was(wall=6050, water=5800)
        past._walls[-1 - ago] += 100
        past.wall, past.water = 6050, 6000
        detached.step(past.off(), True)
        assert detached._over is (ago == 8)


def test_heat_shows_that_the_wall_is_over_the_hot_water() -> None:
    detached, past = rested(6200, 6000)
    assert detached._over
    past.wall = 6050
    past.was(wall=6050, water=5800)
    assert detached.step(past.off(), True) == 0
    assert not detached._over
    past.was(water=6000)
    past.wall = past.water + 100
    assert detached.step(past.off(), True) == 0
    assert not detached._over
    past.quiet = 0
    detached.step(past, True)
    assert detached._over


@pytest.mark.parametrize(("fall", "water", "code"), [(1600, 0, 108), (1599, 0, 0), (2200, -200, 108), (2199, -200, 0)])
def test_a_wall_that_falls_in_a_rest(fall: int, water: int, code: int) -> None:
    """By 6 K, three times what the water has fallen, and half of the 20 K that it was over it."""
    detached, past = rested(8000, 6000)
    assert detached.step(past.look(8000 - fall, 6000 + water).off(), True) == code


@pytest.mark.parametrize(("quiet", "code"), [(1, 0), (39, 0), (40, m.CODE_WALL_SENSOR)])
def test_only_when_it_has_rested_for_10_s(quiet: int, code: int) -> None:
    detached, past = heated(8000, 6000)
    past.quiet = quiet
    assert detached.step(past.look(6400), True) == code


def test_a_wall_that_was_under_the_water_owes_it_nothing() -> None:
    detached, past = rested(6000, 6400)
    assert detached.step(past.look(5401).off(), True) == 0
    assert detached.step(past.look(5400).off(), True) == m.CODE_WALL_SENSOR


def test_water_that_falls_in_a_long_rest_is_in_doubt_while_the_session_goes_on() -> None:
    for closed in (True, False):
        detached, past = rested(6300, 6000)
        assert detached.step(past.look(water=5400).off(), closed) == 0
        assert detached.doubt is closed


@pytest.mark.parametrize(("quiet", "doubt"), [(39, True), (40, False)])
def test_a_rest_where_water_boils_is_long_after_10_s(quiet: int, doubt: bool) -> None:
    detached, past = rested(9000, 8400, quiet - 1)
    assert detached.step(past.look(water=7800).off(), True) == 0
    assert detached.doubt is doubt


@pytest.mark.parametrize(("quiet", "over"), [(0, True), (1, False)])
def test_hot_water_lifts_the_water_over_the_wall_from_the_first_look_without_power_on(quiet: int, over: bool) -> None:
    detached, past = heated(6200, 6000)
    past.was(wall=6050)
    past.wall = 6050
    past.was(water=5800)
    past.quiet = quiet
    assert detached.step(past, True) == 0
    assert detached._over is over


@pytest.mark.parametrize(("quiet", "code"), [(0, m.CODE_WALL_SENSOR), (1, 0)])
def test_what_the_water_has_fallen_is_let_off_without_power_only(quiet: int, code: int) -> None:
    detached, past = heated(6200, 6000)
    past.was(water=6100)
    past.wall = 5400
    past.was(wall=5400)
    past.quiet = quiet
    assert detached.step(past, True) == 0
    assert detached.step(past, True) == code


@pytest.mark.parametrize(("quiet", "doubt"), [(39, True), (40, False)])
def test_without_a_session_only_the_first_10_s_of_a_rest_count(quiet: int, doubt: bool) -> None:
    detached, past = heated(6300, 6000)
    past.quiet = quiet
    assert detached.step(past.look(water=5400), False) == 0
    assert detached.doubt is doubt


@pytest.mark.parametrize(("water", "doubt"), [(8399, True), (8400, False)])
def test_but_not_where_water_boils(water: int, doubt: bool) -> None:
    detached, past = rested(9000, water)
    assert detached.step(past.look(water=water - 600).off(), True) == 0
    assert detached.doubt is doubt


# The wall falls ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "water", "code"),
    [(-600, 0, 108), (-599, 0, 0), (-1200, -200, 108), (-1199, -200, 0), (-600, 100, 108), (-599, 100, 0)],
)
def test_a_wall_that_falls_more_than_the_water_lets_it(wall: int, water: int, code: int) -> None:
    detached, past = heated()
    assert detached.step(past.look(past.wall + wall, past.water + water), False) == code
    assert code in (0, m.CODE_WALL_SENSOR)


@pytest.mark.parametrize(("recent", "before", "code"), [(40, 50, 108), (39, 40, 0), (190, 200, 108), (189, 200, 0)])
def test_only_at_steady_power(recent: int, before: int, code: int) -> None:
    detached, past = heated()
    past.recent, past.before = recent, before
    assert detached.step(past.look(past.wall - 650), False) == code


@pytest.mark.parametrize(("looks", "code"), [(39, 0), (40, m.CODE_WALL_SENSOR)])
def test_not_for_ten_seconds_after_a_sag(looks: int, code: int) -> None:
    detached, past = heated()
    past.sagged = True
    detached.step(past, False)
    past.sagged = False
    for _ in range(looks - 1):
        assert detached.step(past, False) == 0
    assert detached.step(past.look(past.wall - 650), False) == code


def test_not_without_power() -> None:
    detached, past = heated()
    assert detached.step(past.look(past.wall - 650).off(), False) == 0
    assert not detached.doubt


@pytest.mark.parametrize(("ago", "code"), [(7, 0), (8, m.CODE_WALL_SENSOR), (9, 0)])
def test_what_a_wall_has_fallen_by_is_taken_over_2_s(ago: int, code: int) -> None:
    detached, past = heated()
    past._walls[-1 - ago] += 600
    assert detached.step(past, False) == code


@pytest.mark.parametrize(("ago", "code"), [(7, m.CODE_WALL_SENSOR), (8, 0), (9, m.CODE_WALL_SENSOR)])
def test_and_so_is_what_the_water_has_fallen_by(ago: int, code: int) -> None:
    detached, past = heated()
    past._walls[-9] += 600
    past._waters[-1 - ago] += 1
    assert detached.step(past, False) == code


# The water falls --------------------------------------------------------------------------------------------


def doubted(fall: int = 600, wall: int = 10500) -> tuple[Detached, Past]:
    detached, past = heated(wall)
    assert detached.step(past.look(water=past.water - fall), False) == 0
    return detached, past


def test_water_that_falls_by_6_k_in_2_s_is_in_doubt() -> None:
    assert doubted(600)[0].doubt
    assert not doubted(599)[0].doubt


@pytest.mark.parametrize(("ago", "doubt"), [(7, False), (8, True), (9, False)])
def test_what_the_water_has_fallen_by_is_taken_over_2_s(ago: int, doubt: bool) -> None:
    detached, past = heated()
    past._waters[-1 - ago] += 600
    assert detached.step(past, False) == 0
    assert detached.doubt is doubt


@pytest.mark.parametrize(("quiet", "doubt"), [(1, True), (39, True), (40, False)])
def test_water_that_falls_while_power_rests_is_in_doubt_for_10_s(quiet: int, doubt: bool) -> None:
    """Keeping warm, power comes in pulses. A wall without power may do what it likes."""
    detached, past = heated()
    past.quiet = quiet
    assert detached.step(past.look(past.wall - 2000, past.water - 600), False) == 0
    assert detached.doubt is doubt


def test_a_wall_that_falls_while_power_rests_says_nothing() -> None:
    detached, past = heated()
    past.quiet = 1
    past.look(past.water - 700)
    past.was(wall=past.wall + 700)
    assert [detached.step(past, False) for _ in range(4)] == [0] * 4
    assert not detached.doubt


@pytest.mark.parametrize(
    ("wall", "water", "poured"), [(9500, 9200, True), (9501, 9200, False), (9267, 7800, True), (9268, 7800, False)]
)
def test_a_wall_that_falls_below_the_old_water_says_it_was_poured(wall: int, water: int, poured: bool) -> None:
    """2 K and a sixth of the water's fall below 98 degC: 95 degC for 6 K."""
    detached, past = doubted()
    assert detached.step(past.look(wall, water).off(), False) == 0
    assert detached.doubt is not poured


@pytest.mark.parametrize(("warmer", "poured"), [(150, True), (149, False)])
def test_water_that_gets_warmer_without_heat_was_poured(warmer: int, poured: bool) -> None:
    detached, past = doubted()
    detached.step(past.look(water=7000).off(), False)
    assert detached.doubt
    assert detached.step(past.look(water=7000 + warmer).off(), False) == 0
    assert detached.doubt is not poured


def test_the_first_low_counts_too() -> None:
    detached, past = doubted(600)
    detached.step(past.look(water=9349).off(), False)
    assert detached.doubt
    detached.step(past.look(water=9350).off(), False)
    assert not detached.doubt


def test_a_fall_that_nothing_explains_is_the_sensors_after_90_s() -> None:
    detached, past = doubted()
    past.look(water=4000)
    for i in range(1, 400):
        if detached.step(past.look().off(), False):
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
        assert detached.step(past.look().off(), False) == 0
        if not detached.doubt:
            assert i == looks
            return
    assert looks == 0


def test_after_the_doubt_a_falling_wall_is_let_pass_for_10_s() -> None:
    detached, past = doubted()
    detached.step(past.look(9000).off(), False)
    assert not detached.doubt
    past.quiet = 0
    past.look(9000, 8000)
    past.was(wall=9700, water=8000)
    for _ in range(39):
        assert detached.step(past, False) == 0
    assert detached.step(past, False) == m.CODE_WALL_SENSOR


def test_a_new_doubt_counts_from_its_own_beginning() -> None:
    detached, past = doubted()
    for _ in range(100):
        detached.step(past.look(water=6000).off(), False)
    detached.step(past.look(7000).off(), False)
    assert not detached.doubt
    past.quiet = 0
    past.was(wall=7000, water=7000)
    past.water = 7000
    assert detached.step(past.look(7000, 6400), False) == 0
    assert detached.doubt
    assert (detached._looks, detached._hot, detached._low) == (0, 7000, 6400)


# The water falls beside a wall far over it ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "fall", "quiet", "doubt"),
    [(6750, 250, 0, True), (6749, 250, 0, False), (7000, 249, 0, False), (6750, 250, 1, False), (6750, 600, 1, True)],
)
def test_a_small_fall_beside_a_wall_40_k_over_it(wall: int, fall: int, quiet: int, doubt: bool) -> None:
    detached, past = heated(wall, 3000)
    past.quiet = quiet
    assert detached.step(past.look(water=3000 - fall), False) == 0
    assert detached.doubt is doubt


def test_such_a_fall_needs_an_answer_however_small() -> None:
    detached, past = heated(9000, 3000)
    assert detached.step(past.look(water=2750), False) == 0
    found = [detached.step(past.look(water=2400).off(), False) for _ in range(360)]
    assert found == [0] * 359 + [m.CODE_WATER_SENSOR]


def test_water_that_such_a_wall_warms_was_poured() -> None:
    detached, past = heated(9000, 3000)
    detached.step(past.look(water=2700), False)
    detached.step(past.look(water=2400).off(), False)
    detached.step(past.look(water=2549).off(), False)
    assert detached.doubt
    assert detached.step(past.look(water=2550).off(), False) == 0
    assert not detached.doubt


def test_the_next_doubt_is_of_its_own_kind() -> None:
    detached, past = heated(9000, 3000)
    detached.step(past.look(water=2700), False)
    detached.step(past.look(water=2900).off(), False)
    assert not detached.doubt
    past.quiet = 1
    assert detached.step(past.look(water=2100), False) == 0
    assert detached.doubt
    assert [detached.step(past.look().off(), False) for _ in range(31)] == [0] * 31
    assert detached.doubt
    detached.step(past.off(), False)
    assert not detached.doubt
