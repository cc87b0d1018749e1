# SPDX-License-Identifier: Apache-2.0
"""Every power cut, on both interpreters, with the controls; the result goes into `tests/results/powercut.json`.

    PYTHONPATH=tools:tests/firmware python tests/powercut/run_all.py [PROCESSES]

`make fuzz` runs it. Takes some minutes of two cores. The exit status is 1 when a figure misses its
bar, or the code changed meanwhile.
"""

import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cut_controls import CONTROLS, FAT_CONTROLS
from cut_runs import INTERPRETERS, Job, cut_all
from cut_scenarios import SCENARIOS

import results
from podsteam_twin.powercut import Tally

LEAST = 250_000
JUDGES = (
    "firmware/podsteam_firmware/dose/book.py",
    "firmware/podsteam_firmware/podlet",
    "firmware/podsteam_firmware/store",
    "firmware/podsteam_loader/choose.py",
    "firmware/podsteam_loader/record.py",
    "firmware/podsteam_firmware/hal/esp32_files.py",
    "hw/podsteam_twin/files.py",
    "hw/podsteam_twin/flash.py",
    "hw/podsteam_twin/littlefs_port.py",
    "hw/podsteam_twin/nfc",
    "hw/podsteam_twin/powercut.py",
    "hw/podsteam_twin/tears.py",
    "tests/powercut",
)


def jobs() -> Iterator[tuple[str, list[Job]]]:
    """(interpreter, jobs of one process), the long ones first."""
    for name, entry in SCENARIOS.items():
        # Each interpreter has seeds of its own, but for a tag, where the seed is the state that it starts from.
        for number, interpreter in enumerate(INTERPRETERS):
            if entry.only not in ("", interpreter):
                continue
            first = 0 if name == "tag" else 1000 * number
            seeds = range(first, first + entry.seeds)
            half = (entry.seeds + 1) // 2
            for part in (seeds[:half], seeds[half:]):
                yield interpreter, [(name, seed, 1, entry.second) for seed in part]
    yield "cpython", [(name, 1, 1, 0) for name in CONTROLS]
    yield "micropython", [(name, 1, 1, 0) for name in (*CONTROLS, *FAT_CONTROLS)]


def share(figures: dict[str, Any]) -> str:
    """How many cuts a control did not survive."""
    return f"{figures['lost'] + figures['unbootable']:,} of {figures['cuts']:,}"


def main() -> int:
    """Run, print, write; returns the exit status."""
    beside = shutil.which("micropython", path=str(Path(sys.executable).parent)) or shutil.which("micropython")
    if beside is None:
        print("power cuts: the real MicroPython is not installed", file=sys.stderr)
        return 1
    begun_with = results.judged(JUDGES)
    tallies: dict[tuple[str, str], Tally] = {}
    with ThreadPoolExecutor(int(sys.argv[1]) if len(sys.argv) > 1 else 2) as pool:
        running = [(each[0], pool.submit(cut_all, *each, beside)) for each in jobs()]
        for interpreter, done in running:
            for outcome in done.result():
                tallies.setdefault((outcome["name"], interpreter), Tally()).add(outcome)
    detail = {
        name: {i: tallies[name, i].figures() for i in INTERPRETERS if (name, i) in tallies}
        for name in (*SCENARIOS, *CONTROLS, *FAT_CONTROLS)
    }
    for name, found in detail.items():
        for interpreter, figures in found.items():
            print(f"{name}, {interpreter}: {figures}")
    if results.judged(JUDGES) != begun_with:
        print("power cuts: the code that is judged has changed during the run; nothing was written", file=sys.stderr)
        return 1
    rows = [stores_row(detail), controls_row(detail), doses_row(detail)]
    results.write("powercut", rows)
    for row in rows:
        print(f"{row['name']}: {row['value']} {row['unit']}, {row['bar']}: {'holds' if row['holds'] else 'MISSED'}")
    return 0 if all(row["holds"] for row in rows) else 1


def stores_row(detail: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """The figure `hil/powercuts`, with the counts of every scenario."""
    stores = {name: detail[name] for name in SCENARIOS}
    total = {key: 0 for key in ("cuts", "second_cuts", "lost", "unbootable")}
    for found in stores.values():
        for figures in found.values():
            for key in total:
                total[key] += figures[key]
    cuts = total["cuts"] + total["second_cuts"]
    holds = cuts >= LEAST and total["lost"] == total["unbootable"] == 0
    context = (
        f"{total['lost']} acknowledged records lost, {total['unbootable']} unbootable; {total['second_cuts']:,} of the "
        f"cuts hit a recovery; {', '.join(stores)}; both interpreters, each torn 1 to 5 ways"
    )
    row = results.row("hil/powercuts", cuts, "cuts", f">= {LEAST:,}, 0 lost", holds, context, JUDGES)
    return row | {"detail": stores}


def doses_row(detail: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """The figure `dose/powercut`: the stores that a dose stands in, and the control that writes in place."""
    found = [figures for name in ("doses", "ledger", "tag") for figures in detail[name].values()]
    total = {key: sum(each[key] for each in found) for key in ("cuts", "second_cuts", "lost", "unbootable")}
    cuts = total["cuts"] + total["second_cuts"]
    holds = cuts >= LEAST and total["lost"] == total["unbootable"] == 0
    context = (
        f"{total['lost']} acknowledged records lost or doses given twice, {total['unbootable']} unreadable; ledger, "
        f"book and tag, {total['second_cuts']:,} of the cuts in a recovery; controls: a ring written in place loses "
        f"{share(detail['counter ring without CRC']['cpython'])}, a tag with one slot "
        f"{share(detail['tag with one slot, no CRC']['cpython'])}"
    )
    return results.row("dose/powercut", cuts, "cuts", f">= {LEAST:,}, 0 lost", holds, context, JUDGES)


def controls_row(detail: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """The figure `hil/powercut_controls`: how many of the ways to store that must fail do."""
    controls = {name: detail[name] for name in (*CONTROLS, *FAT_CONTROLS)}
    failing = sum(all(each["lost"] + each["unbootable"] for each in found.values()) for found in controls.values())
    context = "cuts not survived: " + ", ".join(
        f"{name} {share(found['micropython'])}" for name, found in controls.items()
    )
    bar = f"all {len(controls)} fail"
    row = results.row("hil/powercut_controls", failing, "", bar, failing == len(controls), context, JUDGES)
    return row | {"detail": controls}


if __name__ == "__main__":
    sys.exit(main())
