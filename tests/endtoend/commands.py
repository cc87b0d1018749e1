# SPDX-License-Identifier: Apache-2.0
"""Run the `podsteam` command as people do, and serve simulated boards as processes of their own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PODSTEAM = str(Path(sys.executable).with_name("podsteam"))


def environment(home: Path) -> dict[str, str]:
    """An empty home and no settings of the caller's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PODSTEAM", "XDG"))}
    return {**kept, "HOME": str(home), "COLUMNS": "80", "NO_COLOR": "1"}


def run(home: Path, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [PODSTEAM, *arguments], env=environment(home), capture_output=True, text=True, timeout=timeout_s, check=False
    )


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """One command, running."""
    pipe = subprocess.PIPE
    return subprocess.Popen([PODSTEAM, *arguments], env=environment(home), stdout=pipe, stderr=pipe, text=True)


@contextlib.contextmanager
def served(home: Path, *arguments: str) -> Iterator[dict[str, Any]]:
    """A served board; gives its addresses, and `process`."""
    process = start(home, "--jsonl", "sim", "serve", *arguments)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    board: dict[str, Any] = json.loads(line)
    board["process"] = process
    try:
        yield board
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def truth(home: Path, board: dict[str, Any]) -> dict[str, Any]:
    """The board's true state, from its control port."""
    from podsteam_twin import control

    return control.call(board["control"], {"do": "state"})


def wait_for(condition: Any, timeout_s: float, every_s: float = 0.02) -> None:
    """Wait until `condition()` holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(every_s)
