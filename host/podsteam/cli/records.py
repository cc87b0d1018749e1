# SPDX-License-Identifier: Apache-2.0
"""`records`: the sessions that this computer keeps, and those that a device still has."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli import exporting, keeping, questions, reporting
from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, Settings, settings_of
from podsteam.cli.keeping import store_of

if TYPE_CHECKING:
    from podsteam.store.model import Entry, Stored


@click.group(cls=Group)
def records() -> None:
    """Session records. RECORD is an id, the beginning of one, or 'last'."""


for _command in (
    *(keeping.annotate, keeping.verify, keeping.import_, keeping.merge, keeping.backup, keeping.register),
    exporting.export,
    reporting.report,
    *(questions.trace, questions.compare, questions.stats),
):
    records.add_command(_command)


def _get(settings: Settings, record: str) -> "Stored":
    with store_of(settings) as store:
        return store.get(record)


@records.command()
@click.pass_context
def pull(ctx: click.Context) -> Answer:
    """Fetch the records that the device keeps and this computer lacks."""
    from podsteam.cli.connect import open_device
    from podsteam.pull import pull_records

    settings = settings_of(ctx)
    with open_device(settings) as device, store_of(settings, create=True) as store:
        pulled = pull_records(device, store, _progress(settings))
        data = {"pulled": [entry.data() for entry in pulled.new], "had": pulled.had, "store": str(store.path)}
    return Answer(data, _pull_text, problem=pulled.problem)


def _progress(settings: Settings) -> Callable[[int, int], None] | None:
    """Tells of each record on a terminal; silent for machines and pipes."""
    import sys

    from podsteam.cli.connect import note

    def tell(done: int, count: int) -> None:
        note(f"Record {done} of {count}")

    return None if settings.machine or not sys.stderr.isatty() else tell


def _pull_text(data: Data) -> Iterable[str]:
    for entry in data["pulled"]:
        whole = "" if entry["complete"] else ", cut off"
        yield f"Record {entry['record']}: session {entry['session']} with {entry['program']}{whole}"
    yield f"{len(data['pulled'])} pulled, {data['had']} were here already; they are in {data['store']}"


@records.command("list")
@click.option("--where", multiple=True, metavar="NAME=VALUE", help="Only those: a tag, unit, program, since=... .")
@click.pass_context
def list_(ctx: click.Context, where: tuple[str, ...]) -> Answer:
    """List the records, newest first. --where may be given several times; all must hold."""
    from podsteam.store.where import chosen

    settings = settings_of(ctx)
    from podsteam.store import default_path

    path = Path(settings.store) if settings.store else default_path()
    if not settings.store and not path.exists():
        return Answer({"records": [], "store": str(path)}, _list_text, "records")
    with store_of(settings) as store:
        entries = [entry_data(entry) for entry in chosen(store.list(), where)]
    return Answer({"records": entries, "store": str(path)}, _list_text, "records")


def entry_data(entry: "Entry") -> Data:
    """A record's row as data. Its text is made safe."""
    from podsteam.cli.views import code_data, enum_name
    from podsteam.text import safe
    from podsteam.wire import messages as m

    summary = entry.summary
    return {
        "record": entry.id,
        "state": entry.state,
        "source": entry.source,
        "unit": entry.uid,
        "session": entry.session,
        "program": safe(entry.program),
        "started": entry.started.isoformat(timespec="seconds") if entry.started else None,
        "started_by_host": entry.by_host,
        "simulated": entry.simulated,
        "stop_reason": enum_name(m.StopValue, summary.stop_reason) if summary else None,
        "fault": code_data(summary.fault) if summary else None,
        "duration_s": summary.duration_s if summary else None,
        "steam_s": summary.steam_s if summary else None,
        "steam_g": summary.steam_mg / 1000 if summary else None,
        "energy_J": summary.energy_j if summary else None,
        "doses": summary.doses if summary else None,
        "dosed_uL": summary.dosed_nl / 1000 if summary else None,
        "tags": {safe(name): safe(value) for name, value in entry.tags.items()},
        "note": safe(entry.note, 4000),
    }


def _list_text(data: Data) -> Iterable[str]:
    from podsteam import words
    from podsteam.cli.output import table
    from podsteam.wire import messages as m

    if not data["records"]:
        return [f"There are no records in {data['store']} yet."]
    reasons = {value.name: words.STOP[value] for value in m.StopValue}
    rows: list[list[str]] = []
    for entry in data["records"]:
        ended = entry["state"] if entry["state"] != "complete" else reasons.get(entry["stop_reason"], "?")
        labels = " ".join(f"{name}={value}" for name, value in entry["tags"].items())
        when = (entry["started"] or "")[:16].replace("T", " ")
        doses = "" if entry["doses"] is None else str(entry["doses"])
        rows.append([entry["record"], when, entry["program"], doses, f"{ended}{'  ' + labels if labels else ''}"])
    return table(["record", "started", "program", "doses", "ended"], rows)


@records.command()
@click.argument("record", default="last")
@click.pass_context
def show(ctx: click.Context, record: str) -> Answer:
    """Show a record: what it was, what came out, what happened. Without one, the newest."""
    from podsteam.report.export import document
    from podsteam.report.facts import result_facts, session_facts

    stored = _get(settings_of(ctx), record)

    def text(_: Data) -> Iterable[str]:
        from podsteam import words
        from podsteam.cli.output import fields, table

        yield from fields([*session_facts(stored), *result_facts(stored.record.summary)])
        rows = [
            [words.clock(stored.record.seconds(event.uptime_ms)), words.describe(event)]
            for event in stored.record.events
            if words.level(event) != "detail"
        ]
        yield ""
        yield from table(["time", "what happened"], rows)

    full = document(stored)
    shown = {key: full[key] for key in ("record", "program", "summary", "events", "doses", "console")}
    return Answer(shown, text)


@records.command()
@click.argument("record", default="last")
@click.option("--output", "-o", type=click.Path(), metavar="FOLDER", default=".", help="Where to write; default: here.")
@click.option("--dark", is_flag=True, help="Light on dark, for the PNG; the page follows the reader's choice.")
@click.option("--overwrite", is_flag=True, help="Replace files of that name.")
@click.pass_context
def plot(ctx: click.Context, record: str, output: str, dark: bool, overwrite: bool) -> Answer:
    """Write a picture (PNG) and a page (HTML) of a record. Without one, of the newest."""
    from podsteam.cli.plots import plot_files

    stored = _get(settings_of(ctx), record)
    html, png, problem = plot_files(stored, Path(output), dark=dark, overwrite=overwrite)
    data = {"record": stored.entry.id, "html": str(html), "png": str(png) if png else None}
    return Answer(data, lambda data: [f"Wrote {path}" for path in (data["png"], data["html"]) if path], problem=problem)
