# SPDX-License-Identifier: Apache-2.0
"""What the slow detectors look at: the supervisor's own table, and four looks a second with their past."""

import pytest
from small_boiler import uv_of

from podsteam_firmware.safety import celsius
from podsteam_firmware.safety.celsius import cdeg
from podsteam_firmware.safety.trend import Trend
from podsteam_firmware.signals import Inputs

# The table --------------------------------------------------------------------------------------------------


def test_the_table_is_computed_again() -> None:
    assert list(celsius._UV) == [round(uv_of(c)) for c in range(-10, 171, 5)]
    assert len(celsius._UV) == celsius._LAST + 1
    assert [cdeg(uv) for uv in celsius._UV] == [c * 100 for c in range(-10, 171, 5)]


def test_it_is_right_within_0_15_k() -> None:
    for tenth in range(-100, 1701):
        assert abs(cdeg(round(uv_of(tenth / 10))) - tenth * 10) <= 15, tenth
    for c in range(-10, 171, 5):
        assert cdeg(round(uv_of(c))) == c * 100


@pytest.mark.parametrize(("uv", "expected"), [(2_409_009, -1000), (3_300_000, -1000), (140_529, 17000), (0, 17000)])
def test_readings_beyond_the_table_are_its_ends(uv: int, expected: int) -> None:
    assert cdeg(uv) == expected


def test_just_inside_the_ends() -> None:
    assert cdeg(2_409_008) == -1000 + 500 // 27990
    assert cdeg(2_400_000) == -1000 + 9009 * 500 // 27990
    assert cdeg(140_530) == 17000 - 1


# The looks --------------------------------------------------------------------------------------------------


class Bench:
    """A trend at given temperatures and power."""

    def __init__(self, wall: float = 20.0, water: float = 20.0, outlet: float = 20.0) -> None:
        self.trend = Trend()
        self.inputs = Inputs()
        self.inputs.mains_uv = 1_150_000
        self.at(wall, water, outlet)

    def at(self, wall: float, water: float, outlet: float) -> None:
        self.inputs.wall_uv = round(uv_of(wall))
        self.inputs.water_uv = round(uv_of(water))
        self.inputs.outlet_uv = round(uv_of(outlet))

    def look(self, commanded: int = 0, crossings: int = 25) -> Trend:
        """One look: half-cycles and zero crossings in it, all in its first tick."""
        slots = [self.trend.step(self.inputs, commanded if i == 0 else 0, crossings if i == 0 else 0) for i in range(5)]
        assert slots == [0, 1, 2, 3, 4]
        return self.trend


def test_a_new_trend_knows_nothing() -> None:
    trend = Trend()
    numbers = (trend.wall, trend.water, trend.outlet, trend.known, trend.power, trend.recent, trend.before)
    assert numbers == (0, 0, 0, 0, 0, 0, 0)
    assert (trend.full, trend.quiet, trend.sagged, trend.surged) == (0, 0, False, False)


def test_the_first_look_fills_the_past() -> None:
    trend = Bench(50.0, 40.0, 30.0).look()
    assert (trend.wall, trend.water, trend.outlet) == (5000, 4000, 3000)
    assert trend.known == 1
    assert [trend.rose(n) for n in range(1, 16)] == [0] * 15
    assert [trend.water_rose(n) for n in range(1, 16)] == [0] * 15


def test_each_temperature_is_read_in_its_tick_and_the_look_is_new_in_the_fourth() -> None:
    bench = Bench(50.0, 40.0, 30.0)
    trend = bench.trend
    seen: list[tuple[int, ...]] = []
    for _ in range(5):
        trend.step(bench.inputs, 0, 5)
        seen.append((trend.wall, trend.water, trend.outlet, trend.known))
    assert seen == [(5000, 0, 0, 0), (5000, 4000, 0, 0), (5000, 4000, 3000, 0), (5000, 4000, 3000, 1), seen[3]]


def test_readings_pass_a_filter_of_a_quarter() -> None:
    bench = Bench()
    trend = bench.trend
    bench.inputs.wall_uv = bench.inputs.water_uv = bench.inputs.outlet_uv = 1_000_000
    trend.step(bench.inputs, 0, 5)
    bench.inputs.wall_uv, bench.inputs.water_uv, bench.inputs.outlet_uv = 800_000, 600_000, 400_000
    trend.step(bench.inputs, 0, 5)
    assert (trend._wall, trend._water, trend._outlet) == (3_800_000, 3_600_000, 3_400_000)
    assert trend.water == cdeg(900_000)
    trend.step(bench.inputs, 0, 5)
    assert trend.outlet == cdeg(3_400_000 + 400_000 - 850_000 >> 2)


def test_the_past_of_four_seconds() -> None:
    bench = Bench()
    walls: list[int] = []
    waters: list[int] = []
    for i in range(40):
        bench.at(20 + i, 30 + 2 * i, 20)
        trend = bench.look()
        walls.append(trend.wall)
        waters.append(trend.water)
        assert trend.known == min(i + 1, 16)
        for n in range(1, min(i + 1, 16)):
            assert trend.rose(n) == walls[-1] - walls[-1 - n]
            assert trend.water_rose(n) == waters[-1] - waters[-1 - n]
    for looks, ago in ((1, 0), (6, 0), (7, 1), (4, 8), (7, 8), (16, 0), (1, 15)):
        assert trend.sum(looks, ago) == sum(walls[len(walls) - ago - looks : len(walls) - ago])


def test_the_power_of_four_seconds_in_halves() -> None:
    bench = Bench()
    halves: list[int] = []
    for i in range(40):
        halves.append((7 * i) % 26)
        trend = bench.look(halves[-1])
        assert trend.recent == sum(halves[-8:])
        assert trend.before == sum(halves[-16:-8])
        assert trend.power == sum(halves[-16:]) * 1000 // (25 * min(i + 1, 16))


def test_no_crossings_no_power() -> None:
    bench = Bench()
    assert bench.look(10, 0).power == 0
    assert bench.trend.recent == 10
    assert Bench().look(1, 1).power == 1000


def test_full_power_is_four_fifths_of_each_look() -> None:
    bench = Bench()
    for i in range(1, 4):
        assert bench.look(20).full == i
    assert bench.look(19).full == 0
    assert bench.look(20).full == 1
    assert bench.look(0, 0).full == 0


def test_quiet_looks_are_counted_until_one_half_cycle() -> None:
    bench = Bench()
    for i in range(1, 4):
        assert bench.look().quiet == i
    assert bench.look(1).quiet == 0
    assert bench.look().quiet == 1


def test_counts_end_at_ten_thousand() -> None:
    bench = Bench()
    trend = bench.trend
    trend.quiet = trend.full = 9_999
    assert bench.look().quiet == 10_000
    assert bench.look().quiet == 10_000
    trend.full = 9_999
    assert bench.look(25).full == 10_000
    assert bench.look(25).full == 10_000


@pytest.mark.parametrize(
    ("mains_uv", "sagged", "surged"),
    [(1_115_500, False, False), (1_115_499, True, False), (1_184_500, False, False), (1_184_501, False, True)],
)
def test_a_change_of_the_mains_shows_for_one_look(mains_uv: int, sagged: bool, surged: bool) -> None:
    bench = Bench()
    assert bench.look().surged
    assert not bench.look().surged
    bench.inputs.mains_uv = mains_uv
    trend = bench.look()
    assert (trend.sagged, trend.surged) == (sagged, surged)
    trend = bench.look()
    assert (trend.sagged, trend.surged) == (False, False)


def test_the_mains_are_held_against_what_they_last_changed_to() -> None:
    bench = Bench()
    bench.look()
    for mains_uv, sagged, surged in ((1_000_000, True, False), (1_020_000, False, False), (1_031_000, False, True)):
        bench.inputs.mains_uv = mains_uv
        trend = bench.look()
        assert (trend.sagged, trend.surged) == (sagged, surged)
