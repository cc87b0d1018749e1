# SPDX-License-Identifier: Apache-2.0
"""A damaged line as plain functions, run by CPython and by the real MicroPython alike.

`fuzz_checks.py SEED FRAMES` prints what `damaged_line` returns.
"""

import binascii
import sys

from podsteam_protocol import frame


class Noise:
    """The same pseudo-random numbers on both interpreters (Marsaglia's xorshift, 32 bits)."""

    def __init__(self, seed: int) -> None:
        self._state = seed or 1

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""
        x = self._state
        x = (x ^ (x << 13)) & 0xFFFFFFFF
        x ^= x >> 17
        x = (x ^ (x << 5)) & 0xFFFFFFFF
        self._state = x
        return x % limit


def _payload(noise: Noise) -> bytes:
    size = (0, 4, 40, frame.MAX_BODY - 2)[noise.below(4)]
    zeros = noise.below(4)
    return bytes([0 if noise.below(4) < zeros else noise.below(256) for _ in range(noise.below(size + 1))])


def _damage(wire: bytearray, noise: Noise) -> None:
    """Change, lose, repeat or add up to three bytes somewhere; delimiters are not spared."""
    for _ in range(1 + noise.below(3)):
        at = noise.below(len(wire))
        way = noise.below(5)
        if way == 0:
            wire[at] ^= 1 << noise.below(8)
        elif way == 1:
            wire[at] = noise.below(256)
        elif way == 2:
            wire[at : at + 1] = b""
        elif way == 3:
            wire[at:at] = bytes([noise.below(256)])
        else:
            wire[at : at + 1] = bytes([0, 0])
        if not wire:
            return


def damaged_line(seed: int, frames: int) -> "tuple[int, int, int, int]":
    """Send `frames` frames over a line that damages every third one.

    Returns how many good ones came through, how many good ones were lost, how many frames came out that
    nobody sent, and a CRC-32 over everything that came out.
    """
    noise = Noise(seed)
    splitter = frame.Splitter()
    good = 0
    lost = 0
    invented = 0
    digest = 0
    before_damaged = False
    previous = b""
    for _ in range(frames):
        sent = bytes([noise.below(256), noise.below(256)]) + _payload(noise)
        wire = bytearray(frame.encode(sent[0], sent[1], sent[2:]))
        damaged = noise.below(3) == 0
        if damaged:
            _damage(wire, noise)
        cut = noise.below(len(wire) + 1)
        came = splitter.feed(bytes(wire[:cut])) + splitter.feed(bytes(wire[cut:]))
        bodies = [content for is_frame, content in came if is_frame]
        for is_frame, content in came:
            digest = binascii.crc32(content, digest ^ is_frame)
        if sent in bodies:
            good += not damaged
            bodies.remove(sent)
        elif not damaged:
            lost += 1
        # A frame whose closing zero was lost ends at the next one's opening zero: it is sound, only late.
        if bodies and before_damaged and bodies[0] == previous:
            del bodies[0]
        invented += len(bodies)
        before_damaged = damaged
        previous = sent
    return good, lost, invented, digest


if __name__ == "__main__":
    print(*damaged_line(int(sys.argv[1]), int(sys.argv[2])))
