# SPDX-License-Identifier: Apache-2.0
"""Expiry over restarts, cuts and clocks that lie: the reader's judgement with the book's newest day in a real ledger
ring. Runs on both interpreters.
"""

from ledger_bench import PROG_TEARS, Cut, RingHal
from podlet_bench import Bench

from podsteam_firmware.dose.book import Book
from podsteam_firmware.dose.caps import Caps
from podsteam_firmware.store.ledger import Ledger
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_twin import podlets
from podsteam_twin.rng import Rng

LAST = 21_000
"""The podlet's last good day."""
GRACE = 30
DAY_MIN = 1440


class Device:
    """A reader with a podlet, a book and a clock. `day` is what the clock says, 0: it was lost."""

    def __init__(self, day: int) -> None:
        self.day = day
        self.ring = RingHal(6)
        self.tag = podlets.build({p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20, p.MAIN_EXPIRES_DAY: LAST})
        self.start()

    def start(self) -> None:
        """After a power cut: all that was in memory is gone."""
        ledger = Ledger(self.ring)  # type: ignore[arg-type]
        while ledger.prepare():
            pass
        self.bench = Bench(self.tag)
        self.bench.day = self.day
        self.reader = self.bench.reader
        self.book = Book(ledger, self.reader)
        self.book.settle()
        self.book.recall(Caps(), 0, self.day * DAY_MIN)
        self.bench.run(1000)

    def set_clock(self, day: int) -> None:
        """The clock says `day` from now on; a minute passes, and the tag is read again."""
        self.day = self.bench.day = day
        self.minute()
        self.bench.place(None)
        self.bench.run(900)
        self.bench.place(self.tag)
        self.bench.run(1000)

    def minute(self) -> None:
        """What the core does once in a minute."""
        if self.day > self.book.day and self.book.mark_due(self.day * DAY_MIN):
            self.book.mark(self.day * DAY_MIN, 0)

    def told(self) -> "tuple[int, int]":
        """State and note."""
        return self.reader.state, self.reader.fault


def expected(day: int) -> "tuple[int, int]":
    """What the device is to say when `day` is the newest that was ever told."""
    if not day:
        return m.PODLET_GUEST, m.CODE_NO_DATE
    if day <= LAST:
        return m.PODLET_GUEST, 0
    return (m.PODLET_GUEST, m.CODE_PODLET_OLD) if day <= LAST + GRACE else (m.PODLET_EXPIRED, 0)


def doses(device: Device) -> bool:
    """Whether the count of a dose can be written: what a dose waits for."""
    return device.reader.note_dose(device.reader.doses_used + 1, 50_000, 1, device.day)


def edges() -> int:
    """Each day around the edges, with a restart after each that finds the clock lost."""
    device = Device(0)
    assert device.told() == expected(0)
    assert doses(device)
    device.start()
    cases = 0
    for day in (1, LAST, LAST + 1, LAST + GRACE, LAST + GRACE + 1):
        device.set_clock(day)
        assert device.told() == expected(day), day
        for later in (0, day - 1, 1):
            device.day = later
            device.start()
            assert device.told() == expected(day), (day, later)
            assert device.reader.newest_day == device.book.day == day
            device.set_clock(later)
            assert device.told() == expected(day), (day, later)
            cases += 1
    assert not doses(device)
    return cases


def lives(count: int) -> int:
    """Clocks that jump, are lost and come back, and cuts in the writing: the newest day that was written stays."""
    cases = 0
    for seed in range(count):
        rng = Rng(seed)
        device = Device(0)
        written = 0
        for _ in range(12):
            day = (0, LAST - rng.bits(3), LAST + rng.bits(5), LAST + rng.bits(6))[rng.bits(2)]
            if rng.bits(2) == 0:
                device.ring.tear = PROG_TEARS[rng.bits(6) % len(PROG_TEARS)]
                device.ring.cut_in = 0
            tried = max(written, day)
            try:
                device.set_clock(day)
                device.ring.cut_in = -1
                assert device.told() == expected(tried)
                written = tried
            except Cut:
                device.ring.cut_in = -1
                device.start()
                # The clock runs on its battery, so the day is told again, and written down within a minute.
                written = tried
                device.minute()
            if rng.bits(1):
                device.start()
            assert device.reader.newest_day == written
            assert device.told() == expected(written)
            cases += 1
    return cases


def many_records() -> int:
    """The day is not pushed out of the ring by what comes after it, as long as one mark is written meanwhile."""
    device = Device(LAST + 40)
    device.minute()
    ledger = device.book._ledger
    for n in range(600):
        if n % 100 == 0:
            device.book.mark(0, 0)
        assert ledger.append(200, 1)
        while ledger.prepare():
            pass
    device.day = 0
    device.start()
    return device.reader.newest_day - LAST


def main() -> "list[str]":
    """One line for each figure."""
    return ["edges %d" % edges(), "lives %d" % lives(20), "kept %d" % many_records()]


if __name__ == "__main__":
    for line in main():
        print(line)
