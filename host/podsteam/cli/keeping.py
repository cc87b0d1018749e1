# SPDX-License-Identifier: Apache-2.0
"""`records annotate|verify|import|merge|backup|register`: keeping a store, and knowing that it is whole."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command, Settings, settings_of

if TYPE_CHECKING:
    from podsteam.store.database import Store


def store_of(settings: Settings, create: bool = False) -> "Store":
    """The store that the options name. Raises StoreFailed."""
    from podsteam.store import open_store

    return open_store(settings.store or None, create=create)


@click.command(cls=Command)
@click.argument("record", default="last")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="Set a tag: subject=P07. Repeatable.")
@click.option("--untag", multiple=True, metavar="NAME", help="Take a tag away. Repeatable.")
@click.option("--note", default="", help="Add a note.")
@click.pass_context
def annotate(ctx: click.Context, record: str, tags: tuple[str, ...], untag: tuple[str, ...], note: str) -> Answer:
    """Add tags or a note to a record. What was recorded stays as it is, and so does every earlier annotation."""
    from podsteam.store import parse_tag
    from podsteam.store.annotations import annotate as add

    wanted: dict[str, str | None] = dict(parse_tag(tag) for tag in tags)
    wanted |= dict.fromkeys(untag)
    with store_of(settings_of(ctx)) as store:
        key = add(store, record, wanted, note)
        now = store.get(key)
    data = {"record": key, "tags": dict(now.entry.tags), "annotations": len(now.annotations), "chain_head": now.head}
    return Answer(data, _annotated)


def _annotated(data: Data) -> Iterable[str]:
    from podsteam.text import safe

    labels = " ".join(safe(f"{name}={value}") for name, value in data["tags"].items())
    yield f"Record {data['record']} has {data['annotations']} annotations; tags: {labels or 'none'}"


@click.command(cls=Command)
@click.option("--head", "anchor", default="", metavar="HASH", help="A chain head noted earlier, such as a report's.")
@click.pass_context
def verify(ctx: click.Context, anchor: str) -> Answer:
    """Check that no record was changed, taken out, slipped in or moved; names those that were.

    A store that somebody wrote anew from its beginning passes unless --head gives a hash that was noted elsewhere.
    Exits with 30 when something is wrong.
    """
    import re

    from podsteam.errors import IntegrityFailed, UsageProblem
    from podsteam.store.verify import verify as check

    anchor = anchor.strip().lower()
    if anchor and not re.fullmatch(r"[0-9a-f]{64}", anchor):
        raise UsageProblem("--head takes the whole hash, 64 of 0-9 and a-f, as a report or 'records verify' prints it.")
    with store_of(settings_of(ctx)) as store:
        found = check(store, anchor)
        path = str(store.path)
    data = {
        "store": path,
        "sessions": found.sessions,
        "chains": [{"store": h.store, "own": h.own, "entries": h.entries, "head": h.hash} for h in found.heads],
        "findings": [{"record": f.record or None, "text": f.text} for f in found.findings],
    }
    problem = IntegrityFailed(f"{path}: {len(found.findings)} things are not as they were written.")
    return Answer(data, _verified, "findings", problem=problem if found.findings else None)


def _verified(data: Data) -> Iterable[str]:
    from podsteam.text import safe

    for finding in data["findings"]:
        yield safe(finding["text"], 500)
    for each in data["chains"]:
        whose = "" if each["own"] else f" of store {safe(each['store'], 40)}"
        yield f"Chain{whose}: {each['entries']} entries, head {each['head']}"
    if not data["findings"]:
        yield f"{data['sessions']} records are as they were written."


@click.command("import", cls=Command)
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.pass_context
def import_(ctx: click.Context, files: tuple[str, ...]) -> Answer:
    """Take sessions from FILES that 'records export --format json' wrote. Each keeps its id; none is taken twice."""
    from podsteam.store.importing import import_file

    with store_of(settings_of(ctx), create=True) as store:
        taken = [(str(name), *import_file(store, Path(name))) for name in files]
        path = str(store.path)
    data = {"files": [{"file": name, "record": key, "new": new} for name, key, new in taken], "store": path}

    def text(data: Data) -> Iterable[str]:
        for each in data["files"]:
            yield f"{each['file']}: record {each['record']}{'' if each['new'] else ' was here already'}"

    return Answer(data, text, "files")


@click.command(cls=Command)
@click.argument("other", type=click.Path())
@click.pass_context
def merge(ctx: click.Context, other: str) -> Answer:
    """Take everything of the store OTHER into this one. Its chain comes along as it is, checked before."""
    from podsteam.store import open_store
    from podsteam.store.merge import merge as take

    with open_store(other, create=False) as theirs, store_of(settings_of(ctx), create=True) as store:
        merged = take(store, theirs)
        path = str(store.path)
    data = {"store": path, "sessions": merged.sessions, "had": merged.had, "entries": merged.entries}
    return Answer(data, lambda d: [f"{d['sessions']} records taken over, {d['had']} were here already"])


@click.command(cls=Command)
@click.argument("file", type=click.Path())
@click.option("--overwrite", is_flag=True, help="Replace a file of that name.")
@click.pass_context
def backup(ctx: click.Context, file: str, overwrite: bool) -> Answer:
    """Copy the store to FILE, also while a session is being recorded into it."""
    from podsteam.store.merge import backup as copy

    with store_of(settings_of(ctx)) as store:
        copy(store, Path(file), overwrite)
    return Answer({"file": file}, lambda data: [f"Wrote {data['file']}"])


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(["batch", "device", "podlet", "production"]))
@click.argument("subject")
@click.argument("values", nargs=-1, required=True, metavar="NAME=VALUE...")
@click.pass_context
def register(ctx: click.Context, kind: str, subject: str, values: tuple[str, ...]) -> Answer:
    """Note what is known of a batch, a device (its unit), a podlet (its tag's uid) or a production test.

    'records trace' uses it: a podlet's batch is 'records register podlet UID batch=B17'. Devices, podlets and
    calibrations are also noted by themselves when a session starts.
    """
    from podsteam.store import facts, parse_tag

    value = dict(parse_tag(each) for each in values)
    with store_of(settings_of(ctx), create=True) as store:
        new = facts.note(store, kind, subject, value)
    data = {"kind": kind, "subject": subject, "new": new}
    return Answer(data, lambda _: ["Noted." if new else "That was known already."])
