# SPDX-License-Identifier: Apache-2.0
"""The wall at full power: cold, it must rise as fast as the slowest boiler's; and it may not fall once it rose."""

import pytest
from past import Past

from podsteam_firmware.safety import rise as rise_module
from podsteam_firmware.safety.rise import Rise

LEAST_UV = 977_500
"""195.5 V: 85 % of 230 V, and what everything is measured by."""
SLOWEST = {14: 23, 20: 67, 26: 131, 32: 210, 40: 334, 50: 500, 60: 652}
"""What the slowest boiler of the envelope has risen by after so many looks of full power, 0.01 K: the mean of the
newest six, played on the simulated plant. 206 W, 40 J/K, 10 W/K, 150 J/K, 80 cm2, 1500 W/m2K, 120 g, lag 3 s."""


def found(rise: Rise, past: Past, looks: int, step: int, mains_uv: int = LEAST_UV) -> int:
    """Looks until the verdict while the wall changes by `step` in each; 0: none in `looks`."""
    for i in range(1, looks + 1):
        if rise.step(past.look(past.wall + step).on(), mains_uv):
            return i
    return 0


def begun(wall: int = 3000, rest: int = 0) -> tuple[Rise, Past]:
    """A detector before a heat-up that is none from rest, or is after so many looks: wall and water are even then."""
    rise, past = Rise(), Past(wall, water=wall if rest else wall - 2000)
    past.full = 0
    past.quiet = 1
    assert not rise.step(past, LEAST_UV)
    for _ in range(rest - 1):
        assert not rise.step(past.look().off(), LEAST_UV)
    return rise, past


def heating(rise: Rise, past: Past) -> None:
    """Full power for 5 s, and nothing to be patient about."""
    past.full, past.quiet = 20, 0
    rise._patience = rise._quiet = 0


def past_of(past: Past, rise_cdeg: int) -> None:
    """The wall was so much cooler in all of the past."""
    past.was(wall=past.wall - rise_cdeg)


# Whatever came before ------------------------------------------------------------------------------------------------
def test_a_new_detector_knows_nothing() -> None:
    new = Rise()
    assert (new.detail, new._patience, new._short, new._falling, new._rising) == (0, 0, 0, 0, 0)
    assert (new._quiet, new._slow, new._base, new._drift, new._peak) == (0, 0, 0, 0, 0)
    assert new._rested and not new._risen


def test_a_wall_that_stands_still_is_found_four_and_a_quarter_seconds_after_the_start() -> None:
    """When wall and water are not even: the first 3.5 s are let pass, then each look lacks 0.4 K."""
    rise, past = begun()
    assert found(rise, past, 100, 0) == 17
    assert rise.detail == 0


def test_a_unit_that_heats_before_it_was_ever_looked_at_has_its_first_seconds_too() -> None:
    """Switched on and used at once: the first look that is judged has full power already."""
    rise, past = Rise(), Past(3000)
    past.full = 0
    assert found(rise, past, 100, 0) == 16


def test_a_verdict_stays_while_the_wall_does() -> None:
    rise, past = begun()
    found(rise, past, 100, 0)
    assert rise.step(past.look().on(), LEAST_UV)


@pytest.mark.parametrize(
    ("rise_cdeg", "mains_uv", "looks"),
    [
        (40, LEAST_UV, 0),
        (39, LEAST_UV, 120),
        (39, LEAST_UV - 1, 0),
        (30, LEAST_UV, 12),
        (-500, LEAST_UV, 3),
        (40, 1_150_000, 9),
        (71, 1_309_850, 0),
        (70, 1_309_850, 120),
    ],
)
def test_what_is_missing_is_summed_up_to_a_limit_and_more_voltage_asks_for_more(
    rise_cdeg: int, mains_uv: int, looks: int
) -> None:
    """At 230 V it is 0.55 K that must be there, less rounding; one look adds 0.4 K at most."""
    rise, past = begun()
    heating(rise, past)
    past_of(past, rise_cdeg)
    for i in range(1, 300):
        if rise.step(past.on(), mains_uv):
            assert (i, rise.detail) == (looks, rise_cdeg)
            return
    assert looks == 0


def test_one_look_adds_four_tenths_at_most() -> None:
    rise, past = begun()
    heating(rise, past)
    past_of(past, -500)
    assert not rise.step(past.on(), LEAST_UV)
    assert rise._short == 40


def test_a_look_that_rises_takes_back_what_was_missing() -> None:
    rise, past = begun()
    heating(rise, past)
    for change, short in ((10, 30), (10, 60), (60, 40), (200, 0), (40, 0)):
        past_of(past, change)
        assert not rise.step(past.on(), LEAST_UV)
        assert rise._short == short


def test_what_was_missing_is_forgotten_over_85_degrees_and_when_there_is_reason_for_patience() -> None:
    for why in ("hot", "patient", "begins"):
        rise, past = begun()
        heating(rise, past)
        past_of(past, 0)
        assert not rise.step(past.on(), LEAST_UV) and rise._short == 40
        past.wall = 8501 if why == "hot" else past.wall
        past.full = 12 if why == "begins" else past.full
        rise._patience = 2 if why == "patient" else 0
        assert not rise.step(past.on(), LEAST_UV)
        assert rise._short == 0


@pytest.mark.parametrize(("wall", "code"), [(8500, 17), (8501, 0)])
def test_only_a_wall_below_85_degrees_must_rise(wall: int, code: int) -> None:
    rise, past = begun(wall)
    assert found(rise, past, 60, 0) == code


def test_less_than_full_power_is_not_judged() -> None:
    rise, past = begun()
    past.quiet = 0
    for _ in range(100):
        past.look().full = 0
        assert not rise.step(past, LEAST_UV)
    assert found(rise, past, 13, 0) == 0
    past.full = 0
    rise.step(past.look(), LEAST_UV)
    assert found(rise, past, 100, 0) == 16


@pytest.mark.parametrize("sagged", [True, False])
def test_after_a_sag_or_cold_water_nothing_is_judged_for_a_minute_unless_the_wall_rises(sagged: bool) -> None:
    rise, past = begun()
    past.full = 20
    past.quiet = 0
    upset(rise, past, sagged)
    assert found(rise, past, 300, 0) == 242
    rise, past = begun()
    past.full = 20
    past.quiet = 0
    upset(rise, past, True)
    for i in range(1, 110):
        rise.step(past.look(past.wall + 5).on(), LEAST_UV)
        assert (rise._patience == 0) is (i > 96)


def upset(rise: Rise, past: Past, sagged: bool) -> None:
    """The mains sag, or the water falls by half a kelvin in 2 s and stays there for two looks."""
    if sagged:
        past.sagged = True
        assert not rise.step(past, LEAST_UV)
        past.sagged = False
        return
    rise.step(past.look(water=past.water - 50), LEAST_UV)
    rise.step(past.look(), LEAST_UV)
    past.was(water=past.water)


def test_water_that_falls_for_one_look_or_too_little_or_before_its_past_is_known_is_noise() -> None:
    for fall, looks, known, patience in ((50, 2, 16, 240), (49, 2, 16, 0), (50, 1, 16, 0), (50, 2, 15, 0)):
        rise, past = begun()
        heating(rise, past)
        past.known = known
        rise.step(past.look(water=past.water - fall), LEAST_UV)
        assert rise._patience == 0
        rise.step(past.look(water=past.water + (0 if looks == 2 else fall)), LEAST_UV)
        assert rise._patience == patience


@pytest.mark.parametrize(("rest", "looks"), [(0, 242), (100, 142), (200, 42)])
def test_cold_water_poured_in_without_power_counts_from_its_own_moment(rest: int, looks: int) -> None:
    rise, past = begun()
    past.full = 0
    upset(rise, past, False)
    for _ in range(rest):
        assert not rise.step(past.look().off(), LEAST_UV)
    past.quiet = 1
    assert found(rise, past, 300, 0) == looks


def test_a_rise_ends_the_patience_only_after_the_beginning() -> None:
    """3.5 s of full power first: a wall that coasts up from before says nothing."""
    for full, patience in ((14, 9), (15, 0)):
        rise, past = begun()
        past.full, past.quiet = full, 0
        rise._patience, rise._quiet = 10, 0
        past_of(past, 40)
        rise.step(past, LEAST_UV)
        assert rise._patience == patience


@pytest.mark.parametrize(("fallen", "patience"), [(0, 14), (16, 18), (100, 39), (104, 40), (400, 40), (-400, 14)])
def test_a_wall_that_cools_has_time_to_turn_round(fallen: int, patience: int) -> None:
    rise, past = begun()
    past._walls[:] = [past.wall + fallen] * 12 + [past.wall] * 4
    past.full = 1
    past.quiet = 0
    rise.step(past, LEAST_UV)
    assert rise._patience == patience


def test_after_a_pause_of_less_than_20_s_ten_seconds_are_let_pass() -> None:
    """What the element has stored may still lift the sensor, and the wall sinks when the power is back."""
    for pause, looks in ((79, 43), (80, 17)):
        rise, past = begun()
        rise.step(past.look().on(), LEAST_UV)
        for _ in range(pause):
            rise.step(past.look().off(), LEAST_UV)
        assert found(rise, past, 100, 0) == looks


def test_a_unit_that_heated_at_once_has_not_rested_after_a_short_pause() -> None:
    rise, past = Rise(), Past(3000, water=3000)
    rise.step(past.look().on(), LEAST_UV)
    for _ in range(5):
        rise.step(past.look().off(), LEAST_UV)
    rise.step(past.look().on(), LEAST_UV)
    assert (rise._base, rise._patience) == (0, 40)


# Once it rose --------------------------------------------------------------------------------------------------------
def risen(wall: int = 9000) -> tuple[Rise, Past]:
    """A detector that has seen the wall rise by 0.6 K in 2 s for four looks, and now stands."""
    rise, past = begun(wall)
    past.quiet = 0
    past_of(past, 60)
    for _ in range(4):
        past.on()
        rise.step(past, LEAST_UV)
    assert rise._risen
    past.was(wall=past.wall)
    return rise, past


def test_a_wall_has_risen_after_four_looks_by_six_tenths() -> None:
    for by, looks, seen in ((60, 4, True), (59, 4, False), (60, 3, False)):
        rise, past = begun(9000)
        past_of(past, by)
        for _ in range(looks):
            rise.step(past.on(), LEAST_UV)
        assert rise._risen is seen


def test_a_wall_that_falls_at_full_power_is_found_after_four_looks() -> None:
    rise, past = risen()
    # 0.08 K each: 0.64 K in 2 s from the eighth on.
    assert found(rise, past, 100, -8) == 11


@pytest.mark.parametrize(("window", "half", "falls"), [(60, 20, True), (59, 20, False), (60, 19, False)])
def test_falling_at_its_edges(window: int, half: int, falls: bool) -> None:
    rise, past = risen()
    past._walls[:] = [past.wall + window] * 12 + [past.wall + half] * 4 + [past.wall]
    verdicts = [rise.step(past.on(), LEAST_UV) for _ in range(4)]
    assert verdicts == [False] * 3 + [falls]


def test_a_rise_without_full_power_is_one_look_at_most() -> None:
    """What the element has stored may lift the wall."""
    rise, past = begun(9000)
    past_of(past, 60)
    past.quiet = 0
    for full in (0, 0, 0, 0, 0, 1, 2):
        past.full = full
        rise.step(past, LEAST_UV)
        assert not rise._risen
    past.full = 3
    rise.step(past, LEAST_UV)
    assert rise._risen


@pytest.mark.parametrize(
    ("higher", "poured"), [([10], True), ([9], False), ([11], False), ([10, 2], False), ([10, 3], True)]
)
def test_cold_water_is_seen_at_the_look_before_as_well(higher: list[int], poured: bool) -> None:
    """It has fallen by 30 K with the newest look. Others, so many looks back, were higher by 0.5 or 0.01 K."""
    rise, past = begun()
    past.look(water=past.water - 3000)
    for back in higher:
        past._waters[-back] += 50 if back > 3 else 1
    rise._upset(past, 0, 40)
    assert (rise._patience == 240) is poured


@pytest.mark.parametrize("first", [1, 2, 3])
def test_the_four_looks_are_in_a_row(first: int) -> None:
    rise, past = risen()
    for falls in (*[True] * first, False, *[True] * 3):
        past._walls[:] = [past.wall + (100 if falls else 59)] * 12 + [past.wall + 50] * 4 + [past.wall]
        assert not rise.step(past.on(), LEAST_UV)
    assert rise.step(past.on(), LEAST_UV)


def test_a_wall_that_drops_at_once_is_let_pass() -> None:
    rise, past = risen()
    past.look(past.wall - 300)
    assert found(rise, past, 60, 0) == 0


def test_a_fall_before_the_wall_was_seen_to_rise_or_after_an_upset_is_let_pass() -> None:
    rise, past = begun(12000)
    # In 50 looks it is still above 85 degC.
    assert found(rise, past, 60, -50) == 0
    for what in ("sagged", "full"):
        rise, past = risen(12000)
        setattr(past, what, what == "sagged")
        rise.step(past, LEAST_UV)
        past.sagged = False
        assert not rise._risen
        assert found(rise, past, 60, -50) == 0


@pytest.mark.parametrize(("looks", "risen_again"), [(98, False), (99, True)])
def test_a_rise_counts_again_when_all_of_it_lies_after_the_upset(looks: int, risen_again: bool) -> None:
    rise, past = risen()
    past_of(past, 60)
    past.sagged = True
    rise.step(past, LEAST_UV)
    past.sagged = False
    for _ in range(looks):
        rise.step(past.on(), LEAST_UV)
    assert rise._risen is risen_again


# From rest -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("known", [16, 10])
def test_from_rest_a_wall_that_stands_still_is_found_with_the_fourteenth_look(known: int) -> None:
    """3.5 s and the rest of a look."""
    rise, past = begun(rest=80)
    past.known = known
    assert found(rise, past, 100, 0) == 14


def due_after(looks: int, percent: int, mains_uv: int = LEAST_UV) -> bool:
    """Whether a wall whose newest six looks have risen by so much of the slowest boiler is found at that look."""
    rise, past = begun(rest=80)
    rise.step(past.look().on(), mains_uv)
    past.full = looks - 1
    risen_cdeg = -(-SLOWEST[looks] * percent // 100)
    past._walls[-6:] = [3000 + risen_cdeg] * 6
    past._walls[:-6] = [3000 + risen_cdeg - 100] * (len(past._walls) - 6)
    past.wall = past._walls[-1]
    past.look().on()
    return rise.step(past, mains_uv)


@pytest.mark.parametrize(("looks", "percent"), [(14, 57), (20, 68), (26, 75), (32, 81), (40, 88), (50, 91), (60, 94)])
def test_the_slowest_boiler_is_let_pass_and_what_is_slower_is_not(looks: int, percent: int) -> None:
    assert not due_after(looks, 100)
    assert not due_after(looks, percent + 3)
    assert due_after(looks, percent - 5)


def test_more_voltage_asks_for_more_by_its_square() -> None:
    for percent, mains_uv in ((122, 1_150_000), (147, 1_265_000)):
        assert not due_after(40, percent, mains_uv)
        assert due_after(40, percent - 5, mains_uv)
    # A sense that shows nonsense asks for twice as much at most.
    assert not due_after(40, 180, 2_450_000)


@pytest.mark.parametrize(
    ("mains_uv", "square"),
    [(LEAST_UV - 1, 98), (LEAST_UV, 100), (1_309_850, 179), (1_387_999, 198), (1_388_050, 200), (2_450_000, 200)],
)
def test_after_fifteen_seconds_what_must_be_there_is_exact(mains_uv: int, square: int) -> None:
    """6.14 K times the square of the voltage over 195.5 V, twice as much at most."""
    for less, found_now in ((0, False), (1, True)):
        rise, past = begun(rest=80)
        rise.step(past.look().on(), mains_uv)
        past.full = 59
        wall = 3000 + 614 * square // 100
        past._walls[:] = [wall - 200] * 11 + [wall - less] + [wall] * 4
        assert rise.step(past.look(wall).on(), mains_uv) is found_now


def test_what_it_has_risen_by_is_held_against_the_fourteen_looks_before() -> None:
    rise, past = begun(rest=80)
    past._walls[-16:] = [3000 + i * i for i in range(16)]
    past.wall = past._walls[-1]
    rise._slow = 3400 << 5
    past.look().on()
    rise.step(past, LEAST_UV)
    assert rise._base == sum(past._walls[-15:-1])
    assert rise._drift == 7 * 3400 - sum(past._walls[-8:-1]) - 35


def test_a_short_pause_in_a_heat_up_from_rest_ends_it() -> None:
    rise, past = begun(rest=80)
    for looks, power in ((5, True), (5, False), (1, True)):
        for _ in range(looks):
            past.look()
            rise.step(past.on() if power else past.off(), LEAST_UV)
    assert (rise._base, rise._patience) == (0, 40)


@pytest.mark.parametrize(("patience", "begins"), [(15, True), (16, False)])
def test_it_begins_when_the_patience_is_that_of_a_start(patience: int, begins: bool) -> None:
    rise, past = begun(rest=80)
    rise._patience = patience
    rise.step(past.look().on(), LEAST_UV)
    assert (rise._base != 0) is begins


def test_it_goes_on_up_to_85_degrees() -> None:
    rise, past = begun(rest=80)
    rise.step(past.look().on(), LEAST_UV)
    past.full = 20
    rise.step(past.look(8500).on(), LEAST_UV)
    assert rise._base != 0


@pytest.mark.parametrize(("sum_", "behind"), [(21_313, False), (21_312, True)])
def test_what_is_let_off_for_a_drift_is_exact(sum_: int, behind: bool) -> None:
    """0.15 K of seven looks, in 66 looks: 614 x 42 + 42000 x 3 less 105 x 66 x 6 / 16 are seven times that sum."""
    rise, past = begun(rest=80)
    rise.step(past.look().on(), LEAST_UV)
    rise._drift = 105
    past.full = 59
    past._walls[:] = [3000] * 11 + [sum_ - 5 * 3552] + [3552] * 4
    assert rise.step(past.look(3552).on(), LEAST_UV) is behind


def test_each_heat_up_has_a_greatest_rise_of_its_own() -> None:
    rise, past = begun(rest=80)
    rise._peak = 500
    rise.step(past.look().on(), LEAST_UV)
    assert rise._peak == 0


def test_less_than_full_power_is_no_fault_at_the_freezing_point_either() -> None:
    rise, past = begun(wall=10, rest=80)
    rise.step(past.look().on(), LEAST_UV)
    past.full = 20
    past.look().on().power = 943
    assert not rise.step(past, LEAST_UV)
    assert rise._base == 0


def test_wall_and_water_are_even_within_4_kelvin() -> None:
    for gap in (400, -400):
        rise, past = begun(rest=80)
        past.water += gap
        rise.step(past.look().on(), LEAST_UV)
        assert rise._base == 14 * 3000


@pytest.mark.parametrize(
    "why", ["uneven", "poured", "not rested", "just switched on", "sagged", "surged", "not full", "weak", "late", "hot"]
)
def test_what_is_no_heat_up_from_rest_is_not_held_against_the_slowest(why: str) -> None:
    rise, past = begun(rest=79 if why == "not rested" else 80)
    if why == "not rested":
        rise._rested = False
        past.quiet = 78
    past.water += 401 if why == "uneven" else 0
    past.known = 9 if why == "just switched on" else 16
    if why == "poured":
        rise._patience = 16
    rise.step(past.look().on(), LEAST_UV)
    past.full = 20
    past.sagged, past.surged = why == "sagged", why == "surged"
    if why == "not full":
        past.full = -1
    if why == "late":
        past.full = 60
    if why == "hot":
        past.wall = 8501
    past.look().on()
    if why == "weak":
        past.power = 943
    rise.step(past, LEAST_UV)
    assert rise._base == 0


def test_four_seconds_of_almost_full_power_are_judged() -> None:
    rise, past = begun(rest=80)
    rise.step(past.look().on(), LEAST_UV)
    past.full = 19
    past.look().on().power = 944
    assert rise.step(past, LEAST_UV)


@pytest.mark.parametrize(("cooled", "looks"), [(True, 0), (False, 14)])
def test_what_the_wall_was_losing_before_is_let_off(cooled: bool, looks: int) -> None:
    """The wall loses 0.02 K in each look, and rises as the slowest boiler's does over that."""
    rise, past = begun(rest=1)
    for _ in range(100):
        past.look(past.wall - (2 if cooled else 0), water=past.wall).off()
        assert not rise.step(past, LEAST_UV)
    start = past.wall
    for i in range(1, 31):
        past.look(start - 2 * i + 29 * max(i - 3, 0) ** 2 // 100).on()
        if rise.step(past, LEAST_UV):
            assert i == looks
            return
    assert looks == 0


def test_a_wall_that_cools_too_little_to_be_sure_of_it_gets_nothing_off() -> None:
    for before, drift in ((5, 0), (6, 7), (20, 105)):
        rise, past = begun(rest=80)
        rise._slow = (3000 + before) << 5
        rise.step(past.look().on(), LEAST_UV)
        assert rise._drift == drift


def test_the_wall_before_heat_is_averaged() -> None:
    """All looks alike for 8 s, then one in 32."""
    rise, past = begun(rest=1)
    for _ in range(15):
        rise.step(past.look(3100).off(), LEAST_UV)
    assert abs(rise._slow - (3000 + 100 * 15 // 16) * 32) <= 64
    for _ in range(400):
        rise.step(past.look(3100).off(), LEAST_UV)
    assert abs(rise._slow - 3100 * 32) <= 32


def bent(looks: int, percent: int) -> int:
    """Looks until the verdict when the rise in 2 s, 4 K at its greatest, comes to so much of that after 20 looks."""
    rise, past = begun(rest=80)
    for i in range(1, looks + 1):
        now = 50 if i <= 20 else 50 * percent // 100
        if rise.step(past.look(past.wall + now).on(), LEAST_UV):
            return i
    return 0


def test_a_rise_that_falls_to_less_than_half_within_ten_seconds_is_no_waters_doing() -> None:
    """Five more looks and the rise in 2 s has come to less than 45 %; what is missing from that is summed up."""
    assert bent(40, 0) == 28
    assert bent(40, 46) == 0
    assert bent(60, 30) == 30
    rise, past = begun(rest=80)
    assert not any(rise.step(past.look(past.wall + (50 if i < 34 else 10)).on(), LEAST_UV) for i in range(60))


@pytest.mark.parametrize(("looks", "change", "short"), [(40, 450, 0), (40, 449, 1), (40, 100, 40), (41, 100, 0)])
def test_nine_twentieths_of_the_greatest_rise_are_asked_for_in_ten_seconds(looks: int, change: int, short: int) -> None:
    rise, past = begun(rest=80)
    rise.step(past.look().on(), LEAST_UV)
    past.full = looks - 1
    past.was(wall=4000)
    rise._peak, rise._patience = 1000, 0
    assert not rise.step(past.look(4000 + change).on(), LEAST_UV)
    assert rise._short == short


@pytest.mark.parametrize(
    ("looks", "least_cdeg"), [(7, 0), (14, 13), (20, 45), (39, 276), (40, 294), (41, 310), (60, 614)]
)
def test_what_the_slowest_boiler_has_risen_by(looks: int, least_cdeg: int) -> None:
    """A parabola from 1.75 s on, and from 10 s on 0.64 K/s."""
    assert rise_module._due(looks) == least_cdeg
