# SPDX-License-Identifier: Apache-2.0
"""Each command's answer has a published JSON Schema, and `answers.py` holds all tests here to it."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import click
import pytest
from calls import call, one_sentence
from commands import served
from cryptography.hazmat.primitives.asymmetric import ec
from jsonschema import Draft202012Validator

from podsteam import schemas
from podsteam.cli import connect
from podsteam.cli.main import root
from podsteam.client import Device
from podsteam.flash import release
from podsteam_twin import control

Capture = pytest.CaptureFixture[str]


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
    assert every == set(schemas.names())
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
        (*sim, "calibrate", "dose", "--reset"),
    ]
    for arguments in first:
        called = call(capsys, *arguments, "--json")
        assert called.status == 0, (arguments, called.err)
    assert call(capsys, "--port", "sim", "watch", "--jsonl", "--count", "20").status == 0


@pytest.mark.slow
def test_the_valve_weighed(capsys: Capture) -> None:
    weights = [word for mg in ("37.3", "151", "37.8") for word in ("--mg", mg)]
    runs = ("calibrate", "dose", "--press", "--runs", "3", "--shots", "3")
    called = call(capsys, "--port", "sim", *runs, *weights, "--json")
    assert called.status == 0 and json.loads(called.out)["new"]["pulses"] == 9, called.err


def test_an_update_and_the_way_back(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    files = {"podsteam_firmware/core.mpy": b"core" * 40, "podsteam_protocol/frame.mpy": b"frame" * 60}
    (tmp_path / "a.update").write_bytes(release.sign(release.build(files, "0.2.0", "twin"), key).pack())
    told: dict[str, Any] = {"slots": ["files", "files"], "update_key": release.raw_key(key.public_key()).hex()}
    with Device.open("sim", interpreter="cpython", **told) as device, monkeypatch.context() as patched:
        # A unit that knows the maker's key, and lives on between the two commands.
        patched.setattr(connect, "open_device", lambda *_: contextlib.nullcontext(device))
        for arguments in (("update", str(tmp_path / "a.update"), "--yes"), ("rollback",)):
            called = call(capsys, *arguments, "--json")
            assert called.status == 0, called.err


def test_a_served_board_says_where_it_is(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its input has ended, so it serves nobody.
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    called = call(capsys, "sim", "serve", "--link", "tcp", "--while-stdin", "--jsonl")
    assert called.status == 0 and json.loads(called.out)["link"].startswith("socket://"), called.err


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
