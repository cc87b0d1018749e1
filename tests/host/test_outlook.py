# SPDX-License-Identifier: Apache-2.0
"""Minutes to steam, steam and water left, scale: shown where a person looks, and not known is not zero."""

import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest
import synthetic
from calls import call
from fake import FakeDevice
from rich.console import Console

from podsteam.live import Live
from podsteam.outlook import outlook
from podsteam.progress import Progress
from podsteam.record import decode
from podsteam.report.columns import SAMPLES, Context
from podsteam.report.facts import result_facts
from podsteam.screen import Screen
from podsteam.transport import find
from podsteam.wire.base import Message
from podsteam.wire.messages import FlagBits, KnownBits, RegimeValue, StateValue, StatusGetReply, Tele
from podsteam_protocol import frame

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ALL = KnownBits.TO_STEAM | KnownBits.STEAM_LEFT | KnownBits.WATER | KnownBits.SCALE


def telling(message: Message) -> Message:
    """The same with what a device of this version tells: 1 g of water for 15 s of steam."""
    if not isinstance(message, Tele):
        return message
    if message.state == StateValue.WARM_UP:
        return replace(message, known=KnownBits.TO_STEAM | KnownBits.SCALE, to_steam_s=95, scale_permille=250)
    if message.state == StateValue.STEAM:
        flags = message.flags | FlagBits.DESCALE
        known = ALL & ~KnownBits.TO_STEAM
        return replace(message, flags=flags, known=known, steam_left_s=40, water_cg=2510, scale_permille=420)
    return message


def record(tell: bool) -> bytes:
    messages = synthetic.script().messages
    made = [telling(each) for each in messages] if tell else messages
    return b"".join(frame.encode(each.ID, 0, each.pack()) for each in made)


def test_an_older_device_and_an_older_record_know_nothing() -> None:
    old = Tele(uptime_ms=5, state=3, flags=FlagBits.STEAM_OK).pack()[:36]
    seen = outlook(Tele.unpack(old))
    assert (seen.to_steam_s, seen.steam_left_s, seen.water_g, seen.scale_percent, seen.descale) == (None,) * 4 + (
        False,
    )
    assert seen.water() == seen.scale() == ""
    status = StatusGetReply.unpack(StatusGetReply(state=3).pack()[:41])
    assert outlook(status) == seen


def test_known_zero_is_zero() -> None:
    seen = outlook(Tele(known=ALL))
    assert (seen.to_steam_s, seen.steam_left_s, seen.water_g, seen.scale_percent) == (0, 0, 0, 0)
    assert seen.water() == "0 g left, steam for 0:00" and seen.scale() == "0 % over clean"


@pytest.mark.parametrize("bit", list(KnownBits))
def test_each_is_known_by_its_own_bit(bit: KnownBits) -> None:
    seen = outlook(Tele(known=bit, to_steam_s=1, steam_left_s=2, water_cg=300, scale_permille=40))
    values = (seen.to_steam_s, seen.steam_left_s, seen.water_g, seen.scale_percent)
    assert [value is not None for value in values] == [bit == each for each in KnownBits]


def progress_at(state: int, **tele: int) -> Progress:
    progress = Progress(synthetic.PROGRAM)
    progress.update(Tele(uptime_ms=60_000, session_s=60, state=state, regime=RegimeValue.HEAT, **tele), None)
    return progress


def test_the_devices_word_counts_before_our_own_guess() -> None:
    assert progress_at(StateValue.WARM_UP, known=KnownBits.TO_STEAM, to_steam_s=75).left == "steam in about 1:15"
    assert progress_at(StateValue.WARM_UP, to_steam_s=75).left == ""


def test_a_session_without_steam_is_given_no_time_to_it() -> None:
    progress = Progress(replace(synthetic.PROGRAM, steam1_s=0, steam2_s=0, steam3_s=0))
    for i in range(40):
        progress.update(Tele(uptime_ms=1000 * i, session_s=i, state=StateValue.WARM_UP, water_cdeg=2000 + 50 * i), None)
    assert progress.left == ""
    progress.program = synthetic.PROGRAM
    progress._phases = [(4000, 60)]  # pyright: ignore[reportPrivateUsage]
    assert progress.left.startswith("steam in about")


def test_the_water_counts_when_it_ends_before_the_program_does() -> None:
    known = KnownBits.STEAM_LEFT
    assert progress_at(StateValue.STEAM, known=known, steam_left_s=40).left == "water for 0:40 of steam"
    assert progress_at(StateValue.STEAM, known=known, steam_left_s=900).left == "3:00 of steam left"
    assert progress_at(StateValue.STEAM).left == "3:00 of steam left"


def test_before_any_measurement_the_status_tells() -> None:
    progress = Progress(None)
    assert progress.outlook is None
    progress.update(None, StatusGetReply(state=3, known=KnownBits.STEAM_LEFT, steam_left_s=61))
    assert progress.left == "water for 1:01 of steam"


def lines_of(tell: bool) -> list[str]:
    console = Console(file=io.StringIO(), width=80, _environ={})
    with Live(console, synthetic.PROGRAM, plain=True) as live:
        for message in synthetic.script().messages:
            shown = telling(message) if tell else message
            if isinstance(shown, Tele):
                live.update(shown)
        live.summary(decode(record(tell)).summary)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_plain_lines_tell_it() -> None:
    lines = lines_of(True)
    assert any(line.endswith("W, steam in about 1:35") for line in lines)
    assert "Water left:    25 g, estimated" in lines
    assert "Scale:         wall resistance 42 % over clean" in lines and "Descale:       soon" in lines
    assert max(len(line) for line in lines) < 80
    assert not any("Water left" in line or "Scale" in line for line in lines_of(False))


def test_the_view_tells_it() -> None:
    for tell in (True, False):
        progress = Progress(synthetic.PROGRAM)
        for message in synthetic.script().messages:
            if isinstance(message, Tele):
                progress.update(telling(message) if tell else message, None)
                if message.session_s >= 150:
                    break
        console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, _environ={})
        console.print(Screen(False).render(progress, "", 80, 24))
        assert isinstance(console.file, io.StringIO)
        text = ESCAPES.sub("", console.file.getvalue())
        assert ("water 25 g, descale soon" in text) is tell
        assert ("water for 0:40 of steam" in text) is tell


def test_records_keep_it() -> None:
    told, older = decode(record(True)), decode(record(False))
    assert (told.summary.water_left_g, told.summary.scale_percent, told.summary.descale) == (25.1, 42.0, True)
    assert (older.summary.water_left_g, older.summary.scale_percent, older.summary.descale) == (None, None, False)
    assert ("Descale", "soon") in result_facts(told.summary)
    columns = {column.name: column for column in SAMPLES}
    names = ("to_steam_s", "steam_left_s", "water_g", "scale_percent", "descale_soon")
    rows = [[columns[name].value(Context(told, None), sample) for name in names] for sample in told.samples]
    assert [95, None, None, 25.0, False] in rows and [None, 40, 25.1, 42.0, True] in rows
    assert all(columns[name].value(Context(older, None), older.samples[500]) is None for name in names[:4])


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    device = FakeDevice()
    monkeypatch.setattr(find, "resolve", lambda _: "fake0")
    monkeypatch.setattr(find, "open_port", lambda name, **_: device.port)
    return device


@pytest.mark.parametrize(
    ("status", "shown", "data"),
    [
        (
            {"state": 2, "known": 1, "to_steam_s": 80},
            ["steam in about 1:20"],
            {"to_steam_s": 80, "water_g": None},
        ),
        (
            {"state": 3, "known": 6, "steam_left_s": 90, "water_cg": 600, "steam_s": 61, "steam_mg": 4100},
            ["water left 6 g left, steam for 1:30"],
            {"steam_left_s": 90, "water_g": 6.0, "steam_s": 61, "steam_g": 4.1, "scale_percent": None},
        ),
        (
            {"state": 0, "flags": 0xDC | FlagBits.DESCALE, "known": 8, "scale_permille": 310},
            ["scale 31 % over clean; descale soon"],
            {"scale_percent": 31.0, "descale_soon": True},
        ),
        ({"state": 0}, [], {"to_steam_s": None, "steam_left_s": None, "water_g": None, "descale_soon": False}),
    ],
)
def test_status_tells_it(
    capsys: pytest.CaptureFixture[str],
    fake: FakeDevice,
    status: dict[str, Any],
    shown: list[str],
    data: dict[str, Any],
) -> None:
    fake.status = {"flags": 0xDC, **status}
    lines = [" ".join(line.split()) for line in call(capsys, "status").out.splitlines()]
    assert set(shown) <= set(lines)
    if not shown:
        assert not any(line.startswith(("scale", "water left", "steam")) for line in lines)
    made = json.loads(call(capsys, "status", "--json").out)
    assert {key: made[key] for key in data} == data
