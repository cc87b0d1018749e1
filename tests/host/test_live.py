# SPDX-License-Identifier: Apache-2.0
"""The live view: what it says, and that it fits where it is shown."""

import dataclasses
import io
import itertools
import re

import pytest
import synthetic
from rich.console import Console

from podsteam import words
from podsteam.live import Live
from podsteam.progress import ASSUMED, GIVEN, REFUSED, Progress
from podsteam.record import decode
from podsteam.screen import Screen
from podsteam.wire.base import Message
from podsteam.wire.messages import (
    CapBits,
    Event,
    EventValue,
    PodletValue,
    Program,
    RegimeValue,
    StateValue,
    StatusGetReply,
    StopValue,
    Tele,
)

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOURS = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|4[0-7]|9[0-7]|[34]8;[0-9;]+)(?:;[0-9;]*)?m")


class Stopwatch:
    """A clock of a person who looks, wound by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def terminal(width: int = 80, height: int = 24, **options: object) -> Console:
    given = {"force_terminal": True, "color_system": "standard", "legacy_windows": False, **options}
    return Console(file=io.StringIO(), width=width, height=height, _environ={}, **given)  # type: ignore[arg-type]


def pipe() -> Console:
    return Console(file=io.StringIO(), width=80, _environ={})


def output(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def play(live: Live, messages: list[Message], until_s: float = 1e9) -> None:
    for message in messages:
        if isinstance(message, Tele):
            live.update(message)
        elif isinstance(message, Event):
            live.event(message)
        if (live.progress.elapsed_s or 0) >= until_s:
            return


def progress_at(seconds: float, fault: bool = False, program: Program | None = synthetic.PROGRAM) -> Progress:
    progress = Progress(program)
    for message in synthetic.script(fault=fault).messages:
        if isinstance(message, Tele):
            progress.update(message, None)
        elif isinstance(message, Event):
            progress.event(message)
        if progress.elapsed_s is not None and progress.elapsed_s >= seconds:
            break
    return progress


# Plain lines.


def plain(messages: list[Message]) -> list[str]:
    console = pipe()
    with Live(console, synthetic.PROGRAM, plain=True) as live:
        live.say("Press and release the button on the device.")
        play(live, messages)
        live.summary(decode(synthetic.wire(messages)).summary)
    return output(console).splitlines()


def test_off_a_terminal_the_session_is_told_in_plain_lines() -> None:
    lines = plain(synthetic.script().messages)
    assert lines[0] == "Press and release the button on the device."
    text = "\n".join(lines)
    assert "\x1b" not in text
    for wanted in (
        "   0:00  Session 12 started, 3:00 of steam planned",
        "   1:25  State: warm-up to steam",
        "   1:45  Dose given: 60.0 µL",
        "   3:45  Dose refused: most in one session (60.0 µL wanted)",
        "   4:25  Session stopped: program finished",
        "Ended:         program finished",
        "Time to steam: 1:25 min",
    ):
        assert wanted in lines
    assert max(len(line) for line in lines) < 80


def test_a_line_of_measurements_every_ten_seconds_of_the_device() -> None:
    lines = [line for line in plain(synthetic.script(100).messages) if " wall " in line and " W, " in line]
    times = [line.split()[0] for line in lines]
    assert times[:4] == ["0:00", "0:10", "0:20", "0:30"]
    assert len(times) == len(set(times)) == 36


def test_each_state_is_told_once() -> None:
    states = [line for line in plain(synthetic.script().messages) if "State:" in line]
    assert [line.split("State: ")[1] for line in states] == [
        "idle to armed",
        "armed to warm-up",
        "warm-up to steam",
        "steam to cooling",
        "cooling to idle",
    ]


def test_a_state_whose_event_was_lost_is_told_from_the_measurements() -> None:
    messages = [m for m in synthetic.script().messages if not (isinstance(m, Event) and m.event == EventValue.STATE)]
    states = [line for line in plain(messages) if "State:" in line]
    assert [line.split("State: ")[1] for line in states] == ["armed", "warm-up", "steam", "cooling"]


def test_a_fault_is_told_with_its_reason() -> None:
    lines = plain(synthetic.script(fault=True).messages)
    assert any("Fault 111 DRY_BOIL: The wall runs away" in line for line in lines)
    assert any("Podlet: taken out during the session" in line for line in lines)


def test_a_long_line_is_not_broken_in_a_pipe() -> None:
    console = pipe()
    with Live(console, None, plain=True) as live:
        live.say("word " * 60)
    assert len(output(console).splitlines()) == 1


def test_a_terminal_of_ascii_gets_ascii() -> None:
    class AsciiFile(io.StringIO):
        encoding = "ascii"  # type: ignore[assignment]

    for is_plain in (True, False):
        file = AsciiFile()
        console = Console(file=file, width=80, height=24, force_terminal=not is_plain, _environ={})
        with Live(console, synthetic.PROGRAM, plain=is_plain, caps=1) as live:
            play(live, synthetic.script().messages, 200)
            live.summary(decode(synthetic.session()).summary)
        assert file.getvalue().isascii()


def test_a_dumb_terminal_gets_plain_lines() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, _environ={"TERM": "dumb"})
    with Live(console, synthetic.PROGRAM, plain=False) as live:
        play(live, synthetic.script(1000).messages, 30)
    assert "   0:00  State: armed to warm-up" in ESCAPES.sub("", output(console)).splitlines()


# The view.


@pytest.mark.parametrize("fault", [False, True])
@pytest.mark.parametrize("seconds", [-1, 1, 60, 150, 260, 300, 1e9])
def test_the_view_fits_the_terminal(seconds: float, fault: bool) -> None:
    progress = progress_at(seconds, fault)
    screen = Screen(False, caps=1, hint="Ctrl-C stops the session")
    for width, height in itertools.product((40, 60, 80, 132), (15, 24, 50)):
        console = terminal(width, height)
        panel = screen.render(progress, "Press and release the button. " * 6, width, height)
        lines = console.render_lines(panel, console.options, pad=False)
        assert len(lines) < height
        for line in lines:
            assert sum(segment.cell_length for segment in line) <= min(80, width)


def text_at(seconds: float, fault: bool = False, message: str = "") -> str:
    console = terminal(color_system=None)
    console.print(Screen(False, caps=CapBits.SIMULATED).render(progress_at(seconds, fault), message, 80, 24))
    return ESCAPES.sub("", output(console))


def test_the_view_shows_what_a_person_wants_to_know() -> None:
    text = text_at(150)
    for wanted in ("STEAM", "power follows the wanted steam", "2:30", "of steam left", "SIMULATED", "gentle"):
        assert wanted in text
    for wanted in ("Wall    106.", "Water    99.9", "Outlet   8", "Power     173 W", "Steam    4.0", "g/min"):
        assert wanted in text
    for wanted in ("◆ ◈ ◇ ◇", "2 of 4 given, 120.0 µL; next in 0:", "own caps, 10 doses left", "Dose given: 60.0 µL"):
        assert wanted in text


def test_the_view_in_each_part_of_a_session() -> None:
    assert "ARMED   press and release the button on the device" in text_at(-1)
    assert "WARM-UP   heating at full power" in text_at(40) and "steam in about 0:" in text_at(40)
    assert "COOLING   program finished, cooling to 60 °C" in text_at(300)
    fault = text_at(200, fault=True)
    assert "FAULT" in fault and "111 DRY_BOIL: The wall runs away from the boiling point" in fault


def test_the_phases_fill_one_after_the_other() -> None:
    for seconds, expected in ((0, (0, 0, 0, 0)), (160, (1, 0.6, 0, 0)), (235, (1, 1, 0.5, 0)), (1e9, (1, 1, 1, 1))):
        shares = [phase.share for phase in progress_at(seconds).phases()]
        assert shares == pytest.approx(expected, abs=0.08)
    names = [phase.name for phase in progress_at(0).phases()]
    assert names == ["warm-up", "4 g/min", "6 g/min", "cooling"]


def test_keeping_warm_is_a_phase_of_its_own() -> None:
    program = dataclasses.replace(synthetic.PROGRAM, hold_cdeg=7000, hold_s=100)
    progress = Progress(program)
    for i in range(51):
        state, regime = StateValue.WARM_UP, RegimeValue.HOLD
        progress.update(Tele(uptime_ms=1000 * i, session_s=i, state=state, regime=regime, water_cdeg=7000), None)
    phases = progress.phases()
    assert (phases[0].name, phases[0].now, phases[0].left_s) == ("keep warm", True, pytest.approx(50))
    assert not phases[1].now


def test_a_message_stays_until_the_state_changes() -> None:
    console = terminal(color_system=None)
    with Live(console, synthetic.PROGRAM, plain=False, clock=Stopwatch()) as live:
        live.say("Press the button now.")
        assert "Press the button now." in output(console)
        live.event(Event(1, 1000, EventValue.STATE, StateValue.ARMED, StateValue.WARM_UP))
    last = output(console).rsplit("podsteam gentle", 1)[1]
    assert "WARM-UP" in last and "Press the button" not in last


def test_the_view_is_redrawn_no_oftener_than_it_can_be_seen() -> None:
    console, watch = terminal(), Stopwatch()
    with Live(console, synthetic.PROGRAM, plain=False, clock=watch) as live:
        for message in synthetic.script(100).messages:
            watch.now_s += 0.001
            if isinstance(message, Tele):
                live.update(message)
    assert 30 < output(console).count("podsteam gentle") < 36


def test_the_last_picture_is_the_last_state() -> None:
    console = terminal(color_system=None)
    with Live(console, synthetic.PROGRAM, plain=False, clock=Stopwatch()) as live:
        play(live, synthetic.script().messages)
        live.summary(decode(synthetic.session()).summary)
    text = ESCAPES.sub("", output(console).rsplit("podsteam gentle", 1)[1])
    assert "IDLE   program finished" in text and "Ctrl-C" not in text
    assert "Time to steam  1:25 min" in text


def test_no_color_is_heeded_and_nothing_is_lost_by_it() -> None:
    pictures: list[str] = []
    for environment in ({}, {"NO_COLOR": "1"}):
        console = Console(
            file=io.StringIO(), width=80, height=24, force_terminal=True, color_system="standard", _environ=environment
        )
        with Live(console, synthetic.PROGRAM, plain=False, clock=Stopwatch()) as live:
            play(live, synthetic.script().messages, 240)
        pictures.append(output(console))
    assert COLOURS.search(pictures[0]) and not COLOURS.search(pictures[1])
    assert ESCAPES.sub("", pictures[0]) == ESCAPES.sub("", pictures[1])


def test_hostile_text_neither_steers_the_terminal_nor_is_markup() -> None:
    program = dataclasses.replace(synthetic.PROGRAM, name=b"[red]\x1b[2J\x9b\x07\r\nx")
    status = StatusGetReply(state=77, podlet=99, fault=12345, program=b"\x1b]0;x\x07")
    for is_plain in (True, False):
        console = pipe() if is_plain else terminal(color_system=None)
        with Live(console, program, plain=is_plain, clock=Stopwatch()) as live:
            live.update(None, status)
            live.update(Tele(uptime_ms=5, state=88, regime=200, wall_cdeg=-32768), status)
            live.event(Event(1, 10, 222, -1, -1))
            live.say("[bold]\x1b[31mred\u202e\n")
        text = ESCAPES.sub("", output(console)) if not is_plain else output(console)
        assert not re.search("[\x00-\x09\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202e]", text)
        assert r"[bold]\x1b[31mred\u202e\x0a" in text


# What is reckoned.


def test_doses_are_counted_by_what_became_of_them() -> None:
    progress = progress_at(1e9)
    assert progress.doses == [GIVEN, ASSUMED, GIVEN, REFUSED]
    assert progress.doses_left == 9
    assert progress.next_dose_s is None


def test_the_next_dose_follows_the_program() -> None:
    assert progress_at(95).next_dose_s == pytest.approx(10, abs=0.5)
    assert progress_at(110).next_dose_s == pytest.approx(35, abs=0.5)
    assert progress_at(40).next_dose_s is None


def test_steam_time_stands_still_in_a_pause() -> None:
    progress = Progress(synthetic.PROGRAM)
    for i in range(100):
        state = StateValue.PAUSED if 40 <= i < 80 else StateValue.STEAM
        progress.update(Tele(uptime_ms=1000 * i, session_s=i, state=state), None)
    assert progress.steam_s == 59
    assert progress.left == "2:01 of steam left"


def test_joining_a_session_that_runs() -> None:
    progress = Progress(synthetic.PROGRAM)
    progress.update(None, StatusGetReply(state=StateValue.STEAM, podlet=PodletValue.SIGNED))
    assert progress.state == StateValue.STEAM and progress.podlet == words.PODLET[PodletValue.SIGNED]
    progress.update(Tele(uptime_ms=500_000, session_s=100, state=StateValue.STEAM), None)
    assert progress.elapsed_s == 100


def test_a_status_tells_how_long_the_button_is_waited_for() -> None:
    progress = Progress(None)
    progress.update(None, StatusGetReply(state=StateValue.ARMED, armed_s=47))
    assert progress.reason == "press and release the button on the device within 47 s"


def test_an_end_before_the_start_has_its_reason() -> None:
    progress = Progress(None)
    progress.event(Event(1, 10, EventValue.STOPPED, StopValue.NOT_STARTED))
    progress.event(Event(2, 10, EventValue.STATE, StateValue.ARMED, StateValue.IDLE))
    assert progress.reason == "the button was not pressed in time"
