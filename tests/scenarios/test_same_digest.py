# SPDX-License-Identifier: Apache-2.0
"""The same scenario gives the same event trace on CPython and on the real MicroPython."""

from typing import Any

import pytest

from podsteam_twin import launch
from scenarios import SCENARIOS, play


@pytest.mark.parametrize(("name", "options", "script", "seconds"), SCENARIOS, ids=[s[0] for s in SCENARIOS])
def test_same_digest(
    name: str, options: dict[str, Any], script: list[tuple[float, Any]], seconds: float, micropython: str
) -> None:
    results: list[tuple[bytes, dict[str, Any]]] = []
    for interpreter in ("cpython", "micropython"):
        twin = launch.start(interpreter=interpreter, unix_s=0, **{"podlet": None, **options})
        try:
            sent = play(twin, script, seconds)
            state = twin.control({"do": "state"})
            assert state["crashes"] == []
            results.append((sent, {**state, **twin.control({"do": "digest"})}))
        finally:
            twin.close()
    assert results[0] == results[1]
    assert results[0][1]["count"] > 100
