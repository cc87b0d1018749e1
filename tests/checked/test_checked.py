# SPDX-License-Identifier: Apache-2.0
"""Whole sessions on checked integers: every regime, the ends of the envelope, faults, and time near its wrap."""

from typing import Any

import checked_session
import pytest
from checked_int import LIMIT, TooBig

from podsteam_firmware.session import program
from podsteam_firmware.store import programs
from podsteam_protocol import messages as m

PRESS = {"do": "press"}
WRAP_MS = LIMIT - 100_000
"""Time wraps 100 s after the start, in the middle of a session."""


def fault(name: str) -> dict[str, Any]:
    return {"do": "fault", "name": name}


@pytest.mark.parametrize(
    "plant",
    [
        {},
        {"element_w": 600.0, "mains_v": 253.0, "altitude_m": 2500.0},
        {"element_w": 300.0, "mains_v": 200.0, "water_g": 60.0, "ambient_c": 5.0, "wall_lag_s": 8.0},
        {"scale_mm": 0.4, "wall_lag_s": 3.0},
    ],
    ids=["usual", "strong", "weak", "scaled"],
)
def test_a_whole_session_at_the_ends_of_the_envelope(plant: dict[str, float]) -> None:
    with checked_session.checked_arrays():
        machine = checked_session.start(plant=plant, ticks_offset_ms=WRAP_MS)
        checked_session.play(machine, [(1.0, PRESS)], 420)
    assert machine.ticks > 6_000
    assert {
        m.REGIME_IDLE,
        m.REGIME_PROBE,
        m.REGIME_HEAT,
        m.REGIME_APPROACH,
        m.REGIME_STEAM,
        m.REGIME_COOL,
    } <= machine.regimes
    assert {m.STATE_IDLE, m.STATE_WARM_UP, m.STATE_STEAM, m.STATE_COOLING} <= machine.states
    assert machine.world.boiler.steam_g > 1


def test_keeping_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that holds 60 degC first, so that the regime HOLD has run too."""
    raw = bytearray(program.GENTLE)
    raw[16:20] = (6000).to_bytes(2, "little") + (20).to_bytes(2, "little")
    assert program.check(bytes(raw)) < 0
    monkeypatch.setattr(programs, "GENTLE", bytes(raw))
    with checked_session.checked_arrays():
        machine = checked_session.start(ticks_offset_ms=WRAP_MS)
        checked_session.play(machine, [(1.0, PRESS)], 200)
    assert m.REGIME_HOLD in machine.regimes


@pytest.mark.parametrize(
    "name", ["wall_open", "wall_short", "reference_off", "ssr_welded", "mains_lost", "dry", "valve_stuck_on"]
)
def test_faults(name: str) -> None:
    script = [(1.0, PRESS), (110.0, fault(name))]
    with checked_session.checked_arrays():
        machine = checked_session.start(ticks_offset_ms=WRAP_MS)
        checked_session.play(machine, script, 125)
    assert machine.loop.core.session.stop_reason != m.STOP_NONE


def test_the_check_bites() -> None:
    """A number that gets too large anywhere in the path is found."""
    with checked_session.checked_arrays():
        machine = checked_session.start()
        machine.run(1_000_000)
        machine.loop.core.heat.energy.metal_j_k = 1 << 22
        with pytest.raises(TooBig):
            checked_session.play(machine, [(1.5, PRESS)], 60)
