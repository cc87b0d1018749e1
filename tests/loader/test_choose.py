# SPDX-License-Identifier: Apache-2.0
"""Every combination of slots, boot record, reset cause and tries ends where the page's table says."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import choose_checks
import table

from podsteam_loader import choose, mark, record, slots
from podsteam_protocol import messages as m

STATE = {slots.GOOD: "good", slots.CORRUPT: "corrupt", slots.EMPTY: "empty"}
CAUSE = {m.RESET_POWER_ON: table.POWER_ON, m.RESET_HARD: table.HARD, m.RESET_WATCHDOG: table.WATCHDOG}
ENDED = {
    mark.STARTED: "within 30 s",
    mark.RAISED: "exception",
    mark.ASKED: "asked for",
    mark.RAN: "after 30 s",
}
NAME = {record.A: "a", record.B: "b", record.NONE: ""}


def in_words(packed: bytes | None) -> table.Stored | None:
    """The record that the loader is given; a torn one is none, as a lost one."""
    if packed is None or packed == choose_checks.TORN:
        return None
    found = record.unpack(packed)
    assert found is not None
    return table.Stored(NAME[found.active], NAME[found.trial], found.tries)


def mark_in_words(left: tuple[int, int, int, int] | None) -> table.Left | None:
    if left is None:
        return None
    failed = {"a": left[2], "b": left[3]}
    if left[1] == mark.RAN and left[0] != record.NONE:
        failed[NAME[left[0]]] = 0
    return table.Left(NAME[left[0]], ENDED[left[1]], failed)


def test_every_combination_ends_as_the_table_says() -> None:
    rows = table.rows()
    seen: Counter[str] = Counter()
    stored = {packed: in_words(packed) for packed in choose_checks.records()}
    judged = {
        (cause, left): table.judge(CAUSE.get(cause, "other"), mark_in_words(left))
        for cause in choose_checks.CAUSES
        for left in choose_checks.marks()
    }
    for states, packed, cause, left, (slot, after) in choose_checks.all_cases():
        words = dict(zip(table.SLOTS, (STATE[state] for state in states)))
        row, starts, kept = table.decide(rows, words, stored[packed], judged[cause, left])
        seen[row] += 1
        got = table.Stored(NAME[after[0]], NAME[after[1]], after[2]) if after else None
        assert (NAME[slot] or "safe mode", got) == (starts, kept), (row, words, stored[packed], cause, left)
        # What must hold whatever the table says: nothing starts that is not good.
        assert slot == record.NONE or states[slot] == slots.GOOD
    assert set(seen) == {row["row"] for row in rows}
    assert sum(seen.values()) == 9 * 12 * 6 * 301


def test_the_same_on_the_real_interpreter(run_micropython: Callable[..., str], capsys) -> None:
    choose_checks.main()
    assert run_micropython(Path(choose_checks.__file__)) == capsys.readouterr().out


def starts_in_a_row(before: record.Record | None, states: list[int], cause: int, phase: int, starts: int) -> list[int]:
    """The slots of so many starts, each of which ends the same way."""
    memory = b""
    found = []
    cause_now = m.RESET_POWER_ON
    for _ in range(starts):
        failed, fails_a, fails_b = mark.judge(cause_now, memory)
        slot, after = choose.choose(states, before, failed, (fails_a, fails_b))
        before = after or before
        found.append(slot)
        memory = mark.pack(slot, phase, fails_a, fails_b)
        cause_now = cause
    return found


A, B, SAFE = record.A, record.B, record.NONE
GOOD2 = [slots.GOOD, slots.GOOD]


def test_a_trial_that_fails_three_times_is_over() -> None:
    trial = choose.installed(record.Record(A, SAFE, 0, 1), B)
    for phase, cause in ((mark.STARTED, m.RESET_WATCHDOG), (mark.RAISED, m.RESET_HARD), (mark.STARTED, m.RESET_HARD)):
        # Then the application before it, which fails the same way here, and after that nothing is left.
        assert starts_in_a_row(trial, GOOD2, cause, phase, 8) == [B, B, B, A, A, A, SAFE, SAFE]


def test_power_cuts_and_host_resets_use_up_no_try() -> None:
    trial = choose.installed(record.Record(A, SAFE, 0, 1), B)
    for cause in (m.RESET_POWER_ON, m.RESET_UNKNOWN, m.RESET_DEEP_SLEEP, m.RESET_SOFT):
        assert starts_in_a_row(trial, GOOD2, cause, mark.STARTED, 20) == [B] * 20
    assert starts_in_a_row(trial, GOOD2, m.RESET_HARD, mark.ASKED, 20) == [B] * 20
    assert starts_in_a_row(trial, GOOD2, m.RESET_WATCHDOG, mark.RAN, 20) == [B] * 20


def test_the_only_slot_gets_three_boots_and_then_safe_mode_stays() -> None:
    for states, slot in (([slots.GOOD, slots.EMPTY], A), ([slots.CORRUPT, slots.GOOD], B)):
        assert starts_in_a_row(None, states, m.RESET_WATCHDOG, mark.STARTED, 6) == [slot] * 3 + [SAFE] * 3


def test_a_trial_is_confirmed() -> None:
    trial = choose.installed(record.Record(A, SAFE, 0, 1), B)
    assert (trial.active, trial.trial, trial.tries) == (A, B, record.TRIES)
    done = choose.confirmed(trial)
    assert (done.active, done.trial, done.sequence) == (B, SAFE, 3)
    assert choose.confirmed(done).active == B
    assert choose.installed(None, A).active == B
