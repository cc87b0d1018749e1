# SPDX-License-Identifier: Apache-2.0
"""Every combination of slots, record, reset cause and mark through the loader's own functions, on either interpreter.

Run as a script it prints a checksum over all outcomes and how many there were.
"""

import binascii
import sys

from podsteam_loader import choose, mark, record, slots

STATES = (slots.GOOD, slots.CORRUPT, slots.EMPTY)
PHASES = (mark.STARTED, mark.RAISED, mark.ASKED, mark.RAN)
CAUSES = (0, 1, 2, 3, 4, 5)
FAILS = (0, 1, 2, 3, 255)
TORN = b"torn"


def records():
    """Packed records: none, a torn one, and all that a record can say."""
    found = [None, TORN]
    for active in (record.A, record.B):
        found.append(record.Record(active, record.NONE, 0, 65535).pack())
        for tries in range(record.TRIES + 1):
            found.append(record.Record(active, choose.other(active), tries, 7).pack())
    return found


def marks():
    """(slot, phase, failed boots of a, of b); None: garbage."""
    found = [None]
    for slot in (record.A, record.B, record.NONE):
        for phase in PHASES:
            for fails_a in FAILS:
                for fails_b in FAILS:
                    found.append((slot, phase, fails_a, fails_b))
    return found


def outcome(states, packed, cause, left):
    """(slot, active, trial, tries of the record that is stored then, or None)."""
    raw = b"garbage!!" if left is None else mark.pack(*left)
    if left is not None and left[1] == mark.RAN:
        # What a watch leaves: the failed boots of a slot that ran for 30 s are forgotten.
        fails = [left[2], left[3]]
        if left[0] != record.NONE:
            fails[left[0]] = 0
        raw = mark.pack(left[0], mark.RAN, fails[0], fails[1])
    before = None if packed is None else record.unpack(packed)
    failed, fails_a, fails_b = mark.judge(cause, raw)
    slot, after = choose.choose(states, before, failed, (fails_a, fails_b))
    kept = after or before
    return slot, (kept.active, kept.trial, kept.tries) if kept else None


def all_cases():
    """Every combination and its outcome."""
    packed_records = records()
    all_marks = marks()
    for a in STATES:
        for b in STATES:
            for packed in packed_records:
                for cause in CAUSES:
                    for left in all_marks:
                        yield (a, b), packed, cause, left, outcome((a, b), packed, cause, left)


def main():
    """Print the checksum and the number of combinations."""
    crc = 0
    count = 0
    for case in all_cases():
        crc = binascii.crc32(repr(case[4]).encode(), crc)
        count += 1
    print(crc, count)


if __name__ == "__main__":
    main()
    sys.exit(0)
