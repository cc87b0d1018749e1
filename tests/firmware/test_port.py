# SPDX-License-Identifier: Apache-2.0
"""The device's end of the line, byte by byte: a real core behind it, before it a line whose pieces and room are set."""

import struct
import zlib
from typing import Any

import pytest

from podsteam.wire import messages as w
from podsteam_firmware.link.dispatch import Dispatcher
from podsteam_firmware.link.events import RING
from podsteam_firmware.link.port import Port
from podsteam_protocol import frame
from podsteam_protocol import messages as m
from podsteam_twin.machine import Machine

TOKEN = 0x0A0B0C0D
BLANK = 0x6F
"""The last id that is a request's; on this bench its reply has no fields."""


class Line:
    """The board's HAL with another line: each read gives a piece, each write is kept while there is room."""

    def __init__(self, hal: Any) -> None:
        self._hal = hal
        self.pieces: list[bytes] = []
        self.sent: list[bytes] = []
        self.room = 1 << 20
        """Bytes that the line still takes."""
        self.busy_ms = 0
        self.baud = 115_200

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hal, name)

    def link_read(self, buf: bytearray) -> int:
        if not self.pieces:
            return 0
        piece = self.pieces.pop(0)
        if len(piece) > len(buf):
            self.pieces.insert(0, piece[len(buf) :])
            piece = piece[: len(buf)]
        buf[: len(piece)] = piece
        return len(piece)

    def link_write(self, buf: bytearray, length: int) -> int:
        if length > self.room:
            return 0
        self.room -= length
        self.sent.append(bytes(buf[:length]))
        return length

    def link_busy_ms(self) -> int:
        return self.busy_ms

    def link_rate(self, baud: int) -> int:
        self.baud = baud or self.baud
        return self.baud


class Counting(Dispatcher):
    """Keeps the ids of the requests that were executed, and knows one whose reply is empty."""

    def __init__(self, core: Any) -> None:
        super().__init__(core)
        self.executed: list[int] = []
        self._handlers[BLANK] = (0, lambda core, now_ms, payload, reply: 0)

    def handle(self, now_ms: int, kind: int, payload: memoryview, reply: bytearray) -> int:
        self.executed.append(kind)
        return super().handle(now_ms, kind, payload, reply)


class Device:
    """A core that has just started, its port, and what has come out of it."""

    def __init__(self, hello: bool = True) -> None:
        self.core = Machine({"unix_s": 0, "seed": 1}).loop.core
        self.line = self.core.hal = Line(self.core.hal)  # type: ignore[assignment]
        self.dispatcher = self.core.dispatcher = Counting(self.core)
        self.port = self.core.port = Port(self.core, self.dispatcher)
        self.now_ms = self.core.now_ms
        if hello:
            self.pump()
            self.ask(w.HelloRequest(TOKEN, w.MAJOR, w.MINOR), seq=200)
            self.dispatcher.executed.clear()

    def pump(self, *pieces: bytes, ms: int = 0) -> list[bytes]:
        """Let these pieces come, some ms later, until all are read; the bodies of the frames that have left."""
        self.now_ms += ms
        self.line.pieces += pieces
        self.port.pump(self.now_ms)
        while self.line.pieces:
            self.port.pump(self.now_ms)
        return self.left()

    def left(self) -> list[bytes]:
        """The bodies (type, seq, payload) of the frames that have left since the last look: each must be whole."""
        bodies: list[bytes] = []
        for sent in self.line.sent:
            assert sent[0] == sent[-1] == 0 and 0 not in sent[1:-1]
            segment = bytearray(sent[1:-1])
            length = frame.open_segment(segment, len(segment))
            assert length, "a frame that no host would take"
            bodies.append(bytes(segment[1 : 1 + length]))
        self.line.sent.clear()
        return bodies

    def ask(self, message: Any, seq: int = 1) -> bytes:
        """Send one request; the body of its one reply."""
        (body,) = (each for each in self.pump(frame.encode(message.ID, seq, message.pack())) if each[0] & m.REPLY)
        return body

    def emit(self, count: int) -> None:
        for i in range(count):
            self.core.events.emit(w.EventValue.LEASE, i, -i)


def ping(number: int, tail: bytes = b"") -> bytes:
    """A PING; a longer one is one of a newer minor version."""
    return frame.encode(m.PING, number & 0xFF, struct.pack("<I", number) + tail)


def pinged(bodies: list[bytes]) -> list[int]:
    """The numbers of the PINGs that these bodies answer, and nothing else may be there."""
    for body in bodies:
        assert body[0] == m.PING | m.REPLY and body[1] == body[6]
    return [struct.unpack_from("<I", body, 6)[0] for body in bodies]


def refusal(body: bytes) -> tuple[int, int, int, int]:
    """(id of the request, code, arg, detail) of an ERROR."""
    assert body[0] == 0x82
    return struct.unpack("<BHBi", body[6:])  # type: ignore[return-value]


@pytest.fixture
def device() -> Device:
    return Device()


# Nothing asked ---------------------------------------------------------------------------------------------------


def test_a_port_says_nothing_by_itself_before_a_host_said_hello() -> None:
    device = Device(hello=False)
    assert (device.port.next_event, device.port.bulk) == (0, None)
    device.emit(3)
    assert device.core.telemetry.subscribe(device.now_ms, 50)
    for _ in range(3):
        assert device.pump(ms=50) == []
    assert device.line.sent == []


# Bytes in ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 63, 64, 65, 1000])
@pytest.mark.parametrize("shared", [True, False], ids=["one zero between frames", "two"])
def test_requests_are_found_however_the_bytes_arrive(size: int, shared: bool) -> None:
    device = Device()
    numbers = [0, 1, 0x01000200, 0xFFFFFFFF, *range(300, 320)]
    frames = [ping(number, bytes(number % 50)) for number in numbers]
    stream = b"".join(each[1:] if shared else each for each in frames)
    assert pinged(device.pump(*(stream[at : at + size] for at in range(0, len(stream), size)))) == numbers


@pytest.mark.parametrize("cut", range(1, len(ping(7))))
def test_a_piece_ends_anywhere_in_a_frame_and_the_next_holds_more(device: Device, cut: int) -> None:
    stream = ping(7) + ping(8)
    assert pinged(device.pump(stream[:cut], stream[cut:])) == [7, 8]


def test_the_first_bytes_after_a_start_may_be_a_frame_without_its_first_zero() -> None:
    device = Device(hello=False)
    (body,) = device.pump(ping(5)[1:])
    assert body[:2] == bytes((m.PING | m.REPLY, 5))


@pytest.mark.parametrize(("arrived", "left"), [(255, 0), (256, 0), (257, 1), (320, 64)])
def test_a_pump_reads_256_bytes_at_most(device: Device, arrived: int, left: int) -> None:
    device.line.pieces = [b"\0" * arrived]
    device.port.pump(device.now_ms)
    assert sum(map(len, device.line.pieces)) == left


@pytest.mark.parametrize("tail", [0, 1, 242, 243])
def test_the_longest_request_is_taken(device: Device, tail: int) -> None:
    assert pinged(device.pump(ping(9, b"t" * tail))) == [9]


@pytest.mark.parametrize("length", [1, 6, 7, 253, 254, 255, 256, 1000])
@pytest.mark.parametrize("size", [17, 64])
def test_text_between_two_zeros_is_passed_over_and_takes_no_memory(device: Device, length: int, size: int) -> None:
    text = b"\0" + b"U" * length + b"\0"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert pinged(device.pump(*pieces, ping(1), *pieces, ping(2) + ping(3))) == [1, 2, 3]
    assert device.dispatcher.executed == [m.PING] * 3
    assert len(device.port._segment) == len(device.port._reply) == len(device.port.out) == frame.BUFFER_SIZE
    assert len(device.port._answered) == 4


def test_what_is_too_long_is_no_frame_even_if_it_begins_as_one(device: Device) -> None:
    """The rest is not kept: without a note of that, the beginning would pass."""
    whole = ping(4, b"t" * 181)[1:-1]
    assert len(whole) == 3 * 64
    assert device.pump(whole + b"U" * 64 + b"\0") == []
    assert pinged(device.pump(whole + b"\0")) == [4]


# Requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [m.EVENT, m.EVENT + 1, 0x7F, m.REPLY, m.REPLY + 1, m.PING | m.REPLY, 0xFF])
def test_what_only_a_device_says_is_not_answered(device: Device, kind: int) -> None:
    assert device.pump(frame.encode(kind, 1, bytes(20))) == []
    assert device.dispatcher.executed == []


def test_a_reply_has_the_requests_number_the_start_and_exactly_its_fields(device: Device) -> None:
    body = device.ask(w.TeleSubRequest(300), seq=77)
    assert body == bytes((m.TELE_SUB | m.REPLY, 77)) + struct.pack("<IH", device.core.hal.boot_id, 300)
    (body,) = device.pump(frame.encode(BLANK, 78))
    assert body == bytes((BLANK | m.REPLY, 78)) + struct.pack("<I", device.core.hal.boot_id)


@pytest.mark.parametrize(
    ("kind", "payload", "error"),
    [
        pytest.param(0x6A, b"", (0x6A, 1, 255, 0), id="unknown: the first code"),
        pytest.param(m.TELE_SUB, b"\x2c", (m.TELE_SUB, 2, 255, 0), id="a byte too short"),
        pytest.param(m.TELE_SUB, b"\x14\0", (m.TELE_SUB, 3, 0, 20), id="out of range, with what was asked"),
        pytest.param(m.BLOB_READ, struct.pack("<BHIII", 3, 777, 0, 1, 0), (m.BLOB_READ, 5, 1, 777), id="not found"),
    ],
)
def test_a_refusal_names_request_code_field_and_figure(
    device: Device, kind: int, payload: bytes, error: tuple[int, ...]
) -> None:
    (body,) = device.pump(frame.encode(kind, 99, payload))
    assert body[:6] == bytes((0x82, 99)) + struct.pack("<I", device.core.hal.boot_id)
    assert refusal(body) == error


# Repetitions ------------------------------------------------------------------------------------------------------


def test_the_same_frame_again_is_answered_from_memory(device: Device) -> None:
    first = device.pump(ping(5), ms=10)
    for _ in range(3):
        assert device.pump(b"boot text\0", ping(5), ms=10) == first
    assert device.dispatcher.executed == [m.PING]
    assert device.pump(ping(6) + ping(5)) != first, "only the last one is kept"
    assert device.dispatcher.executed == [m.PING] * 3


def neighbours(part: slice) -> tuple[bytes, bytes]:
    """Two PINGs whose CRC-32 agree in these bytes and differ in the others."""
    seen: dict[bytes, int] = {}
    for i in range(1 << 20):
        number = i * 0x9E3779B1 & 0xFFFFFFFF
        data = ping(number)
        segment = bytearray(data[1:-1])
        end = 1 + frame.open_segment(segment, len(segment))
        crc = bytes(segment[end : end + 4])
        other = seen.setdefault(crc[part], number)
        if other != number:
            return ping(other), data
    raise AssertionError("there are none")


@pytest.mark.parametrize("part", [slice(1, 4), slice(0, 3)], ids=["all but the first byte", "all but the last"])
def test_all_of_the_crc_tells_a_repetition(device: Device, part: slice) -> None:
    first, second = neighbours(part)
    device.pump(first + second)
    assert device.dispatcher.executed == [m.PING] * 2


def test_a_first_request_whose_crc_is_zero_is_no_repetition() -> None:
    """As the memory of a port that was never asked is zero too."""
    device = Device(hello=False)
    body = bytes((m.PING, 1)) + bytes(4)
    body += struct.pack("<I", zlib.crc32(body) ^ 0x6DD90A9D)
    assert zlib.crc32(body) == 0
    (reply,) = device.pump(frame.encode(body[0], body[1], body[2:]))
    assert reply[:2] == bytes((m.PING | m.REPLY, 1))
    assert device.dispatcher.executed == [m.PING]


def test_a_hello_is_a_repetition_only_while_its_host_is_connected(device: Device) -> None:
    mine = frame.encode(m.HELLO, 1, w.HelloRequest(TOKEN, w.MAJOR, w.MINOR).pack())
    (first,) = device.pump(mine, ms=10)
    assert device.pump(mine, ms=10) == [first]
    assert device.dispatcher.executed == [m.HELLO]
    for _ in range(2):
        # Refused, so this host is not the one that is connected.
        (body,) = device.pump(frame.encode(m.HELLO, 2, struct.pack("<IB", TOKEN + 1, w.MAJOR)))
        assert refusal(body)[1] == m.CODE_MALFORMED
    assert device.dispatcher.executed == [m.HELLO] * 3


# No room ----------------------------------------------------------------------------------------------------------


def test_a_reply_waits_for_room_is_sent_once_and_nothing_overtakes_it(device: Device) -> None:
    device.core.telemetry.subscribe(device.now_ms, 50)
    device.line.sent.clear()
    device.emit(1)
    device.line.room = 40
    assert device.pump(frame.encode(m.STATUS_GET, 3), ms=100) == [], "an event would have found room"
    assert device.pump(ms=100) == []
    device.line.room = 1 << 20
    assert [body[0] for body in device.pump(ms=100)] == [m.STATUS_GET | m.REPLY, m.EVENT, m.TELE]
    assert [body[0] for body in device.pump(ms=100)] == [m.TELE]
    assert device.dispatcher.executed == [m.STATUS_GET]


def test_two_requests_in_one_piece_have_two_replies(device: Device) -> None:
    assert [body[:2] for body in device.pump(frame.encode(m.STATUS_GET, 3) + ping(4))] == [
        bytes((m.STATUS_GET | m.REPLY, 3)),
        bytes((m.PING | m.REPLY, 4)),
    ]


# Unasked frames ---------------------------------------------------------------------------------------------------


def test_unasked_frames_are_numbered_from_0_to_255_and_one_without_room_takes_no_number() -> None:
    device = Device()
    numbers = []
    for i in range(600):
        device.line.room = 0 if i % 3 == 0 else 100
        device.port.out[frame.HEADER] = i & 0xFF
        assert device.port.send(m.CONSOLE, 1) is (i % 3 != 0)
        numbers += [body[1] for body in device.left()]
    assert numbers == [i & 0xFF for i in range(400)]


@pytest.mark.parametrize(("length", "sent"), [(0, 0), (1, 1), (5, 5), (246, 246), (247, 247), (248, 247), (4000, 247)])
def test_text_is_cut_to_what_a_frame_holds(device: Device, length: int, sent: int) -> None:
    text = bytes(i & 0xFF for i in range(length))
    device.port.console(text)
    assert device.left() == [bytes((m.CONSOLE, 0)) + text[:sent]]
    assert len(device.port.out) == frame.BUFFER_SIZE


def test_events_go_out_in_order_from_hello_on() -> None:
    device = Device(hello=False)
    device.emit(2)
    device.pump()
    device.ask(w.HelloRequest(TOKEN, w.MAJOR, w.MINOR))
    assert device.pump() == [], "what was before is there for EVENTS_GET"
    first = device.core.events.next
    for count in (1, 3):
        device.emit(count)
        events = [w.Event.unpack(body[2:]) for body in device.pump()]
        assert [event.number for event in events] == [*range(first, first + count)]
        assert [(event.a, event.b) for event in events] == [(i, -i) for i in range(count)]
        first += count
    assert device.pump() == []


@pytest.mark.parametrize("count", [1, RING - 1, RING, RING + 1, RING + 2, 3 * RING])
@pytest.mark.parametrize("first", [100, 0xFFFF, 0xFFFF - RING], ids=["from 100", "from 65535", "over the wrap"])
def test_events_that_found_no_room_come_later_from_the_oldest_kept_on(count: int, first: int) -> None:
    device = Device()
    device.core.events.next = device.port.next_event = first
    device.core.events.count = 0
    device.emit(RING)
    device.pump()
    device.line.room = 0
    device.emit(count)
    assert device.pump() == []
    device.line.room = 1 << 20
    events = [w.Event.unpack(body[2:]) for body in device.pump()]
    kept = min(count, RING)
    end = first + RING + count
    assert [event.number for event in events] == [i & 0xFFFF for i in range(end - kept, end)]
    assert [event.a for event in events] == [*range(count - kept, count)]
    assert device.pump() == []


def test_telemetry_that_finds_no_room_is_dropped_and_counted(device: Device) -> None:
    (_, body) = device.pump(frame.encode(m.TELE_SUB, 1, w.TeleSubRequest(50).pack()))
    assert body[:2] == bytes((m.TELE, 0)), "the first one at once"
    assert device.pump(ms=49) == []
    for dropped in (1, 2, 3):
        device.line.room = 20
        assert device.pump(ms=50) == []
        assert device.core.telemetry.dropped == dropped
    device.line.room = 1 << 20
    (body,) = device.pump(ms=50)
    tele = w.Tele.unpack(body[2:])
    assert (body[0], len(body), tele.dropped) == (m.TELE, 47, 3)
    assert tele.uptime_ms == device.core.now_ms
    assert device.core.telemetry.dropped == 3


# Blobs ------------------------------------------------------------------------------------------------------------

BLOB = bytes(i % 251 for i in range(2000))


def reading(credit: int, busy_ms: int = 0) -> Device:
    """A device that sends the blob as far as the credit reaches."""
    device = Device()
    assert device.core.hal.file_write("inbox/00007", BLOB)
    device.line.busy_ms = busy_ms
    device.ask(w.BlobReadRequest(w.BlobValue.INBOX, 7, 0, len(BLOB), 0))
    device.pump(frame.encode(m.CREDIT, 1, struct.pack("<II", 0, credit)))
    device.line.sent.clear()
    return device


def test_parts_of_a_blob_before_any_was_asked_for_are_not_answered(device: Device) -> None:
    for kind in (m.CREDIT, m.BLOB_DATA):
        assert device.pump(frame.encode(kind, 1, bytes(20))) == []
    assert (device.port.bulk, device.dispatcher.executed) == (None, [])


def test_a_blob_is_sent_as_far_as_the_credit_reaches() -> None:
    device = Device()
    assert device.core.hal.file_write("inbox/00007", BLOB)
    device.ask(w.BlobReadRequest(w.BlobValue.INBOX, 7, 0, len(BLOB), 0))
    device.dispatcher.executed.clear()
    got = b""
    for credit in (0, 1000, 2000):
        for body in device.pump(frame.encode(m.CREDIT, 1, struct.pack("<II", 0, credit))):
            part = w.BlobData.unpack(body[2:])
            assert (body[0], part.offset) == (m.BLOB_DATA, len(got))
            got += part.data
        assert len(got) == credit // 243 * 243 if credit < 2000 else len(got) >= 1900
    while len(got) < len(BLOB):
        got += b"".join(w.BlobData.unpack(body[2:]).data for body in device.pump())
    assert got == BLOB
    assert device.dispatcher.executed == [], "a credit is no request"


def test_a_blob_that_is_pushed_arrives() -> None:
    device = Device()
    device.ask(w.BlobWriteRequest(w.BlobValue.INBOX, 9, 300, 1))
    bodies = []
    for at in (0, 200):
        part = BLOB[at : min(at + 200, 300)]
        bodies += device.pump(frame.encode(m.BLOB_DATA, 1, struct.pack("<I", at) + part))
    assert [body[0] for body in bodies] == [m.CREDIT]
    assert device.core.hal.file_read("inbox/00009") == BLOB[:300]


@pytest.mark.parametrize(
    ("due_in_ms", "wake_in_ms"), [(0, 0), (4, 4), (5, 5), (6, 5), (50, 5), (-3, -3)], ids=lambda each: f"{each} ms"
)
@pytest.mark.parametrize("now_ms", [1000, 0x3FFFFFFF], ids=["from 1000", "over the wrap"])
def test_while_a_blob_is_sent_the_line_is_looked_at_every_5_ms(now_ms: int, due_in_ms: int, wake_in_ms: int) -> None:
    device = reading(len(BLOB), busy_ms=20)
    due_ms = now_ms + due_in_ms & 0x3FFFFFFF
    assert device.port.wake(now_ms, due_ms) == now_ms + wake_in_ms & 0x3FFFFFFF
    device.port.bulk.leave()  # type: ignore[union-attr]
    assert device.port.wake(now_ms, due_ms) == due_ms, "no transfer, no haste"
    assert Device().port.wake(now_ms, due_ms) == due_ms


def test_another_host_ends_the_transfer_and_the_same_one_does_not() -> None:
    for token, goes_on in ((TOKEN, True), (TOKEN + 1, False)):
        device = reading(len(BLOB), busy_ms=20)
        device.ask(w.HelloRequest(token, w.MAJOR, w.MINOR), seq=9)
        assert device.port.bulk is not None and device.port.bulk.sending() is goes_on
        device.line.busy_ms = 0
        assert bool(device.pump()) is goes_on


# The line's rate --------------------------------------------------------------------------------------------
def raising(device: Device, busy_ms: int = 0) -> Device:
    """The host has asked for 921600, and the reply is on its way for so long."""
    device.line.busy_ms = busy_ms
    device.ask(w.BaudRequest(921_600), seq=7)
    return device


def test_the_rate_counts_once_the_reply_has_left(device: Device) -> None:
    raising(device, busy_ms=3)
    assert device.line.baud == 115_200
    device.line.busy_ms = 1
    device.pump(ms=2)
    assert device.line.baud == 115_200
    device.line.busy_ms = 0
    device.pump(ms=1)
    assert device.line.baud == 921_600


def test_nothing_is_said_between_the_reply_and_the_change(device: Device) -> None:
    raising(device, busy_ms=3)
    device.emit(1)
    assert device.pump(ms=2) == []
    device.line.busy_ms = 0
    assert [body[0] for body in device.pump(ms=1)] == [m.EVENT]


def test_a_reply_that_finds_no_room_leaves_before_the_rate_changes(device: Device) -> None:
    device.line.room = 0
    assert device.pump(frame.encode(m.BAUD, 7, w.BaudRequest(921_600).pack())) == []
    device.emit(1)
    assert device.pump(ms=5) == []
    assert device.line.baud == 115_200
    device.line.room = 1 << 20
    bodies = device.pump(ms=5)
    assert device.line.baud == 921_600
    assert [body[0] for body in bodies] == [m.BAUD | m.REPLY, m.EVENT]


@pytest.mark.parametrize(
    ("busy_ms", "due_in_ms", "wake_in_ms"), [(3, 50, 4), (3, 5, 4), (3, 4, 4), (3, 3, 3), (3, 0, 0)]
)
@pytest.mark.parametrize("now_ms", [1000, (1 << 30) - 3])
def test_it_wakes_when_the_reply_has_left(now_ms: int, busy_ms: int, due_in_ms: int, wake_in_ms: int) -> None:
    device = raising(Device(), busy_ms)
    wrap = (1 << 30) - 1
    assert device.port.wake(now_ms & wrap, (now_ms + due_in_ms) & wrap) == (now_ms + wake_in_ms) & wrap
    device.line.busy_ms = 0
    device.pump(ms=1)
    assert device.port.wake(now_ms & wrap, (now_ms + due_in_ms) & wrap) == (now_ms + due_in_ms) & wrap


def test_a_sound_frame_keeps_the_rate_and_a_damaged_one_does_not(device: Device) -> None:
    raising(device)
    for number in range(3):
        assert pinged(device.pump(ping(number), ms=1000)) == [number]
        assert device.line.baud == 921_600
    damaged = bytearray(ping(9))
    damaged[5] ^= 4
    device.pump(bytes(damaged), ms=1000)
    assert device.line.baud == 921_600
    device.pump(ms=1)
    assert device.line.baud == 115_200


def test_after_silence_the_same_request_is_executed_anew(device: Device) -> None:
    """Its reply may have been lost; answered from memory, the host would change over and the device not."""
    raising(device)
    device.pump(ms=1001)
    assert device.line.baud == 115_200
    device.dispatcher.executed.clear()
    raising(device)
    assert device.dispatcher.executed == [m.BAUD]
    device.pump(ms=1)
    assert device.line.baud == 921_600


def test_a_reply_that_never_left_is_forgotten_in_silence(device: Device) -> None:
    raising(device)
    device.pump(ms=1)
    device.line.room = 0
    device.pump(ping(1), ms=1)
    device.pump(ms=1001)
    assert device.line.baud == 115_200
    device.line.room = 1 << 20
    assert device.pump(ms=1) == []
    assert pinged(device.pump(ping(2), ms=1)) == [2]
