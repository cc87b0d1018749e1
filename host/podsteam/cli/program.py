# SPDX-License-Identifier: Apache-2.0
"""`program`: session programs as files, as examples, and on the device."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, Settings, settings_of

if TYPE_CHECKING:
    from podsteam.wire.messages import Program


@click.group(cls=Group)
def program() -> None:
    """Session programs. PROGRAM is a TOML file, or the name of an example; with a port, of one on the device."""


def _read(what: str, settings: Settings) -> "tuple[Program, str]":
    """A program by its file or name, and where it came from."""
    from podsteam import programs
    from podsteam.errors import UsageProblem
    from podsteam.program import load, valid_name
    from podsteam.text import safe

    if is_file(what):
        return load(Path(what)), what
    if not valid_name(what):
        raise UsageProblem(f"'{safe(what)}' is neither a file nor the name of a program.")
    from podsteam.cli.connect import open_device, port_given

    if port_given(settings):
        with open_device(settings) as device:
            return device.program(what), f"{what} on the device"
    if what in programs.names():
        return programs.get(what), f"example {what}"
    raise UsageProblem(unknown(what, programs.names(), "Examples are"))


def is_file(what: str) -> bool:
    """Whether a PROGRAM argument means a file."""
    return what.endswith(".toml") or "/" in what or "\\" in what


def unknown(what: str, names: list[str], whose: str) -> str:
    """The sentence for a program that is not there."""
    from podsteam.text import safe

    return f"There is no program '{safe(what)}'. {whose}: {', '.join(safe(name) for name in names)}."


@program.command()
@click.argument("name")
@click.option("--from", "example", default="gentle", metavar="EXAMPLE", help="The example to begin with.")
@click.option("--overwrite", is_flag=True, help="Replace a file of that name.")
def new(name: str, example: str, overwrite: bool) -> Answer:
    """Write NAME.toml, a commented program to edit."""
    from podsteam import programs
    from podsteam.errors import UsageProblem
    from podsteam.program import padded, parse
    from podsteam.report.files import write_files

    padded(name)
    if example not in programs.names():
        raise UsageProblem(unknown(example, programs.names(), "Examples are"))
    text = programs.text(example).replace(f'name = "{example}"', f'name = "{name}"')
    parse(text, name)
    (path,) = write_files({Path(f"{name}.toml"): text.encode()}, overwrite)
    return Answer({"path": str(path)}, lambda data: [f"Wrote {data['path']}"])


@program.command("list")
@click.pass_context
def list_(ctx: click.Context) -> Answer:
    """List the examples and, when a port is given, what the device has."""
    from podsteam import programs
    from podsteam.cli.connect import open_device, port_given
    from podsteam.timeline import totals

    entries: list[Data] = [{"on": "example", "default": False, **totals(programs.get(n))} for n in programs.names()]
    settings = settings_of(ctx)
    if port_given(settings):
        from podsteam.text import name_of

        with open_device(settings) as device:
            for entry in device.programs():
                stored = device.program(name_of(entry.name))
                entries.append({"on": "device", "default": bool(entry.is_default), **totals(stored)})
    return Answer({"programs": entries}, _list_text, "programs")


def _list_text(data: Data) -> Iterable[str]:
    from podsteam import words
    from podsteam.cli.output import table

    rows = [
        [e["name"], e["on"], words.clock(e["steam_s"]), f"{e['steam_g']:g} g", str(e["doses"]), _mark(e)]
        for e in data["programs"]
    ]
    return table(["name", "on", "steam", "mass", "doses", "started by the button"], rows)


def _mark(entry: Data) -> str:
    return "*" if entry["default"] else ""


@program.command()
@click.argument("what", metavar="PROGRAM")
@click.pass_context
def show(ctx: click.Context, what: str) -> Answer:
    """Show a program as TOML."""
    from podsteam.program import dump
    from podsteam.timeline import totals

    found, _ = _read(what, settings_of(ctx))
    data = {**totals(found), "toml": dump(found)}
    return Answer(data, lambda data: data["toml"].rstrip("\n").split("\n"))


@program.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
def validate(files: tuple[str, ...]) -> Answer:
    """Check program files. The first mistake is an error with file, key and range."""
    from podsteam.program import load
    from podsteam.timeline import totals

    checked = [{"file": file, **totals(load(Path(file)))} for file in files]
    return Answer({"programs": checked}, _validate_text, "programs")


def _validate_text(data: Data) -> Iterable[str]:
    for entry in data["programs"]:
        yield f"{entry['file']}: '{entry['name']}' is a valid program."


@program.command("dry-run")
@click.argument("what", metavar="PROGRAM")
@click.pass_context
def dry_run(ctx: click.Context, what: str) -> Answer:
    """Show what a program will do and when. Needs no device."""
    from podsteam.timeline import timeline, totals

    found, _ = _read(what, settings_of(ctx))
    return Answer({**totals(found), "timeline": timeline(found)}, _timeline_text, "timeline")


def _timeline_text(data: Data) -> Iterable[str]:
    from podsteam import words
    from podsteam.cli.output import table

    rows = [[entry["since"], f"+{words.clock(entry['t_s'])}", entry["what"]] for entry in data["timeline"]]
    yield from table(["from", "time", "what happens"], rows)
    yield ""
    dose = "as the podlet asks" if data["dose_ul"] is None else f"{data['dose_ul']:g} uL"
    doses = f"{data['doses']} doses, {dose}" if data["doses"] else "no doses"
    yield f"Steam for {words.clock(data['steam_s'])}, {data['steam_g']:g} g of water, {doses};"
    yield f"over at the latest {words.clock(data['longest_s'])} after the start."


@program.command()
@click.argument("file", type=click.Path())
@click.option("--default", "make_default", is_flag=True, help="Let the button alone start it.")
@click.pass_context
def push(ctx: click.Context, file: str, make_default: bool) -> Answer:
    """Store a program on the device: a TOML file, or an example by its name."""
    from podsteam import programs
    from podsteam.cli.connect import open_device
    from podsteam.program import load
    from podsteam.text import name_of

    found = programs.get(file) if not is_file(file) and file in programs.names() else load(Path(file))
    name = name_of(found.name)
    with open_device(settings_of(ctx)) as device:
        device.put_program(found)
        if make_default:
            device.set_default_program(name)
    return Answer({"name": name, "default": make_default}, lambda data: [f"Stored '{data['name']}' on the device."])


@program.command()
@click.argument("name")
@click.option("--output", "-o", type=click.Path(), help="The file to write; NAME.toml if not given.")
@click.option("--overwrite", is_flag=True, help="Replace a file of that name.")
@click.pass_context
def pull(ctx: click.Context, name: str, output: str | None, overwrite: bool) -> Answer:
    """Write a program of the device to a TOML file."""
    from podsteam.cli.connect import open_device
    from podsteam.program import dump, padded
    from podsteam.report.files import write_files

    padded(name)
    with open_device(settings_of(ctx)) as device:
        found = device.program(name)
    (path,) = write_files({Path(output or f"{name}.toml"): dump(found).encode()}, overwrite)
    return Answer({"name": name, "path": str(path)}, lambda data: [f"Wrote {data['path']}"])


@program.command()
@click.argument("name", required=False)
@click.pass_context
def default(ctx: click.Context, name: str | None) -> Answer:
    """Show which program the button alone starts, or make it NAME."""
    from podsteam.cli.connect import open_device
    from podsteam.text import name_of

    with open_device(settings_of(ctx)) as device:
        if name:
            device.set_default_program(name)
        now = next((name_of(entry.name) for entry in device.programs() if entry.is_default), "")
    return Answer({"name": now}, lambda data: [data["name"]])
