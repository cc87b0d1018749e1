# SPDX-License-Identifier: Apache-2.0
"""No power cut bricks a unit that is being updated, on either interpreter; writing over the running slot does.

A slice of what `python tests/powercut/update_run.py` does.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from update_run import control_row, cut, in_place


@pytest.mark.parametrize(("interpreter", "seed"), [("cpython", 2), ("cpython", 1), ("micropython", 3)])
def test_the_old_application_or_the_new_one_runs_after_any_cut(micropython: str, interpreter: str, seed: int) -> None:
    (outcome,) = cut(interpreter, micropython, seed, seed + 1, 8, 400)
    assert (outcome["lost"], outcome["unbootable"]) == (0, 0), outcome["examples"]
    assert outcome["cuts"] > 40


def test_writing_over_the_running_slot_bricks(
    micropython: str, record_figure: Callable[[str, float, str, str, bool, str], None]
) -> None:
    (outcome,) = in_place(micropython)
    row = control_row(outcome)
    record_figure(*(row[key] for key in ("name", "value", "unit", "bar", "holds", "context")))
    assert outcome["lost"] > outcome["cuts"] // 10
    assert any("safe mode" in example for example in outcome["examples"])


def test_the_packages_are_there() -> None:
    assert Path(__file__).with_name("packages.json").stat().st_size > 10_000
