# SPDX-License-Identifier: Apache-2.0
"""Both plants over the envelope: energy closes, they agree where they must, and differ where they are meant to."""

from collections.abc import Callable
from pathlib import Path

import plant_runs
import pytest
from plant_runs import imbalance_j, life, report

from podsteam_twin import launch
from podsteam_twin.boiler import envelope
from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.layered import LayeredBoiler
from podsteam_twin.boiler.plant import Boiler
from podsteam_twin.boiler.water import evaporation_j_g, saturation_c
from podsteam_twin.world import World
from scenarios import PRESS, fault, play

HW = Path(__file__).parents[2] / "hw"
KINDS = {"lumped": Boiler, "layered": LayeredBoiler}
BOILING_C = saturation_c(0)


@pytest.mark.parametrize(("kind", "seeds"), [(Boiler, 40), (LayeredBoiler, 10)])
def test_energy_closes_to_a_thousandth(kind: type[Boiler], seeds: int) -> None:
    """Through heat-up, boiling, cold refill, tilt, dry-out, quenching and cooling. It closes to rounding in fact."""
    for seed in range(seeds):
        acts: list[str] = []
        for boiler, start_j, act in life(kind, seed):
            acts.append(act)
            assert abs(imbalance_j(boiler, start_j)) < 1e-8 * boiler.energy_in_j, (seed, act)
            if act == "boiling":
                assert boiler.steam_g_min > 1, seed
                assert boiler.water_g > 0, seed
            elif act == "overheated":
                assert boiler.water_g == 0, seed
                assert boiler.wall_c > 130, seed
            elif act == "cooled":
                assert boiler.steam_g_min == 0, seed
        assert len(acts) == 9


@pytest.mark.parametrize("kind", KINDS.values())
def test_losses_are_what_the_temperatures_say(kind: type[Boiler]) -> None:
    """The books are kept by the plant itself: here its losses are added up from outside, within 0.1 %."""
    boiler = kind(Constants())
    lost_j = 0.0
    for step in range(40 * 200):
        boiler.run_steps(1, 400.0 if step < 40 * 120 else 0.0)
        lost_j += 0.025 * (0.1 * (boiler.wall_c - 20) + 0.25 * (boiler.water_c - 20))
    assert boiler.energy_lost_j == pytest.approx(lost_j, rel=1e-3)


def test_the_same_to_the_last_bit(run_micropython: Callable[..., str]) -> None:
    there = run_micropython(Path(plant_runs.__file__), path=(HW,)).splitlines()
    here = report()
    assert len(here) > 100
    assert there == here


@pytest.mark.parametrize("seed", range(8))
def test_both_make_the_steam_that_energy_allows(seed: int) -> None:
    plant = envelope.draw(seed, refill_g=400.0)
    plant["water_g"] += 150.0
    power_w = envelope.full_w(plant)
    for kind in KINDS.values():
        boiler = kind(Constants(**plant))
        boiler.run(2.0 * envelope.energy_bound_s(plant), power_w)
        assert boiler.steam_g_min == pytest.approx(envelope.full_mg_min(plant) / 1000, rel=0.01)
        assert boiler.water_g + boiler.steam_g == pytest.approx(plant["water_g"], abs=1e-6)


def test_layers_differ_while_the_wall_heats_and_meet_in_the_end() -> None:
    boiler = LayeredBoiler(Constants())
    boiler.run(50.0, 400.0)
    assert boiler.lower_c > boiler.water_c + 8
    assert boiler.water_probe_c < boiler.lower_c - 8
    boiler.run(120.0, 400.0)
    assert boiler.lower_c == pytest.approx(BOILING_C, abs=0.01)
    assert boiler.water_c == pytest.approx(BOILING_C, abs=0.3)
    # Mixing cools the lower layer once nothing heats it.
    boiler.run(200.0, 0.0)
    assert boiler.lower_c == pytest.approx(boiler.water_c, abs=2.0)


def test_bubbles_stir() -> None:
    gaps = []
    for bubbling_w_k in (0.0, 0.1):
        boiler = LayeredBoiler(Constants(bubbling_w_k=bubbling_w_k))
        boiler.run(70.0, 400.0)
        gaps.append(boiler.lower_c - boiler.water_c)
    assert gaps[1] < 0.6 * gaps[0]


def test_first_steam_comes_before_the_water_above_boils() -> None:
    """Vapour from the lower layer collapses in the colder upper one, not all of it; there the plants differ."""
    boiler = LayeredBoiler(Constants())
    while boiler.steam_g_min < 1.0:
        boiler.run_steps(1, 400.0)
    assert 85 < boiler.water_c < BOILING_C - 1
    assert boiler.lower_c == pytest.approx(BOILING_C, abs=0.01)
    lumped = Boiler(Constants())
    while lumped.steam_g_min < 1.0:
        lumped.run_steps(1, 400.0)
    assert lumped.water_c == BOILING_C


def test_vapour_warms_the_layer_in_which_it_collapses() -> None:
    boiler = LayeredBoiler(Constants(mixing_w_k=0.0, bubbling_w_k=0.0, collapse_k=1e-9, water_loss_w_k=0.0))
    boiler.lower_c = BOILING_C
    boiler.wall_c = boiler.element_c = 112.0
    before_c = boiler.water_c
    boiler.run(2.0, 400.0)
    assert boiler.steam_g == pytest.approx(0.0, abs=1e-6)
    assert boiler.water_c > before_c + 2
    assert boiler.water_g == pytest.approx(60.0)


def test_cold_water_lies_on_top() -> None:
    boiler = LayeredBoiler(Constants(start_c=99.0, water_g=40.0))
    boiler.run(20.0, 400.0)
    lower_c, steam_g_min = boiler.lower_c, boiler.steam_g_min
    assert steam_g_min > 9
    assert boiler.add_water(30.0, 10.0) == pytest.approx(60.0 - 40.0 + boiler.steam_g)
    assert boiler.water_c < boiler.lower_c - 5
    assert boiler.lower_c < lower_c
    assert boiler.water_g == 60.0
    boiler.run(1.0, 400.0)
    assert boiler.steam_g_min < 2
    assert boiler.add_water(-100.0, 0.0) == pytest.approx(-boiler.water_g - 60.0, abs=1.0)
    assert boiler.water_g == 0.0


def test_dry_out() -> None:
    boiler = LayeredBoiler(Constants(start_c=99.0, water_g=20.0))
    boiler.run(30.0, 400.0)
    plateau_c = boiler.wall_c
    while boiler.wall_c < plateau_c + 3:
        boiler.run_steps(1, 400.0)
    assert 2 < boiler.water_g < 4.5
    while boiler.water_g > 0:
        boiler.run_steps(1, 400.0)
    assert boiler.steam_g == pytest.approx(20.0)
    boiler.run(1.0, 400.0)
    assert boiler.steam_g_min == 0
    assert boiler.lower_c == boiler.water_c
    before_c = boiler.wall_c
    boiler.run(10.0, 400.0)
    assert (boiler.wall_c - before_c) / 10 == pytest.approx(400 / 115, rel=0.1)


@pytest.mark.parametrize("kind", KINDS.values())
def test_tilt_raises_the_wall_and_keeps_the_water(kind: type[Boiler]) -> None:
    """Half the wall passes on the same heat: superheat by the third root of two, 8 K to 10 K, and no dry-out yet."""
    boiler = kind(Constants(start_c=99.0))
    boiler.run(60.0, 400.0)
    upright_k = boiler.wall_c - BOILING_C
    boiler.wettable = 0.5
    boiler.run(20.0, 400.0)
    assert (boiler.wall_c - BOILING_C) / upright_k == pytest.approx(2 ** (1 / 3), rel=0.06)
    assert boiler.steam_g_min == pytest.approx((400 - 27) / evaporation_j_g(BOILING_C) * 60, rel=0.05)
    boiler.wettable = 1.0
    boiler.run(20.0, 400.0)
    assert boiler.wall_c - BOILING_C == pytest.approx(upright_k, rel=0.02)
    # Below the mark where the wall falls dry in places, tilt adds nothing while that is less than it leaves.
    boiler.add_water(2.0 - boiler.water_g, 0.0)
    boiler.run(5.0, 300.0)
    twin = kind(Constants(start_c=99.0))
    for name in ("element_c", "wall_c", "surface_c", "water_c", "water_g"):
        setattr(twin, name, getattr(boiler, name))
    if isinstance(boiler, LayeredBoiler) and isinstance(twin, LayeredBoiler):
        twin.lower_c = boiler.lower_c
    twin.wettable = 0.5
    boiler.run(2.0, 300.0)
    twin.run(2.0, 300.0)
    assert twin.wall_c == boiler.wall_c


def test_the_simulated_unit_takes_either_kind() -> None:
    assert type(World({}).boiler) is Boiler
    assert type(World({"plant": {"kind": "lumped", "water_g": 20.0}}).boiler) is Boiler
    world = World({"plant": {"kind": "layered", "water_g": 20.0, "mixing_w_k": 7.0}})
    assert type(world.boiler) is LayeredBoiler
    assert world.boiler.water_g == 20.0
    with pytest.raises(ValueError, match="unknown kind of plant 'foam'; there are: layered, lumped"):
        World({"plant": {"kind": "foam"}})
    with pytest.raises(AttributeError, match="no such constant"):
        World({"plant": {"kind": "layered", "foam": 1.0}})


def test_the_plant_follows_when_the_unit_is_tilted() -> None:
    world = World({"plant": {"tilted_wet": 0.4}})
    assert world.upright and world.boiler.wettable == 1.0
    world.upright = False
    assert not world.upright and world.boiler.wettable == 0.4
    world.upright = True
    assert world.boiler.wettable == 1.0


def test_refilling_by_hand() -> None:
    world = World({"plant": {"water_g": 20.0, "capacity_g": 50.0}})
    assert world.refill(10.0, 5.0) == 10.0
    assert world.refill(100.0, 5.0) == 20.0
    assert world.boiler.water_c < 15
    assert world.refill(-60.0, 0.0) == -50.0


def test_a_drawn_unit_of_the_second_kind_does_the_same_on_both_interpreters(micropython: str) -> None:
    """Heated, refilled cold while it heats, tilted and set up again, with a curved converter."""
    plant = {"kind": "layered", **envelope.draw(11, refill_g=30.0)}
    assert plant["adc_bow_uv"] > 1000
    script = [(2.0, PRESS), (25.0, {"do": "refill", "g": 12.5, "c": 7.0}), (60.0, fault("tilted")), (61.0, PRESS)]
    results = []
    for interpreter in ("cpython", "micropython"):
        twin = launch.start(interpreter=interpreter, unix_s=0, podlet="demo", plant=plant)
        try:
            sent = play(twin, script, 70.0)
            state = twin.control({"do": "state"})
            assert state["crashes"] == []
            assert state["water_mg"] + state["steam_mg"] == pytest.approx(1000 * (plant["water_g"] + 12.5), abs=3)
            assert state["water_mc"] > 1000 * plant["start_c"] + 2000
            assert twin.control({"do": "list"})["faults"]["tilted"]
            results.append((sent, state, twin.control({"do": "digest"})))
        finally:
            twin.close()
    assert results[0] == results[1]
