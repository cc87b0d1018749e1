# SPDX-License-Identifier: Apache-2.0
"""Cut scenarios and print what came out, one JSON line for each; the same on both interpreters.

    cuts.py NAME SEED EVERY SECOND [NAME SEED EVERY SECOND ...]

NAME is one of `cut_scenarios` or `cut_controls`; the rest as for `powercut.cut_everywhere`.
"""

import json
import sys
import time

from cut_controls import HERE
from cut_scenarios import SCENARIOS

from podsteam_twin.powercut import cut_everywhere


def now_s() -> float:
    return time.ticks_ms() / 1000 if hasattr(time, "ticks_ms") else time.perf_counter()


def cut(name: str, seed: int, every: int = 1, second: int = 0):
    """The figures of one scenario or control, with its name, seed and time."""
    begin = now_s()
    scenario = SCENARIOS[name].scenario if name in SCENARIOS else HERE[name]
    figures = cut_everywhere(scenario, seed, every, second).figures()
    figures["name"] = name
    figures["seed"] = seed
    figures["s"] = round(now_s() - begin, 2)
    return figures


def main(words: list[str]) -> None:
    for i in range(0, len(words), 4):
        seed, every, second = [int(word) for word in words[i + 1 : i + 4]]
        print(json.dumps(cut(words[i], seed, every, second)))


if __name__ == "__main__":
    main(sys.argv[1:])
