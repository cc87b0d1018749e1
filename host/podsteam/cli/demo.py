# SPDX-License-Identifier: Apache-2.0
"""`demo`: a whole session on a simulated board over a real serial line, recorded and plotted."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterable
from pathlib import Path

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command, Settings, settings_of

SPEED = 15
"""Device seconds in a second: the whole takes less than half a minute."""


@click.command(cls=Command)
@click.option("--program", "name", default="gentle", show_default=True, help="The example program to run.")
@click.option("--speed", default=SPEED, show_default=True, type=click.IntRange(1, 100), help="Times faster than life.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0, 2**30 - 1), help="For the board's noise.")
@click.pass_context
def demo(ctx: click.Context, name: str, speed: int, seed: int) -> Answer:
    """Watch a whole session: firmware on MicroPython, on a simulated board, over a serial line.

    Starts the board, inserts a podlet, presses the button, shows the session, saves its record and plots it.
    Needs no hardware and leaves nothing running.
    """
    from podsteam import programs
    from podsteam.cli.connect import note
    from podsteam.cli.program import unknown
    from podsteam.cli.run import SessionCall
    from podsteam.client import Device
    from podsteam.errors import UsageProblem
    from podsteam.transport import find, sim

    if name not in programs.names():
        raise UsageProblem(unknown(name, programs.names(), "Examples are"))
    settings = settings_of(ctx)
    with _board(speed, seed) as board:
        note(f"A simulated board runs on {board['interpreter']}, {speed} times faster than life, on {board['link']}.")
        sim.command(board["control"], {"do": "insert", "podlet": "demo"})
        with Device(find.open_port(board["link"])) as device:
            program = programs.get(name)
            device.put_program(program)
            call = SessionCall(settings, tags=["demo=yes"], press=True)
            answer = call.run(device, name, program)
    return _with_plots(settings, answer)


@contextlib.contextmanager
def _board(speed: int, seed: int) -> Generator[Data]:
    """A board served by a process of its own, which ends with this one."""
    from podsteam.errors import NotPodsteam

    link = "pty" if os.name == "posix" else "tcp"
    command = [sys.executable, "-m", "podsteam.cli.main", "sim", "serve", "--jsonl", "--while-stdin", "--link", link]
    command += ["--speed", str(speed), "--seed", str(seed)]
    # In a session of its own: Ctrl-C is for this process, which then needs the board to prove that heat is off.
    apart = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, creationflags=apart
    )
    assert server.stdin is not None and server.stdout is not None
    try:
        first = server.stdout.readline()
        if not first:
            raise NotPodsteam("The simulated board does not start; the lines above say why.")
        yield json.loads(first)
    finally:
        server.stdin.close()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()


def _with_plots(settings: Settings, answer: Answer) -> Answer:
    """The answer with the paths of record and plots in it."""
    from podsteam.cli.plots import plot_files
    from podsteam.store import open_store

    record = answer.data["record"]
    if record is None:
        return answer
    with open_store(settings.store or None) as store:
        stored = store.get(record)
        folder = Path(store.path).parent / "plots"
    html, png, problem = plot_files(stored, folder, overwrite=True)
    data = {**answer.data, "html": str(html), "png": str(png) if png else None}
    data["plot_problem"] = str(problem) if problem else None
    return Answer(data, _text, problem=answer.problem)


def _text(data: Data) -> Iterable[str]:
    yield f"Record {data['record']} in {data['store']}"
    for path in (data["png"], data["html"]):
        if path:
            yield f"Plot   {path}"
    if data["plot_problem"]:
        yield data["plot_problem"]
