# SPDX-License-Identifier: Apache-2.0
"""Hostile tags against the reader of records: mutated images of the demo podlets. Runs on both interpreters.

Half of the changes get a right CRC over main, as an attacker would give it. `tag_fuzz.py SEED COUNT` prints what
`hostile_tags` returns.
"""

import binascii
import sys

from frame_fuzz import Chance

from podsteam_firmware.podlet.policy import Limits
from podsteam_firmware.podlet.record import Record
from podsteam_twin import podlets

UID = b"\x04PS\x12\x34\x56\x78"
GUEST_DOSE_NL = 100_000
GUEST_SESSION_NL = 1_000_000
MOST_PAIRS = 450
"""Pairs that one reading may take: two bytes of an NTAG216 each."""


class Counted:
    """Stands before the record's map reader and counts the pairs it reads."""

    def __init__(self, record: Record) -> None:
        self.pairs = 0
        self._next = record._map.next
        record._map.next = self.next  # type: ignore[method-assign]

    def next(self) -> bool:
        self.pairs += 1
        return self._next()


def _images() -> "list[tuple[bytes, int, int]]":
    """Memory of each readable demo podlet, with where its main lies."""
    found = []
    for name in sorted(podlets.DEMO):
        image = bytes(podlets.demo(name).image())
        record = Record()
        for start in range(0, 17, 4):
            memory = image[start:]
            if record.locate(bytearray(memory), len(memory)):
                found.append((memory, record.main_at, record.main_size))
                break
    return found


def _change(data: bytearray, other: bytes, chance: Chance) -> None:
    """One to four changes: bits, bytes, runs, pieces of another tag."""
    for _ in range(1 + chance.below(4)):
        at = 12 + chance.below(min(len(data), 300) - 12)
        way = chance.below(4)
        if way == 0:
            data[at] ^= 1 << chance.below(8)
        elif way == 1:
            data[at] = chance.below(256)
        elif way == 2:
            span = min(1 + chance.below(12), len(data) - at)
            data[at : at + span] = chance.data(span)
        else:
            span = min(1 + chance.below(24), len(data) - at, len(other) - at)
            if span > 0:
                data[at : at + span] = other[at : at + span]


def _forge(data: bytearray, original: bytes, main_at: int, main_size: int) -> None:
    """Give main a right CRC again, where its old one stands."""
    old = binascii.crc32(original[main_at : main_at + main_size]).to_bytes(4, "big")
    new = binascii.crc32(bytes(data[main_at : main_at + main_size])).to_bytes(4, "big")
    at = bytes(data).find(old)
    if at >= 0:
        data[at : at + 4] = new


def hostile_tags(seed: int, count: int) -> "tuple[int, int, int, int]":
    """Read `count` changed tags.

    Returns how many were readable, how many broke a limit (more than the guest caps, slots outside the tag, a count
    below zero), the most pairs that one reading took, and a CRC-32 over every result. Any exception is a failure.
    """
    chance = Chance(seed)
    images = _images()
    record = Record()
    counted = Counted(record)
    readable = broken = most = digest = 0
    for _ in range(count):
        image, main_at, main_size = images[chance.below(len(images))]
        data = bytearray(image)
        _change(data, images[chance.below(len(images))][0], chance)
        if chance.below(2):
            _forge(data, image, main_at, main_size)
        length = chance.below(len(data) + 1) if chance.below(16) == 0 else len(data)
        counted.pairs = 0
        good = record.parse(data, length)
        most = max(most, counted.pairs)
        if good:
            readable += 1
            limits = Limits()
            limits.judge(record, UID, 20_500)
            inside = 0 <= record.aux_at <= len(data) - 32 and record.doses_used >= 0 and record.nl_used >= 0
            if not inside or limits.dose_nl > GUEST_DOSE_NL or limits.session_cap_nl > GUEST_SESSION_NL:
                broken += 1
            digest = binascii.crc32(b"%d %d %d" % (limits.dose_nl, record.doses_used, record.slot), digest)
    return readable, broken, most, digest


if __name__ == "__main__":
    print(*hostile_tags(int(sys.argv[1]), int(sys.argv[2])))
