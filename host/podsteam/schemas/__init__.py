# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of what the commands print, a file for each command beside this one: `records_list.json`.

Each has two definitions: `document`, what `--json` prints, and `line`, one line of `--jsonl` where a command prints
several. New keys may come; those that are required stay, and keep their type, as long as `v` is 1.
`tools/json_schemas.py` makes the files from what the commands print in the tests, and the tests hold them to it.
"""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The commands that have a schema, as they are typed: "records list"."""
    return sorted(path.stem.replace("_", " ") for path in _FOLDER.glob("*.json"))


def get(name: str) -> dict[str, Any]:
    """The schema of a command; `name` is one of `names()`."""
    schema: dict[str, Any] = json.loads((_FOLDER / f"{name.replace(' ', '_')}.json").read_text(encoding="utf-8"))
    return schema
