# SPDX-License-Identifier: Apache-2.0
"""The safety figures at length: `python tests/safety/safety_run.py [SECTION ...] [--hours 1000] [--brief] [--jobs 2]`.

Sections are the modules beside this one; all of them without an argument. Prints what was measured and puts it into
`tests/results/safety.json`; `--brief` tries little of each and writes nothing. Exit status 1 when a bar is missed.
"""

import argparse
import importlib
import multiprocessing
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("safety", "faults", "scenarios", "alone")]
sys.path[:0] = [str(ROOT / "tools")]

import results  # noqa: E402

SECTIONS = ("reactions", "held", "dry", "controls", "lines", "oom", "resets", "clocks", "false_trips")


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure the safety figures.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--hours", type=int, default=1000, help="simulated hours of false_trips (1000)")
    parser.add_argument("--first", type=int, default=1, help="seed of false_trips' first unit (1)")
    parser.add_argument("--brief", action="store_true", help="a little of each; writes no results")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no such section: {unknown[0]}; there are: {', '.join(SECTIONS)}")
    missed = 0
    with multiprocessing.Pool(arguments.jobs) as pool:
        for name in arguments.sections or SECTIONS:
            section: Any = importlib.import_module(name)
            more = {"hours": arguments.hours, "first": arguments.first} if name == "false_trips" else {}
            rows = section.figures(pool.imap_unordered, arguments.brief, **more)
            for each in rows:
                missed += not each["holds"]
                mark = "    " if each["holds"] else "MISS"
                value = f"{each['value']} {each['unit']}".strip()
                print(f"{mark} {each['name']}: {value} ({each['bar']}); {each['context']}", flush=True)
            if not arguments.brief:
                results.write("safety", rows)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
