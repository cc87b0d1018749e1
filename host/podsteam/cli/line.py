# SPDX-License-Identifier: Apache-2.0
"""`line`: the operator's screen of a production line, and what came of it."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, Settings, settings_of
from podsteam.cli.keeping import store_of
from podsteam.cli.provision import report

if TYPE_CHECKING:
    from podsteam.line.floor import Floor
    from podsteam.line.keyboard import Keyboard, Typed

_LOOK_S = 0.1


class _Line(Group):
    """`line FILE` is `line run FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with the command put in where only a file is given."""
        named = next((at for at, word in enumerate(args) if word in self.commands), len(args))
        first = next((at for at, word in enumerate(args[:named]) if word.endswith(".toml")), None)
        if first is not None:
            args = [*args[:first], "run", *args[first:]]
        return super().parse_args(ctx, args)


@click.group(cls=_Line)
def line() -> None:
    """A production line: `line STATION.toml` shows a row for each place that units are plugged in at.

    A unit that is plugged in waits for its row's key, then is flashed, tested and given its identity; PASS or FAIL
    fills the row until it is unplugged. One that is unplugged in the middle goes on when it is back.
    """


line.add_command(report)


@line.command()
@click.argument("station", type=click.Path(path_type=Path))
@click.pass_context
def run(ctx: click.Context, station: Path) -> Answer:
    """Run the station in the file STATION until q is pressed; also `line STATION`."""
    from podsteam import production_label
    from podsteam.errors import ProductionFailed
    from podsteam.line.floor import Floor, summary
    from podsteam.line.keyboard import Typed, keyboard
    from podsteam.line.places import by_folder, by_usb
    from podsteam.line.station import load

    settings = settings_of(ctx)
    read = load(station)
    if read.labels:
        production_label.prepare(read.labels)
    folder = read.folder
    with store_of(settings, create=True) as store:
        floor = Floor(read, store, by_usb if folder is None else lambda: by_folder(folder))
        try:
            with keyboard() as keys:
                _turn(floor, settings, keys, Typed(not read.serials))
        finally:
            floor.close()
    last = {record["unit"]: record for record in floor.records}
    bad = [record for record in last.values() if record["result"] != "pass"]
    problem = None
    if bad:
        names = ", ".join(record["serial"] or record["unit"] for record in bad)
        problem = ProductionFailed(f"{len(bad)} of {len(last)} units did not pass: {names}.")
    return Answer({**summary(floor), "tests": floor.records}, _text, "tests", problem)


def _turn(floor: "Floor", settings: Settings, keys: "Keyboard", typed: "Typed") -> None:
    """Until q is pressed, or what is typed ends and nothing is under way."""
    from podsteam.cli.signals import stop_signals
    from podsteam.text import safe

    show = _Lines(floor) if settings.machine or not sys.stderr.isatty() else _Screen(floor, settings)
    with show, stop_signals() as stopped:
        while not stopped():
            floor.tick()
            show.draw()
            if keys.over and not floor.busy():
                return
            for kind, what in typed.take(keys.read(_LOOK_S), bool(floor.scan)):
                if kind == "scan":
                    floor.scanned(what)
                elif what != "q":
                    floor.key(what)
                elif not floor.busy():
                    return
                else:
                    floor.message = f"{floor.busy()} units are under way; Ctrl-C ends after them."
            if floor.message and isinstance(show, _Lines):
                show.say(safe(floor.message, 200))
                floor.message = ""


class _Lines:
    """A line on stderr for each change."""

    def __init__(self, floor: "Floor") -> None:
        self._floor = floor
        self._said: dict[str, str] = {}

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def say(self, text: str) -> None:
        """A line of its own."""
        from podsteam.cli.connect import note

        note(text)

    def draw(self) -> None:
        """What is new."""
        from podsteam.line.show import line as text_of

        for row in self._floor.rows:
            text = text_of(row) if row.place else ""
            if text != self._said.get(row.key, ""):
                self._said[row.key] = text
                self.say(text)


class _Screen:
    """The picture on a terminal, drawn anew when something has changed."""

    def __init__(self, floor: "Floor", settings: Settings) -> None:
        from rich.console import Console
        from rich.live import Live

        self._floor = floor
        self._console = Console(stderr=True, no_color=settings.no_color or None)
        self._plain = "utf" not in self._console.encoding.lower()
        self._live = Live(console=self._console, auto_refresh=False, screen=True)

    def __enter__(self) -> "_Screen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def draw(self) -> None:
        """The rows as they are."""
        from podsteam.line.show import picture

        self._live.update(picture(self._floor, self._plain), refresh=True)


def _text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table
    from podsteam.production import failures
    from podsteam.text import safe

    if not data["tests"]:
        yield "No unit was tested."
        return
    yield f"{data['passed']} of {data['units']} units passed in {data['attempts']} attempts."
    rows = [
        [
            safe(test["place"], 40),
            test["serial"] or "-",
            test["unit"],
            test["result"].upper(),
            "; ".join(failures(test)),
        ]
        for test in data["tests"]
    ]
    yield from table(["place", "serial", "unit", "result", "why"], rows)
