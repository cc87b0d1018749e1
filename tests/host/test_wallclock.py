# SPDX-License-Identifier: Apache-2.0
"""The device's wall clock from this side: when a session sets it, when it is left alone, and what the command says."""

import json
from pathlib import Path

import pytest
from calls import call, one_sentence
from fake import FakeDevice

from podsteam import wallclock
from podsteam.client import Device
from podsteam.errors import UsageProblem
from podsteam.wire import messages as m

NOW = 1_795_000_000
DAY = NOW // 86_400


class Clocked(FakeDevice):
    """A device with a clock; `told` is what it was set to."""

    def __init__(self, unix_s: int = 0, newest_day: int = 0, speed: int = 1) -> None:
        super().__init__(speed=speed)
        self.told: list[int] = []
        self.unix_s = unix_s
        self.newest_day = newest_day
        self.answers[m.ClockRequest.ID] = self._clock

    def _clock(self, payload: bytes) -> m.ClockReply:
        told = m.ClockRequest.unpack(payload).unix_s
        if told:
            self.told.append(told)
            self.unix_s = told
        self.newest_day = max(self.newest_day, self.unix_s // 86_400)
        return m.ClockReply(self.unix_s, 1, self.newest_day, 0)


def told(made: Clocked) -> tuple[str, list[int]]:
    with Device(made.port) as device:
        return wallclock.tell(device, NOW), made.told


def test_a_session_tells_a_device_that_knows_no_time() -> None:
    assert told(Clocked()) == ("", [NOW])


def test_a_clock_that_is_right_is_left_alone() -> None:
    assert told(Clocked(NOW + 59)) == told(Clocked(NOW - 60)) == ("", [])


def test_a_wrong_clock_is_set_and_told_of() -> None:
    assert told(Clocked(NOW - 7300)) == ("The device's clock was 2 h behind; it was set.", [NOW])
    assert told(Clocked(NOW + 65)) == ("The device's clock was 65 s ahead; it was set.", [NOW])


def test_a_later_day_needs_a_person() -> None:
    sentence, set_to = told(Clocked(0, DAY + 1))
    assert set_to == [] and "2026-11-19" in sentence and "2026-11-18" in sentence and "podsteam clock set" in sentence


def test_devices_that_do_not_know_it_and_boards_in_a_time_of_their_own_are_not_asked() -> None:
    old = Clocked()
    old.refuse[m.ClockRequest.ID] = 1
    assert told(old) == ("", [])
    fast = Clocked(speed=10)
    assert told(fast) == ("", []) and m.ClockRequest.ID not in fast.heard


@pytest.mark.parametrize(
    ("text", "unix_s"),
    [
        ("2026-11-26T18:30+00:00", 1_795_717_800),
        ("2026-01-01T00:00Z", 1_767_225_600),
        ("2099-12-31T00:00Z", 4_102_358_400),
    ],
)
def test_dates_are_read(text: str, unix_s: int) -> None:
    assert wallclock.parsed(text) == unix_s


@pytest.mark.parametrize(
    "text", ["yesterday", "", "2026-13-01", "1999-01-01T00:00Z", "2100-01-01T12:00Z", "0001-01-01"]
)
def test_other_dates_are_one_sentence(text: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        wallclock.parsed(text)
    assert str(caught.value).count("\n") == 0


def test_the_command_shows_sets_and_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    board = ("--port", "sim:clocked", "--json")
    shown = json.loads(call(capsys, *board, "clock", "show").out)
    assert (shown["source"], shown["note"]) == ("BATTERY", "") and abs(shown["ahead_s"]) < 30
    ahead = json.loads(call(capsys, *board, "clock", "set", "2030-01-01T00:00+00:00").out)
    assert ahead["time"].startswith("2030-01-01T00:00") and ahead["newest_day"] == "2030-01-01"
    kept = json.loads(call(capsys, *board, "clock", "show").out)
    assert kept["time"].startswith("2030-01-01"), "a battery clock runs on"
    back = json.loads(call(capsys, *board, "clock", "set").out)
    assert abs(back["ahead_s"]) < 30 and back["newest_day"] == "2030-01-01" and "goes" not in back["note"]
    assert back["note"].startswith("The clock was set to a day before")
    assert "set from 2026" in one_sentence(call(capsys, "--port", "sim:clocked", "clock", "set", "2020-01-01"))
    text = call(capsys, "--port", "sim:clocked", "clock", "show").out
    assert "its battery clock" in text and "newest day  2030-01-01" in text
