# SPDX-License-Identifier: Apache-2.0
"""`podlet`: what is in the holder."""

from collections.abc import Iterable
from pathlib import Path

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, settings_of


@click.group(cls=Group)
def podlet() -> None:
    """The podlet in the holder."""


@podlet.command()
@click.option("--dump", type=click.Path(), metavar="FILE", help="Also write the tag's memory to a file.")
@click.option("--overwrite", is_flag=True, help="Replace a file of that name.")
@click.pass_context
def read(ctx: click.Context, dump: str | None, overwrite: bool) -> Answer:
    """Show the podlet: how the device judges it, and what its maker wrote on the tag."""
    from podsteam.cli.connect import open_device
    from podsteam.podlet import read_tag
    from podsteam.report.files import write_files

    with open_device(settings_of(ctx)) as device:
        judged = device.podlet()
        memory = device.podlet_memory(judged.size) if judged.size else b""
    if dump:
        write_files({Path(dump): memory}, overwrite)
    data = {**_judged(judged), "tag_memory_bytes": len(memory), "label": read_tag(memory), "dump": dump}
    return Answer(data, _text)


def _judged(reply: object) -> Data:
    from podsteam.cli.views import enum_name
    from podsteam.podlet import TAG_MODELS
    from podsteam.wire import messages as m

    assert isinstance(reply, m.PodletGetReply)
    present = reply.state != m.PodletValue.ABSENT
    return {
        "state": enum_name(m.PodletValue, reply.state),
        "uid": reply.uid.hex() if present else "",
        "tag": TAG_MODELS.get(reply.tag, f"unknown ({reply.tag:#04x})") if present else "",
        "doses_left": reply.doses_left,
        "doses_used": reply.doses_used,
        "dose_uL": reply.dose_nl / 1000,
        "session_cap_uL": reply.session_cap_nl / 1000,
        "min_interval_s": reply.min_interval_s,
        "outlet_min_degC": reply.outlet_min_cdeg / 100,
        "outlet_max_degC": reply.outlet_max_cdeg / 100,
    }


def _text(data: Data) -> Iterable[str]:
    from podsteam import words
    from podsteam.cli.output import fields
    from podsteam.podlet import label_rows
    from podsteam.wire import messages as m

    states = {value.name: words.PODLET[value] for value in m.PodletValue}
    rows: list[tuple[str, str]] = [("podlet", states.get(data["state"]) or data["state"])]
    if data["uid"]:
        window = f"{data['outlet_min_degC']:g} to {data['outlet_max_degC']:g} °C at the outlet"
        rows += [
            ("tag", f"{data['tag']}, {data['uid']}"),
            ("doses", f"{data['doses_left']} left, {data['doses_used']} used"),
            ("dose", f"{data['dose_uL']:g} µL, at least {data['min_interval_s']} s apart, {window}"),
            ("session", f"at most {data['session_cap_uL']:g} µL"),
        ]
    if data["label"]:
        rows += label_rows(data["label"])
    elif data["tag_memory_bytes"]:
        rows.append(("label", "the tag holds no podlet record"))
    return fields(rows)
