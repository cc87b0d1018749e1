# SPDX-License-Identifier: Apache-2.0
"""The table of pause, resume, stop, crash and power loss as data, and its form in `docs/dosing.md`.

`python tests/dose/dose_table.py` renews the document.
"""

import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "dosing.md"
STATES = ("waiting", "writing", "ready", "pulsing")
BEGIN = "<!-- begin: tests/dose/table.toml -->\n"
END = "<!-- end -->\n"
WORDS = {
    "waits": "given later",
    "given": "given to its end",
    "left_out": "left out",
    "cut": "valve closed at once; **assumed**, counted whole",
    "assumed": "the hardware ends it; **assumed** at the next start, counted whole",
    "none": "not given",
    "counted": ", the tag has counted it",
    "maybe": ", the tag may have counted it",
}


def events() -> list[dict[str, Any]]:
    """The rows."""
    return tomllib.loads((HERE / "table.toml").read_text(encoding="utf-8"))["event"]


def rendered() -> str:
    """The rows as a Markdown table."""
    lines = [
        "| what happens | shot not yet due | tag takes the count | counted, valve still shut | valve open | schedule |"
    ]
    lines.append("| --- " * 6 + "|")
    for event in events():
        cells = ["".join(WORDS[word] for word in event[state].split()) for state in STATES]
        lines.append(f"| {event['name']} | {' | '.join(cells)} | {event['schedule']} |")
    return "\n".join(lines) + "\n"


def placed(document: str) -> str:
    """The document with the table as it is now."""
    before, rest = document.split(BEGIN)
    return before + BEGIN + rendered() + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    DOCUMENT.write_text(placed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
