# SPDX-License-Identifier: Apache-2.0
"""The line's rate where it is really set: pyserial on a pseudo-terminal, whose settings the served board sees."""

import json
import os
from pathlib import Path

import pytest
from commands import run, served

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals need POSIX")


def benched(home: Path, port: str, most: int) -> int | None:
    """The rate that a bench came to, at most `most`; the best of three, since a busy machine may miss a rate's time."""
    rates: list[int | None] = []
    for _ in range(3):
        done = run(home, "--port", port, "link", "bench", "--json", "--baud", str(most))
        assert done.returncode == 0, done.stderr
        rates.append(json.loads(done.stdout)["baud"])
        if rates[-1] in (None, most) or not most:
            break
    return max((rate for rate in rates if rate is not None), default=None)


def test_pyserial_and_the_board_agree_on_a_rate(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "pty") as board:
        port = str(board["link"])
        assert benched(tmp_path, port, 921_600) == 921_600
        assert benched(tmp_path, port, 460_800) == 460_800
        # Whoever comes next finds the line at the first rate.
        assert benched(tmp_path, port, 0) == 115_200


def test_a_connection_has_no_rate(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp") as board:
        assert benched(tmp_path, str(board["link"]), 921_600) is None
