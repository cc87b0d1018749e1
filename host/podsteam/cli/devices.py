# SPDX-License-Identifier: Apache-2.0
"""`devices`, `info`, `status`: what is there and how it is. None of them disturbs a board."""

from collections.abc import Iterable

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command, settings_of


@click.command(cls=Command)
@click.option("--probe", is_flag=True, help="Open each port and ask who is there.")
@click.pass_context
def devices(ctx: click.Context, probe: bool) -> Answer:
    """List what a device could be connected to: USB serial adapters and served simulated boards.

    Opens nothing, unless --probe is given.
    """
    from podsteam.transport import find

    found = find.candidates()
    entries = [candidate.data() for candidate in found]
    if probe:
        for entry in entries:
            entry.update(_probe(entry["port"]))
    return Answer({"devices": entries}, _devices_text, "devices")


def _probe(port: str) -> Data:
    from podsteam.cli.views import hello_data
    from podsteam.client import Device
    from podsteam.errors import PodsteamError
    from podsteam.transport import find

    try:
        with Device(find.open_port(port)) as device:
            return {"podsteam": hello_data(device.hello, device.link.boot_id), "problem": None}
    except PodsteamError as e:
        return {"podsteam": None, "problem": str(e)}


def _devices_text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table
    from podsteam.text import safe

    if not data["devices"]:
        return ["No USB serial adapter and no served simulated board was found; --port sim needs neither."]
    rows: list[list[str]] = []
    for entry in data["devices"]:
        what = safe(entry["description"]) or entry["usb"]
        if entry.get("podsteam"):
            what = f"unit:{entry['podsteam']['unit']}, firmware {entry['podsteam']['firmware']}, {what}"
        elif entry.get("problem"):
            what = entry["problem"]
        rows.append([safe(entry["port"]), safe(entry["adapter"]) or "-", safe(entry["location"]) or "-", what])
    return table(["port", "id", "usb", "what"], rows)


@click.command(cls=Command)
@click.pass_context
def info(ctx: click.Context) -> Answer:
    """Show what runs on the device: versions, interpreter, heap, boot id, reset cause."""
    from podsteam.cli.connect import open_device
    from podsteam.cli.views import hello_data, info_data, info_text

    with open_device(settings_of(ctx)) as device:
        data = {**hello_data(device.hello, device.link.boot_id), **info_data(device.info())}
    return Answer(data, info_text)


@click.command(cls=Command)
@click.pass_context
def status(ctx: click.Context) -> Answer:
    """Show the device's state: session, temperatures, switches, podlet, fault."""
    from podsteam.cli.connect import open_device
    from podsteam.cli.views import status_data, status_lines

    with open_device(settings_of(ctx)) as device:
        state = device.status()
    return Answer(status_data(state), lambda _: status_lines(state))
