# SPDX-License-Identifier: Apache-2.0
"""One start: judge the last boot, choose a slot, store what changes, and leave the mark. Then the slot is entered.

Of both slots only the sizes are compared; every byte is read of the one that is to be started. That is half the time,
and a slot that fails then is out of the choice.
"""

import gc
import sys

from podsteam_loader.choose import choose, without_trial
from podsteam_loader.mark import Watch, judge
from podsteam_loader.record import NONE, A, B, load, save
from podsteam_loader.slots import CORRUPT, GOOD

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_loader.verbs import Board


def start(board: "Board") -> "tuple[str, Watch]":
    """The name of the slot to start, "a" or "b", or "" for safe mode; and the watch over it."""
    failed, fails_a, fails_b = judge(board.reset_cause, board.memory())
    slot = _choose(board, failed, (fails_a, fails_b))
    watch = Watch(board, slot, fails_a, fails_b, board.now_ms())
    return ("a", "b", "")[slot], watch


def _choose(board: "Board", failed: int, fails: "tuple[int, int]") -> int:
    record = load(board)
    states = [board.slot_state(A, False), board.slot_state(B, False)]
    while True:
        slot, after = choose(states, record, failed, fails)
        if slot != NONE and board.slot_state(slot, True) != GOOD:
            states[slot] = CORRUPT
        elif after is None or save(board, after) or record is None or slot == NONE or slot != after.trial:
            return slot
        else:
            # A try that cannot be counted does not begin: it could go on for ever.
            record = without_trial(record)


def enter(folder: str) -> None:
    """Make the slot in `folder` the place that `podsteam_firmware` and `podsteam_protocol` come from.

    The loader's modules are forgotten, its copy of the protocol above all: the slot brings its own.
    """
    for name in [name for name in sys.modules if name.startswith("podsteam_")]:
        del sys.modules[name]
    sys.path.insert(0, folder)
    gc.collect()
