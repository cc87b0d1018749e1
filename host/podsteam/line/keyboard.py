# SPDX-License-Identifier: Apache-2.0
"""The operator's keys, one by one and without Enter, and what a scanner types, which ends with Enter."""

import contextlib
import os
import sys
from collections.abc import Generator, Iterator


class Typed:
    """Characters turned into keys and scanned lines. `scanning`: serial numbers come from a scanner."""

    def __init__(self, scanning: bool) -> None:
        self._scanning = scanning
        self._line = ""

    def take(self, text: str, pending: bool) -> Iterator[tuple[str, str]]:
        """("key", k) or ("scan", line) for each. `pending`: a scanned one waits for its row's key."""
        for character in text:
            if not self._scanning or (pending and not self._line):
                if character.isprintable():
                    yield "key", character.lower()
                continue
            if character not in "\r\n":
                self._line = (self._line + character)[:100] if character.isprintable() else self._line
                continue
            line, self._line = self._line.strip(), ""
            if len(line) == 1:
                yield "key", line.lower()
            elif line:
                yield "scan", line


@contextlib.contextmanager
def keyboard() -> "Generator[Keyboard]":
    """Standard input without waiting for Enter, as long as the block lasts."""
    if os.name != "posix" or not sys.stdin.isatty():
        yield Keyboard()
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield Keyboard()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


class Keyboard:
    """What is typed. `over`: there will be no more."""

    def __init__(self) -> None:
        self.over = False

    def read(self, timeout_s: float) -> str:
        """What was typed until now; waits for it up to `timeout_s`."""
        if os.name != "posix":
            return _read_windows(timeout_s)
        import select
        import time

        if self.over:
            time.sleep(timeout_s)
            return ""
        if not select.select([sys.stdin], [], [], timeout_s)[0]:
            return ""
        data = os.read(sys.stdin.fileno(), 1024)
        self.over = not data
        return data.decode("utf-8", "replace")


def _read_windows(timeout_s: float) -> str:
    import time

    time.sleep(timeout_s)
    import msvcrt

    found = ""
    while msvcrt.kbhit():  # pyright: ignore[reportAttributeAccessIssue]  # there on Windows
        found += msvcrt.getwch()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    return found
