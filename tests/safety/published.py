# SPDX-License-Identifier: Apache-2.0
"""What the sections of the safety figures share: how a row is made, and how work is handed out."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import results

JUDGES = (
    "firmware/podsteam_firmware",
    "hw/podsteam_twin",
    "tests/faults/unit.py",
    "tests/faults/fault_cells.py",
    "tests/safety/left_out.py",
)
"""What every section's figures judge, beside the section itself and its parts: files whose names begin with its own."""
INTERPRETERS = ("cpython", "micropython")
Rows = list[dict[str, Any]]
Mapped = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""`map`, or that of a pool of processes; in whatever order."""


def row(section: str, name: str, value: float | str, unit: str, bar: str, holds: bool, context: str) -> dict[str, Any]:
    """A figure of this run; `section`: the name of the module that measured it."""
    own = [f"tests/safety/{path.name}" for path in Path(__file__).parent.glob(f"{section}*.py")]
    return results.row(name, value, unit, bar, holds, context, (*JUDGES, *own))


def shown(value: float | None) -> str:
    """For people."""
    return "never" if value is None else f"{value:g}"
