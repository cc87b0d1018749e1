# SPDX-License-Identifier: Apache-2.0
"""Every power cut of an update, on both interpreters, with the control; goes into `tests/results/update.json`.

    PYTHONPATH=tools:tests/update python tests/powercut/update_run.py [SEEDS]

SEEDS (of each interpreter; 24 when left out) decides how long it takes: a minute of a core for each. The exit
status is 1 when a figure misses its bar.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from podsteam_twin.launch import import_path

HERE = Path(__file__).parent
PACKAGES = HERE.parent / "update" / "packages.json"
LEAST = 250_000
SECOND = 9
JUDGES = (
    "firmware/podsteam_firmware/store/update.py",
    "firmware/podsteam_firmware/store/slots.py",
    "firmware/podsteam_loader/choose.py",
    "firmware/podsteam_loader/record.py",
    "hw/podsteam_twin/files.py",
    "hw/podsteam_twin/loading.py",
    "hw/podsteam_twin/powercut.py",
    "hw/podsteam_twin/tears.py",
    "tests/powercut/cut_updates.py",
)


def cut(interpreter: str, micropython: str, first: int, last: int, every: int, second: int) -> list[dict[str, Any]]:
    """The figures of each seed."""
    folders = [*import_path(), str(HERE), str(HERE.parent / "update")]
    environment = {**os.environ, "MICROPYPATH": os.pathsep.join(folders), "PYTHONPATH": os.pathsep.join(folders)}
    command = [sys.executable] if interpreter == "cpython" else [micropython, "-X", "heapsize=24m"]
    words = [str(PACKAGES), *(str(number) for number in (first, last, every, second))]
    done = subprocess.run(
        [*command, str(HERE / "update_cuts.py"), *words], stdout=subprocess.PIPE, text=True, check=True, env=environment
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> int:
    """Run, print, write; returns the exit status."""
    import results

    micropython = shutil.which("micropython", path=str(Path(sys.executable).parent)) or shutil.which("micropython")
    if micropython is None:
        print("update cuts: the real MicroPython is not installed", file=sys.stderr)
        return 1
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(cut, interpreter, micropython, seed, seed + 1, 1, SECOND)
            for seed in range(seeds)
            for interpreter in ("cpython", "micropython")
        ]
        outcomes = [outcome for job in jobs for outcome in job.result()]
    (control,) = in_place(micropython)
    total = {key: sum(o[key] for o in outcomes) for key in ("cuts", "second_cuts", "lost", "unbootable")}
    cuts = total["cuts"] + total["second_cuts"]
    bricks = total["lost"] + total["unbootable"]
    bricked = control["lost"] + control["unbootable"]
    context = (
        f"{bricks} bricks or mixtures; {total['second_cuts']:,} of the cuts hit a recovery; install, trial, "
        "confirmation, failed trial and revert, each torn 1 to 5 ways, on both interpreters; the control, which writes "
        f"over the running slot, bricks at {bricked} of {control['cuts']}"
    )
    holds = cuts >= LEAST and not bricks and bricked > 0
    row = results.row("update/powercut", cuts, "cuts", f">= {LEAST:,}, 0 bricks", holds, context, JUDGES)
    rows = [row | {"detail": {"total": total}}, control_row(control)]
    results.write("update", rows)
    for row in rows:
        print(f"{row['name']}: {row['value']} {row['unit']}, {row['bar']}: {'holds' if row['holds'] else 'MISSED'}")
    return 0 if all(row["holds"] for row in rows) else 1


def in_place(micropython: str) -> list[dict[str, Any]]:
    """The figures of the control: the new application written over the one that runs."""
    return cut("cpython", micropython, -1, 0, 1, 0)


def control_row(control: dict[str, Any]) -> dict[str, Any]:
    """The figure `update/in_place`: what the same cuts do to a unit whose running slot is written over."""
    import results

    bricked = control["lost"] + control["unbootable"]
    share = round(100 * bricked / control["cuts"], 1)
    context = (
        f"control: cuts after which a unit whose running slot is written over starts nothing, or a mixture; "
        f"{bricked} of {control['cuts']}, each operation torn 1 to 5 ways"
    )
    row = results.row("update/in_place", share, "%", "> 0", bricked > 0, context, JUDGES)
    return row | {"detail": control}


if __name__ == "__main__":
    sys.exit(main())
