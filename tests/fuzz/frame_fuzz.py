# SPDX-License-Identifier: Apache-2.0
"""Hostile segments against the frame decoder: mutated, cut, merged and random ones. Runs on both interpreters.

`frame_fuzz.py SEED COUNT` prints what `hostile_segments` returns.
"""

import binascii
import sys

from podsteam_protocol import frame

_MASK = 0x3FFFFFFF


class Chance:
    """Pseudo-random numbers that are the same on both interpreters (a linear congruence of 30 bits, top bits used)."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1; `limit` at most 2^15."""
        self._state = (self._state * 1103515245 + 12345) & _MASK
        return (self._state >> 8) * limit >> 22

    def data(self, size: int) -> bytearray:
        """Random bytes."""
        return bytearray([self.below(256) for _ in range(size)])


def _sealed(chance: Chance) -> bytes:
    """A sound segment, without its delimiters."""
    body = chance.data(2 + chance.below((8, 40, frame.MAX_BODY - 1)[chance.below(3)]))
    return frame.encode(body[0], body[1], bytes(body[2:]))[1:-1]


def _damage(buf: bytearray, first: bytes, second: bytes, chance: Chance) -> int:
    """Put a damaged copy of `first` (or of both) into `buf`; returns its length."""
    way = chance.below(5)
    buf[: len(first)] = first
    length = len(first)
    if way == 0:
        buf[chance.below(length)] ^= 1 << chance.below(8)
    elif way == 1:
        for _ in range(1 + chance.below(4)):
            buf[chance.below(length)] = 1 + chance.below(255)
    elif way == 2:
        length = chance.below(length)
    elif way == 3:
        at = chance.below(length)
        tail = second[chance.below(len(second)) :]
        length = min(at + len(tail), frame.MAX_SEGMENT)
        buf[at:length] = tail[: length - at]
    else:
        at = chance.below(length)
        span = 1 + chance.below(min(16, length - at))
        buf[at : at + span] = chance.data(span)
    return length


def hostile_segments(seed: int, count: int) -> "tuple[int, int, int]":
    """Decode `count` damaged segments.

    Returns how many came out right because the damage undid itself, how many were taken for a frame that nobody sent,
    and a CRC-32 over every result. Any exception is a failure.
    """
    chance = Chance(seed)
    buf = bytearray(frame.BUFFER_SIZE)
    restored = 0
    invented = 0
    digest = 0
    first = second = sent = other = b""
    for i in range(count):
        if i % 64 == 0:
            first, second = _sealed(chance), _sealed(chance)
            buf[: len(first)] = first
            size = frame.open_segment(buf, len(first))
            sent = bytes(buf[1 : 1 + size])
            buf[: len(second)] = second
            other = bytes(buf[1 : 1 + frame.open_segment(buf, len(second))])
        length = _damage(buf, first, second, chance)
        size = frame.open_segment(buf, length)
        if size:
            body = bytes(buf[1 : 1 + size])
            if body in (sent, other):
                restored += 1
            else:
                invented += 1
            digest = binascii.crc32(body, digest)
    return restored, invented, digest


if __name__ == "__main__":
    print(*hostile_segments(int(sys.argv[1]), int(sys.argv[2])))
