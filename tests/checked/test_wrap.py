# SPDX-License-Identifier: Apache-2.0
"""Time wraps at 2^30 ms, and nobody notices: the same scenario from every offset gives the same event trace.

The trace is in virtual time. Scenarios with the button alone send nothing on the line, so that no device time gets
into it either.
"""

from typing import Any

import pytest

from podsteam_twin import launch

WRAP = 1 << 30
SESSION_MS = 100_000
"""In the session: the wrap falls into its steam."""
OFFSETS = [
    *range(0, 3),
    *(WRAP - near for near in (1, 2)),
    *(WRAP - SESSION_MS + near for near in range(-2, 3)),
    WRAP // 2,
]
SCENARIOS: list[tuple[str, list[tuple[float, dict[str, Any]]], float]] = [
    ("whole session", [(2.0, {"do": "press"})], 330),
    ("stopped at the wrap", [(2.0, {"do": "press"}), (100.0, {"do": "press"}), (103.0, {"do": "press"})], 120),
    ("fault at the wrap", [(2.0, {"do": "press"}), (99.99, {"do": "fault", "name": "wall_open"})], 110),
]


def trace(
    script: list[tuple[float, dict[str, Any]]], seconds: float, offset_ms: int, interpreter: str
) -> tuple[str, int]:
    """Digest and length of the event trace of a scenario that starts at device time `offset_ms`."""
    twin = launch.start(interpreter=interpreter, seed=5, unix_s=0, podlet="demo", ticks_offset_ms=offset_ms)
    try:
        for at_s, command in script:
            twin.exchange(b"", int(at_s * 1e6), stop=False)
            twin.control(command)
        twin.exchange(b"", int(seconds * 1e6), stop=False)
        assert twin.control({"do": "state"})["crashes"] == []
        found = twin.control({"do": "digest"})
        return found["digest"], found["count"]
    finally:
        twin.close()


@pytest.mark.parametrize(("script", "seconds"), [s[1:] for s in SCENARIOS], ids=[s[0] for s in SCENARIOS])
def test_the_same_trace_from_every_offset(script: list[tuple[float, dict[str, Any]]], seconds: float) -> None:
    offsets = OFFSETS if seconds < 200 else OFFSETS[::3]
    traces = {offset: trace(script, seconds, offset, "cpython") for offset in offsets}
    assert {offset for offset in offsets if traces[offset] != traces[0]} == set()
    assert traces[0][1] > 1000


def test_the_real_micropython_as_well(micropython: str) -> None:
    _, script, seconds = SCENARIOS[1]
    offsets = (0, WRAP - SESSION_MS - 1, WRAP - 1)
    assert len({trace(script, seconds, offset, "micropython") for offset in offsets}) == 1


def test_traces_can_differ() -> None:
    """The comparison is not blind: half a millisecond later is another trace."""
    _, script, seconds = SCENARIOS[2]
    later = [(at_s + 0.06, command) for at_s, command in script]
    assert trace(script, seconds, 0, "cpython") != trace(later, seconds, 0, "cpython")
