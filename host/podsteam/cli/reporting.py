# SPDX-License-Identifier: Apache-2.0
"""`records report`: one file that says all of a session, or of two."""

from pathlib import Path

import click

from podsteam.cli.answer import Answer
from podsteam.cli.base import Command, settings_of
from podsteam.cli.keeping import store_of

FORMATS = ("html", "svg", "png")


@click.command(cls=Command)
@click.argument("record", default="last")
@click.argument("other", default="")
@click.option("--output", "-o", type=click.Path(), metavar="FILE", help="What to write; RECORD.html if not given.")
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), help="By default as FILE's name ends, else html.")
@click.option("--blind", is_flag=True, help="Hide the podlet's identity.")
@click.option("--overwrite", is_flag=True, help="Replace a file of that name.")
@click.pass_context
def report(
    ctx: click.Context, record: str, other: str, output: str | None, form: str | None, blind: bool, overwrite: bool
) -> Answer:
    """Write a report of RECORD, or of two records over each other: one HTML file that loads nothing.

    Its plot is read by pointing, it prints, and it follows the reader's light or dark. svg and png give the plot alone.
    """
    from podsteam.errors import UsageProblem
    from podsteam.report.files import write_files

    ending = Path(output).suffix.lower().removeprefix(".") if output else "html"
    form = form or ending
    if form not in FORMATS:
        raise UsageProblem(f"{output}: the format does not follow from the name; add --format {', '.join(FORMATS)}.")
    with store_of(settings_of(ctx)) as store:
        first, second = store.get(record), store.get(other) if other else None
        differences = []
        if second is not None:
            from podsteam.store.questions import compare

            hidden = ("podlet",) if blind else ()
            differences = [each for each in compare(store, first, second) if each.group not in hidden]
    if blind:
        first, second = first.blinded(), second.blinded() if second else None
    names = first.entry.id + (f"-{second.entry.id}" if second else "")
    path = Path(output or f"{names}.{form}")
    if second is not None:
        from podsteam.report.comparison import chart_of_two, comparison

        page, chart = comparison(first, second, differences), chart_of_two(first, second)
    else:
        from podsteam.report.chart import chart_of
        from podsteam.report.page import page as page_of

        page, chart = page_of(first, pointing=True), chart_of(first.record)
    if form == "html":
        data = page.encode()
    elif form == "svg":
        from podsteam.report.svg import picture

        data = picture(chart, "Session over time").encode()
    else:
        from podsteam.report.plot import png_of

        if second is not None:
            raise UsageProblem("A PNG shows one record; write two as --format html or svg.")
        data = png_of(first)
    write_files({path: data}, overwrite)
    records = [each.entry.id for each in (first, second) if each]
    return Answer({"records": records, "file": str(path)}, lambda d: [f"Wrote {d['file']}"])
