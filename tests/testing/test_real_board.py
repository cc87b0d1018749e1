# SPDX-License-Identifier: Apache-2.0
"""What happens on a real board, on one that is pretended: the tests in `tests/board`, the result file, the person."""

import json
import os
from pathlib import Path

import pytest
from processes import pretended, run_pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a pretended board needs a pseudo-terminal")

BOARD = Path(__file__).parents[1] / "board"
SPEED = 20


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def results(folder: Path) -> tuple[dict, dict]:
    """The one result file, and its tests by their name."""
    (path,) = folder.glob("*.json")
    result = json.loads(path.read_text())
    assert path.stem == f"{result['date'][:10]}-{result['unit']}"
    return result, {test["test"].rpartition("::")[2]: test for test in result["tests"]}


@pytest.mark.slow
def test_what_needs_a_board_runs_on_one(tmp_path):
    with pretended(SPEED) as port:
        out = run_pytest(BOARD, f"--podsteam={port}", "--podsteam-allow-heat", f"--podsteam-results={tmp_path}")
    result, tests = results(tmp_path)
    assert "results of " in out and "SIMULATED" not in out
    assert len(result["unit"]) == 12 and len(result["firmware_hash"]) == 16 and result["v"] == 1
    assert port not in json.dumps(result)
    assert len(tests) >= 12
    missed = {name: test["reason"] for name, test in tests.items() if test["outcome"] != "passed"}
    assert missed == {
        "test_a_soft_reset_leaves_the_heater_off": "the port has no lines that could reset a board.",
        # The pretended board is faster than the wall's clock.
        "test_the_rate_is_raised_and_silence_lowers_it": "this port's line has no rate that could be raised",
    }
    assert 300 < tests["test_bursts_reach_the_element"]["measured"]["power_w"] < 500


SOURCE = """
import pytest

@pytest.mark.heats
def test_heat(board): assert 0

@pytest.mark.sim_only
def test_sim(board): assert 0

def test_hand(board): board.press(); assert 0

def test_break(board): board.break_("wall_open"); assert 0

def test_power(board): board.cut_power(); assert 0

def test_status(board): assert not board.simulated and "hands" not in board.capabilities
"""


def test_what_a_board_cannot_do_alone_is_skipped_with_the_reason(tmp_path):
    (tmp_path / "test_it.py").write_text(SOURCE)
    with pretended(SPEED, "alone") as port:
        out = run_pytest(tmp_path, f"--podsteam={port}", "--podsteam-results=results")
    assert "1 passed, 5 skipped" in out
    _, tests = results(tmp_path / "results")
    assert {name: test["reason"] for name, test in tests.items() if test["reason"]} == {
        "test_heat": "heats: give --podsteam-allow-heat, and stay beside the board",
        "test_sim": "needs a simulated board, and the port is a real one",
        "test_hand": "needs a hand (press the device's button and release it) and nobody is at a terminal; run pytest"
        " from one",
        "test_break": "only a simulated board can do this: fault wall_open",
        "test_power": "needs a switch for the power: give --podsteam-power-cmd",
    }


def test_the_power_command_gets_the_word_in_its_place(tmp_path):
    import sys

    from podsteam.errors import UsageProblem
    from podsteam.testing import hands

    assert hands.power_words("relay --set 1={on|off}", False) == ["relay", "--set", "1=off"]
    with pytest.raises(UsageProblem, match=r"needs \{on\|off\}"):
        hands.power_words("relay 1", True)
    hands.OFF_S, kept = 0.0, hands.OFF_S
    log = tmp_path / "log"
    script = "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"
    try:
        hands.switch_power(f'{sys.executable} -c "{script}" {log} {{on|off}}')
    finally:
        hands.OFF_S = kept
    assert log.read_text() == "offon"
    with pytest.raises(UsageProblem, match="power command fails"):
        hands.switch_power("/no/such/relay {on|off}")


def test_a_person_is_asked_and_the_device_says_that_it_was_done():
    from podsteam.testing.hands import Person
    from podsteam.wire.messages import Event, EventValue

    said, waited = [], []

    def wait_for(event, a=None, within_s=60.0):
        waited.append((event, a))
        if event == EventValue.PODLET:
            raise AssertionError
        return Event()

    person = Person(said.append, wait_for)
    person.press(4000)
    assert said == ["Please press the device's button and release it after holding it for 4 s."]
    with pytest.raises(pytest.skip.Exception, match="nobody did it within 60 s"):
        person.insert("demo\x1b[2J")
    assert said[1].startswith("Please insert the podlet 'demo") and "\x1b" not in said[1]
    assert waited == [(EventValue.BUTTON, 0), (EventValue.PODLET, None)]


def test_no_result_file_without_a_board(tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it(board): ...\n")
    out = run_pytest(tmp_path, "--podsteam=sim:cpython", "--podsteam-results=results")
    assert "no real board was reached" in out and not (tmp_path / "results").exists()
