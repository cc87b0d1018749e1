# SPDX-License-Identifier: Apache-2.0
"""`session`: run a session and record it; stop, pause, resume one."""

from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer
from podsteam.cli.base import Group, settings_of

if TYPE_CHECKING:
    from podsteam.client import Device
    from podsteam.wire.messages import Program


@click.group(cls=Group)
def session() -> None:
    """Run a session and record it; stop, pause, resume one."""


@session.command()
@click.argument("what", metavar="[PROGRAM]", default="")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="Label the record: subject=P07. Repeatable.")
@click.option("--note", default="", help="A note for the record.")
@click.option("--press", is_flag=True, help="Press the button; simulated boards only.")
@click.option(
    "--agree", is_flag=True, help="Hold it first, for a podlet with a listed allergen; simulated boards only."
)
@click.pass_context
def run(ctx: click.Context, what: str, tags: tuple[str, ...], note: str, press: bool, agree: bool) -> Answer:
    """Run PROGRAM (a name or a TOML file), show it live and record it. Without one, the device's default.

    Arms the device; its own button starts it, which for a simulated board in this process is Enter on a terminal and
    --press in a script. Ctrl-C stops it, waits for the device to confirm that heat is off, saves the record and exits
    with 130.
    """
    from pathlib import Path

    from podsteam.cli.connect import open_device
    from podsteam.cli.program import is_file
    from podsteam.cli.run import SessionCall
    from podsteam.preferences import tags_of
    from podsteam.program import load
    from podsteam.store import parse_tag
    from podsteam.text import name_of

    labels = tags_of(dict(parse_tag(tag) for tag in tags))
    call = SessionCall(settings_of(ctx), [f"{name}={value}" for name, value in labels.items()], note, press, agree)
    # A mistake in the file shows before anything is opened.
    program = load(Path(what)) if is_file(what) else None
    with open_device(settings_of(ctx)) as device:
        if program is None:
            name, program = choose(device, what)
        else:
            name = name_of(program.name)
            device.put_program(program)
        return call.run(device, name, program)


@session.command()
@click.option("--press", is_flag=True, help="Press the button; simulated boards only.")
@click.pass_context
def clean(ctx: click.Context, press: bool) -> Answer:
    """Rinse the line with a cleaning podlet, and record it."""
    from podsteam.cli.connect import open_device
    from podsteam.cli.run import SessionCall
    from podsteam.errors import UsageProblem
    from podsteam.podlet import read_tag
    from podsteam.text import safe

    with open_device(settings_of(ctx)) as device:
        judged = device.podlet()
        label = read_tag(device.podlet_memory(judged.size)) if judged.size else None
        if label is None or not label.get("cleaning"):
            there = f"'{safe(str(label['name']), 40)}' is in the holder" if label else "none is in the holder"
            raise UsageProblem(
                f"Cleaning wants a cleaning podlet, but {there}: put one in, or run "
                "`podsteam session run rinse` for steam alone."
            )
        return SessionCall(settings_of(ctx), press=press).run(device, *choose(device, "clean"))


def choose(device: "Device", what: str) -> "tuple[str, Program]":
    """A program on the device by its name, "": the default one. An example that it lacks is sent there first."""
    from podsteam import programs
    from podsteam.cli.connect import note
    from podsteam.cli.program import unknown
    from podsteam.errors import UsageProblem
    from podsteam.text import name_of

    stored = {name_of(entry.name): bool(entry.is_default) for entry in device.programs()}
    name = what or next((each for each, is_default in stored.items() if is_default), "")
    if name in stored:
        return name, device.program(name)
    if name in programs.names():
        program = programs.get(name)
        note(f"The device does not have '{name}'; sending the example.")
        device.put_program(program)
        return name, program
    examples = [each for each in programs.names() if each not in stored]
    raise UsageProblem(unknown(what, [*stored, *examples], "The device and the examples have"))


@session.command()
@click.pass_context
def stop(ctx: click.Context) -> Answer:
    """Stop whatever runs, and wait for the device to confirm that heat is off."""
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        status = device.stop_and_prove()
    return _state(status.state, status.flags)


@session.command()
@click.pass_context
def pause(ctx: click.Context) -> Answer:
    """Heater and dosing off, session kept; `resume` goes on with it within 10 minutes."""
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        device.pause()
        status = device.status()
    return _state(status.state, status.flags)


@session.command()
@click.pass_context
def resume(ctx: click.Context) -> Answer:
    """Ask to go on with a paused session; the button on the device confirms."""
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        reply = device.resume()
    return Answer(
        {"armed_s": reply.armed_s},
        lambda data: [f"Press and release the button on the device within {data['armed_s']} s."],
    )


def _state(state: int, flags: int) -> Answer:
    from podsteam import words
    from podsteam.cli.views import enum_name
    from podsteam.wire import messages as m

    closed = bool(flags & m.FlagBits.RELAY)
    text = f"The device is in state '{words.word(words.STATE, state)}', its relay is {'closed' if closed else 'open'}."
    return Answer({"state": enum_name(m.StateValue, state), "relay_closed": closed}, lambda _: [text])
