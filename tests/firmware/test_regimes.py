# SPDX-License-Identifier: Apache-2.0
"""The heater's regimes in a closed loop, on the simulated board's plant and on a second boiler that shares no code."""

from collections.abc import Callable, Iterator

import pytest
from checked_int import CheckedInt, check_attributes, checked_array
from effort import tries
from heat_loop import HeatLoop, Plant, SmallPlant, TwinPlant, full_power_s
from hypothesis import example, given
from hypothesis import strategies as st

from podsteam_firmware.heat import balance as balance_module
from podsteam_firmware.heat import boiling as boiling_module
from podsteam_firmware.heat import onset as onset_module
from podsteam_firmware.heat.boiling import Boiling
from podsteam_firmware.heat.probe import COAST, DRY, PULSE, WET, Probe
from podsteam_firmware.heat.regimes import Heat
from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.heat.steam import Evidence, demand_dw, latent_j_g, loss_dw, made_mg_min
from podsteam_firmware.sense import Sense
from podsteam_protocol import messages as m

MakePlant = Callable[[], Plant]


def steaming(plant: Plant, rate_mg_min: int = 6000, seconds: float = 200, element_w: float = 400.0) -> HeatLoop:
    """A loop that was told to make steam, `seconds` after steam was first verified."""
    loop = HeatLoop(plant, element_w=element_w)
    loop.heat.steam(rate_mg_min)
    assert loop.run(400, lambda: loop.heat.steam_ok)
    loop.run(seconds)
    return loop


# Steam ------------------------------------------------------------------------------------------------------


def test_power_of_steam_by_hand() -> None:
    """6 g/min at 2257 J/g is 225.7 W; 0.35 W/K over 80 K is 28 W; 2282.5 J/g at 90 degC (steam tables)."""
    assert loss_dw(350, 100_000, 20_000) == 280
    assert loss_dw(350, 15_000, 20_000) == 0
    assert demand_dw(6000, 100_000, 280) == 2257 + 280
    assert abs(latent_j_g(90_000) - 2282.5) <= 1
    assert made_mg_min(2257, 100_000) == 6000
    assert made_mg_min(-50, 100_000) == 0


@given(st.integers(500, 20_000), st.integers(88_000, 101_000))
def test_power_and_steam_are_inverse(rate: int, boiling: int) -> None:
    assert abs(made_mg_min(demand_dw(rate, boiling, 0), boiling) - rate) <= 3


def first_use(make: MakePlant, bound: float, onset_max: float = 1.3, element_w: float = 400.0) -> None:
    full = full_power_s(make())
    loop = HeatLoop(make(), element_w=element_w)
    begin = loop.seconds
    loop.heat.steam(6000)
    boils = loop.plant.boiling_c - 0.02
    assert loop.run(400, lambda: loop.rows[-1].water >= boils)
    wanted_dw = demand_dw(6000, int(boils * 1000), 280)
    assert loop.sense.power_dw <= onset_max * wanted_dw
    assert loop.run(100, lambda: loop.heat.steam_ok)
    assert loop.seconds - begin <= bound * full
    assert loop.heat.regime == m.REGIME_STEAM
    assert abs(loop.heat.boiling_mc / 1000 - loop.plant.boiling_c) <= 1.0


def test_first_steam_on_the_simulated_board() -> None:
    """400 W, 60 g, 20 degC: verified within 1.35 x the full-power time, boiling begun at less than 130 % of power."""
    first_use(TwinPlant, 1.35)


def test_first_steam_on_the_second_boiler() -> None:
    first_use(SmallPlant, 1.35)


@pytest.mark.parametrize("altitude", [1500.0, 3000.0])
def test_first_steam_at_altitude(altitude: float) -> None:
    """The boiling point is learned: 95 and 90 degC."""
    first_use(lambda: TwinPlant(altitude_m=altitude), 1.35)


@pytest.mark.parametrize(("lag", "bound"), [(5.0, 1.35), (8.0, 1.45)])
def test_first_steam_with_slow_sensors(lag: float, bound: float) -> None:
    first_use(lambda: TwinPlant(water_lag_s=lag, wall_lag_s=3.0), bound)


@pytest.mark.parametrize("volts", [207.0, 253.0])
def test_first_steam_at_the_ends_of_the_mains(volts: float) -> None:
    first_use(lambda: TwinPlant(mains_v=volts), 1.4)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mains_v": 207.0},
        {"mains_v": 253.0},
        {"mains_mhz": 60000},
        {"altitude_m": 1500.0},
        {"scale_mm": 0.1},
        {"ambient_c": 12.0, "start_c": 12.0},
    ],
)
def test_steam_is_what_was_asked_for(changes: dict[str, float]) -> None:
    """Within 2 % of the rate when the constants match, whatever mains, altitude, scale and room."""
    loop = steaming(TwinPlant(**changes), seconds=80)
    assert abs(loop.mean_steam(loop.seconds - 60) - 6.0) <= 0.12
    assert abs(loop.heat.steam_mg_min - 6000) <= 200


def test_peak_at_first_use_and_learned() -> None:
    """5 s peak at most 25 % over the rate at first use, 10 % once the boiling point is known."""
    loop = steaming(TwinPlant(), seconds=30)
    assert loop.peak_steam() <= 6.0 * 1.25
    loop.heat.off()
    loop.run(60)
    loop.rows.clear()
    loop.heat.steam(6000)
    assert loop.run(100, lambda: loop.heat.steam_ok)
    loop.run(20)
    assert loop.peak_steam() <= 6.0 * 1.10


def test_rate_can_be_changed() -> None:
    loop = steaming(TwinPlant(), 3000, seconds=20)
    begin = loop.seconds
    for rate in (7000, 2000, 5000):
        loop.heat.steam(rate)
        loop.run(40)
        assert abs(loop.mean_steam(loop.seconds - 10) - rate / 1000) <= 0.15
        assert loop.supervisor.fault == 0
    # Less steam cools the outlet, which is no sign that it has gone.
    assert all(row.steam_ok for row in loop.rows if row.s >= begin)


def test_steam_sum() -> None:
    """The sum follows the truth, what was made before the plateau was seen included."""
    loop = steaming(TwinPlant(), seconds=150)
    assert abs(loop.heat.steam_mg - loop.plant.steam_g() * 1000) <= 200
    loop.heat.reset_steam()
    before = loop.plant.steam_g()
    loop.run(60)
    made = (loop.plant.steam_g() - before) * 1000
    assert abs(loop.heat.steam_mg - made) <= 0.03 * made


def test_refill_with_cold_water_goes_back_to_heating_without_a_fault() -> None:
    plant = TwinPlant()
    loop = steaming(plant, seconds=120)
    plant.boiler.add_water(20.0, 15.0)
    assert loop.run(20, lambda: loop.heat.regime == m.REGIME_HEAT)
    assert not loop.heat.steam_ok
    assert loop.run(120, lambda: loop.heat.steam_ok)
    assert loop.supervisor.fault == 0


# Verified -----------------------------------------------------------------------------------------------------


def test_steam_is_not_verified_before_it_is_there() -> None:
    loop = HeatLoop(TwinPlant())
    loop.heat.steam(6000)
    loop.run(150)
    first = next(row.s for row in loop.rows if row.steam_ok)
    made = next(row.s for row in loop.rows if row.steam > 5.0)
    assert made < first


@pytest.mark.parametrize("how", ["element", "outlet", "off"])
def test_steam_falls_away(how: str) -> None:
    """Power gone, outlet gone, or heat off: no longer verified within 2 s."""
    plant = TwinPlant()
    loop = steaming(plant, seconds=20)
    if how == "element":
        plant.heater.ssr_open = True
    elif how == "outlet":
        plant.boiler.outlet_c -= 15.0
        plant.boiler.outlet_probe_c -= 15.0
    else:
        loop.heat.off()
    assert loop.run(2.0, lambda: not loop.heat.steam_ok)


def test_cold_outlet_is_never_verified() -> None:
    """The water boils, but nothing comes out where it should."""
    plant = TwinPlant()
    plant.boiler.outlet_contact = 0.0
    loop = HeatLoop(plant)
    loop.heat.steam(6000)
    loop.run(200)
    assert loop.heat.regime == m.REGIME_STEAM
    assert not any(row.steam_ok for row in loop.rows)


def test_evidence_needs_three_seconds_of_all() -> None:
    evidence = Evidence()
    for _ in range(29):
        evidence.judge(2000, 2257)
    assert not evidence.ok
    evidence.judge(2000, 2257)
    assert evidence.ok
    for net, wanted in ((375, 2257), (187, 376)):
        for _ in range(30):
            evidence.judge(376, wanted)
        assert evidence.ok
        evidence.judge(net, wanted)
        assert not evidence.ok
    for _ in range(30):
        evidence.judge(188, 376)
    assert evidence.ok
    evidence.none()
    assert not evidence.ok


def test_frozen_water_sensor_near_boiling_is_no_steam() -> None:
    """A reading that stands at 99 degC from the start brings neither energy nor a warm outlet."""
    plant = TwinPlant()
    loop = HeatLoop(plant)
    plant.sensors.water_offset_mc = 79_000
    loop.run(2)
    plant.sensors.water.fault = "frozen"
    loop.heat.steam(6000)
    loop.run(45)
    assert not any(row.steam_ok for row in loop.rows)


# Boiling point ------------------------------------------------------------------------------------------------


def follow(boiling: Boiling, celsius: Callable[[float], float], seconds: float, net_dw: int = 2500) -> float | None:
    """Seconds until the plateau is seen, or None."""
    for i in range(int(seconds * 10)):
        boiling.step(int(celsius(i / 10) * 1000), net_dw, 366)
        if boiling.now:
            return i / 10
    return None


def test_plateau_is_seen_and_its_temperature_learned() -> None:
    boiling = Boiling()
    seen = follow(boiling, lambda s: min(60 + 0.68 * s, 95.2), 100)
    assert seen is not None
    assert 51.8 <= seen <= 60
    assert abs(boiling.point_mc - 95_200) <= 600
    follow(boiling, lambda s: 95.2, 0)
    for _ in range(300):
        boiling.step(95_200, 2500, 366)
    assert abs(boiling.point_mc - 95_200) <= 10


@pytest.mark.parametrize(
    ("celsius", "net_dw"),
    [
        (lambda s: 80.0, 2500),
        (lambda s: 90.0, 200),
        (lambda s: 84.0 + 0.3 * s, 2500),
    ],
)
def test_no_plateau(celsius: Callable[[float], float], net_dw: int) -> None:
    """Too cold to boil, no heat that goes in, or still rising."""
    assert follow(Boiling(), celsius, 40, net_dw) is None


def test_sensor_lag_after_switching_on_is_no_plateau() -> None:
    """Warm water, element just switched on: the reading stands still for some seconds, nothing boils."""
    assert follow(Boiling(), lambda s: 90.0 + 0.68 * max(0.0, s - 8), 16) is None


def test_a_known_lag_bounds_the_plateau() -> None:
    """A reading that still rises by 0.5 K/s has 4 s of that to go, unless the lag that is known says less."""
    boiling = Boiling()
    boiling.point_mc = 98_500
    for step in range(400):
        boiling.expect(97_500, 0)
        boiling.step(90_000 + 50 * step, 3000, 400)
        if boiling.now:
            break
    assert boiling.now
    assert boiling.point_mc == 97_500


def test_wrong_plateau_is_given_up() -> None:
    boiling = Boiling()
    assert follow(boiling, lambda s: 90.0, 60) is not None
    assert follow(boiling, lambda s: 90.0, 0) is None
    for i in range(120):
        boiling.step(90_000 + 60 * i, 2500, 366)
    assert not boiling.now


# Hold ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "target", "overshoot"),
    [
        (TwinPlant, 90, 0.3),
        (TwinPlant, 60, 0.3),
        (lambda: TwinPlant(water_g=15.0), 90, 0.5),
        (lambda: TwinPlant(water_lag_s=8.0, wall_lag_s=3.0), 90, 0.5),
        (lambda: TwinPlant(scale_mm=0.1), 90, 0.5),
        (lambda: TwinPlant(mains_v=207.0, adc_noise_uv=1500.0), 90, 0.5),
        (SmallPlant, 90, 0.5),
        (lambda: SmallPlant(water_g=120.0), 80, 0.8),
    ],
)
def test_hold(make: MakePlant, target: int, overshoot: float) -> None:
    """Water within 0.2 K in the end, with at most 0.5 K of overshoot (120 g, twice the design's water: 0.8 K)."""
    loop = HeatLoop(make())
    loop.heat.hold(target * 1000)
    loop.run(300)
    assert max(row.water for row in loop.rows) <= target + overshoot
    last = [row.water for row in loop.rows[-1200:]]
    assert abs(sum(last) / len(last) - target) <= 0.2
    assert loop.heat.regime == m.REGIME_HOLD
    assert loop.regimes()[:4] == ["IDLE", "PROBE", "HEAT", "HOLD"]
    assert loop.supervisor.fault == 0


def test_hold_with_twice_the_believed_loss() -> None:
    loop = HeatLoop(TwinPlant(water_loss_w_k=0.5))
    loop.heat.hold(85_000)
    loop.run(400)
    assert abs(loop.rows[-1].water - 85.0) <= 0.2
    assert max(row.water for row in loop.rows) <= 85.5


def test_hold_then_steam_then_hold() -> None:
    loop = HeatLoop(TwinPlant())
    loop.heat.hold(85_000)
    loop.run(150)
    loop.heat.steam(5000)
    assert loop.run(120, lambda: loop.heat.steam_ok)
    loop.run(60)
    assert abs(loop.mean_steam(loop.seconds - 30) - 5.0) <= 0.1
    loop.heat.hold(85_000)
    loop.run(400)
    assert abs(loop.rows[-1].water - 85.0) <= 0.3
    assert loop.supervisor.fault == 0


def test_hold_target_above_the_boiling_point_does_not_boil_hard() -> None:
    """95 degC at 3000 m: where it would boil, power is bounded; then the point is learned and the target lowered."""
    loop = HeatLoop(TwinPlant(altitude_m=3000.0))
    loop.heat.hold(95_000)
    loop.run(400)
    assert max(row.steam for row in loop.rows) <= 3.7
    assert abs(loop.heat.boiling_mc - 90_000) <= 1000
    assert abs(loop.rows[-1].water - 87.0) <= 0.5
    assert loop.rows[-1].steam == 0.0


def test_higher_target_while_holding() -> None:
    loop = HeatLoop(TwinPlant())
    loop.heat.hold(50_000)
    loop.run(150)
    loop.heat.hold(90_000)
    loop.run(250)
    assert abs(loop.rows[-1].water - 90.0) <= 0.3
    assert max(row.water for row in loop.rows) <= 90.5


# Probe --------------------------------------------------------------------------------------------------------


def test_probe_costs_no_time_when_there_is_water() -> None:
    """Power is full from the first moment to the approach: no coast."""
    loop = HeatLoop(TwinPlant())
    loop.heat.steam(6000)
    loop.run(60)
    assert loop.regimes() == ["IDLE", "PROBE", "HEAT"]
    duties = [row.duty for row in loop.rows if row.regime != m.REGIME_IDLE]
    assert set(duties) == {1000}
    assert not loop.heat.probe_dry
    assert 3900 <= loop.heat.probe_rise_cdeg <= 4200


@pytest.mark.parametrize("watts", [300.0, 400.0, 600.0])
@pytest.mark.parametrize("demand", ["steam", "hold"])
def test_probe_finds_an_empty_boiler(watts: float, demand: str) -> None:
    loop = HeatLoop(TwinPlant(water_g=0.0, element_w=watts), element_w=watts)
    if demand == "steam":
        loop.heat.steam(6000)
    else:
        loop.heat.hold(90_000)
    assert loop.run(60, lambda: loop.heat.probe_dry)
    loop.run(10)
    assert loop.heat.duty_permille == 0
    assert loop.heat.regime == m.REGIME_COOL
    assert max(row.wall for row in loop.rows) <= 105
    assert loop.supervisor.fault == 0
    loop.heat.off()
    assert not loop.heat.probe_dry


@pytest.mark.parametrize("grams", [8.0, 15.0, 60.0, 120.0])
@pytest.mark.parametrize("area", [0.002, 0.008])
def test_probe_does_not_call_a_wet_boiler_dry(grams: float, area: float) -> None:
    loop = HeatLoop(SmallPlant(water_g=grams, area_m2=area, wall_j_k=150.0, water_lag_s=8.0))
    loop.heat.steam(6000)
    assert loop.run(90, lambda: loop.heat.regime == m.REGIME_HEAT)
    assert not loop.heat.probe_dry


def test_probe_heats_on_when_in_doubt() -> None:
    """No sign of water at 40 K, but the sixth ten kelvin take 8 % more than the third, or the water gets warm."""
    for fourth, sixth, rate, rise in ((107, 100, 0, 4000), (105, 108, 0, 6000), (100, 100, 850, 6000)):
        powers = (100, 100, 100, fourth, 100, sixth, 0)
        probe = Probe()
        probe.begin(20_000, 20_000)
        wall = 20_000
        while probe.step(wall, 20_000, powers[(wall - 20_000) // 10_000], rate) == PULSE:
            wall += 100
        assert probe.state == WET
        assert probe.rise_cdeg == rise


def test_probe_coasts_when_in_doubt_and_decides_by_cooling() -> None:
    """Same energy for each ten kelvin and a cold water sensor: the heat pauses. Cooling is water, none is dry."""
    for cools, verdict in ((True, WET), (False, DRY)):
        probe = Probe()
        probe.begin(20_000, 20_000)
        wall = 20_000
        while probe.step(wall, 20_000, 4000) == PULSE:
            wall += 350
        assert probe.state == COAST
        assert probe.rise_cdeg == 6020
        for _ in range(160):
            wall -= 30 if cools else 4
            state = probe.step(wall, 20_000, 0)
        assert state == verdict
        assert probe.dry is (verdict == DRY)


def test_probe_takes_a_slow_wall_for_water() -> None:
    probe = Probe()
    probe.begin(20_000, 20_000)
    states = {probe.step(20_000 + 50 * i, 20_000, 4000) for i in range(460)}
    assert states == {PULSE, WET}


def test_warm_start_needs_no_probe() -> None:
    loop = HeatLoop(TwinPlant(start_c=60.0))
    loop.heat.steam(6000)
    loop.run(5)
    assert loop.heat.regime == m.REGIME_HEAT


# The rest -----------------------------------------------------------------------------------------------------


def test_off_cools_down_to_idle() -> None:
    loop = steaming(TwinPlant(water_g=30.0), seconds=10)
    loop.heat.off()
    loop.run(2)
    assert loop.heat.regime == m.REGIME_COOL
    assert loop.heat.duty_permille == 0
    assert not loop.heat.wanted
    plant = loop.plant
    assert isinstance(plant, TwinPlant)
    plant.boiler.wall_c = plant.boiler.water_c = plant.boiler.element_c = 40.0
    loop.run(20)
    assert loop.heat.regime == m.REGIME_IDLE


def test_no_mains_no_duty() -> None:
    plant = TwinPlant()
    loop = steaming(plant, seconds=5)
    plant.heater.set_mains(plant._us, 0.0, 50000)
    loop.run(0.3)
    assert loop.heat.duty_permille == 0


def test_wall_behind_thick_scale_is_folded_back() -> None:
    """0.5 mm would take the wall to 126 degC at full power; the fold keeps it below the supervisor's 135 degC."""
    loop = HeatLoop(TwinPlant(scale_mm=0.7, element_w=600.0), element_w=600.0)
    heat = loop.heat
    heat.steam(12_000)
    heat.settings.wall_fold_mc = 112_000
    loop.run(150)
    assert max(row.wall for row in loop.rows) <= 122


def test_learned_heat_capacity() -> None:
    for make, expected in ((TwinPlant, 370), (lambda: TwinPlant(water_g=30.0), 245)):
        loop = HeatLoop(make())
        loop.heat.steam(6000)
        loop.run(100)
        assert abs(loop.heat.energy.capacity_j_k - expected) <= 0.12 * expected


def test_room_temperature_is_taken_at_a_cold_start_only() -> None:
    loop = HeatLoop(TwinPlant(start_c=28.0, ambient_c=28.0))
    loop.heat.steam(6000)
    loop.run(30)
    assert abs(loop.heat.energy.ambient_mc - 28_000) <= 200
    loop.heat.off()
    loop.run(1)
    loop.heat.steam(6000)
    loop.run(1)
    assert abs(loop.heat.energy.ambient_mc - 28_000) <= 200


@pytest.fixture(scope="module")
def _checked() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (boiling_module, onset_module, balance_module):
            patch.setattr(module, "array", checked_array)
        yield


def all_parts(thing: object) -> Iterator[object]:
    """`thing` and what it holds of the heater's parts."""
    yield thing
    for value in vars(thing).values():
        if type(value).__module__.startswith("podsteam_firmware.heat") and value is not thing:
            yield from all_parts(value) if not isinstance(value, Settings) else ()


TEMPERATURE = st.sampled_from([-20_000, 19_000, 44_000, 87_000, 99_000, 100_000, 121_000, 200_000])


@pytest.mark.usefixtures("_checked")
@tries(60)
@given(
    st.sampled_from(["steam", "hold", "tune"]),
    st.lists(
        st.tuples(TEMPERATURE, TEMPERATURE, TEMPERATURE, st.sampled_from([0, 1, 4000, 13_000]), st.integers(1, 60)),
        min_size=1,
        max_size=12,
    ),
)
@example("tune", [(-20_000, -20_000, -20_000, 0, 42), (-20_000, 19_000, -20_000, 0, 38)])
def test_no_input_leaves_the_small_integers(demand: str, rows: list[tuple[int, int, int, int, int]]) -> None:
    """Sensors that jump over the whole table, the largest element and settings: every intermediate is below 2^30."""
    limits = Settings()
    limits.loss_mw_k = 1000
    limits.metal_j_k = 300
    check_attributes(limits)
    heat = Heat(limits)
    for thing in all_parts(heat):
        check_attributes(thing)
    if demand == "steam":
        heat.steam(CheckedInt(20_000))
    elif demand == "tune":
        heat.tune()
    else:
        heat.hold(CheckedInt(98_000))
    sense = Sense()
    sense.mains_ok = True
    now_ms = 0
    for wall, water, outlet, power, steps in rows:
        sense.wall_mc = CheckedInt(wall)
        sense.water_mc = CheckedInt(water)
        sense.outlet_mc = CheckedInt(outlet)
        sense.power_dw = CheckedInt(power)
        sense.full_dw = CheckedInt(13_000)
        for _ in range(steps):
            now_ms += 100
            heat.step(CheckedInt(now_ms), sense)
            assert 0 <= heat.duty_permille <= 1000
