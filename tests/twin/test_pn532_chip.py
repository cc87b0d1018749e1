# SPDX-License-Identifier: Apache-2.0
"""The simulated PN532 answers as recorded chips do, on both interpreters."""

from collections.abc import Callable
from pathlib import Path

import pn532_checks
import pytest

HW = Path(__file__).parents[2] / "hw"
CHECKS = dict(pn532_checks.all_checks())


@pytest.mark.parametrize("name", CHECKS)
def test_here(name: str) -> None:
    CHECKS[name]()


def test_on_micropython(run_micropython: Callable[..., str]) -> None:
    told = run_micropython(Path(pn532_checks.__file__), path=(HW,)).split()
    assert len(told) >= 30
    assert told == list(CHECKS)
