# SPDX-License-Identifier: Apache-2.0
"""One recorded session as the command line runs it: view, store, signals, and what is said at the end."""

import contextlib
import sys
from collections.abc import Callable, Generator, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Settings
from podsteam.cli.connect import note
from podsteam.cli.signals import stop_signals
from podsteam.errors import DeviceLost, EndedEarly, PodsteamError
from podsteam.session import Armed, Outcome, Session, Taker, View, record_head
from podsteam.wire import messages as m

if TYPE_CHECKING:
    from podsteam.client import Device
    from podsteam.store.cleaning import Line
    from podsteam.store.database import Store
    from podsteam.store.model import Stored
    from podsteam.store.writer import SessionWriter


How = Callable[[Session, Callable[[Armed], None]], Outcome]
"""Runs a session; calls the second argument once it waits for the button."""


class Watcher(Protocol):
    """Sees a session's measurements."""

    def update(self, tele: m.Tele | None) -> None:
        """New ones."""
        ...

    def enough(self) -> bool:
        """Whether the session may end."""
        ...


class Both:
    """A view with a watcher beside it."""

    def __init__(self, view: View, watcher: Watcher) -> None:
        self._view = view
        self._watcher = watcher

    def update(self, tele: m.Tele | None, status: m.StatusGetReply | None = None) -> None:
        """To both."""
        self._watcher.update(tele)
        self._view.update(tele, status)

    def event(self, event: m.Event) -> None:
        """To the view."""
        self._view.event(event)


class QuietView:
    """For --json: nothing is shown while the session runs."""

    def update(self, tele: m.Tele | None, status: m.StatusGetReply | None = None) -> None:
        """Nothing."""

    def event(self, event: m.Event) -> None:
        """Nothing."""


class LinesView:
    """For --jsonl: every measurement and event is a line."""

    def __init__(self, emit: Callable[[Data], None]) -> None:
        self._emit = emit

    def update(self, tele: m.Tele | None, status: m.StatusGetReply | None = None) -> None:
        """A measurement."""
        from podsteam.cli.views import tele_data

        if tele is not None:
            self._emit(tele_data(tele))

    def event(self, event: m.Event) -> None:
        """An event."""
        from podsteam.cli.views import event_data

        self._emit(event_data(event))


class SessionCall:
    """One call of `session run`, or the demo's."""

    def __init__(
        self,
        settings: Settings,
        tags: Iterable[str] = (),
        text: str = "",
        press: bool = False,
        agree: bool = False,
    ) -> None:
        """`press` presses a simulated board's button, `agree` holds it before, for a podlet that waits for that.

        Raises UsageProblem for a tag that the store does not take.
        """
        from podsteam.store import parse_tag
        from podsteam.store.cleaning import Line

        self._settings = settings
        self._tags = dict(parse_tag(tag) for tag in tags)
        self._text = text
        self._press = press
        self._agree = agree
        self._writer: SessionWriter | None = None
        self._line = Line()

    def run(self, device: "Device", name: str, program: m.Program) -> Answer:
        """Run the program of that name on the device, and record it. The answer says how it ended."""
        outcome, data = self.conduct(device, name, program, lambda session, armed: session.run(name, armed))
        return Answer(data, record_line, problem=outcome.problem())

    def conduct(
        self, device: "Device", name: str, program: m.Program, how: How, watcher: "Watcher | None" = None
    ) -> tuple[Outcome, Data]:
        """Do `how` with a session that shows and records itself under that name. `watcher` sees the measurements and
        may end it before its time. Raises ButtonNotPressed at once where nobody can press the button, and
        PodletRecalled."""
        from podsteam.store import open_store
        from podsteam.store.questions import label_of

        _not_recalled(device)
        self._need_a_hand(device)
        with open_store(self._settings.store or None) as store, self._view(device, program) as view:
            outcome = self._run(device, how, program, store, view, watcher)
            stored = store.get(self._writer.record) if self._writer is not None else None
            if stored is not None:
                self._line = self._line.after(stored.entry, label_of(store, stored.entry))
            data = {**self._data(outcome, name, store), "cleaning_due": _cleaning_due(device, self._line, store.now())}
            _sum_up(view, stored)
        return outcome, data

    @contextlib.contextmanager
    def _view(self, device: "Device", program: m.Program) -> Generator[View]:
        if self._settings.jsonl:
            from podsteam.cli import output

            yield LinesView(output.emit)
        elif self._settings.json:
            yield QuietView()
        else:
            from podsteam.live import Live

            console = view_console(self._settings)
            with Live(console, program, plain=not console.is_terminal, caps=device.hello.caps) as live:
                yield live

    def _run(
        self, device: "Device", how: How, program: m.Program, store: "Store", view: View, watcher: "Watcher | None"
    ) -> Outcome:
        from podsteam.store.cleaning import line_of
        from podsteam.store.gather import gather
        from podsteam.wallclock import tell

        info = device.info()
        gather(device, info, store)
        self._line = line_of(store, device.hello.uid.hex())
        if due := _cleaning_due(device, self._line, store.now()):
            _say(view, due)
        for text in (tell(device), _consent_wanted(device)):
            if text:
                _say(view, text)
        session = 0
        shown = Both(view, watcher) if watcher is not None else view

        def armed(reply: Armed) -> None:
            nonlocal session
            session = reply.session
            self._ask_for_the_button(device, view, reply.armed_s)

        def begin(started: m.Event) -> Taker:
            from podsteam.store import SessionMeta

            head, at = record_head(device, info, program, started, session)
            meta = SessionMeta(head, at, device.port.name, self._tags, self._text)
            self._writer = store.begin(meta)
            return self._writer

        try:
            with stop_signals() as caught:

                def stop_wanted() -> bool:
                    return self._stop_wanted(caught, view) or (watcher is not None and watcher.enough())

                outcome = how(Session(device, shown, begin, stop_wanted), armed)
                self._finish("")
            return outcome
        except PodsteamError as e:
            raise self._with_record(e) from e
        except BrokenPipeError as e:
            from podsteam.cli.output import hush

            hush()
            text = "Nobody reads the output any more, so the session was stopped."
            self._finish(text)
            raise EndedEarly(text) from e
        except BaseException as e:
            self._finish(type(e).__name__)
            raise

    def _stop_wanted(self, caught: Callable[[], bool], view: View) -> bool:
        if caught():
            _say(view, "Stopping; waiting for the device to confirm that heat is off.")
        return caught()

    def _need_a_hand(self, device: "Device") -> None:
        """The button of a board in this process is in nobody's reach but the caller's: by option, or at the terminal.

        Asked for before the session is armed, while Ctrl-C still ends the command. The board's time stands still.
        """
        from podsteam.transport import sim

        if not isinstance(device.port, sim.SimPort):
            return
        asks = _at_a_terminal() and not self._settings.machine
        if not asks:
            sim.need_a_hand(device.port, self._press)
        board = f"the simulated board {device.port.name}"
        if asks and not self._agree and (wanted := _consent_wanted(device)):
            note(wanted)
            self._agree = click.confirm(f"Hold the button of {board} for 3 s?", err=True)
        if self._agree and _consent_wanted(device):
            sim.hold(device.port)
        if not self._press:
            text = f"Press Enter to start: that presses the button of {board}. "
            click.prompt(text, "", prompt_suffix="", show_default=False, err=True)
            self._press = True

    def _ask_for_the_button(self, device: "Device", view: View, armed_s: int) -> None:
        from podsteam.transport import sim

        if self._press:
            sim.press(device.port)
            return
        _say(view, sim.how_to_press(device.port, armed_s))

    def _finish(self, ending: str) -> None:
        """Close the record, once."""
        if self._writer is not None:
            self._writer.finish(ending=ending)

    def _with_record(self, error: PodsteamError) -> PodsteamError:
        """Close the record and tell of it in the error's sentence."""
        self._finish(str(error))
        if self._writer is None or not isinstance(error, DeviceLost):
            return error
        return type(error)(f"{str(error).rstrip('.')}; what was recorded until then is record {self._writer.record}.")

    def _data(self, outcome: Outcome, name: str, store: "Store") -> Data:
        from podsteam.cli.views import code_data, enum_name

        return {
            "type": "result",
            "session": outcome.session,
            "program": name,
            "started": outcome.started,
            "stop_reason": enum_name(m.StopValue, outcome.stop_reason),
            "fault": code_data(outcome.fault),
            "interrupted": outcome.interrupted,
            "heat_off_proved": outcome.heat_off_proved,
            "events_lost": outcome.events_lost,
            "record": self._writer.record if self._writer is not None else None,
            "store": str(store.path),
        }


def _sum_up(view: View, stored: "Stored | None") -> None:
    summary: Callable[[Any], None] | None = getattr(view, "summary", None)
    if summary is not None and stored is not None:
        summary(stored.record.summary)


def _at_a_terminal() -> bool:
    """Whether somebody can be asked. A process without standard input has none at all."""
    return bool(getattr(sys.stdin, "isatty", bool)())


def _not_recalled(device: "Device") -> None:
    """Raises PodletRecalled: no session begins with a podlet that this computer or the device knows to be recalled."""
    from podsteam import recall
    from podsteam.errors import PodletRecalled

    listed = recall.load()
    judged = device.settled_podlet()
    if judged.state == m.PodletValue.RECALLED:
        raise PodletRecalled("The podlet was recalled by a list that the device holds; take it out and ask its maker.")
    if listed and judged.size:
        found = recall.naming(listed, device.podlet_memory(judged.size))
        if found is not None:
            raise recall.refuse(found)


def _consent_wanted(device: "Device") -> str:
    """A sentence when the podlet holds what the device's owner has listed, else nothing."""
    from podsteam.allergens import names_of

    if device.settled_podlet().state != m.PodletValue.ALLERGEN:
        return ""
    names = ", ".join(names_of(device.allergens().listed))
    return (
        f"The podlet holds {names}, which is listed as an allergen: before the start hold the button for 3 s to use it "
        "all the same. Without that there is steam and no dose."
    )


def _cleaning_due(device: "Device", line: "Line", now: datetime) -> str:
    """A sentence when the device wants cleaning by this store's records, else nothing."""
    why = line.due(now)
    if not why and device.status().flags & m.FlagBits.CLEAN:
        why = "The device counts many doses since its last cleaning, or a treatment that has stood in its line for days"
    return f"{why}: put in a cleaning podlet and run `podsteam session clean`." if why else ""


def _say(view: View, text: str) -> None:
    """Tell the person something, in the live view where there is one."""
    say: Callable[[str], None] = getattr(view, "say", note)
    say(text)


def record_line(data: Data) -> Iterable[str]:
    """The end for people; the figures stand under the live view."""
    if data["record"]:
        yield f"Record {data['record']} in {data['store']}"
    if data.get("cleaning_due"):
        yield data["cleaning_due"]


def view_console(settings: Settings) -> Any:
    """The console of a live view, which is no data and so goes to stderr."""
    from rich.console import Console

    return Console(stderr=True, no_color=settings.no_color or None, highlight=False)
