# SPDX-License-Identifier: Apache-2.0
"""One cell of the fault matrix on a twin: bring the unit into a state, break a part, measure what follows.

The cells are data, `cells.toml`; `docs/testing.md` says what each field means. A cell is judged against its own
bars. A cell with a `known_gap` must miss one of them: when it no longer does, the gap has closed and the entry goes.
"""

import tomllib
from pathlib import Path
from typing import Any

from bench import Bench, Refused

from podsteam.wire import messages as w

CELLS = Path(__file__).with_name("cells.toml")
TOKEN = 0x0A0B0C0D
STEP_S = 0.01
"""A half-cycle at 50 Hz: each look sees one at most."""
QUIET_S = 3.0
"""No current and an open relay for so long: the reaction is over."""
AFTER_S = 10.0
"""The wall is watched for so long after that."""
FLICKER_MS = 100
STATES = ("IDLE", "WARM_UP", "STEAM", "PAUSED", "COOLING")
MODES = ("stays", "brief", "flicker")
ACTS = ("reset_watchdog", "reset_hard", "host_silent", "podlet_removed")
"""What can happen besides the faults of the simulated board."""
BARS = ("off_ms", "seen_ms", "relay_ms", "dose_ms", "wall_c")
KEYS = {"group", "fault", "also", "mode", "for_ms", "at", "plant", "seeds", "expected", "watch_s", "known_gap", *BARS}

Cell = dict[str, Any]


def load(path: Path = CELLS) -> list[Cell]:
    """All cells, the defaults filled in, one for each place of `at`. Raises ValueError for what does not exist."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    cells: list[Cell] = []
    for entry in table["cell"]:
        cell = {"also": [], "plant": {}, **table["default"], **entry}
        if set(cell) - KEYS or cell["mode"] not in MODES:
            raise ValueError(f"no such field or mode: {entry}")
        for place in cell["at"]:
            state, _, after_s = place.partition("+")
            if state not in STATES:
                raise ValueError(f"no such state: {entry}")
            cells.append({**cell, "state": state, "after_s": float(after_s)})
    return cells


def name_of(cell: Cell) -> str:
    """For people and for pytest: what breaks, how, and when."""
    mode = "" if cell["mode"] == "stays" else f"-{cell['mode']}{cell.get('for_ms', '')}"
    more = "".join(f"-{fault}" for fault in cell["also"])
    plant = "".join(f"-{key}{value:g}" for key, value in cell["plant"].items())
    return f"{cell['fault']}{more}{mode}-{cell['state']}+{cell['after_s']:g}{plant}"


class Play:
    """One run of one cell."""

    def __init__(self, cell: Cell, seed: int, interpreter: str) -> None:
        self.cell = cell
        self.bench = Bench(interpreter, seed=seed, plant=cell["plant"])
        self.hosted = cell["state"] == "PAUSED" or cell["fault"] == "host_silent"
        self._lease_us = 0

    # Into the state -----------------------------------------------------------------------------------------
    def run(self, seconds: float) -> None:
        """Let time pass; a session that a host started gets its lease, unless that is the fault."""
        bench = self.bench
        if self.hosted and bench.twin.now_us >= self._lease_us:
            self._lease_us = bench.twin.now_us + 500_000
            try:
                bench.ask(w.LeaseRequest(TOKEN))
            except Refused:
                self.hosted = False
        bench.run(seconds)

    def until(self, state: w.StateValue, most_s: float = 250) -> None:
        """Run until the session is in this state."""
        end_us = self.bench.twin.now_us + int(most_s * 1e6)
        while self.bench.state != state:
            assert self.bench.twin.now_us < end_us, f"never reached {state.name}"
            self.run(0.1)

    def press(self) -> None:
        """Press and release the button."""
        self.bench.control("press")
        self.run(0.5)

    def reach(self) -> None:
        """Into the cell's state, and the cell's time on."""
        state = self.cell["state"]
        for fault in self.cell["also"]:
            self.bench.control("fault", name=fault)
        self.bench.run(1)
        self.bench.hello()
        if state != "IDLE":
            if self.hosted:
                self.bench.ask(w.ArmRequest(TOKEN, b""))
            self.press()
            if state != "WARM_UP":
                self.until(w.StateValue.STEAM)
            if state == "PAUSED":
                self.bench.ask(w.PauseRequest(TOKEN))
            elif state == "COOLING":
                self.press()
                self.until(w.StateValue.COOLING, 5)
        end_us = self.bench.twin.now_us + int(self.cell["after_s"] * 1e6)
        while self.bench.twin.now_us < end_us:
            self.run(min(0.1, (end_us - self.bench.twin.now_us) / 1e6))

    def strike(self, on: bool) -> None:
        """The fault comes, or goes."""
        fault = self.cell["fault"]
        if fault.startswith("reset_"):
            self.bench.control("reset", cause=fault[6:])
        elif fault == "host_silent":
            self.hosted = False
        elif fault == "podlet_removed":
            self.bench.control("remove")
        else:
            self.bench.control("fault", name=fault, on=on)

    def ask_for_heat(self) -> None:
        """In a state without heat somebody now asks for it: nothing may start on a broken unit."""
        if self.cell["state"] == "PAUSED":
            try:
                self.bench.ask(w.ResumeRequest(TOKEN))
            except Refused:
                return
        if self.cell["state"] in ("IDLE", "PAUSED"):
            self.bench.control("press")

    # The measurement ----------------------------------------------------------------------------------------
    def measure(self) -> dict[str, Any]:
        """Break the part, watch, and return what was seen; times in ms since the fault."""
        bench = self.bench
        cell = self.cell
        before = bench.control("state")
        first_event = len(bench.events)
        wanted = self._event()
        heating = bool(before["relay_closed"])
        since_us = start_us = bench.twin.now_us
        self.strike(True)
        halves = before["load_halves"]
        last_us = open_us = start_us
        if bench.twin.now_us > start_us:
            # A reset takes its time: each half-cycle that still flowed in it counts.
            last_us += (bench.control("state")["load_halves"] - halves) * 10_000
            halves = bench.control("state")["load_halves"]
        if not heating:
            bench.run(0.2)
            self.ask_for_heat()
        liquid = before["delivered_nl"]
        dose_us = start_us
        seen_ms = None
        peak_mc = before["wall_mc"]
        broken = True
        current = False
        end_us = start_us + int(cell["watch_s"] * 1e6)
        while bench.twin.now_us < end_us:
            broken = self._mode(bench.twin.now_us - start_us, broken)
            self.run(STEP_S)
            now_us = bench.twin.now_us
            truth = bench.control("state")
            peak_mc = max(peak_mc, truth["wall_mc"])
            if truth["load_halves"] != halves:
                if not heating and not current:
                    since_us = now_us
                halves = truth["load_halves"]
                current = True
                last_us = now_us
            if truth["relay_closed"]:
                open_us = now_us
            if truth["delivered_nl"] != liquid:
                liquid = truth["delivered_nl"]
                dose_us = now_us
            if seen_ms is None and wanted in [event[:2] for event in bench.events[first_event:]]:
                seen_ms = (now_us - since_us) // 1000
            quiet = now_us - max(last_us, open_us) > QUIET_S * 1e6
            if quiet and not goes_on(cell) and (heating or now_us - start_us > 5_000_000):
                break
        off = bench.twin.now_us - last_us > QUIET_S * 500_000
        for _ in range(int(AFTER_S * 4)):
            self.run(0.25)
            peak_mc = max(peak_mc, bench.control("state")["wall_mc"])
        off_ms = max(last_us - since_us, 0) // 1000
        return {
            "off_ms": off_ms if off else None,
            "relay_ms": max(open_us - since_us, 0) // 1000 if off else None,
            "seen_ms": seen_ms,
            "dose_ms": (dose_us - start_us) // 1000,
            "wall_c": peak_mc / 1000,
            "current": current,
            "hot_erases": bench.control("state")["hot_erases"],
            "state": w.StateValue(bench.state).name,
            "events": [(w.EventValue(e).name, a) for e, a, _ in bench.events[first_event:]],
        }

    def _event(self) -> tuple[int, int] | None:
        """The event that the cell expects: its number and first figure. None: none, or a code that is yet to be."""
        kind, _, name = str(self.cell["expected"]).partition(" ")
        if kind == "stop":
            return (w.EventValue.STOPPED, w.StopValue[name])
        codes = [code for code, entry in w.CODES.items() if entry.name == name]
        return (w.EventValue.FAULT, codes[0]) if codes else None

    def _mode(self, since_us: int, broken: bool) -> bool:
        """Mend or break again, as the mode asks; returns whether it is broken now."""
        cell = self.cell
        wanted = True
        if cell["mode"] == "brief":
            wanted = since_us < cell["for_ms"] * 1000
        elif cell["mode"] == "flicker":
            wanted = since_us // (FLICKER_MS * 1000) % 2 == 0
        if wanted != broken:
            self.strike(wanted)
        return wanted


def goes_on(cell: Cell) -> bool:
    """Whether the session is to go on all the same."""
    return str(cell["expected"]).startswith(("runs", "told"))


def misses(cell: Cell, seen: dict[str, Any]) -> list[str]:
    """Which of the cell's bars this run missed, in words."""
    found: list[str] = []
    expected = str(cell["expected"])
    names = [event[0] for event in seen["events"]]
    if goes_on(cell) and ("STOPPED" in names or not seen["current"]):
        found.append("does not run on")
    if expected == "runs" and "FAULT" in names:
        found.append("tells a fault")
    if expected == "refused" and (seen["current"] or "STARTED" in names):
        found.append("starts")
    if expected.startswith(("fault", "stop", "told")) and seen["seen_ms"] is None:
        found.append(f"never told: {expected}")
    if not goes_on(cell) and seen["off_ms"] is None:
        found.append(f"element still on after {cell['watch_s']} s")
    if seen["hot_erases"]:
        found.append(f"{seen['hot_erases']} flash erases while the relay was closed")
    found += [f"{bar} {seen[bar]} > {cell[bar]}" for bar in BARS if bar in cell and (seen[bar] or 0) > cell[bar]]
    return found


def play(cell: Cell, seed: int, interpreter: str) -> dict[str, Any]:
    """Play a cell; returns what was seen, with `misses`."""
    run = Play(cell, seed, interpreter)
    try:
        run.reach()
        seen = run.measure()
        assert run.bench.control("state")["crashes"] == []
    finally:
        run.bench.twin.close()
    return {**seen, "misses": misses(cell, seen)}


def verdict(cell: Cell, seen: dict[str, Any]) -> str:
    """What is wrong with this result, empty: it is as the cell says."""
    if "known_gap" in cell:
        return "" if seen["misses"] else "the gap has closed: take `known_gap` out of the cell"
    return "; ".join(seen["misses"])
