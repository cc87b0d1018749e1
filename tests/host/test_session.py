# SPDX-License-Identifier: Apache-2.0
"""A hosted session against a scripted device: whatever happens after arming, heat is proved off or the user is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calls import Called, call
from fake import FakeDevice

from podsteam import errors, programs
from podsteam.client import Device
from podsteam.podlet import read_tag
from podsteam.pull import pull_records
from podsteam.session import Outcome, Session, telemetry_period_ms
from podsteam.store import open_store
from podsteam.transport import find, sim
from podsteam.wire import messages as m
from podsteam_protocol.frame import encode

RELAY = int(m.FlagBits.RELAY)
Capture = pytest.CaptureFixture[str]


class ScriptedDevice(FakeDevice):
    """Arms, starts, makes steam and ends when the lease has been renewed often enough; STOP ends it at once."""

    def __init__(self) -> None:
        super().__init__()
        self.renewals_to_end = 6
        self.end = (int(m.StopValue.DONE), 0)
        self.starts = True
        self.renewals = 0
        self.on_renewal: Callable[[int], None] = lambda _: None
        self.stored: dict[bytes, m.Program] = {b"gentle".ljust(16, b"\0"): programs.get("gentle")}
        self.answers |= {
            m.InfoGetRequest.ID: m.InfoGetReply(firmware_hash=bytes(8), interpreter=b"scripted"),
            m.PodletGetRequest.ID: m.PodletGetReply(state=2, uid=bytes(7)),
            m.ProgramListRequest.ID: self._list,
            m.ProgramGetRequest.ID: lambda payload: m.ProgramGetReply(self.stored[payload[:16]].pack()),
            m.ProgramPutRequest.ID: self._put,
            m.ArmRequest.ID: self._arm,
            m.LeaseRequest.ID: self._lease,
            m.StopRequest.ID: self._stop,
        }

    def _list(self, payload: bytes) -> m.ProgramListReply:
        names = sorted(self.stored)
        return m.ProgramListReply(len(names), payload[0], names[payload[0]].startswith(b"gentle"), names[payload[0]])

    def _put(self, payload: bytes) -> m.ProgramPutReply:
        import binascii

        self.stored[payload[:16]] = m.Program.unpack(payload)
        return m.ProgramPutReply(binascii.crc32(payload))

    def _enter(self, state: int, relay: bool) -> None:
        self.emit(m.EventValue.STATE, int(self.status["state"]), state)
        self.status.update(state=state, flags=0xDC | (RELAY if relay else 0))

    def _arm(self, _: bytes) -> m.ArmReply:
        self.renewals = 0
        self._enter(m.StateValue.ARMED, False)
        self.status.update(session=7, stop_reason=0)
        return m.ArmReply(60, 7)

    def _lease(self, _: bytes) -> m.LeaseReply | None:
        self.renewals += 1
        self.on_renewal(self.renewals)
        if self.renewals == 1 and self.starts:
            self.emit(m.EventValue.STARTED, 7, 180)
            self._enter(m.StateValue.STEAM, True)
        if self.renewals == self.renewals_to_end:
            self._finish(*self.end)
        self.port.say(encode(m.Tele.ID, 0, m.Tele(uptime_ms=1000 * self.renewals, state=3).pack()))
        return m.LeaseReply(1500)

    def _stop(self, _: bytes) -> m.StopReply:
        if self.status["state"] in (1, 2, 3, 4):
            self._finish(int(m.StopValue.HOST), 0)
        return m.StopReply(int(self.status["state"]))

    def _finish(self, reason: int, fault: int) -> None:
        self.status.update(stop_reason=reason, fault=fault)
        self.emit(m.EventValue.STOPPED, reason, fault)
        self._enter(m.StateValue.FAULT if fault else m.StateValue.COOLING, False)


class Shown:
    """A view that remembers."""

    def __init__(self) -> None:
        self.events: list[int] = []

    def update(self, tele: m.Tele | None, status: m.StatusGetReply | None = None) -> None:
        pass

    def event(self, event: m.Event) -> None:
        self.events.append(event.event)


class Frames:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def frame(self, body: bytes) -> None:
        self.bodies.append(body)


def run(fake: ScriptedDevice, stop_wanted: Callable[[], bool] = lambda: False) -> tuple[Outcome, Shown, Frames]:
    shown, frames = Shown(), Frames()
    device = Device(fake.port)
    outcome = Session(device, shown, lambda _: frames, stop_wanted).run("gentle")
    return outcome, shown, frames


def test_a_session_to_its_end() -> None:
    fake = ScriptedDevice()
    outcome, shown, frames = run(fake)
    assert outcome == Outcome(7, int(m.StopValue.DONE), 0, True, False, True, 0)
    assert outcome.problem() is None
    kinds = [body[0] for body in frames.bodies]
    events = [m.Event.unpack(body[2:]).event for body in frames.bodies if body[0] == m.Event.ID]
    # What came before the start is in the record too, in the order in which it came.
    assert events == shown.events == [2, 5, 2, 6, 2]
    assert kinds.count(m.Tele.ID) >= 5


@pytest.mark.parametrize("lost", range(5))
def test_a_lost_event_changes_nothing(lost: int) -> None:
    fake = ScriptedDevice()
    plain, count = fake.emit, iter(range(100))
    fake.emit = lambda *a: plain(*a, lose=next(count) == lost)  # type: ignore[method-assign,misc]
    outcome, shown, _ = run(fake)
    assert outcome.problem() is None and outcome.events_lost == 0
    assert shown.events == [2, 5, 2, 6, 2]


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ((m.StopValue.FAULT, 111), errors.SafetyLatched),
        ((m.StopValue.BUTTON, 0), errors.EndedEarly),
        ((m.StopValue.NO_STEAM, 0), errors.EndedEarly),
        ((m.StopValue.LEASE_LOST, 0), errors.EndedEarly),
    ],
)
def test_a_bad_end_is_told(end: tuple[int, int], kind: type[errors.PodsteamError]) -> None:
    fake = ScriptedDevice()
    fake.end = end
    outcome, _, _ = run(fake)
    problem = outcome.problem()
    assert type(problem) is kind and outcome.heat_off_proved
    assert "\n" not in str(problem)


def test_nobody_presses() -> None:
    fake = ScriptedDevice()
    fake.starts = False
    fake.end = (int(m.StopValue.NOT_STARTED), 0)
    outcome, _, frames = run(fake)
    assert not outcome.started and frames.bodies == []
    assert isinstance(outcome.problem(), errors.ButtonNotPressed)


def test_an_interrupt_stops_and_proves() -> None:
    fake = ScriptedDevice()
    fake.renewals_to_end = 1000
    outcome, shown, _ = run(fake, lambda: fake.renewals >= 3)
    assert outcome.interrupted and outcome.heat_off_proved
    assert outcome.stop_reason == m.StopValue.HOST
    assert fake.executed.count(m.StopRequest.ID) == 1
    assert m.EventValue.STOPPED in shown.events
    problem = outcome.problem()
    assert problem is not None and problem.status == 130


def test_an_error_on_this_side_stops_the_device_first() -> None:
    fake = ScriptedDevice()
    fake.renewals_to_end = 1000

    class Failing(Shown):
        def event(self, event: m.Event) -> None:
            if event.event == m.EventValue.STARTED:
                raise RuntimeError("the view failed")

    device = Device(fake.port)
    with pytest.raises(RuntimeError, match="the view failed"):
        Session(device, Failing(), lambda _: Frames()).run("gentle")
    assert m.StopRequest.ID in fake.executed
    assert fake.status["flags"] & RELAY == 0


def test_a_device_that_restarts_ends_it() -> None:
    fake = ScriptedDevice()

    def restart(count: int) -> None:
        if count == 4:
            fake.boot_id += 1

    fake.on_renewal = restart
    with pytest.raises(errors.DeviceRestarted):
        run(fake)


def test_telemetry_is_not_faster_than_the_line_needs() -> None:
    for speed, period_ms in ((1, 200), (4, 200), (15, 750), (100, 1000)):
        assert telemetry_period_ms(Device(FakeDevice(speed=speed).port)) == period_ms


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ScriptedDevice:
    device = ScriptedDevice()

    def open_port(name: str, **_: Any) -> Any:
        return device.port

    monkeypatch.setattr(find, "open_port", open_port)
    monkeypatch.setattr(sim, "running", lambda: [])
    monkeypatch.chdir(tmp_path)
    return device


def session_run(capsys: Capture, *arguments: str) -> Called:
    return call(capsys, "--port", "fake0", "--store", "s.db", "session", "run", *arguments)


def test_run_records_with_labels(capsys: Capture, fake: ScriptedDevice) -> None:
    got = session_run(capsys, "gentle", "--tag", "subject=P07", "--note", "first", "--json")
    assert got.status == 0, got.err
    made = json.loads(got.out)
    assert made["stop_reason"] == "DONE" and made["heat_off_proved"] and made["session"] == 7
    with open_store("s.db") as store:
        stored = store.get(made["record"])
    assert stored.entry.tags == {"subject": "P07"} and stored.entry.note == "first"
    assert stored.entry.program == "gentle" and stored.entry.by_host and stored.entry.simulated
    assert stored.record.end is None and stored.record.summary.complete
    assert [event.event for event in stored.record.events] == [2, 5, 2, 6, 2]


def test_run_shows_plain_lines_and_says_what_to_press(capsys: Capture, fake: ScriptedDevice) -> None:
    got = session_run(capsys, "gentle")
    assert got.status == 0
    assert "Press and release the button on the device within 60 s to start." in got.err
    assert "program finished" in got.err and "\x1b" not in got.err
    assert got.out.startswith("Record ") and got.out.endswith("s.db\n")


def test_run_as_json_lines(capsys: Capture, fake: ScriptedDevice) -> None:
    got = session_run(capsys, "gentle", "--jsonl")
    lines = [json.loads(line) for line in got.out.splitlines()]
    assert [line["event"] for line in lines if line["type"] == "event"] == [
        "STATE",
        "STARTED",
        "STATE",
        "STOPPED",
        "STATE",
    ]
    assert lines[-1]["type"] == "result" and lines[-1]["stop_reason"] == "DONE"
    assert any(line["type"] == "measurement" for line in lines)


def test_a_file_is_sent_first(capsys: Capture, fake: ScriptedDevice, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(programs.text("express").replace('"express"', '"mine"'))
    assert session_run(capsys, "mine.toml", "--json").status == 0
    assert b"mine".ljust(16, b"\0") in fake.stored
    assert session_run(capsys, "rinse", "--json").status == 0
    assert b"rinse".ljust(16, b"\0") in fake.stored


def test_a_lost_device_keeps_the_record(capsys: Capture, fake: ScriptedDevice) -> None:
    def vanish(count: int) -> None:
        if count == 4:
            fake.port.gone = True

    fake.on_renewal = vanish
    got = session_run(capsys, "gentle", "--json")
    assert got.status == 16 and got.out == ""
    record = got.err.split("what was recorded until then is record ")[1].split(".")[0]
    with open_store("s.db") as store:
        stored = store.get(record)
    assert stored.entry.state == "cut off" and "went away" in stored.entry.ending
    assert [event.event for event in stored.record.events] == [2, 5, 2]


def test_press_is_for_simulated_boards(capsys: Capture, fake: ScriptedDevice) -> None:
    got = session_run(capsys, "gentle", "--press")
    assert got.status == 2
    assert "simulated boards" in got.err
    # It was armed already, so it was stopped.
    assert m.StopRequest.ID in fake.executed


def test_a_bad_tag_is_refused_before_anything(capsys: Capture, fake: ScriptedDevice) -> None:
    got = session_run(capsys, "gentle", "--tag", "subject")
    assert got.status == 2 and fake.executed == []


def record_bytes(session: int, whole: bool = True) -> bytes:
    head = m.RecordHead(format=1, boot_id=5, uid=bytes(6), session=session, program=programs.get("gentle").pack())
    raw = encode(m.RecordHead.ID, 0, head.pack())
    for i in range(30):
        raw += encode(m.Tele.ID, i, m.Tele(uptime_ms=i * 1000, state=3).pack())
    return raw + encode(m.RecordEnd.ID, 31, m.RecordEnd(30000, 1).pack()) if whole else raw[:-9]


def with_records(fake: FakeDevice, raws: dict[int, bytes]) -> None:
    numbers = sorted(raws)

    def entry(payload: bytes) -> m.RecordListReply:
        number = numbers[payload[0]]
        return m.RecordListReply(len(numbers), payload[0], number, len(raws[number]))

    def read(payload: bytes) -> m.RecordReadReply:
        asked = m.RecordReadRequest.unpack(payload)
        return m.RecordReadReply(asked.offset, raws[asked.record][asked.offset : asked.offset + 200])

    fake.answers[m.RecordListRequest.ID] = entry
    fake.answers[m.RecordReadRequest.ID] = read


def test_pull_brings_each_record_once(fake: ScriptedDevice, tmp_path: Path) -> None:
    with_records(fake, {1: record_bytes(1), 2: record_bytes(2, whole=False), 3: b"nonsense" * 30, 4: record_bytes(4)})
    fake.status.update(state=int(m.StateValue.STEAM), session=4)
    with open_store(tmp_path / "s.db") as store:
        first = pull_records(Device(fake.port), store)
        assert [(entry.head.session, entry.complete) for entry in first.new] == [(1, True), (2, False)]
        assert isinstance(first.problem, errors.IntegrityFailed) and "3" in str(first.problem)
        # The running session's record came with none of the two; now it is over.
        fake.status.update(state=0)
        again = pull_records(Device(fake.port), store)
        assert [entry.head.session for entry in again.new] == [4] and again.had == 2
        assert store.get(first.new[0].record).raw == record_bytes(1)


def test_a_label_that_is_damaged_is_reported_not_believed() -> None:
    from podsteam_twin import podlets

    memory = bytearray(podlets.demo("demo").mem)
    label = read_tag(bytes(memory))
    assert label is not None and label["name"] == "Calming mist" and label["problem"] is None
    at = memory.find(b"Calming mist", memory.find(b"podlet:") + 30)
    memory[at] ^= 1
    damaged = read_tag(bytes(memory))
    assert damaged is not None and damaged["problem"] == "The podlet's data fails its check."
    assert read_tag(bytes(podlets.demo("blank").mem)) is None
    assert read_tag(b"") is None
