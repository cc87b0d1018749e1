# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and its kin as a flag, for what must not be cut off in the middle."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Generator
from types import FrameType


@contextlib.contextmanager
def stop_signals() -> Generator[Callable[[], bool]]:
    """Inside, Ctrl-C and a polite end of the process only raise a flag, which the function given tells."""
    caught: list[int] = []

    def handler(number: int, _: FrameType | None) -> None:
        caught.append(number)

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield lambda: bool(caught)
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def stdin_ended() -> Callable[[], bool]:
    """From now on watch standard input; the function given tells whether it has ended. For a helper process, which
    must not outlive the one that started it, however that one ends."""
    over = threading.Event()

    def read() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        over.set()

    threading.Thread(target=read, name="stdin", daemon=True).start()
    return over.is_set
