# SPDX-License-Identifier: Apache-2.0
"""The whole fault matrix: `python tests/faults/faults_run.py [--only TEXT] [--cpython]`.

Every cell with every seed and drawn plant on CPython, and with its first seed on MicroPython as well, where it must
show the same. Prints each cell's worst figures and writes `tests/results/faults.json`. Exit status 1 when a cell is
not as it says.
"""

import argparse
import multiprocessing
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("faults", "scenarios")] + [str(ROOT / "tools")]

import fault_cells  # noqa: E402
import forks  # noqa: E402

import results  # noqa: E402

JUDGES = ("firmware/podsteam_firmware", "hw/podsteam_twin", "tests/faults/cells.toml")
Cell = dict[str, Any]
Seen = dict[str, Any]
Played = tuple[Cell, list[tuple[fault_cells.Run, Seen]]]
Job = tuple[list[int], fault_cells.Run, str]
"""Places of cells, a run, an interpreter."""

CELLS: list[Cell] = []
MOST_SHOWN = 3


def jobs_of(cells: list[Cell], micropython: bool) -> list[Job]:
    """Runs that begin alike go together on CPython; on MicroPython each is a job of its own."""
    alike: dict[Any, Job] = {}
    jobs: list[Job] = []
    for index, cell in enumerate(cells):
        runs = fault_cells.runs_of(cell)
        for run in runs:
            key = fault_cells.start_key(cell, run) if forks.POSSIBLE else (index, run)
            alike.setdefault(key, ([], run, "cpython"))[0].append(index)
        if micropython:
            jobs.append(([index], runs[0], "micropython"))
    return [*alike.values(), *jobs]


def work(job: Job) -> tuple[Job, list[tuple[int, Seen | str]]]:
    """One job in a worker: place and what was seen, or why it failed."""
    places, run, interpreter = job
    cells = [CELLS[place] for place in places]
    where = {fault_cells.name_of(cell): place for place, cell in zip(places, cells)}
    found: list[tuple[int, Seen | str]] = []
    try:
        if interpreter == "cpython" and forks.POSSIBLE:
            for cell, seen in fault_cells.play_alike(cells, run):
                found.append((where[fault_cells.name_of(cell)], seen))
        else:
            found = [(place, fault_cells.play(cell, run, interpreter)) for place, cell in zip(places, cells)]
    except Exception as error:
        done = {place for place, _ in found}
        why = str(error).strip().rpartition("\n")[2]
        found += [(place, f"{type(error).__name__}: {why}") for place in places if place not in done]
    return job, found


def shown(value: float | None) -> str:
    """A worst figure for the table."""
    return "-" if value is None else f"{value:g}"


def worst(seen: list[Seen], bar: str) -> float | None:
    """The largest figure of these runs; None when one has none."""
    values = [each[bar] for each in seen]
    return None if None in values else max(values)


def gap_of(cell: Cell) -> str:
    """Why the cell is not met, as it says itself."""
    return str(cell.get("known_gap") or cell.get("rare_gap") or "")


def group_row(group: str, played: list[Played]) -> dict[str, Any]:
    """The figure of one kind of fault: its worst time to heater-off, or to the last drop where heat goes on."""
    bar = "dose_ms" if any(fault_cells.goes_on(cell) and "dose_ms" in cell for cell, _ in played) else "off_ms"
    judged = [(cell, [seen for _, seen in runs]) for cell, runs in played if bar in cell]
    gaps = sorted({gap_of(cell) for cell, _ in played} - {""})
    values = [worst(seen, bar) for _, seen in judged]
    value = "not noticed" if not values or None in values else max(value for value in values if value is not None)
    bars = sorted({cell[bar] for cell, _ in judged})
    what = "last drop" if bar == "dose_ms" else "last half-cycle"
    count = sum(len(runs) for _, runs in played)
    context = f"fault to {what}, worst of {count} runs of {len(played)} cells"
    context += "".join(f"; gap: {gap}" for gap in gaps)
    holds = not any(seen["misses"] for _, runs in played for _, seen in runs)
    limit = f"<= {'-'.join(str(each) for each in bars)}" if bars else "noticed"
    name = f"faults/{group.lower().replace(' ', '_').replace('-', '_')}"
    return results.row(name, value, "" if isinstance(value, str) else "ms", limit, holds, context, JUDGES)


def rows_of(played: list[Played]) -> list[dict[str, Any]]:
    """All figure rows: one for each group with a bar on time, the count of cells, and the hottest wall."""
    counted = [each for each in played if "not_counted" not in each[0]]
    left_out = sorted({f"{cell['fault']}: {cell['not_counted']}" for cell, _ in played if "not_counted" in cell})
    groups: dict[str, list[Played]] = {}
    for each in counted:
        groups.setdefault(each[0]["group"], []).append(each)
    timed = [group for group, of in groups.items() if any({"off_ms", "dose_ms"} & set(c) or gap_of(c) for c, _ in of)]
    rows = [group_row(group, groups[group]) for group in timed]
    met = sum(not any(seen["misses"] for _, seen in runs) for _, runs in counted)
    runs = sum(len(each) for _, each in counted)
    faults = len({cell["fault"] for cell, _ in counted})
    states = len({cell["state"] for cell, _ in counted})
    context = (
        f"{faults} faults in {states} states, {runs} runs over seeds, onsets, drawn plants and both interpreters"
        f"{'' if met == len(counted) else '; the rest are known gaps'}. Not counted, because no firmware can make them "
        f"safe: {'; '.join(left_out)}"
    )
    for name in ("faults/cells_met", "safety/coverage"):
        share = met if name.startswith("faults") else round(100 * met / len(counted), 1)
        unit, bar = ("", f"all {len(counted)}") if name.startswith("faults") else ("%", "100 %")
        rows.append(results.row(name, share, unit, bar, met == len(counted), context, JUDGES))
    hottest = max(seen["wall_c"] for _, of in counted for _, seen in of)
    context = "true wall at its hottest, in every cell that counts, known gaps included"
    rows.append(
        results.row("faults/hottest_wall", round(hottest, 1), "degC", "<= 140", hottest <= 140, context, JUDGES)
    )
    return rows


def wrong_of(cell: Cell, runs: list[tuple[fault_cells.Run, str, Seen | str]]) -> list[str]:
    """What is not as the cell says, over all its runs."""
    found: list[str] = []
    seen = {(run, which): each for run, which, each in runs}
    for (run, which), each in seen.items():
        where = f"seed {run[0]}{' drawn' if run[1] else ''} {which}"
        if isinstance(each, str):
            found.append(f"{where}: {each}")
            continue
        verdict = fault_cells.verdict(cell, each, run[1])
        if verdict:
            found.append(f"{where}: {verdict}")
        if which == "micropython" and each != seen[run, "cpython"]:
            found.append(f"{where}: differs from CPython")
    missed = any(each["misses"] for each in seen.values() if not isinstance(each, str))
    if "rare_gap" in cell and not found and not missed:
        found.append("the gap has closed: take `rare_gap` out of the cell")
    return found


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description="Play the fault matrix.")
    parser.add_argument("--only", default="", help="cells whose name or group contains this; writes no results")
    parser.add_argument("--cpython", action="store_true", help="on CPython alone; writes no results")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    arguments = parser.parse_args()
    only = arguments.only
    CELLS[:] = [cell for cell in fault_cells.load() if only in f"{fault_cells.name_of(cell)} {cell['group']}"]
    found: dict[int, list[tuple[fault_cells.Run, str, Seen | str]]] = {}
    jobs = jobs_of(CELLS, not arguments.cpython)
    with multiprocessing.Pool(arguments.jobs) as pool:
        for (_, run, which), each in pool.imap_unordered(work, jobs):
            for place, seen in each:
                found.setdefault(place, []).append((run, which, seen))
    wrong = 0
    played: list[Played] = []
    print(f"{'cell':56}{'off ms':>8}{'relay':>8}{'seen':>8}{'dose':>8}{'wall':>7}")
    for place, cell in enumerate(CELLS):
        name = fault_cells.name_of(cell)
        runs = found[place]
        good = [(run, seen) for run, _, seen in runs if not isinstance(seen, str)]
        seen = [each for _, each in good]
        if seen:
            figures = "".join(f"{shown(worst(seen, bar)):>8}" for bar in fault_cells.BARS[:4])
            note = "  not counted" if "not_counted" in cell else "  gap" if gap_of(cell) else ""
            print(f"{name:56}{figures}{shown(worst(seen, 'wall_c')):>9}{note}")
        problems = wrong_of(cell, runs)
        wrong += bool(problems)
        for problem in problems[:MOST_SHOWN]:
            print(f"WRONG {name} {problem}")
        if len(problems) > MOST_SHOWN:
            print(f"WRONG {name} and {len(problems) - MOST_SHOWN} more")
        played.append((cell, good))
    if not only and not arguments.cpython:
        results.write("faults", rows_of(played), whole=True)
    print(f"{len(CELLS) - wrong} cells as they say, {wrong} not")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
