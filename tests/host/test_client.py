# SPDX-License-Identifier: Apache-2.0
"""The client against a scripted device: nothing runs twice, nothing is missed, nothing false is believed."""

import dataclasses
import random

import pytest
from effort import tries
from fake import FakeDevice, FakePort
from hypothesis import given
from hypothesis import strategies as st

from podsteam import errors
from podsteam.client import Device
from podsteam.ordering import EventOrder
from podsteam.rto import CAP_S, FLOOR_S, RoundTrips
from podsteam.wire import messages as m
from podsteam_protocol.frame import encode


def connected(**options: int) -> tuple[FakeDevice, Device]:
    fake = FakeDevice(**options)
    return fake, Device(fake.port)


def events_of(messages: list[m.Event | m.Tele | m.Console]) -> list[int]:
    return [message.a for message in messages if isinstance(message, m.Event)]


def test_greeting() -> None:
    fake, device = connected()
    assert device.hello.uid.hex() == "a1b2c3d4e5f6"
    assert device.link.boot_id == fake.boot_id
    assert device.simulated
    device.close()
    assert fake.port.closed


@pytest.mark.parametrize("way", ["lose_requests", "lose_replies"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_lost_frame_is_repeated_and_executed_once(way: str, count: int) -> None:
    fake, device = connected()
    setattr(fake, way, count)
    assert device.stop().state == 0
    assert fake.executed.count(m.StopRequest.ID) == 1
    assert fake.heard.count(m.StopRequest.ID) == count + 1
    assert device.link.retries == count


def test_silence_is_given_up_after_four_tries_and_some_patience() -> None:
    fake, device = connected()
    fake.lose_requests = 100
    start = fake.port.clock.now()
    with pytest.raises(errors.DeviceSilent) as caught:
        device.stop()
    assert fake.heard.count(m.StopRequest.ID) == 4
    assert fake.port.clock.now() - start >= 2.0
    assert caught.value.status == 16


def test_a_slow_reply_is_waited_for_and_not_taken_for_a_new_one() -> None:
    fake, device = connected()
    fake.delay_s = 0.8
    assert device.stop().state == 0
    assert fake.executed.count(m.StopRequest.ID) == 1
    fake.delay_s = 0.004
    # The replies to the repetitions of STOP are still on their way and must not answer this one.
    assert device.status().next_event == 0
    assert fake.executed.count(m.StatusGetRequest.ID) == 1


def test_retry_time_follows_the_measured_round_trips() -> None:
    trips = RoundTrips()
    assert trips.timeout_s(0) == 0.5
    for _ in range(20):
        trips.measured(0.004)
    assert trips.timeout_s(0) == FLOOR_S
    assert trips.timeout_s(1) == 2 * FLOOR_S
    for _ in range(40):
        trips.measured(0.2)
    assert 0.2 < trips.timeout_s(0) < 0.5
    assert trips.timeout_s(3) == CAP_S


def test_repeated_requests_are_not_measured() -> None:
    fake, device = connected()
    before = device.link.round_trips.count
    fake.lose_replies = 1
    device.stop()
    assert device.link.round_trips.count == before


def test_restart_is_noticed_at_the_next_reply() -> None:
    fake, device = connected()
    fake.boot_id += 1
    with pytest.raises(errors.DeviceRestarted) as caught:
        device.status()
    assert caught.value.status == 16


def test_restart_is_noticed_in_a_refusal_too() -> None:
    fake, device = connected()
    fake.boot_id += 1
    fake.refuse[m.StatusGetRequest.ID] = 6
    with pytest.raises(errors.DeviceRestarted):
        device.status()


def test_refusals_carry_code_and_status() -> None:
    fake, device = connected()
    for code, kind, status in (
        (401, errors.Refused, 20),
        (402, errors.SafetyLatched, 21),
        (403, errors.ButtonNotPressed, 22),
        (503, errors.IntegrityFailed, 30),
        (1, errors.WrongVersion, 15),
        (9999, errors.Refused, 20),
    ):
        fake.refuse[m.ArmRequest.ID] = code
        with pytest.raises(kind) as caught:
            device.arm("gentle")
        assert caught.value.status == status
        assert "\n" not in str(caught.value)
        if isinstance(caught.value, errors.Refused):
            assert caught.value.code == code


def test_not_ready_says_what_is_missing() -> None:
    fake, device = connected()
    fake.refuse[m.ArmRequest.ID] = 408
    fake.status["flags"] = m.FlagBits.UPRIGHT | m.FlagBits.LATCH_CLOSED
    with pytest.raises(errors.Refused, match="there is no water and there is no mains voltage"):
        device.arm("gentle")


def test_a_refused_value_is_named() -> None:
    fake, device = connected()
    program = m.Program(name=b"a".ljust(16, b"\0"))
    fake.answers[m.ProgramPutRequest.ID] = m.ProgramPutReply(0)
    with pytest.raises(errors.IntegrityFailed):
        device.put_program(program)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "silent"),
        (b"login: \r\n\0", "login: "),
        (b"\r\n>>> \0", "MicroPython prompt"),
        (bytes(range(1, 256)) * 3 + b"\0", "sent"),
        (b"\x1b[2Jboo\xc2\x9b\xe2\x80\xae\0", r"\\x1b\[2Jboo\\x9b\\u202e"),
    ],
)
def test_not_podsteam(sent: bytes, said: str) -> None:
    port = FakePort()
    port.hear = lambda _: port.say(sent)
    with pytest.raises(errors.NotPodsteam, match=said) as caught:
        Device(port)
    assert caught.value.status == 14
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert port.closed


def test_an_echo_is_not_podsteam() -> None:
    port = FakePort()
    port.hear = port.say
    with pytest.raises(errors.NotPodsteam):
        Device(port)


def test_another_major_version() -> None:
    with pytest.raises(errors.WrongVersion) as caught:
        connected(major=m.MAJOR + 1)
    assert caught.value.status == 15


def test_a_port_that_vanishes() -> None:
    fake, device = connected()
    fake.port.gone = True
    with pytest.raises(errors.DeviceLost):
        device.status()


def test_frames_of_an_earlier_connection_are_ignored() -> None:
    fake = FakeDevice()
    fake.port.say(encode(m.Event.ID, 0, m.Event(5, 0, 1, 99, 0).pack()), 0)
    fake.port.say(encode(m.HelloReply.ID, 77, b"\0\0\0\0" + m.HelloReply(major=9).pack()), 0)
    device = Device(fake.port)
    assert device.hello.major == m.MAJOR
    assert device.poll(0.01) == []


def test_events_come_once_and_in_order_whatever_is_lost() -> None:
    fake, device = connected()
    fake.first_event = 65530
    device.follow()
    for i in range(12):
        fake.emit(2, i, lose=i in (1, 2, 7))
    got: list[int] = []
    for _ in range(20):
        got += events_of(device.poll(0.1))
    assert got == list(range(12))
    assert device.link.order.lost == 0


def test_a_lost_last_event_is_noticed_by_status() -> None:
    fake, device = connected()
    device.follow()
    fake.emit(2, 1)
    fake.emit(6, 2, lose=True)
    assert events_of(device.poll(0.1)) == [1]
    assert device.poll(0.1) == []
    device.status()
    got: list[int] = []
    for _ in range(5):
        got += events_of(device.poll(0.1))
    assert got == [2]


def test_events_that_the_ring_no_longer_has_are_counted() -> None:
    fake, device = connected()
    device.follow()
    for i in range(6):
        fake.emit(2, i, lose=i < 4)
    del fake.events[:3]
    fake.first_event = 3
    got: list[int] = []
    for _ in range(10):
        got += events_of(device.poll(0.1))
    assert got == [3, 4, 5]
    assert device.link.order.lost == 3


def test_the_record_hook_gets_bodies_once_and_in_order() -> None:
    fake, device = connected()
    bodies: list[bytes] = []
    device.link.on_frame = bodies.append
    device.follow()
    for i in range(5):
        fake.emit(2, i, lose=i == 1)
    fake.port.say(encode(m.Tele.ID, 3, m.Tele(uptime_ms=5).pack()))
    for _ in range(10):
        device.poll(0.1)
    assert [body[0] for body in bodies].count(m.Tele.ID) == 1
    numbers = [m.Event.unpack(body[2:]).number for body in bodies if body[0] == m.Event.ID]
    assert numbers == [0, 1, 2, 3, 4]


def test_console_text_arrives_with_and_without_a_frame() -> None:
    fake, device = connected()
    fake.port.say(b"Traceback\0")
    fake.port.say(encode(m.Console.ID, 0, b"last words"))
    got: list[bytes] = []
    for _ in range(4):
        got += [message.text for message in device.poll(0.05) if isinstance(message, m.Console)]
    assert got == [b"Traceback", b"last words"]


@pytest.mark.parametrize("speed", [1, 20])
def test_the_lease_is_renewed_in_device_time(speed: int) -> None:
    fake, device = connected(speed=speed)
    device.arm("gentle")
    end = fake.port.clock.now() + 10 / speed
    while fake.port.clock.now() < end:
        device.poll(0.05)
    renewals = fake.executed.count(m.LeaseRequest.ID)
    assert 20 <= renewals <= 26


def test_the_lease_ends_with_the_session() -> None:
    fake, device = connected()
    device.arm("gentle")
    fake.refuse[m.LeaseRequest.ID] = 407
    for _ in range(40):
        device.poll(0.1)
    assert fake.executed.count(m.LeaseRequest.ID) == 1


def test_the_subscription_is_renewed() -> None:
    fake, device = connected()
    device.subscribe(200)
    for _ in range(100):
        device.poll(0.1)
    assert 2 <= fake.executed.count(m.TeleSubRequest.ID) <= 4


def test_stop_waits_for_the_proof() -> None:
    fake, device = connected()
    fake.status.update(state=3, flags=int(m.FlagBits.RELAY))
    asked: list[int] = []

    def status(_: bytes) -> m.StatusGetReply:
        asked.append(1)
        if len(asked) > 5:
            fake.status.update(state=5, flags=0)
        return m.StatusGetReply(**fake.status)

    fake.answers[m.StatusGetRequest.ID] = status
    assert device.stop_and_prove().state == 5
    assert len(asked) == 6


def test_no_proof_is_no_success() -> None:
    fake, device = connected()
    fake.status.update(state=3, flags=int(m.FlagBits.RELAY))
    with pytest.raises(errors.DeviceLost, match="unplug"):
        device.stop_and_prove()


def test_record_read_in_pieces_and_cut_short() -> None:
    fake, device = connected()
    raw = random.Random(1).randbytes(1000)

    def read(payload: bytes) -> m.RecordReadReply:
        at = m.RecordReadRequest.unpack(payload).offset
        return m.RecordReadReply(at, raw[at : at + 200])

    fake.answers[m.RecordReadRequest.ID] = read
    assert device.record(1, 1000) == raw
    with pytest.raises(errors.Incomplete):
        device.record(1, 1001)


@given(st.data())
@tries(60)
def test_any_order_of_arrival_gives_the_same_events(data: st.DataObject) -> None:
    first = data.draw(st.integers(0, 65535))
    numbers = [(first + i) & 0xFFFF for i in range(12)]
    arrival = data.draw(st.permutations(numbers + numbers[:4]))
    order = EventOrder()
    order.start(first)
    delivered: list[bytes] = []
    for number in arrival:
        delivered += order.put(number, number.to_bytes(2, "little"))
    assert delivered == [n.to_bytes(2, "little") for n in numbers]
    assert not order.gap and order.lost == 0


@given(st.binary(max_size=300))
@tries(60)
def test_garbage_between_frames_never_raises(noise: bytes) -> None:
    fake, device = connected()
    fake.port.say(noise + b"\0")
    for _ in range(3):
        device.poll(0.01)
    assert dataclasses.is_dataclass(device.status())
