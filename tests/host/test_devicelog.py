# SPDX-License-Identifier: Apache-2.0
"""`podsteam log`: what a device has noted about itself, fetched once and proved; followed without a gap."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import call
from fake import FakeDevice

import podsteam
from podsteam import bulk, devicelog, errors
from podsteam.client import Device
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m

SHORT = m.Program(name=b"short".ljust(16, b"\0"), warm_up_max_s=300, steam1_mg_min=4000, steam1_s=10, end_cdeg=9500)
INTERPRETERS = ("cpython", "micropython")


def sim(device: Device) -> SimPort:
    assert isinstance(device.port, SimPort)
    return device.port


@pytest.fixture
def dev() -> Iterator[Device]:
    with podsteam.connect("sim", seed=31, interpreter="cpython") as device:
        yield device


def with_session(device: Device) -> Device:
    """The device, with a session's record and a moment after its end."""
    device.session.run(SHORT).wait()
    device.port.clock.sleep(1.0)
    return device


def cut(port: SimPort, *after_bytes: int) -> list[int]:
    """The cable comes out whenever so many more bytes have come. Returns the list of what came, which grows."""
    read, left, came = port.read, list(after_bytes), [0]

    def and_cut(timeout_s: float) -> bytes:
        data = read(timeout_s)
        came[-1] += len(data)
        if left and came[-1] >= left[0]:
            left.pop(0)
            came.append(0)
            port.unplug()
        return data

    port.read = and_cut  # type: ignore[method-assign]
    return came


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_pull_brings_sessions_this_start_and_last_words(interpreter: str, tmp_path: Path, micropython: str) -> None:
    with podsteam.connect("sim", seed=31, interpreter=interpreter) as device:
        before = with_session(device).link.boot_id
        sim(device).control({"do": "upset", "kind": "raise", "path": "core.session.step"})
        device.port.clock.sleep(1.0)
        assert device.reconnect() is False
        found = devicelog.pull(device, tmp_path)
        assert any("Upset" in line for line in found.last_words)
        kinds = [(each.session, each.event.event) for each in found.entries]
        assert (1, m.EventValue.STARTED) in kinds and (1, m.EventValue.STOPPED) in kinds
        assert found.entries[-1].boot_id == device.link.boot_id != before
        starts = [each for each in found.entries if each.event.event == m.EventValue.BOOT]
        assert starts and starts[-1].event.a == m.ResetValue.HARD
        assert (tmp_path / "00001.record").stat().st_size == device.records()[-1].size


def test_last_words_do_not_steer_a_terminal(dev: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from podsteam_firmware.link.port import Port

    def broken(self: Port, *arguments: object) -> None:
        raise RuntimeError("bad \x1b[2J text")

    with monkeypatch.context() as once:
        once.setattr(Port, "_execute", broken)
        with pytest.raises(errors.PodsteamError):
            dev.status()
    dev.reconnect()
    found = devicelog.pull(dev, tmp_path)
    assert any("RuntimeError" in line and "\\x1b" in line for line in found.last_words)
    assert "\x1b" not in "".join(found.last_words)


def test_what_is_here_is_proved_and_not_fetched_again(dev: Device, tmp_path: Path) -> None:
    with_session(dev)
    first = devicelog.pull(dev, tmp_path)
    again = devicelog.pull(dev, tmp_path)
    assert first.fetched > 500 and first.had == 0
    assert (again.fetched, again.had) == (0, first.fetched)
    assert again.entries == first.entries
    record = tmp_path / "00001.record"
    whole = record.read_bytes()
    record.write_bytes(whole[:300])
    assert devicelog.pull(dev, tmp_path).had == 300
    assert record.read_bytes() == whole
    # Damaged on this computer: the device's counts, and ours is kept beside it.
    record.write_bytes(b"\x55" + whole[1:])
    assert devicelog.pull(dev, tmp_path).fetched == len(whole)
    assert record.read_bytes() == whole
    assert (tmp_path / "00001-1.record").read_bytes() == b"\x55" + whole[1:]


def test_a_pull_that_ends_in_the_middle_goes_on(dev: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = with_session(dev).records()[-1].size
    taken = bulk.Pull._take  # pyright: ignore[reportPrivateUsage]

    def and_end(self: bulk.Pull, body: bytes) -> None:
        taken(self, body)
        if self.done > size // 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(bulk.Pull, "_take", and_end)
        with pytest.raises(KeyboardInterrupt):
            devicelog.pull(dev, tmp_path)
    kept = (tmp_path / "00001.record").stat().st_size
    assert size // 2 < kept <= size
    assert devicelog.pull(dev, tmp_path).had == kept


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_one_pull_survives_a_cable_that_comes_out_anywhere(interpreter: str, tmp_path: Path, micropython: str) -> None:
    """While the events come, while the records are listed, in the middle of a record, and again."""
    with podsteam.connect("sim", seed=31, interpreter=interpreter) as device:
        with_session(device)
        said: list[str] = []
        size = device.records()[-1].size
        came = cut(sim(device), 30, 200, size // 2, size // 4)
        found = devicelog.pull(device, tmp_path, said.append)
        assert len(came) == 5
        assert (tmp_path / "00001.record").stat().st_size == size
        # What had come before a cut was not sent again, but for what was on its way.
        assert size <= found.fetched + found.had < size + 100
        assert sum(came) < 1.6 * size + 3000


def test_a_pull_whose_cable_never_holds_is_given_up(dev: Device, tmp_path: Path) -> None:
    came = cut(sim(dev), *[1] * 100)
    with pytest.raises(errors.PodsteamError):
        devicelog.pull(dev, tmp_path, within_s=0.1)
    assert len(came) < 100


def test_events_that_an_earlier_pull_missed_are_told(dev: Device, tmp_path: Path) -> None:
    devicelog.pull(dev, tmp_path)
    for _ in range(devicelog.RING):
        sim(dev).control({"do": "press", "ms": 100})
        dev.port.clock.sleep(3.0)
        dev.stop()
    found = devicelog.pull(dev, tmp_path)
    numbers = [each.event.number for each in found.entries]
    assert len(numbers) == len(set(numbers)) and found.missed == numbers[-1] + 1 - len(numbers) > 0
    dev.stop()
    assert devicelog.pull(dev, tmp_path).missed == found.missed


def test_following_misses_nothing_while_the_cable_is_out(dev: Device) -> None:
    port = sim(dev)
    said: list[str] = []
    seen: list[int] = []
    expected = dev.follow().next_event
    port.control({"do": "press", "ms": 100})
    for event in devicelog.follow(dev, lambda: len(seen) >= 30, said.append):
        assert event.number == expected
        expected += 1
        seen.append(event.number)
        if len(seen) % 7 == 3:
            port.unplug()
            port.run(1.0)
        if event.event == m.EventValue.BUTTON and not event.a:
            port.control({"do": "press", "ms": 100})
    assert sum("ran on" in sentence for sentence in said) >= 3
    assert dev.link.order.lost == 0


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_following_goes_on_through_a_restart(interpreter: str, micropython: str) -> None:
    with podsteam.connect("sim", seed=31, interpreter=interpreter) as device:
        said: list[str] = []
        device.follow()
        sim(device).control({"do": "reset", "cause": "watchdog"})
        event = next(devicelog.follow(device, lambda: False, said.append))
        assert (event.number, event.event, event.a) == (0, m.EventValue.BOOT, m.ResetValue.WATCHDOG)
        assert any("started anew" in sentence for sentence in said)


def test_a_device_that_stays_away_ends_following(dev: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    dev.follow()
    sim(dev).unplug()
    monkeypatch.setattr(SimPort, "reopen", lambda self: self)
    with pytest.raises(errors.PodsteamError):
        list(devicelog.follow(dev, lambda: False, None, 0.5))


def test_a_greeting_that_fails_once_does_not_make_it_another_start() -> None:
    fake = FakeDevice()
    device = Device(fake.port, lambda unit: fake.port)
    fake.lose_requests = 4
    assert device.reconnect() is True


def test_the_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    done = call(capsys, "--port", "sim", "log", "pull", "--to", str(tmp_path / "a"))
    assert done.status == 0 and "Device started" in done.out and "events;" in done.out
    done = call(capsys, "--port", "sim", "log", "pull", "--to", str(tmp_path / "b"), "--json")
    answer = json.loads(done.out)
    assert answer["events"][0]["event"] == "BOOT" and answer["last_words"] == []
    done = call(capsys, "--port", "sim", "log", "follow", "--all", "--count", "1", "--jsonl")
    assert done.status == 0 and json.loads(done.out)["event"] == "BOOT"
