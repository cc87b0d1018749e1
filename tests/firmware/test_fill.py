# SPDX-License-Identifier: Apache-2.0
"""Metal and water from the whole rise: on rises whose truth is known, with lags, noise, a pause, and with nonsense."""

import random

import pytest
from checked_int import CheckedInt, check_attributes, checked_array
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.heat import fill as fill_module
from podsteam_firmware.heat.fill import Fill

TICK_S = 0.05
LAG_S = 3.0


def rise(fill: Fill, metal: float, water: float, watts: float, noise_k: float = 0.0, pause_s: float = 0.0) -> None:
    """A boiler of 20 degC, with 15 J/K of the metal in its element, at `watts` until the water is at 88 degC. The
    wall's sensor lags by 2 s, the water's by `LAG_S`; a pause begins after 12 s."""
    chance = random.Random(3)
    element = wall = wall_seen = bulk = bulk_seen = 20.0
    joules = 0.0
    walls: list[float] = []
    waters: list[float] = []
    ticks = 0
    fill.clear()
    while bulk < 88.0:
        seconds = ticks * TICK_S
        power = 0.0 if 12.0 <= seconds < 12.0 + pause_s else watts
        joules += power * TICK_S
        to_wall = 20.0 * (element - wall)
        to_water = 6.0 * (wall - bulk) + (0.7 * (wall - 104.0) ** 3 if wall > 104.0 else 0.0)
        element += (power - to_wall) * TICK_S / 15.0
        wall += (to_wall - to_water) * TICK_S / (metal - 15.0)
        bulk += to_water * TICK_S / water
        wall_seen += (wall - wall_seen) * TICK_S / 2.0
        bulk_seen += (bulk - bulk_seen) * TICK_S / LAG_S
        walls.append(wall_seen + chance.gauss(0.0, noise_k))
        waters.append(bulk_seen + chance.gauss(0.0, noise_k))
        ticks += 1
        if ticks % 20 == 0:
            wall_mc, water_mc = (int(sum(column[-20:]) * 50) for column in (walls, waters))
            fill.note(CheckedInt(water_mc), CheckedInt(wall_mc), CheckedInt(int(joules)), CheckedInt(int(power * 10)))


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Fill:
    """One that notices an intermediate of 2^30."""
    monkeypatch.setattr(fill_module, "array", checked_array)
    made = Fill()
    check_attributes(made)
    return made


@pytest.mark.parametrize("metal", [75.0, 120.0, 185.0])
@pytest.mark.parametrize(("water", "watts"), [(40.0, 300.0), (40.0, 700.0), (255.0, 400.0), (506.0, 250.0)])
def test_metal_and_water_are_told_apart(fill: Fill, metal: float, water: float, watts: float) -> None:
    rise(fill, metal, water, watts)
    assert fill.solve(int(LAG_S * 1000))
    assert fill.metal_j_k == pytest.approx(metal, abs=8)
    assert fill.water_j_k(fill.metal_j_k) == pytest.approx(water, rel=0.06, abs=8)


def test_a_metal_that_is_known_better_tells_the_water_better(fill: Fill) -> None:
    """Least squares with the metal given: 10 J/K too much of it are about as much too little of the water."""
    rise(fill, 120.0, 60.0, 400.0)
    assert fill.solve(int(LAG_S * 1000))
    assert fill.water_j_k(120) == pytest.approx(60.0, abs=4)
    assert 5 <= fill.water_j_k(120) - fill.water_j_k(130) <= 20


def test_noise_moves_the_water_little(fill: Fill) -> None:
    """0.3 K in every sample, with 255 J/K of water."""
    rise(fill, 120.0, 255.0, 400.0, noise_k=0.3)
    assert fill.solve(int(LAG_S * 1000))
    assert fill.water_j_k(fill.metal_j_k) == pytest.approx(255.0, rel=0.06)


def test_the_pause_of_a_probe_is_left_out(fill: Fill) -> None:
    rise(fill, 120.0, 100.0, 400.0, pause_s=8.0)
    assert fill.solve(int(LAG_S * 1000))
    assert fill.metal_j_k == pytest.approx(120.0, abs=10)
    assert fill.water_j_k(fill.metal_j_k) == pytest.approx(100.0, rel=0.08)


def test_a_rise_of_a_few_seconds_tells_nothing(fill: Fill) -> None:
    fill.clear()
    for s in range(10):
        fill.note(20_000 + 500 * s, 20_000 + 3000 * s, 400 * s, 4000)
    assert not fill.solve(3000) and fill.metal_j_k == 0


def test_the_sums_serve_once(fill: Fill) -> None:
    rise(fill, 120.0, 255.0, 400.0)
    fill.clear()
    assert not fill.solve(3000)


_MC = st.integers(-20_000, 200_000)


@tries(60)
@given(
    st.lists(st.tuples(_MC, _MC, st.integers(0, 4000), st.integers(0, 15_000)), min_size=20, max_size=300),
    st.integers(0, 9000),
    st.integers(55, 300),
)
def test_no_record_leaves_the_small_integers(rows: list[tuple[int, int, int, int]], lag_ms: int, metal: int) -> None:
    """Readings that jump about as no boiler's do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fill_module, "array", checked_array)
        fill = Fill()
        check_attributes(fill)
        fill.clear()
        net_j = CheckedInt(0)
        for water, wall, joules, power in rows:
            net_j += joules
            fill.note(CheckedInt(water), CheckedInt(wall), net_j, CheckedInt(power))
        if fill.solve(CheckedInt(lag_ms)):
            fill.water_j_k(CheckedInt(metal))
