# SPDX-License-Identifier: Apache-2.0
"""The published figures: how a run collects them, and how the README's table is written from them.

    python tools/figures_table.py

`make figures` measures into `build/figures.json` and then calls this, which merges the committed results of the long
targets (`results`) and writes the table between the README's two markers. Rows are sorted by name; a bar that is
missed shows.
"""

import json
import sys
from pathlib import Path
from typing import Any

import results
from podsteam.testing.figures import KEYS

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- figures: begin -->"
END = "<!-- figures: end -->"


def shown(value: float | str) -> str:
    """A figure as people read it: whole numbers whole, others with four significant digits."""
    if isinstance(value, str):
        return value
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.4g}"


def table(rows: list[dict[str, Any]]) -> str:
    """The Markdown table. Raises KeyError when a row lacks one of `KEYS`."""
    lines = ["| figure | value | bar | holds | how |", "| --- | ---: | --- | --- | --- |"]
    for row in sorted(rows, key=lambda each: each["name"]):
        name, value, unit, bar, holds, context = (row[key] for key in KEYS)
        cells = (f"`{name}`", f"{shown(value)} {unit}".strip(), bar, "yes" if holds else "**no**", context)
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def replaced(page: str, rows: list[dict[str, Any]]) -> str:
    """The page with the table between its markers. Raises ValueError when a marker is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n{table(rows)}\n{END}{after}"


def main() -> int:
    """Renew the README; returns the exit status."""
    source = ROOT / "build" / "figures.json"
    if not source.exists():
        print("build/figures.json is missing: no figure was measured", file=sys.stderr)
        return 1
    measured = json.loads(source.read_text(encoding="utf-8"))
    rows = list({row["name"]: row for row in (*results.committed(), *measured)}.values())
    readme = ROOT / "README.md"
    readme.write_text(replaced(readme.read_text(encoding="utf-8"), rows), encoding="utf-8")
    missed = [row["name"] for row in rows if not row["holds"]]
    print(f"figures: {len(rows)} in the README, {len(missed)} below their bar {' '.join(missed)}".rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
