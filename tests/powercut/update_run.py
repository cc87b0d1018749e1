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
    (control,) = cut("cpython", micropython, -1, 0, 1, 0)
    total = {key: sum(o[key] for o in outcomes) for key in ("cuts", "second_cuts", "lost", "unbootable")}
    cuts = total["cuts"] + total["second_cuts"]
    bricks = total["lost"] + total["unbootable"]
    context = (
        f"{bricks} bricks or mixtures; {total['second_cuts']:,} of the cuts hit a recovery; install, trial, "
        "confirmation, failed trial and revert, each torn 1 to 5 ways, on both interpreters; the control, which writes "
        f"over the running slot, bricks at {control['lost'] + control['unbootable']} of {control['cuts']}"
    )
    holds = cuts >= LEAST and not bricks and control["lost"] + control["unbootable"] > 0
    row = results.row("update/powercut", cuts, "cuts", f">= {LEAST:,}, 0 bricks", holds, context, JUDGES)
    results.write("update", [row | {"detail": {"total": total, "control": control}}])
    print(f"{row['name']}: {row['value']} {row['unit']}, {row['bar']}: {'holds' if row['holds'] else 'MISSED'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
