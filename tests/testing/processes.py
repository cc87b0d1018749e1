# SPDX-License-Identifier: Apache-2.0
"""Runs of pytest, and a pretended board, as processes of their own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PRETEND = Path(__file__).with_name("pretend.py")


def run_pytest(folder: Path, *arguments: str, fails: bool = False) -> str:
    """Run the tests of a folder; returns what was printed. They must pass, or fail with `fails`."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PODSTEAM"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    out = done.stdout + done.stderr
    assert done.returncode == (1 if fails else 0), out
    return out


@contextlib.contextmanager
def pretended(speed: int, *options: str) -> Iterator[str]:
    """A board on a pseudo-terminal that does not say that it is simulated; gives its port."""
    process = subprocess.Popen(
        [sys.executable, str(PRETEND), str(speed), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()
