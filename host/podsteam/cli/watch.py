# SPDX-License-Identifier: Apache-2.0
"""`watch`: live values of whatever the device does. Leaving it changes nothing.

Textual is imported only when the full-screen view opens.
"""

from collections.abc import Iterator

import click

from podsteam.cli.answer import Answer, Data, Stream
from podsteam.cli.base import Command, Settings, settings_of

_DETACHED = "Detached; the device goes on as it was."


@click.command(cls=Command)
@click.option("--period", default=0.5, show_default=True, help="Device time between values, 0.05 to 10 s.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many values.")
@click.option("--plain", is_flag=True, help="The small view, without keys, even where there is the full one.")
@click.pass_context
def watch(ctx: click.Context, period: float, count: int | None, plain: bool) -> Answer | Stream | None:
    """Show live values and events until it is left, which leaves the device as it is.

    On a terminal a full-screen view with plots and keys (it needs podsteam[watch]), with --plain or --count a small
    one; elsewhere a line for each value and event. The full one takes several devices: --port A --port B, or without
    --port all that are connected.
    """
    from podsteam.errors import UsageProblem

    if not 0.05 <= period <= 10:
        raise UsageProblem(f"--period is {period:g}, but must be 0.05 to 10 s.")
    settings = settings_of(ctx)
    if settings.json:
        raise UsageProblem("watch gives a stream, which is no one document; use --jsonl.")
    import sys

    if sys.stdout.isatty() and not settings.machine:
        if not plain and count is None and _full_screen_possible():
            _full(settings, round(period * 1000))
            return None
        _one_device(settings)
        _view(settings, round(period * 1000), count)
        return None
    _one_device(settings)
    return Stream(_items(settings, round(period * 1000), count), _text)


def _text(item: Data) -> str | None:
    text: str | None = item.get("line")
    return text


def _items(settings: Settings, period_ms: int, count: int | None) -> Iterator[Data]:
    """Values and events as data. Without --jsonl each carries the line that a person reads."""
    from podsteam.cli.connect import note, open_device
    from podsteam.cli.signals import stop_signals
    from podsteam.cli.views import event_data, tele_data, tele_line
    from podsteam.shots import Shots
    from podsteam.text import safe
    from podsteam.wire import messages as m

    values = 0
    shots = Shots()
    with open_device(settings) as device, stop_signals() as leave:
        device.follow()
        device.subscribe(period_ms)
        while not leave() and (count is None or values < count):
            for message in device.poll(0.25):
                if isinstance(message, m.Tele):
                    values += 1
                    item, line = tele_data(message), tele_line(message)
                elif isinstance(message, m.Event):
                    item, line = event_data(message), f"       {shots.take(message)[0]}"
                else:
                    text = safe(message.text)
                    item, line = {"type": "console", "text": text}, f"       device says: {text}"
                yield item if settings.jsonl else {"line": line}
                if count is not None and values >= count:
                    break
        if leave():
            note(_DETACHED)


def _view(settings: Settings, period_ms: int, count: int | None) -> None:
    from podsteam.cli.connect import note, open_device
    from podsteam.cli.run import view_console
    from podsteam.cli.signals import stop_signals
    from podsteam.errors import Refused
    from podsteam.live import Live
    from podsteam.text import name_of
    from podsteam.wire import messages as m

    values = 0
    with open_device(settings) as device:
        status = device.follow()
        try:
            program = device.program(name_of(status.program)) if status.program.strip(b"\0") else None
        except Refused:
            program = None
        console = view_console(settings, stderr=False)
        hint = "Ctrl-C leaves; the device goes on"
        with stop_signals() as leave, Live(console, program, plain=False, caps=device.hello.caps, hint=hint) as live:
            live.update(None, status)
            device.subscribe(period_ms)
            while not leave() and (count is None or values < count):
                for message in device.poll(0.25):
                    if isinstance(message, m.Tele):
                        values += 1
                        live.update(message, None)
                    elif isinstance(message, m.Event):
                        live.event(message)
    if leave():
        note(_DETACHED)


def _one_device(settings: Settings) -> None:
    from podsteam.errors import UsageProblem

    if len(settings.ports) > 1:
        raise UsageProblem(
            "Several devices at once need the full-screen view: a terminal, pip install 'podsteam[watch]', and neither"
            " --plain nor --count."
        )


def _full_screen_possible() -> bool:
    """A terminal for pictures and keys, in UTF-8, and the extra's libraries. Imports none of them."""
    import os
    import sys
    from importlib.util import find_spec

    fit = sys.stdin.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    return fit and "utf" in sys.stdout.encoding.lower() and all(map(find_spec, ("textual", "textual_plotext")))


def _ports(settings: Settings) -> list[str]:
    """The ports named, else all that are connected, where there are several."""
    from podsteam.cli.connect import port_given
    from podsteam.transport.find import candidates

    if settings.ports or port_given(settings):
        return list(dict.fromkeys(settings.ports)) or [""]
    found = [candidate.port for candidate in candidates()]
    return found if len(found) > 1 else [""]


def _full(settings: Settings, period_ms: int) -> None:
    import contextlib
    import os

    from podsteam.cli.connect import note
    from podsteam.client import Device
    from podsteam.errors import PodsteamError

    if settings.no_color:
        os.environ["NO_COLOR"] = "1"
    from podsteam.watching.app import WatchApp
    from podsteam.watching.feed import Feed
    from podsteam.watching.model import Watched

    with contextlib.ExitStack() as opened:
        devices: list[Device] = []
        problems: list[PodsteamError] = []
        ports = _ports(settings)
        for port in ports:
            try:
                devices.append(opened.enter_context(Device.open(port)))
            except PodsteamError as e:
                # Among several, one that is no podsteam must not keep the others from being seen.
                problems.append(e)
        if not devices or (problems and settings.ports):
            raise problems[0]
        for problem in problems:
            note(f"Left out: {problem}")
        app = WatchApp([(Watched(d.port.name, d.hello.uid.hex(), d.hello.caps), Feed(d, period_ms)) for d in devices])
        app.run()
    note(_DETACHED)
