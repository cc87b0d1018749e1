# SPDX-License-Identifier: Apache-2.0
"""Framing: whatever goes in comes out, damage never passes, text is left as it came."""

import binascii

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podsteam_protocol import frame

BYTE = st.integers(0, 255)
PAYLOAD = st.binary(max_size=frame.MAX_BODY - 2)
ZEROS = st.lists(st.sampled_from([0, 0, 1, 254, 255]), max_size=frame.MAX_BODY - 2).map(bytes)
SEGMENT = st.binary(max_size=300).map(lambda data: data.replace(b"\0", b"\1"))
"""What can stand between two zeros."""


def opened(segment: bytes) -> tuple[int, bytes]:
    buf = bytearray(segment)
    length = frame.open_segment(buf, len(buf))
    return length, bytes(buf)


def reference_cobs(body: bytes) -> bytes:
    """The textbook encoding, written the slow way."""
    out = bytearray()
    for group in body.split(b"\0"):
        assert len(group) < 254
        out.append(len(group) + 1)
        out += group
    return bytes(out)


@given(BYTE, BYTE, PAYLOAD | ZEROS)
@example(0, 0, b"")
@example(255, 255, b"\0" * 247)
@example(1, 1, b"\xff" * 247)
def test_round_trip(kind, seq, payload):
    wire = frame.encode(kind, seq, payload)
    assert wire[0] == wire[-1] == 0
    assert len(wire) == len(payload) + 9 <= frame.BUFFER_SIZE
    segment = wire[1:-1]
    assert 0 not in segment
    length, buf = opened(segment)
    assert buf[1 : 1 + length] == bytes((kind, seq)) + payload


@given(BYTE, BYTE, PAYLOAD | ZEROS)
def test_wire_is_textbook_cobs_with_crc32(kind, seq, payload):
    body = bytes((kind, seq)) + payload
    body += binascii.crc32(body).to_bytes(4, "little")
    assert frame.encode(kind, seq, payload) == b"\0" + reference_cobs(body) + b"\0"


@given(BYTE, BYTE, PAYLOAD)
def test_seal_leaves_what_lies_behind_the_frame(kind, seq, payload):
    buf = bytearray(b"\xa5" * (frame.BUFFER_SIZE + 8))
    buf[2:4] = bytes((kind, seq))
    buf[frame.HEADER : frame.HEADER + len(payload)] = payload
    length = frame.seal(buf, len(payload))
    assert bytes(buf[:length]) == frame.encode(kind, seq, payload)
    assert set(buf[length:]) == {0xA5}


@pytest.mark.parametrize("size", [frame.MAX_BODY - 1, frame.MAX_BODY, 1000])
def test_a_payload_too_long_is_refused(size):
    with pytest.raises(ValueError, match="payload too long"):
        frame.encode(1, 1, bytes(size))
    with pytest.raises(ValueError, match="payload too long"):
        frame.seal(bytearray(2000), size)


@given(BYTE, BYTE, PAYLOAD, st.data())
def test_one_burst_of_damage_never_passes(kind, seq, payload, data):
    # CRC-32 finds every burst of up to 32 bits; on the wire that is 4 neighbouring bytes of the segment. COBS
    # moves zeros, so a damaged code byte is a second change: the check must find that as well.
    segment = bytearray(frame.encode(kind, seq, payload)[1:-1])
    at = data.draw(st.integers(0, len(segment) - 1))
    count = data.draw(st.integers(1, min(3, len(segment) - at)))
    new = data.draw(st.lists(st.integers(1, 255), min_size=count, max_size=count))
    damaged = bytes(segment[:at]) + bytes(new) + bytes(segment[at + count :])
    if damaged == bytes(segment):
        return
    length, buf = opened(damaged)
    assert length == 0
    assert buf == damaged


@given(BYTE, BYTE, PAYLOAD, st.integers(0, 253))
def test_a_cut_frame_never_passes(kind, seq, payload, keep):
    segment = frame.encode(kind, seq, payload)[1:-1]
    part = segment[: min(keep, len(segment) - 1)]
    assert opened(part) == (0, part)
    rest = segment[len(segment) - len(part) :]
    assert opened(rest) == (0, rest)


@pytest.mark.parametrize("size", [0, 1, frame.MAX_BODY + 1, frame.MAX_BODY + 20])
def test_a_sound_check_over_a_body_of_no_legal_size_is_no_frame(size):
    body = bytes(size)
    body += binascii.crc32(body).to_bytes(4, "little")
    segment = reference_cobs(body)
    assert opened(segment) == (0, segment)


@given(SEGMENT)
@example(b"")
@example(b"\x07" + b"a" * 6)
@example(b"\1" * 254)
@example(b"\xfe" + b"x" * 253)
@example(b"\1" * 255)
def test_text_is_left_as_it_came(segment):
    assert opened(segment) == (0, segment)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=60).flatmap(lambda steps: st.just(steps)))
def test_a_whole_chain_with_a_wrong_check_is_restored(steps):
    # The worst text for the in-place decoder: a chain of codes that is whole, so that it is written over.
    segment = b"".join(bytes([step]) + b"k" * (step - 1) for step in steps)[: frame.MAX_SEGMENT]
    assert opened(segment) == (0, segment)


@given(st.lists(st.integers(0, 9), min_size=8, max_size=40))
def test_a_zero_inside_the_segment_is_no_frame(values):
    # Never cut so by a splitter; a caller that does gets no frame, and no endless loop.
    assert opened(bytes([3, 1, 0, *values]))[0] == 0
    assert opened(bytes([0, *values]))[0] == 0


PIECE = st.tuples(st.just(True), st.tuples(BYTE, BYTE, PAYLOAD)) | st.tuples(
    st.just(False), SEGMENT.filter(lambda text: len(text) > 0)
)


@given(st.lists(PIECE, max_size=12), st.data())
def test_splitter_finds_frames_and_text_however_the_bytes_arrive(pieces, data):
    stream = bytearray()
    expected: list[tuple[bool, bytes]] = []
    for is_frame, content in pieces:
        if is_frame:
            stream += frame.encode(*content)
            expected.append((True, bytes(content[:2]) + content[2]))
        else:
            stream += b"\0" + content + b"\0"
            expected.append((False, content))
    splitter = frame.Splitter()
    found: list[tuple[bool, bytes]] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.feed(bytes(stream[:size]))
        del stream[:size]
    assert found == expected


@given(st.integers(1, 64), st.integers(0, 500))
def test_splitter_keeps_no_more_text_than_its_limit(limit, size):
    splitter = frame.Splitter(limit)
    text = b"t" * size
    found = [piece for byte in text for piece in splitter.feed(bytes([byte]))]
    found += splitter.feed(frame.encode(5, 6, b"after"))
    assert all(len(piece) <= limit + 1 for kind, piece in found if not kind)
    assert b"".join(piece for kind, piece in found if not kind) == text
    assert found[-1] == (True, b"\5\6after")


def test_a_frame_right_after_boot_messages_is_found():
    splitter = frame.Splitter()
    boot = b"ets Jun  8 2016 00:22:57\r\nrst:0x1 (POWERON_RESET)\r\n"
    assert splitter.feed(boot + frame.encode(0x70, 1, b"\0\0")) == [(False, boot), (True, b"\x70\1\0\0")]
