# SPDX-License-Identifier: Apache-2.0
"""The device's ledger as the third witness of what was used: a tag that is written back is found out, over restarts."""

from typing import Any

import pytest
from bench import Bench

from podsteam.wire import messages as w
from podsteam_protocol import podlet as p
from podsteam_twin import podlets

FIELDS = {p.MAIN_NAME: "Mist", p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20}
NEW = bytes(podlets.build(FIELDS).image())


def judged(bench: Bench) -> tuple[int, int, str]:
    """Doses used and left, and the note."""
    reply = bench.ask(w.PodletGetRequest())
    code = w.CODES.get(reply.note)
    return reply.doses_used, reply.doses_left, code.name if code else ""


def put(bench: Bench, dump: bytes) -> tuple[int, int, str]:
    """Another tag, or the same with other content."""
    bench.control("remove")
    bench.run(2)
    bench.control("insert", dump=dump.hex())
    bench.run(3)
    return judged(bench)


def session(bench: Bench) -> None:
    bench.press()
    bench.run(330)


def restarted(bench: Bench) -> None:
    bench.control("reset", cause="power")
    bench.run(3)
    bench.hello()


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_a_tag_that_was_written_back_is_found_out(interpreter: str, micropython: str) -> None:
    bench = Bench(interpreter)
    bench.run(1)
    bench.hello()
    assert put(bench, NEW) == (0, 20, "")
    session(bench)
    used, left, note = judged(bench)
    assert used == 4 and note == ""
    restarted(bench)
    assert judged(bench) == (used, left, ""), "the tag tells it by itself"
    assert put(bench, NEW) == (used, left, "ROLLED_BACK")
    restarted(bench)
    assert judged(bench) == (used, left, "ROLLED_BACK"), "only the ledger knows it now"
    session(bench)
    assert judged(bench) == (2 * used, left - used, ""), "the next doses go on from there, and the tag is right again"
    assert (w.EventValue.DOSE_INTENT, 50_000, used + 1) in bench.events
    bench.close()


def test_another_podlet_on_the_same_tag_begins_anew() -> None:
    bench = Bench()
    bench.run(1)
    bench.hello()
    put(bench, NEW)
    session(bench)
    restarted(bench)
    other = bytes(podlets.build({**FIELDS, p.MAIN_ID: b"other"}).image())
    assert put(bench, other) == (0, 20, "")
    assert put(bench, NEW)[2] == "ROLLED_BACK"
    elsewhere = bytes(podlets.build(FIELDS, uid=bytes.fromhex("04998877665544")).image())
    assert put(bench, elsewhere) == (0, 20, ""), "another tag"
    bench.close()


def test_the_search_is_in_slices_and_ends_with_the_ring() -> None:
    """A full ring: no call reads more than eight records, and what the ring no longer has is not known."""
    from podsteam_firmware.podlet import witness

    bench = Bench()
    bench.run(1)
    bench.hello()
    put(bench, NEW)
    session(bench)
    core: Any = bench.twin.machine.loop.core  # type: ignore[attr-defined]
    reads: list[int] = []
    read = core.ledger.read
    core.ledger.read = lambda seq: reads.append(seq) or read(seq)

    def searched() -> tuple[int, int]:
        """Steps, and most records read in one."""
        search = witness.Search(core.hal, core.reader)
        steps = most = 0
        while True:
            reads.clear()
            more = search.step()
            steps, most = steps + 1, max(most, len(reads))
            if not more:
                return steps, most

    core.reader.witness(bytearray(7), 0, 0)
    assert searched()[1] <= 8
    core.reader.judge_again()
    assert judged(bench)[0] == 4
    for _ in range(2500):
        while core.ledger.prepare():
            pass
        core.ledger.append(200, 1)
    steps, most = searched()
    assert 150 < steps < 260 and most == 8
    bench.control("remove")
    restarted(bench)
    assert put(bench, NEW) == (0, 20, "")
    bench.close()
