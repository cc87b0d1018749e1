# SPDX-License-Identifier: Apache-2.0
"""The control tick allocates nothing: sense, heat and supervisor on the real MicroPython, through all regimes."""

from collections.abc import Callable
from pathlib import Path

import podsteam_twin
from podsteam_protocol import messages as m


def test_no_tick_allocates(run_micropython: Callable[..., str]) -> None:
    script = Path(__file__).parent / "tick_alloc_checks.py"
    hw = Path(podsteam_twin.__path__[0]).parent
    lines = run_micropython(script, path=(hw,), timeout=120).splitlines()
    rows = {name: rest for name, *rest in (line.split() for line in lines)}
    assert set(rows) == {"session", "dry", "empty", "broken"}
    seen: set[int] = set()
    for regimes, ticks, _, allocated in rows.values():
        assert int(ticks) > 100
        assert int(allocated) == 0
        seen |= {int(regime) for regime in regimes.split(",")}
    # Every regime but FAULT, which is the supervisor's.
    assert seen == {
        m.REGIME_IDLE,
        m.REGIME_PROBE,
        m.REGIME_HEAT,
        m.REGIME_APPROACH,
        m.REGIME_STEAM,
        m.REGIME_HOLD,
        m.REGIME_COOL,
    }
    faults = {name: int(rest[2]) for name, rest in rows.items()}
    assert faults == {"session": 0, "dry": m.CODE_DRY_BOIL, "empty": 0, "broken": m.CODE_OUTLET_OPEN}
