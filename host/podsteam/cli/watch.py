# SPDX-License-Identifier: Apache-2.0
"""`watch`: live values of whatever the device does, on the whole screen or in lines. Leaving it changes nothing.

Textual is imported only when the full-screen view opens.
"""

from collections.abc import Iterator

import click

from podsteam.cli.answer import Data, Stream
from podsteam.cli.base import Command, Settings, settings_of

_DETACHED = "Detached; the device goes on as it was."


@click.command(cls=Command, several_ports=True)
@click.option("--period", default=0.5, show_default=True, help="Device time between values, 0.05 to 10 s.")
@click.option("--count", type=click.IntRange(min=1), help="Lines, and the end after so many values.")
@click.option("--plain", is_flag=True, help="Lines, also on a terminal.")
@click.option("--press", is_flag=True, help="Press the button when a key has armed; simulated boards only.")
@click.pass_context
def watch(ctx: click.Context, period: float, count: int | None, plain: bool, press: bool) -> Stream | None:
    """Show live values and events until it is left, which leaves the device as it is.

    On a terminal a full-screen view with plots and keys (it needs podsteam[watch]); elsewhere, or with --plain or
    --count, a line for each value and event. The view takes several devices: watch --port A --port B, or without
    --port all that are connected.
    """
    import sys

    from podsteam.cli.connect import note
    from podsteam.errors import UsageProblem

    if not 0.05 <= period <= 10:
        raise UsageProblem(f"--period is {period:g}, but must be 0.05 to 10 s.")
    settings = settings_of(ctx)
    if settings.json:
        raise UsageProblem("watch gives a stream, which is no one document; use --jsonl.")
    if sys.stdout.isatty() and not (settings.machine or plain or count):
        lacking = _lacking()
        if not lacking:
            _full(settings, round(period * 1000), press)
            return None
        note(f"Lines instead of the full-screen view, which needs {lacking}.")
    if press:
        raise UsageProblem("--press goes with the keys of the full-screen view; `podsteam sim press` presses now.")
    if len(settings.ports) > 1:
        raise UsageProblem(
            "Several devices at once need the full-screen view: a terminal, pip install 'podsteam[watch]', and neither"
            " --plain nor --count."
        )
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


def _lacking() -> str:
    """What the full-screen view needs and does not have here; empty: nothing. Imports none of it."""
    import os
    import sys
    from importlib.util import find_spec

    if not sys.stdin.isatty() or os.environ.get("TERM", "") in ("", "dumb"):
        return "a terminal for keys and pictures"
    if "utf" not in sys.stdout.encoding.lower():
        return "a UTF-8 terminal"
    return "" if all(map(find_spec, ("textual", "textual_plotext"))) else "pip install 'podsteam[watch]'"


def _ports(settings: Settings) -> list[str]:
    """The ports named, else all that are connected, where there are several."""
    from podsteam.cli.connect import port_given
    from podsteam.transport.find import candidates

    if settings.ports or port_given(settings):
        return list(dict.fromkeys(settings.ports)) or [settings.port]
    found = [candidate.port for candidate in candidates()]
    return found if len(found) > 1 else [""]


def _full(settings: Settings, period_ms: int, press: bool) -> None:
    import contextlib
    import os

    from podsteam.cli.connect import note
    from podsteam.client import Device
    from podsteam.errors import PodsteamError
    from podsteam.transport import sim

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
        pairs: list[tuple[Watched, Feed]] = []
        for device in devices:
            if press:
                sim.can_press(device.port)
            watched = Watched(device.port.name, device.hello.uid.hex(), device.hello.caps)
            pairs.append((watched, Feed(device, period_ms, press)))
        # The mouse stays the terminal's, which marks text with it.
        WatchApp(pairs).run(mouse=False)
    for text in [feed.parting for _, feed in pairs if feed.parting] or [_DETACHED]:
        note(text)
