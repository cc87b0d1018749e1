# SPDX-License-Identifier: Apache-2.0
"""Edges of the detectors that mutation testing found unguarded: each limit from both sides, each remembered value."""

import pytest

from podsteam_firmware.safety import checkpoint
from podsteam_firmware.safety import dry as dry_module
from podsteam_firmware.safety.checkpoint import Checkpoints
from podsteam_firmware.safety.dry import Dry
from podsteam_firmware.safety.load import Load
from podsteam_firmware.safety.ranges import Ranges
from podsteam_firmware.safety.supervisor import Supervisor
from podsteam_firmware.signals import Inputs
from podsteam_protocol import messages as m

LOOKS = 12


def stages() -> tuple[int, ...]:
    """The named stages in their order."""
    return checkpoint.SENSE, checkpoint.SUPERVISE, checkpoint.SESSION, checkpoint.HEAT, checkpoint.DOSE


# Checkpoints ------------------------------------------------------------------------------------------------


def test_the_named_stages_make_a_whole_tick() -> None:
    assert stages() == (1, 2, 3, 4, 5) and checkpoint.STAGES == 5
    checkpoints = Checkpoints()
    checkpoints.begin()
    for stage in stages():
        checkpoints.mark(stage)
    assert checkpoints.passed()


def test_before_the_first_tick_nothing_has_passed_and_nothing_is_missing() -> None:
    checkpoints = Checkpoints()
    assert checkpoints.reached == checkpoint.STAGES and checkpoints._inverse == ~checkpoint.STAGES
    assert not checkpoints.passed()


def test_a_stage_out_of_order_spoils_the_tick_even_if_all_follow() -> None:
    checkpoints = Checkpoints()
    checkpoints.begin()
    checkpoints.mark(checkpoint.SUPERVISE)
    for stage in stages():
        checkpoints.mark(stage)
    assert checkpoints.reached == checkpoint.STAGES
    assert not checkpoints.passed()


# Before anything was measured -------------------------------------------------------------------------------


def test_a_new_supervisor_allows_and_remembers_nothing() -> None:
    new = Supervisor()
    assert (new.allow, new.allow_valve, new.relay) == (False, False, False)
    assert (new.fault, new.fault_detail, new.mains_lost) == (0, 0, False)
    assert (new.lease_required, new.lease_deadline_ms, new.lease_lost) == (False, 0, False)
    assert not Ranges().sound
    assert [part().detail for part in (Dry, Load, Ranges)] == [0, 0, 0]
    assert (Load().commanded, Load().counted) == (0, 0)


# Dry: looks as they would be remembered ---------------------------------------------------------------------


def dry(walls: list[int], waters: list[int] | None = None, power: int = 600, wait: int = 0) -> Dry:
    """A detector that remembers these looks, newest first, the rest like the last one; `power` evenly spread."""
    found = Dry()
    waters = waters or [1_000_000]
    for i in range(LOOKS):
        found._walls[i] = walls[min(i, len(walls) - 1)]
        found._waters[i] = waters[min(i, len(waters) - 1)]
        found._powers[i] = power // LOOKS
    found._power = power
    found._known = LOOKS
    found._wait = wait
    return found


def rising(wall: int, rise: int, before: int) -> list[int]:
    """Looks: `rise` uV in the last 3 s, `before` uV in the 2.5 s before."""
    return [wall] + [wall + rise] * 6 + [wall + rise + before] * 5


def test_runaway_begins_at_114_degrees_and_at_124_after_more_power() -> None:
    for limit, wait in ((444_500, 0), (358_000, 1)):
        for wall, verdict in ((limit, True), (limit + 1, False)):
            found = dry(rising(wall, 40_000, 40_000), wait=wait)
            assert found._runaway(wall) is verdict
            assert found.detail == wall


@pytest.mark.parametrize(("power", "least"), [(600, 38_000), (300, 19_000), (127, 8_043), (120, 8_000), (12, 8_000)])
def test_runaway_needs_the_rise_of_dry_metal_at_this_power(power: int, least: int) -> None:
    wall = 400_000
    assert dry(rising(wall, least, 0), power=power)._runaway(wall)
    assert not dry(rising(wall, least - 1, 0), power=power)._runaway(wall)


@pytest.fixture
def _linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of 0.01 K for 100 uV, so that kelvins can be written down."""
    monkeypatch.setattr(dry_module, "cdeg", lambda uv: -uv // 100)


@pytest.mark.usefixtures("_linear")
def test_runaway_must_hardly_slow_down() -> None:
    """85 % of the rise before, which is that of 2.5 s stretched to 3 s: 10 K before, 10.2 K now."""
    wall = 300_000
    assert dry(rising(wall, 102_000, 100_000))._runaway(wall)
    assert not dry(rising(wall, 101_900, 100_000))._runaway(wall)


@pytest.mark.usefixtures("_linear")
@pytest.mark.parametrize(("power", "fastest", "verdict"), [(600, 2040, True), (600, 2041, False), (300, 4081, True)])
def test_runaway_comes_back_to_half_of_the_fastest_rise(power: int, fastest: int, verdict: bool) -> None:
    found = dry(rising(300_000, 102_000, 100_000), power=power)
    found._fastest = fastest
    assert found._runaway(300_000) is verdict


@pytest.mark.usefixtures("_linear")
@pytest.mark.parametrize(("power", "rise", "kept"), [(480, 901, 901), (479, 901, 900), (480, 899, 900)])
def test_the_fastest_rise_is_kept_from_four_fifths_of_power_on(power: int, rise: int, kept: int) -> None:
    found = dry([900_000] + [900_000 + rise * 100] * 11, power=power)
    found._halves = found._powers[LOOKS - 1]
    found._wall, found._water, found._count = 900_000 << 3, 1_000_000 << 3, 9
    found._fastest = 900
    # One look more: the first of those behind comes to where the rise is measured from.
    found.step(900_000, 1_000_000, 0)
    assert found._fastest == kept


def test_more_power_makes_everything_settle_again() -> None:
    """112 % of the mean and 4 half-cycles: 2 s of the 6 s may have 37.3 % and 4 of the 600."""
    for recent, grown in ((228, False), (229, True)):
        found = dry([700_000], wait=5)
        found._plateau = 700_000
        for i, halves in enumerate((recent - 150, 50, 50, 50)):
            found._powers[i] = halves
        found._growth()
        assert found._wait == (LOOKS if grown else 4)
        assert found._plateau == (0 if grown else 700_000)


@pytest.mark.parametrize(("look", "grown"), [(0, True), (1, True), (2, True), (3, True), (4, False)])
def test_the_newest_four_looks_are_the_last_2_s(look: int, grown: bool) -> None:
    found = dry([700_000], wait=5)
    found._powers[look] += 29
    found._growth()
    assert (found._wait == LOOKS) is grown


@pytest.mark.usefixtures("_linear")
def test_runaway_compares_the_looks_of_now_3_s_ago_and_the_oldest() -> None:
    """Of the other looks none counts, whatever they show."""
    wall = 300_000
    for noise in (0, 1_000_000):
        walls = [noise] * LOOKS
        walls[0], walls[6], walls[11] = wall, wall + 102_000, wall + 202_000
        assert dry(walls)._runaway(wall)
        walls[6] -= 100
        assert not dry(walls)._runaway(wall)
        walls[11] -= 1_000
        assert dry(walls)._runaway(wall)


def test_settling_gives_up_the_plateau_and_waits_for_six_seconds() -> None:
    found = dry([700_000])
    found._plateau = 700_000
    found.settle()
    assert (found._plateau, found._wait) == (0, LOOKS)


def test_the_plateau_is_left_by_the_rise_of_the_last_3_s() -> None:
    for noise in (0, 700_000):
        found = on_plateau(654_500, noise)
        found._walls[6] = 657_000
        assert found._left(654_500)
        found._walls[6] -= 1
        assert not found._left(654_500)


def test_the_plateau_keeps_the_newest_water_and_judges_its_drift_over_6_s() -> None:
    for noise in (500_000, 800_000):
        waters = [noise] * LOOKS
        waters[0], waters[11] = 600_000, 606_000
        assert settled([700_000], waters)
        waters[11] += 1
        assert not settled([700_000], waters)


def test_the_newest_look_is_judged() -> None:
    """A jump to a hot reading decides in the look in which it comes, in either rule."""
    found = dry(rising(360_000, 60_000, 60_000)[1:])
    found._wall, found._water, found._count = 360_000 << 3, 1_000_000 << 3, 9
    assert found.step(360_000, 1_000_000, 50)
    assert found.detail == 360_000
    found = on_plateau(700_000, 700_000, power=300)
    found._wall, found._water, found._count = 640_000 << 3, 1_000_000 << 3, 9
    assert found.step(640_000, 1_000_000, 25)


def test_the_wait_ends_at_zero() -> None:
    found = dry([700_000], wait=1)
    found._growth()
    assert found._wait == 0
    found._growth()
    assert found._wait == 0


def settled(walls: list[int], waters: list[int] | None = None, power: int = 600, wait: int = 0) -> int:
    """The plateau that these looks give, 0: none."""
    found = dry(walls, waters, power, wait)
    found._settle(walls[0])
    if found._plateau:
        assert found._plateau_power == power
        assert found._plateau_water == (waters or [1_000_000])[0]
    return found._plateau


def test_a_plateau_stands_still_in_the_boiling_range() -> None:
    assert settled([700_000]) == 700_000
    assert settled([827_000]) == 827_000
    assert settled([827_001]) == 0
    assert settled([700_000], power=120) == 700_000
    assert settled([700_000], power=119) == 0
    assert settled([700_000], wait=1) == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_a_plateau_may_drift_by_half_a_kelvin_in_3_s(sign: int) -> None:
    wall = 700_000
    assert settled([wall] * 6 + [wall + sign * 6_000] * 6)
    assert not settled([wall] * 6 + [wall + sign * 6_001] + [wall] * 5)
    assert not settled([wall] * 6 + [wall] * 5 + [wall + sign * 12_001])
    assert settled([wall] * 6 + [wall] * 5 + [wall + sign * 12_000])
    assert settled([wall], [500_000] * 11 + [500_000 + sign * 6_000])
    assert not settled([wall], [500_000] * 11 + [500_000 + sign * 6_001])


def on_plateau(wall: int, before: int, plateau: int = 700_000, power: int = 300) -> Dry:
    """The wall at `wall`, 3 s ago at `before`, on a plateau of half power and the same water."""
    found = dry([wall] * 6 + [before] * 6, power=power)
    found._plateau = plateau
    found._plateau_power = 300
    found._plateau_water = 1_000_000
    return found


def test_the_wall_has_left_its_plateau_by_6_5_percent_and_still_rises() -> None:
    assert on_plateau(654_500, 657_000)._left(654_500)
    assert not on_plateau(654_501, 657_001)._left(654_501)
    assert not on_plateau(654_500, 656_999)._left(654_500)


@pytest.mark.parametrize(
    ("wall", "plateau"),
    [(700_030, 700_030), (700_031, 700_030), (699_970, 699_970), (699_969, 699_970), (700_001, 700_001)],
)
def test_the_plateau_creeps_after_the_wall(wall: int, plateau: int) -> None:
    found = on_plateau(wall, wall)
    assert not found._left(wall)
    assert found._plateau == plateau


def test_a_plateau_is_given_up_when_its_conditions_change() -> None:
    def kept(wall: int = 700_000, water: int = 1_000_000, power: int = 300) -> bool:
        found = on_plateau(wall, wall, power=power)
        found._waters[0] = water
        assert not found._left(wall)
        return found._plateau != 0

    assert kept()
    assert kept(water=986_001) and not kept(water=986_000)
    assert kept(wall=713_999) and not kept(wall=714_000)
    assert kept(power=120) and not kept(power=119)
    assert kept(power=340) and not kept(power=341)


def test_without_a_plateau_the_wall_looks_for_one() -> None:
    found = dry([700_000])
    assert not found._left(700_000)
    assert found._plateau == 700_000


def test_looks_move_along_and_the_power_is_their_sum() -> None:
    found = Dry()
    for i in range(1, 15):
        found._halves = i
        found._remember(1000 + i, 2000 + i)
        assert found._halves == 0
        assert found._known == min(i, LOOKS)
        assert found._power == sum(range(max(1, i - LOOKS + 1), i + 1))
    assert list(found._walls) == [1000 + i for i in range(14, 2, -1)]
    assert list(found._waters) == [2000 + i for i in range(14, 2, -1)]
    assert list(found._powers) == list(range(14, 2, -1))


def test_a_look_is_taken_every_tenth_tick_and_judged_from_the_twelfth_on() -> None:
    found = Dry()
    for tick in range(1, 10 * LOOKS + 1):
        assert not found.step(700_000, 800_000, 5)
        assert found._known == tick // 10
        # Nothing is looked for before all looks are there; the first two seconds of power make it wait.
        assert found._plateau == 0
    assert found._power == 50 * LOOKS
    assert list(found._walls) == [700_000] * LOOKS and list(found._waters) == [800_000] * LOOKS
    assert found._wait == LOOKS - 1


def test_readings_are_filtered_by_an_eighth() -> None:
    found = Dry()
    found.step(800_000, 400_000, 0)
    assert (found._wall, found._water) == (6_400_000, 3_200_000)
    found.step(700_000, 300_000, 0)
    assert (found._wall, found._water) == (6_300_000, 3_100_000)
    for _ in range(8):
        found.step(700_000, 300_000, 0)
    assert found._walls[0] == found._wall >> 3 and found._waters[0] == found._water >> 3


def test_without_power_there_is_no_plateau() -> None:
    found = dry([700_000], power=0)
    found._wall, found._water = 700_000 << 3, 1_000_000 << 3
    found._plateau = 700_000
    found._count = 9
    assert not found.step(700_000, 1_000_000, 0)
    assert found._plateau == 0


# Load -------------------------------------------------------------------------------------------------------


def run_load(load: Load, steps: list[tuple[int, int]], inputs: Inputs | None = None) -> list[int]:
    """Codes of ticks with (commanded, counted) half-cycles."""
    inputs = inputs or Inputs()
    codes: list[int] = []
    for commanded, counted in steps:
        inputs.burst_halves += commanded
        inputs.load_halves += counted
        codes.append(load.step(inputs, True))
    return codes


def test_a_counter_set_back_counts_64_half_cycles_at_most() -> None:
    load = Load()
    inputs = Inputs()
    load.step(inputs, True)
    inputs.burst_halves = inputs.load_halves = 65
    assert load.step(inputs, True) == 0
    assert load.commanded == 64
    inputs.burst_halves += 64
    inputs.load_halves += 64
    assert load.step(inputs, True) == 0
    assert load.commanded == 64


def test_counters_start_from_what_they_show() -> None:
    load = Load()
    inputs = Inputs()
    inputs.burst_halves, inputs.load_halves = 500, 100
    assert load.step(inputs, True) == 0
    assert load.commanded == 0


def test_lost_mains_forgets_what_is_missing() -> None:
    load = Load()
    inputs = Inputs()
    run_load(load, [(0, 0), (9, 0)], inputs)
    assert load.step(inputs, False) == 0
    assert run_load(load, [(9, 0)], inputs) == [0]
    assert run_load(load, [(1, 0)], inputs)[0] != 0


def test_without_mains_nothing_is_summed() -> None:
    load = Load()
    inputs = Inputs()
    load.step(inputs, True)
    for change in ((10, 0), (0, 5)):
        inputs.burst_halves += change[0]
        inputs.load_halves += change[1]
        assert load.step(inputs, False) == 0
    assert run_load(load, [(9, 0)], inputs) == [0]


def test_sums_do_not_go_below_zero() -> None:
    """Neither by the other sum's growth nor by forgetting: what is missing now counts whole."""
    assert run_load(Load(), [(0, 0), (0, 1), (10, 0)])[2] == m.CODE_ELEMENT_OPEN
    assert run_load(Load(), [(0, 0), (4, 0), (0, 5)])[2] == m.CODE_SSR_WELDED
    for tick in ((10, 0), (0, 5)):
        assert run_load(Load(), [(0, 0)] * 159 + [tick])[-1] != 0


def test_sums_start_at_zero_after_a_verdict() -> None:
    for one, code in ((10, m.CODE_ELEMENT_OPEN), (-4, m.CODE_SSR_WELDED)):
        tick = (max(one, 0), max(-one, 0))
        less = (max(one - 1, 0), max(-one - 1, 0))
        load = Load()
        assert run_load(load, [(0, 0), tick, tick])[1:] == [code, code]
        load = Load()
        inputs = Inputs()
        assert run_load(load, [(0, 0), tick, less], inputs)[1:] == [code, 0]


def test_one_is_forgotten_in_every_160_ticks() -> None:
    """9 missing before each forgetting, then it takes 2 more: at ticks 160 and 320, neither sooner nor later."""
    for period in (1, 2):
        for early in (0, 1):
            steps = [(0, 0)] * (160 * period - 1 - early) + [(9, 0)] * early + [(0, 0)] + [(0, 0)] * (1 - early)
            load = Load()
            inputs = Inputs()
            run_load(load, steps, inputs)
            assert load._missing == (8 if early else 0)
            assert load._ticks == (0 if early else 1)


def counted(ticks: list[tuple[int, int]], crossings: int = 5) -> list[int]:
    """Codes of ticks with (commanded, counted) half-cycles and so many of the mains."""
    load, inputs = Load(), Inputs()
    inputs.zero_cross = 5000
    codes: list[int] = [load.step(inputs, True)]
    for commanded, flowed in ticks:
        inputs.burst_halves += commanded
        inputs.load_halves += flowed
        inputs.zero_cross += crossings
        codes.append(load.step(inputs, True))
    return codes[1:]


FULL = [(5, 5)] * 40


def test_one_whole_cycle_that_was_commanded_off_and_flowed_is_a_welded_relay() -> None:
    """Decided in the tick in which it was counted: 50 ms. One later where a half-cycle is not in yet."""
    codes = counted([*FULL, (3, 5), (5, 5), (5, 5)])
    assert codes[:41] == [0] * 40 + [m.CODE_SSR_WELDED]
    assert counted([*FULL, (4, 5), (4, 5), (5, 5), (5, 5)])[40:42] == [0, m.CODE_SSR_WELDED]
    assert counted([*FULL, (5, 4), (2, 5), (5, 5), (5, 5)])[40:43] == [0, 0, m.CODE_SSR_WELDED]


def test_its_detail_is_what_flowed_too_much() -> None:
    load, inputs = Load(), Inputs()
    load.step(inputs, True)
    inputs.load_halves, inputs.zero_cross = 2, 2
    assert load.step(inputs, True) == m.CODE_SSR_WELDED
    assert load.detail == -2


def test_half_a_cycle_or_a_cycle_that_lasts_for_one_tick_with_one_missing_is_not() -> None:
    assert set(counted([*FULL, (4, 5), *FULL])) == {0}
    assert set(counted([*FULL, (4, 4), (3, 5), (5, 3), *FULL])) == {0}


def test_a_miscount_and_a_late_reading_away_from_an_off_cycle_are_not() -> None:
    """The counters differ by two for a second, but nothing was commanded off when that began."""
    assert set(counted([*FULL, (5, 4), *FULL[:5], (5, 6), *FULL[:5], (5, 6), *FULL])) == {0}
    # Where much is off, much must flow.
    half = [(3, 3)] * 40
    assert set(counted([*half, (3, 5), *half])) == {0}


@pytest.mark.parametrize(("flowed", "code"), [(4, m.CODE_SSR_WELDED), (3, 0)])
def test_of_three_ticks_hardly_a_half_cycle_may_be_missing(flowed: int, code: int) -> None:
    """15 half-cycles of the mains, 11 or 10 commanded on: 14 that flow are a weld, 13 are a miscount."""
    codes = counted([*FULL, (flowed - 1, flowed), (3, 5), (4, 5)][:43])
    assert codes[42] in (code, m.CODE_SSR_WELDED)
    codes = counted([*FULL, (4, 4), (3, 5), (5, 5)])
    assert codes[42] == m.CODE_SSR_WELDED
    codes = counted([*FULL, (3, 3), (3, 5), (5, 5)])
    assert codes[42] == 0


def test_the_lowest_difference_is_forgotten_after_a_second() -> None:
    """What was missing before is not held against what flows too much 1 s later."""
    for ticks, code in ((5, m.CODE_SSR_WELDED), (25, 0)):
        codes = counted([*FULL, (5, 4), (5, 6), *FULL[:ticks], (4, 5), (4, 4), (5, 5)])
        assert (m.CODE_SSR_WELDED in codes) is (code != 0)


@pytest.mark.parametrize(("dip", "until"), [(2, 19), (9, 19), (10, 29), (19, 29)])
def test_the_lowest_difference_is_kept_for_half_a_second_and_the_half_before(dip: int, until: int) -> None:
    """A half-cycle that is counted one tick late lowers the difference for that tick."""
    load, inputs = Load(), Inputs()
    kept: list[int] = []
    for tick in range(1, 40):
        inputs.burst_halves += 1 if tick == dip else 0
        inputs.load_halves += 1 if tick == dip + 1 else 0
        inputs.zero_cross += 5
        load.step(inputs, True)
        kept += [tick] if load.detail == -1 else []
    assert kept == [*range(dip + 1, until + 1)]


def play(load: Load, inputs: Inputs, ticks: list[tuple[int, int]], mains: bool = True) -> list[tuple[int, int]]:
    """Code and detail after each tick with (commanded, counted) half-cycles and five of the mains."""
    seen: list[tuple[int, int]] = []
    for commanded, flowed in ticks:
        inputs.burst_halves += commanded
        inputs.load_halves += flowed
        inputs.zero_cross += 5
        code = load.step(inputs, mains)
        seen.append((code, load.detail))
    return seen


@pytest.mark.parametrize(("before", "ticks"), [(0, 16), (8, 18)])
def test_after_lost_mains_the_lowest_difference_is_zero(before: int, ticks: int) -> None:
    """Whether it was that of the block before or of this one; and so it stays until a block later."""
    load, inputs = Load(), Inputs()
    assert play(load, inputs, [(0, 0), (1, 0)] + [(0, 0)] * before)[-1] == (0, 0)
    play(load, inputs, [(0, 0)], mains=False)
    seen = play(load, inputs, [(0, 0), (0, 1)] + [(0, 0)] * 27)
    assert seen == [(0, 0)] + [(0, -1)] * ticks + [(0, 0)] * (28 - ticks)


def test_after_lost_mains_one_too_many_at_once_stands_over_zero_for_a_block() -> None:
    load, inputs = Load(), Inputs()
    play(load, inputs, [(0, 0), (0, 0)])
    play(load, inputs, [(0, 0)], mains=False)
    seen = play(load, inputs, [(0, 1)] + [(0, 0)] * 28)
    assert seen == [(0, -1)] * 17 + [(0, 0)] * 12


def test_after_lost_mains_an_off_cycle_must_be_seen_as_often_as_before() -> None:
    """Twice where a half-cycle is not in yet, though it was seen once before; else once."""
    load, inputs = Load(), Inputs()
    play(load, inputs, [*FULL, (5, 4), (2, 5)])
    assert load._high_ticks == 1
    play(load, inputs, [(4, 4)], mains=False)
    assert play(load, inputs, [(3, 5)]) == [(0, -2)]
    load, inputs = Load(), Inputs()
    play(load, inputs, FULL)
    play(load, inputs, [(5, 5)], mains=False)
    assert play(load, inputs, [(3, 5)]) == [(m.CODE_SSR_WELDED, -2)]


def test_seen_once_twice_over_is_not_seen_twice() -> None:
    once = [(5, 4), (2, 5)]
    assert set(counted([*FULL, *once, (5, 3), (5, 5), (5, 5), *once])) == {0}


def test_half_cycles_too_many_one_in_a_second_make_a_fault_with_the_fifth() -> None:
    """One that was missing before makes up for none, nor does it bring the fault nearer."""
    load, inputs = Load(), Inputs()
    seen = play(load, inputs, [(0, 0), (1, 0), *([(0, 1)] + [(0, 0)] * 24) * 5])
    assert [i for i, (code, _) in enumerate(seen) if code] == [2 + 4 * 25]
    assert seen[2 + 4 * 25] == (m.CODE_SSR_WELDED, -5)


def test_what_was_off_counts_for_three_ticks() -> None:
    assert counted([*FULL, (3, 4), (5, 5), (5, 6)])[-1] == m.CODE_SSR_WELDED
    assert counted([*FULL, (3, 4), (5, 5), (5, 5), (5, 6)])[-1] == 0


def test_at_first_nothing_was_commanded_off() -> None:
    """Two half-cycles too many in the second tick, and one that was off: half a cycle is not enough."""
    assert counted([(4, 6)]) == [0]
    assert counted([(3, 5)]) == [m.CODE_SSR_WELDED]


def test_after_lost_mains_the_difference_starts_anew() -> None:
    load, inputs = Load(), Inputs()
    for burst, flowed, mains in ((0, 0, True), (0, 1, True), (0, 1, False), (0, 1, True), (0, 0, True), (0, 0, True)):
        inputs.burst_halves += burst
        inputs.load_halves += flowed
        inputs.zero_cross += 2
        assert load.step(inputs, mains) == 0
    assert load._over == 1


# Ranges -----------------------------------------------------------------------------------------------------


def healthy() -> Inputs:
    """Inputs of a unit at 20 degC on 230 V."""
    inputs = Inputs()
    inputs.reference_uv = 1_250_000
    inputs.wall_uv = inputs.water_uv = inputs.outlet_uv = 1_400_000
    inputs.mains_uv = 1_150_000
    return inputs


def loose(pattern: str, ticks: int) -> int:
    """Ticks until a wall wire that is open where the pattern says `x` is a fault; 0: never."""
    ranges, inputs = Ranges(), healthy()
    for i in range(ticks):
        inputs.wall_uv = 2_450_000 if pattern[i % len(pattern)] == "x" else 1_400_000
        code = ranges.step(inputs)
        assert code in (0, m.CODE_WALL_OPEN)
        if code:
            return i + 1
    return 0


@pytest.mark.parametrize(
    ("pattern", "ticks"), [("xx..", 21), ("x.", 21), ("x...", 53), ("x" + "." * 9, 901), ("x" + "." * 10, 0)]
)
def test_a_contact_that_comes_and_goes_is_summed_up(pattern: str, ticks: int) -> None:
    """Ten for a bad reading, one less for a good one, a hundred is a fault."""
    assert loose(pattern, 3000) == ticks


def test_each_input_has_a_sum_of_its_own_that_does_not_grow_for_ever() -> None:
    ranges, inputs = Ranges(), healthy()
    for i in range(9):
        inputs.wall_uv = 2_450_000 if i % 2 else 1_400_000
        inputs.water_uv = 1_400_000 if i % 2 else 2_450_000
        inputs.reference_uv = 1_250_000 if i % 3 else 0
        assert ranges.step(inputs) == 0
    inputs = healthy()
    inputs.outlet_uv = 2_450_000
    for _ in range(300):
        ranges.step(inputs)
    assert max(ranges._loose) == 100
    inputs.outlet_uv = 1_400_000
    for _ in range(100):
        ranges.step(inputs)
    assert list(ranges._loose) == [0] * 4
    assert ranges.step(inputs) == 0


def test_a_wire_that_is_open_and_short_by_turns_is_bad_all_the_time() -> None:
    ranges, inputs = Ranges(), healthy()
    codes: list[int] = []
    for uv in (2_450_000, 100_000, 2_450_000):
        inputs.water_uv = uv
        codes.append(ranges.step(inputs))
    assert codes == [0, 0, m.CODE_WATER_OPEN]
    inputs.water_uv = 100_000
    assert ranges.step(inputs) == m.CODE_WATER_SHORT


@pytest.mark.parametrize(("uv", "hot"), [(295_700, True), (295_701, False), (160_000, True)])
def test_over_temperature_at_its_edges(uv: int, hot: bool) -> None:
    ranges = Ranges()
    inputs = healthy()
    inputs.wall_uv = uv
    assert ranges.step(inputs) == 0
    assert ranges.sound is not hot
    assert (ranges.step(inputs) == m.CODE_OVER_TEMPERATURE) is hot


# Supervisor, to the millisecond -----------------------------------------------------------------------------


class Never:
    """In the place of a detector: never finds anything."""

    detail = counted = rate = 0
    testing = False
    passed = True

    def step(self, *_: object) -> int:
        return 0

    def stop(self) -> None:
        pass


class Exact:
    """A supervisor on healthy inputs, stepped by any number of ms; without the relay's test and the clock."""

    def __init__(self, start_ms: int = 0) -> None:
        self.supervisor = Supervisor()
        self.supervisor.weld = Never()  # type: ignore[assignment]
        self.supervisor._clock = Never()  # type: ignore[assignment]
        self.inputs = healthy()
        self.now_ms = start_ms
        self.crossings = 5

    def step(self, elapsed_ms: int, heat: bool = True, valve: bool = False) -> Supervisor:
        self.now_ms += elapsed_ms
        self.inputs.sampled_ms = self.now_ms
        self.inputs.zero_cross += self.crossings
        self.supervisor.step(self.now_ms, self.inputs, heat, valve)
        return self.supervisor


@pytest.mark.parametrize("start_ms", [0, 1000])
def test_heat_and_valve_wait_400_ms_for_the_relay(start_ms: int) -> None:
    bench = Exact(start_ms)
    assert bench.step(0, valve=True).relay
    supervisor = bench.step(399, valve=True)
    assert not supervisor.allow and not supervisor.allow_valve
    supervisor = bench.step(1, valve=True)
    assert supervisor.allow and supervisor.allow_valve


def test_the_first_interval_counts_from_time_zero() -> None:
    bench = Exact()
    bench.step(0)
    assert bench.step(400).allow


def test_after_a_fault_the_relay_has_to_settle_again() -> None:
    bench = Exact()
    bench.step(0)
    assert bench.step(400).allow
    bench.supervisor.trip(m.CODE_DRY_BOIL, 0)
    assert not bench.step(50).relay
    assert bench.supervisor.clear(bench.now_ms, bench.inputs) is False
    bench.inputs.wall_uv = 1_700_000
    assert bench.supervisor.clear(bench.now_ms, bench.inputs) is True
    assert bench.step(50).relay
    assert not bench.step(399).allow
    assert bench.step(1).allow


def test_a_trip_takes_everything_back_before_the_next_tick() -> None:
    bench = Exact()
    bench.step(0, valve=True)
    assert bench.step(400, valve=True).allow_valve
    bench.supervisor.trip(m.CODE_DRY_BOIL, 7)
    assert (bench.supervisor.allow, bench.supervisor.allow_valve, bench.supervisor.relay) == (False, False, False)
    assert bench.supervisor.fault_detail == 7


def test_thirty_minutes_to_the_millisecond() -> None:
    bench = Exact(5)
    bench.step(0)
    assert bench.step(1_800_000).fault == 0
    assert bench.step(1).fault == m.CODE_MAX_ON_TIME
    assert bench.supervisor.fault_detail == 1_800_001


def test_the_on_time_is_forgotten_after_a_minute_of_rest() -> None:
    bench = Exact(5)
    bench.step(0)
    for _ in range(2):
        before = bench.step(1000).__dict__["_on_ms"]
        for elapsed_ms in (59_999, 1):
            assert bench.step(elapsed_ms, heat=False)._on_ms == before
    assert bench.step(1, heat=False)._on_ms == 0
    assert bench.supervisor.fault == 0


def test_a_lease_is_clamped_to_2_s_and_renewed_only_while_it_lives() -> None:
    supervisor = Supervisor()
    supervisor.lease_renew(100, 1000)
    assert supervisor.lease_deadline_ms == 0
    supervisor.lease_begin(100, 60_000)
    assert supervisor.lease_deadline_ms == 2100
    supervisor.lease_renew(200, 60_000)
    assert supervisor.lease_deadline_ms == 2200
    supervisor.lease_lost = True
    supervisor.lease_renew(300, 1000)
    assert supervisor.lease_deadline_ms == 2200
    supervisor.lease_end()
    assert not supervisor.lease_lost and not supervisor.lease_required


@pytest.mark.parametrize(("age_ms", "cleared"), [(150, True), (151, False)])
def test_a_fault_is_cleared_on_fresh_readings_only(age_ms: int, cleared: bool) -> None:
    bench = Exact(1000)
    bench.inputs.wall_uv = 1_700_000
    bench.step(0)
    bench.supervisor.trip(m.CODE_DRY_BOIL, 0)
    assert bench.supervisor.clear(bench.now_ms + age_ms, bench.inputs) is cleared
    assert bench.supervisor.fault == (0 if cleared else m.CODE_DRY_BOIL)


@pytest.mark.parametrize(
    "name",
    ["_fault_inverse", "_on_inverse", "fault", "_on_ms", "_inverse", "_relay_ms", "lease_deadline_ms"],
)
def test_a_flipped_bit_is_a_fault_and_both_copies_agree_again(name: str) -> None:
    bench = Exact()
    bench.step(0)
    setattr(bench.supervisor, name, getattr(bench.supervisor, name) ^ 4)
    supervisor = bench.supervisor
    supervisor._memory()
    assert supervisor.fault == m.CODE_MEMORY
    assert supervisor.fault_detail == -1
    assert supervisor._fault_inverse == ~supervisor.fault
    assert supervisor._on_inverse == ~supervisor._on_ms


def test_mains_is_lost_after_two_slow_ticks_from_the_start_as_well() -> None:
    bench = Exact()
    bench.inputs.zero_cross = 100
    bench.crossings = 0
    assert not bench.step(50).mains_lost
    assert bench.step(50).mains_lost
    bench = Exact()
    bench.inputs.zero_cross = -5
    assert not bench.step(50).mains_lost
    assert bench.inputs.zero_cross == 0
    assert not bench.step(50).mains_lost


def test_a_jump_of_the_zero_crossings_counts_64() -> None:
    bench = Exact()
    bench.step(50)
    before = bench.supervisor._budget.halves
    bench.crossings = 1 << 20
    assert bench.step(50)._budget.halves == before + 64
    bench.crossings = 63
    assert bench.step(50)._budget.halves == before + 127


@pytest.mark.parametrize("flag", ["lease_required", "lease_lost"])
@pytest.mark.parametrize("state", [(False, False), (False, True), (True, False), (True, True)])
def test_a_flag_of_the_lease_that_turned_over_is_a_fault(flag: str, state: tuple[bool, bool]) -> None:
    bench = Exact()
    bench.step(0)
    supervisor = bench.supervisor
    supervisor.lease_required, supervisor.lease_lost = state
    supervisor._seal()
    supervisor._memory()
    assert supervisor.fault == 0
    setattr(supervisor, flag, not getattr(supervisor, flag))
    supervisor._memory()
    assert supervisor.fault == m.CODE_MEMORY


def test_what_is_changed_on_purpose_is_no_fault() -> None:
    bench = Exact()
    supervisor = bench.step(0)
    for change in (
        lambda: supervisor.lease_begin(bench.now_ms, 1500),
        lambda: supervisor.lease_renew(bench.now_ms, 1700),
        supervisor.lease_end,
    ):
        change()
        assert bench.step(50).fault == 0


def test_near_is_one_hot_reading_of_the_wall_and_nothing_else_in_that_tick() -> None:
    ranges, inputs = Ranges(), healthy()
    inputs.wall_uv = 295_700
    assert ranges.step(inputs) == 0
    assert ranges.near
    inputs.wall_uv, inputs.water_uv = 1_400_000, 100_000
    assert ranges.step(inputs) == 0
    assert not ranges.near and not ranges.sound


def test_what_is_kept_twice_is_one_small_integer() -> None:
    """The ESP32 takes a larger one from the heap, in every tick."""
    supervisor = Supervisor()
    supervisor.lease_required = supervisor.lease_lost = True
    supervisor.lease_deadline_ms = (1 << 30) - 1
    assert 0 <= supervisor._others() < 1 << 30
