# SPDX-License-Identifier: Apache-2.0
"""The full-screen view: what it knows, what it shows at which size, its keys, and text that would like to act."""

import asyncio
import dataclasses
import queue
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import pytest
import synthetic
from calls import run

from podsteam import words
from podsteam.cli.main import root
from podsteam.errors import DeviceLost
from podsteam.watching import rows
from podsteam.watching.model import Back, Begin, Holds, Item, Lost, Missed, Programs, Said, Watched
from podsteam.wire import messages as m

pytest.importorskip("textual_plotext")

from textual.pilot import Pilot
from textual.widgets import OptionList

from podsteam.watching.app import WatchApp
from podsteam.watching.panes import Page, Pane, Plot
from podsteam.watching.panes import Programs as ProgramsScreen

HOSTILE = (
    "[red]x[/] [link=http://e.org]y[/link] \x1b[2J\x1b]0;title\x07 \x9b31m \u202egnp [@click=app.exit]z[/] \n\r end"
)


class Script:
    """A source that a test fills."""

    def __init__(self, items: list[Item] | None = None) -> None:
        self.items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self.wishes: list[str] = []
        self.open = False
        for item in items or []:
            self.items.put(item)

    def start(self) -> None:
        self.open = True

    def close(self) -> None:
        self.open = False

    def arm(self, name: str) -> None:
        self.wishes.append(f"arm {name}")

    def pause(self) -> None:
        self.wishes.append("pause")

    def resume(self) -> None:
        self.wishes.append("resume")

    def stop(self) -> None:
        self.wishes.append("stop")


def session_items(until_s: float = 1e9, fault: bool = False) -> list[Item]:
    items: list[Item] = [Programs(("gentle", "express")), Begin(synthetic.PROGRAM)]
    for message in synthetic.script(fault=fault).messages:
        if isinstance(message, m.Tele | m.Event):
            if isinstance(message, m.Tele) and message.session_s > until_s:
                break
            items.append(message)
    return items


def watched_after(items: list[Item], port: str = "socket://127.0.0.1:5561") -> Watched:
    watched = Watched(port, synthetic.UID.hex(), m.CapBits.SIMULATED)
    for item in items:
        watched.take(item)
    return watched


Play = Callable[[WatchApp, Pilot[None]], Awaitable[None]]


def play(devices: list[tuple[Watched, Script]], steps: Play, size: tuple[int, int] = (80, 24)) -> WatchApp:
    app = WatchApp([(watched, script) for watched, script in devices])

    async def go() -> None:
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await steps(app, pilot)

    asyncio.run(go())
    return app


async def settle(pilot: Pilot[None]) -> None:
    """Until what has come is drawn."""
    for _ in range(3):
        await pilot.pause(0.2)


def shown(app: WatchApp) -> list[str]:
    """The terminal's rows as they are composed."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]  # pyright: ignore[reportPrivateUsage]


async def nothing(app: WatchApp, pilot: Pilot[None]) -> None:
    pass


# What it knows.


def test_every_event_is_kept_also_over_several_sessions() -> None:
    items = session_items()
    watched = watched_after(items + items)
    told = [item for item in items if isinstance(item, m.Event)]
    assert [line.text for line in watched.lines][: len(told)] == [line.text for line in watched.lines][len(told) :]
    assert len(watched.lines) == 2 * len(told) == watched.count
    assert len(watched.progress.doses) == len(watched_after(items).progress.doses)


def test_the_connection_in_words() -> None:
    watched = watched_after(session_items(120))
    watched.take(Holds(12))
    watched.take(Lost("The device on x does not answer any more."))
    assert "CONNECTION LOST, trying again" in rows.head(watched, 80, 24).plain
    watched.take(Back(True))
    assert not watched.lost and watched.holds == 12 and watched.progress.name == "gentle"
    watched.take(Back(False))
    assert watched.holds == 0 and watched.progress.tele is None
    assert "restarted" in watched.lines[-1].text
    watched.take(Missed(3))
    assert watched.lines[-1].text == "3 events were lost on the line"


def test_a_fault_says_what_happened_what_was_done_and_what_to_do() -> None:
    watched = watched_after(session_items(fault=True))
    code = m.CODES[watched.progress.fault]
    everything = rows.all_events(watched, 80).plain
    flat = " ".join(everything.split())
    assert code.happened in flat and code.did in flat and code.todo in flat
    assert max(map(len, everything.splitlines())) <= 80
    assert code.todo.split(".")[0] in " ".join(rows.head(watched, 80, 24).plain.split())


@pytest.mark.parametrize("width", [20, 40, 79, 80, 200])
def test_no_row_is_wider_than_the_view(width: int) -> None:
    watched = watched_after([*session_items(fault=True), Said("x" * 500), Lost("y" * 500)], "z" * 90)
    texts = [rows.title(watched, width), rows.head(watched, width, 24), rows.phases(watched, width)]
    texts += [rows.figures(watched, width), rows.doses(watched, width), rows.events(watched, width, 9)]
    texts += [rows.tabs([watched] * 4, 1, width)]
    for text in texts:
        assert max(line.cell_len for line in text.split("\n", allow_blank=True)) <= width


# What it shows.


def test_all_of_a_session_at_80x24() -> None:
    watched = Watched("socket://127.0.0.1:5561", "7cdfa1b2c3d4", m.CapBits.SIMULATED)

    async def look(app: WatchApp, pilot: Pilot[None]) -> None:
        lines = shown(app)
        text = "\n".join(lines)
        assert len(lines) == 24 and all(len(line) == 80 for line in lines)
        for word in ("gentle, SIMULATED", " STEAM ", "of steam left", "Wall", "Power", "g/min", "Doses", "Podlet"):
            assert word in text
        assert "q leave" in lines[-1]
        newest = watched.lines[-1].text
        assert any(newest[:60] in line for line in lines)

    play([(watched, Script(session_items(150)))], look)


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24), (132, 50)])
def test_any_size_and_a_change_of_it(size: tuple[int, int]) -> None:
    watched = Watched("x", "7cdfa1b2c3d4", 0)

    async def look(app: WatchApp, pilot: Pilot[None]) -> None:
        assert " STEAM " in "\n".join(shown(app))
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert app.query_one(Plot).display and " STEAM " in "\n".join(shown(app))
        assert len(shown(app)) == 24

    play([(watched, Script(session_items(150)))], look, size)


def test_without_colour_letters_draw_and_no_colour_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    watched = Watched("x", "7cdfa1b2c3d4", 0)

    async def look(app: WatchApp, pilot: Pilot[None]) -> None:
        assert app.no_color
        plots = "\n".join(shown(app)[5:14])
        assert "bb" in plots and "ss" in plots
        assert not any(0x2800 <= ord(c) < 0x2900 for c in plots)

    play([(watched, Script(session_items(150)))], look)


def test_what_a_device_says_does_not_act() -> None:
    """As port, program, console text, message and choice; in every view."""
    program = dataclasses.replace(synthetic.PROGRAM, name=b"[red]x\x1b[2J[/]".ljust(16, b"\0"))
    items: list[Item] = [Begin(program), m.Console(HOSTILE.encode()), Said(HOSTILE), Programs((HOSTILE, "[b]y[/b]"))]
    watched, script = Watched(HOSTILE, "7cdfa1b2c3d4", 0), Script(items)

    async def look(app: WatchApp, pilot: Pilot[None]) -> None:
        for key in ("", "a", "e"):
            if key:
                await pilot.press(key)
                await settle(pilot)
            text = "".join(shown(app))
            assert "[red]x" in text and ("\\x1b[2J" in text or key == "a")
            assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e" for c in text)
            for strip in app.screen._compositor.render_strips():  # pyright: ignore[reportPrivateUsage]
                for segment in strip:
                    style = segment.style
                    assert style is None or (style.link is None and "click" not in str(style.meta))
            await pilot.press("escape")
        assert app.is_running

    play([(watched, script)], look)


# Its keys.


def test_arm_asks_for_a_program_and_the_other_keys_pass_on() -> None:
    watched, script = Watched("x", "7cdfa1b2c3d4", 0), Script([Programs(("gentle", "express"))])

    async def keys(app: WatchApp, pilot: Pilot[None]) -> None:
        assert script.open
        await pilot.press("a")
        await settle(pilot)
        assert isinstance(app.screen, ProgramsScreen) and app.screen.query_one(OptionList).option_count == 2
        await pilot.press("down", "enter")
        await settle(pilot)
        await pilot.press("p", "r", "s")
        await pilot.press("a", "escape")
        await pilot.press("question_mark")
        await settle(pilot)
        assert isinstance(app.screen, Page) and "Leaving changes nothing" in "".join(shown(app))
        await pilot.press("escape")
        await pilot.press("q")

    app = play([(watched, script)], keys)
    assert script.wishes == ["arm express", "pause", "resume", "stop"]
    assert not script.open and not app.is_running


def test_no_arming_while_something_runs_and_nothing_at_all_without_a_connection() -> None:
    watched, script = Watched("x", "7cdfa1b2c3d4", 0), Script(session_items(150))

    async def keys(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("a")
        await settle(pilot)
        assert not isinstance(app.screen, ProgramsScreen)
        script.items.put(Lost("gone"))
        await settle(pilot)
        await pilot.press("s")
        assert "CONNECTION LOST" in "\n".join(shown(app))

    play([(watched, script)], keys)
    assert script.wishes == []


def test_leaving_asks_once_when_the_session_lives_by_the_view() -> None:
    watched, script = Watched("x", "7cdfa1b2c3d4", 0), Script([*session_items(150), Holds(12)])

    async def keys(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("q")
        await settle(pilot)
        assert script.open and "Session 12 lives by this view" in "\n".join(shown(app))
        await pilot.press("q")

    play([(watched, script)], keys)
    assert not script.open


def test_several_devices_each_with_its_pane() -> None:
    pairs = [
        (Watched("one", "7cdfa1b2c3d4", 0), Script(session_items(150))),
        (Watched("two", "7cdfa1b2c3d5", 0), Script([Lost("gone")])),
    ]

    async def keys(app: WatchApp, pilot: Pilot[None]) -> None:
        assert "[1 one steam]" in shown(app)[0] and "2 two LOST" in shown(app)[0]
        await pilot.press("2")
        await settle(pilot)
        assert "[2 two LOST]" in shown(app)[0] and "CONNECTION LOST" in "\n".join(shown(app))
        await pilot.press("tab")
        await settle(pilot)
        assert [pane.display for pane in app.query(Pane)] == [True, False]
        await pilot.press("s")

    play(pairs, keys)
    assert pairs[0][1].wishes == ["stop"] and pairs[1][1].wishes == []


def test_the_words_of_an_event_are_the_librarys() -> None:
    event = m.Event(1, 0, m.EventValue.STEAM_VERIFIED, 80, 9990)
    assert watched_after([event]).lines[-1].text == words.describe(event)
    assert str(DeviceLost("x")) == "x"


# The command.


def test_several_ports_are_for_the_full_view_alone(tmp_path: Path) -> None:
    got = run(tmp_path, "watch", "--port", "sim", "--port", "sim:b")
    assert got.status == 2 and "podsteam[watch]" in got.err and got.out == ""
    got = run(tmp_path, "--port", "sim:a", "watch", "--port", "sim", "--count", "1")
    assert got.status == 0


def test_only_watch_takes_several_ports() -> None:
    """Elsewhere the last one counts, as with every option."""

    def several(command: click.Command) -> list[str]:
        found = [param.name or "" for param in command.params if param.name == "port" and param.multiple]
        with click.Context(command) as context:
            for name in command.list_commands(context) if isinstance(command, click.Group) else ():
                below = command.get_command(context, name)
                assert below is not None
                found += [f"{name} {each}" for each in several(below)]
        return found

    assert several(root) == ["watch port"]


def test_pressing_goes_with_keys(tmp_path: Path) -> None:
    got = run(tmp_path, "--port", "sim", "watch", "--press", "--count", "1")
    assert got.status == 2 and got.out == "" and "sim press" in got.err
