# SPDX-License-Identifier: Apache-2.0
"""The feed of the full-screen view on real boards: every event once and in order, the button's rule, a line that
breaks, a session that lives by the view."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from breaking import breaking
from commands import run, served, truth, wait_for

from podsteam.client import Device
from podsteam.pull import pull_records
from podsteam.store import open_store
from podsteam.watching.feed import Feed
from podsteam.watching.model import Back, Begin, Holds, Item, Lost, Missed, Programs, Said
from podsteam.wire import messages as m
from podsteam_twin import control


class Taken:
    """What a feed has handed over so far."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.items: list[Item] = []

    def of(self, kind: type[Any]) -> list[Any]:
        while not self.feed.items.empty():
            self.items.append(self.feed.items.get())
        return [item for item in self.items if isinstance(item, kind)]

    def said(self) -> list[str]:
        return [said.text for said in self.of(Said)]

    def events(self, kind: int = 0) -> list[m.Event]:
        return [event for event in self.of(m.Event) if kind in (0, event.event)]

    def until(self, condition: Callable[[], Any], timeout_s: float = 60) -> None:
        """Wait for something that was taken."""
        wait_for(condition, timeout_s, 0.05)


def recorded_events(address: str, path: Path) -> list[m.Event]:
    """The newest record as the device kept it."""
    with Device.open(address) as device, open_store(path) as store:
        pulled = pull_records(device, store).new
        assert pulled
        return list(store.get(pulled[-1].record).record.events)


def missing(record: list[m.Event], taken: list[m.Event]) -> list[m.Event]:
    return [event for event in record if event not in taken]


def test_an_armed_session_is_handed_over_whole(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--speed", "60", "--press-on-arm", "--seed", "5") as board:
        feed = Feed(Device.open(board["link"]), 500)
        taken = Taken(feed)
        feed.start()
        taken.until(lambda: taken.of(Programs))
        assert taken.of(Programs)[0].names[0] == "gentle"
        feed.arm("express")
        taken.until(lambda: taken.events(m.EventValue.STOPPED))
        taken.until(lambda: len(taken.of(Holds)) == 2)
        feed.close()
        assert feed.parting == ""
        assert [held.session for held in taken.of(Holds)] == [taken.of(Holds)[0].session, 0]
        programs = [begin.program for begin in taken.of(Begin)]
        assert programs[-1] is not None and programs[-1].name.startswith(b"express")
        numbers = [event.number for event in taken.events()]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert not taken.of(Missed) and not taken.of(Lost) and len(taken.of(m.Tele)) > 20
        record = recorded_events(board["link"], tmp_path / "records.db")
        assert len(record) > 10 and missing(record, taken.events()) == []


def test_a_line_that_breaks_costs_no_event_of_a_session_that_the_button_started(tmp_path: Path) -> None:
    with (
        served(tmp_path, "--link", "tcp", "--speed", "40", "--seed", "6") as board,
        breaking(board["link"], 6000) as (address, carried),
    ):
        feed = Feed(Device.open(address), 500)
        taken = Taken(feed)
        feed.start()
        taken.until(lambda: taken.of(Programs))
        for do in ({"do": "insert", "podlet": "demo"}, {"do": "press"}):
            control.call(board["control"], do)
        taken.until(lambda: taken.events(m.EventValue.STOPPED), 120)
        feed.close()
        # On a busy computer it may be lost again.
        assert len(carried) >= 2 and taken.of(Lost)
        assert len(taken.of(Back)) == len(taken.of(Lost)) and all(back.same for back in taken.of(Back))
        assert missing(recorded_events(board["link"], tmp_path / "records.db"), taken.events()) == []
        assert taken.of(Holds) == []


def test_a_board_that_ends_is_told_and_can_be_left(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--seed", "7") as board:
        feed = Feed(Device.open(board["link"]), 500)
        taken = Taken(feed)
        feed.start()
        taken.until(lambda: taken.of(Programs))
        board["process"].kill()
        taken.until(lambda: taken.of(Lost))
        begun = time.monotonic()
        feed.close()
        assert time.monotonic() - begun < 9 and not taken.of(Back)


def test_leaving_stops_the_session_that_lives_by_the_view(tmp_path: Path) -> None:
    with served(tmp_path, "--link", "tcp", "--speed", "10", "--press-on-arm", "--seed", "8") as board:
        control.call(board["control"], {"do": "advance", "ms": 3000})
        feed = Feed(Device.open(board["link"]), 500)
        taken = Taken(feed)
        feed.start()
        feed.arm("gentle")
        taken.until(lambda: taken.events(m.EventValue.STARTED))
        feed.close()
        assert feed.parting.endswith("stopped; the device confirms that heat is off.")
        # Nothing is fired any more; the relay's coil holds for up to 0.3 s without its heartbeat.
        state = truth(tmp_path, board)
        assert not (state["burst"] and state["relay_closed"])
        wait_for(lambda: not truth(tmp_path, board)["relay_closed"], 5)


def test_the_sentence_for_the_person_at_a_served_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    with served(tmp_path, "--link", "tcp", "--name", "bath", "--seed", "9") as board:
        control.call(board["control"], {"do": "advance", "ms": 3000})
        feed = Feed(Device.open(board["link"]), 500)
        taken = Taken(feed)
        feed.start()
        feed.arm("gentle")
        taken.until(taken.said)
        assert taken.said()[0].endswith("podsteam sim press --name bath")
        assert run(tmp_path, "sim", "press", "--name", "bath").returncode == 0
        taken.until(lambda: taken.events(m.EventValue.STARTED))
        feed.close()


def test_nobody_presses_the_button_of_a_board_in_this_process_without_being_asked() -> None:
    device = Device.open("sim", seed=5)
    feed = Feed(device, 500)
    taken = Taken(feed)
    feed.start()
    feed.arm("gentle")
    feed.resume()
    taken.until(lambda: len(taken.said()) == 2)
    feed.close()
    assert all("add --press" in said for said in taken.said())
    assert taken.of(Holds) == [] and taken.events(m.EventValue.ARMED) == []


def test_pause_resume_and_stop_with_press() -> None:
    feed = Feed(Device.open("sim", seed=5), 500, press=True)
    taken = Taken(feed)

    def state() -> int:
        found = [item.state for item in [*taken.of(m.StatusGetReply)]]
        return found[-1] if found else -1

    feed.start()
    feed.arm("gentle")
    taken.until(lambda: state() == m.StateValue.WARM_UP)
    feed.pause()
    taken.until(lambda: state() == m.StateValue.PAUSED)
    feed.resume()
    taken.until(lambda: state() == m.StateValue.WARM_UP)
    feed.stop()
    taken.until(lambda: taken.events(m.EventValue.STOPPED))
    taken.until(lambda: len(taken.of(Holds)) == 2)
    feed.close()
    assert taken.of(Holds)[-1].session == 0 and feed.parting == ""
    assert [said for said in taken.said() if "button of this simulated board" in said] == [
        "The button of this simulated board was pressed to start.",
        "The button of this simulated board was pressed to go on.",
    ]
    assert "Stopped; the device confirms that heat is off." in taken.said()
