# SPDX-License-Identifier: Apache-2.0
"""Frames on the wire: `00 | COBS(type u8, seq u8, payload, crc32 LE) | 00`.

A body (type, seq, payload) is at most 249 bytes, so body + CRC + the COBS overhead byte always fit one COBS
group of 254. Both directions work in place on a caller's buffer with C `find`, so the same source is quick on
CPython and on MicroPython and makes almost no garbage. Between two zeros stands either one frame or console
text: boot messages never contain 0x00, so a segment that fails the check is text.

COBS: Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999. CRC-32: ISO-HDLC, as `binascii.crc32`.
"""

import binascii
import struct

MAX_BODY = 249
"""Most bytes of type, seq and payload together."""
BUFFER_SIZE = 256
"""A buffer that holds any frame with both of its delimiters (1 + 1 + 249 + 4 + 1)."""
MIN_SEGMENT = 7
"""Shortest segment that can be a frame: overhead, type, seq, CRC."""
MAX_SEGMENT = 254
"""Longest segment that can be a frame."""
HEADER = 4
"""Offset of the payload in a buffer given to `seal`: delimiter, overhead, type, seq."""

# The CRC over body and its own CRC is a constant: a small integer, so that checking allocates nothing.
_RESIDUE = 0x2144DF1C


def seal(buf: bytearray, payload_len: int, body: "memoryview | None" = None) -> int:
    """Turn a body into a frame, in place.

    `buf` holds type at 2, seq at 3 and the payload from `HEADER`; its size is `BUFFER_SIZE`.
    `body` is `memoryview(buf)[2 : HEADER + payload_len]`, for whoever has it at hand: then nothing is allocated but a
    CRC from 2^30 where integers are that short.
    Returns the frame's length in bytes: `buf[:length]` goes on the wire, both delimiters included.
    Raises ValueError when the payload is longer than `MAX_BODY - 2`.
    """
    if payload_len > MAX_BODY - 2:
        raise ValueError("payload too long")
    end = HEADER + payload_len
    struct.pack_into("<I", buf, end, binascii.crc32(memoryview(buf)[2:end] if body is None else body))
    end += 4
    buf[0] = 0
    buf[end] = 0
    at = 1
    zero = buf.find(b"\0", 2, end)
    while zero >= 0:
        buf[at] = zero - at
        at = zero
        zero = buf.find(b"\0", at + 1, end)
    buf[at] = end - at
    return end + 1


def open_segment(buf: bytearray, length: int) -> int:
    """Decode in place the segment `buf[:length]` (what stood between two zeros, at most `MAX_SEGMENT`).

    Returns the body's length in bytes, the body being `buf[1:1 + length]` (type, seq, payload), or 0 when
    the segment is not a frame; the buffer is then as it was, so that it can be shown as text.
    """
    if length < MIN_SEGMENT or length > MAX_SEGMENT:
        return 0
    at = 0
    step = buf[0]
    while step and at + step < length:
        at += step
        step = buf[at]
    if at + step != length:
        return 0
    # The chain is whole: every code byte but the first stands for a zero. Write the zeros, and put the
    # codes back if the check fails. A chain is walked twice then, which only text and damage pay for.
    at = buf[0]
    first = at
    previous = 0
    while at < length:
        step = buf[at]
        buf[at] = 0
        previous = at
        at += step
    if binascii.crc32(memoryview(buf)[1:length]) == _RESIDUE:
        return length - 5
    _restore(buf, first, previous, length)
    return 0


def _restore(buf: bytearray, first: int, last: int, length: int) -> None:
    """Undo the zeros that `open_segment` wrote. Other zeros cannot be there: the segment came without."""
    if first >= length:
        return
    at = first
    while at < last:
        after = buf.find(b"\0", at + 1, length)
        buf[at] = after - at
        at = after
    buf[last] = length - last


class Splitter:
    """Cuts a byte stream into segments, for the side that can afford objects.

    `feed` yields `(True, body)` for a frame and `(False, text)` for anything else between two zeros;
    text longer than `limit` bytes without a zero comes in pieces, so memory is bounded.
    """

    def __init__(self, limit: int = 4096) -> None:
        self._pending = bytearray()
        self._limit = limit

    def feed(self, data: bytes) -> "list[tuple[bool, bytes]]":
        """Take the next bytes of the stream; returns the segments that they complete, in order."""
        found: "list[tuple[bool, bytes]]" = []
        pending = self._pending
        pending.extend(data)
        start = 0
        while True:
            end = pending.find(b"\0", start)
            if end < 0:
                break
            if end > start:
                segment = bytearray(pending[start:end])
                length = open_segment(segment, len(segment))
                found.append((True, bytes(segment[1 : 1 + length])) if length else (False, bytes(segment)))
            start = end + 1
        rest = pending[start:]
        if len(rest) > self._limit:
            found.append((False, bytes(rest)))
            rest = bytearray()
        self._pending = rest
        return found


def encode(kind: int, seq: int, payload: bytes = b"") -> bytes:
    """One whole frame as bytes, for the side that can afford objects. Raises ValueError as `seal` does."""
    buf = bytearray(BUFFER_SIZE)
    buf[2] = kind
    buf[3] = seq
    if len(payload) > MAX_BODY - 2:
        raise ValueError("payload too long")
    buf[HEADER : HEADER + len(payload)] = payload
    return bytes(buf[: seal(buf, len(payload))])
