# SPDX-License-Identifier: Apache-2.0
"""The ledger ring: what was acknowledged is there, in order, whatever was torn; erased ahead; never written twice."""

from collections.abc import Callable
from pathlib import Path

import ledger_checks
import pytest
from effort import tries
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ledger_bench import ERASE_TEARS, PROG_TEARS, SLOTS, Cut, Life, RingHal, random_life

from podsteam_firmware.dose.book import INTENT, RESULT, Book
from podsteam_firmware.store.ledger import AHEAD, Ledger
from podsteam_protocol import messages as m

HW = Path(__file__).parents[2] / "hw"


def ready(sectors: int = 6) -> Life:
    life = Life(sectors)
    life.prepare()
    return life


# Space ----------------------------------------------------------------------------------------------------------


def test_no_partition_or_a_tiny_one_takes_nothing() -> None:
    for sectors in (0, 5):
        hal = RingHal(sectors)
        ledger = Ledger(hal)  # type: ignore[arg-type]
        assert not ledger.prepare()
        assert not ledger.append(1, 1)
        assert ledger.room() == 0 and ledger.refused == 1 and list(ledger.entries()) == []
        assert hal.programs == hal.erases == 0


def test_nothing_is_taken_before_a_sector_was_erased() -> None:
    life = Life()
    assert not life.append()
    life.prepare()
    assert life.hal.erases == 3
    assert life.append()


@pytest.mark.parametrize("used", [0, 1, 100, 126, 127, 128, 200])
def test_room_is_exactly_what_can_be_taken_while_hot(used: int) -> None:
    life = ready()
    for _ in range(used):
        assert life.append()
    life.prepare()
    room = life.ledger.room()
    assert room >= AHEAD
    erases = life.hal.erases
    for i in range(room):
        assert life.ledger.room() == room - i
        assert life.append()
    image = life.hal.flash.image()
    assert not life.append()
    assert life.ledger.refused == 1
    assert life.hal.erases == erases and life.hal.flash.image() == image
    life.check()


def test_one_sector_in_each_call_and_none_without_need() -> None:
    life = Life()
    assert [life.ledger.prepare() for _ in range(5)] == [True, True, True, False, False]
    assert [sum(life.hal.flash.erases[:k]) for k in (1, 2, 3, 6)] == [1, 2, 3, 3]


@pytest.mark.parametrize("sectors", [6, 16])
def test_the_guaranteed_history_stays_over_many_rounds(sectors: int) -> None:
    life = ready(sectors)
    for _ in range(sectors * SLOTS * 2 // 90):
        for _ in range(90):
            assert life.append()
        life.prepare()
    life.boot()
    assert life.guaranteed == (sectors - 4) * 127
    assert len(life.kept) >= life.guaranteed * 126 // 127
    assert len(list(life.ledger.entries())) >= life.guaranteed * 126 // 127
    wear = life.hal.flash.erases
    assert max(wear) - min(wear) <= 1


def test_a_record_reads_back_as_it_was_given() -> None:
    life = ready()
    values = (1, -1, 1 << 29, -(1 << 30), 0)
    for i in range(5):
        life.ledger.values[i] = values[i]
    assert life.ledger.append(255, 65535)
    assert life.ledger.read(1) == (1, 255, 65535, *values)
    assert life.ledger.append(1, 0)
    assert life.ledger.read(2) == (2, 1, 0, 0, 0, 0, 0, 0)
    assert life.ledger.read(0) is None and life.ledger.read(3) is None


# What flash can do ----------------------------------------------------------------------------------------------


def test_a_slot_that_does_not_take_its_record_is_left_behind() -> None:
    life = ready()
    assert life.append()
    life.hal.bad_program = True
    assert life.append()
    assert [record[0] for record in life.ledger.entries()] == [1, 3]
    life.boot()
    assert life.ledger.torn == 1 and life.ledger.head == 4


def test_a_failing_flash_refuses_and_recovers() -> None:
    life = ready()
    life.hal.flash.failing = True
    assert not life.append()
    assert life.ledger.refused == 1
    life.hal.flash.failing = False
    assert life.append()
    life.boot()


def test_a_sector_that_is_not_blank_after_its_erase_is_not_used() -> None:
    life = Life()
    real = life.hal.ring_erase

    def bad(sector: int) -> bool:
        real(sector)
        life.hal.flash.writeblocks(sector, b"\xfe", 77)
        return True

    life.hal.ring_erase = bad  # type: ignore[method-assign]
    assert [life.ledger.prepare() for _ in range(5)] == [True, True, True, False, False]
    assert life.ledger.room() == 0
    life.hal.ring_erase = real  # type: ignore[method-assign]
    life.boot()
    life.prepare()
    assert life.append()


@pytest.mark.parametrize("tear", PROG_TEARS)
def test_a_torn_record_is_skipped_and_counted(tear: str) -> None:
    life = ready()
    for _ in range(5):
        assert life.append()
    life.arm(0, tear)
    assert not life.append()
    assert life.cuts == 1
    assert life.ledger.torn == (tear in ("bytes", "bits", "stuck"))
    assert life.append()
    assert life.ledger.head - 1 == (6 if tear == "none" else 7)


@pytest.mark.parametrize("tear", ERASE_TEARS)
def test_a_torn_erase_is_done_again(tear: str) -> None:
    life = ready()
    for _ in range(8):
        for _ in range(120):
            assert life.append()
        life.prepare()
    while life.ledger.room() >= AHEAD:
        assert life.append()
    life.arm(0, tear)
    erases = life.hal.erases
    life.prepare()
    assert life.cuts == 1 and life.hal.erases == erases + 1
    life.prepare()
    assert life.hal.erases == erases + 2
    life.boot()


class Machine(RuleBasedStateMachine):
    """Appends, idle time, power cuts at any operation, failing flash: `Life` checks after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(6)

    @rule(count=st.integers(1, 140))
    def append(self, count: int) -> None:
        for _ in range(count):
            self.life.append()

    @rule()
    def idle(self) -> None:
        self.life.prepare()

    @rule(operations=st.integers(0, 5), tear=st.sampled_from(sorted({*PROG_TEARS, *ERASE_TEARS})))
    def cut_soon(self, operations: int, tear: str) -> None:
        self.life.arm(operations, tear)

    @rule()
    def reset(self) -> None:
        self.life.boot()

    @rule()
    def worn_cell(self) -> None:
        self.life.hal.bad_program = True

    @rule(failing=st.booleans())
    def flash_fails(self, failing: bool) -> None:
        self.life.hal.flash.failing = failing

    @precondition(lambda self: not self.life.hal.flash.failing)
    @rule()
    def whole_round(self) -> None:
        for _ in range(4):
            for _ in range(200):
                self.life.append()
            self.life.prepare()

    @invariant()
    def nothing_is_lost(self) -> None:
        self.life.check()


Machine.TestCase.settings = tries(40, stateful_step_count=25)
TestMachine = Machine.TestCase


# Negative controls: what the bench must see -----------------------------------------------------------------------


class NoReadBack(Ledger):
    """Believes the flash."""

    def _program(self, seq: int) -> bool:
        super()._program(seq)
        return True


class Hot(Ledger):
    """Erases when it needs room."""

    def append(self, kind: int, session: int) -> bool:
        while self.room() < 200:
            self.prepare()
        return super().append(kind, session)


class Greedy(Ledger):
    """Erases ahead without end."""

    def prepare(self) -> bool:
        if self.room() >= 4 * AHEAD or not self._erase(self._end):
            return False
        self._end += SLOTS
        return True


@pytest.mark.parametrize("kind", [NoReadBack, Hot, Greedy])
def test_a_ledger_with_a_mistake_is_caught(kind: type[Ledger]) -> None:
    caught = 0
    for seed in range(12):
        random_life(seed, 25)
        try:
            random_life(seed, 25, kind)
        except AssertionError:
            caught += 1
    assert caught > 0


# The doses' book --------------------------------------------------------------------------------------------------


class Podlet:
    uid = bytearray.fromhex("04ab87f2ca1190")
    newest_day = 0
    main_id = 0


def book(life: Life) -> Book:
    return Book(life.ledger, Podlet())  # type: ignore[arg-type]


def test_an_intent_and_its_result() -> None:
    life = ready()
    mine = book(life)
    mine.session, mine.minute = 9, 28_000_000
    assert mine.ready() and mine.intent(50_000, 3)
    mine.result(m.DOSE_GIVEN, 50_000)
    first, second = life.ledger.entries()
    assert first == (1, INTENT, 9, 50_000, 3, 28_000_000, 0x04AB87F, 0x2CA1190)
    assert second == (2, RESULT, 9, 50_000, m.DOSE_GIVEN, 1, 0, 0)
    assert book(life).settle() == 0


def test_an_intent_without_a_result_is_settled_once() -> None:
    life = ready()
    mine = book(life)
    mine.session = 9
    assert mine.intent(40_000, 1)
    life.ledger = Ledger(life.hal)  # type: ignore[arg-type]
    after = book(life)
    assert after.settle() == 40_000 and after.session == 9
    assert list(life.ledger.entries())[-1][1:6] == (RESULT, 9, 40_000, m.DOSE_ASSUMED, 1)
    again = book(life)
    assert again.settle() == 0 and again.session == 9


@pytest.mark.parametrize("tear", PROG_TEARS)
def test_a_result_that_is_torn_leaves_the_intent_open(tear: str) -> None:
    life = ready()
    mine = book(life)
    assert mine.intent(40_000, 1)
    life.arm(0, tear)
    with pytest.raises(Cut):
        mine.result(m.DOSE_GIVEN, 40_000)
    life.ledger = Ledger(life.hal)  # type: ignore[arg-type]
    assert book(life).settle() == (0 if tear == "all" else 40_000)


def test_other_kinds_of_record_do_not_hide_an_open_intent() -> None:
    life = ready()
    assert book(life).intent(40_000, 1)
    for _ in range(30):
        assert life.ledger.append(200, 1)
    assert book(life).settle() == 40_000


def test_a_full_ring_takes_no_intent() -> None:
    life = ready()
    mine = book(life)
    while life.ledger.room() > 1:
        assert mine.ready()
        assert life.ledger.append(200, 1)
    assert not mine.ready()
    assert mine.intent(1, 1) and not mine.intent(1, 1)


# Both interpreters ------------------------------------------------------------------------------------------------


def test_the_same_on_the_real_micropython(
    run_micropython: Callable[..., str], record_figure: Callable[[str, float, str, str, bool, str], None]
) -> None:
    here = ledger_checks.main()
    there = run_micropython(Path(ledger_checks.__file__), path=(HW,)).splitlines()
    assert there[:-1] == here[:-1]
    assert there[-3:-1] == ["cuts 320", "tick 0 0"] and "crcs 0" in there
    ram = int(there[-1].split()[1])
    record_figure("firmware/ledger_ram", ram, "B", "<= 512", ram <= 512, "RAM of the ledger ring, 64-bit MicroPython")
    assert 0 < ram <= 512
