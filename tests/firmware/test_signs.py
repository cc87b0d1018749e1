# SPDX-License-Identifier: Apache-2.0
"""The device plays the table of lights and sounds, and chooses what needs a person most."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sign_checks
from sign_checks import CASES, bench, bring_about, play, rhythm

from podsteam_protocol import messages as m
from podsteam_protocol import schema, signs

LIGHTS = {name: (colour, pattern) for name, colour, pattern, *_ in signs.LIGHTS}
ROUND = 80
NOT_PLAYED_HERE = {"SAFE_MODE"}
"""The loader plays this one: `tests/esp32/test_main.py`, `tests/loader/test_safe_mode.py`."""


def test_every_light_has_a_case() -> None:
    assert set(CASES) == set(LIGHTS) - NOT_PLAYED_HERE


def check(lines: list[str]) -> None:
    """Lines as `sign_checks` prints them, against the table."""
    seen = {name: (int(lamps), shown) for name, lamps, shown, _ in (line.split() for line in lines)}
    assert set(seen) == set(CASES)
    for name, (lamps, shown) in seen.items():
        colour, pattern = LIGHTS[name]
        assert (signs.COLOURS[colour], pattern * 2) == (lamps, shown), name


def test_lights_are_played_as_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    sign_checks.main()
    check(capsys.readouterr().out.splitlines())


def test_lights_are_played_as_in_the_table_on_micropython(run_micropython: Callable[..., str]) -> None:
    check(run_micropython(Path(sign_checks.__file__)).splitlines())


def test_a_light_begins_at_once_with_its_state() -> None:
    parts, session, supervisor, _ = bench()
    play(parts, True, 37)
    session.state = m.STATE_FAULT
    supervisor.fault = m.CODE_DRY_BOIL
    lamps, sounds = play(parts, True, ROUND)
    assert rhythm(lamps) == LIGHTS["FAULT_HOT"][1]
    assert sounds == [m.SOUND_FAULT]


def test_the_lamps_are_set_again_each_round_so_that_a_lost_write_heals() -> None:
    parts, _ = bring_about(CASES["STEAM"])
    wrote = []
    for tick in range(3 * ROUND):
        parts.step(True)
        if parts.changed:
            wrote.append(tick)
    assert wrote == [0, ROUND, 2 * ROUND]


@pytest.mark.parametrize("code", range(1, 600))
def test_every_fault_has_a_fault_s_light_even_an_unknown_one(code: int) -> None:
    parts, session, supervisor, _ = bench()
    session.state = m.STATE_FAULT
    supervisor.fault = code
    parts.step(True)
    by_code = {getattr(m, f"CODE_{name}"): light for name, light, *_ in schema.FAULTS}
    wanted = by_code.get(code, "FAULT_DOSE" if code >= 300 else "FAULT_CONTROL")
    assert parts.sign == getattr(m, f"SIGN_{wanted}")


@pytest.mark.parametrize(
    ("state", "left", "light"),
    [
        (m.PODLET_EXHAUSTED, 0, "PODLET"),
        (m.PODLET_EXPIRED, 9, "PODLET"),
        (m.PODLET_UNREADABLE, 9, "PODLET"),
        (m.PODLET_SIGNED, 2, "PODLET"),
        (m.PODLET_SIGNED, 3, "READY"),
        (m.PODLET_GUEST, 3, "READY"),
        (m.PODLET_ABSENT, 0, "READY"),
        (m.PODLET_READING, 0, "READY"),
        (m.PODLET_REMOVED, 0, "READY"),
    ],
)
def test_a_low_podlet(state: int, left: int, light: str) -> None:
    parts, _, _, reader = bench()
    reader.state, reader.doses_left = state, left
    parts.step(True)
    assert parts.sign == getattr(m, f"SIGN_{light}")


def test_a_podlet_in_its_grace_is_shown_and_one_without_a_date_is_not() -> None:
    parts, _, _, reader = bench()
    reader.state, reader.doses_left = m.PODLET_GUEST, 9
    for note, sign in ((m.CODE_PODLET_OLD, m.SIGN_PODLET), (m.CODE_NO_DATE, m.SIGN_READY), (0, m.SIGN_READY)):
        reader.date_note = note
        parts.step(True)
        assert parts.sign == sign


def test_what_needs_a_person_most_comes_first() -> None:
    """Each of these is added to all of the ones before it, and is what the light then shows."""
    parts, session, supervisor, reader = bench()
    ready = True

    def shown() -> str:
        parts.step(ready)
        return next(name for name in LIGHTS if getattr(m, f"SIGN_{name}") == parts.sign)

    assert shown() == "READY"
    parts.descale = True
    assert shown() == "DESCALE"
    reader.state = m.PODLET_EXHAUSTED
    assert shown() == "PODLET"
    ready = False
    assert shown() == "NOT_READY"
    session.state = m.STATE_COOLING
    assert shown() == "COOLING"
    parts.updating = True
    assert shown() == "UPDATE"
    for state, name in ((m.STATE_WARM_UP, "WARM_UP"), (m.STATE_STEAM, "STEAM"), (m.STATE_PAUSED, "PAUSED")):
        session.state = state
        assert shown() == name
    session.resume_armed = True
    assert shown() == "PRESS"
    parts.confirm = True
    assert shown() == "CONFIRM"
    session.state, supervisor.fault = m.STATE_FAULT, m.CODE_CHECKPOINT
    assert shown() == "FAULT_CONTROL"
    session.button.held_ticks = 1
    assert shown() == "CLEAR"


def test_a_hold_that_did_not_clear_shows_the_fault_again() -> None:
    parts, session, supervisor, _ = bench()
    session.state, supervisor.fault = m.STATE_FAULT, m.CODE_DRY_BOIL
    seen: list[int] = []
    for held in range(80):
        session.button.held_ticks = held
        parts.step(True)
        seen.append(parts.sign)
    assert seen[1:61] == [m.SIGN_CLEAR] * 60
    assert seen[61:] == [m.SIGN_FAULT_HOT] * 19 and seen[0] == m.SIGN_FAULT_HOT


@pytest.mark.parametrize(
    ("path", "heard"),
    [
        ([m.STATE_ARMED], [m.SOUND_CONFIRM]),
        ([m.STATE_ARMED, m.STATE_IDLE], [m.SOUND_CONFIRM]),
        ([m.STATE_WARM_UP, m.STATE_STEAM, m.STATE_COOLING, m.STATE_IDLE], [m.SOUND_START, m.SOUND_END]),
        ([m.STATE_WARM_UP, m.STATE_PAUSED, m.STATE_WARM_UP], [m.SOUND_START, m.SOUND_START]),
        ([m.STATE_WARM_UP, m.STATE_PAUSED, m.STATE_COOLING], [m.SOUND_START, m.SOUND_END]),
        ([m.STATE_STEAM, m.STATE_FAULT, m.STATE_IDLE], [m.SOUND_FAULT, m.SOUND_START]),
    ],
)
def test_sounds(path: list[int], heard: list[int]) -> None:
    parts, session, _, _ = bench()
    sounds: list[int] = []
    for state in path:
        session.state = state
        sounds += play(parts, True, 30)[1]
    assert sounds == heard


def test_a_sound_that_comes_while_another_sounds_is_played_after_it_and_a_fault_is_never_lost() -> None:
    parts, session, _, _ = bench()
    session.state = m.STATE_ARMED
    play(parts, True, 2)
    session.state = m.STATE_WARM_UP
    play(parts, True, 2)
    session.state = m.STATE_FAULT
    at = [tick for tick in range(60) if sounds_now(parts)]
    assert len(at) == 1
    # The first sound began 4 ticks before; the longest lasts 16.
    assert 12 <= at[0] <= 16


def sounds_now(parts: Any) -> bool:
    parts.step(True)
    assert parts.sound in (0, m.SOUND_FAULT)
    return parts.sound != 0
