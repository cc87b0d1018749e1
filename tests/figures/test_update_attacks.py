# SPDX-License-Identifier: Apache-2.0
"""The whole list of attacks on an update, most kinds of them across power cuts too: none may succeed."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import update_bench as bench
from attack_list import CUT, Cut, Target, attacks

from podsteam_twin.powercut import cut_everywhere

Record = Callable[[str, float, str, str, bool, str], None]
PACKAGES = bench.load(str(Path(__file__).parents[1] / "update" / "packages.json"))
EVERY = 200
"""Of the flipped and the truncated packages, one in so many is cut too."""


def test_update_attacks(record_figure: Record) -> None:
    listed = attacks(PACKAGES)
    target = Target(PACKAGES)
    accepted = [attack for attack in listed if target.accepts(attack)]
    across = [attack for i, attack in enumerate(listed) if attack.kind in (*CUT, "other digest") or i % EVERY == 0]
    cuts = bad = 0
    for attack in across:
        outcome = cut_everywhere(Cut(PACKAGES, attack), 1).figures()
        cuts += outcome["cuts"]
        bad += outcome["lost"] + outcome["unbootable"]
    counted = ", ".join(f"{count:,} {kind}" for kind, count in Counter(each.kind for each in listed).items())
    context = (
        f"accepted of {len(listed):,} attacks ({counted}), {bad} after {cuts:,} power cuts in {len(across)} of them; "
        "the list: tests/update/attack_list.py"
    )
    record_figure("update/attacks", len(accepted) + bad, "accepted", "0", not accepted and not bad, context)
