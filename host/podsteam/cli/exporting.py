# SPDX-License-Identifier: Apache-2.0
"""`records export`: records for other tools, one by one or a whole store."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer
from podsteam.cli.base import Command, Settings, settings_of
from podsteam.cli.keeping import store_of

if TYPE_CHECKING:
    from podsteam.store.model import Stored

FORMATS = ("csv", "json", "parquet")


@click.command(cls=Command)
@click.argument("record", default="")
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), help="By default as FILE's name ends, else csv.")
@click.option("--output", "-o", type=click.Path(), metavar="FILE", help="What to write; with --all a folder.")
@click.option("--all", "everything", is_flag=True, help="All records, into a folder.")
@click.option("--partition-by", default="device,month", show_default=True, help="With --all: folders by these keys.")
@click.option("--where", multiple=True, metavar="NAME=VALUE", help="With --all: only those (see records list).")
@click.option("--blind", is_flag=True, help="Hide the podlet's identity; such a file cannot be imported.")
@click.option("--overwrite", is_flag=True, help="Replace files of that name.")
@click.pass_context
def export(
    ctx: click.Context,
    record: str,
    form: str | None,
    output: str | None,
    everything: bool,
    partition_by: str,
    where: tuple[str, ...],
    blind: bool,
    overwrite: bool,
) -> Answer:
    """Write a record for other tools: CSV, one JSON document, or Parquet. Without one, the newest.

    CSV is a table of values and one of events, with a JSON file beside them that describes both. Tags are columns of
    their own. 'records import' reads each of the formats back.
    """
    from podsteam.errors import UsageProblem

    settings = settings_of(ctx)
    if everything:
        if record:
            raise UsageProblem("Give either a record or --all.")
        return _all(settings, form or "parquet", Path(output or "sessions"), partition_by, where, blind, overwrite)
    if where:
        raise UsageProblem("--where chooses among records, so it goes with --all.")
    ending = Path(output).suffix.lower().removeprefix(".") if output else ""
    form = form or ending or "csv"
    if form not in FORMATS:
        raise UsageProblem(f"{output}: the format does not follow from the name; add --format {', '.join(FORMATS)}.")
    with store_of(settings) as store:
        stored = store.get(record or "last")
    path = Path(output or f"{stored.entry.id}.{form}")
    written = _one(stored.blinded() if blind else stored, form, path, blind, overwrite)
    data = {"record": stored.entry.id, "files": [str(each) for each in written]}
    return Answer(data, lambda data: [f"Wrote {path}" for path in data["files"]])


def _one(stored: "Stored", form: str, path: Path, blind: bool, overwrite: bool) -> list[Path]:
    if form == "parquet":
        from podsteam.report.parquet import write_parquet

        return write_parquet(stored, path, overwrite, blind)
    from podsteam.report.export import write_csv, write_json

    return (write_csv if form == "csv" else write_json)(stored, path, overwrite, blind)


def _all(
    settings: Settings, form: str, folder: Path, partition_by: str, where: tuple[str, ...], blind: bool, overwrite: bool
) -> Answer:
    from podsteam.errors import UsageProblem
    from podsteam.report.partition import parse_keys, write_partitioned
    from podsteam.store.model import RECORDING
    from podsteam.store.where import chosen

    keys = parse_keys(partition_by)
    if form not in ("parquet", "csv"):
        raise UsageProblem("--all writes --format parquet or csv; for JSON export the records one by one.")
    with store_of(settings) as store:
        entries = [entry for entry in chosen(store.list(), where) if entry.state != RECORDING]
        tags = sorted({name for entry in entries for name in entry.tags})
        sessions = (store.get(entry.id) for entry in entries)
        shown = (stored.blinded() for stored in sessions) if blind else sessions
        written = write_partitioned(shown, folder, keys, form, tags, overwrite)
    data = {"records": len(entries), "folder": str(folder), "files": [str(each) for each in written]}
    return Answer(data, lambda d: [f"{d['records']} records in {len(d['files'])} files below {d['folder']}"])
