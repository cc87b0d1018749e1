# SPDX-License-Identifier: Apache-2.0
"""A slice of every fuzz target; `make fuzz` runs them at length. A failure prints how to play it again."""

import frame_fuzz
import fuzz_run
import malicious
import pytest
import request_fuzz
import tag_fuzz
from bench import Bench

from podsteam.wire import messages as w

SLICE = {
    "segments": 200_000,
    "line": 3_000,
    "tags": 10_000,
    "requests": 60,
    "malicious": 1_600,
    "programs": 2_000,
    "doses": 4_000,
}


@pytest.mark.parametrize("target", fuzz_run.TARGETS)
def test_cpython(target: str) -> None:
    assert fuzz_run.fuzz(target, "cpython", SLICE[target], 60, 1001) >= SLICE[target]


@pytest.mark.parametrize("target", ["segments", "tags", "requests", "malicious", "doses"])
def test_micropython(target: str, micropython: str) -> None:
    assert fuzz_run.fuzz(target, "micropython", SLICE[target], 60, 2001) >= SLICE[target]


def test_both_interpreters_see_the_same(micropython: str) -> None:
    assert fuzz_run.on_micropython(fuzz_run.HERE / "frame_fuzz.py", 5, 20_000) == frame_fuzz.hostile_segments(5, 20_000)
    assert fuzz_run.on_micropython(fuzz_run.HERE / "tag_fuzz.py", 5, 2_000) == tag_fuzz.hostile_tags(5, 2_000)


def test_the_damage_is_no_sham() -> None:
    """Some damage undoes itself, some tags stay readable: both sides of each check are reached."""
    restored, _, _ = frame_fuzz.hostile_segments(9, 50_000)
    assert restored > 10
    readable, _, pairs, _ = tag_fuzz.hostile_tags(9, 3_000)
    assert 300 < readable < 2_700
    assert pairs > 10


@pytest.mark.parametrize("seed", [3, 4])
def test_each_case_has_its_turn_in_each_state(seed: int) -> None:
    """Every state is reached and gets the same stretch of the cases; the next seed goes on where this one ends."""
    share = 60
    life = malicious.live(seed, steps=share * len(malicious.STATES))
    for state in malicious.STATES:
        stretch = [case.kind for case in malicious.CASES[seed * share : (seed + 1) * share]]
        assert {kind for there, kind in life.seen if there == state} == set(stretch)
    assert life.heated


def test_the_cases_are_all_there_is() -> None:
    """Each request of the schema, each field of it and of its struct, at each edge."""
    edges = len(request_fuzz.EDGES) + 2
    found = {(case.kind, case.field) for case in malicious.CASES}
    for kind in request_fuzz.REQUESTS:
        if kind.ID not in request_fuzz.UNANSWERED:
            fields = malicious.flat(kind.ID)
            assert {field for number, field in found if number == kind.ID} == {-1, *range(len(fields))}
            assert sum(case.kind == kind.ID and case.field >= 0 for case in malicious.CASES) == edges * len(fields)


def test_a_limit_that_the_plan_breaks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_fuzz, "MAX_WALL_MC", 40_000)
    with pytest.raises(request_fuzz.Violation, match="wall at"):
        malicious.live(1, steps=400)


def test_lives_reach_heat() -> None:
    assert any(request_fuzz.live(seed, steps=60).heated for seed in range(6))


def test_a_broken_limit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_fuzz, "MAX_WALL_MC", 40_000)
    with pytest.raises(SystemExit, match=r"wall at .*\n?again: python tests/fuzz/fuzz_run.py requests .*--seed"):
        fuzz_run.fuzz("requests", "cpython", 2_000, 60, 1)


def test_a_crash_of_the_firmware_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from podsteam_firmware.link.dispatch import Dispatcher

    def broken(self: Dispatcher, *arguments: object) -> int:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(Dispatcher, "handle", broken)
    with pytest.raises(request_fuzz.Violation, match=r"not answered|stopped"):
        request_fuzz.live(1)


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
@pytest.mark.parametrize("offset", [0x3FFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_record_read_far_behind_its_end_is_at_its_end(interpreter: str, offset: int, micropython: str) -> None:
    """Found by `requests`: an offset from 2^31 on stopped the firmware in the file system's seek."""
    bench = Bench(interpreter)
    bench.press()
    bench.run(5)
    bench.press()
    bench.run(5)
    bench.hello()
    number = bench.ask(w.RecordListRequest(0)).record
    assert bench.ask(w.RecordReadRequest(number, 0)).data
    reply = bench.ask(w.RecordReadRequest(number, offset))
    assert (reply.offset, reply.data) == (offset, b"")
    bench.close()
