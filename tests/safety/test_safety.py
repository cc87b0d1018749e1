# SPDX-License-Identifier: Apache-2.0
"""A slice of the safety figures, and that their yardsticks are none of rubber. `make safety` measures all of them."""

import math
from pathlib import Path
from typing import Any

import clocks
import controls
import dry
import false_trips
import fault_cells
import forks
import lines
import oom
import pytest
import reactions
import resets
from unit import Unit

from podsteam_twin import upsets
from podsteam_twin.boiler import envelope

pytestmark = pytest.mark.skipif(not forks.POSSIBLE, reason="copies of a process need fork")
PLAYED = ("noisy", "load sense, open", "lease", "memory")
"""Controls of the slice, a run with the detector and one without."""


# Reactions --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("figure", reactions.FIGURES, ids=lambda figure: figure.name)
def test_a_figure_can_be_measured(figure: reactions.Figure) -> None:
    cells = reactions.cells_of(figure)
    seen = [sample for _, sample in reactions.samples(cells[:1], (1, False), 2)]
    assert len(seen) == 2
    assert all(figure.time in sample and sample["wall_c"] < 200 for sample in seen)


def test_percentiles() -> None:
    values: list[float | None] = [float(value) for value in range(1, 101)]
    assert reactions.percentile(values) == 99
    assert reactions.percentile(values, 50) == 50
    assert reactions.percentile([*values, None, None, None]) is None
    assert reactions.percentile([3.0]) == 3


def test_onsets_fall_on_every_phase_of_a_tick() -> None:
    phases = {round(i * reactions.ONSET_S * 1000) % 50 for i in range(12)}
    assert len(phases) == 5
    assert not math.isclose(2 / reactions.ONSET_S % 1, 0, abs_tol=0.1)


# Negative controls --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "control", [each for each in controls.CONTROLS if each.detector in PLAYED], ids=controls.name_of
)
def test_a_fault_hurts_without_its_detector(control: controls.Control) -> None:
    assert controls.play(control, muted=False) == []
    assert controls.play(control, muted=True) != []


def test_every_detector_has_its_control() -> None:
    """A step of the supervisor's parts that no control leaves out would be a detector that nobody needs."""
    unit = Unit("cpython", 1, {})
    supervisor = unit.bench.twin.machine.loop.core.supervisor  # type: ignore[attr-defined]
    found = {name for name, part in vars(supervisor).items() if hasattr(part, "step")} - {"_trend"}
    muted = {path.split(".")[2] for control in controls.CONTROLS for path in control.mute}
    assert found - muted <= {"_budget", "_spit"}, "the energy budget and the risk of spitting take half an hour to show"
    unit.close()


# The firmware stopped -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("way", lines.WAYS)
def test_heat_ends_wherever_the_firmware_stops(way: str) -> None:
    unit = lines.prepare("HEAT", 1)
    count = lines.span(unit)
    assert count > 500
    for at in range(7, count, count // 8):
        seen = lines.strike(unit, at, way)
        assert seen["ssr_ms"] <= 500 and seen["relay_ms"] <= 300 and not seen["again"], seen


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
@pytest.mark.parametrize("kind", ["hang", "pause", "raise"])
def test_every_step_of_the_loop(kind: str, interpreter: str, micropython: str) -> None:
    for step in upsets.STEPS[:: 1 if interpreter == "cpython" else 5]:
        unit = Unit(interpreter, 1, {})
        unit.reach("PROBE")
        unit.run(1)
        unit.control("upset", kind=kind, path=step)
        struck_us = unit.now_us
        unit.run(3)
        truth = unit.truth()
        # The step is called at its own time: the burst's only five times a second.
        assert truth["relay_drop_us"] - struck_us <= 250_000 + 180_000, step
        assert truth["current_us"] - struck_us <= 500_000 and not truth["relay_closed"], step
        unit.close()


def test_a_step_that_is_upset_later() -> None:
    unit = Unit("cpython", 1, {})
    unit.control("upset", kind="raise", path="core.session.step", calls=40)
    unit.run(1.9)
    assert unit.truth()["crashes"] == []
    unit.run(0.5)
    assert len(unit.truth()["crashes"]) == 1
    unit.close()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"kind": "melt"}, "unknown upset"),
        ({"path": "core.none.step"}, "there is no"),
        ({"path": "moon.step"}, "begins with"),
        ({"path": "core.session.state"}, "no step"),
        ({"kind": "flip", "path": "core.session.step"}, "no integer"),
        ({"kind": "flip", "path": "core.session.state", "bit": 40}, "0 to 30"),
    ],
)
def test_bad_upsets_are_refused(change: dict[str, Any], word: str) -> None:
    unit = Unit("cpython", 1, {})
    answer = unit.bench.twin.control({"do": "upset", "kind": "raise", "path": "core.session.step", **change})
    assert word in answer["error"]
    unit.close()


# Memory, resets, time -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["tick", "turn"])
def test_a_locked_heap_changes_nothing_or_ends_heat(what: str, micropython: str, tmp_path: Path) -> None:
    healthy, seen = oom.locked(micropython, tmp_path, what, 211, 480)
    assert len(healthy["regimes"]) == 7 and healthy["crashes"] == 0
    assert len(seen) == 3
    for each in seen:
        assert oom.verdict(healthy, each) == "", each
        assert what == "turn" or not each["stopped"]


@pytest.mark.parametrize("state", ["STEAM", "DOSING"])
def test_no_reset_resumes(state: str) -> None:
    unit = resets.prepare(state, 1, "cpython")
    trials = [(cause, resets.MEMORIES[i % 3]) for i, cause in enumerate(resets.CAUSES)]
    for trial in trials:
        seen = forks.forked(lambda trial=trial: resets.strike(unit, *trial, 1))
        assert seen["resumed"] == "", trial
    unit.close()


def test_a_clock_that_wraps_or_jumps_changes_no_trace() -> None:
    script, seconds = clocks.SCENARIOS["tilted"]
    healthy = clocks.trace(script, seconds, "cpython", clocks.WRAP // 2)
    for offset in clocks.offsets()[2::7]:
        assert clocks.trace(script, seconds, "cpython", offset) == healthy
    usual = clocks.jumped(script, seconds, "cpython", (50.0, 0, False))
    assert clocks.jumped(script, seconds, "cpython", (50.0, 3600, False)) == usual


# Water, and nothing at all --------------------------------------------------------------------------------------------
def test_a_boiler_that_loses_its_water() -> None:
    seen = dry.play(303, by_itself=False)
    assert seen["came"] and seen["off_ms"] is not None and seen["wall_c"] <= 140


def test_a_healthy_unit_trips_nothing() -> None:
    life = false_trips.live(3, 300)
    assert life.trips == [] and life.sessions >= 1 and life.seconds >= 300


def test_cold_water_just_before_the_heat_is_no_lost_sensor() -> None:
    """The water falls first, and is back where it was when the wall has risen by 50 K."""
    assert false_trips.live(5019, 60).trips == []


def test_cold_water_that_takes_the_water_back_to_where_it_began_is_no_lost_sensor() -> None:
    """It had risen by 4 K, and falls through where it began just when the wall has risen by 50 K."""
    assert false_trips.live(663, 30).trips == []


def test_a_wall_that_still_cools_when_the_power_comes_back_has_not_failed() -> None:
    """Stopped at 86 degC with cold water behind the wall, which falls by 2.7 K/s when the next session begins."""
    assert false_trips.live(289, 60).trips == []


def test_a_wall_that_cools_after_cold_water_and_a_pause_of_the_power_has_not_failed() -> None:
    """Two glasses poured into little water, 10 s apart; the wall still falls when the power comes back."""
    unit = Unit("cpython", 5013, envelope.draw(5013, refill_g=60), podlet="demo", drawn=True, steam_s=420)
    unit.reach("STEAM")
    unit.run(200)
    for _ in range(2):
        unit.control("refill", g=48.0, c=7.0)
        unit.run(10)
    unit.run(60)
    latched = unit.truth()["latched"]
    unit.close()
    assert latched == 0


def test_a_trip_is_seen() -> None:
    home = false_trips.Home(4, "cpython")
    home.unit.control("fault", name="water_open")
    assert home.run(60).trips != []


def test_a_copy_that_fails_says_why() -> None:
    with pytest.raises(forks.Failed, match="ZeroDivisionError"):
        forks.forked(lambda: 1 // 0)
    assert forks.forked(lambda: fault_cells.ACTS) == fault_cells.ACTS
