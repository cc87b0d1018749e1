# SPDX-License-Identifier: Apache-2.0
"""`podlet`: what is in the holder, and making podlets of one's own."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, settings_of
from podsteam.cli.recall import recall

if TYPE_CHECKING:
    from podsteam.podlet_place import Place

_FILE = click.Path(path_type=Path)
_TO = click.option("--to", type=_FILE, metavar="FILE", help="Write to a tag dump instead of the podlet in the holder.")
_FROM = click.option("--from", "source", type=_FILE, metavar="FILE", help="Read a tag dump instead of the holder.")
_OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace a file of that name.")
_KEY = click.option("--key", type=_FILE, metavar="FILE", help="PEM file with the key.")


_PASSWORD = click.option("--password", metavar="HEX", help="8 hex digits, for a tag that is behind a password.")


@click.group(cls=Group)
def podlet() -> None:
    """The podlet in the holder, and podlets of your own: make, write, sign, check, empty them."""


podlet.add_command(recall)


@podlet.command()
@click.argument("file", type=_FILE)
@_OVERWRITE
def new(file: Path, overwrite: bool) -> Answer:
    """Write FILE, a commented description of a podlet to edit."""
    from podsteam.podlet_file import template
    from podsteam.report.files import write_files

    path = file if file.suffix == ".toml" else file.with_name(file.name + ".toml")
    write_files({path: template(path.stem.replace("_", " ")).encode()}, overwrite)
    return Answer(
        {"path": str(path)}, lambda data: [f"Wrote {data['path']}; edit it, then `podsteam podlet write` it."]
    )


@podlet.command()
@_FROM
@click.option("--dump", type=click.Path(), metavar="FILE", help="Also write the tag's memory to a file.")
@click.option("--toml", type=click.Path(), metavar="FILE", help="Also write what it says as a TOML file.")
@_OVERWRITE
@click.pass_context
def read(ctx: click.Context, source: Path | None, dump: str | None, toml: str | None, overwrite: bool) -> Answer:
    """Show the podlet: how the device judges it, what its maker wrote on the tag, how many doses are left."""
    from podsteam.podlet import read_tag
    from podsteam.podlet_words import left_in_words
    from podsteam.report.files import write_files

    judged: Data = {}
    if source:
        from podsteam.podlet_place import read_dump

        memory = read_dump(source)
    else:
        judged, memory = _from_device(ctx)
    label = read_tag(memory)
    files = {Path(dump): memory} if dump else {}
    if toml:
        files[Path(toml)] = _toml(memory)
    write_files(files, overwrite)
    data = {**judged, "tag_memory_bytes": len(memory), "label": label, "dump": dump}
    return Answer({**data, "left": left_in_words(judged, label)}, _text)


def _from_device(ctx: click.Context) -> tuple[Data, bytes]:
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        judged = device.settled_podlet()
        return _judged(judged), device.podlet_memory(judged.size) if judged.size else b""


def _toml(memory: bytes) -> bytes:
    from podsteam.podlet_file import as_table, as_toml
    from podsteam.podlet_image import main_of

    return as_toml(as_table({**main_of(memory)[0]})).encode()


@podlet.command()
@click.argument("file", type=_FILE)
@_TO
@click.option("--tag", help="NTAG213, NTAG215 or NTAG216, for a new dump.")
@click.option("--update", is_flag=True, help="Keep what was used, and what this version does not know.")
@_PASSWORD
@click.pass_context
def write(
    ctx: click.Context, file: Path, to: Path | None, tag: str | None, update: bool, password: str | None
) -> Answer:
    """Make a podlet of FILE: on the tag in the holder, or in a tag dump with --to."""
    from podsteam.podlet_file import load
    from podsteam.podlet_image import change, identity, main_of, make
    from podsteam.podlet_place import opened

    described = load(file)
    raw = _password(password)
    with opened(settings_of(ctx), to, tag or described.model or "NTAG215", password=raw) as place:
        name = identity(place.memory)
        if update:
            from podsteam_protocol import podlet as p

            old = main_of(place.memory)[0]
            image = change(place.memory, {p.MAIN_ID: old.get(p.MAIN_ID, name), **described.main})
        else:
            image = make(place.memory, described, name)
        return _stored(place, image)


@podlet.command()
@_FROM
@_TO
@_KEY
@click.option("--signer", metavar="COMMAND", help="Signs what it gets on its input; --key is the public key then.")
@_PASSWORD
@click.pass_context
def sign(
    ctx: click.Context,
    source: Path | None,
    to: Path | None,
    key: Path | None,
    signer: str | None,
    password: str | None,
) -> Answer:
    """Sign the podlet with a key file, or with a command that keeps the key. The tag's UID is signed with it."""
    from podsteam.errors import UsageProblem
    from podsteam.podlet_place import opened
    from podsteam.podlet_sign import command_signer, file_signer, public_key
    from podsteam.podlet_sign import sign as sign_memory

    if key is None:
        raise UsageProblem("--key is missing: the private key, or with --signer the public one.")
    public = public_key(key)
    with opened(settings_of(ctx), to or source, "", source, _password(password)) as place:
        made = command_signer(signer) if signer else file_signer(key)
        return _stored(place, sign_memory(place.memory, public, made))


@podlet.command()
@_FROM
@_KEY
@click.pass_context
def verify(ctx: click.Context, source: Path | None, key: Path | None) -> Answer:
    """Check the podlet's signature with a public key. Exit status 30 when it is not right."""
    from podsteam.errors import IntegrityFailed, UsageProblem
    from podsteam.podlet_place import opened
    from podsteam.podlet_sign import is_right, key_id, public_key, signed_by

    if key is None:
        raise UsageProblem("--key is missing: a PEM file with the public key.")
    public = public_key(key)
    with opened(settings_of(ctx), source, "") as place:
        names = signed_by(place.memory)
        if not names:
            raise IntegrityFailed("The podlet is not signed.")
        right = is_right(place.memory, public)
    problem = None
    if not right:
        other = names != key_id(public).hex()
        why = f"it names key {names}, and this is {key_id(public).hex()}" if other else "it is wrong"
        problem = IntegrityFailed(f"The podlet's signature does not verify: {why}.")
    data = {"right": right, "key": names}
    text = [f"The signature is right, by key {names}."] if right else []
    return Answer(data, lambda _: text, problem=problem)


@podlet.command()
@_TO
@click.option("--yes", is_flag=True, help="Do not ask.")
@_PASSWORD
@click.pass_context
def wipe(ctx: click.Context, to: Path | None, yes: bool, password: str | None) -> Answer:
    """Empty the tag: no podlet, no use. Locked pages stay as they are."""
    from podsteam.errors import UsageProblem
    from podsteam.podlet_image import empty
    from podsteam.podlet_place import opened

    with opened(settings_of(ctx), to, "", password=_password(password)) as place:
        if not yes:
            if settings_of(ctx).machine:
                raise UsageProblem("Wiping needs --yes when nobody can be asked.")
            click.confirm(f"Empty the tag {place.uid.hex()}?", abort=True, err=True)
        return _stored(place, empty(place.memory))


@podlet.command()
@click.argument("private", type=_FILE)
@click.argument("public", type=_FILE)
@_OVERWRITE
def keys(private: Path, public: Path, overwrite: bool) -> Answer:
    """Make a pair of keys to sign with: PRIVATE stays with you, PUBLIC goes to whoever checks."""
    from podsteam.podlet_sign import key_id, new_key, public_key
    from podsteam.report.files import write_files

    secret, open_half = new_key()
    write_files({private: secret, public: open_half}, overwrite)
    private.chmod(0o600)
    data = {"private": str(private), "public": str(public), "key": key_id(public_key(public)).hex()}
    return Answer(data, lambda data: [f"Wrote {data['private']} and {data['public']}; the key's id is {data['key']}."])


@podlet.command()
@click.option("--add", type=_FILE, metavar="FILE", help="Trust the public key in this PEM file.")
@click.option("--drop", metavar="ID", help="Trust the key of this id no longer.")
@click.option("--press", is_flag=True, help="Press its button when it must be; simulated boards only.")
@click.pass_context
def trust(ctx: click.Context, add: Path | None, drop: str | None, press: bool) -> Answer:
    """Show the keys of makers that the device trusts, add one or drop one.

    A unit that was provisioned wants its button pressed for a change, within 60 s.
    """
    from podsteam.cli.connect import asked_for_the_button, open_device
    from podsteam.errors import UsageProblem
    from podsteam.podlet_sign import public_key

    change, data = 0, b""
    if add and drop:
        raise UsageProblem("--add and --drop: one at a time.")
    if add:
        change, data = 1, public_key(add)
    elif drop:
        try:
            change, data = 2, bytes.fromhex(drop)
        except ValueError as e:
            raise UsageProblem(f"--drop: an id has 16 hex digits, not {drop!r}.") from e
        if len(data) != 8:
            raise UsageProblem(f"--drop: an id has 16 hex digits, not {drop!r}.")
    with open_device(settings_of(ctx)) as device:
        asked = asked_for_the_button(device, press, "this changes whose podlets it trusts")
        ids = device.podlet_keys(change, data, asked)
    return Answer({"keys": ids}, lambda data: data["keys"] or ["The device trusts no key yet."])


@podlet.command()
@click.option("--password", metavar="HEX", help="Try these 8 hex digits, where the tag does not count wrong ones.")
@click.pass_context
def tag(ctx: click.Context, password: str | None) -> Answer:
    """Show what the tag in the holder is: NXP's or a copy, what is locked, how often it was read.

    A tag that counts wrong passwords locks itself for good: there none is ever tried.
    """
    from podsteam.cli.connect import open_device
    from podsteam.podlet_place import problem_of

    raw = _password(password)
    with open_device(settings_of(ctx)) as device:
        judged = device.settled_podlet()
        reply = device.podlet_tag(raw)
    return Answer(_tag_data(judged, reply, password is not None), _tag_text, problem=problem_of(reply))


def _password(text: str | None) -> bytes:
    """The 4 bytes, none when no password was given. Raises UsageProblem."""
    from podsteam.errors import UsageProblem

    try:
        raw = bytes.fromhex(text or "")
    except ValueError:
        raw = b"?"
    if text is not None and len(raw) != 4:
        raise UsageProblem("--password has 8 hex digits.")
    return raw


def _tag_data(judged: object, reply: object, tried: bool) -> Data:
    from podsteam.podlet import TAG_MODELS
    from podsteam.wire import messages as m

    assert isinstance(judged, m.PodletGetReply) and isinstance(reply, m.PodletTagReply)
    static = reply.locks[0] | reply.locks[1] << 8
    done = reply.state == m.WriteValue.DONE
    return {
        "uid": judged.uid.hex(),
        "tag": TAG_MODELS.get(judged.tag, f"unknown ({judged.tag:#04x})"),
        "original": {1: True, 2: False}.get(reply.original),
        "counter": reply.counter if reply.counter != 0xFFFFFFFF else None,
        "locked_pages": [page for page in range(3, 16) if static >> page & 1],
        "dynamic_locks": reply.locks[2:].hex(),
        "password_from_page": reply.auth0 if done and reply.auth0 < 0xE7 else None,
        "password_limit": reply.access & 7 if done else None,
        "password_right": done if tried else None,
        "pack": f"{reply.answered:04x}" if tried and done else None,
    }


def _tag_text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import fields

    rows = [("tag", f"{data['tag']}, {data['uid']}")]
    if data["password_limit"] is None:
        return fields(rows)
    if data["original"] is not None:
        right = "right: NXP made the chip" if data["original"] else "wrong: another maker's chip, or a copy"
        rows.append(("signature", right))
    if data["password_right"] is None:
        rows.append(
            ("was read", f"in {data['counter']} fields" if data["counter"] is not None else "it does not count")
        )
    rows.append(("locked", ", ".join(f"page {page}" for page in data["locked_pages"]) or "none of the first pages"))
    behind = f"from page {data['password_from_page']} on" if data["password_from_page"] is not None else "nothing"
    limit = f"; {data['password_limit']} wrong ones lock it" if data["password_limit"] else ""
    rows.append(("password", behind + limit))
    if data["pack"]:
        rows.append(("answered", data["pack"]))
    return fields(rows)


@podlet.command()
@click.option("--add", multiple=True, metavar="NAME", help="List this allergen too. Repeatable.")
@click.option("--drop", multiple=True, metavar="NAME", help="List this allergen no longer. Repeatable.")
@click.option("--clear", is_flag=True, help="List none.")
@click.pass_context
def allergens(ctx: click.Context, add: tuple[str, ...], drop: tuple[str, ...], clear: bool) -> Answer:
    """Show what the device's owner does not bear, or change it.

    A podlet that holds any of it is dosed only after the device's button was held for 3 s. The names are those that a
    podlet's file has; `--add all` lists every one.
    """
    from podsteam.allergens import changed, mask_of, names_of
    from podsteam.cli.connect import open_device

    more, less = mask_of(add), mask_of(drop)
    with open_device(settings_of(ctx)) as device:
        reply = device.allergens()
        wanted = changed(reply.allergens, more, less, clear)
        if wanted != reply.allergens:
            reply = device.allergens(wanted)
    data = {
        "allergens": names_of(reply.allergens),
        "in_the_podlet": names_of(reply.listed),
        "agreed": bool(reply.agreed),
    }
    return Answer(data, _allergens_text)


def _allergens_text(data: Data) -> Iterable[str]:
    yield from data["allergens"] or ["No allergen is listed."]
    if data["in_the_podlet"]:
        holds = f"The podlet in the holder has {', '.join(data['in_the_podlet'])}"
        yield f"{holds}: " + ("agreed to." if data["agreed"] else "hold the button for 3 s to use it all the same.")


@podlet.command()
@click.argument("file", type=_FILE)
@click.argument("png", type=_FILE)
@click.option("--columns", type=click.IntRange(1, 20), default=4, show_default=True, help="Labels side by side.")
@click.option("--rows", type=click.IntRange(1, 30), default=6, show_default=True, help="Labels below each other.")
@_OVERWRITE
def labels(file: Path, png: Path, columns: int, rows: int, overwrite: bool) -> Answer:
    """Make PNG, a sheet of QR codes with what FILE says, to print and cut."""
    from podsteam.podlet_file import as_table, load
    from podsteam.podlet_label import sheet, text_of
    from podsteam.report.files import write_files

    described = load(file)
    text = described.uri or text_of(as_table({**described.main}))
    write_files({png: sheet(text, columns, rows)}, overwrite)
    return Answer({"path": str(png), "text": text}, lambda data: [f"Wrote {columns * rows} labels to {data['path']}."])


def _stored(place: "Place", image: bytes) -> Answer:
    """Store the image in its place, and tell of it."""
    pages = place.store(image)
    data = {"uid": place.uid.hex(), "pages_written": pages, "place": place.name}
    return Answer(data, lambda data: [f"Wrote {data['pages_written']} pages of {data['place']}."])


def _judged(reply: object) -> Data:
    from podsteam.cli.views import enum_name
    from podsteam.podlet import TAG_MODELS
    from podsteam.wire import messages as m

    assert isinstance(reply, m.PodletGetReply)
    present = reply.state != m.PodletValue.ABSENT
    return {
        "state": enum_name(m.PodletValue, reply.state),
        "note": code.happened if (code := m.CODES.get(reply.note)) else "",
        "uid": reply.uid.hex() if present else "",
        "tag": TAG_MODELS.get(reply.tag, f"unknown ({reply.tag:#04x})") if present else "",
        "doses_left": reply.doses_left,
        "doses_used": reply.doses_used,
        "dose_uL": reply.dose_nl / 1000,
        "session_cap_uL": reply.session_cap_nl / 1000,
        "min_interval_s": reply.min_interval_s,
        "outlet_min_degC": reply.outlet_min_cdeg / 100,
        "outlet_max_degC": reply.outlet_max_cdeg / 100,
    }


def _text(data: Data) -> Iterable[str]:
    from podsteam import words
    from podsteam.cli.output import fields
    from podsteam.podlet import label_rows
    from podsteam.wire import messages as m

    rows: list[tuple[str, str]] = []
    if "state" in data:
        states = {value.name: words.PODLET[value] for value in m.PodletValue}
        rows.append(("podlet", states.get(data["state"]) or data["state"]))
        if data["note"]:
            rows.append(("note", data["note"]))
    if data.get("uid"):
        window = f"{data['outlet_min_degC']:g} to {data['outlet_max_degC']:g} °C at the outlet"
        rows += [
            ("tag", f"{data['tag']}, {data['uid']}"),
            ("doses", f"{data['doses_left']} left, {data['doses_used']} used"),
            ("dose", f"{data['dose_uL']:g} µL, at least {data['min_interval_s']} s apart, {window}"),
            ("session", f"at most {data['session_cap_uL']:g} µL"),
        ]
    if data["label"]:
        rows += label_rows(data["label"])
    elif data["tag_memory_bytes"]:
        rows.append(("label", "the tag holds no podlet record"))
    if data["left"]:
        rows.append(("so", data["left"]))
    return fields(rows)
