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


@pytest.mark.parametrize(("water", "looks"), [(99, 80), (100, 81)])
def test_the_first_look_begins_it_but_at_the_freezing_point(water: int, looks: int) -> None:
    assert found(Unmoved(), Past(9200, water), 200) == looks


@pytest.mark.parametrize(("wall", "water", "power"), [(9199, 8000, 1000), (9200, 8400, 1000), (9700, 8000, 499)])
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


# Water that does not get warmer beside a wall far over it ---------------------------------------------------


def far(wall: int = 8800, water: int = 6000, power: int = 50) -> tuple[Unmoved, Past]:
    """A detector whose filter has settled, and the wall as it is from now on."""
    unmoved, past = Unmoved(), Past(water, water)
    assert found(unmoved, past, 400) == 0
    past.power = power
    past.look(wall)
    return unmoved, past


@pytest.mark.parametrize(("wall", "looks"), [(7801, 100_000), (8799, 101), (8800, 100), (9199, 100)])
def test_what_the_wall_lies_over_the_water_is_summed_up(wall: int, looks: int) -> None:
    """More than 18 K of it, and 10 K at most: 250 K s."""
    unmoved, past = far(wall)
    assert found(unmoved, past, 100_000) == looks
    assert unmoved.step(past) == m.CODE_WATER_SENSOR
    assert unmoved.detail == 6000


def test_one_look_adds_10_k_at_most() -> None:
    unmoved, past = far(9199)
    unmoved.step(past)
    assert unmoved._far == 1000


@pytest.mark.parametrize(
    ("water", "outlet", "most"),
    [
        *((5500, 2000, 1600), (5502, 2000, 1600), (5503, 2000, 1601), (3000, 2000, 1600)),
        *((6000, 1000, 2200), (6000, 1999, 1800), (6000, 1997, 1801), (6000, 2001, 1800), (6000, 9000, 1800)),
    ],
)
def test_what_losses_explain_is_not_summed_up(water: int, outlet: int, most: int) -> None:
    """0.4 of the water's rise over the room and 2 K, 16 K at least; the room is never warmer than 20 degC."""
    unmoved, past = far(water + most, water)
    past.outlet = outlet
    assert found(unmoved, past, 1000) == 0
    past.wall += 100
    assert found(unmoved, past, 1100) == 1000


@pytest.mark.parametrize(("wall", "water", "power"), [(7800, 6000, 1000), (12400, 8400, 499), (8800, 6000, 49)])
def test_where_nothing_is_summed_up(wall: int, water: int, power: int) -> None:
    assert found(*far(wall, water, power), 1000) == 0


@pytest.mark.parametrize(("change", "anew"), [(-25, True), (-24, False), (25, True), (24, False)])
def test_water_that_answers_begins_a_new_sum(change: int, anew: bool) -> None:
    """A change of 0.25 K or more, once it has passed the filter."""
    unmoved, past = far()
    assert found(unmoved, past, 10) == 0
    past.look(8900, 6000 + change)
    assert (found(unmoved, past, 1000) == 90) is not anew


def test_noise_does_not_answer() -> None:
    """0.8 K up and down at each look, about one value."""
    unmoved, past = far(9400)
    for i in range(99):
        past.look(water=6040 if i & 1 else 5960)
        assert unmoved.step(past) == 0
    assert found(unmoved, past, 3) == 1


def test_the_filter_takes_four_seconds() -> None:
    """Of a step by 0.4 K, 0.25 K have passed after 15 looks: 1 - (15 / 16)^15 is 0.62."""
    unmoved, past = far()
    past.look(8900, 6040)
    sums = []
    for _ in range(20):
        unmoved.step(past)
        sums.append(unmoved._far)
    assert sums.index(0) == 14


@pytest.mark.parametrize("pause", ["power", "wall"])
def test_a_sum_that_rests_is_gone(pause: str) -> None:
    unmoved, past = far()
    assert found(unmoved, past, 99) == 0
    if pause == "power":
        past.power = 0
    else:
        past.wall = 7800
    unmoved.step(past)
    past.power = 50
    past.wall = 8800
    assert found(unmoved, past, 200) == 100


def test_a_new_sum_is_of_nothing() -> None:
    """The filter begins at the water. At 0 degC the first look counts, and what differs from it begins a sum."""
    past = Past(1600 + 3, 0)
    past.power = 50
    assert found(Unmoved(), past, 40_000) == 33_334
    for water, looks in ((24, 100), (25, 101), (34, 101)):
        past = Past(4000, water)
        past.power = 50
        assert found(Unmoved(), past, 200) == looks


def test_the_slowest_boiler_keeps_warm() -> None:
    """10 K more than what makes up its losses, and 0.25 K in 17 s."""
    unmoved, past = far(8800)
    for i in range(3000):
        past.look(8800 + i * 25 // 68, 6000 + i * 25 // 68)
        past.wall = past.water + 2800 if past.water < 8000 else past.water
        assert unmoved.step(past) == 0


# The same at the boiler's pace --------------------------------------------------------------------------------


def warmed(pace: int = 100, kelvins: int = 12, wall: int = 4000) -> tuple[Unmoved, Past]:
    """A detector that has seen a heat-up from 30 degC at full power: 100 looks of the wall's lead for as much warmth
    of the water. Then power is low, the filter has settled, and the wall is at the water."""
    unmoved, past = Unmoved(), Past(3000, 3000)
    for i in range(1, kelvins * pace // 10 + 1):
        # The filter lags by 16 looks.
        past.look(3000 + i * 1000 // pace + 1000, 3000 + i * 1000 // pace)
        assert unmoved.step(past.on()) == 0
    past.full = 0
    past.power = 50
    past.look(past.water)
    assert found(unmoved, past, 100) == 0
    return unmoved, past


def lead(unmoved: Unmoved, past: Past) -> int:
    """What losses explain, 0.01 K."""
    return unmoved._explained(past.water - 2000)


@pytest.mark.parametrize(("pace", "most"), [(100, 103), (200, 203), (400, 404)])
def test_the_pace_is_measured_in_a_heat_up(pace: int, most: int) -> None:
    unmoved, _ = warmed(pace)
    assert pace - 4 <= unmoved._pace <= most


@pytest.mark.parametrize(("kelvins", "known"), [(5, False), (7, True)])
def test_the_first_kelvins_only_settle(kelvins: int, known: bool) -> None:
    """A wall that begins to lead gains on the water until the sensors follow."""
    assert (warmed(100, kelvins)[0]._pace > 0) is known


def test_a_pace_is_10_s_at_least() -> None:
    assert warmed(20, 20)[0]._pace == 40


@pytest.mark.parametrize("over", [400, 1600, 3000])
def test_water_that_stays_is_found_at_its_pace(over: int) -> None:
    """40 K s and 1 K at the pace, of at most 16 K."""
    unmoved, past = warmed(100)
    past.wall = past.water + lead(unmoved, past) + over
    limit = 16000 + unmoved._pace * 100
    assert found(unmoved, past, 1000) == -(-limit // min(over, 1600))
    assert unmoved.step(past) == m.CODE_WATER_SENSOR
    assert unmoved.detail == past.water


@pytest.mark.parametrize(("sum_", "code"), [(25_999, 0), (26_000, m.CODE_WATER_SENSOR)])
def test_the_limit_at_a_pace_is_exact(sum_: int, code: int) -> None:
    unmoved, past = warmed(100)
    unmoved._pace = 100
    past.wall = past.water + lead(unmoved, past) + 3000
    unmoved.step(past)
    assert unmoved._far == 1600
    unmoved._far = sum_ - 1600
    assert unmoved.step(past) == code


@pytest.mark.parametrize(("risen", "settled"), [(199, False), (200, True)])
def test_a_pace_is_measured_over_2_k(risen: int, settled: bool) -> None:
    unmoved, past = Unmoved(), Past(4000, 3000)
    unmoved._from = 3000
    unmoved._learn(past, 3000)
    assert unmoved._led == 1000
    unmoved._learn(past, 3000 + risen)
    assert unmoved._settled is settled
    assert unmoved._led == (0 if settled else 2000)


def test_never_later_than_without_a_pace() -> None:
    unmoved, past = warmed(1000)
    past.wall = past.water + lead(unmoved, past) + 1000
    assert found(unmoved, past, 1000) == 100


@pytest.mark.parametrize(("pace", "permille"), [(0, 0), (40, 88), (100, 220), (181, 398), (182, 400), (1000, 400)])
def test_what_losses_explain_at_a_pace(pace: int, permille: int) -> None:
    """2 K for what the sensors may be off; 0.22 % of the rise over the room for a look, 40 % at most."""
    unmoved = Unmoved()
    unmoved._pace = pace
    assert unmoved._explained(1000) == (1600 if pace == 0 else 200 + permille)
    assert unmoved._explained(5000) == (2200 if pace == 0 else 200 + 5 * permille)


def test_what_losses_explain_is_no_fault() -> None:
    unmoved, past = warmed(100)
    past.wall = past.water + lead(unmoved, past)
    assert found(unmoved, past, 2000) == 0


@pytest.mark.parametrize(("fall", "known"), [(100, False), (99, True)])
def test_cold_water_makes_the_pace_unknown(fall: int, known: bool) -> None:
    unmoved, past = warmed(100)
    unmoved.step(past.look(water=past.water - fall))
    assert (unmoved._pace > 0) is known
    assert unmoved._settled is known


@pytest.mark.parametrize(("ago", "known"), [(7, True), (8, False), (9, True)])
def test_cold_water_is_a_fall_in_2_s(ago: int, known: bool) -> None:
    unmoved, past = warmed(100)
    past._waters[-1 - ago] += 100
    unmoved.step(past)
    assert (unmoved._pace > 0) is known


@pytest.mark.parametrize(("looks", "known"), [(239, True), (240, False)])
def test_a_minute_without_power_makes_it_unknown(looks: int, known: bool) -> None:
    unmoved, past = warmed(100)
    for _ in range(looks):
        assert unmoved.step(past.look().off()) == 0
    assert (unmoved._pace > 0) is known


def test_a_minute_after_cold_water_no_pace_is_measured() -> None:
    """The layers mix, which warms or cools the water without the wall."""
    unmoved, past = warmed(100)
    past.look(7000, past.water - 300)
    unmoved.step(past)
    past.was(water=past.water)
    for _ in range(239):
        past.look(7000, past.water + 10)
        unmoved.step(past.on())
        assert unmoved._from - 1 <= unmoved._mean >> 4 <= unmoved._from
    assert (unmoved._pace, unmoved._led) == (0, 0)
    unmoved.step(past.on())
    assert unmoved._led == past.wall - past.water


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("wall", [9199, 9200])
def test_measured_at_full_power_and_below_boiling_only(full: bool, wall: int) -> None:
    unmoved, past = Unmoved(), Past(9199, 3000)
    for _ in range(200):
        past.look(wall, past.water + 10)
        past.on()
        past.full = past.full if full else 0
        unmoved.step(past)
    assert (unmoved._pace > 0) is (full and wall < 9200)


def test_water_that_gets_colder_begins_its_kelvins_anew() -> None:
    unmoved, past = warmed(100)
    past.on()
    unmoved.step(past.look(past.water + 3000))
    begun = unmoved._from
    for _ in range(40):
        past.look(water=past.water - 5)
        unmoved.step(past.on())
    assert unmoved._led == 0
    assert unmoved._from < begun - 100


# The wall after the end of heat -----------------------------------------------------------------------------


def boiled(wall: int = 9200, water: int = 8400, power: int = 250, before: int = 9200) -> tuple[Unmoved, Past]:
    unmoved, past = Unmoved(), Past(wall, water)
    past.was(wall=before)
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


@pytest.mark.parametrize(("ago", "judged"), [(14, True), (15, False), (16, True)])
def test_it_stood_still_when_it_was_there_fifteen_looks_before(ago: int, judged: bool) -> None:
    unmoved, past = Unmoved(), Past(9200, 8400)
    past._walls = [9200] * 20
    past._walls[-1 - ago] = 9000
    unmoved.step(past)
    assert (after_heat(unmoved, past, 0) == [40]) is judged


def test_the_last_look_with_power_counts() -> None:
    unmoved, past = boiled(before=9000)
    past.was(wall=9200)
    past._walls[-16] = 9170
    unmoved.step(past)
    assert after_heat(unmoved, past, 0) == [40]
    unmoved, past = boiled()
    past.wall = 9300
    past.was(wall=9300)
    unmoved.step(past)
    assert after_heat(unmoved, past, 100) == []
