# SPDX-License-Identifier: Apache-2.0
"""The doser against a reference ledger: a Hypothesis state machine, seeded lives on both interpreters, seeded bugs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dose_life
import pytest
from dose_life import DoseLife, Wrong
from effort import tries
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from podsteam_firmware.dose import wall
from podsteam_firmware.dose.book import Book
from podsteam_firmware.dose.caps import Caps
from podsteam_firmware.dose.engine import Doser
from podsteam_firmware.dose.window import Window
from podsteam_protocol import messages as m

HW = Path(dose_life.__file__).resolve().parents[2] / "hw"
FIRMWARE_TESTS = Path(dose_life.__file__).resolve().parents[1] / "firmware"
byte = st.integers(0, 255)


class Machine(RuleBasedStateMachine):
    """Every action of a life as a rule; Hypothesis looks for the shortest way to break one."""

    @initialize(seed=st.integers(0, 1000), clock=st.booleans())
    def begin(self, seed: int, clock: bool) -> None:
        self.life = DoseLife(seed, clock)

    @rule(ticks=st.integers(1, 600))
    def run(self, ticks: int) -> None:
        self.life.run(ticks)

    @rule(minutes=st.integers(1, 1600))
    def idle(self, minutes: int) -> None:
        self.life.idle(minutes)

    @rule(first=st.integers(0, 3), every=st.integers(0, 30), count=st.integers(0, 40), nl=st.integers(0, 300_000))
    def start(self, first: int, every: int, count: int, nl: int) -> None:
        self.life.start(first, every, count, nl)

    @rule()
    def stop(self) -> None:
        self.life.stop()

    @rule()
    def pause(self) -> None:
        self.life.pause()

    @rule(number=byte)
    def insert(self, number: int) -> None:
        self.life.insert(number)

    @rule()
    def remove(self) -> None:
        self.life.remove()

    @rule(
        number=byte,
        nl=st.integers(1, 400_000),
        cap=st.integers(1, 4_000_000),
        flow=st.integers(1, 1000),
        every=st.integers(0, 60),
    )
    def fill(self, number: int, nl: int, cap: int, flow: int, every: int) -> None:
        self.life.fresh(number, nl, cap, flow, every)

    @rule(what=st.integers(0, 9))
    def tamper(self, what: int) -> None:
        self.life.tamper(what)

    @rule(after=st.integers(0, 9), tear=byte, off=st.integers(0, 3000))
    def cut(self, after: int, tear: int, off: int) -> None:
        self.life.cut(after, tear, off)

    @rule()
    def reset(self) -> None:
        self.life.reset()

    @rule(minutes=st.integers(-100_000, 10_000_000))
    def clock_jump(self, minutes: int) -> None:
        self.life.set_clock(minutes)

    @rule()
    def battery(self) -> None:
        self.life.battery()

    @rule(gain=st.integers(500, 1500), dead=st.integers(500, 20_000), p95=st.integers(0, 500))
    def calibrate(self, gain: int, dead: int, p95: int) -> None:
        self.life.calibrate(gain, dead, p95)


@pytest.mark.slow
def test_no_sequence_of_actions_breaks_a_rule() -> None:
    quick = tries(25, stateful_step_count=40, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Machine, settings=quick)


def test_lives_get_somewhere() -> None:
    shots = cuts = days = 0
    for seed in (3, 6, 7):
        found = dose_life.drive(seed, 1200)
        shots, cuts, days = shots + found[0], cuts + found[1], days + found[2]
    assert shots > 100 and cuts > 80 and days > 3


def test_the_same_life_on_micropython(run_micropython: Callable[..., str]) -> None:
    there = run_micropython(Path(dose_life.__file__), "6", "1500", path=(FIRMWARE_TESTS, HW), heap="16m")
    assert tuple(map(int, there.split())) == dose_life.drive(6, 1500)


# Seeded bugs: one in each rule, and each must be found --------------------------------------------------------------

_allowed = Caps.allowed_nl
_lower = Caps._lower
_append = Book.intent
_interlock = Doser._interlock


def _without(reason: int) -> Callable[[Caps, int, int], None]:
    def lower(self: Caps, limit_nl: int, why: int) -> None:
        if why != reason:
            _lower(self, limit_nl, why)

    return lower


def _blind(reason: int) -> Callable[[Doser], int]:
    def interlock(self: Doser) -> int:
        found = _interlock(self)
        return 0 if found == reason else found

    return interlock


def _unwritten(self: Book, nl: int, dose_no: int) -> bool:
    return True


def _smaller(self: Book, nl: int, dose_no: int) -> bool:
    return _append(self, nl // 2, dose_no)


def _forgets(self: Book, caps: Caps, now_ms: int, clock_min: int) -> None:
    """Nothing of before the start."""


def _begins_late(self: Book, caps: Caps, now_ms: int, clock_min: int) -> None:
    """The interval does not begin anew."""
    _recall(self, caps, now_ms, clock_min)
    caps._recent = False


_recall = Book.recall


def _believes(self: Window, now_ms: int) -> None:
    """An hour for each minute."""
    if not self._runs:
        self._runs = True
        self._at_ms = now_ms
    if (now_ms - self._at_ms) & 0x3FFFFFFF >= 60_000:
        self._at_ms = now_ms
        self.go_to(self.minute + 60)


def _settles_nothing(self: Book) -> int:
    ledger = self._ledger
    for seq in range(ledger.head - 1, ledger.oldest() - 1, -1):
        record = ledger.read(seq)
        if record is not None and record[1] in (1, 2):
            return record[3] if record[1] == 1 else 0
    return 0


def _twice(self: Doser) -> None:
    """The number of the dose that was given last, once more."""
    reader = self._reader
    reader.doses_used = max(0, reader.doses_used - 1)
    _waiting(self)


def _sets_at_once(hal: Any, book: Any, total_nl: int, unix_s: int) -> int:
    """Without the mark that says first that the time is not known."""
    hal.set_clock(unix_s)
    return 0


_waiting = Doser._waiting

BUGS: dict[str, tuple[type, str, Any, str]] = {
    "no cap on the shot": (Caps, "_lower", _without(m.DOSE_SHOT_CAP), "in a shot"),
    "no cap on the session": (Caps, "_lower", _without(m.DOSE_SESSION_CAP), "in a session"),
    "no cap on the day": (Caps, "_lower", _without(m.DOSE_DAY_CAP), "in 24 hours"),
    "caps not lowered": (Caps, "_derated", lambda self, cap_nl: cap_nl, "in a s|in 24"),
    "no interval": (Caps, "too_soon", lambda self, now_ms, interval_s: False, "after the last"),
    "no interval after a start": (Book, "recall", _begins_late, "after the last"),
    "steam not asked": (Doser, "_interlock", _blind(m.DOSE_NO_STEAM), "outside the interlocks"),
    "latch not asked": (Doser, "_interlock", _blind(m.DOSE_LATCH_OPEN), "outside the interlocks"),
    "cold outlet not asked": (Doser, "_interlock", _blind(m.DOSE_OUTLET_COLD), "outside the interlocks"),
    "hot outlet not asked": (Doser, "_interlock", _blind(m.DOSE_OUTLET_HOT), "outside the interlocks"),
    "supervisor not asked": (Doser, "_interlock", _blind(m.DOSE_NOT_CONTENT), "not allowed"),
    "swap not seen": (Doser, "_gone", lambda self: False, "another podlet|after"),
    "intent not written": (Book, "intent", _unwritten, "without its intent"),
    "half the volume written": (Book, "intent", _smaller, "without its intent"),
    "the day is forgotten": (Book, "recall", _forgets, "less remembered|in 24 hours|after the last"),
    "time runs away": (Window, "advance", _believes, "less remembered|in 24 hours"),
    "a clock that is set counts as time": (wall, "set_clock", _sets_at_once, "less remembered|in 24 hours"),
    "assumed at each start": (Book, "settle", _settles_nothing, "assumed twice"),
    "a number twice": (Doser, "_waiting", _twice, "dose . after|dose .. after"),
}


def lives() -> None:
    for seed in range(1, 30):
        dose_life.drive(seed, 600)


@pytest.mark.parametrize("bug", BUGS)
def test_a_seeded_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, message = BUGS[bug]
    monkeypatch.setattr(owner, name, wrong)
    with pytest.raises(Wrong, match=message):
        lives()
