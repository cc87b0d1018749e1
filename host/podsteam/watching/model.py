# SPDX-License-Identifier: Apache-2.0
"""What the full-screen view knows of one device. Pure: takes what the feed hands over, in its order, and draws nothing.

Texts that come from a device were made safe before they are kept.
"""

from collections import deque
from dataclasses import dataclass

from podsteam.progress import Line, Progress
from podsteam.text import safe
from podsteam.wire import messages as m

LINES = 5000
"""Most lines kept: many sessions' worth."""
_TRACE = 600
"""Measurements kept while no session runs."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A session is armed or runs; None: its program is not known."""

    program: m.Program | None


@dataclass(frozen=True, slots=True)
class Said:
    """Something that the person must be told."""

    text: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is lost and tried again."""

    why: str


@dataclass(frozen=True, slots=True)
class Back:
    """The connection is there again. Not `same`: the device has started anew meanwhile."""

    same: bool


@dataclass(frozen=True, slots=True)
class Holds:
    """Number of the session that this view keeps alive; 0: none."""

    session: int


@dataclass(frozen=True, slots=True)
class Missed:
    """Events that could not be had, not even again, so far."""

    count: int


@dataclass(frozen=True, slots=True)
class Programs:
    """Names that can be armed, the default first."""

    names: tuple[str, ...]


Item = m.Tele | m.Event | m.Console | m.StatusGetReply | Begin | Said | Lost | Back | Holds | Missed | Programs


class Watched:
    """One device as the view shows it."""

    def __init__(self, port: str, unit: str, caps: int) -> None:
        """`port` is its name as the person gave it, `unit` the device's address, `caps` HELLO's."""
        self.port = safe(port, 60)
        self.unit = unit
        self.caps = caps
        self.progress = Progress(None)
        self.message = ""
        """What the person was told last."""
        self.lost = ""
        """Why there is no connection; empty: there is one."""
        self.holds = 0
        """The session that this view keeps alive; 0: none."""
        self.missed = 0
        """Events lost for good."""
        self.programs: tuple[str, ...] = ()
        self.lines: deque[Line] = deque(maxlen=LINES)
        """All that has happened since the view was opened."""
        self.count = 0
        """How many lines there were, those forgotten too."""
        self._trace: deque[m.Tele] = deque(maxlen=_TRACE)

    @property
    def trace(self) -> list[m.Tele]:
        """Measurements to plot: the session's so far, without one the last minutes'."""
        return self.progress.history or list(self._trace)

    def take(self, item: Item) -> None:
        """Take one thing more."""
        before = self.progress.state
        match item:
            case m.Tele():
                self._measured(item)
            case m.StatusGetReply():
                self._keep(self.progress.update(None, item))
            case m.Event():
                self._keep(self.progress.event(item))
            case m.Console():
                self._note(f"Device says: {safe(item.text)}", "detail")
            case Begin():
                self._begin(item.program)
            case Said():
                self.message = safe(item.text)
            case Lost():
                self.lost = safe(item.why)
                self._note(f"Connection lost: {self.lost}", "bad")
            case Back():
                self._back(item.same)
            case Holds():
                self.holds = item.session
            case Missed():
                if item.count > self.missed:
                    self._note(f"{item.count - self.missed} events were lost on the line", "bad")
                self.missed = item.count
            case Programs():
                self.programs = tuple(safe(name, 40) for name in item.names)
        if self.progress.state != before:
            self.message = ""

    def _measured(self, tele: m.Tele) -> None:
        self._keep(self.progress.update(tele, None))
        self._trace.append(tele)

    def _keep(self, line: Line | None) -> None:
        if line is not None:
            self.lines.append(line)
            self.count += 1

    def _note(self, text: str, level: str) -> None:
        tele = self.progress.tele
        self._keep(Line(self.progress.seconds(tele.uptime_ms) if tele else None, text, level))

    def _begin(self, program: m.Program | None) -> None:
        """A new session; what holds of the device beyond sessions is carried over."""
        old, new = self.progress, Progress(program)
        new.tele, new.status, new.state, new.fault = old.tele, old.status, old.state, old.fault
        new.podlet_state, new.doses_left = old.podlet_state, old.doses_left
        self.progress = new
        self._trace.clear()

    def _back(self, same: bool) -> None:
        self.lost = ""
        if same:
            self._note("Connected again; the device has run on", "note")
            return
        self._note("Connected again; the device restarted meanwhile, and what it did is over", "bad")
        self.holds = 0
        self._begin(None)
        self.progress.tele, self.progress.stop_reason = None, 0
