# SPDX-License-Identifier: Apache-2.0
"""Runs `cuts.py` as processes of their own, on either interpreter."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podsteam_twin.launch import import_path

HERE = Path(__file__).parent
INTERPRETERS = ("cpython", "micropython")
HEAP = "24m"

Job = tuple[str, int, int, int]
"""Name, seed, every, second: as `cuts.py` takes them."""


def cut_all(interpreter: str, jobs: Sequence[Job], micropython: str) -> list[dict[str, Any]]:
    """The figures of each job, in order. Raises CalledProcessError, its stderr shown, when the process fails."""
    folders = [*import_path(), str(HERE), str(HERE.parent / "firmware")]
    environment = {**os.environ, "MICROPYPATH": os.pathsep.join(folders), "PYTHONPATH": os.pathsep.join(folders)}
    command = [sys.executable] if interpreter == "cpython" else [micropython, "-X", f"heapsize={HEAP}"]
    words = [str(word) for job in jobs for word in job]
    done = subprocess.run(
        [*command, str(HERE / "cuts.py"), *words], stdout=subprocess.PIPE, text=True, check=True, env=environment
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
