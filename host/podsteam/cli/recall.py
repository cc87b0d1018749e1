# SPDX-License-Identifier: Apache-2.0
"""`podlet recall`: what must not be used any more, on this computer and on devices."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, settings_of

if TYPE_CHECKING:
    from podsteam.recall import Recall

_FILE = click.Path(path_type=Path)
_KEY = click.option("--key", type=_FILE, metavar="FILE", help="PEM file with the maker's key.")
_INBOX = 21


@click.group(cls=Group)
def recall() -> None:
    """Recalled batches and podlets: list them, take up lists of makers, send those to a device.

    No session is started with a podlet that this computer's list names. A device refuses by itself what a signed list
    names, if it trusts the list's key (`podlet trust`).
    """


@recall.command()
@click.argument("batch", default="")
@click.option("--maker", default="", help="Whose batch, as the podlets have it.")
@click.option("--uid", default="", metavar="HEX", help="A single podlet in place of a batch, by its tag's uid.")
@click.option("--reason", default="", help="What a person reads then.")
def add(batch: str, maker: str, uid: str, reason: str) -> Answer:
    """Put BATCH, or the podlet of --uid, on this computer's list."""
    from podsteam import recall as r

    before = r.load()
    after = r.merge(before, [r.checked(maker, batch, uid, reason)])
    if after != before:
        r.save(after)
    return _changed(before, after)


@recall.command()
@click.argument("batch", default="")
@click.option("--maker", default="", help="Whose batch.")
@click.option("--uid", default="", metavar="HEX", help="A single podlet, by its tag's uid.")
def drop(batch: str, maker: str, uid: str) -> Answer:
    """Take from this computer's list what a person put there."""
    from podsteam import recall as r
    from podsteam.errors import UsageProblem

    wanted = set(r.checked(maker, batch, uid).entries())
    before = r.load()
    after = [each for each in before if each.key or not wanted.intersection(each.entries())]
    if after == before:
        raise UsageProblem("This computer's list has no such entry of a person's.")
    r.save(after)
    return _changed(before, after)


@recall.command("list")
def list_() -> Answer:
    """Show this computer's list."""
    from dataclasses import asdict

    from podsteam import recall as r

    return Answer({"recalls": [asdict(each) for each in r.load()], "path": str(r.place())}, _text, "recalls")


@recall.command("import")
@click.argument("file", type=_FILE)
@_KEY
def import_(file: Path, key: Path | None) -> Answer:
    """Add FILE to this computer's list: a TOML file with tables [[recall]], or a maker's signed list with its --key."""
    from podsteam import recall as r
    from podsteam.errors import UsageProblem
    from podsteam.podlet_sign import public_key

    raw = _read(file)
    if raw[:4] == r.MAGIC:
        if key is None:
            raise UsageProblem("--key is missing: a signed list is checked with its maker's public key.")
        new = r.read_signed(raw, public_key(key), str(file))
    else:
        new = r.read_toml(raw, str(file))
    before = r.load()
    after = r.merge(before, new)
    if after != before:
        r.save(after)
    return _changed(before, after)


@recall.command()
@click.argument("file", type=_FILE)
@click.argument("out", type=_FILE)
@_KEY
@click.option("--sequence", type=click.IntRange(1, 2**30 - 1), required=True, help="Higher than that of the last list.")
@click.option("--signer", metavar="COMMAND", help="Signs what it gets on its input; --key is the public key then.")
@click.option("--overwrite", is_flag=True, help="Replace a file of that name.")
def sign(file: Path, out: Path, key: Path | None, sequence: int, signer: str | None, overwrite: bool) -> Answer:
    """For makers: make OUT, a signed list of what the TOML file FILE names. Keep naming what was once named."""
    from podsteam import recall as r
    from podsteam.errors import UsageProblem
    from podsteam.podlet_sign import command_signer, file_signer, key_id, public_key
    from podsteam.report.files import write_files

    if key is None:
        raise UsageProblem("--key is missing: the private key, or with --signer the public one.")
    public = public_key(key)
    named = r.read_toml(_read(file), str(file))
    made = r.sign(named, sequence, public, command_signer(signer) if signer else file_signer(key))
    count = len(r.read_signed(made, public, str(out)))
    write_files({out: made}, overwrite)
    data = {"path": str(out), "entries": count, "sequence": sequence, "key": key_id(public).hex()}
    return Answer(data, lambda d: [f"Wrote {d['path']}: {d['entries']} entries, signed by key {d['key']}."])


@recall.command()
@click.argument("file", type=_FILE)
@click.pass_context
def send(ctx: click.Context, file: Path) -> Answer:
    """Send a maker's signed list to the device, which checks it itself."""
    from podsteam import recall as r
    from podsteam.cli.connect import open_device
    from podsteam.errors import UsageProblem

    raw = _read(file)
    if raw[:4] != r.MAGIC:
        raise UsageProblem(f"{file}: is no signed recall list; `podsteam podlet recall sign` makes one.")
    with open_device(settings_of(ctx)) as device:
        reply = device.send_recall(raw, _INBOX)
    data = {"lists": reply.lists, "entries": reply.entries}
    return Answer(data, lambda d: [f"The device has {d['lists']} recall lists with {d['entries']} entries."])


def _read(file: Path) -> bytes:
    from podsteam.errors import UsageProblem

    try:
        with file.open("rb") as source:
            return source.read(1 << 20)
    except OSError as e:
        raise UsageProblem(f"{file}: cannot be read ({e.strerror or e}).") from e


def _changed(before: "list[Recall]", after: "list[Recall]") -> Answer:
    change = len(after) - len(before)
    verb = f"{change} added" if change > 0 else f"{-change} dropped" if change else "Nothing was new"
    data = {"change": change, "entries": len(after)}
    return Answer(data, lambda d: [f"{verb}; {d['entries']} on this computer's list."])


def _text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table
    from podsteam.recall import Recall
    from podsteam.text import safe

    if not data["recalls"]:
        return ["Nothing is recalled on this computer's list."]
    rows: list[list[str]] = []
    for each in data["recalls"]:
        by = f"key {each['key']}" if each["key"] else "here"
        rows.append([Recall(**each).words(), each["day"], by, safe(each["reason"]) or "-"])
    return table(["recalled", "listed", "by", "reason"], rows)
