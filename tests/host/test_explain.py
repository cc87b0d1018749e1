# SPDX-License-Identifier: Apache-2.0
"""Every fault is told in one line, wherever it is shown: what happened, what the device did, what to do."""

import json
import re

import pytest
import synthetic
from calls import call
from rich.console import Console

from podsteam import words
from podsteam.cli.views import code_data, light_data, status_lines
from podsteam.errors import SafetyLatched
from podsteam.live import Live
from podsteam.screen import Screen
from podsteam.wire.messages import CODES, SIGNS, Event, EventValue, StateValue, StatusGetReply
from podsteam_protocol import schema

Capture = pytest.CaptureFixture[str]
FAULTS = [code for code, known in CODES.items() if known.cause]
LINE = re.compile(r"\d+ [A-Z_]+: .+\. .+\. .+\.")


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_one_line_with_three_sentences(code: int) -> None:
    line = words.explained(code)
    assert LINE.fullmatch(line) and "\n" not in line
    known = CODES[code]
    assert line == f"{code} {known.name}: {known.happened} {known.did} {known.todo}"
    for text in (known.happened, known.did, known.todo):
        assert text[0].isupper() or text.startswith("`")
        assert len(text) > len("Nothing.")


def test_an_unknown_code_is_told_as_such() -> None:
    assert "9999" in words.explained(9999) and words.to_clear(9999) == ""


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_says_what_can_be_behind_it_and_how_it_goes(code: int) -> None:
    known = CODES[code]
    assert known.cause.endswith(".") and known.light in {sign.name for sign in SIGNS.values()}
    way = words.to_clear(code)
    assert ("button" in way and "50" in way) == known.latches
    # What latches says so in what the device did, or did so much that it goes without saying.
    if known.latches:
        assert "latched" in known.did or "relay open" in known.did or "restarted" in known.did
    else:
        assert "latched" not in known.did
    data = code_data(code)
    assert data is not None
    assert (data["cause"], data["latches"], data["to_clear"]) == (known.cause, known.latches, way)
    assert bool(data["light"]) == known.latches


def test_errors_are_no_faults() -> None:
    assert {CODES[code].name for code in FAULTS} == {row[0] for row in schema.FAULTS}
    assert words.to_clear(401) == ""
    data = code_data(401)
    assert data is not None and data["cause"] == data["light"] == data["to_clear"] == ""


@pytest.mark.parametrize("asked", ["111", "DRY_BOIL", "dry-boil", "dry_boil"])
def test_explain_one(capsys: Capture, asked: str) -> None:
    got = call(capsys, "explain", asked)
    assert got.status == 0
    first, *rest = got.out.splitlines()
    assert first.split("  ") == ["111 DRY_BOIL", words.explained(111).partition(": ")[2]]
    assert CODES[111].cause in rest[0] and "held for 3 s" in rest[1] and "one long, two short flashes" in rest[2]
    assert json.loads(call(capsys, "explain", asked, "--json").out)["device_did"] == CODES[111].did


def test_explain_lists_every_code_on_a_line_of_its_own(capsys: Capture) -> None:
    lines = call(capsys, "explain").out.splitlines()
    assert len(lines) == len(CODES) + 1
    for line, (code, known) in zip(lines[1:], CODES.items(), strict=True):
        assert line.split()[:2] == [str(code), known.name]
        assert line.endswith(f"{known.happened} {known.did} {known.todo}")


def test_status_shows_the_line(capsys: Capture) -> None:
    lines = status_lines(StatusGetReply(state=StateValue.FAULT, fault=114))
    assert any(line.startswith("fault") and words.explained(114) in line for line in lines)
    assert any(line.startswith("to clear it") for line in lines)
    assert not any(line.startswith("fault") for line in status_lines(StatusGetReply()))


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_event_is_told_with_the_line(code: int) -> None:
    text = words.describe(Event(event=EventValue.FAULT, a=code, b=7))
    assert words.explained(code) in text and "7" in text and "\n" not in text


def test_a_session_off_a_terminal_shows_the_line(capsys: Capture) -> None:
    console = Console(width=500, color_system=None)
    with Live(console, synthetic.PROGRAM, plain=True) as live:
        for message in synthetic.script(fault=True).messages:
            if isinstance(message, Event):
                live.event(message)
    assert words.explained(111) in capsys.readouterr().out


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("columns", [60, 80])
def test_the_live_view_shows_the_whole_line(capsys: Capture, code: int, columns: int) -> None:
    from podsteam.progress import Progress

    progress = Progress(synthetic.PROGRAM)
    progress.update(None, StatusGetReply(state=StateValue.FAULT, fault=code))
    Console(width=columns, height=24, color_system=None).print(Screen(False).render(progress, "", columns, 24))
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 24
    text = " ".join(" ".join(line.strip("│ ") for line in shown.splitlines()).split())
    assert words.explained(code) in text


def test_the_error_at_the_end_of_a_session_says_it_all() -> None:
    from podsteam.session import Outcome

    values = dict.fromkeys(Outcome.__dataclass_fields__, 0)
    problem = Outcome(**{**values, "started": True, "stop_reason": 5, "fault": 111}).problem()
    assert isinstance(problem, SafetyLatched)
    for text in (CODES[111].did, CODES[111].todo):
        assert text[1:].rstrip(".") in str(problem)


def test_a_light_as_data() -> None:
    for word, sign in SIGNS.items():
        data = light_data(word)
        assert data is not None and data["words"] == sign.words and data["means"] == sign.means
    assert light_data(0) is None


@pytest.mark.parametrize(("sign", "shown"), [(0, "dark"), *((word, known.words) for word, known in SIGNS.items())])
def test_sim_list_says_what_the_light_shows(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, sign: int, shown: str
) -> None:
    from podsteam.transport import sim

    answer = {"faults": {}, "podlets": [], "sign": sign}
    monkeypatch.setattr(sim, "running", lambda: [{"control": "127.0.0.1:1"}])
    monkeypatch.setattr(sim, "command", lambda *_: dict(answer))
    (line,) = [line for line in call(capsys, "sim", "list").out.splitlines() if line.startswith("light")]
    assert line.split("  ", 1)[1].strip().startswith(shown)
    (board,) = json.loads(call(capsys, "sim", "list", "--json").out)["boards"]
    assert "sign" not in board and (board["light"] is None) == (sign == 0)
