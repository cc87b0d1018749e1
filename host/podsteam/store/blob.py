# SPDX-License-Identifier: Apache-2.0
"""How a record's frames are kept in a row: compressed, with a name for the way, so that another can be
added.

Frames of one kind have one length, and the byte at one place of them changes slowly. So segments (what stands
between two zeros) of one length are laid side by side, first bytes first, and only then compressed: less than
half of what the frames one after the other take. Nothing of that needs to understand a frame, so damaged ones
and text come back as they were.
"""

import hashlib
import struct
import sys
import zlib
from array import array
from collections import Counter
from itertools import accumulate

from podsteam.errors import IntegrityFailed

ZLIB = "zlib"
"""The frames one after the other, compressed: what stores of schema 1 hold."""
PLANES = "planes"
"""Segments of one length side by side, compressed."""
_MAX_RAW = 1 << 28
"""256 MiB: far beyond any session, and a bound for what a damaged row can unfold to."""
_COUNT = struct.Struct("<I")


def pack(raw: bytes) -> tuple[str, bytes, str]:
    """(codec, blob, SHA-256 of `raw` in hexadecimal)."""
    sha256 = hashlib.sha256(raw).hexdigest()
    if len(raw) > 4096:
        return PLANES, zlib.compress(_to_planes(raw), 6), sha256
    return ZLIB, zlib.compress(raw, 6), sha256


def unpack(codec: str, blob: bytes, sha256: str) -> bytes:
    """The frames again. Raises IntegrityFailed when they are not what was stored."""
    if codec not in (ZLIB, PLANES):
        raise IntegrityFailed(f"its frames are kept as '{codec}', which this version cannot read")
    unfolder = zlib.decompressobj()
    try:
        raw = unfolder.decompress(blob, _MAX_RAW)
    except zlib.error as e:
        raise IntegrityFailed("its compressed frames are damaged") from e
    if unfolder.eof and codec == PLANES:
        raw = _from_planes(raw)
    if not unfolder.eof or hashlib.sha256(raw).hexdigest() != sha256:
        raise IntegrityFailed("its frames do not match their checksum")
    return raw


def _lengths(values: "array[int]") -> "array[int]":
    """Little-endian, whatever the machine."""
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _to_planes(raw: bytes) -> bytes:
    """Count of segments, their lengths, then the planes of each length, the shortest first."""
    segments = raw.split(b"\0")
    groups: dict[int, list[bytes]] = {}
    for segment in segments:
        groups.setdefault(len(segment), []).append(segment)
    parts = [_COUNT.pack(len(segments)), _lengths(array("I", map(len, segments))).tobytes()]
    for length, group in sorted(groups.items()):
        together = b"".join(group)
        parts += [together[i::length] for i in range(length)]
    return b"".join(parts)


def _from_planes(data: bytes) -> bytes:
    """`_to_planes`, undone. Raises IntegrityFailed when the lengths do not fit the data."""
    if len(data) < _COUNT.size:
        raise IntegrityFailed("its frames are cut short")
    (count,) = _COUNT.unpack_from(data)
    start = _COUNT.size + 4 * count
    if start > len(data):
        raise IntegrityFailed("its frames are cut short")
    lengths = _lengths(array("I", data[_COUNT.size : start]))
    if sum(lengths) != len(data) - start:
        raise IntegrityFailed("its frames are cut short")
    segments: dict[int, list[bytes]] = {}
    at = start
    for length, number in sorted(Counter(lengths).items()):
        together = bytearray(length * number)
        for i in range(length):
            together[i::length] = data[at : at + number]
            at += number
        ends = accumulate([length] * number)
        segments[length] = [bytes(together[end - length : end]) for end in ends]
        segments[length].reverse()
    return b"\0".join([segments[length].pop() for length in lengths])
