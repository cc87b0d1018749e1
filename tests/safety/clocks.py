# SPDX-License-Identifier: Apache-2.0
"""Time wraps, and the wall clock jumps: the same event trace as without.

Device time is a number that wraps at 2^30 ms. A session is started so that the wrap falls at -2 to +2 ms around each of
the moments that matter; every trace must be the one of a session far from the wrap. The wall clock only dates records
and podlets, so a jump of it in a running session must change nothing that the unit does; years of it are tried without
a podlet, which may rightly be found to be out of date.
"""

from typing import Any

from published import INTERPRETERS, Mapped, Rows, row

from podsteam_twin import launch

WRAP = 1 << 30
OFFSETS = (-2, -1, 0, 1, 2)
PRESS = {"do": "press"}
JUMPS_S = (315_360_000, -315_360_000, 3600, -3600, 1)
YEAR_S = 31_536_000
UNIX_S = 1_800_000_000
LOOK_S = 60.0

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


def trace(script: Script, seconds: float, interpreter: str, offset_ms: int = 0, jump: Any = None) -> tuple[str, int]:
    """Digest and length of the event trace of a unit whose time begins at `offset_ms`; `jump`: (at s, by s, without a
    podlet) of the wall clock, which makes the unit one that has a clock."""
    options: dict[str, Any] = {"podlet": "demo", "ticks_offset_ms": offset_ms % WRAP}
    acts = list(script)
    if jump is not None:
        at_s, by_s, years = jump
        options["unix_s"] = UNIX_S
        if years:
            options["podlet"] = None
        if by_s:
            acts.append((at_s, {"do": "fault", "name": "clock_jump", "value": by_s}))
    twin = launch.start(interpreter=interpreter, seed=5, **{"unix_s": 0, **options})
    try:
        for at_s, command in sorted(acts, key=lambda act: act[0]):
            twin.exchange(b"", int(at_s * 1e6), stop=False)
            assert "error" not in twin.control(command)
        twin.exchange(b"", int(seconds * 1e6), stop=False)
        assert twin.control({"do": "state"})["crashes"] == []
        found = twin.control({"do": "digest"})
        return found["digest"], found["count"]
    finally:
        twin.close()


def offsets() -> list[int]:
    """Device times of the start, so that the wrap comes at -2 to +2 ms around each moment."""
    return sorted({(WRAP - moment + offset) % WRAP for moment in MOMENTS_MS for offset in OFFSETS})


def _trace(job: Any) -> tuple[Any, Any]:
    name, interpreter, offset, jump = job
    script, seconds = SCENARIOS[name]
    return job, trace(script, seconds, interpreter, offset, jump)


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
        f"{len(MOMENTS_MS)} moments of each scenario, the wall clock set by an hour and by 10 years, both interpreters"
    )
    return [row("safety/clock", len(other), "", "0", not other, context + "".join(f"; {each}" for each in other[:3]))]
