# SPDX-License-Identifier: Apache-2.0
"""`schema`: the JSON Schemas of what the commands print."""

import json

import click

from podsteam.cli.answer import Answer
from podsteam.cli.base import Command


@click.command(cls=Command)
@click.argument("command", nargs=-1)
def schema(command: tuple[str, ...]) -> Answer:
    """Print the JSON Schema of what COMMAND prints with --json and --jsonl. Without one, list the commands."""
    from podsteam import schemas
    from podsteam.errors import UsageProblem
    from podsteam.text import safe

    known = schemas.names()
    if not command:
        return Answer({"commands": known}, lambda data: data["commands"])
    name = " ".join(command)
    if name not in known:
        raise UsageProblem(f"There is no schema of '{safe(name, 60)}'; `podsteam schema` lists the commands.")
    return Answer({"schema": schemas.get(name)}, lambda data: json.dumps(data["schema"], indent=2).splitlines())
