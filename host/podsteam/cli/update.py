# SPDX-License-Identifier: Apache-2.0
"""`update`, `rollback`, `release`: a new application over the link, the way back, and what makers sign."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command, Group, settings_of

_PATH = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("file", type=_PATH)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--key", type=_PATH, metavar="PUBLIC.pem", help="Check the signature here first.")
@click.pass_context
def update(ctx: click.Context, file: Path, yes: bool, key: Path | None) -> Answer:
    """Install the signed update FILE on a unit, over the link.

    It goes into the slot that does not run, is checked by the unit, tried, and confirmed after its self-test; otherwise
    the old application runs again. Settings, calibration, records and dose ledger stay. Interrupted, run it again.
    """
    from podsteam import update as lib
    from podsteam.cli.connect import note, open_device
    from podsteam.errors import UsageProblem
    from podsteam.flash import release

    settings = settings_of(ctx)
    package = release.load(file)
    if key is not None:
        release.verify(package, release.public_key(key))
    with open_device(settings) as device:
        before = lib.state(device)
        lib.check(package, before)
        note(f"Runs now: {before.version or 'unknown'}. To be installed: {package.version}, for {package.board}.")
        if not yes:
            if not sys.stdin.isatty():
                raise UsageProblem("Nobody can be asked here; say --yes.")
            click.confirm("Install it?", abort=True, err=True)
        shown = -1

        def report(done: int, whole: int) -> None:
            nonlocal shown
            step = 10 * done // whole
            if step != shown and not settings.machine:
                shown = step
                note(f"{10 * step} %")

        after = lib.install(device, package, report)
    data = {"before": before.version, "after": after.version, "slot": "ab"[after.slot], "floor": after.floor}
    return Answer(data, lambda d: [f"{d['after']} runs in slot {d['slot']} and is confirmed; it was {d['before']}."])


@click.command(cls=Command)
@click.pass_context
def rollback(ctx: click.Context) -> Answer:
    """Go back to the application in the other slot, and restart."""
    from podsteam import update as lib
    from podsteam.cli.connect import open_device
    from podsteam.errors import IntegrityFailed

    with open_device(settings_of(ctx)) as device:
        before = lib.state(device)
        after = lib.restart(device, rollback=True)
    problem = None
    if after.slot == before.slot:
        problem = IntegrityFailed("The other slot's application fails its check, so the same one runs again.")
    data = {"before": before.version, "after": after.version}
    return Answer(data, lambda d: [f"{d['after']} runs now; it was {d['before']}."], problem=problem)


@click.group(cls=Group)
def release() -> None:
    """For makers: build, sign and check update packages."""


@release.command()
@click.argument("out", type=_PATH)
@click.option("--board", "which", default="reference", metavar="NAME|FILE.toml", help="The board it is for.")
@click.option("--release-version", metavar="X.Y.Z", help="Its version; else that of this podsteam.")
def build(out: Path, which: str, release_version: str | None) -> Answer:
    """Build an unsigned package of the installed application into OUT.

    The same sources give the same bytes, wherever and whenever they are built.
    """
    from podsteam import __version__
    from podsteam.flash import boards, compiled
    from podsteam.flash import release as lib

    board = boards.find(which)
    application, _ = compiled.application(boards.sources(board))
    package = lib.build(application, release_version or __version__, board.name)
    _write(out, package.pack())
    return Answer({"file": str(out), **package.as_data()}, _text)


@release.command()
@click.argument("file", type=_PATH)
@click.option("--key", type=_PATH, required=True, metavar="PRIVATE.pem", help="The maker's private key.")
def sign(file: Path, key: Path) -> Answer:
    """Sign the package FILE in place."""
    from podsteam.flash import release as lib

    package = lib.sign(lib.load(file), lib.private_key(key))
    _write(file, package.pack())
    return Answer({"file": str(file), **package.as_data()}, _text)


@release.command()
@click.argument("file", type=_PATH)
@click.option("--key", type=_PATH, required=True, metavar="PUBLIC.pem", help="The maker's public key.")
def verify(file: Path, key: Path) -> Answer:
    """Check that the package FILE is whole and its signature right."""
    from podsteam.flash import release as lib

    package = lib.load(file)
    lib.verify(package, lib.public_key(key))
    return Answer({"file": str(file), **package.as_data()}, _text)


@release.command()
@click.argument("private", type=_PATH)
@click.argument("public", type=_PATH)
def keygen(private: Path, public: Path) -> Answer:
    """Make a pair of keys: PRIVATE.pem stays with the maker, PUBLIC.pem goes into units (`flash --key`)."""
    from podsteam.flash import release as lib

    lib.new_key(private, public)
    return Answer({"private": str(private), "public": str(public)}, lambda d: [f"Keep {d['private']} secret."])


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    from podsteam.errors import StoreFailed
    from podsteam.text import safe

    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(data)
        new.replace(path)
    except OSError as e:
        raise StoreFailed(f"{safe(str(path))} cannot be written ({e.strerror}).") from e


def _text(data: Data) -> Iterable[str]:
    signed = "signed" if data["signed"] else "not signed"
    yield f"{data['file']}: {data['version']} for {data['board']}, {signed}"
    yield f"{data['files']} files, {data['bytes']} bytes, SHA-256 {data['sha256']}"
    yield f"SHA-256 of the manifest {data['manifest_sha256']}"
