# SPDX-License-Identifier: Apache-2.0
"""`sim`: serve a simulated board to other programs, and be the hand that presses, inserts and breaks."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from podsteam.cli.answer import Answer, Data, Stream
from podsteam.cli.base import Group


@click.group(cls=Group)
def sim() -> None:
    """Simulated boards: serve one, then press its button, insert podlets, break parts.

    Everything but `serve` and `list` acts on the served board; when there are several, name it with --name or --at.
    """


@sim.command()
@click.option("--link", metavar="pty|tcp[:PORT]", help="The serial line. Default: pty where there are any.")
@click.option("--control", default="tcp:0", metavar="tcp:PORT", help="The control port. Default: any free one.")
@click.option("--speed", default=1, show_default=True, type=click.IntRange(1, 1000), help="Device seconds in a second.")
@click.option("--press-on-arm", is_flag=True, help="Press the button whenever a session waits for it.")
@click.option("--name", help="Keep flash and podlet under this name; also `--port sim:NAME`.")
@click.option("--interpreter", default="auto", type=click.Choice(["auto", "micropython", "cpython"]))
@click.option("--seed", type=click.IntRange(0, 2**30 - 1), help="Decides everything random in the board.")
@click.option("--while-stdin", is_flag=True, hidden=True, help="End when standard input ends.")
def serve(
    link: str | None,
    control: str,
    speed: int,
    press_on_arm: bool,
    name: str | None,
    interpreter: str,
    seed: int | None,
    while_stdin: bool,
) -> Stream:
    """Serve a simulated board until Ctrl-C. Prints how to reach it."""
    options = {"press_on_arm": press_on_arm, "speed": speed, "seed": seed, "interpreter": interpreter}
    where = Where(link or ("pty" if os.name == "posix" else "tcp"), control, speed, name, while_stdin)
    return Stream(_serve(where, options), _serve_text)


@dataclass(frozen=True, slots=True)
class Where:
    """How a board is served."""

    link: str
    control: str
    speed: int
    name: str | None
    while_stdin: bool


def _serve(where: Where, options: dict[str, Any]) -> Iterator[Data]:
    from podsteam.cli.signals import stdin_ended, stop_signals
    from podsteam.errors import DeviceLost, PortBusy, UsageProblem
    from podsteam.transport import sim as library
    from podsteam_twin.control import split
    from podsteam_twin.server import Server

    try:
        _, control_port = split(where.control)
    except ValueError as e:
        raise UsageProblem(f"{e}.") from e
    twin = library.start(where.name, **options)
    try:
        server = Server(twin, where.link, control_port, where.speed, where.name)
    except ValueError as e:
        twin.close()
        raise UsageProblem(f"{e}.") from e
    except OSError as e:
        twin.close()
        raise PortBusy(f"The board cannot be served there ({e.strerror or e}).") from e
    try:
        yield {
            "name": where.name,
            "link": server.address,
            "control": server.control_address,
            "pid": os.getpid(),
            "speed": where.speed,
            "interpreter": twin.interpreter,
        }
        with stop_signals() as stop:
            over = stdin_ended() if where.while_stdin else lambda: False
            server.run(lambda: stop() or over())
    except library.ended() as e:
        raise DeviceLost(f"The simulated board ended: {e}.") from e
    finally:
        server.close()


def _serve_text(data: Data) -> str:
    pace = f", {data['speed']} times faster than life" if data["speed"] != 1 else ""
    return (
        f"Simulated board on {data['interpreter']}{pace}. Ctrl-C ends it.\n"
        f"  link     podsteam --port {data['link']} info\n"
        f"  control  podsteam sim press --at {data['control']}"
    )


def _at(name: str | None, at: str | None) -> str:
    """The control address of the one board that is meant."""
    from podsteam.errors import AmbiguousDevice, NoDevice
    from podsteam.text import safe
    from podsteam.transport import sim as library

    if at:
        return at
    found = [twin for twin in library.running() if name is None or twin.get("name") == name]
    if not found:
        what = f"named '{safe(name)}' " if name else ""
        raise NoDevice(f"No simulated board {what}is being served; start one with `podsteam sim serve`.")
    if len(found) > 1:
        shown = ", ".join(f"{safe(str(twin.get('name') or 'unnamed'))} at {twin['control']}" for twin in found)
        raise AmbiguousDevice(f"{len(found)} simulated boards are being served, choose with --name or --at: {shown}.")
    return str(found[0]["control"])


def _do(name: str | None, at: str | None, what: Data, said: str) -> Answer:
    from podsteam.transport import sim as library

    answer = library.command(_at(name, at), what)
    return Answer({"did": what["do"], **answer}, lambda _: [said])


def _which(function: Any) -> Any:
    """The options that choose a board."""
    function = click.option("--at", metavar="HOST:PORT", help="The board's control address.")(function)
    return click.option("--name", help="The board's name.")(function)


@sim.command()
@click.option("--for", "seconds", default=0.3, show_default=True, help="How long to hold it, s.")
@_which
def press(seconds: float, name: str | None, at: str | None) -> Answer:
    """Press and release the button."""
    from podsteam.errors import UsageProblem

    if not 0.05 <= seconds <= 60:
        raise UsageProblem(f"--for is {seconds:g}, but must be 0.05 to 60 s.")
    return _do(name, at, {"do": "press", "ms": round(seconds * 1000)}, "Pressed and released.")


@sim.command()
@click.argument("podlet", default="demo")
@_which
def insert(podlet: str, name: str | None, at: str | None) -> Answer:
    """Insert a podlet: the name of a demo one, or a file with a tag's memory (`podlet read --dump`)."""
    what: Data = {"do": "insert", "podlet": podlet}
    path = Path(podlet)
    if path.exists() or path.suffix or "/" in podlet:
        from podsteam.errors import UsageProblem

        try:
            what = {"do": "insert", "dump": path.read_bytes().hex()}
        except OSError as e:
            raise UsageProblem(f"{podlet}: cannot be read ({e.strerror or e}).") from e
    return _do(name, at, what, "Inserted.")


@sim.command()
@_which
def remove(name: str | None, at: str | None) -> Answer:
    """Take the podlet out."""
    return _do(name, at, {"do": "remove"}, "Removed.")


@sim.command()
@click.argument("part", metavar="NAME")
@click.argument("value", required=False, type=float)
@click.option("--off", is_flag=True, help="Mend it.")
@_which
def fault(part: str, value: float | None, off: bool, name: str | None, at: str | None) -> Answer:
    """Break a part; `sim list` names what can break. VALUE is the size of a fault that has one."""
    said = f"Mended: {part}." if off else f"Broken: {part}."
    return _do(name, at, {"do": "fault", "name": part, "on": not off, "value": value}, said)


@sim.command()
@click.argument("time")
@_which
def advance(time: str, name: str | None, at: str | None) -> Answer:
    """Let TIME of virtual time pass at once: 90, 90s, 5min, 2h."""
    ms = _milliseconds(time)
    return _do(name, at, {"do": "advance", "ms": ms}, f"{ms / 1000:g} s later.")


def _milliseconds(text: str) -> int:
    import re

    from podsteam.errors import UsageProblem
    from podsteam.text import safe

    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)\s*(ms|s|min|h|)", text)
    if match is None:
        raise UsageProblem(f"'{safe(text, 40)}' is no time; write 90, 90s, 5min or 2h.")
    ms = round(float(match[1]) * {"ms": 1, "s": 1000, "": 1000, "min": 60_000, "h": 3_600_000}[match[2]])
    if not 0 < ms <= 86_400_000:
        raise UsageProblem(f"'{safe(text, 40)}' is out of range; at most a day can pass at once.")
    return ms


@sim.command("list")
@click.option("--at", metavar="HOST:PORT", help="The board's control address.")
def list_(at: str | None) -> Answer:
    """List the boards that are served, and what can break in them."""
    from podsteam.cli.views import light_data
    from podsteam.transport import sim as library

    twins = [{"control": at}] if at else library.running()
    entries = [{**twin, **library.command(str(twin["control"]), {"do": "list"})} for twin in twins]
    for entry in entries:
        entry["light"] = light_data(int(entry.pop("sign", 0)))
    return Answer({"boards": entries}, _list_text, "boards")


def _light_text(light: Data | None) -> str:
    return f"{light['words']} ({light['colour']}): {light['means']} {light['to_do']}" if light else "dark"


def _list_text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import fields

    if not data["boards"]:
        yield "No simulated board is being served; start one with `podsteam sim serve`."
    for entry in data["boards"]:
        faults = entry.get("faults", {})
        broken = sorted(name for name, on in faults.items() if on)
        yield from fields(
            [
                ("name", str(entry.get("name") or "-")),
                ("link", str(entry.get("link") or "-")),
                ("control", str(entry["control"])),
                ("speed", str(entry.get("speed", "-"))),
                ("light", _light_text(entry.get("light"))),
                ("broken", ", ".join(broken) or "nothing"),
                ("can break", ", ".join(sorted(faults))),
                ("podlets", ", ".join(entry.get("podlets", []))),
            ]
        )
