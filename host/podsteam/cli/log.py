# SPDX-License-Identifier: Apache-2.0
"""`log`: what a device has noted about itself."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from podsteam.cli.answer import Answer, Data, Stream
from podsteam.cli.base import Group, Settings, settings_of


@click.group(cls=Group)
def log() -> None:
    """What the device has noted about itself: events of its sessions and of this start, and its last words."""


@log.command()
@click.option("--to", type=click.Path(), help="Folder to keep it in; by default one beside the record store.")
@click.pass_context
def pull(ctx: click.Context, to: str | None) -> Answer:
    """Fetch the device's log, proved by SHA-256, and show it.

    What was fetched before is proved and not fetched again; a pull that was cut off goes on, and so does one whose
    device is unplugged and plugged in again meanwhile.
    """
    from podsteam.cli.connect import note, open_device
    from podsteam.cli.views import event_data
    from podsteam.devicelog import pull as fetch
    from podsteam.store import default_path

    settings = settings_of(ctx)
    with open_device(settings) as device:
        unit = device.hello.uid.hex()
        store = Path(settings.store) if settings.store else default_path()
        folder = Path(to) if to else store.parent / "logs" / unit
        found = fetch(device, folder, note)
    events = [
        {**event_data(each.event), "boot_id": f"{each.boot_id:08x}", "session": each.session or None}
        for each in found.entries
    ]
    data: Data = {
        "unit": unit,
        "folder": str(folder),
        "events": events,
        "last_words": found.last_words,
        "fetched_bytes": found.fetched,
        "had_bytes": found.had,
        "missed_events": found.missed,
    }
    return Answer(data, _pulled, "events")


def _pulled(data: Data) -> Iterable[str]:
    start = None
    for event in data["events"]:
        if (event["boot_id"], event["session"]) != start:
            start = (event["boot_id"], event["session"])
            session = f", session {event['session']}" if event["session"] else ""
            yield f"Start {event['boot_id']}{session}"
        yield _line(event)
    if data["last_words"]:
        yield "Last words"
        for line in data["last_words"]:
            yield f"  {line}"
    if data["missed_events"]:
        yield f"{data['missed_events']} earlier events of this start are gone; pull more often, or follow."
    fetched, had = data["fetched_bytes"], data["had_bytes"]
    yield f"{len(data['events'])} events; {fetched} bytes fetched, {had} were here already; in {data['folder']}"


def _line(event: Data) -> str:
    return f"{event['uptime_s']:11.3f}  {event['text']}"


@log.command()
@click.option("--all", "everything", is_flag=True, help="Begin with the events of this start that the device has.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many events.")
@click.option("--wait", default=30.0, show_default=True, help="How long to look for a lost device, s.")
@click.pass_context
def follow(ctx: click.Context, everything: bool, count: int | None, wait: float) -> Stream:
    """Show events as they come, until Ctrl-C. A lost device is looked for, and no event is missed meanwhile."""
    return Stream(_followed(settings_of(ctx), everything, count, wait), _line)


def _followed(settings: Settings, everything: bool, count: int | None, wait_s: float) -> Iterator[Data]:
    from podsteam import devicelog
    from podsteam.cli.connect import note, open_device
    from podsteam.cli.signals import stop_signals
    from podsteam.cli.views import event_data

    shown = 0
    with open_device(settings) as device, stop_signals() as leave:
        first = devicelog.recent(device) if everything else []
        if not everything:
            device.follow()
        for events in (first, devicelog.follow(device, leave, note, wait_s)):
            for event in events:
                if count is not None and shown >= count:
                    return
                shown += 1
                yield {**event_data(event), "boot_id": f"{device.link.boot_id:08x}"}
                if count is not None and shown >= count:
                    return
