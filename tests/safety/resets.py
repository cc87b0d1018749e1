# SPDX-License-Identifier: Apache-2.0
"""The chip restarts for every cause it has, in every state, with every kind of rest in its RTC memory.

Nothing may start again by itself: no current, no closed relay, no drop, and the button starts a new session only.
"""

import binascii
from typing import Any

import forks
from published import INTERPRETERS, Mapped, Rows, row
from unit import STATES, Unit

from podsteam_loader import mark

CAUSES = ("power", "brownout", "hard", "watchdog", "deepsleep", "soft", "unknown")
MEMORIES = ("valid", "garbage", "empty")
WATCH_S = 30.0
SLOTS = ["good", "empty"]
SECONDS = {"IDLE": 1.0, "DOSING": 0.0}


def prepare(state: str, seed: int, interpreter: str) -> Unit:
    """A unit that has started through the loader and is in this state."""
    hosted = state in ("ARMED", "PAUSED")
    unit = Unit(interpreter, seed, {}, hosted=hosted, slots=SLOTS)
    unit.reach(state)
    unit.run(SECONDS.get(state, 2.0))
    return unit


def memory_of(kind: str, seed: int) -> str | None:
    """What the RTC memory holds at the start, in hex; None: what the firmware before left there."""
    if kind == "valid":
        return None
    if kind == "empty":
        return ""
    length = len(mark.pack(0, 0, 0, 0))
    return binascii.hexlify(bytes((seed * 37 + i * 101) & 0xFF for i in range(length))).decode()


def strike(unit: Unit, cause: str, memory: str, seed: int) -> dict[str, Any]:
    """Restart it and watch. `resumed`: in words what it did that nobody asked for; empty is right."""
    rest = memory_of(memory, seed)
    more = {} if rest is None else {"mark": rest}
    unit.hosted = False
    unit.control("reset", cause=cause, **more)
    before = unit.truth()
    unit.run(WATCH_S)
    truth = unit.truth()
    found: list[str] = []
    if truth["load_halves"] != before["load_halves"]:
        found.append("current flowed")
    if truth["relay_closed"] or truth["relay_drop_us"] > before["now_us"]:
        found.append("the relay closed")
    if truth["delivered_nl"] != before["delivered_nl"]:
        found.append("liquid flowed")
    if truth["crashes"]:
        found.append("it stopped with an exception")
    return {"resumed": ", ".join(found), "state": truth["state"], "slot": truth.get("slot", "")}


def _each(job: tuple[str, int, str]) -> list[tuple[str, str]]:
    """Trial and what resumed in it, for all causes."""
    state, seed, interpreter = job
    found: list[tuple[str, str]] = []
    if interpreter == "cpython":
        unit = prepare(state, seed, interpreter)
        for trial in [(cause, memory) for cause in CAUSES for memory in MEMORIES]:
            seen = forks.forked(lambda trial=trial: strike(unit, *trial, seed))
            found.append((f"{state} {trial}", seen["resumed"]))
        return found
    # Each needs a unit of its own there: all causes, the rests of memory in turn.
    for i, cause in enumerate(CAUSES):
        unit = prepare(state, seed, interpreter)
        memory = MEMORIES[(i + seed) % len(MEMORIES)]
        found.append((f"{state} {cause} {memory}", strike(unit, cause, memory, seed)["resumed"]))
        unit.close()
    return found


def figures(mapped: Mapped, brief: bool) -> Rows:
    """Every cause of a reset in every state."""
    states = ("STEAM",) if brief else tuple(state for state in STATES if state != "WARM_UP")
    jobs = [(state, seed, which) for state in states for seed in (1, 2) for which in INTERPRETERS]
    seen = [each for found in mapped(_each, jobs) for each in found]
    bad = [f"{name}: {what}" for name, what in seen if what]
    context = (
        f"resets after which heat or dosing went on, of {len(seen)}: {len(CAUSES)} causes in {len(states)} states, RTC "
        f"memory as it was, garbage and empty, on both interpreters"
    )
    return [
        row(__name__, "safety/reset", len(bad), "", "0", not bad, context + "".join(f"; {each}" for each in bad[:3]))
    ]
