# SPDX-License-Identifier: Apache-2.0
"""Fuzzing by target, with a budget: `python tests/fuzz/fuzz_run.py TARGET [--count N | --seconds S] [--seed S]`.

Work goes in chunks, each with a seed of its own, one after the other from `--seed`; the seed of a chunk that fails is
printed, and `--seed THAT --count 1CHUNK` plays it again. `--record` writes the figures to `tests/results/fuzz.json`.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
sys.path[:0] = [
    str(HERE),
    *(str(ROOT / "tests" / name) for name in ("protocol", "firmware", "dose")),
    str(ROOT / "tools"),
]

import dose_life  # noqa: E402
import frame_fuzz  # noqa: E402
import fuzz_checks  # noqa: E402
import malicious  # noqa: E402
import program_fuzz  # noqa: E402
import request_fuzz  # noqa: E402
import tag_fuzz  # noqa: E402

import results  # noqa: E402
from podsteam_twin.launch import import_path  # noqa: E402


class Failed(Exception):
    """A chunk failed; the text says how."""


def on_micropython(script: Path, seed: int, count: int) -> tuple[int, ...]:
    """What a script of checks prints under the real MicroPython. Raises Failed."""
    path = os.pathsep.join([str(script.parent), str(HERE), str(ROOT / "tests" / "firmware"), *import_path()])
    run = "import sys, micropython; sys.argv[0] = 'micropython'; sys.exit(micropython.main())"
    command = [sys.executable, "-c", run, "-X", "heapsize=8m", str(script), str(seed), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MICROPYPATH": path}, check=False)
    if done.returncode:
        raise Failed(f"on MicroPython: {done.stdout}{done.stderr}")
    return tuple(map(int, done.stdout.split()))


def segments(seed: int, count: int, interpreter: str) -> int:
    """Hostile segments: none may pass for a frame that nobody sent."""
    here = interpreter == "cpython"
    seen = frame_fuzz.hostile_segments(seed, count) if here else on_micropython(HERE / "frame_fuzz.py", seed, count)
    if seen[1]:
        raise Failed(f"{seen[1]} segments were taken for frames")
    return count


def line(seed: int, count: int, interpreter: str) -> int:
    """A line that damages every third frame: the sound ones come through, nothing else does."""
    script = Path(fuzz_checks.__file__)
    here = interpreter == "cpython"
    seen = fuzz_checks.damaged_line(seed, count) if here else on_micropython(script, seed, count)
    if seen[1] or seen[2]:
        raise Failed(f"{seen[1]} frames lost, {seen[2]} invented")
    return count


def tags(seed: int, count: int, interpreter: str) -> int:
    """Hostile tags: no exception, no limit broken, time bounded."""
    here = interpreter == "cpython"
    seen = tag_fuzz.hostile_tags(seed, count) if here else on_micropython(HERE / "tag_fuzz.py", seed, count)
    if seen[1] or seen[2] > tag_fuzz.MOST_PAIRS:
        raise Failed(f"{seen[1]} broke a limit; {seen[2]} pairs at most")
    return count


def requests(seed: int, count: int, interpreter: str) -> int:
    """Lives of a unit under a hostile host, `count` steps each. Returns the requests, each answered."""
    return request_fuzz.live(seed, interpreter, count).requests


def by_plan(seed: int, count: int, interpreter: str) -> int:
    """Lives of a unit under a host that says everything in every state, `count` steps each."""
    return malicious.live(seed, interpreter, count).requests


def programs(seed: int, count: int, interpreter: str) -> int:
    """Hostile program files."""
    return sum(program_fuzz.hostile_programs(seed, count))


def doses(seed: int, count: int, interpreter: str) -> int:
    """Lives of the doser against a reference ledger, `count` steps each."""
    here = interpreter == "cpython"
    seen = dose_life.drive(seed, count) if here else on_micropython(Path(dose_life.__file__), seed, count)
    if not seen[0]:
        raise Failed("no shot was given")
    return count


BOTH = ("cpython", "micropython")
FRAME = ("protocol/podsteam_protocol/frame.py",)
TAG = ("firmware/podsteam_firmware/podlet",)
DOSE = ("firmware/podsteam_firmware/dose", "firmware/podsteam_firmware/store/ledger.py", "tests/dose/dose_life.py")
UNIT = ("firmware/podsteam_firmware", "protocol/podsteam_protocol")
PROGRAM = ("host/podsteam/program.py", "firmware/podsteam_firmware/session/program.py")
Target = tuple[Callable[[int, int, str], int], int, tuple[str, ...], str, tuple[str, ...]]
TARGETS: dict[str, Target] = {
    "segments": (segments, 500_000, BOTH, "hostile segments; 0 taken for a frame, 0 uncaught", FRAME),
    "line": (line, 50_000, BOTH, "frames over a damaged line; 0 sound ones lost, 0 invented", FRAME),
    "tags": (tags, 50_000, BOTH, "hostile tag images; 0 uncaught, 0 limits broken", TAG),
    "requests": (requests, 150, BOTH, "requests to a living unit in any state; all answered, all limits held", UNIT),
    "malicious": (
        by_plan,
        2_000,
        BOTH,
        "each request x state x field at its edges; all answered, all limits held",
        UNIT,
    ),
    "doses": (doses, 2_000, BOTH, "steps of the doser against a reference ledger; 0 rules broken", DOSE),
    "programs": (programs, 5_000, ("cpython",), "hostile program files; 0 uncaught", PROGRAM),
}
"""Target to (what to do, size of a chunk, interpreters, what is counted, what is judged)."""


def fuzz(target: str, interpreter: str, count: int, seconds: float, seed: int) -> int:
    """Run chunks until `count` cases or `seconds` are through; returns the cases. Raises SystemExit when one fails."""
    function, chunk = TARGETS[target][:2]
    started = time.monotonic()
    done = 0
    while done < count and time.monotonic() - started < seconds:
        try:
            done += function(seed, min(chunk, count), interpreter)
        except Exception as error:
            again = f"fuzz_run.py {target} --interpreter {interpreter} --seed {seed} --count {min(chunk, count)}"
            raise SystemExit(
                f"{target}, {interpreter}, seed {seed}: {error}\nagain: python tests/fuzz/{again}"
            ) from error
        seed += 1
    print(f"{target} on {interpreter}: {done:,} in {time.monotonic() - started:.0f} s, next seed {seed}")
    return done


def main() -> int:
    """Returns the exit status; raises SystemExit with the seed when a chunk fails."""
    parser = argparse.ArgumentParser(description="Fuzz one target.")
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--count", type=int, default=1 << 60, help="cases on each interpreter")
    parser.add_argument("--seconds", type=float, default=1e9, help="time on each interpreter")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--interpreter", choices=("cpython", "micropython"), action="append")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    if arguments.count == 1 << 60 and arguments.seconds == 1e9:
        parser.error("give --count or --seconds")
    context, judges = TARGETS[arguments.target][3:]
    total = 0
    for interpreter in arguments.interpreter or TARGETS[arguments.target][2]:
        if interpreter == "micropython" and importlib.util.find_spec("micropython_module") is None:
            print(f"{arguments.target}: no MicroPython for this platform")
            continue
        done = fuzz(arguments.target, interpreter, arguments.count, arguments.seconds, arguments.seed)
        total += done
        if arguments.record:
            name = f"fuzz/{arguments.target}_{interpreter}"
            results.write("fuzz", [results.row(name, done, "", "0 failures", True, context, judges)])
    if arguments.record and arguments.target == "malicious":
        context = f"steps, both interpreters together; {TARGETS['malicious'][3]}"
        holds = total >= 1_000_000
        results.write("fuzz", [results.row("link/malicious", total, "", ">= 1,000,000", holds, context, judges)])
    if arguments.record and arguments.target == "doses":
        holds = total >= 1_000_000
        rules = "every cap, the ledger, the interlocks, no dose twice; seeded bugs are found by tests/dose"
        rows = [
            results.row("dose/steps", total, "", ">= 1,000,000", holds, "both interpreters together", judges),
            results.row("dose/violations", 0, "", "0", True, f"a run with one ends there; {rules}", judges),
        ]
        results.write("fuzz", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
