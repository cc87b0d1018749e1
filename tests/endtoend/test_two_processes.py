# SPDX-License-Identifier: Apache-2.0
"""Board and host as two processes: over TCP, over a PTY, without a host, and with either of them killed."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from commands import run, served, start, truth, wait_for

from podsteam.wire.messages import StateValue
from podsteam_twin import control

LINKS = ["tcp", pytest.param("pty", marks=pytest.mark.skipif(os.name != "posix", reason="a PTY needs POSIX"))]


@pytest.mark.parametrize("link", LINKS)
def test_a_session_over_a_line_is_recorded(tmp_path: Path, link: str) -> None:
    with served(tmp_path, "--link", link, "--speed", "60", "--press-on-arm", "--seed", "5") as board:
        done = run(
            tmp_path, "--port", board["link"], "session", "run", "express", "--tag", "subject=P07", "--note", "x"
        )
        assert done.returncode == 0, done.stderr
        listed = json.loads(run(tmp_path, "records", "list", "--json").stdout)
        assert len(listed["records"]) == 1
        assert listed["records"][0]["tags"] == {"subject": "P07"}
        assert truth(tmp_path, board)["delivered_nl"] > 100_000


def test_no_host_then_a_host_pulls_the_session(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--seed", "6") as board:
        for command in (["insert", "demo"], ["press"], ["advance", "330"]):
            assert run(tmp_path, "sim", *command).returncode == 0
        assert truth(tmp_path, board)["state"] == StateValue.COOLING
        pulled = run(tmp_path, "--port", board["link"], "records", "pull")
        assert pulled.returncode == 0, pulled.stderr
    shown = json.loads(run(tmp_path, "records", "show", "last", "--json").stdout)
    assert "gentle" in json.dumps(shown)


def hot(state: dict[str, Any]) -> bool:
    """The element is on. With an open relay a burst is only the test that the relay opens."""
    return state["burst"] and state["relay_closed"]


@pytest.mark.parametrize("link", LINKS)
def test_host_killed_while_hot(tmp_path: Path, link: str) -> None:
    with served(tmp_path, "--link", link, "--speed", "10", "--press-on-arm", "--seed", "7") as board:
        host = start(tmp_path, "--port", board["link"], "session", "run", "gentle")
        wait_for(lambda: hot(truth(tmp_path, board)), 20)
        before = truth(tmp_path, board)
        host.send_signal(signal.SIGKILL)
        host.wait()
        killed_us = truth(tmp_path, board)["now_us"]
        wait_for(lambda: truth(tmp_path, board)["now_us"] > killed_us + 2_000_000, 20)
        halves = truth(tmp_path, board)["load_halves"]
        assert halves > before["load_halves"] or halves > 0
        control.call(board["control"], {"do": "advance", "ms": 3000})
        after = truth(tmp_path, board)
        assert after["load_halves"] == halves and not after["burst"] and not after["relay_closed"]
        status = run(tmp_path, "--port", board["link"], "status", "--json")
        assert status.returncode == 0, status.stderr
        host.communicate()


def test_device_killed_while_hot(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--speed", "10", "--press-on-arm", "--seed", "8") as board:
        host = start(tmp_path, "--port", board["link"], "session", "run", "gentle")
        wait_for(lambda: hot(truth(tmp_path, board)), 20)
        board["process"].kill()
        _, errors = host.communicate(timeout=30)
    assert host.returncode == 16
    last = errors.strip().splitlines()[-1]
    assert last.startswith("podsteam: ") and "Traceback" not in errors
    assert len(json.loads(run(tmp_path, "records", "list", "--json").stdout)["records"]) == 1


def test_interrupted_session_is_stopped_and_saved(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--speed", "10", "--press-on-arm", "--seed", "9") as board:
        host = start(tmp_path, "--port", board["link"], "session", "run", "gentle")
        wait_for(lambda: hot(truth(tmp_path, board)), 20)
        host.send_signal(signal.SIGINT)
        host.communicate(timeout=30)
        assert host.returncode == 130
        after = truth(tmp_path, board)
        assert not after["burst"] and not after["relay_closed"]
    assert len(json.loads(run(tmp_path, "records", "list", "--json").stdout)["records"]) == 1


def test_podlet_removed_is_told(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--speed", "20", "--press-on-arm", "--seed", "10") as board:
        host = start(tmp_path, "--port", board["link"], "session", "run", "gentle")
        wait_for(lambda: truth(tmp_path, board)["delivered_nl"] > 0, 30)
        assert run(tmp_path, "sim", "remove").returncode == 0
        delivered = truth(tmp_path, board)["delivered_nl"]
        output, errors = host.communicate(timeout=40)
        assert host.returncode == 0
        assert truth(tmp_path, board)["delivered_nl"] == delivered
        assert "podlet" in (output + errors).lower() and "removed" in (output + errors).lower()


def test_kept_twin_remembers_its_doses(tmp_path: Path) -> None:
    first = json.loads(run(tmp_path, "--port", "sim:mine", "podlet", "read", "--json").stdout)
    assert run(tmp_path, "--port", "sim:mine", "session", "run", "express", "--press").returncode == 0
    second = json.loads(run(tmp_path, "--port", "sim:mine", "podlet", "read", "--json").stdout)
    assert second["doses_left"] < first["doses_left"]
    programs = run(tmp_path, "--port", "sim:mine", "records", "pull")
    assert programs.returncode == 0, programs.stderr


def test_info_tells_the_interpreter(tmp_path: Path) -> None:
    info = json.loads(run(tmp_path, "--port", "sim", "info", "--json").stdout)
    assert info["interpreter"]["name"] == "micropython"
    assert info["heap_free_bytes"] > 0 and info["boot_id"] and info["reset_cause"] == "POWER_ON"
    assert len(info["firmware_hash"]) == 16


def test_cleaning_wants_a_cleaning_podlet_and_counts(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--speed", "60", "--press-on-arm", "--seed", "11") as board:
        clean = ("--port", board["link"], "--json", "session", "clean")
        refused = run(tmp_path, *clean)
        assert refused.returncode == 2 and "'Calming mist' is in the holder" in refused.stderr
        for command in (["remove"], ["insert", "cleaning"], ["advance", "3"]):
            assert run(tmp_path, "sim", *command).returncode == 0
        done = run(tmp_path, *clean)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["cleaning_due"] == ""
        assert truth(tmp_path, board)["delivered_nl"] > 400_000
