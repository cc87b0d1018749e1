# SPDX-License-Identifier: Apache-2.0
"""What a whole tick of the core costs beside one call of simple-pid on the same MicroPython."""

import json
import os
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import simple_pid
from publish import Publisher, Recorder

import alone
from podsteam_protocol.messages import STATE_STEAM

PID_HEAP = "256k"
"""simple-pid allocates floats; a small heap is collected cheaply, which favours it."""
ROUNDS = 10
"""Both are timed in turn, so that a processor whose clock changes favours neither; one may be 10 % too slow."""


def run(micropython: str, folder: Path, heap: str, module: str, *args: str) -> str:
    """What the module prints."""
    command = [micropython, "-X", f"heapsize={heap}", "-m", module, *args]
    env = {**os.environ, "MICROPYPATH": str(folder)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_tick_over_simple_pid(micropython: str, tmp_path: Path, record_figure: Recorder) -> None:
    app = tmp_path / "app"
    alone.compile_device_files(app)
    recording = tmp_path / "session.bin"
    truth = alone.record(recording, 5, alone.SCRIPT)
    assert truth["crashes"] == [] and truth["steam_mg"] > 8000
    shutil.copytree(Path(simple_pid.__file__).parent, app / "simple_pid")
    for module in ("tick_time.py", "pid_time.py"):
        shutil.copy(Path(__file__).parents[1] / module, app)
    pids_us: list[float] = []
    ticks: list[dict[str, Any]] = []
    for _ in range(ROUNDS):
        pids_us.append(float(run(micropython, app, PID_HEAP, "pid_time")))
        ticks.append(json.loads(run(micropython, app, "1m", "tick_time", str(recording), str(STATE_STEAM))))
    pid_us = min(pids_us)
    tick = min(ticks, key=lambda one: one["us"])
    context = f"{tick['us']:.1f} us for a whole tick in STEAM (sense, observer, control, supervisor, session, dosing; "
    context += (
        f"mean of {tick['ticks']}, control in every second one; {tick['bytes']} B allocated) over {pid_us:.1f} us "
    )
    context += f"for a call of simple-pid {version('simple-pid')} (garbage included), 64-bit MicroPython, best of "
    context += f"{ROUNDS} turns of either"
    publisher = Publisher(record_figure)
    publisher.row("tick_over_simple_pid", tick["us"] / pid_us, "x", 15.0, context)
    publisher.row("tick_over_simple_pid_bytes", tick["bytes"], "B", 0, "allocated by all ticks of the same session")
    publisher.check()
    assert tick["ticks"] > 1000
