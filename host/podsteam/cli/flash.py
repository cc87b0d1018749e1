# SPDX-License-Identifier: Apache-2.0
"""`flash` and `board`: from a bare chip to a running unit; what is wired where."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, Settings, settings_of

if TYPE_CHECKING:
    from podsteam.flash.job import Outcome

_Decorator = Any


def _options(command: _Decorator) -> _Decorator:
    """What `flash` and `flash recover` share."""
    for option in reversed(
        (
            click.option("--image", "image", type=click.Path(path_type=Path), help="MicroPython image to write."),
            click.option("--fetch", metavar="VERSION", help="Fetch the image of this MicroPython version."),
            click.option("--sha256", metavar="HEX", help="The image must have this SHA-256."),
            click.option("--any-version", is_flag=True, help="Take an image of any MicroPython version."),
            click.option("--board", "which", default="reference", metavar="NAME|FILE.toml", help="Pins and chip."),
            click.option(
                "--key", type=click.Path(path_type=Path), metavar="PUBLIC.pem", help="Whose updates it takes."
            ),
            click.option("--to", "ports", multiple=True, metavar="PORT", help="A port; may be given several times."),
            click.option("--verify", is_flag=True, help="Compare the whole afterwards, besides the hash of each part."),
            click.option("--erase", is_flag=True, help="Erase the whole chip first."),
            click.option("--baud", type=click.IntRange(9600, 3_000_000), help="Speed while flashing."),
            click.option("--no-start", is_flag=True, help="Leave the chip in its loader, without a self-test."),
            click.option("--dry-run", is_flag=True, help="Only say what would be written where."),
        )
    ):
        command = option(command)
    return command


@click.group(cls=Group, invoke_without_command=True)
@_options
@click.option("--app-only", is_flag=True, help="Leave MicroPython as it is; write loader and application.")
@click.option("--keep-data", is_flag=True, help="Read programs, records and dose ledger first and write them back.")
@click.pass_context
def flash(ctx: click.Context, app_only: bool, keep_data: bool, **options: Any) -> Answer | None:
    """Make a running unit of a bare ESP32: MicroPython, loader, application, self-test.

    The file system is built here and written whole; without --keep-data everything that a used unit has stored is
    replaced. A run that was cut off is finished by the same command.
    """
    if ctx.invoked_subcommand is not None:
        return None
    if app_only and options["image"] is None and options["fetch"] is None and options["erase"]:
        from podsteam.errors import UsageProblem

        raise UsageProblem("--erase with --app-only would erase MicroPython too; give --image without --app-only.")
    return _flash(settings_of(ctx), app_only=app_only, keep_data=keep_data, **options)


@flash.command()
@_options
@click.option("--fresh-data", is_flag=True, help="Do not read what the unit has stored; begin with a new unit's.")
@click.pass_context
def recover(ctx: click.Context, fresh_data: bool, **options: Any) -> Answer:
    """Mend a unit whose application or loader is broken; what it has stored is kept.

    Needs no answer from the unit. Without --image MicroPython stays as it is. This is the only way to replace the
    loader.
    """
    from podsteam.errors import UsageProblem

    none = options["image"] is None and options["fetch"] is None
    if options["erase"] and none:
        raise UsageProblem("--erase erases MicroPython too; give --image.")
    return _flash(settings_of(ctx), app_only=none, keep_data=not fresh_data, **options)


def _flash(
    settings: Settings,
    *,
    app_only: bool,
    keep_data: bool,
    image: Path | None,
    fetch: str | None,
    sha256: str | None,
    any_version: bool,
    which: str,
    key: Path | None,
    ports: tuple[str, ...],
    verify: bool,
    erase: bool,
    baud: int | None,
    no_start: bool,
    dry_run: bool,
) -> Answer:
    from podsteam.cli.connect import note
    from podsteam.errors import UsageProblem
    from podsteam.flash import boards, burn, compiled, container, fetching, plan, release
    from podsteam.flash.job import Job, run_all

    board = boards.find(which)
    if image is not None and fetch is not None:
        raise UsageProblem("Give either --image or --fetch.")
    if fetch is not None:
        image = fetching.fetch(fetch, board.chip, sha256 or "", note)
    elif image is not None and sha256 is not None:
        fetching.check(image, sha256)
    read = container.load(image) if image is not None else None
    if read is None and not app_only:
        raise UsageProblem("Name the MicroPython image with --image FILE, or keep the chip's with --app-only.")
    if read is not None:
        plan.suits(read, board, any_version)
        note(f"Image {read.path.name}: SHA-256 {read.sha256}")
    elif sha256 is not None:
        raise UsageProblem("--sha256 needs an image to compare with.")
    application, entry = compiled.application(boards.sources(board))
    job = Job(
        board,
        # With an image, --app-only takes only its partition table.
        read,
        application,
        entry,
        erase=erase,
        verify=verify,
        keep_data=keep_data,
        start=not no_start,
        baud=baud or burn.BAUD,
        interpreter=not app_only,
        key=release.raw_key(release.public_key(key)) if key is not None else b"",
    )
    if dry_run and read is not None and not keep_data:
        return Answer({"dry_run": True, "units": [job.offline().as_data()]}, _text, "units")
    burn.available()
    targets = _targets(settings, ports)
    if dry_run:
        units = [{"port": port, **job.prepare(port, _quiet).as_data()} for port in targets]
        return Answer({"dry_run": True, "units": units}, _text, "units")
    if len(targets) == 1:
        with _Bars(settings, targets) as bars:
            done = job.run(targets[0], lambda doing, share: bars(targets[0], doing, share), _esptool_note(settings))
        return Answer({"dry_run": False, "units": [done]}, _text, "units", problem=_self_test(done))
    with _Bars(settings, targets) as bars:
        outcomes = run_all(job, targets, bars)
    return _several(outcomes)


def _quiet(doing: str, share: float) -> None:
    """Progress that nobody is shown."""


def _esptool_note(settings: Settings) -> Any:
    from podsteam.cli.connect import note

    return note if settings.verbose else None


def _targets(settings: Settings, ports: tuple[str, ...]) -> list[str]:
    """The ports to flash. A simulated board cannot be flashed."""
    from podsteam.errors import UsageProblem
    from podsteam.text import safe
    from podsteam.transport import find

    found = [find.resolve(port) for port in ports] or [find.resolve(settings.port)]
    for port in found:
        if port == "sim" or port.startswith("sim:"):
            raise UsageProblem("A simulated board has no chip to flash; `podsteam update` updates it.")
        if found.count(port) > 1:
            raise UsageProblem(f"The port {safe(port)} is named twice.")
    return found


def _self_test(done: Data) -> Any:
    """The error of a unit whose self-test failed, None otherwise."""
    from podsteam.errors import SafetyLatched

    found = done["self_test"]
    if found is not None and not found["passed"]:
        return SafetyLatched("The unit runs, but its self-test failed; `podsteam selftest` tells what.")
    return None


def _several(outcomes: "dict[str, Outcome]") -> Answer:
    from podsteam.errors import PodsteamError

    units: list[Data] = []
    problem: PodsteamError | None = None
    for port, outcome in outcomes.items():
        if isinstance(outcome, PodsteamError):
            units.append({"port": port, "problem": str(outcome), "status": outcome.status})
            problem = problem or outcome
        else:
            units.append({**outcome, "problem": None, "status": 0})
            problem = problem or _self_test(outcome)
    return Answer({"dry_run": False, "units": units}, _text, "units", problem=problem)


def _text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table

    would = data["dry_run"]
    for unit in data["units"]:
        if unit.get("problem"):
            yield f"{unit['port']}: {unit['problem']}"
            continue
        where = f" on {unit['port']}" if unit.get("port") else ""
        yield f"{'Would write' if would else 'Written'}{where}: {unit['chip']}, board {unit['board']}, application"
        yield f"{unit['application']}{', the whole chip erased first' if unit['erase_all'] else ''}"
        rows = [
            [s["name"], f"{s['address']:#08x}", str(s["bytes"]), str(s["compressed_bytes"]), s["sha256"][:16]]
            for s in unit["segments"]
        ]
        yield from table(["what", "address", "bytes", "compressed", "SHA-256"], rows)
        if not would:
            tested = unit["self_test"]
            said = "not asked" if tested is None else "passed" if tested["passed"] else "failed"
            yield f"Self-test {said}; {unit['seconds']:.1f} s."


class _Bars:
    """Progress: a bar for each port on a terminal, plain lines elsewhere, nothing for programs."""

    def __init__(self, settings: Settings, ports: list[str]) -> None:
        import sys

        self._plain = not sys.stderr.isatty()
        self._silent = settings.machine
        self._last: dict[str, tuple[str, int]] = {}
        self._progress: Any = None
        if not self._plain and not self._silent:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.fields[port]}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
            console = Console(stderr=True, no_color=settings.no_color or None)
            self._progress = Progress(
                *columns, TextColumn("{task.description}"), TimeRemainingColumn(), console=console
            )
            self._tasks = {port: self._progress.add_task("", total=1.0, port=port) for port in ports}

    def __enter__(self) -> "_Bars":
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __call__(self, port: str, doing: str, share: float) -> None:
        """Show how far a port is; a share below 0: it ended badly."""
        if self._progress is not None:
            more = {} if share < 0 else {"completed": share}
            self._progress.update(self._tasks[port], description=doing, **more)
        elif not self._silent:
            from podsteam.cli.connect import note

            step = int(max(0.0, share) * 4)
            if self._last.get(port) != (doing, step):
                self._last[port] = (doing, step)
                note(f"{port}: {doing}" + (f" {100 * share:.0f} %" if share >= 0 else ""))


@click.group(cls=Group)
def board() -> None:
    """The boards that can be flashed, and their wiring."""


@board.command("list")
def list_() -> Answer:
    """List the boards that come with podsteam."""
    from podsteam.flash import boards

    found = [boards.find(name) for name in boards.names()]
    entries = [{"name": b.name, "title": b.title, "chip": b.chip} for b in found]
    return Answer(
        {"boards": entries}, lambda data: [f"{b['name']}: {b['title']} ({b['chip']})" for b in data["boards"]], "boards"
    )


@board.command()
@click.argument("which", metavar="NAME|FILE.toml", default="reference")
def show(which: str) -> Answer:
    """Print a board's wiring table. A board that cannot be built is refused, naming the pin."""
    from podsteam.flash import boards

    found = boards.find(which)
    rows = [
        {"name": role.name, "gpio": gpio, "kind": role.kind, "what": role.what, "wiring": role.wiring}
        for role, gpio in found.rows()
    ]
    data = {"name": found.name, "title": found.title, "chip": found.chip, "bus": found.bus, "pins": rows}
    return Answer(data, _wiring, "pins")


def _wiring(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table

    yield f"{data['name']}: {data['title']} ({data['chip']})"
    if not data["pins"]:
        yield "Nothing is attached and no pin is driven; the devkit's BOOT button is the unit's."
        return
    rows = [[p["name"], str(p["gpio"]), p["kind"], f"{p['what']}: {p['wiring']}"] for p in data["pins"]]
    yield from table(["name", "GPIO", "kind", "what, and how it is wired"], rows)
    yield ", ".join(f"{name} at {address:#04x}" for name, address in data["bus"].items()) + " on the second I2C bus."
