# SPDX-License-Identifier: Apache-2.0
"""The doser's book record by record: what stands in flash, when a mark is due, what a start reads back out of it.

Kinds and places of values are numbers here on purpose: they stand in the flash of devices that are in use.
"""

from typing import NamedTuple

import pytest
from ledger_bench import SECTOR, SLOTS, Life, RingHal

from podsteam_firmware.dose.book import Book
from podsteam_firmware.dose.caps import Caps
from podsteam_firmware.store.ledger import Ledger
from podsteam_protocol import messages as m

Record = tuple[int, ...]
"""Kind, session, then up to five values."""

YEAR_2026_MIN = 20_454 * 1440
"""2026-01-01 00:00 by the battery clock, minutes since 1970-01-01."""
DAY_2026 = 20_454
CERTAIN = 254
"""Newest slots that the ring of 6 sectors never loses."""
FULL_NL = 6_000_000


class Podlet:
    """What the book asks of the reader."""

    def __init__(self) -> None:
        self.uid = bytearray.fromhex("04ab87f2ca1190")
        self.newest_day = 0
        self.main_id = 0


class Started(NamedTuple):
    """A device after its start."""

    book: Book
    caps: Caps
    podlet: Podlet
    ledger: Ledger

    def last(self) -> Record:
        """The newest record."""
        return list(self.ledger.entries())[-1]


def ring(*records: Record, sectors: int = 6) -> RingHal:
    """A ring in which these records stand, from sequence 1 on."""
    life = Life(sectors)
    life.prepare()
    for record in records:
        put(life.ledger, record)
    return life.hal


def put(ledger: Ledger, record: Record) -> None:
    while ledger.prepare():
        pass
    for i, value in enumerate(record[2:]):
        ledger.values[i] = value
    assert ledger.append(record[0], record[1])


def started(hal: RingHal, clock_min: int = 0, now_ms: int = 0) -> Started:
    ledger = Ledger(hal)  # type: ignore[arg-type]
    podlet = Podlet()
    book = Book(ledger, podlet)  # type: ignore[arg-type]
    caps = Caps()
    book.recall(caps, now_ms, clock_min)
    return Started(book, caps, podlet, ledger)


def intent(minute: int, nl: int = 40_000, session: int = 9) -> Record:
    return 1, session, nl, 1 << 16 | 3, minute, 0x4AB87F, 0x2CA1190


def result(seq: int, nl: int = 40_000, session: int = 9) -> Record:
    return 2, session, nl, m.DOSE_GIVEN, seq


def mark(minute: int, clock_min: int = 0, total_nl: int = 0, day: int = 0, session: int = 9) -> Record:
    return 7, session, minute, clock_min, total_nl, day


def other(value: int = 0, session: int = 9) -> Record:
    """A record of another part, all of whose values could be times and volumes."""
    return 200, session, value, value, value, value, value


# What stands in flash -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("main_id", "dose_no", "value"),
    [
        pytest.param(0, 1, 1, id="no content id"),
        pytest.param(0, 65_535, 65_535, id="the last number that a tag can tell"),
        pytest.param(1, 5, 0x10005, id="lowest bit of the content id"),
        pytest.param(0x2000, 5, 0x20000005, id="highest bit that is kept"),
        pytest.param(0x4000, 5, 5, id="lowest bit that is not"),
        pytest.param(0xFFFF, 3, 0x3FFF0003, id="all of them: below 2^30"),
    ],
)
def test_an_intent_names_dose_and_content(main_id: int, dose_no: int, value: int) -> None:
    device = started(ring())
    device.podlet.main_id = main_id
    assert device.book.intent(50_000, dose_no) is True
    assert device.last()[:5] == (1, 1, 0, 50_000, value)


@pytest.mark.parametrize("uid", ["04ab87f2ca1190", *(f"{0xFF << 8 * i:014x}" for i in range(7)), "01020408102040"])
def test_an_intent_names_the_podlet_in_two_halves(uid: str) -> None:
    device = started(ring())
    device.podlet.uid = bytearray.fromhex(uid)
    assert device.book.intent(1, 1)
    assert device.last()[6:] == (int(uid, 16) >> 28, int(uid, 16) & 0xFFFFFFF)


def test_intent_and_result_tell_session_volume_time_and_each_other() -> None:
    device = started(ring(other(), other()))
    device.book.session, device.book.minute = 300, 28_000_000
    assert device.book.intent(50_000, 3) is True
    assert device.last() == (3, 1, 300, 50_000, 3, 28_000_000, 0x04AB87F, 0x2CA1190)
    device.book.session = 301
    device.book.result(m.DOSE_ASSUMED, 49_000)
    assert device.last() == (4, 2, 301, 49_000, m.DOSE_ASSUMED, 3, 0, 0)


def test_a_new_book_is_at_the_beginning_of_all() -> None:
    book = Book(Ledger(ring()), Podlet())  # type: ignore[arg-type]
    assert (book.session, book.minute, book.day) == (0, 0, 0)
    book.minute = 59
    assert not book.mark_due(0)
    book.minute = 60
    assert book.mark_due(0)
    device = Started(book, Caps(), Podlet(), book._ledger)
    book.result(m.DOSE_GIVEN, 5)
    assert device.last() == (1, 2, 0, 5, m.DOSE_GIVEN, 0, 0, 0), "a result that no intent was before names none"


@pytest.mark.parametrize(
    ("room", "ready", "taken"), [(3, True, True), (2, True, True), (1, False, True), (0, False, False)]
)
def test_a_shot_needs_room_for_its_intent_and_its_result(room: int, ready: bool, taken: bool) -> None:
    device = started(ring())
    while device.ledger.room() > room:
        assert device.ledger.append(200, 1)
    head = device.ledger.head
    assert device.book.ready() is ready
    assert device.book.intent(50_000, 1) is taken
    assert device.ledger.head == head + taken


@pytest.mark.parametrize(
    ("newest_day", "clock_min", "day"),
    [
        pytest.param(0, 0, 0, id="nobody ever told the day"),
        pytest.param(0, YEAR_2026_MIN, DAY_2026, id="the first minute of a day"),
        pytest.param(0, YEAR_2026_MIN - 1, DAY_2026 - 1, id="the last minute of a day"),
        pytest.param(DAY_2026 + 9, YEAR_2026_MIN, DAY_2026 + 9, id="the reader knows a newer one"),
        pytest.param(DAY_2026 + 9, 0, DAY_2026 + 9, id="the clock stopped, the day stays known"),
    ],
)
def test_a_mark_tells_time_clock_volume_and_the_newest_day(newest_day: int, clock_min: int, day: int) -> None:
    device = started(ring())
    device.podlet.newest_day = newest_day
    device.book.session, device.book.minute = 300, 1234
    assert device.book.mark(clock_min, 70_000) is True
    assert device.last() == (1, 7, 300, 1234, clock_min, 70_000, day, 0)
    assert (device.podlet.newest_day, device.book.day) == (day, day)


def test_a_mark_that_was_not_taken_is_not_believed() -> None:
    device = started(ring())
    while device.ledger.room():
        assert device.ledger.append(200, 1)
    device.book.minute = 60
    assert device.book.mark(YEAR_2026_MIN, 0) is False
    assert device.book.day == 0
    assert device.book.mark_due(0), "still due: the hour is not written down"


# When a mark is due ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marked_min", "clock_min", "passed_min", "due"),
    [
        pytest.param(0, 0, 0, False, id="no clock, just marked"),
        pytest.param(0, 0, 3, False, id="no clock, no jump to see"),
        pytest.param(0, 0, 59, False, id="no clock, not yet an hour"),
        pytest.param(0, 0, 60, True, id="no clock, an hour"),
        pytest.param(0, YEAR_2026_MIN, 0, True, id="the clock was set"),
        pytest.param(YEAR_2026_MIN, 0, 0, True, id="the clock was lost"),
        pytest.param(YEAR_2026_MIN, YEAR_2026_MIN, 0, False, id="just marked"),
        pytest.param(YEAR_2026_MIN, YEAR_2026_MIN + 59, 59, False, id="clock runs, not yet an hour"),
        pytest.param(YEAR_2026_MIN, YEAR_2026_MIN + 60, 60, True, id="clock runs, an hour"),
        pytest.param(YEAR_2026_MIN, YEAR_2026_MIN + 32, 30, False, id="clock 2 min ahead"),
        pytest.param(YEAR_2026_MIN, YEAR_2026_MIN + 33, 30, True, id="clock 3 min ahead"),
        pytest.param(YEAR_2026_MIN, YEAR_2026_MIN + 28, 30, False, id="clock 2 min behind"),
        pytest.param(YEAR_2026_MIN, YEAR_2026_MIN + 27, 30, True, id="clock 3 min behind"),
        pytest.param(YEAR_2026_MIN - 30, YEAR_2026_MIN - 1, 29, False, id="last minute of the day"),
        pytest.param(YEAR_2026_MIN - 30, YEAR_2026_MIN, 30, True, id="a new day"),
        pytest.param(3, 1, 0, False, id="two minutes back, near the clock's zero"),
        pytest.param(4, 1, 0, True, id="three minutes back, near the clock's zero"),
    ],
)
def test_when_a_mark_is_due(marked_min: int, clock_min: int, passed_min: int, due: bool) -> None:
    device = started(ring())
    device.book.minute = 700
    assert device.book.mark(marked_min, 0)
    device.book.minute = 700 + passed_min
    assert device.book.mark_due(clock_min) is due


def test_a_known_newer_day_makes_no_mark_due() -> None:
    device = started(ring())
    device.podlet.newest_day = DAY_2026 + 9
    assert device.book.mark(YEAR_2026_MIN, 0)
    assert not device.book.mark_due(YEAR_2026_MIN)


# An open intent at the start ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "open_nl", "session", "seq"),
    [
        pytest.param([], 0, 0, 0, id="an empty book"),
        pytest.param([intent(5, 41_000, 300)], 41_000, 300, 1, id="the first record of all"),
        pytest.param([intent(5, 41_000, 2)], 41_000, 2, 1, id="in session 2"),
        pytest.param([intent(5), intent(6, 42_000, 301)], 42_000, 301, 2, id="only the newest"),
        pytest.param([intent(5), result(1), intent(6, 43_000, 301)], 43_000, 301, 3, id="the one before is closed"),
        pytest.param([intent(5), result(1, session=301)], 0, 301, 0, id="closed"),
        pytest.param([intent(5), result(1, session=1)], 0, 1, 0, id="closed, in session 1"),
        pytest.param(
            [intent(5, 44_000, 300), mark(6), other(1), other(2, 1), other(1, 2)], 44_000, 300, 1, id="others after it"
        ),
        pytest.param([other(5, 1), other(5, 2), mark(7, session=1), mark(7, session=2)], 0, 0, 0, id="others only"),
        pytest.param([intent(5), result(1, 45_000, 300), other(), mark(9)], 0, 300, 0, id="closed, others after it"),
    ],
)
def test_an_open_intent_is_settled_as_assumed(records: list[Record], open_nl: int, session: int, seq: int) -> None:
    ledger = Ledger(ring(*records))  # type: ignore[arg-type]
    book = Book(ledger, Podlet())  # type: ignore[arg-type]
    head = ledger.head
    assert book.settle() == open_nl
    assert book.session == session
    if open_nl:
        assert list(ledger.entries())[-1] == (head, 2, session, open_nl, m.DOSE_ASSUMED, seq, 0, 0)
    else:
        assert ledger.head == head


def test_a_torn_record_hides_no_open_intent() -> None:
    hal = ring(intent(5, 41_000))
    ledger = Ledger(hal)  # type: ignore[arg-type]
    hal.bad_program = True
    put(ledger, other())
    put(ledger, other())
    assert Book(Ledger(hal), Podlet()).settle() == 41_000  # type: ignore[arg-type]


# Known time at the start ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "clock_min", "minute", "day"),
    [
        pytest.param([], YEAR_2026_MIN, 0, 0, id="an empty book"),
        pytest.param([intent(500)], YEAR_2026_MIN, 500, 0, id="an intent alone"),
        pytest.param([intent(500), result(1), intent(700), result(3)], 0, 700, 0, id="the later intent"),
        pytest.param([mark(300, 0, 80_000, 77)], 0, 300, 77, id="a mark alone"),
        pytest.param([mark(300, day=77), mark(340, day=78)], 0, 340, 78, id="the newer mark"),
        pytest.param([mark(300), intent(450)], 0, 450, 0, id="an intent after the mark"),
        pytest.param([intent(290), mark(300, day=77)], 0, 300, 77, id="a mark after the intent"),
        pytest.param([mark(300, YEAR_2026_MIN)], YEAR_2026_MIN + 60, 360, 0, id="the clock ran on"),
        pytest.param([mark(300, YEAR_2026_MIN)], YEAR_2026_MIN + 1, 301, 0, id="the clock ran on by a minute"),
        pytest.param([mark(300, YEAR_2026_MIN)], YEAR_2026_MIN, 300, 0, id="no time passed by the clock"),
        pytest.param([mark(300, YEAR_2026_MIN)], YEAR_2026_MIN - 1, 300, 0, id="the clock went back by a minute"),
        pytest.param([mark(300, YEAR_2026_MIN)], YEAR_2026_MIN - 5000, 300, 0, id="the clock went far back"),
        pytest.param([mark(300, YEAR_2026_MIN)], 0, 300, 0, id="the clock is lost"),
        pytest.param([mark(300)], YEAR_2026_MIN, 300, 0, id="the clock was set since"),
        pytest.param([mark(300, YEAR_2026_MIN), intent(450)], YEAR_2026_MIN + 60, 450, 0, id="an intent is later"),
        pytest.param([mark(300, YEAR_2026_MIN), intent(450)], YEAR_2026_MIN + 200, 500, 0, id="the clock is later"),
        pytest.param([mark(300, day=77), result(900, 900), other(900)], 0, 300, 77, id="other records tell no time"),
        pytest.param([mark(300, day=77), other(900, 1), other(900, 7)], 0, 300, 77, id="nor in sessions 1 and 7"),
        pytest.param([other(900)] * 8, 0, 0, 0, id="nor at the sequences 1 and 7"),
    ],
)
def test_known_time_after_a_start(records: list[Record], clock_min: int, minute: int, day: int) -> None:
    device = started(ring(*records), clock_min)
    assert (device.book.minute, device.caps.window.minute) == (minute, minute)
    assert (device.book.day, device.podlet.newest_day) == (day, day)


def test_a_start_lets_the_hour_to_the_next_mark_begin() -> None:
    device = started(ring(mark(300, YEAR_2026_MIN, 0, DAY_2026)), YEAR_2026_MIN + 200)
    clock_min = YEAR_2026_MIN + 200
    assert device.book.minute == 500
    assert not device.book.mark_due(clock_min)
    assert device.book.mark_due(clock_min + 3), "a jump of the clock is seen from the start on"
    device.book.minute = 559
    assert not device.book.mark_due(clock_min + 59)
    device.book.minute = 560
    assert device.book.mark_due(clock_min + 60)


# The 24 hours at the start --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "total_nl"),
    [
        pytest.param([], 0, id="an empty book"),
        pytest.param([intent(500, 41_000)], 41_000, id="one shot, the first record of all"),
        pytest.param([intent(500, 41_000), result(1), intent(501, 9), result(3)], 41_009, id="shots add up"),
        pytest.param([intent(500, 41_000), mark(1979)], 41_000, id="in its 24th hour"),
        pytest.param([intent(500, 41_000), mark(2039)], 0, id="past its 25th hour"),
        pytest.param([intent(500, 41_000), intent(1900, 7), mark(2039)], 7, id="the older of two is past"),
        pytest.param([intent(500, 41_000), mark(501, total_nl=70_000)], 41_000, id="a book with no gap tells it alone"),
        pytest.param(
            [other(500), result(500, 500), other(500, 1), other(500, 7)] * 2, 0, id="other records are no shots"
        ),
    ],
)
def test_what_the_24_hours_hold_after_a_start(records: list[Record], total_nl: int) -> None:
    assert started(ring(*records)).caps.window.total_nl() == total_nl


def test_each_shot_leaves_the_24_hours_in_its_own_time() -> None:
    device = started(ring(intent(60, 1), result(1), mark(90), intent(660, 20), other(), intent(1260, 300)))
    window = device.caps.window
    assert window.total_nl() == 321
    for minute, total_nl in ((60 + 1499, 321), (60 + 1500, 320), (660 + 1500, 300), (1260 + 1500, 0)):
        window.go_to(minute)
        assert window.total_nl() == total_nl


def test_the_interval_begins_at_the_start_if_there_was_a_shot() -> None:
    caps = started(ring(intent(500)), now_ms=123_456).caps
    assert caps.too_soon(123_456 + 9_999, 10) and not caps.too_soon(123_456 + 10_000, 10)
    for records in ([mark(500)], [intent(500), mark(4000)]):
        assert not started(ring(*records), now_ms=123_456).caps.too_soon(123_456, 10)


def test_a_torn_record_hides_no_shot() -> None:
    hal = ring(intent(500, 41_000))
    ledger = Ledger(hal)  # type: ignore[arg-type]
    hal.bad_program = True
    put(ledger, other())
    device = started(hal)
    assert (device.book.minute, device.caps.window.total_nl()) == (500, 41_000)


def rounds(*records: Record, back: int = 10) -> RingHal:
    """A ring that went round: what stood before is lost, `records` stand from `back` before the newest slot on."""
    hal = ring()
    ledger = Ledger(hal)  # type: ignore[arg-type]
    while ledger.head < 900 - back:
        put(ledger, other())
    for record in records:
        put(ledger, record)
    while ledger.head < 900:
        put(ledger, other())
    assert ledger.whole() == 900 - CERTAIN
    return hal


@pytest.mark.parametrize(
    ("records", "total_nl"),
    [
        pytest.param([], FULL_NL, id="nothing tells: full"),
        pytest.param([intent(500, 40_000)], FULL_NL, id="a shot alone does not tell of others: full"),
        pytest.param([mark(500, total_nl=70_000)], 70_000, id="a mark tells"),
        pytest.param([mark(500, total_nl=0)], 0, id="a mark tells of nothing"),
        pytest.param([mark(500, total_nl=70_000), intent(501, 3)], 70_003, id="shots after it are added"),
        pytest.param([intent(499, 30_000), mark(500, total_nl=70_000)], 70_000, id="shots before it are in it"),
        pytest.param([intent(499, 70_000), mark(500, total_nl=70_001)], 70_001, id="one nL of it is lost"),
        pytest.param([intent(499, 70_000), mark(500, total_nl=70_000)], 70_000, id="all of it is there"),
        pytest.param([intent(499, 70_000), mark(500, total_nl=69_999)], 70_000, id="more is there than it tells"),
        pytest.param(
            [mark(400, total_nl=50_000), intent(450, 9), mark(500, total_nl=1)], 50_009, id="the oldest tells"
        ),
        pytest.param([mark(500, total_nl=70_000), mark(4000, YEAR_2026_MIN)], 0, id="what it tells of is long past"),
        pytest.param([mark(2500, YEAR_2026_MIN, 70_000), mark(3000)], 70_000, id="what it tells of is not past"),
    ],
)
def test_what_the_24_hours_hold_when_the_ring_has_lost_records(records: list[Record], total_nl: int) -> None:
    assert started(rounds(*records)).caps.window.total_nl() == total_nl


@pytest.mark.parametrize(
    ("back", "total_nl"),
    [
        pytest.param(CERTAIN - 1, 70_000, id="within the certain part"),
        pytest.param(CERTAIN, 70_000, id="the first certain record"),
        pytest.param(CERTAIN + 1, FULL_NL, id="one too old"),
    ],
)
def test_only_a_mark_in_the_certain_part_of_the_ring_is_believed(back: int, total_nl: int) -> None:
    assert started(rounds(mark(500, total_nl=70_000), back=back)).caps.window.total_nl() == total_nl


def test_what_was_lost_leaves_the_24_hours_with_its_mark() -> None:
    window = started(rounds(mark(120, total_nl=70_000), intent(600, 3))).caps.window
    for minute, total_nl in ((120 + 1499, 70_003), (120 + 1500, 3), (600 + 1500, 0)):
        window.go_to(minute)
        assert window.total_nl() == total_nl


def test_a_full_day_that_nothing_tells_of_is_counted_from_the_start_on() -> None:
    window = started(rounds()).caps.window
    window.go_to(1499)
    assert window.total_nl() == FULL_NL
    window.go_to(1500)
    assert window.total_nl() == 0


# Not from this device's doses -----------------------------------------------------------------------------------


def test_what_a_foreign_partition_left_before_the_first_record_is_none() -> None:
    """The slot before the first one is the ring's last: a number of -1 must not be taken for it."""
    for kind in (1, 2, 7):
        hal = ring(other())
        hal.flash.writeblocks(5, bytes((1, 2, 3, 4, kind)) + bytes(range(5, 32)), SECTOR - SECTOR // SLOTS)
        device = started(hal)
        assert (device.book.minute, device.book.day, device.caps.window.total_nl()) == (0, 0, 0)
        assert (device.book.settle(), device.book.session) == (0, 0)


def test_a_device_without_a_ring_starts_and_doses_nothing() -> None:
    device = started(RingHal(0), YEAR_2026_MIN)
    assert device.book.settle() == 0
    assert (device.book.minute, device.caps.window.total_nl()) == (0, 0)
    assert device.book.ready() is device.book.intent(50_000, 1) is device.book.mark(0, 0) is False
