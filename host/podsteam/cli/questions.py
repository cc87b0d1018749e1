# SPDX-License-Identifier: Apache-2.0
"""`records trace|compare|stats`: what a person in charge asks of all records together."""

from collections.abc import Iterable
from typing import Any

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command, settings_of
from podsteam.cli.keeping import store_of


@click.command(cls=Command)
@click.argument("record", default="")
@click.option("--batch", default="", metavar="BATCH", help="Every session, device and dose of a podlet batch.")
@click.option("--podlet", default="", metavar="UID", help="Every session of one podlet, by its tag's uid.")
@click.pass_context
def trace(ctx: click.Context, record: str, batch: str, podlet: str) -> Answer:
    """Follow a batch to its sessions, or a RECORD back to its podlet, batch, device and calibration."""
    from podsteam.errors import UsageProblem

    if sum(map(bool, (record, batch, podlet))) != 1:
        raise UsageProblem("Give one of RECORD, --batch or --podlet.")
    with store_of(settings_of(ctx)) as store:
        if record:
            return _back(store, record)
        from podsteam.store.questions import of_batch

        if batch:
            podlets, entries = of_batch(store, batch)
        else:
            podlets = [podlet]
            entries = [entry for entry in reversed(store.list()) if entry.podlet_uid == podlet.lower()]
        sessions = [_session(store, entry.id) for entry in entries]
    data = {
        "batch": batch or None,
        "podlets": podlets,
        "devices": sorted({each["unit"] for each in sessions}),
        "sessions": sessions,
        "dosed_uL": round(sum(each["dosed_uL"] for each in sessions), 3),
    }
    return Answer(data, _forward, "sessions")


def _session(store: Any, key: str) -> Data:
    from podsteam.report.columns import DOSES
    from podsteam.report.export import context_of
    from podsteam.text import safe

    stored = store.get(key)
    entry, context = stored.entry, context_of(stored)
    return {
        "record": entry.id,
        "started": (entry.started or entry.stored).isoformat(timespec="seconds"),
        "unit": entry.uid,
        "podlet": entry.podlet_uid,
        "program": safe(entry.program),
        "tags": {safe(name): safe(value) for name, value in entry.tags.items()},
        "dosed_uL": stored.record.summary.dosed_nl / 1000,
        "doses": [{column.name: column.value(context, dose) for column in DOSES} for dose in stored.record.doses],
    }


def _forward(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table

    if not data["sessions"]:
        yield "No session used it."
        return
    rows: list[list[str]] = []
    for each in data["sessions"]:
        labels = " ".join(f"{name}={value}" for name, value in each["tags"].items())
        given = [dose for dose in each["doses"] if not dose["refused"]]
        when = each["started"][:16].replace("T", " ")
        amount = f"{each['dosed_uL']:g}"
        rows.append([each["record"], when, each["unit"], each["podlet"], str(len(given)), amount, labels])
    yield from table(["record", "started", "unit", "podlet", "doses", "uL", "tags"], rows)
    devices, podlets = len(data["devices"]), len(data["podlets"])
    yield f"{len(rows)} sessions, {devices} devices, {podlets} podlets, {data['dosed_uL']:g} uL"


def _back(store: Any, record: str) -> Answer:
    from podsteam.store.questions import known_at

    stored = store.get(record)
    known = known_at(store, stored.entry)
    data: Data = {"session": _session(store, stored.entry.id), **{name: dict(value) for name, value in known.items()}}
    return Answer(data, _backward)


def _backward(data: Data) -> Iterable[str]:
    from podsteam.cli.output import fields
    from podsteam.text import safe

    session = data["session"]
    rows = [("record", session["record"]), ("started", session["started"]), ("unit", session["unit"])]
    rows.append(("podlet", session["podlet"] or "none"))
    for kind in ("podlet", "batch", "device", "config", "calibration"):
        known = ", ".join(f"{safe(str(name))} {safe(str(value))}" for name, value in data[kind].items())
        rows.append((f"known of the {kind}", known or "nothing"))
    doses = ", ".join(f"{dose['counted_uL']:g} uL at {dose['t_s']:g} s" for dose in session["doses"])
    return fields([*rows, ("doses", doses or "none")])


@click.command(cls=Command)
@click.argument("a")
@click.argument("b")
@click.pass_context
def compare(ctx: click.Context, a: str, b: str) -> Answer:
    """Show how two records differ: firmware, settings, program, calibration, podlet, tags, and what came out."""
    from podsteam.store.questions import compare as differences
    from podsteam.store.questions import data_of

    with store_of(settings_of(ctx)) as store:
        first, second = store.get(a), store.get(b)
        found = [data_of(each) for each in differences(store, first, second)]
    data = {"a": first.entry.id, "b": second.entry.id, "differences": found}
    return Answer(data, _compared, "differences")


def _compared(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table

    if not data["differences"]:
        yield "Nothing differs."
        return
    rows = [[d["group"], d["name"], _cell(d["a"]), _cell(d["b"])] for d in data["differences"]]
    yield from table(["of", "what", data["a"], data["b"]], rows)


def _cell(value: Any) -> str:
    from podsteam.text import safe

    if value is None or value == "":
        return "-"
    return f"{value:g}" if isinstance(value, float) else safe(str(value), 60)


@click.command(cls=Command)
@click.option("--where", multiple=True, metavar="NAME=VALUE", help="Only those records (see records list).")
@click.option("--by", default="unit", show_default=True, metavar="GROUP", help="unit, program, firmware, all or a tag.")
@click.pass_context
def stats(ctx: click.Context, where: tuple[str, ...], by: str) -> Answer:
    """Sum up many records: time to steam, steam, doses, faults, drift of scale and calibration."""
    from podsteam.store.questions import data_of, statistics_of
    from podsteam.store.where import chosen
    from podsteam.text import safe

    with store_of(settings_of(ctx)) as store:
        groups = [data_of(each) for each in statistics_of(store, chosen(store.list(), where), by)]
    for each in groups:
        each["group"] = safe(each["group"])
    return Answer({"by": by, "groups": groups}, _summed, "groups")


def _summed(data: Data) -> Iterable[str]:
    from podsteam import words
    from podsteam.cli.output import table
    from podsteam.text import safe

    if not data["groups"]:
        yield "There are no such records."
        return
    rows: list[list[str]] = []
    for each in data["groups"]:
        drift = each["scale_percent"]
        faults = ", ".join(f"{count} x {words.code(code).split(':')[0]}" for code, count in each["faults"].items())
        more = [f"scale {drift[0]:.0f} to {drift[1]:.0f} %"] if drift else []
        more += [f"{each['calibrations']} calibrations"] if each["calibrations"] > 0 else []
        more += [f"{safe(name, 40)} {_cell(a)} to {_cell(b)}" for name, (a, b) in each["calibration"].items()]
        steam, rate = _spread(each["time_to_steam_s"]), _spread(each["steam_rate_g_per_min"])
        count = f"{each['complete']}/{each['sessions']}"
        name = each["group"] or "(none)"
        rows.append([name, count, steam, rate, _spread(each["doses"]), faults or "-", ", ".join(more)])
    heads = [data["by"], "whole", "to steam, s", "steam, g/min", "doses", "faults", "drift"]
    yield from table(heads, rows)
    yield "Figures are the median and, in brackets, least and most."


def _spread(spread: Data) -> str:
    if spread["median"] is None:
        return "-"
    return f"{spread['median']:.3g} ({spread['least']:.3g}-{spread['most']:.3g})"
