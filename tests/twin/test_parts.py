# SPDX-License-Identifier: Apache-2.0
"""The physical parts give the same numbers to the last bit on CPython and on the real MicroPython."""

from collections.abc import Callable
from pathlib import Path

import parts_checks

HW = Path(__file__).parents[2] / "hw"


def test_the_same_to_the_last_bit(run_micropython: Callable[..., str]) -> None:
    there = run_micropython(Path(parts_checks.__file__), path=(HW,)).splitlines()
    here = parts_checks.report()
    assert len(here) > 1000
    assert there == here


def test_the_run_reaches_what_it_is_meant_to() -> None:
    """A comparison of two idle boilers would prove little."""
    lines = parts_checks.session({})
    assert len(set(lines)) == len(lines)
    assert parts_checks.session(parts_checks.MISMATCHED)[-1] != lines[-1]
