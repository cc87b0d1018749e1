# SPDX-License-Identifier: Apache-2.0
"""The simulated NTAG21x behaves as its data sheet says, on both interpreters."""

from collections.abc import Callable
from pathlib import Path

import ntag_checks
import pytest

HW = Path(__file__).parents[2] / "hw"
CHECKS = dict(ntag_checks.all_checks())


@pytest.mark.parametrize("name", CHECKS)
def test_here(name: str) -> None:
    CHECKS[name]()


def test_on_micropython(run_micropython: Callable[..., str]) -> None:
    told = run_micropython(Path(ntag_checks.__file__), path=(HW,)).split()
    assert len(told) >= 22
    assert told == list(CHECKS)
