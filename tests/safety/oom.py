# SPDX-License-Identifier: Apache-2.0
"""Memory runs out: the session that is played for it, each of its ticks with the heap locked, and heaps too small.

In a locked heap the smallest allocation raises. Either it changes nothing, or the firmware is stopped and the heater
is off.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from published import Mapped, Rows, row

import alone
from podsteam.wire import messages as w
from podsteam_protocol import frame
from podsteam_twin import launch

SECONDS = 60
PLANT = {
    **{"element_w": 600.0, "mains_v": 250.0, "element_j_k": 15.0, "element_wall_w_k": 40.0, "wall_j_k": 60.0},
    **{"water_g": 9.0, "area_m2": 0.003, "dry_g": 4.8, "start_c": 40.0, "wall_lag_s": 0.8, "water_lag_s": 1.5},
}
"""A small boiler that is still warm: a whole session fits into a minute."""
PROGRAM = w.Program(
    name=b"minute".ljust(16, b"\0"),
    hold_cdeg=5700,
    hold_s=1,
    warm_up_max_s=300,
    steam1_mg_min=4000,
    steam1_s=10,
    dose_first_s=2,
    dose_every_s=5,
    dose_count=2,
    end_cdeg=9500,
)
OFF_MS = 1000


def script() -> dict[str, Any]:
    """What hand and host do in that minute, for `oom_checks`."""
    messages = (
        w.HelloRequest(1, w.MAJOR, w.MINOR),
        w.ProgramPutRequest(PROGRAM.pack()),
        w.ProgramDefaultRequest(PROGRAM.name),
        w.TeleSubRequest(500),
    )
    acts: list[tuple[int, Any]] = [
        (200_000 * (i + 1), frame.encode(message.ID, i + 1, message.pack()).hex()) for i, message in enumerate(messages)
    ]
    acts += [(1_500_000, {"do": "press"})]
    acts += [(9_000_000 * i, frame.encode(w.StatusGetRequest.ID, 20 + i, b"").hex()) for i in range(1, 7)]
    options = {"seed": 1, "podlet": "demo", "unix_s": 0, "plant": PLANT, "firmware_hash": "00" * 8}
    return {"options": options, "acts": sorted(acts, key=lambda act: act[0]), "end_us": SECONDS * 1_000_000}


def locked(
    micropython: str, folder: Path, what: str, first: int, step: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The healthy session, and what came of those in which tick `first`, `first + step` ... found the heap locked.
    `what`: `tick`, or `turn` for the whole turn of the loop that it stands in."""
    path = folder / f"{what}{first}.json"
    path.write_text(json.dumps(script()), encoding="utf-8")
    checks = Path(__file__).with_name("oom_checks.py")
    command = [micropython, "-X", "heapsize=24m", str(checks), str(path), what, str(first), str(step)]
    env = {"MICROPYPATH": ":".join(launch.import_path())}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    healthy, *rest = [json.loads(line) for line in done.stdout.splitlines()]
    return healthy, rest


def verdict(healthy: dict[str, Any], seen: dict[str, Any]) -> str:
    """What is wrong with a session whose tick found the heap locked; empty: nothing."""
    if not seen["stopped"]:
        return "" if seen["digest"] == healthy["digest"] else "another trace"
    if not seen["heating"]:
        return ""
    if seen["heats"] or seen["off_ms"] > OFF_MS:
        return f"heater off after {seen['off_ms']} ms"
    return "" if seen["latched"] else "off, but not latched"


def heap_sweep(micropython: str, compiled: Path, recording: Path, sizes: list[int]) -> dict[int, str]:
    """What becomes of a recorded session in heaps of so many KiB: `whole`, or `stopped` by its MemoryError. Anything
    else is told in words: the firmware went on, other than it had."""
    found: dict[int, str] = {}
    for size in sizes:
        try:
            alone.replay(micropython, compiled, recording, f"{size}k")
            found[size] = "whole"
        except alone.HeapTooSmall:
            found[size] = "stopped"
        except (AssertionError, subprocess.TimeoutExpired) as error:
            found[size] = str(error).strip().rpartition("\n")[2]
    return found


def _micropython() -> str:
    return str(Path(sys.executable).with_name("micropython"))


def _locked(job: tuple[str, int, int]) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    what, first, step = job
    with tempfile.TemporaryDirectory() as folder:
        return what, *locked(_micropython(), Path(folder), what, first, step)


def figures(mapped: Mapped, brief: bool) -> Rows:
    """The heap locked in each tick in turn, and heaps that are too small."""
    parts = 1 if brief else 24
    jobs = [(what, first, 400 if brief else parts) for what in ("tick", "turn") for first in range(parts)]
    found: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {"tick": [], "turn": []}
    for what, healthy, seen in mapped(_locked, jobs):
        found[what].extend((healthy, each) for each in seen)
    return [*(_row(what, each) for what, each in found.items()), _heaps(brief)]


def _row(what: str, seen: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    verdicts = Counter(verdict(healthy, each) for healthy, each in seen)
    regimes = {regime for healthy, _ in seen for regime in healthy["regimes"]}
    same = sum(not each["stopped"] for _, each in seen)
    off = max((each["off_ms"] for _, each in seen if each["stopped"]), default=0)
    meant = "each tick in turn" if what == "tick" else "each tick in turn, with all of its turn of the loop"
    context = (
        f"heap locked for {meant}, of a {SECONDS} s session through {len(regimes)} regimes on MicroPython; {same} of "
        f"{len(seen)} give the same trace, in the others a heater that was on is off {off} ms after the MemoryError"
    )
    context += "".join(f"; {why} in {number}" for why, number in sorted(verdicts.items()) if why)
    share = round(100 * verdicts[""] / len(seen), 1)
    return row(__name__, f"safety/oom_{what}", share, "%", "100 %", verdicts[""] == len(seen), context)


def _heaps(brief: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        compiled = Path(name) / "app"
        compiled.mkdir()
        alone.compile_device_files(compiled)
        recording = Path(name) / "session.bin"
        alone.record(recording, 3, [*alone.INFO, *alone.SCRIPT])
        sizes = list(range(48, 400, 64 if brief else 8))
        seen = heap_sweep(_micropython(), compiled, recording, sizes)
    odd = [f"{size} KiB: {what}" for size, what in seen.items() if what not in ("whole", "stopped")]
    whole = min((size for size, what in seen.items() if what == "whole"), default=0)
    context = (
        f"{len(sizes)} heaps of {sizes[0]} to {sizes[-1]} KiB: the whole session from {whole} KiB on; in the "
        f"smaller ones a MemoryError ends the firmware, and until then it does what it should"
    )
    return row(
        __name__,
        "safety/oom_heaps",
        len(odd),
        "",
        "0 others",
        not odd,
        context + "".join(f"; {each}" for each in odd[:3]),
    )
