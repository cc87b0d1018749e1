# SPDX-License-Identifier: Apache-2.0
"""Which slot to start: one pure function of what is stored and what became of the last boot.

The rules are the table of `docs/boot.md`, which the tests read and compare with this.
"""

from podsteam_loader.mark import UNKNOWN
from podsteam_loader.record import NONE, TRIES, A, B, Record
from podsteam_loader.slots import GOOD
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FAILS = const(3)
"""Failed boots in a row after which a slot is not started again until the power was off."""


def other(slot: int) -> int:
    """The other slot."""
    return A + B - slot


def without_trial(record: Record) -> Record:
    """The record after its trial was given up."""
    return record.changed(record.active, NONE, 0)


def installed(record: "Record | None", slot: int) -> Record:
    """The record that puts a freshly written `slot` on trial; the other one stays the application meanwhile."""
    return (record or Record(other(slot), NONE, 0, 0)).changed(other(slot), slot, TRIES)


def confirmed(record: Record) -> Record:
    """The record after the slot on trial has proved itself: it is the application from now on."""
    return record.changed(record.trial if record.trial != NONE else record.active, NONE, 0)


def choose(
    states: "Sequence[int]", record: "Record | None", failed: int, fails: "Sequence[int]"
) -> "tuple[int, Record | None]":
    """The slot to start, NONE for safe mode, and the record to store before that, None to leave it as it is.

    `states`: of A and B, as `slots.state`. `record`: None when it is lost. `failed`: slot whose boot failed last, NONE
    or UNKNOWN. `fails`: failed boots in a row of A and of B.
    """
    known = record or Record(A, NONE, 0, 0)
    after = record
    trial = known.trial
    if trial != NONE:
        tries = _tries_after(known, failed)
        if states[trial] == GOOD and tries >= 0:
            return trial, known.changed(known.active, trial, tries) if tries != known.tries else None
        known = after = without_trial(known)
    active = known.active
    spare = other(active)
    if states[active] == GOOD and fails[active] < FAILS:
        slot = active
    elif states[spare] == GOOD and fails[spare] < FAILS:
        slot = spare
        if states[active] != GOOD:
            known = after = known.changed(spare, NONE, 0)
    else:
        return NONE, after if after is not record else None
    if after is None:
        after = known.changed(known.active, NONE, 0)
    return slot, after if after is not record else None


def _tries_after(record: Record, failed: int) -> int:
    """Tries left once the next one has begun, -1 when it may not. A boot that did not fail gives its try back."""
    begun = record.tries < TRIES
    if not begun or failed == record.trial or failed == UNKNOWN:
        return record.tries - 1
    return record.tries
