# SPDX-License-Identifier: Apache-2.0
"""Pulls on a line that breaks: the same command goes on once the device is there again."""

import json
import os
from pathlib import Path

import pytest
from breaking import breaking
from commands import run, served, start, wait_for

from podsteam_twin import control


def test_a_pull_goes_on_after_the_line_broke(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--seed", "6") as board:
        for command in (["insert", "demo"], ["press"], ["advance", "330"]):
            assert run(tmp_path, "sim", *command).returncode == 0
        with breaking(board["link"], 3000) as (address, carried):
            pulled = run(tmp_path, "--port", address, "records", "pull", "--json")
            assert pulled.returncode == 0, pulled.stderr
            assert len(carried) == 2 and min(carried) > 2000
        assert len(json.loads(pulled.stdout)["pulled"]) == 1
        again = run(tmp_path, "--port", board["link"], "records", "pull", "--json")
        assert json.loads(again.stdout)["pulled"] == []
    assert run(tmp_path, "records", "verify").returncode == 0


def test_a_log_pull_goes_on_after_the_line_broke(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--seed", "6") as board:
        for command in (["insert", "demo"], ["press"], ["advance", "330"]):
            assert run(tmp_path, "sim", *command).returncode == 0
        with breaking(board["link"], 3000) as (address, carried):
            pulled = run(tmp_path, "--port", address, "log", "pull", "--json")
            assert pulled.returncode == 0, pulled.stderr
            assert len(carried) == 2 and min(carried) > 2000
        found = json.loads(pulled.stdout)
        assert {"STARTED", "STOPPED"} <= {event["event"] for event in found["events"]}
        again = json.loads(run(tmp_path, "--port", board["link"], "log", "pull", "--json").stdout)
        assert (again["fetched_bytes"], again["had_bytes"]) == (0, found["fetched_bytes"])
        assert again["events"] == found["events"]


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_a_log_pull_goes_on_under_a_new_port_name(tmp_path: Path) -> None:
    """The port vanishes in the middle and its name goes to something silent; the unit comes back under a new name."""
    serve = ("--name", "mine", "--link", "pty", "--interpreter", "cpython")
    folder = tmp_path / "log"
    with served(tmp_path, *serve) as board:
        before = board["link"]
        for command in (["press"], ["advance", "330"]):
            assert run(tmp_path, "sim", *command).returncode == 0
        # Each request takes 0.3 s, so that the pull has not ended when the port vanishes.
        control.call(board["control"], {"do": "line", "latency_ms": 150})
        pulling = start(tmp_path, "--port", before, "log", "pull", "--to", str(folder), "--json")
        wait_for(lambda: any(folder.glob("*.events")), 30)
    master, end = os.openpty()
    taken = os.ttyname(end)
    os.close(end)
    try:
        with served(tmp_path, *serve) as board:
            out, err = pulling.communicate(timeout=90)
    finally:
        os.close(master)
    # The kernel gives the lowest free number, unless another test was quicker.
    assert taken != before or board["link"] != before
    assert pulling.returncode == 0 and "It is looked for." in err, err
    assert {"STARTED", "STOPPED"} <= {event["event"] for event in json.loads(out)["events"]}
