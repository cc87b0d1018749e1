# SPDX-License-Identifier: Apache-2.0
"""Opens the board that a test asked for, when its markers allow the test to run there."""

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import pytest

from podsteam.testing.board import Board
from podsteam.transport import find, sim
from podsteam.transport.port import Port

KEEP_TRACE = 2000
"""Acts that a simulated board remembers at least."""
UNIX_S = 1_782_864_000
"""A new simulated board's clock at its start: 2026-07-01, so that dates on podlets mean the same in every run."""


def opened(request: pytest.FixtureRequest) -> Board:
    """The greeted board of the request's target. Skips the test with the reason where it cannot run."""
    node = request.node
    target = str(request.param)
    options: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("sim_options"))):
        options.update(mark.kwargs)
    config = request.config
    if target == "sim:micropython" and not config.getoption("podsteam") and not _has_micropython():
        pytest.skip("MicroPython is not installed here")
    command = str(config.getoption("podsteam_power_cmd") or "")
    board = Board(target, open_port(target, options), _teller(config), command)
    try:
        if why := unmet(board, node, bool(config.getoption("podsteam_allow_heat"))):
            pytest.skip(why)
        node.user_properties.append(("podsteam_device", described(board)))
    except BaseException:
        board.close()
        raise
    return board


def open_port(target: str, options: dict[str, Any]) -> Port:
    """The port of a target. `options` are for a board of the test's own. Raises PodsteamError."""
    if target in ("sim", "sim:cpython", "sim:micropython"):
        interpreter = target.partition(":")[2] or "auto"
        defaults = {"seed": 1, "unix_s": UNIX_S, "podlet": "demo", "keep_trace": KEEP_TRACE}
        return find.open_port("sim", interpreter=interpreter, spare=True, **{**defaults, **options})
    kept = {"keep_trace": KEEP_TRACE, **options} if target.startswith("sim:") else options
    return find.open_port(find.resolve(target), **kept)


def unmet(board: Board, node: pytest.Item, heat_allowed: bool) -> str:
    """Why the test must not run on this board; empty when it may."""
    has = {mark.name for mark in node.iter_markers()}
    if "needs_board" in has and board.simulated:
        return f"needs a board, and {board.target} is a simulated one"
    if "sim_only" in has and not board.simulated:
        return f"needs a simulated board, and {board.target} is a real one"
    if "heats" in has and not board.simulated and not heat_allowed:
        return "heats: give --podsteam-allow-heat, and stay beside the board"
    wanted = {str(name) for mark in node.iter_markers("needs") for name in mark.args}
    if missing := sorted(wanted - board.capabilities):
        return f"{board.target} has no {', '.join(missing)}"
    return ""


def described(board: Board) -> dict[str, Any]:
    """Who was tested, for the closing table and the result file."""
    hello, info = board.device.hello, board.device.info()
    return {
        "target": board.target,
        "unit": hello.uid.hex(),
        "simulated": board.simulated,
        "board": _text(info.board),
        "firmware": f"{hello.firmware_major}.{hello.firmware_minor}.{hello.firmware_patch}",
        "firmware_hash": info.firmware_hash.hex(),
        "interpreter": f"{_text(info.interpreter)} "
        f"{info.interpreter_major}.{info.interpreter_minor}.{info.interpreter_patch}",
    }


def _text(field: bytes) -> str:
    from podsteam.text import safe

    return safe(field.rstrip(b"\0").decode("ascii", "replace"), 16)


def _has_micropython() -> bool:
    return importlib.util.find_spec("micropython_module") is not None


def _teller(config: pytest.Config) -> Callable[[str], None] | None:
    """What shows a person a sentence in the middle of a test; None where there is no terminal."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    if reporter is None or not sys.__stdin__ or not sys.__stdin__.isatty():
        return None

    def say(sentence: str) -> None:
        if capture is None:
            reporter.write_line(f"\n{sentence}")
            return
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"\n{sentence}")

    return say


def end() -> None:
    """End what outlives a test: interpreters that wait for the next simulated board."""
    sim.end_spares()
