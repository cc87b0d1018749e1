# SPDX-License-Identifier: Apache-2.0
"""Time wraps, and the wall clock jumps: the same event trace as without.

Device time is a number that wraps at 2^30 ms. A session is started so that the wrap falls at -2 to +2 ms around each of
the moments that matter; every trace must be the one of a session far from the wrap. The wall clock only dates records
and podlets, so a jump of it in a running session must change nothing that the unit does; years of it are tried without
a podlet, which may rightly be found to be out of date. The ledger notes the new time once the element is off; that note
is left out of the comparison.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from published import INTERPRETERS, Mapped, Rows, row

from podsteam_twin import launch

WRAP = 1 << 30
OFFSETS = (-2, -1, 0, 1, 2)
PRESS = {"do": "press"}
JUMPS_S = (315_360_000, -315_360_000, 3600, -3600, 1)
YEAR_S = 31_536_000
UNIX_S = 1_800_000_000
LOOK_S = 5.0
KEEP = 2000
"""Acts between two looks at most."""

Script = list[tuple[float, dict[str, Any]]]
SCENARIOS: dict[str, tuple[Script, float]] = {
    "whole session": ([(2.0, PRESS)], 330.0),
    "stopped by hand": ([(2.0, PRESS), (100.0, PRESS), (103.0, PRESS)], 130.0),
    "sensor broken": ([(2.0, PRESS), (99.99, {"do": "fault", "name": "wall_open"})], 110.0),
    "tilted": ([(2.0, PRESS), (60.0, {"do": "fault", "name": "tilted"}), (61.0, PRESS)], 70.0),
    "SSR welded": ([(2.0, PRESS), (100.0, {"do": "fault", "name": "ssr_welded"})], 110.0),
}
MOMENTS_MS = (0, 2_300, 2_700, 5_000, 60_000, 99_990, 100_050, 103_300)
"""Into the run: start, press, first heat, probe, heating, steam, what strikes, its reaction."""


def _play(twin: Any, script: Script) -> Iterator[dict[str, Any]]:
    """Give each command at its time; the answers."""
    for at_s, command in sorted(script, key=lambda act: act[0]):
        twin.exchange(b"", int(at_s * 1e6), stop=False)
        answer = twin.control(command) or {}
        assert "error" not in answer
        yield answer


def trace(script: Script, seconds: float, interpreter: str, offset_ms: int = 0) -> tuple[str, int]:
    """Digest and length of the event trace of a unit whose time begins at `offset_ms`."""
    options: dict[str, Any] = {"podlet": "demo", "ticks_offset_ms": offset_ms % WRAP, "unix_s": 0}
    twin = launch.start(interpreter=interpreter, seed=5, **options)
    try:
        list(_play(twin, script))
        twin.exchange(b"", int(seconds * 1e6), stop=False)
        assert twin.control({"do": "state"})["crashes"] == []
        found = twin.control({"do": "digest"})
        return found["digest"], found["count"]
    finally:
        twin.close()


def jumped(script: Script, seconds: float, interpreter: str, jump: tuple[float, int, bool]) -> tuple[str, int]:
    """The same of a unit that has a wall clock, by all acts but the notes in the ledger, to the millisecond: a note
    takes 60 us, by which the reader is then asked later. `jump`: at s, by s, without a podlet."""
    at_s, by_s, years = jump
    options: dict[str, Any] = {"podlet": None if years else "demo", "unix_s": UNIX_S, "keep_trace": KEEP}
    twin = launch.start(interpreter=interpreter, seed=5, **options)
    acts = [*script, (at_s, {"do": "fault", "name": "clock_jump", "value": by_s})] if by_s else list(script)
    looks = [(LOOK_S * i, {"do": "trace"}) for i in range(1, int(seconds / LOOK_S) + 1)]
    hashed, count, seen_us = hashlib.sha256(), 0, -1
    try:
        for answer in _play(twin, [*acts, *looks]):
            fresh = [act for act in answer.get("acts", ()) if act[1] > seen_us]
            assert len(fresh) < KEEP
            seen_us = fresh[-1][1] if fresh else seen_us
            told = [(kind, t_us // 1000, a, b) for kind, t_us, a, b in fresh if kind != "ring"]
            hashed.update("".join(f"{act}\n" for act in told).encode())
            count += len(told)
        return hashed.hexdigest(), count
    finally:
        twin.close()


def offsets() -> list[int]:
    """Device times of the start, so that the wrap comes at -2 to +2 ms around each moment."""
    return sorted({(WRAP - moment + offset) % WRAP for moment in MOMENTS_MS for offset in OFFSETS})


def _trace(job: Any) -> tuple[Any, Any]:
    name, interpreter, offset, jump = job
    script, seconds = SCENARIOS[name]
    if jump is not None:
        return job, jumped(script, seconds, interpreter, jump)
    return job, trace(script, seconds, interpreter, offset)


def figures(mapped: Mapped, brief: bool) -> Rows:
    """The wrap of time at every offset, and jumps of the wall clock."""
    far = WRAP // 2
    jobs: list[Any] = []
    for name in list(SCENARIOS)[: 1 if brief else None]:
        for which in INTERPRETERS:
            tried = offsets()[:: 20 if brief else 1 if which == "cpython" else 4]
            jobs += [(name, which, offset, None) for offset in (far, *tried)]
            jobs += [(name, which, 0, (50.0, by_s, abs(by_s) > YEAR_S)) for by_s in JUMPS_S]
            jobs += [(name, which, 0, (50.0, 0, years)) for years in (True, False)]
    seen = dict(mapped(_trace, jobs))
    other: list[str] = []
    for (name, which, offset, jump), found in seen.items():
        right = seen[name, "cpython", 0, (50.0, 0, jump[2])] if jump else seen[name, "cpython", far, None]
        if found != right:
            other.append(f"{name} at {offset}{f' jump {jump[1]} s' if jump else ''} {which}")
    context = (
        f"event traces that differ from the one far from the wrap, of {len(jobs)}: the wrap at -2 to +2 ms around "
        f"{len(MOMENTS_MS)} moments of each scenario, the wall clock set by an hour and by 10 years "
        "(its note in the ledger apart), both interpreters"
    )
    return [
        row(
            __name__,
            "safety/clock",
            len(other),
            "",
            "0",
            not other,
            context + "".join(f"; {each}" for each in other[:3]),
        )
    ]
