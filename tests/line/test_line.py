# SPDX-License-Identifier: Apache-2.0
"""A production line: 24 units on 8 places, a keystroke each, some broken, some pulled out at each step."""

import json
import os
import select
import socket
import subprocess
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from calls import call, command, environment, one_sentence
from chips import small_image
from line_units import Flashed, Operator, Unit, play

from podsteam import identity, production
from podsteam.cli import connect
from podsteam.client import Device
from podsteam.errors import (
    DeviceLost,
    Incomplete,
    IntegrityFailed,
    NotPodsteam,
    PodsteamError,
    PortBusy,
    UsageProblem,
)
from podsteam.flash import boards
from podsteam.flash.job import Job
from podsteam.line import unit as line_unit
from podsteam.line.floor import Floor, Row, State
from podsteam.line.keyboard import Typed
from podsteam.line.places import by_folder
from podsteam.line.serials import Serials
from podsteam.line.station import Station, load
from podsteam.line.unit import Work
from podsteam.store import open_store
from podsteam.store.database import Store
from podsteam.store.verify import verify

Capture = pytest.CaptureFixture[str]
PLACES = [f"1-4.{i}" for i in range(1, 9)]
STATION = """
[station]
hardware = "A3"
folder = "ports"
serials = "PS-{:03d}"
first = 7
labels = "labels"

[flash]
image = "image.bin"

[limits]
water_c = [10, 35]
mains_v = [200, 260]
"""
STEPS = ["flash", "greeting", "info", "selftest", "rest", "identity"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("PODSTEAM_PORT", "PODSTEAM_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    # Eight chips are simulated in one process: on a busy machine they take longer to answer than esptool's 3 s.
    (tmp_path / "esptool.cfg").write_text("[esptool]\ntimeout = 60\nserial_write_timeout = 60\n")
    monkeypatch.setenv("ESPTOOL_CFGFILE", str(tmp_path / "esptool.cfg"))
    # Room for the whole application.
    (tmp_path / "image.bin").write_bytes(small_image(0, 0x1000, files=(0x200000, 0x1F0000)))
    (tmp_path / "station.toml").write_text(STATION)
    return tmp_path


def fault(name: str) -> dict[str, Any]:
    return {"do": "fault", "name": name}


def batch(flashed: int) -> list[Unit]:
    """24 units: so many with a chip to flash, one pulled out at each step among them; three that fail."""
    units: list[Unit] = [Flashed(f"f{i}", i, pulled_at=STEPS[i % len(STEPS) :][:1]) for i in range(flashed)]
    for i in range(flashed, 24):
        # A simulated board in lock-step has no chip: it is not pulled out while it is flashed.
        units.append(Unit(f"u{i}", pulled_at=STEPS[1:][i % 9 : i % 9 + 1]))
    for i in (20, 21, 23):
        # Broken ones do not come to every step.
        units[i].pulled_at = []
    units[20].faults = [fault("wall_open")]
    units[21].faults, units[21].tries = [fault("water_open")], 2
    units[22].pulled_at = list(STEPS if flashed > 22 else STEPS[1:])
    units[23].faults = [fault("outlet_short")]
    return units


def run_the_line(home: Path, monkeypatch: pytest.MonkeyPatch, units: list[Unit], within_s: float) -> Operator:
    operator = Operator(home / "ports", PLACES, units, monkeypatch)
    station = load(home / "station.toml")
    with open_store(home / "line.db", create=True) as store:
        floor = Floor(station, store, lambda: by_folder(home / "ports"), operator.told)
        for row, place in zip(floor.rows, PLACES, strict=True):
            row.place = place
        try:
            play(floor, operator, within_s)
        finally:
            floor.close()
    return operator


def check_the_line(home: Path, units: list[Unit], operator: Operator) -> None:
    with open_store(home / "line.db") as store:
        past = production.history(store)
        assert not verify(store).findings
    # Everything is recorded: a unit once for each time that its row said PASS or FAIL.
    assert len(past) == len(units), operator.shown
    assert sorted(len(attempts) for attempts in past.values()) == sorted(len(unit.results) for unit in units)
    for unit in units:
        assert unit.pulled_at == [], unit.name
        # A keystroke for each attempt, however often it was pulled out meanwhile.
        assert unit.keystrokes == len(unit.results), unit.name
    failed = {name: text for _, name, text in operator.shown if text}
    assert {name: units[int(name[1:])].results for name in failed} == {
        units[20].name: ["fail"],
        units[21].name: ["fail", "pass"],
        units[23].name: ["fail"],
    }, failed
    for number, word in ((20, "WALL"), (21, "WATER"), (23, "OUTLET")):
        assert word in failed[units[number].name]
    assert [unit.results for unit in units[:20]] == [["pass"]] * 20 and units[22].results == ["pass"]
    serials = Counter(attempts[-1]["serial"] for attempts in past.values())
    assert set(serials) == {f"PS-{i:03d}" for i in range(7, 31)} and set(serials.values()) == {1}
    good = {attempts[-1]["serial"] for attempts in past.values() if production.passed(attempts)}
    assert {path.stem for path in (home / "labels").iterdir()} == good and len(good) == 22


@pytest.mark.slow
def test_24_units_on_8_places(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """LINE_FLASHED of the 24 have a chip that the real esptool flashes; `make line` has it for all of them."""
    (home / "labels").mkdir()
    flashed = int(os.environ.get("LINE_FLASHED", "4"))
    units = batch(flashed)
    operator = run_the_line(home, monkeypatch, units, within_s=240 + 20 * flashed)
    check_the_line(home, units, operator)
    # The chips hold what `podsteam flash` would have written.
    job = load(home / "station.toml").job
    assert job is not None
    for unit in units[:flashed]:
        assert isinstance(unit, Flashed)
        for segment in job.offline().segments:
            assert unit.board.flash.read(segment.address, len(segment.data)) == segment.data
    told = json.loads(call(capsys, "--store", "line.db", "line", "report", "--json").out)
    assert (told["units"], told["passed"], told["passed_first"], told["attempts"]) == (24, 22, 21, 25)
    assert told["yield"] == round(22 / 24, 4) and sum(told["failures"].values()) >= 3
    assert json.loads(call(capsys, "--store", "line.db", "provision", "report", "--json").out) == told
    if flashed <= 10:
        with Device.open("sim:u10") as device:
            found = identity.known(device)
            assert found.serial.startswith("PS-") and found.hardware == "A3"


class Broken(Job):
    """A job whose line breaks in its first runs; the chip behind it is flashed already."""

    errors: ClassVar[list[PodsteamError]] = []
    bauds: ClassVar[list[int]] = []

    def run(self, port: str, report: Any, note: Any = None) -> dict[str, Any]:
        self.bauds.append(self.baud)
        if self.errors:
            raise self.errors.pop(0)
        return {}


def one_unit(home: Path, errors: list[PodsteamError], at: list[str]) -> tuple[production.Record, list[int]]:
    """What becomes of a unit whose line breaks so while it is flashed, and at these steps later; the rates tried."""
    station = small(home)
    job = Broken(boards.find("reference"), None, {}, {})
    Broken.errors, Broken.bauds = errors, []
    unit = Flashed("f0", 0)
    unit.plug()

    def told(work: Work) -> None:
        if at and work.step == at[0]:
            at.pop(0)
            unit.board.breaks.set()

    try:
        station = replace(station, job=job)
        work = Work(station, Serials("PS-{}", 1, {}), "1-4.1", unit.port, lambda: False, lambda _: 1, told=told)
        record = work.run().record
    finally:
        unit.close()
    assert record is not None
    return record, Broken.bauds


def test_a_line_that_breaks_is_tried_again_and_the_last_time_slowly(home: Path) -> None:
    record, bauds = one_unit(home, [DeviceLost("lost"), IntegrityFailed("differs")], ["selftest", "identity"])
    assert record["result"] == "pass", production.failures(record)
    assert bauds == [460_800, 460_800, 115_200]
    tries = {step["step"]: step.get("tries", 1) for step in record["steps"]}
    assert (tries["flash"], tries["greeting"], tries["identity"]) == (3, 3, 1)


@pytest.mark.parametrize(
    ("errors", "tried"),
    [
        ([Incomplete("short")] * 3, 3),
        ([PortBusy("busy")] * 3, 3),
        ([NotPodsteam("silent")] * 2, 2),
        ([UsageProblem("another chip")], 1),
    ],
)
def test_flashing_that_fails_each_time_is_a_failure(home: Path, errors: list[PodsteamError], tried: int) -> None:
    record, bauds = one_unit(home, list(errors), [])
    assert production.failures(record) == [f"flash: {errors[-1]}"]
    assert len(bauds) == tried


def test_a_unit_whose_line_breaks_each_time_is_a_failure(home: Path) -> None:
    record, _ = one_unit(home, [], ["rest"] * 3)
    (why,) = production.failures(record)
    assert why.startswith("rest: ")
    assert [step["step"] for step in record["steps"]] == ["flash", "greeting", "info", "selftest", "rest"]


# Parts -------------------------------------------------------------------------------------------------------
def small(home: Path, text: str = "") -> Station:
    """A station for simulated boards alone."""
    (home / "s.toml").write_text(text or '[station]\nhardware = "A3"\nfolder = "ports"\nserials = "S-{}"\nrows = 2\n')
    return load(home / "s.toml")


def floor_of(home: Path, store: Store, station: Station) -> Floor:
    (home / "ports").mkdir(exist_ok=True)
    return Floor(station, store, lambda: by_folder(home / "ports"))


def until(floor: Floor, row: int, *states: State) -> Row:
    deadline = time.monotonic() + 60
    while floor.rows[row].state not in states:
        assert time.monotonic() < deadline, floor.rows[row]
        floor.tick()
        time.sleep(0.02)
    return floor.rows[row]


def test_a_station_that_went_down_between_unit_and_store_goes_on(home: Path) -> None:
    """The unit has its serial, the store does not: it keeps it, and no other unit gets it."""
    with Device.open("sim:l1") as device:
        identity.write(device, identity.Block("S-1", "A3"), lambda _: None)
    station = small(home)
    with open_store(home / "s.db", create=True) as store:
        floor = floor_of(home, store, station)
        for place, board in (("a", "l1"), ("b", "l2")):
            (home / "ports" / place).write_text(f"sim:{board}")
        for row in (1, 0):
            until(floor, row, State.READY)
        for row in (0, 1):
            floor.key(floor.rows[row].key)
            until(floor, row, State.PASS, State.FAIL)
        assert [row.record["serial"] for row in floor.rows if row.record] == ["S-1", "S-2"]
        assert [row.state for row in floor.rows] == [State.PASS] * 2
        floor.close()
        assert not verify(store).findings


def test_a_chip_that_never_answers_is_a_failure_with_a_record(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_unit, "_BOOT_S", 0.5)
    station = small(home)
    with open_store(home / "s.db", create=True) as store, socket.create_server(("127.0.0.1", 0)) as dead:
        floor = floor_of(home, store, station)
        (home / "ports" / "a").write_text(f"socket://127.0.0.1:{dead.getsockname()[1]}")
        until(floor, 0, State.READY)
        floor.key("1")
        row = until(floor, 0, State.FAIL)
        assert "does not answer as a podsteam" in row.text
        (subject,) = production.history(store)
        assert subject.startswith("unknown a 20")
        (home / "ports" / "a").unlink()
        until(floor, 0, State.EMPTY)
        floor.close()


def test_scanned_serials_find_their_rows(home: Path) -> None:
    station = small(home, '[station]\nhardware = "A3"\nfolder = "ports"\nrows = 2\n')
    with open_store(home / "s.db", create=True) as store:
        floor = floor_of(home, store, station)
        (home / "ports" / "a").write_text("sim:c1")
        until(floor, 0, State.READY)
        floor.key("1")
        assert floor.message == "Scan its serial number first."
        floor.scanned("../x")
        assert "is no serial number" in floor.message
        # The only one that waits takes it.
        floor.scanned("X-1")
        assert until(floor, 0, State.PASS).record["serial"] == "X-1"  # pyright: ignore[reportOptionalSubscript]
        (home / "ports" / "b").write_text("sim:c2")
        until(floor, 1, State.READY)
        floor.scanned("X-1")
        assert "belongs to another unit" in until(floor, 1, State.FAIL).text
        for name in "ab":
            (home / "ports" / name).unlink()
        for row in (0, 1):
            until(floor, row, State.EMPTY)
        for name, board in (("a", "c1"), ("b", "c2")):
            (home / "ports" / name).write_text(f"sim:{board}")
        for row in (0, 1):
            until(floor, row, State.READY)
        floor.scanned("X-2")
        assert "press the key of its row" in floor.message
        floor.key("2")
        assert until(floor, 1, State.PASS).record["attempt"] == 2  # pyright: ignore[reportOptionalSubscript]
        floor.close()


def test_serial_numbers() -> None:
    past = {"u1": [{"serial": "P-2", "result": "pass"}], "u2": [{"serial": "P-4", "result": "fail"}]}
    serials = Serials("P-{}", 1, past)
    assert [serials.of("u1"), serials.of("u2"), serials.of("u3"), serials.of("u4")] == ["P-2", "P-4", "P-1", "P-3"]
    # What a unit tells counts unless it is another's; two of one number do not come about.
    assert serials.of("u5", told="P-9") == "P-9" and serials.of("u6", told="P-9") == "P-5"
    assert serials.of("u2", scanned="Z") == "Z"
    with pytest.raises(UsageProblem, match="passed already, as P-2"):
        serials.of("u1", scanned="Y")


def test_what_is_typed() -> None:
    assert list(Typed(False).take("1Q\n\x1b", False)) == [("key", "1"), ("key", "q")]
    typed = Typed(True)
    assert list(typed.take("PS-", False)) == []
    assert list(typed.take("1\r2", False)) == [("scan", "PS-1")]
    assert list(typed.take("\n", True)) == [("key", "2")]
    assert list(typed.take("3", True)) == [("key", "3")]


def test_places_of_a_folder(home: Path) -> None:
    folder = home / "places"
    assert by_folder(folder) == {}
    folder.mkdir()
    (folder / "port").write_text(" socket://127.0.0.1:9 \n")
    (folder / "empty").write_text("")
    (folder / ".hidden").write_text("sim")
    (folder / "binary").write_bytes(b"\xff\xfe")
    (folder / "gone").symlink_to(home / "nowhere")
    (folder / "link").symlink_to("/dev/null")
    (folder / "folder").mkdir()
    assert by_folder(folder) == {"link": "/dev/null", "port": "socket://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "[station] wants hardware"),
        ("[other]", "may have the tables"),
        ("station = 3", "may have the tables"),
        ('[station]\nhardware = "a b"', "is no hardware revision"),
        ('[station]\nhardware = "A"\nserial = "x"', "[station] has no serial"),
        ('[station]\nhardware = "A"\nserials = "PS-"', "must hold the number"),
        ('[station]\nhardware = "A"\nserials = "{x}"', "is no pattern"),
        ('[station]\nhardware = "A"\nserials = "../{}"', "is no serial number"),
        ('[station]\nhardware = "A"\nrows = true', "rows must be a whole number"),
        ('[station]\nhardware = "A"\nrows = 99', "rows must be a whole number"),
        ('[station]\nhardware = "A"\nplaces = [1]', "must be a list of texts"),
        ('[station]\nhardware = "A"\nplaces = ["x", "x"]', "names a place twice"),
        ('[station]\nhardware = "A"\nplaces = ["x"]\nfolder = "y"', "either places or a folder"),
        ('[station]\nhardware = "A"\n[flash]', "[flash] wants image"),
        ('[station]\nhardware = "A"\n[flash]\nimage = "none.bin"', "none.bin"),
        ('[station]\nhardware = "A"\n[limits]\nwall = [1, 2]', "there is no limit 'wall'"),
        ('[station]\nhardware = "A"\n[identity]\nupdate_key = "none.pem"', "none.pem"),
    ],
)
def test_wrong_stations(text: str, says: str, home: Path, capsys: Capture) -> None:
    (home / "s.toml").write_text(text)
    refused = call(capsys, "line", "s.toml")
    assert refused.status == 2 and says in one_sentence(refused)


# From the command line ---------------------------------------------------------------------------------------
def test_the_answer_when_the_keys_end(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = "[limits]\nwater_c = [10, 35]\nmains_v = [200, 260]\n"
    small(home, f'[station]\nhardware = "A3"\nfolder = "ports"\nserials = "S-{{}}"\n{limits}')
    (home / "ports").mkdir()
    (home / "ports" / "1-4.1").write_text("sim:p1")
    keys, finger = os.pipe()

    def seen(text: str) -> None:
        if text == "1 1-4.1: press 1":
            os.write(finger, b"1")
            os.close(finger)

    monkeypatch.setattr(connect, "note", seen)
    with os.fdopen(keys) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        called = call(capsys, "--store", "s.db", "line", "s.toml", "--json")
    assert called.status == 0, called.err
    assert [test["result"] for test in json.loads(called.out)["tests"]] == ["pass"]


def test_lines_where_there_is_no_terminal(home: Path) -> None:
    small(home)
    (home / "ports").mkdir()
    (home / "ports" / "1-4.1").write_text("sim:p1")
    arguments = command("--store", "s.db", "line", "s.toml", "--json")
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=environment(home), cwd=home) as process:
        assert process.stdin is not None and process.stderr is not None
        assert process.stderr.readline() == b"1 1-4.1: press 1\n"
        process.stdin.write(b"1")
        process.stdin.flush()
        seen = b""
        while b"PASS" not in seen:
            seen = process.stderr.readline()
            assert seen
        assert seen.startswith(b"1 1-4.1: PASS: S-1 ")
        process.stdin.write(b"q")
        process.stdin.flush()
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    told = json.loads(out)
    assert (told["passed"], told["units"]) == (1, 1)
    assert told["tests"][0]["place"] == "1-4.1" and told["tests"][0]["simulated"]


@pytest.mark.skipif(os.name != "posix", reason="a PTY needs POSIX")
def test_the_screen(home: Path) -> None:
    """On a terminal: one keystroke without Enter, and a row that says PASS until the unit is unplugged."""
    import pty

    small(home)
    (home / "ports").mkdir()
    (home / "ports" / "1-4.1").write_text("sim:p1")
    master, slave = pty.openpty()
    env = environment(home, TERM="xterm", COLUMNS="100", LINES="20")
    process = subprocess.Popen(command("line", "s.toml"), stdin=slave, stdout=slave, stderr=slave, env=env, cwd=home)
    os.close(slave)
    shown = bytearray()

    def wait_for(text: bytes) -> None:
        deadline = time.monotonic() + 60
        while text not in shown:
            assert time.monotonic() < deadline, bytes(shown[-500:])
            if select.select([master], [], [], 0.2)[0]:
                shown.extend(os.read(master, 4096))

    try:
        wait_for(b"press 1")
        os.write(master, b"1")
        wait_for(b"PASS")
        assert b"S-1" in shown and b"(simulated)" in shown
        shown.clear()
        (home / "ports" / "1-4.1").unlink()
        wait_for(b"plug a unit in")
        os.write(master, b"q")
        wait_for(b"1 of 1 units passed in 1 attempts.")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
