# SPDX-License-Identifier: Apache-2.0
"""A ledger on a bench: a raw flash that loses its power at any operation, torn in every way, and a model beside it.

Runs on both interpreters.
"""

from podsteam_firmware.store.ledger import Ledger
from podsteam_twin.flash import Flash
from podsteam_twin.rng import Rng

SECTOR = 4096
SLOTS = 128
RECORD = 32
PROG_TEARS = ("none", "all", "bytes", "bits", "stuck")
ERASE_TEARS = ("none", "all", "half", "noise", "stuck", "weak")


class Cut(Exception):
    """The power is gone."""


class RingHal:
    """The ring's verbs over a `Flash`. `cut_in` operations from now the power goes, with `tear`."""

    def __init__(self, sectors: int, seed: int = 0) -> None:
        self.flash = Flash(sectors, SECTOR)
        self.rng = Rng(seed)
        self.cut_in = -1
        self.tear = "none"
        self.programs = 0
        self.erases = 0
        self.bad_program = False
        """The next program leaves its last byte undone and says that all is well."""
        self._weak: dict[int, int] = {}

    def ring_size(self) -> int:
        return self.flash.blocks * SECTOR

    def ring_read(self, offset: int, buf: bytearray) -> int:
        self.flash.readblocks(offset // SECTOR, buf, offset % SECTOR)
        return len(buf)

    def _cuts(self) -> bool:
        if self.cut_in < 0:
            return False
        self.cut_in -= 1
        return self.cut_in < 0

    def ring_program(self, offset: int, buf: bytearray, length: int) -> bool:
        self.programs += 1
        assert length == len(buf) == RECORD and offset % RECORD == 0
        data = bytearray(buf)
        cut = self._cuts()
        if cut:
            self._tear_bytes(data)
        if self.bad_program:
            self.bad_program = False
            data[length - 1] = 0xFF
        for i in range(length):
            data[i] &= self._weak.get(offset + i, 0xFF)
        done = self.flash.writeblocks(offset // SECTOR, data, offset % SECTOR) == 0
        if cut:
            raise Cut
        return done

    def ring_erase(self, sector: int) -> bool:
        self.erases += 1
        first = sector * SECTOR
        if self._cuts():
            self._tear_erase(first)
            raise Cut
        if self.flash.erase(sector):
            return False
        for at in list(self._weak):
            if first <= at < first + SECTOR:
                del self._weak[at]
        return True

    def _tear_bytes(self, data: bytearray) -> None:
        """What a program that is cut leaves: a one is a bit not programmed."""
        tear = self.tear
        if tear not in PROG_TEARS:
            tear = "bits"
        whole = self.rng.bits(5)
        for i in range(len(data)):
            if tear == "none" or (tear == "bytes" and i > whole):
                data[i] = 0xFF
            elif tear == "bits" or (tear == "bytes" and i == whole):
                data[i] |= self.rng.bits(8)
        if tear == "stuck":
            data[whole] |= 1 << self.rng.bits(3)

    def _tear_erase(self, first: int) -> None:
        tear = self.tear
        if tear not in ERASE_TEARS:
            tear = "noise"
        if tear == "none":
            return
        image = bytearray(self.flash.image())
        for i in range(SECTOR):
            if tear == "noise":
                image[first + i] |= self.rng.bits(8)
            elif tear != "half" or i < SECTOR // 2:
                image[first + i] = 0xFF
        for _ in range(6):
            at = first + self.rng.bits(12)
            mask = 0xFF ^ (1 << self.rng.bits(3))
            if tear == "stuck":
                image[at] &= mask
            elif tear == "weak":
                self._weak[at] = mask
        self.flash.load(image)


class Life:
    """A ledger and what must be true of it. Every method may raise AssertionError."""

    def __init__(self, sectors: int = 6, seed: int = 0, kind: type = Ledger) -> None:
        self.kind = kind
        self.hal = RingHal(sectors, seed)
        self.guaranteed = (sectors - 4) * (SLOTS - 1)
        self.kept: list[tuple[int, ...]] = []
        """Records for which `append` said True."""
        self.tried: dict[int, tuple[int, ...]] = {}
        """What was ever found under a sequence."""
        self.maybe: list[tuple[int, ...]] = []
        """Contents whose append was cut or refused: they may be there."""
        self.cuts = 0
        self.number = 0
        self.boot()

    def boot(self) -> None:
        """Start, which a cut may interrupt like anything else: it only reads."""
        before = self.hal.programs + self.hal.erases
        self.ledger = self.kind(self.hal)
        assert self.hal.programs + self.hal.erases == before
        self.check()

    def append(self, kind: int = 7) -> bool:
        """One record; False: it was cut or refused."""
        ledger = self.ledger
        self.number += 1
        content = (kind, self.number & 0xFFFF, self.number, -self.number, 3, 1 << 29, -(1 << 30))
        for i in range(5):
            ledger.values[i] = content[2 + i]
        room = ledger.room()
        before = self.hal.erases
        try:
            done = ledger.append(kind, content[1])
        except Cut:
            self.maybe.append(content)
            self._cut()
            return False
        assert self.hal.erases == before
        assert not done or room > 0
        assert done or room == 0 or self.hal.flash.failing or ledger.room() < room
        if done:
            seq = ledger.head - 1
            assert seq not in self.tried
            self.kept.append((seq,) + content)
            self.tried[seq] = self.kept[-1]
        else:
            self.maybe.append(content)
        return done

    def prepare(self) -> None:
        """Idle time enough: erase ahead, unless a cut comes."""
        try:
            while self.ledger.prepare():
                pass
        except Cut:
            self._cut()
            return
        if not self.hal.flash.failing and not self.ledger._failures:
            assert self.ledger.room() >= 256

    def arm(self, operations: int, tear: str) -> None:
        """The power goes in the operation after `operations` more."""
        self.hal.cut_in = operations
        self.hal.tear = tear

    def _cut(self) -> None:
        self.cuts += 1
        self.hal.cut_in = -1
        self.boot()

    def check(self) -> None:
        """All that was acknowledged and is young enough is there, in order; nothing else but what was tried is."""
        ledger = self.ledger
        found = list(ledger.entries())
        sequences = [record[0] for record in found]
        assert sequences == sorted(set(sequences))
        assert not sequences or sequences[-1] < ledger.head
        for record in found:
            seq = record[0]
            if seq in self.tried:
                assert self.tried[seq] == record
            else:
                assert record[1:] in self.maybe
                self.tried[seq] = record
        young = ledger.head - self.guaranteed
        there = set(found)
        for record in self.kept:
            assert record[0] < young or record in there, "record %d is lost" % record[0]
        self.kept = [record for record in self.kept if record[0] >= young]
        if self.kept:
            assert ledger.head > self.kept[-1][0]


def random_life(seed: int, steps: int, kind: type = Ledger) -> Life:
    """A life of `steps` steps from a seed, the same on both interpreters."""
    life = Life(6, seed, kind)
    rng = Rng(seed + 1000)
    for _ in range(steps):
        act = rng.bits(4)
        if act < 6:
            tears = PROG_TEARS + ERASE_TEARS
            life.arm(rng.bits(3) if act else rng.bits(7), tears[rng.bits(6) % len(tears)])
        if act < 3:
            life.prepare()
        elif act < 14:
            for _ in range(1 + rng.bits(5)):
                life.append()
            life.prepare()
        elif act == 14:
            for _ in range(280):
                life.append()
            life.prepare()
        else:
            life.hal.bad_program = True
            life.append()
        life.check()
    return life
