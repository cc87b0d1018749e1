# SPDX-License-Identifier: Apache-2.0
"""Holds every answer that a command gives in the tests to its published JSON Schema.

With PODSTEAM_RECORD_JSON the answers are written there instead, for `tools/json_schemas.py`.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import click
from jsonschema import Draft202012Validator

from podsteam import schemas
from podsteam.cli import output
from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Settings

_COMMAND = "podsteam.command"


def _named(command: click.Command, context: click.Context) -> Any:
    if not isinstance(command, click.Group):
        context.find_root().meta[_COMMAND] = context.command_path.removeprefix("podsteam ")
    return _invoke(command, context)


def _answer(answer: Answer, settings: Settings) -> None:
    _look("document", answer.data)
    _show_answer(answer, settings)


def _one_line(item: Data) -> str:
    _look("line", item)
    return _line(item)


def _look(kind: str, data: Data) -> None:
    context = click.get_current_context(silent=True)
    command = context.find_root().meta.get(_COMMAND) if context else None
    if command is None:
        return
    # As a program gets it.
    answer = json.loads(json.dumps({"v": output.VERSION, **data}))
    if folder := os.environ.get("PODSTEAM_RECORD_JSON"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        with (Path(folder) / f"{command.replace(' ', '_')}.{kind}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(answer) + "\n")
    elif (validator := _validator(command, kind)) is not None:
        errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer)]
        assert errors == [], f"podsteam {command}, {kind}"


@cache
def _validator(command: str, kind: str) -> Draft202012Validator | None:
    assert command in schemas.names(), f"podsteam {command} has no schema: tools/json_schemas.py makes it"
    found = schemas.get(command)["$defs"].get(kind)
    # One answer as one line is the document again.
    return Draft202012Validator(found) if found is not None else None


_invoke = click.Command.invoke
_show_answer = output._show_answer
_line = output._line


def watch() -> None:
    """From now on every answer is looked at."""
    click.Command.invoke = _named  # type: ignore[method-assign]
    output._show_answer = _answer
    output._line = _one_line
