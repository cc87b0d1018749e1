# SPDX-License-Identifier: Apache-2.0
"""`config`: the device's settings. What `show` prints is what `apply` takes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, settings_of

if TYPE_CHECKING:
    from podsteam.wire.messages import Config


@click.group(cls=Group)
def config() -> None:
    """The device's settings: show, change, compare, apply a file.

    A change is checked whole before anything is sent, and the device stores all of it or none. None of the settings is
    a safety limit; those of a program, a podlet or a calibration are in their own commands.
    """


def _data(settings: "Config") -> Data:
    from podsteam.config import keys, value_of

    return {"settings": {key: value_of(settings, key) for key in keys()}}


@config.command()
@click.pass_context
def show(ctx: click.Context) -> Answer:
    """Show all settings, as a file that `apply` takes."""
    from podsteam.cli.connect import open_device
    from podsteam.config import dump, notes

    with open_device(settings_of(ctx)) as device:
        found = device.config()
        said = notes(device.config_notes())
    _tell(said)
    return Answer({**_data(found), "notes": said}, lambda _: dump(found).splitlines())


@config.command()
@click.argument("key")
@click.pass_context
def get(ctx: click.Context, key: str) -> Answer:
    """Show one setting."""
    from podsteam.cli.connect import open_device
    from podsteam.config import setting, value_of

    setting(key)
    with open_device(settings_of(ctx)) as device:
        value = value_of(device.config(), key)
    return Answer({"key": key, "value": value}, lambda data: [_shown(data["value"])])


@config.command("set")
@click.argument("key")
@click.argument("value")
@click.pass_context
def set_(ctx: click.Context, key: str, value: str) -> Answer:
    """Change one setting."""
    from podsteam.cli.connect import open_device
    from podsteam.config import parsed, with_value
    from podsteam.wire.messages import Config

    typed = parsed(key, value)
    # A value that is out of range shows before anything is opened.
    with_value(Config(), key, typed)
    with open_device(settings_of(ctx)) as device:
        before = device.config()
        after = with_value(before, key, typed)
        lacking = device.set_config(after)
    return _changed(before, after, "Changed", [], lacking)


@config.command()
@click.argument("file", type=click.Path())
@click.pass_context
def diff(ctx: click.Context, file: str) -> Answer:
    """Show what `apply` would change."""
    from podsteam.cli.connect import open_device
    from podsteam.config import load
    from podsteam.wire.messages import Config

    left: list[str] = []
    load(Path(file), Config(), left)
    with open_device(settings_of(ctx)) as device:
        before = device.config()
    return _changed(before, load(Path(file), before), "Would change", _newer(left))


@config.command()
@click.argument("file", type=click.Path())
@click.pass_context
def apply(ctx: click.Context, file: str) -> Answer:
    """Put a file's settings into use, all at once. What the file leaves out stays as it is.

    Of a file that a newer podsteam wrote, the settings that this one knows are applied; the others are named.
    """
    from podsteam.cli.connect import open_device
    from podsteam.config import load
    from podsteam.wire.messages import Config

    left: list[str] = []
    load(Path(file), Config(), left)
    with open_device(settings_of(ctx)) as device:
        before = device.config()
        after = load(Path(file), before)
        lacking = device.set_config(after) if after != before else []
    return _changed(before, after, "Changed", _newer(left), lacking)


@config.command()
def schema() -> Answer:
    """List every setting with its unit, range and meaning; with --json, a JSON Schema. Needs no device."""
    from podsteam.config import json_schema, range_text
    from podsteam.wire.messages import SETTINGS

    def text(_: Data) -> Iterable[str]:
        from podsteam.cli.output import table

        return table(["setting", "may be", "means"], [[row.key, range_text(row), row.meaning] for row in SETTINGS])

    return Answer({"schema": json_schema()}, text)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _newer(left: list[str]) -> list[str]:
    names = ", ".join(left)
    return [f"The file is of a newer podsteam; left out: {names}. Update this one to set them."] if left else []


def _tell(said: list[str]) -> None:
    from podsteam.cli.connect import note

    for sentence in said:
        note(sentence)


def _changed(before: "Config", after: "Config", verb: str, said: list[str], lacking: Sequence[str] = ()) -> Answer:
    """`lacking`: keys that the device's older firmware does not have."""
    from podsteam.config import changes

    wanted = changes(before, after)
    if missing := [key for key, *_ in wanted if key in lacking]:
        said = [*said, f"The device's firmware is older and has no setting {', '.join(missing)}; update it."]
    rows = [{"key": key, "before": old, "after": new} for key, old, new in wanted if key not in lacking]
    _tell(said)

    def text(data: Data) -> Iterable[str]:
        if not data["changes"]:
            return ["Nothing differs."]
        return [f"{verb} {row['key']}: {_shown(row['before'])} -> {_shown(row['after'])}" for row in data["changes"]]

    return Answer({"changes": rows, "notes": said}, text, "changes")
