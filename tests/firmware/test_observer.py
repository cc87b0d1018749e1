# SPDX-License-Identifier: Apache-2.0
"""Observer, onset, approach, cooling and scale, each on signals whose truth is known, and together on the plants."""

import math
import random
from collections.abc import Callable

import pytest
from checked_int import CheckedInt, check_attributes, checked_array
from effort import tries
from heat_loop import HeatLoop, Plant, SmallPlant, TwinPlant
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.heat import onset as onset_module
from podsteam_firmware.heat.cooling import Cooling
from podsteam_firmware.heat.observer import Observer, Track
from podsteam_firmware.heat.onset import Onset
from podsteam_firmware.heat.regimes import Heat
from podsteam_firmware.heat.scale import Scale, clean_mk, superheat_mk
from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.heat.steam import Trim
from podsteam_firmware.store import learned
from podsteam_twin.boiler import envelope
from podsteam_twin.boiler.constants import Constants

MakePlant = Callable[[], Plant]


# Observer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag_s", [1.5, 5.0, 8.0])
@pytest.mark.parametrize("slope", [0.3, 4.0])
def test_a_ramp_is_seen_without_the_lag(lag_s: float, slope: float) -> None:
    """Water that rises steadily, a sensor that lags: after six lags the estimate is right within 0.1 K."""
    observer = Observer(int(lag_s * 1000))
    reading = water = 20.0
    for _ in range(int(60 * lag_s)):
        for _ in range(10):
            water += slope * 0.01
            reading += (water - reading) * 0.01 / lag_s
        observer.step(50_000, int(reading * 1000))
    assert abs(observer.water.rate_mc_s - slope * 1000) <= 0.02 * slope * 1000
    assert abs(observer.water_mc - water * 1000) <= 100


def test_track_begins_where_the_reading_is() -> None:
    track = Track()
    for _ in range(5):
        track.step(73_000)
    assert track.reading_mc() == 73_000
    assert track.rate_mc_s == 0


def test_noise_of_the_slope() -> None:
    """0.1 K of noise in each reading makes less than 0.1 K/s of it in the slope."""
    noise = random.Random(1)
    track = Track()
    slopes = []
    for i in range(3000):
        track.step(90_000 + int(noise.gauss(0, 100)))
        if i > 100:
            slopes.append(track.rate_mc_s)
    mean = sum(slopes) / len(slopes)
    assert abs(mean) <= 5
    assert math.sqrt(sum((x - mean) ** 2 for x in slopes) / len(slopes)) <= 100


# Onset --------------------------------------------------------------------------------------------------------


class Bent:
    """A boiler of two heat capacities that is noted once a second: full power, less, and then boiling."""

    def __init__(self, lag_s: float, water_j_k: float, noise_k: float = 0.0, after_s: int = 30) -> None:
        noise = random.Random(2)
        self.onset = Onset()
        self.age_s = 0.0
        self.net_j = 0.0
        water, reading, energy, boiled = 40.0, 40.0 - 300 / water_j_k * lag_s, 1000.0, 0
        while boiled < after_s * 10:
            means = 0.0
            for _ in range(10):
                power = 300.0 if water < 90 else 180.0
                energy += power * 0.1
                if water < 97.3:
                    water = min(water + power * 0.1 / water_j_k, 97.3)
                    self.net_j = energy
                else:
                    boiled += 1
                reading += (water - reading) * 0.1 / lag_s
                means += (reading + noise.gauss(0, noise_k)) / 10
            self.onset.note(int(means * 1000), 105_000, int(energy))
        self.age_s = boiled / 10


@pytest.mark.parametrize("lag_s", [1.5, 3.0, 5.0])
@pytest.mark.parametrize("water_j_k", [60.0, 250.0, 500.0])
def test_lag_onset_and_fill_are_found(lag_s: float, water_j_k: float) -> None:
    bent = Bent(lag_s, water_j_k, noise_k=0.1)
    onset = bent.onset
    assert onset.look(4000, 100)
    assert abs(onset.point_mc - 97_300) <= 150
    assert onset.lag_ms == 0 or abs(onset.lag_ms - lag_s * 1000) <= 0.25 * lag_s * 1000 + 300
    if 300 / water_j_k * lag_s > 4:
        assert abs(onset.lag_ms - lag_s * 1000) <= 0.15 * lag_s * 1000
    assert abs(onset.age_ds / 10 - bent.age_s) <= 1.5
    assert abs(onset.net_j - bent.net_j) <= 300
    assert abs(onset.water_j_k - water_j_k) <= 0.10 * water_j_k


def test_no_onset_is_found_while_the_reading_still_moves() -> None:
    assert not Bent(5.0, 60.0, after_s=8).onset.look(4000, 100)


def test_a_short_record_shows_nothing() -> None:
    onset = Onset()
    for _ in range(11):
        onset.note(99_000, 105_000, 0)
    assert not onset.look(4000, 100)


def test_a_plateau_alone_shows_no_onset() -> None:
    onset = Onset()
    for i in range(70):
        onset.note(99_000, 105_000, 200 * i)
    assert not onset.look(4000, 100)
    assert onset.lag_ms == 0 and onset.water_j_k == 0


@given(
    st.lists(st.tuples(st.integers(-20_000, 200_000), st.integers(-20_000, 200_000), st.integers(0, 9_000_000))),
    st.integers(500, 9_000),
    st.integers(40, 300),
    st.sampled_from([-20_000, 0, 99_000, 200_000]),
)
@tries(60)
def test_no_record_leaves_the_small_integers(
    rows: list[tuple[int, int, int]], lag_ms: int, metal: int, end: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onset_module, "array", checked_array)
        onset = Onset()
    check_attributes(onset)
    for water, wall, net in rows[-55:] + [(end, end, 9_000_000)] * 9:
        onset.note(CheckedInt(water), CheckedInt(wall), CheckedInt(net))
    if onset.look(CheckedInt(lag_ms), CheckedInt(metal)):
        assert onset.lag_ms == 0 or 500 <= onset.lag_ms <= 9_000
        assert onset.water_j_k >= 0


# Trim ---------------------------------------------------------------------------------------------------------


def test_trim_makes_up_for_what_is_not_delivered() -> None:
    """An element that gives 4 % less than it should: after the first seconds the mean is what was wanted."""
    trim = Trim()
    power, delivered = 2500, 2400
    total = 0
    for i in range(1200):
        power = trim.step(2500, delivered, 4000)
        delivered = power * 96 // 100
        if i >= 600:
            total += delivered
    assert abs(total / 600 - 2500) <= 5


def test_trim_is_bounded_and_asks_nothing_back_where_there_is_no_more() -> None:
    trim = Trim()
    for _ in range(1000):
        assert trim.step(2500, 0, 4000) <= 2750
    trim.begin()
    for _ in range(1000):
        assert trim.step(2500, 2000, 2000) <= 2502
    assert trim.step(2500, 2500, 4000) <= 2502
    trim.begin()
    for _ in range(1000):
        assert trim.step(2500, 4000, 4000) >= 2249


# Cooling ------------------------------------------------------------------------------------------------------


def cool(loss_w_k: float, capacity: int, kink: float = 1.0, noise_k: float = 0.03) -> Cooling:
    noise = random.Random(3)
    cooling = Cooling()
    cooling.begin()
    water = 98.0
    for s in range(200):
        loss = loss_w_k * (kink if s > 75 else 1.0)
        water -= loss * (water - 20) / capacity
        reading = int((water + noise.gauss(0, noise_k)) * 1000)
        if cooling.step(reading + 500, reading, 20_000, capacity):
            break
    return cooling


@pytest.mark.parametrize("loss_w_k", [0.245, 0.35, 0.455])
@pytest.mark.parametrize("capacity", [150, 350, 600])
def test_loss_is_found_while_cooling(loss_w_k: float, capacity: int) -> None:
    assert abs(cool(loss_w_k, capacity).loss_mw_k - loss_w_k * 1000) <= 0.05 * loss_w_k * 1000


def test_a_loss_that_changes_or_is_out_of_bounds_is_not_taken() -> None:
    """A lid opened half way; cold water poured in; a boiler whose capacity was believed far too large."""
    assert cool(0.35, 350, kink=2.0).loss_mw_k == 0
    assert cool(0.1, 350).loss_mw_k == 0
    assert cool(0.9, 350).loss_mw_k == 0


def test_cooling_ends_when_heat_goes_on() -> None:
    cooling = Cooling()
    cooling.begin()
    for _ in range(60):
        cooling.step(90_000, 90_000, 20_000, 350)
    cooling.end()
    assert not any(cooling.step(80_000 - 100 * i, 80_000 - 100 * i, 20_000, 350) for i in range(100))


# Scale --------------------------------------------------------------------------------------------------------


@given(st.integers(500, 8000))
def test_clean_superheat(power_dw: int) -> None:
    assert abs(clean_mk(power_dw) - 1250 * (power_dw / 10) ** (1 / 3)) <= 40
    check = CheckedInt(power_dw)
    assert clean_mk(check) == clean_mk(power_dw)


def session(scale: Scale, over_mc: int, power_dw: int, seconds: int = 60) -> None:
    scale.begin()
    for s in range(seconds):
        scale.step(over_mc, power_dw, s)
    scale.end()


def test_scale_is_told_from_the_first_session() -> None:
    limits = Settings()
    scale = Scale(limits)
    assert scale.permille() == -1
    session(scale, 6000, 2200)
    assert scale.permille() == 0 and not scale.descale
    session(scale, 6000 + clean_mk(3300) - clean_mk(2200), 3300)
    assert scale.permille() == 0
    session(scale, 6000 + 2 * 880, 2200)
    assert scale.descale
    assert abs(limits.excess_mk_kw - 8000) <= 20
    assert abs(superheat_mk(limits, 2200) - 7760) <= 20
    # It goes off below half of where it came on, not before.
    session(scale, 6000 + 500, 2200)
    assert scale.descale
    session(scale, 6000 + 300, 2200)
    assert not scale.descale
    session(scale, 6000 + 1760, 2200)
    scale.reset()
    assert not scale.descale and scale.permille() == -1


@pytest.mark.parametrize(
    ("wall", "water", "rate", "told"),
    [
        (113_001, 88_000, 301, True),
        (113_000, 60_000, 900, False),
        (113_001, 88_001, 301, False),
        (118_000, 60_000, 300, False),
    ],
)
def test_a_wall_far_ahead_of_water_that_warms_is_behind_scale(wall: int, water: int, rate: int, told: bool) -> None:
    """Without a boil, so that it is told where the session ends before that."""
    scale = Scale(Settings())
    scale.heat_up(wall, water, rate)
    assert scale.descale is told
    scale.end()
    assert scale.descale is told
    scale.reset()
    assert not scale.descale


def test_scale_needs_a_settled_and_steady_boil() -> None:
    limits = Settings()
    scale = Scale(limits)
    session(scale, 6000, 2200, seconds=19)
    assert scale.permille() == -1
    scale.begin()
    for s in range(100):
        scale.step(6000, 2200 if s % 10 else 3000, s)
    scale.end()
    assert scale.permille() == -1


def test_a_boiler_that_is_soon_empty_shows_its_scale_too() -> None:
    """8 g of water boil for half a minute: less than a window has to do."""
    limits = Settings()
    scale = Scale(limits)
    session(scale, 6000, 2200, seconds=20)
    assert (limits.superheat_mc, limits.superheat_dw) == (6000, 2200)
    session(scale, 6000 + 1760, 2200, seconds=20)
    assert scale.descale and abs(limits.excess_mk_kw - 8000) <= 20


def test_a_short_boil_on_a_scaled_wall_is_no_baseline() -> None:
    limits = Settings()
    scale = Scale(limits)
    session(scale, clean_mk(2200) + 4100, 2200, seconds=30)
    session(scale, clean_mk(2200) + 4100, 2200, seconds=40)
    assert scale.permille() == -1
    session(scale, clean_mk(2200) + 4100, 2200, seconds=60)
    assert limits.superheat_mc == clean_mk(2200) + 4100


def test_seconds_after_the_last_whole_window_do_not_replace_it() -> None:
    limits = Settings()
    scale = Scale(limits)
    scale.begin()
    for s in range(45):
        scale.step(6000 if s < 34 else 9000, 2200, s)
    scale.end()
    assert limits.superheat_mc == 6000


def test_a_wall_that_was_descaled_without_a_word_is_the_new_baseline() -> None:
    limits = Settings()
    scale = Scale(limits)
    session(scale, 8000, 2200)
    session(scale, 6000, 2200)
    assert (limits.superheat_mc, limits.excess_mk_kw) == (6000, 0)


# Together -----------------------------------------------------------------------------------------------------


class Files:
    """Files in memory, as much of a HAL as the learned values need."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def file_read(self, name: str, limit: int = 4096) -> bytes | None:
        return self.files.get(name)

    def file_write(self, name: str, data: bytes) -> bool:
        self.files[name] = bytes(data)
        return True


class Unit:
    """A device that remembers from session to session; each begins cold."""

    def __init__(self) -> None:
        self.files = Files()

    def steam(
        self, plant: Plant, rate: int, element_w: float = 400.0, seconds: float = 80, cools: float = 0
    ) -> HeatLoop:
        limits = Settings()
        learned.recall(self.files, limits)  # type: ignore[arg-type]
        loop = HeatLoop(plant, element_w=element_w)
        loop.heat = Heat(limits)
        loop.run(1)
        loop.rows.clear()
        loop.heat.steam(rate)
        assert loop.run(500, lambda: plant.state()[2] >= rate / 2000)
        loop.run(seconds)
        loop.heat.off()
        loop.run(1 + cools)
        assert learned.keep(self.files, loop.heat)  # type: ignore[arg-type]
        return loop


@pytest.mark.parametrize(
    ("make", "lag_ms", "water_j_k", "metal_j_k"),
    [
        (TwinPlant, 2000, 255, 115),
        (lambda: TwinPlant(water_g=120.0, capacity_g=120.0, water_lag_s=4.0), 4000, 506, 115),
        (SmallPlant, 5000, 251, 115),
        (lambda: SmallPlant(water_g=25.0, water_lag_s=3.0), 3000, 105, 115),
    ],
)
def test_a_session_teaches(make: MakePlant, lag_ms: int, water_j_k: int, metal_j_k: int) -> None:
    """Lag, metal and loss within 15 %, water within 6 % (10 % of a small fill), and what is left of it likewise, but
    for 1 g of sensor pocket that the small boiler does not have."""
    unit = Unit()
    plant = make()
    loop = unit.steam(plant, 5000, seconds=70, cools=150)
    limits = loop.heat.settings
    assert abs(limits.water_lag_ms - lag_ms) <= 0.15 * lag_ms + 100
    part = 0.06 if water_j_k > 200 else 0.10
    assert abs(loop.heat.energy.water_j_k - water_j_k) <= part * water_j_k
    assert abs(loop.heat.energy.metal_j_k - metal_j_k) <= 0.15 * metal_j_k
    assert abs(loop.heat.water_mg / 1000 - plant.state()[3]) <= part * water_j_k / 4.19 + 1.0
    assert abs(loop.heat.steam_mg / 1000 - plant.steam_g()) <= 0.05 * plant.steam_g()
    true_loss = 350 if isinstance(plant, TwinPlant) else 300
    assert limits.loss_known == 1 and abs(limits.loss_mw_k - true_loss) <= 0.15 * true_loss


def test_seconds_to_steam_are_told() -> None:
    unit = Unit()
    unit.steam(TwinPlant(), 6000)
    told: list[tuple[float, int]] = []
    limits = Settings()
    learned.recall(unit.files, limits)  # type: ignore[arg-type]
    loop = HeatLoop(TwinPlant())
    loop.heat = Heat(limits)
    loop.run(1)
    assert loop.heat.to_steam_s == -1
    loop.heat.steam(6000)
    assert loop.run(200, lambda: told.append((loop.seconds, loop.heat.to_steam_s)) or loop.rows[-1].steam > 1.0)
    end = loop.seconds
    for seconds, left in told:
        if end - seconds > 5 and seconds > 5:
            assert abs(left - (end - seconds)) <= 4 + 0.1 * (end - seconds)
    loop.run(30)
    assert loop.heat.to_steam_s == 0
    assert abs(loop.heat.steam_left_s - loop.rows[-1].water_g / 6.0 * 60) <= 60


@pytest.mark.parametrize("seed", [3, 6, 12, 34, 37])
def test_learned_start_on_boilers_of_the_envelope(seed: int) -> None:
    """The second session's boiling begins at no more than 130 % of the wanted power, and never peaks by 18 %: 10 % are
    the bar for the whole set, 8 more for an element and losses that are not calibrated here."""
    changes = envelope.draw(seed)
    target = envelope.target_mg_min(changes)
    unit = Unit()
    seconds = min(80.0, 0.5 * changes["water_g"] / target * 60_000)
    unit.steam(TwinPlant(seed, **changes), target, changes["element_w"], seconds)
    loop = unit.steam(TwinPlant(seed + 1, **changes), target, changes["element_w"], seconds)
    assert loop.peak_steam() <= 1.18 * target / 1000
    assert loop.supervisor.fault == 0


@pytest.mark.parametrize("seed", [4, 7, 21])
def test_a_device_that_was_carried_up_a_mountain_does_not_spit(seed: int) -> None:
    """Learned at sea level, used at 3000 m: the wall shows in time that the water boils 10 K lower."""
    changes = envelope.draw(seed)
    changes["altitude_m"] = 0.0
    target = envelope.target_mg_min(changes)
    unit = Unit()
    unit.steam(TwinPlant(seed, **changes), target, changes["element_w"])
    changes["altitude_m"] = 3000.0
    loop = unit.steam(TwinPlant(seed, **changes), target, changes["element_w"])
    assert loop.peak_steam() <= 1.2 * target / 1000


@pytest.mark.parametrize("area", [0.002, 0.008])
def test_scale_on_the_plant(area: float) -> None:
    """0.1 mm of scale after two clean sessions of other rates: none is called before, it is called then."""
    unit = Unit()
    for scale_mm, rate in ((0.0, 5000), (0.0, 7500), (0.1, 6000)):
        loop = unit.steam(TwinPlant(area_m2=area, scale_mm=scale_mm, element_w=500.0), rate, 500.0, seconds=75)
        assert loop.heat.descale is (scale_mm > 0)
    assert loop.heat.scale_permille >= 100
    loop.heat.reset_scale()
    assert not loop.heat.descale and loop.heat.scale_permille == -1


@pytest.mark.parametrize("scale_mm", [0.3, 0.6])
def test_learned_start_of_a_scaled_wall(scale_mm: float) -> None:
    """Behind scale the wall stores heat that depends on the power; it is waited for, so the peak stays within 12 %."""
    unit = Unit()
    unit.steam(TwinPlant(scale_mm=scale_mm), 6000)
    loop = unit.steam(TwinPlant(scale_mm=scale_mm), 6000)
    assert loop.peak_steam() <= 6.0 * 1.12


@pytest.mark.parametrize("rate", [3000, 8000])
def test_learned_start_at_other_rates(rate: int) -> None:
    unit = Unit()
    unit.steam(TwinPlant(), 6000)
    assert unit.steam(TwinPlant(), rate).peak_steam() <= rate / 1000 * 1.10


def test_no_setting_that_can_be_stored_leaves_the_small_integers() -> None:
    """Ends of what is kept, the strongest element and steam, all the way through a start."""
    for superheat, power, excess in ((40_000, 500, 500_000), (-40_000, 8000, -500_000), (40_000, 1, 500_000)):
        limits = Settings()
        limits.superheat_mc, limits.superheat_dw, limits.excess_mk_kw = superheat, power, excess
        limits.boiling_mc, limits.metal_j_k, limits.water_lag_ms = 104_000, 300, 9000
        check_attributes(limits)
        loop = HeatLoop(TwinPlant(element_w=600.0, mains_v=250.0), element_w=600.0)
        loop.heat = Heat(limits)
        for part in (loop.heat, loop.heat._approach, loop.heat._observer, loop.heat.account.scale, loop.heat.energy):
            check_attributes(part)
        loop.heat.steam(CheckedInt(12_000))
        loop.run(60)
        loop.heat.off()
        loop.run(1)


def test_gain_of_a_weighed_run() -> None:
    """An element 5 % weaker than its plate: steam over what was counted is the gain, and with it the rate is right."""
    changes = {"element_error": 0.05}
    loop = Unit().steam(TwinPlant(**changes), 6000)
    gain = round(1000 * loop.plant.steam_g() * 1000 / loop.heat.steam_mg)
    assert 940 <= gain <= 970
    loop = HeatLoop(TwinPlant(**changes))
    loop.heat.settings.gain_permille = gain
    loop.heat.steam(6000)
    assert loop.run(200, lambda: loop.heat.steam_ok)
    loop.run(60)
    assert abs(loop.mean_steam(loop.seconds - 40) - 6.0) <= 0.1
    assert abs(loop.heat.steam_mg / 1000 - loop.plant.steam_g()) <= 0.25
    assert abs(loop.heat.water_mg / 1000 - loop.rows[-1].water_g) <= 0.04 * Constants().water_g


def test_mains_sag_and_swell() -> None:
    """15 % less for 20 s: the mean during the sag and the 5 s after it is within 5 %."""
    plant = TwinPlant()
    loop = HeatLoop(plant)
    loop.heat.steam(5000)
    assert loop.run(200, lambda: loop.heat.steam_ok)
    loop.run(30)
    begin = loop.seconds
    plant.heater.set_mains(plant._us, 230.0 * 0.85, 50000)
    loop.run(20)
    during = loop.mean_steam(begin)
    plant.heater.set_mains(plant._us, 230.0, 50000)
    after = loop.seconds
    loop.run(5)
    assert abs(during - 5.0) <= 0.25
    assert abs(loop.mean_steam(after) - 5.0) <= 0.25


def test_tuning_heats_once_and_ends() -> None:
    loop = HeatLoop(TwinPlant())
    for _ in range(3):
        loop.heat.tune()
    assert loop.run(300, lambda: loop.heat.tuned != 0)
    assert (loop.heat.tuned, loop.heat.tune_reason) == (1, 0)
    assert abs(loop.heat.energy.metal_j_k - 115) <= 20
    assert loop.heat.settings.hold_gain_dw_k > 0
    loop.heat.tune()
    loop.run(5)
    assert loop.heat.duty_permille == 0
    loop.heat.off()
    assert loop.supervisor.fault == 0


def test_tuning_an_empty_boiler_fails() -> None:
    loop = HeatLoop(TwinPlant(water_g=0.0))
    loop.heat.tune()
    assert loop.run(120, lambda: loop.heat.tuned != 0)
    assert loop.heat.tuned == 2 and loop.heat.tune_reason > 0
