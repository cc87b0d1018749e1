# SPDX-License-Identifier: Apache-2.0
"""The REPL of a real board, which its port belongs to in the first moment after a reset."""

import time
from typing import Any

import pytest

CTRL_C = b"\x03"
CTRL_D = b"\x04"
PROMPT = b">>> "
_OPEN_S = 4.0
_LINE_S = 3.0


class Repl:
    """Reset by the bridge's RTS, interrupted in the moment that `main.py` leaves for it."""

    def __init__(self, board: Any) -> None:
        self._port = board.device.port
        board.pulse_reset()
        self.interrupt()

    def interrupt(self) -> None:
        """Ctrl-C until the prompt comes."""
        seen = b""
        deadline = time.monotonic() + _OPEN_S
        while time.monotonic() < deadline:
            self._port.write(CTRL_C)
            seen += self._port.read(0.1)
            if PROMPT in seen:
                self._until_quiet()
                return
        pytest.fail(f"no REPL within {_OPEN_S:g} s of a reset; it said {seen[-200:]!r}")

    def run(self, line: str) -> bytes:
        """One line; returns what it prints, without the prompt."""
        self._port.write(line.encode() + b"\r")
        seen = b""
        deadline = time.monotonic() + _LINE_S
        while not seen.endswith(PROMPT):
            assert time.monotonic() < deadline, f"{line!r} did not return; it said {seen[-200:]!r}"
            seen += self._port.read(0.1)
        return seen.partition(b"\r\n")[2].removesuffix(PROMPT).strip()

    def soft_reset(self) -> None:
        """Ctrl-D, and into the REPL again."""
        self._port.write(CTRL_D)
        self.interrupt()

    def leave(self) -> None:
        """Restart into the firmware."""
        self._port.write(b"import machine; machine.reset()\r")

    def _until_quiet(self) -> None:
        while self._port.read(0.2):
            pass
