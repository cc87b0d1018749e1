# SPDX-License-Identifier: Apache-2.0
"""`podsteam provision`: what passes and what does not, once and again, in batches, and what is kept of it."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from calls import call, one_sentence

from podsteam import production, production_batch
from podsteam.client import Device
from podsteam.errors import UsageProblem
from podsteam.identity import Block
from podsteam.store import open_store
from podsteam.transport.sim import SimPort

Capture = pytest.CaptureFixture[str]
GOOD = "[limits]\nwater_c = [10, 35]\nmains_v = [200, 260]\n"
NEVER = "[limits]\nwater_c = [10, 35]\nmains_v = [300, 301]\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("PODSTEAM_PORT", "PODSTEAM_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.toml").write_text(GOOD)
    (tmp_path / "never.toml").write_text(NEVER)
    return tmp_path


def nobody(left_s: int) -> None:
    """Whom the button is asked of."""


def report(capsys: Capture) -> dict[str, Any]:
    shown = call(capsys, "provision", "report", "--json")
    assert shown.status == 0, shown.err
    return json.loads(shown.out)


def test_a_unit_passes_once(home: Path, capsys: Capture) -> None:
    base = ("--port", "sim:p1", "provision")
    new = call(capsys, *base)
    assert new.status == 2 and "is new; give its --serial and --hardware" in one_sentence(new)
    first = call(capsys, *base, "--serial", "PS-1", "--hardware", "A3", "--limits", "good.toml", "--labels", "l/x")
    assert first.status == 0, first.err
    assert "PASS" in first.out and "(simulated)" in first.out and "limits 200 to 260" in first.out
    assert (home / "l/x/PS-1.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    zpl = (home / "l/x/PS-1.zpl").read_text()
    (kept,) = report(capsys)["tests"]
    assert zpl.startswith("^XA") and zpl.endswith("^XZ\n") and f"SIMULATED PS-1 A3 {kept['unit']}^FS" in zpl
    assert kept["result"] == "pass" and kept["attempt"] == 1 and len(kept["firmware_hash"]) == 16
    assert [step["step"] for step in kept["steps"]] == [
        "greeting",
        "info",
        "selftest",
        "rest",
        "water_c",
        "mains_v",
        "identity",
    ]
    refused = call(capsys, *base)
    assert refused.status == 2 and "passed already, as PS-1" in one_sentence(refused)
    assert len(report(capsys)["tests"]) == 1
    other = call(capsys, "--port", "sim:p2", "provision", "--serial", "PS-1", "--hardware", "A3")
    assert other.status == 2 and f"belongs to unit {kept['unit']}" in one_sentence(other)
    again = call(capsys, *base, "--again", "--limits", "never.toml", "--json")
    assert again.status == 24 and "PS-1 did not pass: mains_v: 2" in again.err
    assert json.loads(again.out)["attempt"] == 2
    # It failed last, so it may be tested without being told.
    assert call(capsys, *base).status == 0
    assert [test["result"] for test in report(capsys)["tests"]] == ["pass", "fail", "pass"]
    assert call(capsys, "records", "verify").status == 0


def test_a_batch_does_what_has_not_passed(home: Path, capsys: Capture) -> None:
    # B-2 names another unit than the one on its port; B-4 has no port left.
    rows = ["serial,hardware,port,unit", "B-1,A3,sim:b1,", "B-2,A3,sim:b2,000000000000", "B-3,A3,,", "B-4,A3,,"]
    (home / "u.csv").write_text("\n".join(rows))
    base = ("provision", "--batch", "u.csv", "--limits", "good.toml", "--labels", "l")
    first = call(capsys, *base, "--ports", "sim:b3", "--ports", "/nowhere", "--json")
    assert first.status == 24
    assert "2 of 4 units did not pass: B-2 (unit " in first.err and "B-4 (no port had a unit for it)" in first.err
    found = {each["port"]: each for each in json.loads(first.out)["units"]}
    assert [found[port]["serial"] for port in ("sim:b1", "sim:b3")] == ["B-1", "B-3"]
    assert found["sim:b2"]["result"] == found["/nowhere"]["result"] == "not tested"
    assert sorted(path.name for path in (home / "l").iterdir()) == ["B-1.png", "B-1.zpl", "B-3.png", "B-3.zpl"]
    # The wrong unit is put right and a fourth plugged in; one that passed is on a port still.
    (home / "u.csv").write_text("\n".join([*rows[:2], "B-2,A3,sim:b2,", *rows[3:]]))
    second = call(capsys, *base, "--ports", "sim:b3", "--ports", "sim:b4", "--json")
    assert second.status == 0, second.err
    data = json.loads(second.out)
    assert data["passed_before"] == ["B-1", "B-3"]
    assert [each["serial"] for each in data["units"] if each["result"] == "pass"] == ["B-2", "B-4"]
    third = call(capsys, *base)
    assert third.status == 0 and third.out == "4 passed before and were left alone.\n"
    told = report(capsys)
    assert (told["units"], told["passed"], told["attempts"], told["yield"]) == (4, 4, 4, 1.0)


def test_a_limit_that_cannot_be_met(home: Path, capsys: Capture) -> None:
    (home / "u.csv").write_text("hardware,serial\nA3,C-1\nA3,C-2\n")
    base = ("provision", "--batch", "u.csv", "--ports", "sim:c1", "--ports", "sim:c2")
    failed = call(capsys, *base, "--limits", "never.toml")
    assert failed.status == 24 and failed.out.count("FAIL") == 2 and failed.err.count("limits 300 to 301") == 2
    # Each unit keeps the serial that it failed under, though the ports are told in another order.
    swapped = ("provision", "--batch", "u.csv", "--ports", "sim:c2", "--ports", "sim:c1", "--json")
    units = json.loads(call(capsys, *swapped, "--limits", "good.toml").out)["units"]
    assert [(each["port"], each["serial"], each["attempt"], each["result"]) for each in units] == [
        ("sim:c2", "C-2", 2, "pass"),
        ("sim:c1", "C-1", 2, "pass"),
    ]
    told = report(capsys)
    assert (told["passed"], told["passed_first"], told["failures"]) == (2, 0, {"mains_v": 2})
    written = call(capsys, "provision", "report", "--csv", "a.csv")
    assert written.status == 0 and "0 passed at the first attempt (0.0%)." in written.out
    with (home / "a.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4 and {line["water_c"] != "" for line in lines} == {True}
    assert sum(line["failures"].startswith("mains_v: ") for line in lines) == 2
    there = call(capsys, "provision", "report", "--csv", "a.csv")
    assert there.status == 2 and "is there already" in one_sentence(there)


def test_a_broken_board_and_a_lost_one(tmp_path: Path) -> None:
    with Device.open("sim", seed=5) as device, open_store(tmp_path / "r.db", create=True) as store:
        port = device.port
        assert isinstance(port, SimPort)
        port.control({"do": "fault", "name": "wall_open"})
        device.poll(2.0)
        block = Block("D-1", "A3")
        broken = production.examine(store, device, block, production.NO_LIMITS, 1, nobody)
        assert broken["result"] == "fail"
        assert "rest: the fault " in production.failures(broken)[0]
        port.unplug()
        lost = production.examine(store, device, block, production.NO_LIMITS, 2, nobody)
        assert lost["steps"][-1]["step"] == "info" and lost["steps"][-1]["result"] == "fail"
        past = production.history(store)
        assert [each["attempt"] for each in past[device.hello.uid.hex()]] == [1, 2]
        assert production.summary(past)["failures"] == {"info": 1, "rest": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "one table, [limits]"),
        ("[limits]\n[more]\n", "one table, [limits]"),
        ("limits = 3", "one table, [limits]"),
        ("[limits]\nwall = [1, 2]", "there is no limit 'wall'"),
        ("[limits]\nwall_c = [2, 1]", "wall_c must be [least, most]"),
        ("[limits]\nwall_c = [true, 1]", "wall_c must be"),
        ("[limits]\nwall_c = [nan, 1]", "wall_c must be"),
        ("[limits", "is no TOML"),
    ],
)
def test_wrong_limits(text: str, says: str, home: Path, capsys: Capture) -> None:
    (home / "l.toml").write_text(text)
    with pytest.raises(UsageProblem) as caught:
        production.load_limits(home / "l.toml")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "first line must name"),
        ("serial\nA\n", "first line must name"),
        ("serial,hardware,colour\nA,B,C\n", "first line must name"),
        ("serial,hardware\n", "names no unit"),
        ("serial,hardware\nA\n", "unit 1 has 1 cells"),
        ("serial,hardware\n../A,B\n", "unit 1: '../A' is no serial number"),
        ("serial,hardware\nA,^XA\n", "is no hardware revision"),
        ("serial,hardware\n=A,B\n", "is no serial number"),
        ("serial,hardware\nA,B\nA,B\n", "the serial A is there twice"),
        ("serial,hardware,port\nA,B,p\nC,B,p\n", "the port p is there twice"),
        ("serial,hardware,unit\nA,B,12\n", "is no unit's address"),
        ('serial,hardware\n"A,B\n', "is no CSV"),
    ],
)
def test_wrong_batches(text: str, says: str, home: Path) -> None:
    (home / "b.csv").write_text(text)
    with pytest.raises(UsageProblem) as caught:
        production_batch.load(home / "b.csv")
    assert says in str(caught.value)


def test_options_that_do_not_go_together(home: Path, capsys: Capture) -> None:
    (home / "u.csv").write_text("serial,hardware\nA,B\n")
    (home / "file").write_text("")
    for arguments, says in (
        (("--batch", "u.csv", "--serial", "X"), "takes serial, hardware and calibration from its file"),
        (("--ports", "sim"), "--ports goes with --batch"),
        (("--batch", "u.csv"), "no row names a port"),
        (("--batch", "u.csv", "--ports", "sim", "--ports", "sim"), "is named twice"),
        (("--batch", "none.csv"), "cannot be read"),
        (("--serial", "a b"), "is no serial number"),
        (("--labels", "file"), "cannot be made a folder"),
    ):
        refused = call(capsys, "provision", *arguments)
        assert refused.status == 2 and says in one_sentence(refused), arguments
