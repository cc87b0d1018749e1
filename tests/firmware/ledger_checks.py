# SPDX-License-Identifier: Apache-2.0
"""The ledger on whatever interpreter runs this: lives with power cuts, its CRC, what it allocates, what it weighs."""

import binascii
import gc
import struct
import sys

from ledger_bench import SLOTS, Life, random_life

from podsteam_firmware.dose.book import Book
from podsteam_firmware.store.ledger import Ledger, seal
from podsteam_twin.rng import Rng

if sys.implementation.name == "micropython":
    from micropython import heap_lock, heap_unlock, mem_total

    mem_alloc = gc.mem_alloc  # type: ignore[attr-defined]
else:
    # CPython has no such things to ask.
    def heap_lock() -> None: ...

    def heap_unlock() -> None: ...

    def mem_total() -> int:
        return 0

    def mem_alloc() -> int:
        return 0


class PlainHal:
    """A ring without ceremony, whose verbs allocate nothing."""

    def __init__(self) -> None:
        self.memory = bytearray(b"\xff" * (16 * 4096))
        self._erased = b"\xff" * 4096
        self._i = 0

    def ring_size(self) -> int:
        return len(self.memory)

    def ring_read(self, offset: int, buf: bytearray) -> int:
        for i in range(32):
            buf[i] = self.memory[offset + i]
        return 32

    def ring_program(self, offset: int, buf: bytearray, length: int) -> bool:
        for i in range(32):
            self.memory[offset + i] &= buf[i]
        return True

    def ring_erase(self, sector: int) -> bool:
        self.memory[sector * 4096 : sector * 4096 + 4096] = self._erased
        return True


class Podlet:
    uid = bytearray(b"\x04\xab\x87\xf2\xca\x11\x90")
    newest_day = 0
    main_id = 0


def lives() -> "list[str]":
    """What becomes of some lives with power cuts."""
    lines = []
    for seed in range(6):
        life = random_life(seed, 30)
        records = list(life.ledger.entries())
        crc = binascii.crc32(life.hal.flash.image())
        lines.append("%d %d %d %d %d" % (seed, life.cuts, life.ledger.head, len(records), crc))
    return lines


def crcs() -> int:
    """How many records of noise `seal` gives another CRC than the library."""
    rng = Rng(5)
    wrong = 0
    for _ in range(300):
        record = bytearray([rng.bits(8) for _ in range(32)])
        seal(record)
        wrong += struct.unpack_from("<I", record, 28)[0] != binascii.crc32(record[:28])
    return wrong


def tick_bytes() -> "list[str]":
    """Bytes on the heap that doses take down in the tick: with the heap locked, and open, where large frames show."""
    ledger = Ledger(PlainHal())  # type: ignore[arg-type]
    while ledger.prepare():
        pass
    book = Book(ledger, Podlet())  # type: ignore[arg-type]
    book.minute = 28_000_000
    spent = [0, 0]
    for locked in (1, 0):
        gc.collect()
        gc.disable()
        before = mem_total()
        if locked:
            heap_lock()
        for i in range(100):
            book.ready()
            book.intent(50_000 + i, i)
            book.result(0, 50_000 + i)
        if locked:
            heap_unlock()
        spent[locked] = mem_total() - before
        gc.enable()
    assert ledger.head > 380 and ledger.refused == 19
    return ["%d" % each for each in spent]


def weight() -> int:
    """Bytes of RAM that a ledger takes, apart from its code."""
    hal = PlainHal()
    gc.collect()
    before = mem_alloc()
    ledger = Ledger(hal)  # type: ignore[arg-type]
    gc.collect()
    after = mem_alloc()
    assert ledger.head == 0
    return after - before


def cut_everywhere() -> int:
    """Every operation of a start from a foreign partition, and of some records, cut in every way; returns the cuts."""
    cuts = 0
    for tear in ("none", "all", "bytes", "bits", "stuck", "half", "noise", "weak"):
        for operation in range(40):
            life = Life(6, operation)
            life.hal.flash.writeblocks(1, bytes(range(256)) * 16)
            life.arm(operation, tear)
            life.prepare()
            life.prepare()
            for _ in range(operation):
                life.append()
            life.prepare()
            life.check()
            cuts += life.cuts
            assert life.ledger.head < 4 * SLOTS
    return cuts


def main() -> "list[str]":
    """One line for each figure."""
    lines = lives()
    lines.append("crcs %d" % crcs())
    lines.append("cuts %d" % cut_everywhere())
    lines.append("tick " + " ".join(tick_bytes()))
    lines.append("weight %d" % weight())
    return lines


if __name__ == "__main__":
    for line in main():
        print(line)
