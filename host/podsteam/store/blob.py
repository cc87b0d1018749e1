# SPDX-License-Identifier: Apache-2.0
"""How a record's frames are kept in a row: compressed, with a name for the way, so that another can be
added.

Frames of one kind have one length, and the byte at one place of them changes slowly. So pieces (what stands
between two zeros in a row) of one length are laid side by side, first bytes first, and only then compressed: less
than half of what the frames one after the other take. Nothing of that needs to understand a frame, so damaged ones
and text come back as they were.
"""

import hashlib
import struct
import sys
import zlib
from array import array
from collections import Counter
from functools import cached_property
from itertools import groupby

from podsteam.errors import IntegrityFailed

ZLIB = "zlib"
"""The frames one after the other, compressed: what stores of schema 1 hold."""
PLANES = "planes"
"""Pieces of one length side by side, compressed."""
_MAX_RAW = 1 << 28
"""256 MiB: far beyond any session, and a bound for what a damaged row can unfold to."""
_BETWEEN = b"\0\0"
"""Stands between two frames: the end of one and the beginning of the next."""
_LONG_RUN = 16
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
    """Count of pieces, their lengths, then the planes of each length, the shortest first."""
    pieces = raw.split(_BETWEEN)
    groups: dict[int, list[bytes]] = {}
    for piece in pieces:
        groups.setdefault(len(piece), []).append(piece)
    parts = [_COUNT.pack(len(pieces)), _lengths(array("I", map(len, pieces))).tobytes()]
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
    if not count or start > len(data):
        raise IntegrityFailed("its frames are cut short")
    lengths = _lengths(array("I", data[_COUNT.size : start]))
    if sum(lengths) != len(data) - start:
        raise IntegrityFailed("its frames are cut short")
    groups: dict[int, _Group] = {}
    for length, number in sorted(Counter(lengths).items()):
        groups[length] = _Group(data, start, length, number)
        start += length * number
    out = bytearray(sum(lengths) + len(_BETWEEN) * (count - 1))
    at = 0
    for length, run in groupby(lengths):
        at += groups[length].put(out, at, sum(1 for _ in run))
    return bytes(out)


class _Group:
    """The pieces of one length."""

    def __init__(self, data: bytes, start: int, length: int, number: int) -> None:
        self._planes = [data[start + i * number : start + (i + 1) * number] for i in range(length)]
        self._length = length
        self._number = number
        self._next = 0

    @cached_property
    def _together(self) -> bytes:
        """One piece after the other."""
        together = bytearray(self._length * self._number)
        for i, plane in enumerate(self._planes):
            together[i :: self._length] = plane
        return bytes(together)

    def put(self, out: bytearray, at: int, number: int) -> int:
        """Put the next `number` pieces to `at`, each with room after it for what stood between; returns how far they
        and the rooms reach. The last piece of all has no room, and needs none."""
        length, first = self._length, self._next
        step = length + len(_BETWEEN)
        self._next += number
        if number > _LONG_RUN:
            end = at + (number - 1) * step + 1
            for i, plane in enumerate(self._planes):
                out[at + i : end + i : step] = plane[first : first + number]
        else:
            for i in range(number):
                piece = (first + i) * length
                out[at + i * step : at + i * step + length] = self._together[piece : piece + length]
        return number * step
