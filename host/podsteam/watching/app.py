# SPDX-License-Identifier: Apache-2.0
"""The full-screen view: takes what the feeds hand over, draws at most four times a second, passes keys on."""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.widgets import Static

from podsteam.watching import rows
from podsteam.watching.model import Item, Watched
from podsteam.watching.panes import Page, Pane, Programs
from podsteam.wire.messages import StateValue

_TAKE_S = 0.1
_DRAW_S = 0.25
_KEYS = " a arm  p pause  r resume  s stop  e events  ? help  q leave"

HELP = """\
a        arm a program; the button on the device starts it
p        pause: heater and dosing off, session kept for 10 minutes
r        go on with it; the button on the device confirms
s        stop whatever runs, and see that heat is off
e        all events, each to its end
1 to 9   another device; Tab goes through them
q        leave

Leaving changes nothing for a session that the device's button or another
program has started: it goes on. A session that was armed here lives as long
as this view does, because the device stops when the computer that armed it
goes silent; q says so, and a second q stops it and leaves.

The device keeps the record of a session: podsteam records pull fetches it.

Wall is the boiler's metal, outlet where the steam leaves. Steam is computed
from power and water, not weighed."""


class Queue(Protocol):
    """Where a feed's items wait."""

    def empty(self) -> bool:
        """Whether none does."""
        ...

    def get_nowait(self) -> Item:
        """The next."""
        ...


class Source(Protocol):
    """What brings a device's items and takes wishes: `feed.Feed`, or a test's."""

    @property
    def items(self) -> Queue:
        """What has come, in order."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def close(self) -> None:
        """End."""
        ...

    def arm(self, name: str) -> None:
        """Arm a program."""
        ...

    def pause(self) -> None:
        """Pause."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...

    def stop(self) -> None:
        """Stop."""
        ...


class WatchApp(App[None]):
    """`podsteam watch`."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    * { background: ansi_default; color: ansi_default; }
    Pane { display: none; }
    Pane.shown { display: block; }
    #panes { height: 1fr; }
    .title, #tabs, .keys { height: 1; }
    .keys { text-style: reverse; }
    .head { height: auto; min-height: 2; max-height: 6; }
    .phases, .doses { height: 2; }
    .plots { height: 2fr; }
    .figures { height: 3; }
    .events { height: 1fr; min-height: 3; }
    Programs, Page { align: center middle; }
    .box { width: 64; max-width: 100%; height: auto; max-height: 100%; border: solid ansi_default; padding: 0 1; }
    OptionList { height: auto; max-height: 12; border: none; }
    OptionList > .option-list--option-highlighted { text-style: bold underline !important; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("a", "arm", "arm"),
        Binding("p", "wish('pause')", "pause"),
        Binding("r", "wish('resume')", "resume"),
        Binding("s", "wish('stop')", "stop"),
        Binding("e", "events", "events"),
        Binding("question_mark", "help", "help"),
        Binding("q", "leave", "leave"),
        Binding("ctrl+c,ctrl+q", "leave", "leave", priority=True),
        Binding("tab", "turn(1)", "next device", priority=True),
        Binding("shift+tab", "turn(-1)", "device before", priority=True),
        *(Binding(str(i + 1), f"show({i})", "device") for i in range(9)),
    ]

    def __init__(self, devices: Sequence[tuple[Watched, Source]]) -> None:
        # The terminal's own colours: they suit it, light or dark, and without colour none is sent.
        super().__init__(ansi_color=True)
        self._devices = devices
        self._shown = 0
        self._asked = False
        """A first q was told what leaving would end."""
        # It repeats what is in view, and would come as an escape from the device's name.
        self.title = "podsteam"

    @property
    def watched(self) -> Watched:
        """The device in view."""
        return self._devices[self._shown][0]

    def compose(self) -> ComposeResult:
        """Devices, then keys."""
        if len(self._devices) > 1:
            yield Static(id="tabs", markup=False)
        with Container(id="panes"):
            for watched, _ in self._devices:
                yield Pane(watched)
        yield Static(_KEYS, classes="keys", markup=False)

    def on_mount(self) -> None:
        """Begin to take and to draw."""
        self.action_show(0)
        for _, source in self._devices:
            source.start()
        self.set_interval(_TAKE_S, self._take)
        self.set_interval(_DRAW_S, self._draw)

    def on_unmount(self) -> None:
        """Let the devices go."""
        for _, source in self._devices:
            source.close()

    def _take(self) -> None:
        for pane, (watched, source) in zip(self._panes(), self._devices, strict=True):
            while not source.items.empty():
                watched.take(source.items.get_nowait())
                pane.stale = True
            if not watched.holds:
                self._asked = False

    def _draw(self) -> None:
        pane = self._panes()[self._shown]
        if pane.stale:
            pane.draw()
        if len(self._devices) > 1:
            everyone = [watched for watched, _ in self._devices]
            self.screen_stack[0].query_one("#tabs", Static).update(rows.tabs(everyone, self._shown, self.size.width))

    def _panes(self) -> list[Pane]:
        return list(self.screen_stack[0].query(Pane))

    # Keys ----------------------------------------------------------------------------------------------------
    def action_show(self, number: int) -> None:
        """Bring a device into view."""
        if not 0 <= number < len(self._devices):
            return
        self._shown = number
        for i, pane in enumerate(self._panes()):
            pane.set_class(i == number, "shown")
            pane.stale = True

    def action_turn(self, by: int) -> None:
        """The device so many further on."""
        self.action_show((self._shown + by) % len(self._devices))

    def action_wish(self, what: str) -> None:
        """Pass a wish on to the device in view."""
        watched, source = self._devices[self._shown]
        if watched.lost:
            self._tell("There is no connection, so nothing was sent.")
            return
        {"pause": source.pause, "resume": source.resume, "stop": source.stop}[what]()

    def action_arm(self) -> None:
        """Ask for a program and arm it."""
        watched, source = self._devices[self._shown]
        if watched.lost or watched.progress.state not in (StateValue.IDLE, StateValue.COOLING):
            self._tell("Arming wants a device that is connected and at rest; s stops what runs.")
            return
        if not watched.programs:
            self._tell("The device's programs are not read yet; try again in a moment.")
            return

        def chosen(name: str | None) -> None:
            if name is not None:
                source.arm(name)

        self.push_screen(Programs(watched.programs), chosen)

    def action_events(self) -> None:
        """All events of the device in view."""
        watched = self.watched
        self.push_screen(Page(lambda width: rows.all_events(watched, width), lambda: watched.count))

    def action_help(self) -> None:
        """The keys, and what leaving does."""
        self.push_screen(Page(lambda _: Text(HELP), lambda: 0))

    def action_leave(self) -> None:
        """Leave; first ask, when that would end a session."""
        held = next((i for i, (watched, _) in enumerate(self._devices) if watched.holds), None)
        if held is None or self._asked:
            self.exit()
            return
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.action_show(held)
        self._asked = True
        self._tell(f"Session {self.watched.holds} lives by this view: q again stops it and leaves.")

    def _tell(self, text: str) -> None:
        self.watched.message = text
        self._panes()[self._shown].stale = True
