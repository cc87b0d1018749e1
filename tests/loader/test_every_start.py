# SPDX-License-Identifier: Apache-2.0
"""Every combination, started on the simulated board: the right slot, or safe mode that answers HELLO."""

import itertools

import table
import test_choose
from choose_checks import TORN

from podsteam_loader import mark, record
from podsteam_protocol import frame
from podsteam_protocol import messages as m
from podsteam_twin.machine import Machine

STATES = ("good", "corrupt", "empty")
RECORDS = (
    None,
    TORN,
    record.Record(record.A, record.NONE, 0, 1).pack(),
    record.Record(record.B, record.NONE, 0, 1).pack(),
    *(record.Record(record.A, record.B, tries, 1).pack() for tries in range(4)),
    record.Record(record.B, record.A, 0, 1).pack(),
)
MARKS = (
    None,
    (record.A, mark.STARTED, 0, 0),
    (record.A, mark.STARTED, 2, 0),
    (record.B, mark.RAISED, 1, 2),
    (record.B, mark.STARTED, 3, 2),
    (record.A, mark.RAN, 0, 3),
    (record.B, mark.ASKED, 3, 0),
    (record.NONE, mark.STARTED, 3, 3),
)
HELLO = frame.encode(m.HELLO, 1, b"\x05\0\0\0\x01\x01")
"""Token 5, version 1.1."""


def capabilities(machine: Machine) -> int:
    """What HELLO says of a board that has just started."""
    out = machine.exchange(HELLO, machine.world.t_us + 2_000_000)
    out += machine.exchange(b"", machine.world.t_us + 20_000)
    bodies = [body for is_frame, body in frame.Splitter().feed(out) if is_frame and body[0] == m.HELLO | m.REPLY]
    return int.from_bytes(bodies[0][6 + 16 : 6 + 20], "little")


def test_every_start_answers_hello_from_the_right_place() -> None:
    rows = table.rows()
    safe = 0
    for a, b, packed, left, cause in itertools.product(STATES, STATES, RECORDS, MARKS, range(6)):
        options: dict[str, object] = {"slots": [a, b], "reset_cause": cause, "podlet": None}
        if packed is not None:
            options["boot_record"] = packed.hex()
        if left is not None:
            options["mark"] = mark.pack(*left).hex()
        judged = table.judge(test_choose.CAUSE.get(cause, "other"), test_choose.mark_in_words(left))
        _, starts, _ = table.decide(rows, {"a": a, "b": b}, test_choose.in_words(packed), judged)
        machine = Machine(options)
        assert machine.loading is not None
        assert (machine.loading.slot or "safe mode") == starts, (a, b, packed, left, cause)
        assert bool(capabilities(machine) & m.CAP_SAFE_MODE) == (starts == "safe mode")
        safe += starts == "safe mode"
    assert safe > 500
