# SPDX-License-Identifier: Apache-2.0
"""Requests and refusals: executed once, always answered, and nothing a host sends stops the firmware."""

import struct
from collections.abc import Iterator

import pytest
from bench import TOKEN, Bench, Refused
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam.wire import messages as w
from podsteam.wire.base import Message
from podsteam_protocol import frame
from podsteam_twin import launch


class Raw(Message):
    """Any id with any payload."""

    def __init__(self, kind: int, payload: bytes = b"") -> None:
        self.ID = kind  # type: ignore[misc]
        self.payload = payload

    def pack(self) -> bytes:
        return self.payload


def program(name: bytes = b"mine", **changes: int) -> w.Program:
    values = {
        "warm_up_max_s": 300,
        "steam1_mg_min": 3000,
        "steam1_s": 60,
        "end_cdeg": 6000,
        **changes,
    }
    return w.Program(name=name.ljust(16, b"\0"), **values)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.run(1.5)
    bench.hello()
    yield bench
    bench.close()


def test_repeated_request_is_answered_from_memory(bench: Bench) -> None:
    first = bench.ask(w.ArmRequest(TOKEN, b""), seq=77)
    again = bench.ask(w.ArmRequest(TOKEN, b""), seq=77)
    assert first == again
    bench.run(0.1)
    assert sum(event[0] == w.EventValue.ARMED for event in bench.events) == 1


def test_the_same_number_from_another_host_is_another_request(bench: Bench) -> None:
    """Two hosts on a line may be at the same number: neither gets what answers the other."""
    assert bench.ask(w.ArmRequest(TOKEN, b""), seq=77).armed_s
    with pytest.raises(Refused, match="LEASE_HELD"):
        bench.ask(w.LeaseRequest(TOKEN + 1), seq=78)
    assert bench.ask(w.LeaseRequest(TOKEN), seq=78).lease_ms == 1500
    with pytest.raises(Refused, match="LEASE_HELD"):
        bench.ask(w.LeaseRequest(TOKEN + 1), seq=78)
    # The same frame again is a repetition, whatever has come by otherwise.
    with pytest.raises(Refused, match="LEASE_HELD"):
        bench.ask(w.LeaseRequest(TOKEN + 1), seq=78)


def test_requests_before_hello_are_refused_but_stop_is_not() -> None:
    bench = Bench()
    bench.run(0.5)
    with pytest.raises(Refused, match="NO_HELLO"):
        bench.ask(w.StatusGetRequest())
    bench.ask(w.StopRequest())
    bench.close()


def test_unknown_and_short_requests(bench: Bench) -> None:
    with pytest.raises(Refused, match="UNKNOWN_MESSAGE"):
        bench.ask(Raw(0x6A))
    with pytest.raises(Refused, match="MALFORMED"):
        bench.ask(Raw(w.ArmRequest.ID, b"\x01"))


def test_a_longer_request_of_a_newer_minor_version_is_understood(bench: Bench) -> None:
    longer = w.TeleSubRequest(500).pack() + b"future"
    assert bench.ask(Raw(w.TeleSubRequest.ID, longer)) == w.TeleSubReply(500)


def test_program_is_stored_read_back_and_made_default(bench: Bench) -> None:
    mine = program()
    assert bench.ask(w.ProgramPutRequest(mine.pack())).crc
    assert bench.ask(w.ProgramGetRequest(mine.name)).program == mine.pack()
    bench.ask(w.ProgramDefaultRequest(mine.name))
    bench.control("reset", cause="power")
    bench.run(1)
    bench.hello()
    names = {}
    for index in range(2):
        entry = bench.ask(w.ProgramListRequest(index))
        names[entry.name.rstrip(b"\0")] = entry.is_default
    assert names == {b"gentle": 0, b"mine": 1}


@pytest.mark.parametrize(
    ("bad", "code", "arg"),
    [
        (program(b"Upper"), "BAD_NAME", 0),
        (program(b"../fault"), "BAD_NAME", 0),
        (program(hold_cdeg=20000), "OUT_OF_RANGE", 1),
        (program(steam1_mg_min=0), "OUT_OF_RANGE", 4),
        (program(steam1_mg_min=60000), "OUT_OF_RANGE", 4),
        (program(steam1_s=3000), "OUT_OF_RANGE", 5),
        (program(steam2_s=60), "OUT_OF_RANGE", 6),
        (program(dose_count=61), "OUT_OF_RANGE", 12),
        (program(dose_count=2), "OUT_OF_RANGE", 11),
        (program(dose_nl=10**9), "OUT_OF_RANGE", 13),
        (program(end_cdeg=0), "OUT_OF_RANGE", 14),
    ],
)
def test_bad_program_names_its_field(bench: Bench, bad: w.Program, code: str, arg: int) -> None:
    with pytest.raises(Refused, match=code) as refused:
        bench.ask(w.ProgramPutRequest(bad.pack()))
    assert refused.value.args[1].arg == arg


def test_a_program_can_be_stored_as_soon_as_the_device_answers() -> None:
    bench = Bench()
    bench.hello()
    assert bench.ask(w.ProgramPutRequest(program().pack())).crc
    bench.close()


def test_nothing_is_stored_while_hot(bench: Bench) -> None:
    bench.ask(w.ArmRequest(TOKEN, b""))
    bench.press()
    bench.run_hosted(20)
    with pytest.raises(Refused, match="BUSY_SESSION"):
        bench.ask(w.ProgramPutRequest(program().pack()))


def test_missed_events_are_sent_again(bench: Bench) -> None:
    bench.ask(w.ArmRequest(TOKEN, b""))
    bench.run(0.2)
    seen = list(bench.events)
    assert seen
    bench.events.clear()
    reply = bench.ask(w.EventsGetRequest(0))
    bench.run(0.2)
    assert reply.first == 0
    assert [event for event in bench.events if event in seen] == seen


def test_podlet_is_reported_and_its_memory_read(bench: Bench) -> None:
    podlet = bench.ask(w.PodletGetRequest())
    assert podlet.state == w.PodletValue.GUEST and podlet.doses_left == 20
    image = b""
    while part := bench.ask(w.PodletReadRequest(len(image))).data:
        image += part
    assert len(image) == podlet.size and b"application/vnd.podsteam.podlet" in image
    bench.control("remove")
    bench.run(1.5)
    assert bench.ask(w.PodletGetRequest()).state == w.PodletValue.ABSENT


@tries(40)
@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=60)), max_size=30), st.binary(max_size=300))
def test_no_frame_and_no_noise_stops_the_firmware(frames: list[tuple[int, bytes]], noise: bytes) -> None:
    twin = launch.start(interpreter="cpython", seed=1, unix_s=0)
    hello = frame.encode(w.HelloRequest.ID, 0, struct.pack("<IBB", TOKEN, 1, 0))
    data = hello + b"".join(frame.encode(kind, 1 + i, payload) for i, (kind, payload) in enumerate(frames)) + noise
    twin.exchange(data, 3_000_000, stop=False)
    truth = twin.control({"do": "state"})
    assert truth["crashes"] == [] and truth["hot_erases"] == 0 and not truth["burst"]
    twin.exchange(b"\0" * 2 + frame.encode(w.HelloRequest.ID, 9, struct.pack("<IBB", TOKEN + 1, 1, 0)), 3_100_000)
    assert twin.exchange(b"", 3_600_000, stop=False) is not None
    twin.close()
