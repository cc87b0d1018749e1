# SPDX-License-Identifier: Apache-2.0
"""The published figures of one run, kept in a JSON file beside those of earlier runs."""

import json
from pathlib import Path
from typing import Any

KEYS = ("name", "value", "unit", "bar", "holds", "context")


class Figures:
    """The published figures of one run; each replaces that of the same name from an earlier run."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._rows: dict[str, dict[str, Any]] = {}

    def record(self, name: str, value: float, unit: str, bar: str, holds: bool, context: str) -> None:
        """Record one figure. `name` is `group/figure`, `bar` what judges it, `context` how it was got."""
        self._rows[name] = {
            "name": name,
            "value": value,
            "unit": unit,
            "bar": bar,
            "holds": bool(holds),
            "context": context,
        }

    def write(self) -> None:
        """Merge with the file's rows and write it, sorted by name."""
        if not self._rows:
            return
        rows: dict[str, dict[str, Any]] = {}
        if self._target.exists():
            rows = {row["name"]: row for row in json.loads(self._target.read_text(encoding="utf-8"))}
        rows |= self._rows
        self._target.parent.mkdir(exist_ok=True)
        text = json.dumps([rows[name] for name in sorted(rows)], indent=1)
        self._target.write_text(text + "\n", encoding="utf-8")
