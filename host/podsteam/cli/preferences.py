# SPDX-License-Identifier: Apache-2.0
"""`preferences`: what holds on this computer, and where it comes from."""

import os

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command, settings_of


@click.command(cls=Command)
@click.pass_context
def preferences(ctx: click.Context) -> Answer:
    """Show port, store and tags that hold on this computer, and where each comes from.

    An option counts before the environment, the environment before the file, the file before what holds without any.
    """
    from podsteam.preferences import STORE_ENVIRONMENT, load, place
    from podsteam.store import default_path
    from podsteam.transport.find import ENVIRONMENT

    settings = settings_of(ctx)
    file = load()

    def row(name: str, option: str, variable: str, kept: str, otherwise: str) -> Data:
        for value, source in (
            (option, f"--{name}"),
            (os.environ.get(variable, ""), variable),
            (kept, "file"),
        ):
            if value:
                return {"name": name, "value": value, "from": source}
        return {"name": name, "value": otherwise, "from": "default"}

    rows = [
        row("port", settings.port, ENVIRONMENT, file.port, "the only device that is connected"),
        row("store", settings.store, STORE_ENVIRONMENT, file.store, str(default_path())),
        *({"name": f"tag {name}", "value": value, "from": "file"} for name, value in file.tags.items()),
        *({"name": f"tag {name}", "value": "required", "from": "file"} for name in file.required_tags),
    ]
    there = place().exists()
    return Answer({"file": str(place()), "exists": there, "preferences": rows}, _lines)


def _lines(data: Data) -> list[str]:
    from podsteam.cli.output import table
    from podsteam.text import safe

    rows = [[safe(row["name"]), row["from"], safe(row["value"], 400)] for row in data["preferences"]]
    missing = "" if data["exists"] else " (not there)"
    return [*table(["what", "from", "value"], rows), f"File: {safe(data['file'], 400)}{missing}"]
