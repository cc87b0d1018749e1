# SPDX-License-Identifier: Apache-2.0
"""Plugs in each other's place, seen at the beginning of a heat-up from cold."""

import pytest
from past import Past

from podsteam_firmware.safety.swapped import Swapped
from podsteam_protocol import messages as m


def begun(wall: int = 2000, water: int = 2000, outlet: int = 2000) -> tuple[Swapped, Past]:
    swapped, past = Swapped(), Past(wall, water, outlet)
    assert swapped.step(past.off()) == 0
    past.quiet = 0
    return swapped, past


def test_a_new_detector_knows_nothing() -> None:
    assert Swapped().detail == 0
    assert Swapped().step(Past(2000, 9000, 9000)) == 0


def test_the_wall_leads() -> None:
    swapped, past = begun()
    for i in range(200):
        assert swapped.step(past.look(2000 + 40 * i, 2000 + 20 * i, 2000)) == 0


@pytest.mark.parametrize("which", ["water", "outlet"])
@pytest.mark.parametrize(("led", "wall", "code"), [(400, 399, 121), (399, 0, 0), (400, 400, 0)])
def test_another_one_leads(which: str, led: int, wall: int, code: int) -> None:
    swapped, past = begun()
    past.look(2000 + wall, water=2000 + led if which == "water" else 2000)
    past.look(outlet=2000 + led if which == "outlet" else 2000)
    assert swapped.step(past) == code
    assert swapped.detail == wall


@pytest.mark.parametrize(("wall", "code"), [(2499, 121), (2500, 0)])
def test_a_wall_that_has_come_far_is_the_wall(wall: int, code: int) -> None:
    swapped, past = begun()
    assert swapped.step(past.look(2000 + wall, 2000 + 2600)) == code


@pytest.mark.parametrize(
    ("outlet", "water", "code"), [(799, 0, 0), (800, 800, 121), (800, 801, 0), (1200, 1200, 121), (1200, 1201, 0)]
)
def test_the_outlet_waits_for_steam(outlet: int, water: int, code: int) -> None:
    swapped, past = begun()
    assert swapped.step(past.look(2000 + 3000, 2000 + water, 2000 + outlet)) == code


@pytest.mark.parametrize(("wall", "water", "code"), [(5000, 49, 109), (5000, -49, 109), (5000, 50, 0), (4999, 0, 0)])
def test_water_that_does_not_follow(wall: int, water: int, code: int) -> None:
    swapped, past = begun()
    assert swapped.step(past.look(2000 + wall, 2000 + water)) == code
    assert code in (0, m.CODE_WATER_SENSOR)


@pytest.mark.parametrize(("moved", "code"), [(-49, 109), (-50, 0), (-300, 0), (99, 109), (100, 0), (370, 0)])
def test_water_that_fell_or_had_risen_before_cold_water_was_poured_in_has_moved(moved: int, code: int) -> None:
    swapped, past = begun()
    assert swapped.step(past.look(2000 + 1000, 2000 + moved)) == 0
    assert swapped.step(past.look(2000 + 5000, 2000)) == code
    # The next heat-up is judged anew.
    past = Past(2000, 2000, 2000)
    assert swapped.step(past.off()) == 0
    past.quiet = 0
    assert swapped.step(past.look(7000)) == m.CODE_WATER_SENSOR


def test_it_ends_when_the_wall_could_boil_water() -> None:
    for wall, ends in ((8500, True), (8499, False)):
        swapped, past = begun(3000, 3000, 3000)
        assert swapped.step(past.look(wall, 3100, 3000)) == 0
        assert (swapped.step(past.look(wall, 3100, 4000)) == 0) is ends


@pytest.mark.parametrize(
    ("wall", "water", "outlet", "watched"),
    [
        (2000, 2600, 2000, True),
        (2000, 2601, 2000, False),
        (2000, 1400, 2600, True),
        (2000, 1399, 2000, False),
        (2000, 2000, 2601, False),
        (2000, 2000, 1399, False),
        (4500, 4500, 4500, True),
        (4501, 4500, 4500, False),
    ],
)
def test_only_an_even_and_cold_start_is_judged(wall: int, water: int, outlet: int, watched: bool) -> None:
    swapped, past = begun(wall, water, outlet)
    code = swapped.step(past.look(wall, water + 500))
    assert (code == m.CODE_SENSORS_SWAPPED) is watched


def test_each_pause_begins_anew() -> None:
    swapped, past = begun()
    assert swapped.step(past.look(2300)) == 0
    swapped.step(past.look(2350, 2250, 2250).off())
    past.quiet = 0
    assert swapped.step(past.look(2350, 2649)) == 0
    assert swapped.step(past.look(2350, 2650)) == m.CODE_SENSORS_SWAPPED
    assert swapped.detail == 0
