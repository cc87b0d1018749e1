# SPDX-License-Identifier: Apache-2.0
"""The fault matrix: its cells, and a run of one. Bring the unit into a state, break a part, measure what follows.

The cells are data, `cells.toml`; `docs/testing.md` says what each field means. A cell is judged against its own bars.
One with a `known_gap` must miss one of them, one with a `rare_gap` in some of its runs: when it no longer does, the gap
has closed and the entry goes. One that is
`not_counted` names what no firmware can make safe, and is only watched.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import forks
from bench import Refused
from unit import STATES, Unit

from podsteam.wire import messages as w
from podsteam_twin import faults
from podsteam_twin.boiler import envelope

CELLS = Path(__file__).with_name("cells.toml")
FINE_S = 0.02
COARSE_S = 0.1
FINE_FOR_S = 1.0
"""How long is looked closely after the fault. What the board does is timed by its own clock, not by the looks."""
QUIET_S = 3.0
"""No current and an open relay for so long: the reaction is over."""
AFTER_S = 10
"""The wall is watched for so long after that."""
FLICKER_MS = 100
HOT_MC = 135_000
"""The wall is never this hot while there is water."""
MODES = ("stays", "brief", "flicker")
RESETS = ("power", "brownout", "hard", "watchdog", "deepsleep", "soft", "unknown")
UPSETS = ("flip", "hang", "pause", "raise", "mute")
ACTS = (*(f"reset_{cause}" for cause in RESETS), *UPSETS, "host_silent", "podlet_removed")
"""What can happen besides the faults of the simulated board."""
BARS = ("off_ms", "seen_ms", "relay_ms", "dose_ms", "wall_c", "halves")
KINDS = ("fault", "stop", "told", "off", "runs", "refused", "silence", "safe")
GAPS = ("known_gap", "rare_gap")
KEYS = {
    *("group", "fault", "value", "path", "bit", "also", "mode", "for_ms", "at", "plant", "seeds", "drawn", "expected"),
    *("watch_s", "unix_s", "mute", "poke", "fine_s", "fine_for_s", "not_counted", *GAPS, *BARS),
}

Cell = dict[str, Any]
Seen = dict[str, Any]
Run = tuple[int, bool]
"""A run's seed, and whether its plant is drawn from the envelope."""


def load(path: Path = CELLS) -> list[Cell]:
    """All cells, the defaults filled in, one for each place of `at`. Raises ValueError for what does not exist."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    cells: list[Cell] = []
    for entry in table["cell"]:
        cell = filled({**table["default"], **entry})
        if set(cell) - KEYS or cell["mode"] not in MODES or cell["expected"].partition(" ")[0] not in KINDS:
            raise ValueError(f"no such field, mode or expectation: {entry}")
        places = table["places"][cell["at"]] if isinstance(cell["at"], str) else cell["at"]
        for place in places:
            state, _, after_s = place.partition("+")
            if state not in STATES:
                raise ValueError(f"no such state: {entry}")
            cells.append({**cell, "state": state, "after_s": float(after_s)})
    return cells


def filled(cell: Cell) -> Cell:
    """The cell with what every cell has: nothing else broken, no detector muted, the usual plant and clock. `mute` and
    `poke` (steps left out, values put in) are for the figures, which look at one detector by itself."""
    return {
        "also": [],
        "plant": {},
        "unix_s": 0,
        "mute": [],
        "poke": {},
        "fine_s": FINE_S,
        "fine_for_s": FINE_FOR_S,
        **cell,
    }


def name_of(cell: Cell) -> str:
    """For people and for pytest: what breaks, how, and when."""
    size = f"={cell['value']:g}" if "value" in cell else ""
    what = f" {cell['path']}.{cell.get('bit', 0)}" if "path" in cell else ""
    mode = "" if cell["mode"] == "stays" else f"-{cell['mode']}{cell.get('for_ms', '')}"
    more = "".join(f"-{fault}" for fault in cell["also"])
    plant = "".join(f"-{key}{value:g}" for key, value in cell["plant"].items())
    return f"{cell['fault']}{size}{what}{more}{mode}-{cell['state']}+{cell['after_s']:g}{plant}"


def runs_of(cell: Cell) -> list[Run]:
    """The runs of a cell: its seeds on its plant, then those on plants drawn from the envelope."""
    drawn = [] if cell["plant"] else cell["drawn"]
    return [*((seed, False) for seed in cell["seeds"]), *((seed, True) for seed in drawn)]


def onset_s(cell: Cell, seed: int) -> float:
    """How much later than the cell says the fault comes in the run of this seed: none falls on the same phase."""
    if cell["state"] == "DOSING":
        return (seed - 1) * 0.013 % 0.05
    return (seed - 1) * 0.37 % 1.0


# The way into the state -------------------------------------------------------------------------------------------
def start_key(cell: Cell, run: Run) -> tuple[Any, ...]:
    """Cells and runs of the same key begin alike."""
    more = (
        repr(cell["plant"]),
        tuple(cell["also"]),
        tuple(cell["mute"]),
        repr(cell["poke"]),
        cell["unix_s"],
        hosted(cell),
    )
    return (cell["state"], *more, run)


def hosted(cell: Cell) -> bool:
    """Whether a host starts the session, rather than the button alone."""
    return cell["state"] in ("ARMED", "PAUSED") or cell["fault"] in ("host_silent", "link_gone")


def begin(cell: Cell, run: Run, interpreter: str) -> Unit:
    """A unit in the cell's state, at its beginning."""
    seed, is_drawn = run
    plant = {**(envelope.draw(seed) if is_drawn else {}), **cell["plant"]}
    unit = Unit(interpreter, seed, plant, hosted=hosted(cell), drawn=is_drawn, unix_s=cell["unix_s"])
    for fault in cell["also"]:
        unit.control("fault", name=fault)
    for path in cell["mute"]:
        unit.control("upset", kind="mute", path=path)
    for path, value in cell["poke"].items():
        unit.control("upset", kind="poke", path=path, value=value)
    unit.reach(cell["state"])
    return unit


def play(cell: Cell, run: Run, interpreter: str) -> Seen:
    """Play a cell from the beginning; returns what was seen, with `misses`."""
    unit = begin(cell, run, interpreter)
    try:
        return finish(cell, run, unit, 0.0)
    finally:
        unit.close()


def finish(cell: Cell, run: Run, unit: Unit, gone_s: float) -> Seen:
    """The rest of a run whose unit has been in its state for `gone_s`."""
    unit.run(cell["after_s"] + onset_s(cell, run[0]) - gone_s)
    seen = measure(cell, unit)
    return {**seen, "misses": misses(cell, seen)}


def play_alike(cells: list[Cell], run: Run) -> Iterator[tuple[Cell, Seen]]:
    """Play cells of one `start_key` on CPython: the way into the state is gone once, the rest from copies of it."""
    unit = begin(cells[0], run, "cpython")
    gone_s = 0.0
    for cell in sorted(cells, key=lambda each: float(each["after_s"])):
        unit.run(cell["after_s"] - gone_s)
        gone_s = cell["after_s"]
        yield cell, forks.forked(lambda cell=cell: finish(cell, run, unit, cell["after_s"]))


# The measurement --------------------------------------------------------------------------------------------------
def strike(cell: Cell, unit: Unit, on: bool) -> None:
    """The fault comes, or goes."""
    fault = cell["fault"]
    if fault.startswith("reset_"):
        unit.control("reset", cause=fault[6:])
    elif fault in UPSETS:
        more = {"value": 0} if fault == "mute" else {"ms": cell.get("value", 1500), "bit": cell.get("bit", 0)}
        unit.control("upset", kind=fault, path=cell["path"], **more)
    elif fault == "host_silent":
        unit.hosted = False
    elif fault == "podlet_removed":
        unit.control("remove")
    else:
        unit.control("fault", name=fault, on=on, value=cell.get("value"))


def ask_for_heat(unit: Unit, state: str) -> None:
    """In a state without heat somebody now asks for it: nothing may start on a broken unit."""
    if state == "PAUSED":
        try:
            unit.bench.ask(w.ResumeRequest(unit.TOKEN))
        except Refused:
            return
        except AssertionError:
            # The line is broken: the host hears nothing.
            return
    unit.control("press")


class Watch:
    """What happens after the fault. Times in us of virtual time, as the simulated board has noted them."""

    def __init__(self, cell: Cell, unit: Unit) -> None:
        self._unit = unit
        self._wanted = _events(cell)
        self._first_event = len(unit.bench.events)
        before = unit.truth()
        self.heating = bool(before["relay_closed"])
        self.start_us = self.since_us = unit.now_us
        self.halves = self._first_halves = before["load_halves"]
        self.current = False
        self.commanded = False
        """Whether heat was commanded after the fault, in a state without."""
        self.seen_us: int | None = None
        self.latched_us: int | None = None
        """When the supervisor had latched a fault."""
        self.hot_us: int | None = None
        """When the wall's sensor showed HOT_MC, without its noise."""
        self.off_us = self.open_us = self.dose_us = self.start_us
        self.truth = before

    def look(self) -> None:
        """Take in what the board has noted."""
        truth = self.truth = self._unit.truth()
        if not self.heating and not self.commanded and truth["relay_closed"] and truth["burst"]:
            self.commanded = True
            self.since_us = self._unit.now_us
        fresh = truth["load_halves"] - self.halves
        if fresh:
            if not self.heating and not self.current:
                self.since_us = truth["current_us"] - fresh * 10_000
            self.halves = truth["load_halves"]
            self.current = True
            self.off_us = max(self.off_us, truth["current_us"])
        if truth["relay_closed"]:
            self.open_us = self._unit.now_us
        else:
            self.open_us = max(self.open_us, min(truth["relay_drop_us"], self._unit.now_us))
        self.dose_us = max(self.dose_us, truth["flow_us"])
        if self.latched_us is None and truth["latched"]:
            self.latched_us = self._unit.now_us
        offset_mc = self._unit.plant.get("wall_offset_mc", 0)
        if self.hot_us is None and truth["wall_probe_mc"] + offset_mc >= HOT_MC:
            self.hot_us = self._unit.now_us
        events = self._unit.bench.events[self._first_event :]
        if self.seen_us is None and any(event[:2] in self._wanted for event in events):
            self.seen_us = self._unit.now_us

    def quiet_s(self) -> float:
        """For how long there has been no current, and no closed relay."""
        return (self._unit.now_us - max(self.off_us, self.open_us)) / 1e6

    def result(self) -> Seen:
        """In ms since the fault; since the first current where nothing heated before."""
        off = (self._unit.now_us - self.off_us) / 1e6 > QUIET_S / 2
        events = self._unit.bench.events[self._first_event :]
        seen_ms = None if self.seen_us is None else max(self.seen_us - self.since_us, 0) // 1000
        latched_us = self.latched_us
        return {
            "latched_ms": None if latched_us is None else max(latched_us - self.since_us, 0) // 1000,
            **self._apart(latched_us, off),
            "off_ms": max(self.off_us - self.since_us, 0) // 1000 if off else None,
            "relay_ms": max(self.open_us - self.since_us, 0) // 1000 if off else None,
            "seen_ms": seen_ms,
            "dose_ms": (self.dose_us - self.start_us) // 1000,
            "current": self.current,
            "halves": self.halves - self._first_halves,
            "events": [(w.EventValue(e).name, a) for e, a, _ in events],
        }

    def _apart(self, latched_us: int | None, off: bool) -> Seen:
        """Times between what happened in the board, in ms: from a whole cycle of current that was not commanded to the
        latched fault, from there to the open relay, and from an over-hot sensor to the last current (0 where that came
        first)."""
        stray_us = self.truth["stray_us"]
        told = latched_us is not None
        hot_us = self.off_us if self.hot_us is None and off else self.hot_us
        return {
            "stray_ms": (latched_us - stray_us) // 1000 if told and stray_us else None,
            "opens_ms": max(self.open_us - latched_us, 0) // 1000 if told else None,
            "hot_ms": None if hot_us is None else max(self.off_us - hot_us, 0) // 1000,
        }


def measure(cell: Cell, unit: Unit) -> Seen:
    """Break the part, watch, and return what was seen."""
    watch = Watch(cell, unit)
    strike(cell, unit, True)
    broken = True
    if not watch.heating:
        unit.run(0.2)
        watch.look()
        if cell["expected"] != "silence":
            ask_for_heat(unit, cell["state"])
    end_us = watch.start_us + int(cell["watch_s"] * 1e6)
    while unit.now_us < end_us:
        broken = _mode(cell, unit, unit.now_us - watch.start_us, broken)
        unit.run(cell["fine_s"] if unit.now_us - watch.since_us < cell["fine_for_s"] * 1e6 else COARSE_S)
        watch.look()
        over = watch.heating or unit.now_us - watch.start_us > 5_000_000
        if over and watch.quiet_s() > QUIET_S and not goes_on(cell):
            break
    seen = watch.result()
    for _ in range(AFTER_S):
        unit.run(1.0)
    truth = unit.truth()
    return {
        **seen,
        "wall_c": truth["peak_wall_mc"] / 1000,
        "cutout": truth["cutout_open"],
        "hot_erases": truth["hot_erases"],
        "crashes": len(truth["crashes"]),
        "state": w.StateValue(truth["state"]).name,
    }


def _events(cell: Cell) -> set[tuple[int, int]]:
    """The events that tell what the cell expects: number and first figure. Codes that are yet to be are left out."""
    kind, _, names = str(cell["expected"]).partition(" ")
    if kind == "stop":
        return {(w.EventValue.STOPPED, w.StopValue[name]) for name in names.split("|")}
    codes = {entry.name: code for code, entry in w.CODES.items()}
    return {(w.EventValue.FAULT, codes[name]) for name in names.split("|") if name in codes}


def _mode(cell: Cell, unit: Unit, since_us: int, broken: bool) -> bool:
    """Mend or break again, as the mode asks; returns whether it is broken now."""
    wanted = True
    if cell["mode"] == "brief":
        wanted = since_us < cell["for_ms"] * 1000
    elif cell["mode"] == "flicker":
        wanted = since_us // (FLICKER_MS * 1000) % 2 == 0
    if wanted != broken:
        strike(cell, unit, wanted)
    return wanted


# The judge --------------------------------------------------------------------------------------------------------
def goes_on(cell: Cell) -> bool:
    """Whether the session is to go on all the same, or may."""
    return str(cell["expected"]).startswith(("runs", "told", "safe"))


def misses(cell: Cell, seen: Seen) -> list[str]:
    """Which of the cell's bars this run missed, in words."""
    found: list[str] = []
    expected = str(cell["expected"])
    names = [event[0] for event in seen["events"]]
    if expected.startswith(("runs", "told")) and ("STOPPED" in names or not seen["current"]):
        found.append("does not run on")
    if expected == "runs" and "FAULT" in names:
        found.append("tells a fault")
    if expected == "refused" and (seen["current"] or "STARTED" in names):
        found.append("starts")
    if expected.startswith(("fault", "stop", "told")) and seen["seen_ms"] is None:
        found.append(f"never told: {expected}")
    if expected == "off" and not {"FAULT", "STOPPED"} & set(names):
        found.append("never told")
    if not goes_on(cell) and seen["off_ms"] is None:
        found.append(f"element still on after {cell['watch_s']} s")
    if seen["hot_erases"] and not {"relay_welded", "relay_slow"} & {cell["fault"], *cell["also"]}:
        found.append(f"{seen['hot_erases']} flash erases while the relay was closed")
    if seen["crashes"] and cell["fault"] != "raise":
        found.append("the firmware stopped with an exception")
    found += [f"{bar} {seen[bar]} > {cell[bar]}" for bar in BARS if bar in cell and (seen[bar] or 0) > cell[bar]]
    return found


def verdict(cell: Cell, seen: Seen, is_drawn: bool = False) -> str:
    """What is wrong with this run, empty: it is as the cell says."""
    if "not_counted" in cell:
        return ""
    if "rare_gap" in cell or (is_drawn and "known_gap" in cell):
        # Whether such a gap has closed only all runs together can tell.
        return ""
    if "known_gap" in cell:
        return "" if seen["misses"] else "the gap has closed: take `known_gap` out of the cell"
    return "; ".join(seen["misses"])


def names() -> set[str]:
    """Everything that can strike a cell."""
    return set(faults.names()) | set(ACTS)
