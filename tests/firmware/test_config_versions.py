# SPDX-License-Identifier: Apache-2.0
"""Settings that another version of the firmware has stored: known ones are kept, bad ones replaced one by one."""

from collections.abc import Callable
from pathlib import Path

import config_checks

HW = Path(__file__).parents[2] / "hw"
EXPECTED = {
    "none": "(1, 1, 16, 0) 0 0",
    "own": "(0, 1, 9, 3000) 1 0",
    "own, newer copy": "(1, 0, 4, 0) 1 0",
    "own, one field out of range": "(0, 1, 16, 3000) 1 0",
    "own, all out of range": "(1, 1, 16, 0) 1 0",
    "newer": "(0, 0, 5, 4000) 2 2",
    "newer, two copies": "(1, 0, 6, 0) 2 1",
    "two newer": "(1, 0, 7, 0) 12 40",
    "newer, out of range here": "(0, 1, 16, 0) 3 9",
    "own and newer": "(0, 1, 9, 3000) 1 0",
    "newer that is shorter": "(1, 1, 16, 0) 0 0",
}


def test_what_is_in_use_and_what_is_told_of_it() -> None:
    assert config_checks.results() == [f"{name}: {line}" for name, line in EXPECTED.items()]


def test_damage_of_a_newer_set_is_noticed() -> None:
    assert config_checks.damaged() > 40


def test_an_older_set_is_brought_up_and_its_version_known() -> None:
    assert config_checks.older() == ["0 None", "1 (3, 4, 5, 6)", "2 (3, 4, 8, 9)", "3 (3, 4, 8, 1)"]


def test_micropython_finds_the_same(run_micropython: Callable[..., str]) -> None:
    found = run_micropython(Path(config_checks.__file__), path=(HW,)).splitlines()
    assert found == config_checks.main()
