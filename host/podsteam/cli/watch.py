# SPDX-License-Identifier: Apache-2.0
"""`watch`: live values of whatever the device does. Leaving it changes nothing."""

from collections.abc import Iterator

import click

from podsteam.cli.answer import Answer, Data, Stream
from podsteam.cli.base import Command, Settings, settings_of

_DETACHED = "Detached; the device goes on as it was."


@click.command(cls=Command)
@click.option("--period", default=0.5, show_default=True, help="Device time between values, 0.05 to 10 s.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many values.")
@click.pass_context
def watch(ctx: click.Context, period: float, count: int | None) -> Answer | Stream | None:
    """Show live values and events until Ctrl-C, which leaves the device as it is.

    On a terminal a view that redraws itself, elsewhere a line for each value and event.
    """
    from podsteam.errors import UsageProblem

    if not 0.05 <= period <= 10:
        raise UsageProblem(f"--period is {period:g}, but must be 0.05 to 10 s.")
    settings = settings_of(ctx)
    if settings.json:
        raise UsageProblem("watch gives a stream, which is no one document; use --jsonl.")
    import sys

    if sys.stdout.isatty() and not settings.machine:
        _view(settings, round(period * 1000), count)
        return None
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
