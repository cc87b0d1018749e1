# SPDX-License-Identifier: Apache-2.0
"""What is printed where: data on stdout as text, JSON or JSON lines; colours and widths as the reader's end wants."""

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from calls import Called, call, command, environment, run

from podsteam import programs
from podsteam.cli.answer import Answer, Stream
from podsteam.cli.base import Group, LazyGroup, Settings
from podsteam.cli.main import root
from podsteam.cli.output import fields, show, table

Capture = pytest.CaptureFixture[str]
posix = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3\d|4\d|9\d|10\d)(?:;\d+)*m")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def document(called: Called) -> dict[str, Any]:
    assert called.status == 0, called.err
    made: dict[str, Any] = json.loads(called.out)
    assert made["v"] == 1
    return made


def test_json_is_one_document(capsys: Capture) -> None:
    made = document(call(capsys, "explain", "DRY_BOIL", "--json"))
    assert made["code"] == 111 and made["name"] == "DRY_BOIL"
    made = document(call(capsys, "program", "dry-run", "gentle", "--json"))
    assert made["steam_s"] == 180 and len(made["timeline"]) == 7


def test_jsonl_is_a_line_for_each_item(capsys: Capture) -> None:
    got = call(capsys, "program", "list", "--jsonl")
    lines = [json.loads(line) for line in got.out.splitlines()]
    assert [line["name"] for line in lines] == ["clean", "express", "gentle", "rinse"]
    assert all(line["v"] == 1 for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json", "program", "list"),
        ("program", "--json", "list"),
        ("program", "list", "--json"),
        ("program", "list", "--json", "--no-color", "-v"),
    ],
)
def test_global_options_stand_anywhere(capsys: Capture, arguments: tuple[str, ...]) -> None:
    assert len(document(call(capsys, *arguments))["programs"]) == len(programs.names())


def test_the_later_global_option_counts(capsys: Capture, tmp_path: Path) -> None:
    got = call(capsys, "--store", str(tmp_path / "a.db"), "records", "list", "--store", str(tmp_path / "b.db"))
    assert got.status == 40 and "b.db" in got.err and "a.db" not in got.err


def every_command(group: click.Group = root, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        child = group.get_command(ctx, name)
        assert child is not None
        found += every_command(child, (*path, name)) if isinstance(child, click.Group) else [(*path, name)]
    return found


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_has_help_within_80_columns(capsys: Capture, path: tuple[str, ...]) -> None:
    got = call(capsys, *path, "--help")
    assert got.status == 0 and got.err == ""
    assert max(map(len, got.out.splitlines())) <= 80
    if path:
        assert "Also: --port, --json" in got.out
    else:
        assert "--port PORT" in got.out


def test_the_table_s_short_helps_are_the_commands_own(capsys: Capture) -> None:
    """The list of commands is made without importing them; this keeps it true."""
    ctx = click.Context(root)
    assert isinstance(root, LazyGroup)
    for name in root.list_commands(ctx):
        made = root.get_command(ctx, name)
        assert made is not None and made.name == name
        assert isinstance(made, Group) or made.params


def test_what_goes_wrong_after_the_data(capsys: Capture) -> None:
    from podsteam.errors import EndedEarly

    answer = Answer({"a": 1}, lambda data: [f"a is {data['a']}"], problem=EndedEarly("It ended early."))
    with pytest.raises(EndedEarly):
        show(answer, Settings())
    assert capsys.readouterr().out == "a is 1\n"


def test_a_stream_is_no_document(capsys: Capture) -> None:
    from podsteam.errors import UsageProblem

    settings = Settings()
    settings.json = True
    with pytest.raises(UsageProblem, match="--jsonl"):
        show(Stream(iter([{"a": 1}]), str), settings)
    settings.json, settings.jsonl = False, True
    show(Stream(iter([{"a": 1}, {"a": 2}]), str), settings)
    assert capsys.readouterr().out == '{"v":1,"a":1}\n{"v":1,"a":2}\n'


def test_tables_and_fields_wrap_their_last_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    words = "one two three four five six seven eight nine ten eleven twelve"
    lines = table(["a", "text"], [["1", words], ["22", "short"]])
    assert max(map(len, lines)) <= 40
    assert lines[0] == "a   text" and lines[1].startswith("1   one two") and lines[2].startswith("    ")
    assert lines[-1] == "22  short"
    assert max(map(len, fields([("name", words)]))) <= 40
    monkeypatch.delenv("COLUMNS")
    assert table(["a", "text"], [["1", words]])[1] == f"1  {words}"


def test_a_pipe_gets_plain_whole_lines(tmp_path: Path) -> None:
    got = run(tmp_path, "explain")
    assert got.status == 0 and got.err == ""
    assert "\x1b" not in got.out
    assert any(len(line) > 80 for line in got.out.splitlines())


def test_a_terminal_without_unicode(tmp_path: Path) -> None:
    got = run(tmp_path, "--port", "sim", "status", PYTHONIOENCODING="ascii")
    assert got.status == 0
    assert got.out.isascii() and "wall" in got.out


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("explain"), env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    _, err = b"", process.stderr.read()
    process.stderr.close()
    assert process.wait(20) == 0
    assert err == b""


A_SESSION = ("--port", "sim", "session", "run", "gentle", "--press")


def on_a_terminal(home: Path, *arguments: str, columns: int = 80, until: str = "", status: int = 0, **more: str) -> str:
    """Everything that a command shows on a terminal of that width. As by Ctrl-C it ends once `until` is there."""
    import fcntl
    import pty
    import signal
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = environment(home, **{"TERM": "xterm-256color", **more})
    process = subprocess.Popen(command(*arguments), stdin=child, stdout=child, stderr=child, env=env)
    os.close(child)
    shown = b""
    while True:
        try:
            data = os.read(parent, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
        if until and until.encode() in shown:
            process.send_signal(signal.SIGINT)
            until = ""
    os.close(parent)
    # Ctrl-C may fall between the bytes of one character.
    text = shown.decode(errors="replace")
    assert process.wait(20) == status, text
    return text


def lines_of(shown: str) -> list[str]:
    return ESCAPE.sub("", shown).replace("\r", "\n").split("\n")


@posix
def test_a_terminal_of_80_columns(tmp_path: Path) -> None:
    shown = on_a_terminal(tmp_path, "explain")
    assert max(map(len, lines_of(shown))) <= 80
    assert max(map(len, lines_of(on_a_terminal(tmp_path, "explain", columns=60)))) <= 60


@posix
@pytest.mark.parametrize(("arguments", "more"), [((), {"NO_COLOR": "1"}), (("--no-color",), {})], ids=["env", "option"])
def test_the_live_view_without_colour_within_80_columns(
    tmp_path: Path, arguments: tuple[str, ...], more: dict[str, str]
) -> None:
    shown = on_a_terminal(tmp_path, *arguments, *A_SESSION, until="Wall", status=130, **more)
    assert not COLOUR.search(shown)
    assert max(len(line) for line in lines_of(shown) if not line.startswith("Record ")) <= 80
    assert "wall" in shown.lower()


@posix
def test_the_live_view_has_colour_where_it_is_wanted(tmp_path: Path) -> None:
    assert COLOUR.search(on_a_terminal(tmp_path, *A_SESSION, until="Wall", status=130))


@posix
@pytest.mark.parametrize(
    ("options", "more", "lacking"),
    [
        (("--plain",), {}, ""),
        (("--count", "1000"), {}, ""),
        ((), {"TERM": "dumb"}, "a terminal for keys and pictures."),
        ((), {"PYTHONIOENCODING": "latin-1"}, "a UTF-8 terminal."),
        ((), {"PYTHONPATH": "{without}"}, "pip install 'podsteam[watch]'."),
    ],
    ids=["plain", "count", "dumb", "latin-1", "without textual"],
)
def test_watch_on_a_terminal_gives_lines_where_the_view_cannot_be_had_or_is_not_wanted(
    tmp_path: Path, options: tuple[str, ...], more: dict[str, str], lacking: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['textual'] = None\n", encoding="utf-8")
    path = f"{tmp_path}{os.pathsep}{environment(tmp_path)['PYTHONPATH']}"
    given = {name: value.format(without=path) for name, value in more.items()}
    shown = lines_of(on_a_terminal(tmp_path, "--port", "sim", "watch", *options, until="wall", **given))
    assert any("wall" in line for line in shown)
    told = [line for line in shown if "full-screen" in line]
    assert told == ([f"Lines instead of the full-screen view, which needs {lacking}"] if lacking else [])


def test_watch_off_a_terminal_is_plain_lines(tmp_path: Path) -> None:
    got = run(tmp_path, "--port", "sim", "watch", "--count", "4")
    assert got.status == 0 and "\x1b" not in got.out
    lines = [line for line in got.out.splitlines() if "wall" in line]
    assert len(lines) == 4 and max(map(len, lines)) <= 80
    got = run(tmp_path, "--port", "sim", "watch", "--count", "2", "--jsonl")
    assert [json.loads(line)["type"] for line in got.out.splitlines()] == ["measurement"] * 2
    got = run(tmp_path, "--port", "sim", "watch", "--json")
    assert got.status == 2 and got.out == ""


@posix
def test_leaving_watch_changes_nothing_and_is_no_error(tmp_path: Path) -> None:
    """Also for a board that keeps its state: it must be asked for it in one piece."""
    import signal

    process = subprocess.Popen(
        command("--port", "sim:leaving", "watch"),
        env=environment(tmp_path, XDG_STATE_HOME=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert err.decode().splitlines()[-1] == "Detached; the device goes on as it was."
    assert (tmp_path / "podsteam" / "twins" / "leaving" / "state.json").exists()


def test_status_and_info_as_json(tmp_path: Path) -> None:
    made = document(run(tmp_path, "--port", "sim", "info", "--json"))
    assert made["simulated"] is True
    assert made["interpreter"]["name"] in ("micropython", "cpython")
    assert re.fullmatch(r"\d+\.\d+\.\d+", made["interpreter"]["version"])
    assert re.fullmatch(r"[0-9a-f]{8}", made["boot_id"]) and re.fullmatch(r"[0-9a-f]{16}", made["firmware_hash"])
    assert made["heap_free_bytes"] > 0 and made["reset_cause"] == "POWER_ON" and made["firmware"]
    made = document(run(tmp_path, "--port", "sim", "status", "--json"))
    assert made["state"] == "IDLE" and made["relay_closed"] is False and made["fault"] is None
    assert 15 < made["wall_degC"] < 25


def test_python_is_new_enough() -> None:
    assert sys.version_info >= (3, 11)
