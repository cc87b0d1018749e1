# SPDX-License-Identifier: Apache-2.0
"""The line's rate where it is really set: pyserial on a pseudo-terminal, whose settings the served board sees."""

import json
import os
from pathlib import Path

import pytest
from commands import run, served

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals need POSIX")


def bench(home: Path, port: str, *arguments: str) -> dict[str, object]:
    done = run(home, "--port", port, "link", "bench", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_pyserial_and_the_board_agree_on_a_rate(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "pty") as board:
        port = str(board["link"])
        assert bench(tmp_path, port)["baud"] == 921_600
        assert bench(tmp_path, port, "--baud", "460800")["baud"] == 460_800
        # Whoever comes next finds the line at the first rate.
        assert bench(tmp_path, port, "--baud", "0")["baud"] == 115_200


def test_a_connection_has_no_rate(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp") as board:
        assert bench(tmp_path, str(board["link"]))["baud"] is None
