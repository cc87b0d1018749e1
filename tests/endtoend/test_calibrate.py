# SPDX-License-Identifier: Apache-2.0
"""Tuning and calibrating as people do, on a simulated board: what is shown, what is kept, and every mistake."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import run, served, start, truth, wait_for

from podsteam_twin import control

BOARD = ("--port", "sim:unit")


def document(home: Path, *arguments: str) -> dict[str, Any]:
    done = run(home, *arguments, "--json", timeout_s=120)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def sentence(home: Path, status: int, *arguments: str) -> str:
    """The one sentence with which a command ends."""
    done = run(home, *arguments, timeout_s=120)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1].removeprefix("podsteam: ")


def test_tune_then_the_values_stay(tmp_path: Path) -> None:
    done = run(tmp_path, *BOARD, "tune", "--press", timeout_s=120)
    assert done.returncode == 0, done.stderr
    assert "Boiler identified" in done.stderr and "Press" not in done.stderr
    rows = {line[: line.index("  ")]: line.split() for line in done.stdout.splitlines() if "  " in line}
    assert {"heat capacity of the metal", "loss to the room", "keep-warm gain"} <= set(rows)
    again = document(tmp_path, *BOARD, "tune", "--press")
    assert again["tune"] == "DONE" and again["stop_reason"] == "DONE"
    values = {each["field"]: each for each in again["values"]}
    assert 80 < values["metal_j_k"]["new"] < 150 and values["metal_j_k"]["unit"] == "J/K"
    assert 220 < values["water_j_k"]["found"] < 290 and values["residual_j"]["old"] is None
    assert values["hold_gain_dw_k"]["old"] is not None and values["hold_gain_dw_k"]["new"] is not None
    shown = document(tmp_path, *BOARD, "calibrate", "show")
    assert shown["hold_gain_W_per_K"] == values["hold_gain_dw_k"]["new"]
    listed = document(tmp_path, "records", "list")["records"]
    assert [entry["program"] for entry in listed] == ["tune", "tune"]


def test_tune_without_a_press_is_told_what_to_do(tmp_path: Path) -> None:
    text = sentence(tmp_path, 22, "--port", "sim", "tune")
    assert "add --press, which presses it. Nothing was started." in text


def test_a_tune_that_is_stopped_changes_nothing(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--speed", "10", "--press-on-arm", "--seed", "21") as board:
        before = document(tmp_path, "--port", board["link"], "calibrate", "show")
        host = start(tmp_path, "--port", board["link"], "tune")
        wait_for(lambda: truth(tmp_path, board)["burst"], 20)
        control.call(board["control"], {"do": "press"})
        output, errors = host.communicate(timeout=40)
        assert host.returncode == 23, errors
        assert errors.splitlines()[-1].startswith("podsteam: The session ended before its program did: button pressed")
        assert "value" in output
        assert document(tmp_path, "--port", board["link"], "calibrate", "show") == before


def test_sensors_at_two_points(tmp_path: Path) -> None:
    made = document(tmp_path, *BOARD, "calibrate", "sensors", "--at-rest", "20.9", "--altitude-m", "0", "--press")
    old, new = made["old"], made["new"]
    assert (old["wall_K"], old["high_degC"]) == (0, None)
    for name in ("wall_K", "water_low_K", "outlet_K"):
        assert abs(new[name] - 0.9) < 0.1
    # The plant's boiling point at sea level is within 0.1 K of the steam tables'.
    assert abs(new["water_high_K"]) < 0.3 and abs(new["high_degC"] - 100) < 0.3
    assert abs(made["boiling_degC"] - 99.97) < 0.01
    assert document(tmp_path, *BOARD, "calibrate", "show") == {"v": 1, **new}
    status = document(tmp_path, *BOARD, "status")
    assert abs(status["water_degC"] - 20.9) < 0.2


def test_mistakes_with_sensors_change_nothing(tmp_path: Path) -> None:
    mistakes = [
        (2, [], "Give --at-rest for the low point"),
        (2, ["--at-rest", "nan"], "--at-rest is nan, but must be 5 to 45 degC."),
        (2, ["--boiling-c", "20"], "--boiling-c is 20, but must be 85 to 103 degC."),
        (2, ["--altitude-m", "inf"], "--altitude-m is inf, but must be -430 to 4000 m."),
        (2, ["--pressure-hpa", "10"], "--pressure-hpa is 10, but must be 600 to 1085 hPa."),
        (2, ["--altitude-m", "1", "--boiling-c", "99"], "Give the boiling point in one way"),
        (2, ["--boiling-c", "99", "--program", "nosuch"], "There is no program 'nosuch'."),
        (30, ["--at-rest", "24"], "a correction of more than 3 K is refused"),
        (30, ["--boiling-c", "95"], "degC where 95.0 degC is true; a correction of more than 3 K is refused"),
    ]
    with served(tmp_path, "--link", "tcp", "--speed", "60", "--press-on-arm", "--seed", "24") as board:
        port = ("--port", board["link"])
        before = document(tmp_path, *port, "calibrate", "show")
        for status, arguments, words in mistakes:
            assert words in sentence(tmp_path, status, *port, "calibrate", "sensors", *arguments)
        assert document(tmp_path, *port, "calibrate", "show") == before


def test_a_warm_boiler_is_not_at_rest(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--speed", "10", "--press-on-arm", "--seed", "22") as board:
        port = ("--port", board["link"])
        for command in (["press"], ["advance", "60"], ["press"], ["advance", "100"]):
            assert run(tmp_path, "sim", *command).returncode == 0
        text = sentence(tmp_path, 30, *port, "calibrate", "sensors", "--at-rest", "20")
        assert text.startswith("The boiler is not at rest: ")


def test_steam_weighed_on_a_served_board(tmp_path: Path) -> None:
    """The simulated board is the scale: the gain comes out as the plant's own error."""
    with served(tmp_path, "--link", "tcp", "--speed", "60", "--press-on-arm", "--seed", "23") as board:
        port = ("--port", board["link"])
        begun = truth(tmp_path, board)["water_mg"]
        ran = run(tmp_path, *port, "session", "run", "gentle", timeout_s=120)
        assert ran.returncode == 0, ran.stderr
        assert run(tmp_path, "sim", "advance", "125").returncode == 0
        weighed = (begun - truth(tmp_path, board)["water_mg"]) / 1000
        made = document(tmp_path, *port, "calibrate", "steam", "--last", "--grams", f"{weighed:.2f}")
        assert abs(made["weighed_g"] - weighed) < 0.01 and made["steam_s"] >= 175
        assert 0.93 < made["new"]["steam_gain"] < 1.07
        wrong = sentence(tmp_path, 30, *port, "calibrate", "steam", "--last", "--grams", "40")
        assert "makes a gain of" in wrong
        assert document(tmp_path, *port, "calibrate", "show")["steam_gain"] == made["new"]["steam_gain"]


def test_steam_run_and_weighed_in_one_call(tmp_path: Path) -> None:
    made = document(tmp_path, *BOARD, "calibrate", "steam", "gentle", "--press", "--before", "262.1", "--after", "250")
    assert made["weighed_g"] == pytest.approx(12.1)
    assert made["new"]["steam_gain"] == pytest.approx(12.1 / made["believed_g"], abs=0.001)
    assert document(tmp_path, *BOARD, "calibrate", "show")["steam_gain"] == made["new"]["steam_gain"]


def test_mistakes_with_steam_change_nothing(tmp_path: Path) -> None:
    mistakes = [
        (2, [], "Nobody can be asked here"),
        (2, ["--before", "250"], "Nobody can be asked here"),
        (2, ["--grams", "nan"], "--grams is nan, which is no weight in grams."),
        (2, ["--before", "250", "--after", "250"], "is not below the one before"),
        (2, ["--grams", "12", "--before", "250"], "Give either --grams, or --before and --after."),
        (2, ["--grams", "12", "--last"], "There was no session since the device's start"),
        (2, ["--grams", "12", "nosuch"], "There is no program 'nosuch'."),
        (30, ["--grams", "4", "express"], "is too little for the gain"),
        (30, ["--grams", "40", "--last"], "makes a gain of"),
    ]
    with served(tmp_path, "--link", "tcp", "--speed", "60", "--press-on-arm", "--seed", "25") as board:
        port = ("--port", board["link"])
        for status, arguments, words in mistakes:
            assert words in sentence(tmp_path, status, *port, "calibrate", "steam", *arguments)
        assert document(tmp_path, *port, "calibrate", "show")["steam_gain"] == 1


def test_a_session_with_too_little_steam_is_not_weighed(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--press-on-arm", "--seed", "26") as board:
        port = ("--port", board["link"])
        for command in (["press"], ["advance", "120"], ["press"], ["advance", "3"]):
            assert run(tmp_path, "sim", *command).returncode == 0
        text = sentence(tmp_path, 30, *port, "calibrate", "steam", "--last", "--grams", "6")
        assert "s of verified steam; the gain needs 60 s or more" in text


def test_element_descaled_and_reset(tmp_path: Path) -> None:
    made = document(tmp_path, *BOARD, "calibrate", "element", "350")
    assert (made["old"]["element_W"], made["new"]["element_W"]) == (400, 350)
    assert "must be 100 to 1000 W" in sentence(tmp_path, 2, *BOARD, "calibrate", "element", "5000")
    done = run(tmp_path, *BOARD, "calibrate", "descaled")
    assert done.returncode == 0 and "clean baseline" in done.stdout
    assert document(tmp_path, *BOARD, "calibrate", "reset")["new"]["element_W"] == 400
    shown = run(tmp_path, *BOARD, "calibrate", "show")
    assert shown.returncode == 0 and "element at 230 V, W" in shown.stdout


@pytest.mark.slow
def test_the_valve_weighed_with_the_demo_podlet(tmp_path: Path) -> None:
    runs = ("calibrate", "dose", "--press", "--runs", "3", "--shots", "3")
    weights = [word for mg in ("37.3", "151", "37.8") for word in ("--mg", mg)]
    made = document(tmp_path, *BOARD, *runs, *weights, "--plot", str(tmp_path / "valve.svg"))
    assert [run["commanded_uL"] for run in made["runs"]] == [12.5, 50, 12.5]
    assert (made["old"]["gain"], made["new"]["pulses"]) == (1, 9)
    assert 0.98 < made["new"]["gain"] < 1.04 and 2 < made["new"]["dead_ms"] < 4
    assert 2 < made["new"]["p95_percent"] < 30
    assert (tmp_path / "valve.svg").read_text().startswith("<svg")
    assert document(tmp_path, *BOARD, "calibrate", "dose", "--reset")["old"] == made["new"]
    # Eleven doses are gone of twenty by now: the next run would not have enough.
    text = sentence(tmp_path, 2, *BOARD, *runs, "--mg", "1")
    assert text == "--mg is given 1 times, but there are 3 runs."
    assert "Nobody can be asked here" in sentence(tmp_path, 2, *BOARD, *runs)
    assert "--runs must be 3 to 12" in sentence(tmp_path, 2, *BOARD, "calibrate", "dose", "--runs", "2")
