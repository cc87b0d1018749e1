# SPDX-License-Identifier: Apache-2.0
"""What precedes a session is the same for a script, the full screen and the command line: recalls, clock, allergens."""

import binascii
import time
from pathlib import Path

import pytest
from test_wallclock import DAY, Clocked

import podsteam
from podsteam import recall
from podsteam.api import PodletRecalled
from podsteam.client import Device
from podsteam.podlet_file import Fields
from podsteam.transport.sim import SimPort
from podsteam.watching.feed import Feed
from podsteam.watching.model import Holds, Said
from podsteam.wire import messages as m
from podsteam_protocol import podlet as p
from podsteam_twin import podlets

SHORT = m.Program(name=b"short".ljust(16, b"\0"), warm_up_max_s=300, steam1_mg_min=4000, steam1_s=10, end_cdeg=9500)


@pytest.fixture(autouse=True)
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This computer's recall list."""
    path = tmp_path / "recalls.toml"
    monkeypatch.setenv("PODSTEAM_RECALLS", str(path))
    return path


def device(unix_s: int = 0, newest_day: int = 0, podlet: int = m.PodletValue.ABSENT) -> Clocked:
    """A device that takes a program and arms it."""
    made = Clocked(unix_s, newest_day)
    made.answers[m.ProgramPutRequest.ID] = lambda payload: m.ProgramPutReply(binascii.crc32(payload))
    made.answers[m.PodletGetRequest.ID] = m.PodletGetReply(state=podlet)
    made.answers[m.InfoGetRequest.ID] = m.InfoGetReply()
    return made


def run(made: Clocked) -> list[str]:
    """A script's run, up to its arming; what it was told."""
    with Device(made.port) as dev:
        started = dev.session.run(SHORT, press=False)
        started._steps.close()
        return started.notes


def test_a_script_tells_the_time_before_it_arms() -> None:
    made = device()
    assert run(made) == []
    assert len(made.told) == 1 and abs(made.told[0] - time.time()) < 60
    assert made.heard.index(m.ClockRequest.ID) < made.heard.index(m.ArmRequest.ID)
    behind = device(int(time.time()) - 7300)
    assert run(behind) == ["The device's clock was 2 h behind; it was set."] and len(behind.told) == 1


def test_a_clock_that_only_a_person_can_judge_is_a_note_and_no_obstacle() -> None:
    made = device(newest_day=DAY + 30_000)
    assert "podsteam clock set" in run(made)[0]
    assert made.told == [] and m.ArmRequest.ID in made.heard


def test_a_podlet_that_the_device_holds_for_recalled_is_not_begun_with() -> None:
    made = device(podlet=m.PodletValue.RECALLED)
    with pytest.raises(PodletRecalled, match="a list that the device holds"):
        run(made)
    assert m.ArmRequest.ID not in made.heard and made.told == []


def test_a_podlet_on_this_computers_list_is_not_begun_with() -> None:
    with podsteam.connect("sim", seed=21, interpreter="cpython") as dev:
        assert isinstance(dev.port, SimPort)
        recall.save([recall.checked("Podsteam samples", "C2601A", reason="may irritate")])
        with pytest.raises(PodletRecalled, match=r"batch C2601A of Podsteam samples.*may irritate"):
            dev.session.run(SHORT)
        assert dev.status().state == m.StateValue.IDLE
        feed = Feed(dev, 200, press=True)
        with pytest.raises(PodletRecalled, match="may irritate"):
            feed._arm("express")
        assert dev.status().state == m.StateValue.IDLE
        recall.save([])
        assert dev.session.run(SHORT).wait().summary.stop_reason == m.StopValue.DONE


def test_an_allergen_is_a_note_for_a_script_and_in_the_full_screen() -> None:
    with podsteam.connect("sim", seed=22, interpreter="cpython") as dev:
        dev.allergens(1 << 21)
        dev.port.control({"do": "insert", "dump": scented().hex()})  # type: ignore[attr-defined]
        dev.port.clock.sleep(3)
        started = dev.session.run(SHORT, press=False)
        assert len(started.notes) == 1 and "Limonene" in started.notes[0] and "hold the button" in started.notes[0]
        started.stop()
        dev.port.clock.sleep(3)
        feed = Feed(dev, 200, press=True)
        feed._arm("express")
        items = [feed.items.get() for _ in range(2)]
        assert isinstance(items[0], Holds) and isinstance(items[1], Said)
        assert "Limonene" in items[1].text and items[1].text.endswith("pressed to start.")


def scented() -> bytes:
    """A podlet with an allergen."""
    fields: Fields = {p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20, p.MAIN_ALLERGENS: 1 << 21}
    return bytes(podlets.build(fields, uid=b"\x04\1\2\3\4\5\6").image())
