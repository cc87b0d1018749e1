# SPDX-License-Identifier: Apache-2.0
"""A session as it runs: a view that redraws itself on a terminal, plain lines everywhere else.

    with Live(console, program, plain=not console.is_terminal) as live:
        live.say("Press and release the button on the device.")
        for message in link:
            live.update(tele, status)
            live.event(event)
        live.summary(record.summary)

Everything it is given may come from a device; nothing of it reaches the terminal unescaped.
"""

import time
from collections.abc import Callable
from typing import Self

import rich.live
from rich.console import Console
from rich.table import Table
from rich.text import Text

from podsteam import words
from podsteam.progress import Line, Progress
from podsteam.recap import Summary
from podsteam.report.facts import result_facts
from podsteam.screen import Screen
from podsteam.text import safe
from podsteam.wire.messages import Event, Program, StateValue, StatusGetReply, Tele

_REDRAW_S = 0.12
"""Least time between two pictures: quicker is not seen, and costs a slow line."""
_LINE_S = 10.0
"""Device time between two lines of measurements off a terminal."""


class Live:
    """Shows a session on `console`. `plain`: lines only, for a pipe, a file or a log."""

    def __init__(
        self,
        console: Console,
        program: Program | None,
        plain: bool,
        *,
        caps: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`program` is the one that runs, None when it is not known; `caps` are HELLO's, for the word
        SIMULATED; `clock` gives the seconds that pass for the person who looks."""
        self.progress = Progress(program)
        self._console = console
        self._plain = plain or console.is_dumb_terminal
        self._ascii = "utf" not in console.encoding.lower()
        self._screen = Screen(self._ascii, caps, "Ctrl-C stops the session")
        self._message = ""
        self._clock = clock
        self._drawn: float | None = None
        self._measured_s: float | None = None
        self._view: rich.live.Live | None = None

    def __enter__(self) -> Self:
        if not self._plain:
            self._view = rich.live.Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._view.start()
            self._draw(force=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def update(self, tele: Tele | None, status: StatusGetReply | None = None) -> None:
        """Show measurements, a status or both."""
        before = self.progress.state
        changed = self.progress.update(tele, status)
        self._forget_message(before)
        if self._view:
            self._draw()
            return
        if changed:
            self._print_line(changed)
        if tele is not None:
            self._print_measurements(tele)

    def event(self, event: Event) -> None:
        """Show an event."""
        before = self.progress.state
        line = self.progress.event(event)
        self._forget_message(before)
        if self._view:
            self._draw()
        elif line.level != "detail":
            self._print_line(line)

    def say(self, text: str) -> None:
        """Tell the person something; on a terminal it stays in view until the session's state changes."""
        text = safe(text)
        if self._view:
            self._message = text
            self._draw(force=True)
        else:
            self._print(text)

    def summary(self, summary: Summary) -> None:
        """End the view and show how the session went."""
        self._close()
        facts = result_facts(summary)
        if self._plain:
            for label, text in facts:
                self._print(f"{label + ':':<15}{text}")
            return
        table = Table.grid(padding=(0, 2))
        for label, text in facts:
            table.add_row(self._text(label, "bold"), self._text(text))
        self._console.print(table)

    def _forget_message(self, before: int) -> None:
        if self.progress.state != before:
            self._message = ""

    def _close(self) -> None:
        if self._view:
            self._screen.hint = ""
            self._draw(force=True)
            self._view.stop()
            self._view = None

    def _draw(self, force: bool = False) -> None:
        now = self._clock()
        if self._view is None or (not force and self._drawn is not None and now - self._drawn < _REDRAW_S):
            return
        self._drawn = now
        width, height = self._console.size
        self._view.update(self._screen.render(self.progress, self._message, width, height), refresh=True)

    def _text(self, text: str, style: str = "") -> Text:
        return Text(words.ascii_only(text) if self._ascii else text, style)

    def _print(self, text: str) -> None:
        self._console.print(self._text(text), soft_wrap=True, highlight=False)

    def _print_line(self, line: Line) -> None:
        at = words.clock(line.at_s) if line.at_s is not None else ""
        text = line.text
        if self.progress.state == StateValue.FAULT and line.text.startswith("State:"):
            text += f" ({self.progress.reason})"
        self._print(f"{at:>7}  {text}")

    def _print_measurements(self, tele: Tele) -> None:
        at_s = self.progress.seconds(tele.uptime_ms)
        if at_s is None or (self._measured_s is not None and at_s - self._measured_s < _LINE_S):
            return
        self._measured_s = at_s
        left = self.progress.left if tele.state == StateValue.WARM_UP else ""
        self._print(
            f"{words.clock(at_s):>7}  wall {tele.wall_cdeg / 100:.1f}, water {tele.water_cdeg / 100:.1f}, "
            f"outlet {tele.outlet_cdeg / 100:.1f} °C, {tele.power_dw / 10:.0f} W, "
            + (left or f"{tele.steam_mg_min / 1000:.2f} g/min, doses {tele.doses}")
        )
