# SPDX-License-Identifier: Apache-2.0
"""Calls of the command line, in this process and in one of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from podsteam.cli.main import main


class Called(NamedTuple):
    status: int
    out: str
    err: str


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> Called:
    """Run a command here. What it prints is captured; how it exits is returned."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    out, err = capsys.readouterr()
    status = caught.value.code
    return Called(status if isinstance(status, int) else -1, out, err)


def one_sentence(called: Called) -> str:
    """The only line on stderr, with nothing on stdout and no trace of a traceback."""
    assert called.out == ""
    assert "Traceback" not in called.err
    lines = called.err.splitlines()
    assert len(lines) == 1, called.err
    assert lines[0].startswith("podsteam: ")
    return lines[0].removeprefix("podsteam: ")


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a process of its own: an empty home, our import path, nothing that colours or names ports."""
    left_out = ("PODSTEAM_PORT", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    paths = [str(Path(entry).resolve()) for entry in sys.path if entry]
    return {**kept, "HOME": str(home), "XDG_DATA_HOME": str(home), "PYTHONPATH": os.pathsep.join(paths), **more}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "podsteam.cli.main", *arguments]


def run(home: Path, *arguments: str, **more: str) -> Called:
    """Run a command in a process of its own, its output through pipes."""
    done = subprocess.run(
        command(*arguments), capture_output=True, env=environment(home, **more), timeout=60, check=False
    )
    return Called(done.returncode, done.stdout.decode(), done.stderr.decode())
