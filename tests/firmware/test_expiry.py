# SPDX-License-Identifier: Apache-2.0
"""Expiry is judged by the newest day that any clock ever told, on both interpreters."""

from collections.abc import Callable
from pathlib import Path

import expiry_checks

HW = Path(__file__).parents[2] / "hw"


def test_the_newest_day_counts_over_restarts_cuts_and_clocks_that_go_back() -> None:
    assert expiry_checks.main() == ["edges 15", "lives 240", "kept 40"]


def test_the_same_on_the_real_micropython(run_micropython: Callable[..., str]) -> None:
    out = run_micropython(Path(expiry_checks.__file__), path=(HW,), heap="8m", timeout=300)
    assert out.splitlines() == ["edges 15", "lives 240", "kept 40"]
