# SPDX-License-Identifier: Apache-2.0
"""`clock`: the device's wall clock, shown and set."""

import time
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, settings_of

if TYPE_CHECKING:
    from podsteam.wire.messages import ClockReply


@click.group(cls=Group)
def clock() -> None:
    """The device's wall clock: it dates records and judges whether a podlet is still good.

    `session run` sets it by itself where it is wrong. The limit on doses in 24 hours does not follow it.
    """


@clock.command()
@click.pass_context
def show(ctx: click.Context) -> Answer:
    """Show the device's time, what keeps it, and how far it is from this computer's."""
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        found = device.clock()
        at_s = int(time.time())
    return Answer(_data(found, at_s), _text)


@clock.command("set")
@click.argument("when", default="")
@click.pass_context
def set_(ctx: click.Context, when: str) -> Answer:
    """Set the device's clock to this computer's time, or to WHEN, such as 2026-11-26T18:30 (local time)."""
    from podsteam.cli.connect import open_device
    from podsteam.wallclock import parsed

    told_s = parsed(when) if when else 0
    with open_device(settings_of(ctx)) as device:
        found = device.clock(told_s or int(time.time()))
        at_s = int(time.time())
    return Answer(_data(found, at_s), _text)


def _data(reply: "ClockReply", at_s: int) -> Data:
    from podsteam.cli.views import enum_name
    from podsteam.wallclock import date, utc
    from podsteam.wire import messages as m

    code = m.CODES.get(reply.note)
    return {
        "time": utc(reply.unix_s),
        "ahead_s": reply.unix_s - at_s if reply.unix_s else None,
        "source": enum_name(m.ClockValue, reply.source),
        "newest_day": date(reply.newest_day),
        "note": f"{code.happened} {code.did} {code.todo}" if code else "",
    }


def _text(data: Data) -> list[str]:
    from podsteam.cli.output import fields
    from podsteam.wallclock import SOURCE, span
    from podsteam.wire.messages import ClockValue

    sources = {value.name: SOURCE[value] for value in ClockValue}
    kept_by = sources.get(data["source"]) or data["source"]
    rows: list[tuple[str, str]] = [("time", data["time"] or "not known"), ("kept by", kept_by)]
    if data["ahead_s"] is not None:
        rows.append(("difference", span(data["ahead_s"]) if data["ahead_s"] else "none"))
    rows.append(("newest day", data["newest_day"] or "none was ever told"))
    if data["note"]:
        rows.append(("note", data["note"]))
    return list(fields(rows))
