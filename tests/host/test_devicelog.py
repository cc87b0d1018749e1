# SPDX-License-Identifier: Apache-2.0
"""`podsteam log`: what a device has noted about itself, fetched once and proved; followed without a gap."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import call

import podsteam
from podsteam import bulk, devicelog, errors
from podsteam.client import Device
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m

SHORT = m.Program(name=b"short".ljust(16, b"\0"), warm_up_max_s=300, steam1_mg_min=4000, steam1_s=10, end_cdeg=9500)


def sim(device: Device) -> SimPort:
    assert isinstance(device.port, SimPort)
    return device.port


@pytest.fixture
def dev() -> Iterator[Device]:
    with podsteam.connect("sim", seed=31, interpreter="cpython") as device:
        yield device


def crash(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The firmware stops with an exception whose text tries to steer a terminal."""
    from podsteam_firmware.link.port import Port

    def broken(self: Port, *arguments: object) -> None:
        raise RuntimeError("bad \x1b[2J text")

    with monkeypatch.context() as once:
        once.setattr(Port, "_execute", broken)
        with pytest.raises(errors.PodsteamError):
            device.request(m.StatusGetRequest(), m.StatusGetReply)
    device.reconnect()


def test_a_pull_brings_sessions_this_start_and_last_words(
    dev: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev.session.run(SHORT).wait()
    dev.port.clock.sleep(1.0)
    before = dev.link.boot_id
    crash(dev, monkeypatch)
    found = devicelog.pull(dev, tmp_path)
    assert any("RuntimeError" in line and "\\x1b" in line for line in found.last_words)
    kinds = [(each.session, each.event.event) for each in found.entries]
    assert (1, m.EventValue.STARTED) in kinds and (1, m.EventValue.STOPPED) in kinds
    assert found.entries[-1].boot_id == dev.link.boot_id != before
    starts = [each for each in found.entries if each.event.event == m.EventValue.BOOT]
    assert starts and starts[-1].event.a == m.ResetValue.HARD


def test_what_is_here_is_proved_and_not_fetched_again(dev: Device, tmp_path: Path) -> None:
    dev.session.run(SHORT).wait()
    dev.port.clock.sleep(1.0)
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
    assert len(list(tmp_path.glob("*.record"))) == 2


def test_a_pull_that_ends_in_the_middle_goes_on(dev: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dev.session.run(SHORT).wait()
    dev.port.clock.sleep(1.0)
    size = dev.records()[-1].size
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


def test_a_pull_survives_the_cable(dev: Device, tmp_path: Path) -> None:
    dev.session.run(SHORT).wait()
    dev.port.clock.sleep(1.0)
    port = sim(dev)
    read, cuts = port.read, [0]

    def and_cut(timeout_s: float) -> bytes:
        data = read(timeout_s)
        if data and b"\xc3" in data and cuts[0] < 3:
            cuts[0] += 1
            port.unplug()
        return data

    port.read = and_cut  # type: ignore[method-assign]
    with pytest.raises(errors.DeviceLost):
        for _ in range(4):
            devicelog.recent(dev)
            port.unplug()
            dev.status()
    dev.reconnect()
    devicelog.pull(dev, tmp_path)
    assert (tmp_path / "00001.record").stat().st_size == dev.records()[-1].size


def test_following_misses_nothing_while_the_cable_is_out(dev: Device) -> None:
    port = sim(dev)
    said: list[str] = []
    numbers: list[tuple[int, int]] = []
    expected = dev.follow().next_event
    first = expected
    for event in devicelog.follow(dev, lambda: len(numbers) >= 30, said.append):
        assert event.number == expected
        expected += 1
        numbers.append((dev.link.boot_id, event.number))
        if len(numbers) % 7 == 3:
            port.unplug()
            port.control({"do": "press", "ms": 100})
            port.run(1.0)
        elif event.number < first + 40:
            port.control({"do": "press", "ms": 100})
    assert len(numbers) >= 30
    assert sum("ran on" in sentence for sentence in said) >= 3


def test_following_goes_on_through_a_restart(dev: Device) -> None:
    port = sim(dev)
    said: list[str] = []
    dev.follow()
    port.control({"do": "reset", "cause": "watchdog"})
    seen: list[m.Event] = []
    for event in devicelog.follow(dev, lambda: False, said.append):
        seen.append(event)
        break
    assert (seen[0].number, seen[0].event, seen[0].a) == (0, m.EventValue.BOOT, m.ResetValue.WATCHDOG)
    assert any("started anew" in sentence for sentence in said)


def test_a_device_that_stays_away_ends_following(dev: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    dev.follow()
    sim(dev).unplug()
    monkeypatch.setattr(SimPort, "reopen", lambda self: self)
    with pytest.raises(errors.PodsteamError):
        list(devicelog.follow(dev, lambda: False, None, 0.5))


def test_the_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    done = call(capsys, "--port", "sim", "log", "pull", "--to", str(tmp_path))
    assert done.status == 0 and "Device started" in done.out and "events;" in done.out
    done = call(capsys, "--port", "sim", "log", "follow", "--all", "--count", "1", "--jsonl")
    assert done.status == 0 and json.loads(done.out)["event"] == "BOOT"
