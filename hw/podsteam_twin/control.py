# SPDX-License-Identifier: Apache-2.0
"""The control port of a served twin, from outside: one JSON object a line, one answer a line. CPython only.

It stands for the world's hands (press, insert, break), never for the device's own line, and no board has it.
"""

import json
import os
import socket
from pathlib import Path
from typing import Any

from podsteam_twin.images import state_folder


def _running_folder() -> Path:
    return state_folder().parent / "running"


def announce(entry: dict[str, Any]) -> Path:
    """Let others find a served twin; returns the file to remove when it ends."""
    folder = _running_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}.json"
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(entry), encoding="utf-8")
    temporary.replace(path)
    return path


def running() -> list[dict[str, Any]]:
    """The served twins of this user: name, link, control, pid, speed. Files of twins that died are removed."""
    found: list[dict[str, Any]] = []
    folder = _running_folder()
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            host, port = split(entry["control"])
            socket.create_connection((host, port), timeout=1).close()
        except (OSError, ValueError, KeyError):
            path.unlink(missing_ok=True)
            continue
        found.append(entry)
    return found


def split(address: str) -> tuple[str, int]:
    """`HOST:PORT` or `PORT` to a pair. Raises ValueError with one sentence."""
    host, _, port = address.removeprefix("tcp:").rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise ValueError(f"not an address: {address!r}; give HOST:PORT")
    return host or "127.0.0.1", int(port)


def call(address: str, command: dict[str, Any], timeout_s: float = 60.0) -> dict[str, Any]:
    """Send one command and wait for its answer. Raises OSError when nobody answers there, ValueError for nonsense."""
    with socket.create_connection(split(address), timeout=timeout_s) as line:
        line.sendall(json.dumps(command).encode() + b"\n")
        answer: dict[str, Any] = json.loads(line.makefile("rb").readline() or b'{"error": "no answer"}')
        return answer
