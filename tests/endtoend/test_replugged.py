# SPDX-License-Identifier: Apache-2.0
"""`records pull` on a line that breaks: the same command goes on once the device is there again."""

import json
from pathlib import Path

from breaking import breaking
from commands import run, served


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
