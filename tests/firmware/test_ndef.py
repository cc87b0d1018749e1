# SPDX-License-Identifier: Apache-2.0
"""TLV blocks and NDEF records of a tag: what is found, what is stepped over, and that no byte string does harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.podlet import ndef

MIME = b"application/vnd.podsteam.podlet"
NOTHING = (-1, 0)


def find(blocks: bytes, end: int | None = None) -> tuple[int, int]:
    """The message's place in `blocks`, counted from their start."""
    at, length = ndef.find_message(bytearray(16) + blocks, 16, 16 + (len(blocks) if end is None else end))
    return (at - 16, length) if at >= 0 else (at, length)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (b"\x03\x02ab\xfe", (2, 2)),
        (b"\x03\x02ab", (2, 2)),
        (b"\0\0\0\x03\x01a\xfe", (5, 1)),
        (b"\x01\x03\xa0\x0c\x34\x03\x01a", (7, 1)),
        (b"\x02\x03\x11\x22\x33\x03\x01a", (7, 1)),
        (b"\xfd\x05abcde\x03\x01a", (9, 1)),
        (b"\x42\xff\x00\x03abc\x03\x01a", (9, 1)),
        (b"\x03\xff\x01\x00" + bytes(256), (4, 256)),
        (b"\x03\x00\xfe", (2, 0)),
        (b"\xfe\x03\x01a", NOTHING),
        (b"\x03\x03ab", NOTHING),
        (b"\x03\xff\x01", NOTHING),
        (b"\x03", NOTHING),
        (b"\x01\x05\x03\x01a", NOTHING),
        (b"", NOTHING),
        (bytes(40), NOTHING),
    ],
)
def test_message(blocks: bytes, expected: tuple[int, int]) -> None:
    assert find(blocks) == expected


def record(kind: bytes, payload: bytes, tnf: int = 2, flags: int = 0x10, name: bytes = b"") -> bytes:
    """One record: MB and ME are left to the caller's flags."""
    head = bytes((flags | (0x08 if name else 0) | tnf, len(kind)))
    head += bytes((len(payload),)) if flags & 0x10 else len(payload).to_bytes(4, "big")
    return head + (bytes((len(name),)) if name else b"") + kind + name + payload


def payload_of(message: bytes) -> bytes | None:
    buf = bytearray(message) + b"rest"
    at, length = ndef.find_mime(buf, 0, len(message), MIME)
    return bytes(buf[at : at + length]) if at >= 0 else None


TEXT = record(b"T", b"\x02enhello", tnf=1)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (record(MIME, b"data", flags=0xD0), b"data"),
        (record(MIME, b"data", flags=0xC0), b"data"),
        (record(MIME, b"d" * 300, flags=0xC0), b"d" * 300),
        (record(MIME, b"", flags=0xD0), b""),
        (record(MIME, b"data", name=b"an id"), b"data"),
        (TEXT + record(MIME, b"data", flags=0x50), b"data"),
        (record(b"U", b"\x04example.org", tnf=1) + TEXT + record(MIME, b"x") + record(MIME, b"y"), b"x"),
        (record(b"text/plain", b"data") + record(MIME, b"data2"), b"data2"),
        (record(b"T", b"", tnf=1, flags=0x50) + record(MIME, b"after the last"), None),
        (record(MIME, b"data", tnf=4), None),
        (record(MIME[:-1], b"data"), None),
        (record(MIME + b"s", b"data"), None),
        (record(MIME, b"chunk", flags=0x30) + record(b"", b"rest", tnf=6, flags=0x50), None),
        (record(MIME, b"data")[:-1], None),
        (record(MIME, b"data")[:2], None),
        (b"\xc2\x1f\xff\xff\xff\xff" + MIME, None),
        (b"\xd0\0\0", None),
        (b"", None),
    ],
)
def test_mime_record(message: bytes, expected: bytes | None) -> None:
    assert payload_of(message) == expected


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_are_harmless(data: bytes, end: int) -> None:
    end = min(end, len(data))
    buf = bytearray(data[:end])
    for at, length in (ndef.find_message(buf, 0, end), ndef.find_mime(buf, 0, end, MIME)):
        assert (at, length) == NOTHING or (at >= 0 and length >= 0 and at + length <= end)


@given(
    st.lists(st.tuples(st.sampled_from([0x01, 0x02, 0xFD, 0x33]), st.binary(max_size=300)), max_size=4),
    st.integers(0, 5),
    st.binary(max_size=300),
)
def test_blocks_before_the_message(before: list[tuple[int, bytes]], nulls: int, message: bytes) -> None:
    def block(kind: int, data: bytes) -> bytes:
        size = bytes((len(data),)) if len(data) < 255 else b"\xff" + len(data).to_bytes(2, "big")
        return bytes((kind,)) + size + data

    blocks = b"".join(bytes(nulls) + block(kind, data) for kind, data in before) + block(3, message) + b"\xfe"
    at, length = find(blocks)
    assert blocks[at : at + length] == message
