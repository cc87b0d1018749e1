# SPDX-License-Identifier: Apache-2.0
"""A slice of the fault matrix, and that the matrix is whole. `make safety` plays all of it."""

from pathlib import Path
from typing import Any

import fault_cells
import pytest

from podsteam.wire import messages as w
from podsteam_twin import faults

CELLS = fault_cells.load()
FIRST: dict[tuple[str, ...], dict[str, Any]] = {}
for _cell in CELLS:
    FIRST.setdefault((_cell["fault"], _cell["mode"], *_cell["also"]), _cell)
HOT = [
    cell
    for cell in CELLS
    if cell["state"] == "STEAM" and cell["fault"] in ("wall_open", "ssr_welded", "valve_stuck_on")
]


@pytest.mark.parametrize("cell", FIRST.values(), ids=fault_cells.name_of)
def test_each_fault_once(cell: dict[str, Any]) -> None:
    assert fault_cells.verdict(cell, fault_cells.play(cell, cell["seeds"][0], "cpython")) == ""


@pytest.mark.parametrize("cell", HOT, ids=fault_cells.name_of)
def test_both_interpreters_see_the_same(cell: dict[str, Any], micropython: str) -> None:
    seen = [fault_cells.play(cell, 2, interpreter) for interpreter in ("cpython", "micropython")]
    assert seen[0] == seen[1]
    assert fault_cells.verdict(cell, seen[1]) == ""


def test_every_fault_of_the_simulated_board_has_its_cell() -> None:
    assert {cell["fault"] for cell in CELLS} == set(faults.names()) | set(fault_cells.ACTS)


def test_every_expectation_exists_but_for_known_gaps() -> None:
    codes = {entry.name for entry in w.CODES.values()}
    for cell in CELLS:
        kind, _, name = cell["expected"].partition(" ")
        known = {"fault": codes, "told": codes, "stop": set(w.StopValue.__members__)}
        if kind in known:
            assert name in known[kind] or "known_gap" in cell, cell
        else:
            assert cell["expected"] in ("runs", "refused", "silence"), cell
        assert cell["wall_c"] <= 140


def test_names_are_unique() -> None:
    names = [fault_cells.name_of(cell) for cell in CELLS]
    assert len(set(names)) == len(names)


def test_a_gap_that_closes_is_noticed() -> None:
    cell = next(cell for cell in CELLS if cell["fault"] == "wall_open" and cell["state"] == "STEAM")
    seen = fault_cells.play(cell, 1, "cpython")
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
        "events": [("FAULT", 101), ("STOPPED", 5)],
    }
    assert any(word in miss for miss in fault_cells.misses(cell, seen))


def test_bad_cells_are_refused(tmp_path: Path) -> None:
    good = fault_cells.CELLS.read_text(encoding="utf-8")
    for old, new in (('"IDLE+1"', '"NAP+1"'), ('mode = "brief"', 'mode = "odd"'), ("seen_ms", "seen_s")):
        bad = tmp_path / "cells.toml"
        bad.write_text(good.replace(old, new), encoding="utf-8")
        with pytest.raises(ValueError, match="no such"):
            fault_cells.load(bad)
