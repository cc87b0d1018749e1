# SPDX-License-Identifier: Apache-2.0
"""The full-screen view in a real terminal: `podsteam watch` in tmux, its rows, and every byte that it sends."""

import contextlib
import itertools
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands import PODSTEAM, environment, wait_for

from podsteam.client import Device
from podsteam.pull import pull_records
from podsteam.record import Record
from podsteam.store import open_store
from podsteam.watching import rows
from podsteam.watching.model import Begin, Watched
from podsteam_twin import control

TMUX = shutil.which("tmux")
COLUMNS, ROWS = 80, 24
LONG_S = 90.0
"""Until something has surely come, on a busy computer too."""
LOOK_EVERY_S = 0.1
_ERASES = re.compile(rb"\x1b\[[0-3]?J|\x1bc")
_NUMBERS = itertools.count()


class Terminal:
    """One tmux server with one window."""

    def __init__(self, home: Path, command: list[str], **more: str) -> None:
        self._socket = str(home / f"tmux{next(_NUMBERS)}")
        self._raw = home / "raw"
        env = {**environment(home), "TERM": "xterm-256color", **more}
        env.pop("TMUX", None)
        if more.get("NO_COLOR") == "":
            env.pop("NO_COLOR")
        # The terminal has the size, and changes it; pytest-xdist gives its workers the one that it began with.
        self._env = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}
        # The window waits until its bytes are taken down, so that the first of them are too.
        line = f"read go; exec {shlex.join(command)}"
        size = ("-x", str(COLUMNS), "-y", str(ROWS))
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, "-s", "w", "sh", "-c", line)
        self._tmux("pipe-pane", "-t", "w", f"cat > {shlex.quote(str(self._raw))}")
        self.keys("Enter")

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(TMUX), "-S", self._socket, *arguments], env=self._env, capture_output=True, check=True, timeout=20
        )
        return done.stdout.decode()

    def keys(self, *names: str) -> None:
        """Press keys, by tmux's names."""
        self._tmux("send-keys", "-t", "w", *names)

    def rows(self, *options: str) -> list[str]:
        """What is in view. With -J, rows that the terminal has wrapped are one; with -e colours are escapes."""
        return self._tmux("capture-pane", "-p", "-t", "w", *options).split("\n")[:-1]

    def resize(self, columns: int, rows: int) -> None:
        """Another size of the window."""
        self._tmux("resize-window", "-t", "w", "-x", str(columns), "-y", str(rows))

    def sent(self) -> bytes:
        """Every byte that the view has sent to the terminal."""
        return self._raw.read_bytes()

    def running(self) -> bool:
        """Whether the view is still there."""
        done = subprocess.run([str(TMUX), "-S", self._socket, "has-session"], env=self._env, capture_output=True)
        return done.returncode == 0

    def close(self) -> None:
        """End all of it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")


@contextlib.contextmanager
def watching(home: Path, port: str, *options: str, **more: str) -> Iterator[Terminal]:
    """A window of 80x24 in which `podsteam watch` runs."""
    terminal = Terminal(home, [PODSTEAM, "--port", port, "watch", *options], **more)
    try:
        yield terminal
    finally:
        terminal.close()


def rows_of(record: Record) -> list[str]:
    """What the view's page of all events has to say of a record, in order."""
    watched = Watched("x", "", 0)
    watched.take(Begin(record.program))
    for event in record.events:
        watched.take(event)
    return [row.rstrip() for row in rows.all_events(watched, COLUMNS).plain.splitlines()]


def not_shown(record: Record, shown: list[str]) -> list[str]:
    """The rows of a record that are not among those shown, in the order in which they should be there."""
    rest = [row.rstrip() for row in shown]
    missing: list[str] = []
    for row in rows_of(record):
        if row in rest:
            del rest[: rest.index(row) + 1]
        else:
            missing.append(row)
    return missing


@dataclass
class Seen:
    """A session seen through the view."""

    pictures: list[list[str]] = field(default_factory=list[list[str]])
    coloured: list[list[str]] = field(default_factory=list[list[str]])
    """The same with colours, a picture every two seconds."""
    problems: list[str] = field(default_factory=list[str])
    """Pictures that are not whole, with rows too long or wrapped."""
    record: Record | None = None
    """What the device kept of it."""
    missing: list[str] = field(default_factory=list[str])
    """Its events that the view does not have."""


def see_through(home: Path, board: dict[str, Any], terminal: Terminal, program: str) -> Seen:
    """Arm a program by keys, press the board's button, look at the view until the session is over, then read all of
    its events and compare them with the record that the device has kept."""
    control.call(board["control"], {"do": "insert", "podlet": "demo"})
    control.call(board["control"], {"do": "advance", "ms": 3000})
    wait_for(lambda: "Wall  " in "\n".join(terminal.rows()), LONG_S)
    wait_for(lambda: _asked(terminal), LONG_S, 0.5)
    names = [row.strip("│ ") for row in "\n".join(terminal.rows()).partition("Esc: none.")[2].splitlines()[1:]]
    for _ in range(names.index(program)):
        terminal.keys("Down")
    terminal.keys("Enter")
    wait_for(lambda: " ARMED " in terminal.rows()[1], LONG_S)
    control.call(board["control"], {"do": "press"})
    seen = _look(terminal)
    terminal.keys("e")
    wait_for(lambda: "Esc goes back" in terminal.rows()[-1], LONG_S)
    # High enough for all of it at once.
    terminal.resize(COLUMNS, 200)
    wait_for(lambda: "Esc goes back" in terminal.rows()[-1] and "State: idle" in "\n".join(terminal.rows()), LONG_S)
    shown = terminal.rows()
    terminal.resize(COLUMNS, ROWS)
    terminal.keys("e")
    wait_for(lambda: terminal.rows()[-1].startswith(" a arm"), LONG_S)
    terminal.keys("q")
    wait_for(lambda: not terminal.running(), LONG_S)
    with Device.open(board["link"]) as device, open_store(home / "kept.db") as store:
        seen.record = store.get(pull_records(device, store).new[-1].record).record
    seen.missing = not_shown(seen.record, shown)
    return seen


def _asked(terminal: Terminal) -> bool:
    """Press the key until the view has the programs to choose from."""
    if "Arm which program" not in "\n".join(terminal.rows()):
        terminal.keys("a")
        return False
    return True


def _look(terminal: Terminal) -> Seen:
    seen = Seen()
    changed = coloured = time.monotonic()
    before: list[str] = []
    while "Session stopped" not in (text := "\n".join(rows := terminal.rows())):
        # How long the session takes is the computer's affair; standing still is not.
        changed = changed if rows == before else time.monotonic()
        before = rows
        assert time.monotonic() - changed < LONG_S, text
        seen.pictures.append(rows)
        unwrapped = terminal.rows("-J")
        whole = len(rows) == ROWS and rows[0].startswith("podsteam") and rows[-1].startswith(" a arm")
        if not whole or len(unwrapped) != ROWS or max(map(len, rows)) > COLUMNS:
            seen.problems.append(text)
        if time.monotonic() - coloured > 2:
            coloured = time.monotonic()
            seen.coloured.append(terminal.rows("-e", "-N"))
        time.sleep(LOOK_EVERY_S)
    erased = len(_ERASES.findall(terminal.sent()))
    if erased:
        seen.problems.append(f"the terminal was erased {erased} times")
    return seen
