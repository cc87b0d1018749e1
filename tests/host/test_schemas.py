# SPDX-License-Identifier: Apache-2.0
"""Each command's answer has a published JSON Schema, and `answers.py` holds all tests here to it."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from calls import call, one_sentence
from commands import served
from jsonschema import Draft202012Validator

from podsteam import schemas
from podsteam.cli.main import root
from podsteam_twin import control

Capture = pytest.CaptureFixture[str]

STREAMS = {
    "sim serve": "one line that names the sockets, then it serves",
}
"""Commands without an answer of their own."""
ELSEWHERE = {"line run", "flash recover", "update", "rollback", "calibrate dose"}
"""Commands that are only called in other processes, or with other people's tools: no schema of theirs yet."""


def commands(group: click.Group, context: click.Context, above: str = "") -> list[str]:
    found: list[str] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            found += commands(command, context, f"{above}{name} ")
        else:
            found.append(above + name)
    return found


def test_each_command_has_one() -> None:
    with root.make_context("podsteam", [], resilient_parsing=True) as context:
        every = set(commands(root, context))
    assert every - set(schemas.names()) - set(STREAMS) - ELSEWHERE == set()
    assert set(schemas.names()) <= every
    for name in schemas.names():
        Draft202012Validator.check_schema(schemas.get(name))


def test_a_schema_is_printed(capsys: Capture) -> None:
    assert "records list" in call(capsys, "schema").out.splitlines()
    printed: dict[str, Any] = json.loads(call(capsys, "schema", "records", "list").out)
    assert {"v", "records"} <= set(printed["$defs"]["document"]["required"])
    refused = call(capsys, "schema", "nosuch")
    assert refused.status == 2 and "There is no schema of 'nosuch'" in one_sentence(refused)


def test_the_watch_bites(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = schemas.get("board list")
    schema["$defs"]["document"]["required"].append("nosuch")
    import answers

    monkeypatch.setattr(answers, "_validator", lambda *_: Draft202012Validator(schema["$defs"]["document"]))
    called = call(capsys, "board", "list", "--json")
    assert called.status != 0


def test_commands_that_no_other_test_calls_here(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that their answers are looked at too."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    here = str(tmp_path)
    sim = ("--port", "sim:schemas", "--store", f"{here}/r.db")
    (tmp_path / "p.toml").write_text(_PROGRAM)
    (tmp_path / "rinse.toml").write_text('name = "rinse"\ndose_ul = 100\ndoses = 10\ncleaning = true\n')
    first = [
        (*sim, "session", "run", "express", "--press"),
        (*sim, "records", "pull"),
        (*sim, "records", "show", "last"),
        (*sim, "records", "plot", "last", "--output", here),
        ("board", "list"),
        ("board", "show", "reference"),
        ("board", "show", "bare"),
        ("devices",),
        ("program", "show", "gentle"),
        ("program", "validate", f"{here}/p.toml"),
        ("program", "new", "evening"),
        (*sim, "program", "push", f"{here}/p.toml"),
        (*sim, "program", "pull", "mine", "--output", f"{here}/pulled.toml"),
        (*sim, "program", "default", "mine"),
        (*sim, "session", "stop"),
        (*sim, "podlet", "trust"),
        (*sim, "calibrate", "sensors", "--at-rest", "20", "--altitude-m", "0", "--press"),
        (*sim, "podlet", "write", f"{here}/rinse.toml"),
        (*sim, "session", "clean", "--press"),
    ]
    for arguments in first:
        called = call(capsys, *arguments, "--json")
        assert called.status == 0, (arguments, called.err)
    assert call(capsys, "--port", "sim", "watch", "--jsonl", "--count", "20").status == 0


def test_pause_and_resume_of_a_session_that_the_button_started(capsys: Capture, tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--seed", "5") as board:
        for do in ({"do": "advance", "ms": 3000}, {"do": "press"}, {"do": "advance", "ms": 3000}):
            control.call(board["control"], do)
        for name in ("pause", "resume"):
            called = call(capsys, "--port", board["link"], "session", name, "--json")
            assert called.status == 0, called.err


_PROGRAM = """
[program]
name = "mine"
[warm_up]
max_s = 300
[[steam]]
rate_g_per_min = 4.0
minutes = 1
[end]
cool_to_c = 60
"""
