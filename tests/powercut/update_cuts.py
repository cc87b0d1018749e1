# SPDX-License-Identifier: Apache-2.0
"""Cut updates and print what came out, one JSON line for each seed; the same on both interpreters.

update_cuts.py PACKAGES FIRST LAST EVERY SECOND       seeds FIRST to LAST - 1; seed -1: the control
"""

import json
import sys

import update_bench as bench
from cut_updates import InPlace, UpdateScenario

from podsteam_twin.powercut import cut_everywhere


def main(path: str, *numbers: str) -> None:
    packages = bench.load(path)
    first, last, every, second = [int(number) for number in numbers]
    for seed in range(first, last):
        scenario = InPlace(packages) if seed < 0 else UpdateScenario(packages)
        # The control has an empty second slot, so that only the one it writes over is left.
        figures = cut_everywhere(scenario, seed if seed >= 0 else 1, every, second).figures()
        figures["seed"] = seed
        print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
