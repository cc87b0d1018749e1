# SPDX-License-Identifier: Apache-2.0
"""What the sections of the safety figures share: how a row is made, and how work is handed out."""

from collections.abc import Callable, Iterable
from typing import Any

import results

JUDGES = ("firmware/podsteam_firmware", "hw/podsteam_twin", "tests/safety", "tests/faults/unit.py")
INTERPRETERS = ("cpython", "micropython")
Rows = list[dict[str, Any]]
Mapped = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""`map`, or that of a pool of processes; in whatever order."""


def row(name: str, value: float | str, unit: str, bar: str, holds: bool, context: str) -> dict[str, Any]:
    """A figure of this run."""
    return results.row(name, value, unit, bar, holds, context, JUDGES)


def shown(value: float | None) -> str:
    """For people."""
    return "never" if value is None else f"{value:g}"
