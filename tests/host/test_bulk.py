# SPDX-License-Identifier: Apache-2.0
"""Blobs there and back, against the real firmware: whole, proved, and gone on with after whatever has ended them."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import podsteam
from podsteam import bulk, errors
from podsteam.client import Device
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m
from podsteam.wire.base import Message

INBOX = m.BlobValue.INBOX
DATA = random.Random(8).randbytes(20_000)
SHORT = m.Program(name=b"short".ljust(16, b"\0"), warm_up_max_s=300, steam1_mg_min=4000, steam1_s=10, end_cdeg=9500)


def sim(device: Device) -> SimPort:
    assert isinstance(device.port, SimPort)
    return device.port


@pytest.fixture
def dev() -> Iterator[Device]:
    with podsteam.connect("sim", seed=21, interpreter="cpython") as device:
        yield device
        assert sim(device).control({"do": "state"})["crashes"] == []


@pytest.mark.parametrize("size", [1, 243, 244, 1944, 1945, 4096, 4097, 20_000])
def test_a_blob_comes_back_as_it_was_sent(dev: Device, size: int) -> None:
    said: list[tuple[int, int]] = []
    bulk.push(dev, INBOX, 5, DATA[:size], lambda done, whole: said.append((done, whole)))
    assert said[-1] == (size, size)
    assert bulk.pull(dev, INBOX, 5) == DATA[:size]


def test_both_interpreters_give_the_same() -> None:
    with podsteam.connect("sim", seed=21, interpreter="micropython") as device:
        bulk.push(device, INBOX, 5, DATA[:5000])
        assert bulk.pull(device, INBOX, 5) == DATA[:5000]


@pytest.mark.parametrize("ring", [259, 4096])
def test_a_push_loses_nothing_in_either_ring(ring: int) -> None:
    with podsteam.connect("sim", seed=22, interpreter="cpython", rx_ring=ring) as device:
        transfer = bulk.Push(device, INBOX, 1, DATA[:6000])
        transfer.carry_on()
        assert transfer.again == 0
        assert sim(device).control({"do": "state"})["rx_lost"] == 0
        assert bulk.pull(device, INBOX, 1) == DATA[:6000]


def cut_once(port: SimPort, after_s: float) -> None:
    """The cable comes out once, so much later."""
    begin, read, cut = port.clock.now(), port.read, [False]

    def and_cut(timeout_s: float) -> bytes:
        if not cut[0] and port.clock.now() - begin > after_s:
            cut[0] = True
            port.unplug()
        return read(timeout_s)

    port.read = and_cut  # type: ignore[method-assign]


@pytest.mark.parametrize("after_s", [0.05, 0.4, 1.0])
def test_a_pull_goes_on_after_the_cable_was_out(dev: Device, after_s: float) -> None:
    bulk.push(dev, INBOX, 5, DATA)
    port = sim(dev)
    cut_once(port, after_s)
    transfer = bulk.Pull(dev, INBOX, 5)
    with pytest.raises(errors.DeviceLost):
        transfer.carry_on()
    had = transfer.done
    port.run(2.0)
    assert dev.reconnect()
    began = port.clock.now()
    bulk.resumed(dev, transfer)
    assert bytes(transfer.data) == DATA
    # What had come was not sent again.
    assert port.clock.now() - began < (len(DATA) - had) * 10 / 115200 / 0.8 + 0.3


@pytest.mark.parametrize("after_s", [0.05, 0.4, 1.0])
def test_a_push_goes_on_after_the_cable_was_out(dev: Device, after_s: float) -> None:
    cut_once(sim(dev), after_s)
    bulk.push(dev, INBOX, 5, DATA)
    assert bulk.pull(dev, INBOX, 5) == DATA


def test_a_push_goes_on_after_the_device_has_started_anew(dev: Device) -> None:
    port = sim(dev)
    cut_once(port, 1.0)
    transfer = bulk.Push(dev, INBOX, 5, DATA)
    with pytest.raises(errors.DeviceLost):
        transfer.carry_on()
    port.control({"do": "reset", "cause": "power"})
    assert dev.reconnect() is False
    stored = dev.request(m.BlobWriteRequest(INBOX, 5, len(DATA), 0), m.BlobWriteReply).offset
    assert 0 < stored < len(DATA)
    bulk.push(dev, INBOX, 5, DATA)
    assert bulk.pull(dev, INBOX, 5) == DATA


def test_what_another_push_has_left_is_not_taken_for_ours(dev: Device) -> None:
    bulk.push(dev, INBOX, 5, bytes(9000))
    bulk.push(dev, INBOX, 5, DATA[:9000])
    assert bulk.pull(dev, INBOX, 5) == DATA[:9000]
    bulk.push(dev, INBOX, 5, DATA[:500])
    assert bulk.pull(dev, INBOX, 5) == DATA[:500]


@pytest.mark.parametrize(
    ("request_", "expect", "name", "arg"),
    [
        (m.BlobReadRequest(9, 0, 0, 1, 1), m.BlobReadReply, "OUT_OF_RANGE", 0),
        (m.BlobReadRequest(INBOX, 99, 0, 1, 1), m.BlobReadReply, "NOT_FOUND", 1),
        (m.BlobWriteRequest(m.BlobValue.RECORD, 1, 5, 1), m.BlobWriteReply, "OUT_OF_RANGE", 0),
        (m.BlobWriteRequest(INBOX, 1, 0, 1), m.BlobWriteReply, "OUT_OF_RANGE", 2),
        (m.BlobWriteRequest(INBOX, 1, 1 << 30, 1), m.BlobWriteReply, "OUT_OF_RANGE", 2),
        (m.BlobSumRequest(INBOX, 1, 0, 5), m.BlobSumReply, "NOT_FOUND", 1),
        (m.BlobDeleteRequest(INBOX, 1), m.BlobDeleteReply, "NOT_FOUND", 1),
    ],
)
def test_a_refusal_names_the_field(dev: Device, request_: Message, expect: type, name: str, arg: int) -> None:
    with pytest.raises(errors.Refused) as caught:
        dev.request(request_, expect)
    assert (caught.value.name, caught.value.arg) == (name, arg)


def test_a_deleted_blob_is_gone(dev: Device) -> None:
    bulk.push(dev, INBOX, 5, DATA[:100])
    dev.request(m.BlobDeleteRequest(INBOX, 5), m.BlobDeleteReply)
    with pytest.raises(errors.Refused, match="NOT_FOUND"):
        bulk.pull(dev, INBOX, 5)


def test_a_full_store_ends_a_push_with_the_reason(dev: Device) -> None:
    sim(dev).control({"do": "fault", "name": "flash_full"})
    with pytest.raises(errors.Refused, match="STORE_FAILED"):
        bulk.push(dev, INBOX, 5, DATA)
    sim(dev).control({"do": "fault", "name": "flash_full", "on": False})
    bulk.push(dev, INBOX, 5, DATA)
    assert bulk.pull(dev, INBOX, 5) == DATA


def test_a_session_goes_before_a_transfer(dev: Device) -> None:
    """Nothing is pushed while it runs; a pull keeps the lease and lets the measurements through."""
    bulk.push(dev, INBOX, 5, DATA)
    run = dev.session.run(SHORT)
    while dev.status().state != m.StateValue.WARM_UP:
        run.step()
    with pytest.raises(errors.Refused, match="BUSY_SESSION"):
        bulk.push(dev, INBOX, 6, DATA)
    record = run.wait()
    assert record.summary.stop_reason == m.StopValue.DONE
    dev.port.clock.sleep(1.0)
    raw = dev.record(dev.records()[-1].record, dev.records()[-1].size)
    assert len(raw) == dev.records()[-1].size


def test_records_come_by_blob_where_the_device_has_them(dev: Device) -> None:
    dev.session.run(SHORT).wait()
    dev.port.clock.sleep(1.0)
    entry = dev.records()[-1]
    fast = dev.record(entry.record, entry.size)
    dev.hello = m.HelloReply(**{**{f: getattr(dev.hello, f) for f in ("major", "minor", "uid", "speed")}, "caps": 0})
    assert dev.record(entry.record, entry.size) == fast


PARTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


@given(PARTS)
def test_what_is_missing_is_what_was_not_taken_away(cuts: list[tuple[int, int]]) -> None:
    left, truth = [(0, 50)], set(range(50))
    for a, b in cuts:
        left = bulk.without(left, a, b)
        truth -= set(range(a, b))
    assert {i for a, b in left for i in range(a, b)} == truth
    assert left == sorted(left)


def test_a_device_whose_checksums_never_agree_is_given_up(dev: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    bulk.push(dev, INBOX, 5, DATA[:300])
    transfer = bulk.Pull(dev, INBOX, 5)
    monkeypatch.setattr(transfer, "_sum", lambda offset, length: bytes(32))
    with pytest.raises(errors.IntegrityFailed):
        transfer.carry_on()
