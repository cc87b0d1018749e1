# SPDX-License-Identifier: Apache-2.0
"""The whole fault matrix, every seed on both interpreters: `python tests/faults/faults_run.py [--only TEXT]`.

Prints each cell's worst figures and writes `tests/results/faults.json`. Exit status 1 when a cell is not as it says.
"""

import argparse
import multiprocessing
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("faults", "scenarios")] + [str(ROOT / "tools")]

import fault_cells  # noqa: E402

import results  # noqa: E402

JUDGES = ("firmware/podsteam_firmware", "hw/podsteam_twin", "tests/faults/cells.toml")
INTERPRETERS = ("cpython", "micropython")
Job = tuple[dict[str, Any], int, str]


def run(job: Job) -> tuple[Job, dict[str, Any]]:
    """One job in a worker."""
    return job, fault_cells.play(*job)


def shown(value: float | None) -> str:
    """A worst figure for the table."""
    return "-" if value is None else f"{value:g}"


def worst(runs: list[dict[str, Any]], bar: str) -> float | None:
    """The largest figure of these runs; None when one has none."""
    values = [seen[bar] for seen in runs]
    return None if None in values else max(values)


def group_row(group: str, cells: list[tuple[dict[str, Any], list[dict[str, Any]]]]) -> dict[str, Any]:
    """The figure of one kind of fault: its worst time to heater-off, or to the last drop where heat goes on."""
    bar = "dose_ms" if any(fault_cells.goes_on(cell) and "dose_ms" in cell for cell, _ in cells) else "off_ms"
    judged = [(cell, runs) for cell, runs in cells if bar in cell]
    gaps = sorted({cell["known_gap"] for cell, _ in cells if "known_gap" in cell})
    values = [worst(runs, bar) for _, runs in judged]
    value = "not noticed" if not values or None in values else max(value for value in values if value is not None)
    bars = sorted({cell[bar] for cell, _ in judged})
    what = "last drop" if bar == "dose_ms" else "last half-cycle"
    count = sum(len(runs) for _, runs in cells)
    context = f"fault to {what}, worst of {count} runs of {len(cells)} cells" + "".join(f"; gap: {gap}" for gap in gaps)
    holds = not any(seen["misses"] for _, runs in cells for seen in runs)
    limit = f"<= {'-'.join(str(each) for each in bars)}" if bars else "noticed"
    name = f"faults/{group.lower().replace(' ', '_')}"
    return results.row(name, value, "" if isinstance(value, str) else "ms", limit, holds, context, JUDGES)


def rows_of(played: list[tuple[dict[str, Any], list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """All figure rows: one for each group with a bar on time, the count of cells, and the hottest wall."""
    groups: dict[str, list[tuple[dict[str, Any], list[dict[str, Any]]]]] = {}
    for cell, runs in played:
        groups.setdefault(cell["group"], []).append((cell, runs))
    timed = [
        group
        for group, cells in groups.items()
        if any({"off_ms", "dose_ms"} & set(c) or "known_gap" in c for c, _ in cells)
    ]
    rows = [group_row(group, groups[group]) for group in timed]
    met = sum(not any(seen["misses"] for seen in runs) for _, runs in played)
    hottest = max(seen["wall_c"] for _, runs in played for seen in runs)
    context = "fault, mode, state and plant; each with several seeds on both interpreters; the rest are known gaps"
    rows.append(results.row("faults/cells_met", met, "", f"all {len(played)}", met == len(played), context, JUDGES))
    context = "true wall after the fault, in every cell, known gaps included"
    rows.append(
        results.row("faults/hottest_wall", round(hottest, 1), "degC", "<= 140", hottest <= 140, context, JUDGES)
    )
    return rows


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description="Play the fault matrix.")
    parser.add_argument("--only", default="", help="cells whose name contains this; writes no results")
    arguments = parser.parse_args()
    cells = [cell for cell in fault_cells.load() if arguments.only in fault_cells.name_of(cell)]
    jobs: list[Job] = [(cell, seed, which) for cell in cells for seed in cell["seeds"] for which in INTERPRETERS]
    seen: dict[str, list[dict[str, Any]]] = {}
    wrong = 0
    with multiprocessing.Pool(2) as pool:
        for (cell, seed, which), found in pool.imap(run, jobs, chunksize=4):
            name = fault_cells.name_of(cell)
            seen.setdefault(name, []).append(found)
            verdict = fault_cells.verdict(cell, found)
            if verdict:
                wrong += 1
                print(f"WRONG {name} seed {seed} {which}: {verdict}")
    print(f"{'cell':64}{'off ms':>8}{'relay':>8}{'seen':>8}{'dose':>8}{'wall':>7}")
    for cell in cells:
        name = fault_cells.name_of(cell)
        figures = "".join(f"{shown(worst(seen[name], bar)):>8}" for bar in fault_cells.BARS[:4])
        print(f"{name:64}{figures}{shown(worst(seen[name], 'wall_c')):>9}{'  gap' if 'known_gap' in cell else ''}")
    played = [(cell, seen[fault_cells.name_of(cell)]) for cell in cells]
    if not arguments.only:
        results.write("faults", rows_of(played))
    print(f"{len(jobs) - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
