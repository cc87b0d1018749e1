# SPDX-License-Identifier: Apache-2.0
"""A slice of the fault matrix, and that the matrix is whole. `make safety` plays all of it."""

from pathlib import Path
from typing import Any

import fault_cells
import forks
import pytest

from podsteam.wire import messages as w

CELLS = fault_cells.load()
FIRST: dict[Any, dict[str, Any]] = {}
"""The shortest cell of each fault with its mode and size; places that others need as well come first."""
for _cell in sorted(CELLS, key=lambda cell: (cell["watch_s"], cell["state"] not in ("HEAT", "STEAM", "IDLE"))):
    FIRST.setdefault((_cell["fault"], _cell["mode"], _cell.get("value"), _cell.get("path"), *_cell["also"]), _cell)
SLICE = sorted(
    (cell for cell in FIRST.values() if cell["watch_s"] <= 100),
    key=lambda cell: repr(fault_cells.start_key(cell, (cell["seeds"][0], False))),
)
HOT = [
    cell
    for cell in CELLS
    if cell["state"] == "STEAM" and cell["fault"] in ("wall_open", "ssr_welded", "valve_stuck_on")
    if not cell["plant"] and not cell["also"]
]
SEEN: dict[str, dict[str, Any]] = {}


def seen_of(cell: dict[str, Any]) -> dict[str, Any]:
    """The cell's first run; with it those of all cells of the slice that begin alike."""
    name = fault_cells.name_of(cell)
    if name not in SEEN:
        run = (cell["seeds"][0], False)
        key = fault_cells.start_key(cell, run)
        alike = [each for each in SLICE if fault_cells.start_key(each, (each["seeds"][0], False)) == key]
        if forks.POSSIBLE:
            SEEN.update({fault_cells.name_of(each): seen for each, seen in fault_cells.play_alike(alike, run)})
        else:
            SEEN[name] = fault_cells.play(cell, run, "cpython")
    return SEEN[name]


@pytest.mark.parametrize("cell", SLICE, ids=fault_cells.name_of)
def test_each_fault_once(cell: dict[str, Any]) -> None:
    assert fault_cells.verdict(cell, seen_of(cell)) == ""


@pytest.mark.parametrize("cell", HOT[::3], ids=fault_cells.name_of)
def test_both_interpreters_see_the_same(cell: dict[str, Any], micropython: str) -> None:
    seen = [fault_cells.play(cell, (2, False), interpreter) for interpreter in ("cpython", "micropython")]
    assert seen[0] == seen[1]
    assert fault_cells.verdict(cell, seen[1]) == ""


def test_a_copy_sees_what_a_run_from_the_beginning_sees() -> None:
    cell = next(cell for cell in CELLS if cell["fault"] == "wall_open" and cell["state"] == "HEAT")
    ((_, copied),) = fault_cells.play_alike([cell], (3, False))
    assert copied == fault_cells.play(cell, (3, False), "cpython")


def test_the_matrix_is_as_large_as_it_says() -> None:
    counted = [cell for cell in CELLS if "not_counted" not in cell]
    assert len({cell["fault"] for cell in counted}) >= 20
    assert len({cell["state"] for cell in counted} - {"WARM_UP"}) >= 8
    for sensor in ("wall", "water", "outlet"):
        assert {cell["state"] for cell in counted if cell["fault"] == f"{sensor}_open"} >= {"IDLE", "DOSING", "HOLD"}


def test_every_fault_of_the_simulated_board_has_its_cell() -> None:
    assert {cell["fault"] for cell in CELLS} | {"mute"} == fault_cells.names()


def test_every_expectation_exists_but_for_known_gaps() -> None:
    codes = {entry.name for entry in w.CODES.values()}
    for cell in CELLS:
        kind, _, names = cell["expected"].partition(" ")
        known = {"fault": codes, "told": codes, "stop": set(w.StopValue.__members__)}
        if kind in known:
            assert set(names.split("|")) <= known[kind] or "known_gap" in cell, cell
        else:
            assert not names and kind in fault_cells.KINDS, cell
        assert cell["wall_c"] <= 140


def test_names_are_unique() -> None:
    names = [fault_cells.name_of(cell) for cell in CELLS]
    assert len(set(names)) == len(names)


def test_a_gap_that_closes_is_noticed() -> None:
    cell = next(cell for cell in CELLS if cell["fault"] == "wall_open" and cell["state"] == "STEAM")
    seen = fault_cells.play(cell, (1, False), "cpython")
    assert "closed" in fault_cells.verdict({**cell, "known_gap": "none, in truth"}, seen)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"off_ms": 10}, "off_ms"),
        ({"seen_ms": 10}, "seen_ms"),
        ({"relay_ms": 100}, "relay_ms"),
        ({"wall_c": 50}, "wall_c"),
        ({"expected": "fault DRY_BOIL"}, "never told"),
        ({"expected": "runs"}, "does not run on"),
        ({"expected": "refused"}, "starts"),
    ],
)
def test_every_bar_can_be_missed(change: dict[str, Any], word: str) -> None:
    """The judge is no rubber stamp: a healthy reaction under a stricter bar is a miss."""
    cell = {**next(cell for cell in CELLS if cell["fault"] == "wall_open" and cell["state"] == "STEAM"), **change}
    seen = {
        "off_ms": 50,
        "relay_ms": 270,
        "seen_ms": None if "DRY" in cell["expected"] else 150,
        "dose_ms": 0,
        "wall_c": 105.9,
        "current": True,
        "hot_erases": 0,
        "crashes": 0,
        "events": [("FAULT", 101), ("STOPPED", 5)],
    }
    assert any(word in miss for miss in fault_cells.misses(cell, seen))


def test_bad_cells_are_refused(tmp_path: Path) -> None:
    good = fault_cells.CELLS.read_text(encoding="utf-8")
    for old, new in (
        ('"IDLE+1"', '"NAP+1"'),
        ('expected = "safe"', 'expected = "fine"'),
        ('mode = "brief"', 'mode = "odd"'),
        ("seen_ms", "seen_s"),
    ):
        bad = tmp_path / "cells.toml"
        bad.write_text(good.replace(old, new), encoding="utf-8")
        with pytest.raises(ValueError, match="no such"):
            fault_cells.load(bad)
