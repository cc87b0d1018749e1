# SPDX-License-Identifier: Apache-2.0
"""Make the commands' JSON Schemas from what they print in the tests.

    PODSTEAM_RECORD_JSON=build/json python -m pytest tests/host tests/flash tests/line
    python tools/json_schemas.py build/json

What is seen in every answer is required. A value that was only ever null may be anything, a whole number any number,
and a table whose keys are somebody's own has none named. Commands that were not called keep their schema.
"""

import json
import sys
from pathlib import Path
from typing import Any

from genson import SchemaBuilder  # pyright: ignore[reportMissingTypeStubs]

FOLDER = Path(__file__).resolve().parents[1] / "host" / "podsteam" / "schemas"
OPEN = {"settings", "tags", "fields", "label", "schema", "groups", "calibration", "device", "podlet", "batch"}
"""Tables whose keys are not the command's own."""


def loosened(schema: dict[str, Any], name: str = "") -> dict[str, Any]:
    """A schema without what its few examples only happen to share."""
    if schema.get("type") == "null":
        return {}
    if name in OPEN and schema.get("type") == "object":
        return {"type": "object"}
    if schema.get("type") == "integer":
        return {"const": 1} if name == "v" else {"type": "number"}
    if isinstance(schema.get("type"), list):
        kinds = ["number" if kind == "integer" else kind for kind in schema["type"]]
        return {**schema, "type": list(dict.fromkeys(kinds))}
    loose = dict(schema)
    if "anyOf" in loose:
        loose["anyOf"] = [loosened(each) for each in loose["anyOf"]]
    if "items" in loose:
        loose["items"] = loosened(loose["items"])
    if "properties" in loose:
        loose["properties"] = {key: loosened(value, key) for key, value in loose["properties"].items()}
    return loose


def schema_of(folder: Path, command: str) -> dict[str, Any]:
    """The schema of one command, from its recorded answers."""
    definitions: dict[str, Any] = {}
    for kind in ("document", "line"):
        file = folder / f"{command}.{kind}.jsonl"
        if file.exists():
            builder: Any = SchemaBuilder(schema_uri=None)  # pyright: ignore[reportArgumentType]  # it takes None
            for line in file.read_text(encoding="utf-8").splitlines():
                builder.add_object(json.loads(line))
            definitions[kind] = loosened(builder.to_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"podsteam {command.replace('_', ' ')}",
        "anyOf": [{"$ref": f"#/$defs/{kind}"} for kind in definitions],
        "$defs": definitions,
    }


def main() -> int:
    """Write the schemas of every command that was recorded; returns the exit status."""
    folder = Path(sys.argv[1])
    commands = sorted({path.name.split(".")[0] for path in folder.glob("*.jsonl")})
    for command in commands:
        text = json.dumps(schema_of(folder, command), indent=1)
        (FOLDER / f"{command}.json").write_text(text + "\n", encoding="utf-8")
    print(f"schemas: {len(commands)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
