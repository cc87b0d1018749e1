# SPDX-License-Identifier: Apache-2.0
"""A second host on the line, and ports that are half open: what both ends know afterwards."""

import socket
import threading
import time
from typing import Any

import pytest
from short_lease import ShortLease

import podsteam
from podsteam import bulk, errors
from podsteam.client import Device
from podsteam.record import decode
from podsteam.runs import Run
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m
from podsteam_twin import control
from podsteam_twin.second import WORDS, Second
from podsteam_twin.server import Server

INTERPRETERS = ("cpython", "micropython")
LONG = m.Program(name=b"long".ljust(16, b"\0"), warm_up_max_s=300, steam1_mg_min=4000, steam1_s=120, end_cdeg=9500)
SHORT = m.Program(name=b"short".ljust(16, b"\0"), warm_up_max_s=300, steam1_mg_min=4000, steam1_s=10, end_cdeg=9500)
LEASE_S = 2.0


def sim(device: Device) -> SimPort:
    assert isinstance(device.port, SimPort)
    return device.port


def truth(device: Device) -> dict[str, Any]:
    return sim(device).control({"do": "state"})


def steaming(device: Device, program: m.Program = LONG) -> Run:
    run = device.session.run(program)
    while device.status().state != m.StateValue.STEAM:
        run.step()
    return run


def until_heat_is_off(device: Device) -> float:
    """Time from now until neither the element nor the valve is driven, in the truth of the board, s."""
    begin = device.port.clock.now()
    while True:
        state = truth(device)
        if not state["burst"] and not state["dosing"] and state["state"] not in (2, 3):
            return device.port.clock.now() - begin
        assert device.port.clock.now() - begin < 10
        sim(device).run(0.02)


@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize("way", ["down", "up", "both"])
def test_a_half_open_port_ends_the_session_and_both_ends_know(way: str, interpreter: str, micropython: str) -> None:
    with podsteam.connect("sim", seed=51, interpreter=interpreter) as dev:
        run = steaming(dev)
        session, boot_id = run.session, dev.link.boot_id
        sim(dev).control({"do": "line", "half_open": way})
        # A host that hangs says nothing more either, and is told nothing: no exception, no end of file.
        assert until_heat_is_off(dev) <= LEASE_S
        with pytest.raises(errors.DeviceLost):
            run.wait()
        sim(dev).control({"do": "line"})
        assert dev.reconnect() is True and dev.link.boot_id == boot_id
        stopped = [e for e in dev.poll(1.0) if isinstance(e, m.Event) and e.event == m.EventValue.STOPPED]
        assert [event.a for event in stopped] == [m.StopValue.LEASE_LOST] and dev.link.order.lost == 0
        status = dev.status()
        assert (status.session, status.stop_reason) == (session, m.StopValue.LEASE_LOST)
        assert status.lease_ms == 0 and not status.flags & m.FlagBits.RELAY
        dev.port.clock.sleep(1.0)
        entry = dev.records()[-1]
        record = decode(bulk.pull(dev, m.BlobValue.RECORD, entry.record))
        assert record.head is not None and record.head.session == session
        assert record.summary.complete and record.summary.stop_reason == m.StopValue.LEASE_LOST


def test_a_host_that_lives_but_hears_nothing_says_stop_for_nothing_and_the_lease_lapses() -> None:
    """The same request again is no new word of the host: repeating it does not keep a session alive."""
    with podsteam.connect("sim", seed=52, interpreter="cpython") as dev:
        run = steaming(dev)
        sim(dev).control({"do": "line", "half_open": "up"})
        begin = dev.port.clock.now()
        with pytest.raises(errors.DeviceSilent):
            run.wait()
        assert dev.port.clock.now() - begin < 4.0
        assert truth(dev)["lease_ms"] == 0


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_second_host_changes_nothing_but_what_it_may(interpreter: str, micropython: str) -> None:
    """It greets, leases, arms, pauses, asks and subscribes under its own name, reads a part of what is ours and writes
    into the middle of what we send. The session goes through, is recorded, and nothing is missed."""
    with podsteam.connect("sim", seed=53, interpreter=interpreter) as dev:
        run = dev.session.run(SHORT)
        says = " ".join(word for word in WORDS if word != "stop")
        second = {"do": "second", "says": says, "every_ms": 70, "takes_percent": 2, "tears_percent": 10, "seed": 5}
        sim(dev).control(second)
        record = run.wait()
        heard = sim(dev).control({"do": "second", "on": False})
        assert heard["said"] > 500 and heard["taken"] > 1000
        assert run.outcome.stop_reason == m.StopValue.DONE and run.outcome.heat_off_proved
        assert run.outcome.events_lost == 0 and dev.link.retries > 0
        numbers = [event.number for event in record.events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        dev.port.clock.sleep(1.0)
        kept = decode(bulk.pull(dev, m.BlobValue.RECORD, dev.records()[-1].record))
        assert {event.number for event in kept.events} <= set(numbers)
        assert kept.summary.stop_reason == m.StopValue.DONE


def test_anybodys_stop_counts_and_the_first_host_knows() -> None:
    with podsteam.connect("sim", seed=54, interpreter="cpython") as dev:
        run = steaming(dev)
        sim(dev).control({"do": "second", "says": "stop", "every_ms": 300})
        with pytest.raises(errors.EndedEarly, match="stopped by a host"):
            run.wait()
        assert run.outcome.stop_reason == m.StopValue.HOST and not run.outcome.interrupted
        assert run.outcome.heat_off_proved


def test_a_reply_to_another_host_is_never_given_for_ours() -> None:
    """The other's refused LEASE comes with the very number of our next one, and ours with its: both are carried out."""
    with podsteam.connect("sim", seed=55, interpreter="cpython") as dev:
        run = steaming(dev)
        for _ in range(3):
            dev.link._seq = (dev.link._seq - 1) & 0xFF  # pyright: ignore[reportPrivateUsage]
            with pytest.raises(errors.Refused, match="LEASE_HELD"):
                dev.request(m.LeaseRequest(0x5EC07D), m.LeaseReply)
            dev.link._seq = (dev.link._seq - 1) & 0xFF  # pyright: ignore[reportPrivateUsage]
            assert dev.request(m.LeaseRequest(dev.token), m.LeaseReply).lease_ms == 1500
        run.stop()


def test_blobs_come_whole_while_another_reads_along() -> None:
    data = bytes(range(256)) * 60
    with podsteam.connect("sim", seed=56, interpreter="cpython") as dev:
        bulk.push(dev, m.BlobValue.INBOX, 1, data)
        sim(dev).control({"do": "second", "says": "status text hello", "every_ms": 150, "takes_percent": 8, "seed": 2})
        assert bulk.pull(dev, m.BlobValue.INBOX, 1) == data
        bulk.push(dev, m.BlobValue.INBOX, 2, data)
        sim(dev).control({"do": "second", "on": False})
        assert bulk.pull(dev, m.BlobValue.INBOX, 2) == data


def test_the_same_seed_gives_the_same_second_host() -> None:
    found: list[tuple[object, ...]] = []
    for interpreter in INTERPRETERS:
        with podsteam.connect("sim", seed=57, interpreter=interpreter) as dev:
            second = {"do": "second", "says": "hello status text", "every_ms": 40}
            sim(dev).control({**second, "takes_percent": 4, "tears_percent": 25})
            for _ in range(40):
                dev.status()
            said = sim(dev).control({"do": "second", "on": False})
            digest = sim(dev).control({"do": "digest"})["digest"]
            found.append((dev.port.clock.now(), dev.link.retries, said["said"], said["taken"], digest))
    assert found[0] == found[1] and found[0][1] > 0


@pytest.mark.parametrize(
    "settings",
    [{"speaks": "x"}, {"says": "nosuch"}, {"says": ""}, {"every_ms": 0}, {"takes_percent": 100}, {"tears_percent": -1}],
)
def test_a_wrong_second_host_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="second host"):
        Second(settings, 0, 0)


def test_a_served_board_does_not_wait_for_ever_for_a_host_whose_side_is_half_open(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection never ends, but it says nothing: time goes on, and another host gets the line."""
    monkeypatch.setattr(control, "state_folder", lambda: tmp_path / "twins")
    monkeypatch.setattr("podsteam_twin.server._GONE_S", 0.6)
    twin = ShortLease(b".")
    server = Server(twin, "tcp", speed=20)
    over = threading.Event()
    thread = threading.Thread(target=server.run, args=(over.is_set,))
    thread.start()
    host, port = server.address.removeprefix("socket://").split(":")
    try:
        with socket.create_connection((host, int(port))) as hung:
            hung.sendall(b"\0")
            time.sleep(0.3)
            held = twin.now_us
            deadline = time.monotonic() + 10
            while twin.now_us < held + 2_000_000:
                assert time.monotonic() < deadline, "time stands still for a host that is gone"
                time.sleep(0.02)
            with socket.create_connection((host, int(port)), timeout=10) as other:
                assert other.recv(1) == b"."
    finally:
        over.set()
        thread.join(5)
        server.close()
