# SPDX-License-Identifier: Apache-2.0
"""Readings that have noise and stay where they are: water that does not warm, a wall that does not cool."""

import pytest
from past import Past

from podsteam_firmware.safety.unmoved import Unmoved
from podsteam_protocol import messages as m


def found(unmoved: Unmoved, past: Past, looks: int) -> int:
    """Looks until a code; 0: none in `looks`."""
    for i in range(1, looks + 1):
        if unmoved.step(past.look()):
            return i
    return 0


def test_a_new_detector_knows_nothing() -> None:
    assert Unmoved().detail == 0


def test_water_that_stays_cold_behind_a_hot_wall_is_found_after_20_s() -> None:
    unmoved, past = Unmoved(), Past(9200, 8399)
    past.power = 500
    assert found(unmoved, past, 200) == 81
    assert unmoved.step(past) == m.CODE_WATER_SENSOR
    assert unmoved.detail == 8399


@pytest.mark.parametrize(("wall", "water", "power"), [(9199, 8000, 1000), (9200, 8400, 1000), (10500, 8000, 499)])
def test_where_it_need_not_get_warmer(wall: int, water: int, power: int) -> None:
    past = Past(wall, water)
    past.power = power
    assert found(Unmoved(), past, 200) == 0


def test_no_power_begins_anew() -> None:
    unmoved, past = Unmoved(), Past(10500, 6000)
    assert found(unmoved, past, 80) == 0
    past.power = 0
    unmoved.step(past)
    past.power = 1000
    assert found(unmoved, past, 200) == 80


@pytest.mark.parametrize(("change", "anew"), [(-50, True), (-49, False), (100, True), (99, False)])
def test_a_rise_or_a_new_low_begins_anew(change: int, anew: bool) -> None:
    unmoved, past = Unmoved(), Past(10500, 6000)
    assert found(unmoved, past, 40) == 0
    past.look(water=6000 + change)
    assert found(unmoved, past, 200) == (81 if anew else 41)


def test_what_has_risen_is_measured_from_there() -> None:
    """A slow boiler of 0.06 K/s: never found, wherever the 20 s begin."""
    unmoved, past = Unmoved(), Past(10500, 3000)
    for i in range(3000):
        past.look(water=3000 + i * 3 // 2)
        assert unmoved.step(past) == 0


# The wall after the end of heat -----------------------------------------------------------------------------


def boiled(wall: int = 9200, water: int = 8400, power: int = 250, before: int = 9200) -> tuple[Unmoved, Past]:
    unmoved, past = Unmoved(), Past(wall, water)
    past._walls[:] = [before] * 16
    past.power = power
    assert unmoved.step(past) == 0
    return unmoved, past


def after_heat(unmoved: Unmoved, past: Past, fall: int, looks: int = 100) -> list[int]:
    past.look(past.wall - fall)
    return [i for i in range(1, looks) if unmoved.step(past.look().off())]


@pytest.mark.parametrize(("fall", "looks"), [(99, [40]), (100, [])])
def test_a_wall_that_keeps_its_superheat_is_found_after_10_s(fall: int, looks: list[int]) -> None:
    unmoved, past = boiled()
    assert after_heat(unmoved, past, fall) == looks
    if looks:
        assert unmoved.detail == past.wall


def test_its_code() -> None:
    unmoved, past = boiled()
    codes = {unmoved.step(past.look().off()) for _ in range(60)}
    assert codes == {0, m.CODE_WALL_SENSOR}


@pytest.mark.parametrize(
    ("wall", "water", "power", "before", "judged"),
    [
        (9199, 8400, 250, 9199, False),
        (9200, 8399, 250, 9200, False),
        (9200, 8400, 249, 9200, False),
        (9200, 8400, 250, 9160, True),
        (9200, 8400, 250, 9240, True),
        (9200, 8400, 250, 9159, False),
        (9200, 8400, 250, 9241, False),
    ],
)
def test_judged_only_where_it_boiled_and_stood_still(
    wall: int, water: int, power: int, before: int, judged: bool
) -> None:
    unmoved, past = boiled(wall, water, power, before)
    assert (after_heat(unmoved, past, 0) == [40]) is judged


def test_the_last_look_with_power_counts() -> None:
    unmoved, past = boiled(before=9000)
    past._walls[:] = [9200] * len(past._walls)
    past._walls[-16] = 9170
    unmoved.step(past)
    assert after_heat(unmoved, past, 0) == [40]
    unmoved, past = boiled()
    past.wall = 9300
    past._walls[:] = [9300] * len(past._walls)
    unmoved.step(past)
    assert after_heat(unmoved, past, 100) == []
