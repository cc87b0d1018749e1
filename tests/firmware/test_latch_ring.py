# SPDX-License-Identifier: Apache-2.0
"""What the ledger ring knows of faults and of sessions, for the start after a power cut."""

import pytest
from ledger_bench import Cut, RingHal

from podsteam_firmware.store import latch
from podsteam_firmware.store.latch import BEGIN, CLEARED, END, FAULT
from podsteam_firmware.store.ledger import Ledger
from podsteam_protocol import messages as m


def ready() -> Ledger:
    ledger = Ledger(RingHal(6))  # type: ignore[arg-type]
    while ledger.prepare():
        pass
    return ledger


def again(ledger: Ledger) -> Ledger:
    """The ledger of the next start."""
    return Ledger(ledger._hal)


def note(ledger: Ledger, *records: tuple[int, int, int]) -> None:
    for kind, session, value in records:
        assert latch.note(ledger, kind, session, value, 5)


def test_kinds_of_records_are_those_of_no_dose() -> None:
    assert (FAULT, CLEARED, BEGIN, END) == (3, 4, 5, 6)


def test_a_record_holds_value_and_detail() -> None:
    ledger = ready()
    assert latch.note(ledger, FAULT, 7, m.CODE_DRY_BOIL, -440_000)
    assert next(again(ledger).entries())[1:6] == (FAULT, 7, m.CODE_DRY_BOIL, -440_000, 0)


def test_a_fault_stays_until_it_is_cleared() -> None:
    ledger = ready()
    assert latch.uncleared(ledger) == 0
    note(ledger, (BEGIN, 1, 0), (FAULT, 1, m.CODE_DRY_BOIL), (END, 1, 2))
    assert latch.uncleared(again(ledger)) == m.CODE_DRY_BOIL
    note(ledger, (CLEARED, 1, m.CODE_DRY_BOIL))
    assert latch.uncleared(again(ledger)) == 0
    note(ledger, (BEGIN, 2, 0), (FAULT, 2, m.CODE_FROZEN))
    assert latch.uncleared(again(ledger)) == m.CODE_FROZEN


@pytest.mark.parametrize(("others", "code"), [(63, m.CODE_DRY_BOIL), (64, 0)])
def test_a_fault_is_looked_for_in_64_records(others: int, code: int) -> None:
    ledger = ready()
    note(ledger, *[(1, 1, 1)] * 20, (FAULT, 1, m.CODE_DRY_BOIL), *[(2, 1, 1)] * others)
    assert latch.uncleared(again(ledger)) == code


def test_a_session_without_an_end_was_cut_off() -> None:
    ledger = ready()
    assert latch.cut_off(ledger) == 0
    note(ledger, (BEGIN, 300, 0), (1, 300, 1), (FAULT, 300, 1))
    assert latch.cut_off(again(ledger)) == 300
    note(ledger, (END, 300, 1), (CLEARED, 300, 1))
    assert latch.cut_off(again(ledger)) == 0
    note(ledger, (BEGIN, 301, 0))
    assert latch.cut_off(again(ledger)) == 301


@pytest.mark.parametrize(("others", "session"), [(519, 9), (520, 0)])
def test_a_session_is_looked_for_in_520_records(others: int, session: int) -> None:
    ledger = Ledger(RingHal(16))  # type: ignore[arg-type]
    for _ in range(others // 100 + 2):
        while ledger.prepare():
            pass
        if ledger.head <= 10:
            note(ledger, *[(1, 1, 1)] * 5, (BEGIN, 9, 0))
            first = ledger.head
    while ledger.head < first + others:
        while ledger.prepare():
            pass
        note(ledger, (2, 9, 1))
    assert latch.cut_off(ledger) == session


@pytest.mark.parametrize("tear", ["none", "bytes", "bits"])
def test_a_torn_record_is_no_record(tear: str) -> None:
    ledger = ready()
    note(ledger, (FAULT, 1, m.CODE_DRY_BOIL))
    hal = ledger._hal
    hal.cut_in, hal.tear = 0, tear  # type: ignore[attr-defined]
    with pytest.raises(Cut):
        latch.note(ledger, CLEARED, 1, m.CODE_DRY_BOIL, 0)
    hal.cut_in = -1  # type: ignore[attr-defined]
    assert latch.uncleared(again(ledger)) in (m.CODE_DRY_BOIL, 0 if tear == "bytes" else m.CODE_DRY_BOIL)


def test_without_room_nothing_is_written_and_that_is_said() -> None:
    ledger = Ledger(RingHal(6))  # type: ignore[arg-type]
    assert not latch.note(ledger, FAULT, 1, m.CODE_DRY_BOIL, 0)
    assert latch.uncleared(ledger) == latch.cut_off(ledger) == 0
