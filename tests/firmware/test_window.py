# SPDX-License-Identifier: Apache-2.0
"""The 24 hours: what is remembered is never less than what was given in them, and it is forgotten in the end."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_bench import PROG_TEARS, Cut, Life, RingHal

from podsteam_firmware.dose import wall
from podsteam_firmware.dose.book import MARK, Book
from podsteam_firmware.dose.caps import HARD_DAY_NL, Caps
from podsteam_firmware.dose.window import HOURS, Window
from podsteam_firmware.store.ledger import Ledger
from podsteam_protocol.messages import CODE_STORE_FAILED, CODE_STORE_FULL

MASK = 0x3FFFFFFF
MINUTE_MS = 60_000
DAY_MIN = 1440
YEAR_2026_MIN = 29_454_720


class Podlet:
    uid = bytearray.fromhex("04ab87f2ca1190")
    newest_day = 0
    main_id = 0


def window_at(minute: int) -> Window:
    made = Window()
    made.go_to(minute)
    return made


def test_a_volume_is_remembered_for_24_to_25_hours() -> None:
    for offset in (0, 1, 59):
        made = window_at(6000 + offset)
        made.add(5)
        for minute in (1, DAY_MIN - 1, DAY_MIN):
            made.go_to(6000 + offset + minute)
            assert made.total_nl() == 5
        made.go_to(6000 + offset + DAY_MIN + 60 - offset % 60)
        assert made.total_nl() == 0


def test_time_never_goes_back() -> None:
    made = window_at(6000)
    made.add(5)
    made.go_to(10)
    assert (made.minute, made.total_nl()) == (6000, 5)


def test_a_long_leap_forgets_all_once() -> None:
    made = window_at(0)
    for _ in range(30):
        made.add(7)
        made.go_to(made.minute + 30)
    made.go_to(made.minute + 10_000_000)
    assert made.total_nl() == 0
    made.add(3)
    assert made.total_nl() == 3


class Writes:
    """The hours, with a count of what is written to them."""

    def __init__(self, hours: "array[int]") -> None:
        self.hours = hours
        self.count = 0

    def __getitem__(self, i: int) -> int:
        return self.hours[i]

    def __setitem__(self, i: int, nl: int) -> None:
        self.hours[i] = nl
        self.count += 1


@pytest.mark.parametrize(("leap_h", "written"), [(1, 1), (24, 24), (25, 25), (26, 25), (500_000, 25)])
def test_a_leap_of_any_length_takes_no_more_than_a_day_of_work(leap_h: int, written: int) -> None:
    made = window_at(600)
    made._hours = hours = Writes(made._hours)  # type: ignore[assignment]
    made.go_to(600 + 60 * leap_h)
    assert hours.count == written


@pytest.mark.parametrize("step", [1, 7, 59, 60, 61, 600, 1439, 1440, 1441, 1500, 1501])
def test_each_hour_is_forgotten_exactly_when_it_is_25_hours_old(step: int) -> None:
    made = Window()
    given_nl: list[tuple[int, int]] = []
    for i in range(1 + 4500 // step):
        made.go_to(i * step)
        made.add(i + 1)
        given_nl.append((i * step, i + 1))
        hour = made.minute // 60
        assert made.total_nl() == sum(nl for at, nl in given_nl if hour - at // 60 < 25)


@pytest.mark.parametrize(
    ("now", "minute", "holds"),
    [
        pytest.param(6000, 6000, True, id="now"),
        pytest.param(6000, 4560, True, id="24 hours, first minute of its hour and now"),
        pytest.param(6059, 4560, True, id="24 hours, first minute of its hour, last of now's"),
        pytest.param(6000, 4559, False, id="one minute more, in the 25th hour before"),
        pytest.param(6059, 4559, False, id="the same, later in this hour"),
        pytest.param(6060, 4560, False, id="the next hour begins"),
        pytest.param(1499, 0, True, id="the very first minute"),
        pytest.param(1500, 0, False, id="the very first minute is past"),
    ],
)
def test_what_still_counts_is_what_total_still_has(now: int, minute: int, holds: bool) -> None:
    made = window_at(minute)
    made.add(5)
    made.go_to(now)
    assert made.holds(minute) is holds
    assert made.total_nl() == (5 if holds else 0)


@pytest.mark.parametrize("start", [0, 1000, MASK - 30_000, MASK])
def test_it_runs_with_device_time_across_its_wrap(start: int) -> None:
    made = Window()
    made.advance(start)
    assert made.minute == 0
    made.advance((start + MINUTE_MS - 1) & MASK)
    assert made.minute == 0
    made.advance((start + MINUTE_MS) & MASK)
    assert made.minute == 1
    made.advance((start + 3 * MINUTE_MS + 59_999) & MASK)
    assert made.minute == 3
    made.advance((start + 4 * MINUTE_MS) & MASK)
    assert made.minute == 4


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 250_000)), max_size=80))
def test_no_window_of_24_hours_holds_more_than_is_remembered(steps: list[tuple[int, int]]) -> None:
    made = Window()
    given_nl: list[tuple[int, int]] = []
    for minutes, nl in steps:
        made.go_to(made.minute + minutes)
        made.add(nl)
        given_nl.append((made.minute, nl))
        total = made.total_nl()
        assert total >= sum(nl for at, nl in given_nl if at > made.minute - DAY_MIN)
        assert total <= sum(nl for at, nl in given_nl if at > made.minute - HOURS * 60)


# After a start ----------------------------------------------------------------------------------------------------


def ready() -> Life:
    life = Life()
    while life.ledger.prepare():
        pass
    return life


def restarted(life: Life, clock_min: int = 0) -> tuple[Book, Caps]:
    life.ledger = Ledger(life.hal)  # type: ignore[arg-type]
    caps = Caps()
    book = Book(life.ledger, Podlet())  # type: ignore[arg-type]
    book.settle()
    book.recall(caps, 0, clock_min)
    return book, caps


def test_a_new_device_remembers_nothing() -> None:
    book, caps = restarted(Life())
    assert (book.minute, caps.window.minute, caps.window.total_nl()) == (0, 0, 0)
    assert not caps.too_soon(0, 10)
    assert not restarted(ready(), YEAR_2026_MIN)[1].window.total_nl()


def test_unknown_time_counts_as_nothing() -> None:
    book, caps = restarted(ready_with_dose())
    assert (book.minute, caps.window.minute, caps.window.total_nl()) == (100, 100, 40_000)
    assert caps.too_soon(9_999, 10) and not caps.too_soon(10_000, 10), "the interval begins anew"


def ready_with_dose(clock_min: int = 0, minute: int = 100) -> Life:
    life = ready()
    book = Book(life.ledger, Podlet())  # type: ignore[arg-type]
    book.minute = minute
    assert book.mark(clock_min, 0)
    assert book.intent(40_000, 1)
    return life


@pytest.mark.parametrize(
    ("then", "now", "minute", "remembered"),
    [
        (YEAR_2026_MIN, YEAR_2026_MIN + 60, 160, 40_000),
        (YEAR_2026_MIN, YEAR_2026_MIN + 1400, 1500, 40_000),
        (YEAR_2026_MIN, YEAR_2026_MIN + 1500, 1600, 0),
        (YEAR_2026_MIN, YEAR_2026_MIN - 9000, 100, 40_000),
        (YEAR_2026_MIN, 0, 100, 40_000),
        (0, YEAR_2026_MIN, 100, 40_000),
    ],
)
def test_the_battery_clock_counts_where_it_ran_through(then: int, now: int, minute: int, remembered: int) -> None:
    _, caps = restarted(ready_with_dose(then), now)
    assert (caps.window.minute, caps.window.total_nl()) == (minute, remembered)


def test_marks_carry_the_time_on() -> None:
    life = ready_with_dose()
    book, caps = restarted(life)
    for minute, total in ((400, 40_000), (1400, 40_000), (1600, 0)):
        book.minute = minute
        assert book.mark(0, 40_000)
        book, caps = restarted(life)
        assert (caps.window.minute, caps.window.total_nl()) == (minute, total)


def test_what_the_ring_lost_stands_in_its_oldest_mark() -> None:
    life = ready()
    book = Book(life.ledger, Podlet())  # type: ignore[arg-type]
    book.minute = 1000
    book.mark(0, 70_000)
    book.intent(30_000, 1)
    while life.ledger.head < 700:
        while life.ledger.prepare():
            pass
        if life.ledger.head % 50 == 0:
            book.mark(0, 100_000)
        life.ledger.append(200, 1)
    book.intent(20_000, 2)
    assert restarted(life)[1].window.total_nl() == 120_000


def test_where_nothing_tells_the_day_counts_as_full() -> None:
    life = ready_with_dose()
    while life.ledger.head < 700:
        while life.ledger.prepare():
            pass
        life.ledger.append(200, 1)
    assert restarted(life)[1].window.total_nl() == HARD_DAY_NL


def test_when_a_mark_is_due() -> None:
    life = ready_with_dose(YEAR_2026_MIN)
    book, _ = restarted(life, YEAR_2026_MIN)
    assert not book.mark_due(YEAR_2026_MIN)
    book.minute += 59
    assert not book.mark_due(YEAR_2026_MIN + 59) and not book.mark_due(YEAR_2026_MIN + 61)
    assert book.mark_due(YEAR_2026_MIN + 62) and book.mark_due(YEAR_2026_MIN + 56)
    assert book.mark_due(0), "the clock stopped"
    book.minute += 1
    assert book.mark_due(YEAR_2026_MIN + 60)
    assert book.mark(YEAR_2026_MIN + 60, 0) and not book.mark_due(YEAR_2026_MIN + 60)
    assert list(life.ledger.entries())[-1][1:6] == (MARK, 0, book.minute, YEAR_2026_MIN + 60, 0)


def test_a_mark_that_was_not_taken_stays_due() -> None:
    life = ready_with_dose()
    book, _ = restarted(life)
    book.minute += 60
    while life.ledger.room():
        life.ledger.append(200, 1)
    assert not book.mark(0, 0) and book.mark_due(0)


# A host that lies about the clock --------------------------------------------------------------------------------


class Device:
    """A ring, a battery clock and a host; `start` is a start after a cut. The clock's time is true but for what it
    was set to."""

    def __init__(self) -> None:
        self.life = ready_with_dose(YEAR_2026_MIN)
        self.life.hal.set_clock = self.set_clock  # type: ignore[attr-defined]
        self.clock_s = (YEAR_2026_MIN + 5) * 60
        self.start()

    def set_clock(self, unix_s: int) -> bool:
        self.clock_s = unix_s
        return True

    def start(self) -> None:
        self.life.hal.cut_in = -1
        self.book, self.caps = restarted(self.life, self.clock_s // 60)

    def tell(self, unix_s: int) -> None:
        """The host tells a time; the power may go meanwhile."""
        try:
            wall.set_clock(self.life.hal, self.book, self.caps.window.total_nl(), unix_s)  # type: ignore[arg-type]
        except Cut:
            self.start()


LIES_S = (86_400, 3 * 86_400, -86_400, 40 * 86_400, -3_000 * 86_400, 60)


@pytest.mark.parametrize("cut_in", [-1, 0, 1])
@pytest.mark.parametrize("tear", PROG_TEARS)
def test_a_host_that_lies_about_the_clock_gains_nothing(cut_in: int, tear: str) -> None:
    device = Device()
    for _ in range(5):
        for lie_s in LIES_S:
            device.life.hal.cut_in, device.life.hal.tear = cut_in, tear
            device.tell(max(60, device.clock_s + lie_s))
            device.life.hal.cut_in = -1
            assert device.caps.window.total_nl() == 40_000
            device.start()
            assert device.caps.window.total_nl() == 40_000, lie_s
            while device.life.ledger.prepare():
                pass
    assert device.book.mark(device.clock_s // 60, 40_000), "as the core does within a minute"
    device.clock_s += 1_500 * 60
    device.start()
    assert device.caps.window.total_nl() == 0, "time that passed by the clock still counts"


def test_the_order_of_setting_is_what_keeps_it() -> None:
    """The same lie, without the mark that says first that the time is not known."""
    device = Device()
    device.set_clock(device.clock_s + 3 * 86_400)
    device.start()
    assert device.caps.window.total_nl() == 0


def test_a_clock_is_not_set_when_that_cannot_be_written_down() -> None:
    device = Device()
    while device.life.ledger.room():
        device.life.ledger.append(200, 1)
    before = device.clock_s
    assert wall.set_clock(device.life.hal, device.book, 40_000, before + 86_400) == CODE_STORE_FULL  # type: ignore[arg-type]
    assert device.clock_s == before


DAY_S = 86_400


@pytest.mark.parametrize(
    ("unix_s", "told"),
    [
        pytest.param(20_454 * DAY_S, True, id="2026-01-01 00:00:00"),
        pytest.param(20_454 * DAY_S - 1, False, id="the second before: never set"),
        pytest.param(47_482 * DAY_S - 1, True, id="2099-12-31 23:59:59"),
        pytest.param(47_482 * DAY_S, False, id="the second after: no DS3231 can tell it"),
        pytest.param(0, False, id="1970"),
    ],
)
def test_the_times_that_a_device_can_be_told(unix_s: int, told: bool) -> None:
    assert wall.in_range(unix_s) is told


def test_setting_a_clock_leaves_two_marks_without_and_with_its_time() -> None:
    device = Device()
    unix_s = (YEAR_2026_MIN + 5000) * 60 + 59
    assert wall.set_clock(device.life.hal, device.book, 40_000, unix_s) == 0  # type: ignore[arg-type]
    assert device.clock_s == unix_s
    unknown, known = list(device.life.ledger.entries())[-2:]
    assert unknown[1:6] == (MARK, 0, 105, 0, 40_000)
    assert known[1:6] == (MARK, 0, 105, YEAR_2026_MIN + 5000, 40_000)


def test_a_clock_that_fails_leaves_its_time_unknown() -> None:
    device = Device()
    device.life.hal.set_clock = lambda unix_s: False  # type: ignore[attr-defined]
    assert wall.set_clock(device.life.hal, device.book, 40_000, device.clock_s) == CODE_STORE_FAILED  # type: ignore[arg-type]
    assert list(device.life.ledger.entries())[-1][1:6] == (MARK, 0, 105, 0, 40_000)


def test_a_device_without_a_ring_still_has_its_clock_set() -> None:
    """It remembers no 24 hours that a leap of the clock could shorten: it doses nothing."""
    device = Device()
    hal = device.life.hal = RingHal(0)
    hal.set_clock = device.set_clock  # type: ignore[attr-defined]
    device.start()
    assert wall.set_clock(hal, device.book, 0, device.clock_s + 86_400) == 0  # type: ignore[arg-type]
    assert device.clock_s == (YEAR_2026_MIN + 5) * 60 + 86_400
