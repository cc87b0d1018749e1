# SPDX-License-Identifier: Apache-2.0
"""Checks of the golden vectors as plain functions, run by CPython and by the real MicroPython alike.

`vector_checks.py golden.json` prints how many frames passed and how many corruptions were refused.
"""

import binascii
import json
import struct
import sys

from podsteam_protocol import frame, messages


def load(path: str) -> "dict[str, object]":
    """The vectors."""
    with open(path) as file:
        return json.load(file)


def check_seal(row: "dict[str, object]") -> None:
    """The payload sealed in place is exactly the wire's bytes; so is what `encode` gives."""
    payload = binascii.unhexlify(row["payload"])
    wire = binascii.unhexlify(row["wire"])
    buf = bytearray(frame.BUFFER_SIZE)
    buf[2] = row["id"]
    buf[3] = row["seq"]
    buf[frame.HEADER : frame.HEADER + len(payload)] = payload
    length = frame.seal(buf, len(payload))
    assert bytes(buf[:length]) == wire, row["name"]
    assert frame.encode(row["id"], row["seq"], payload) == wire, row["name"]


def check_open(row: "dict[str, object]") -> None:
    """The wire's segment opens to id, sequence number and payload."""
    segment = bytearray(binascii.unhexlify(row["wire"])[1:-1])
    length = frame.open_segment(segment, len(segment))
    body = bytes(segment[1 : 1 + length])
    assert body == bytes((row["id"], row["seq"])) + binascii.unhexlify(row["payload"]), row["name"]


def check_fields(row: "dict[str, object]") -> None:
    """The payload packs from, and unpacks to, the fields' values."""
    payload = binascii.unhexlify(row["payload"])
    tail = binascii.unhexlify(row["tail"])
    size = struct.calcsize(row["format"])
    values = [binascii.unhexlify(v) if isinstance(v, str) else v for v in row["values"]]
    if row["id"] & messages.REPLY:
        values.insert(0, 0x12345678)
    assert list(struct.unpack(row["format"], payload[:size])) == values, row["name"]
    assert struct.pack(row["format"], *values) + tail == payload, row["name"]


def check_corruption(row: "dict[str, object]") -> int:
    """Every damaged byte is noticed, and the segment is left as it came. Returns how many were tried."""
    good = binascii.unhexlify(row["wire"])[1:-1]
    for at in range(len(good)):
        for flip in (1, 0x80, 0xFF):
            segment = bytearray(good)
            segment[at] ^= flip
            if segment[at] == 0:
                continue
            before = bytes(segment)
            assert frame.open_segment(segment, len(segment)) == 0, (row["name"], at, flip)
            assert bytes(segment) == before, (row["name"], at, flip)
    return 3 * len(good)


def check_all(vectors: "dict[str, object]") -> "tuple[int, int]":
    """Every check on every vector; returns the number of frames and of corruptions."""
    assert vectors["schema_hash"] == messages.SCHEMA_HASH, "the vectors belong to another schema"
    corruptions = 0
    for row in vectors["frames"]:
        check_seal(row)
        check_open(row)
        if "format" in row:
            check_fields(row)
        corruptions += check_corruption(row)
    return len(vectors["frames"]), corruptions


if __name__ == "__main__":
    print(*check_all(load(sys.argv[1])))
