# SPDX-License-Identifier: Apache-2.0
"""No attack of the list is accepted: a slice of it here, the whole list by `make figures`."""

import re
from collections import Counter
from pathlib import Path

import pytest
import update_bench as bench
from attack_list import CUT, KINDS, Attack, Cut, Target, attacks

from podsteam_twin.powercut import cut_everywhere

PACKAGES = bench.load(str(Path(__file__).with_name("packages.json")))
LIST = attacks(PACKAGES)
FEW = [attack for attack in LIST if attack.kind in CUT]


def test_a_slice_of_the_list_is_refused_and_the_right_package_is_taken_afterwards() -> None:
    target = Target(PACKAGES)
    some = [attack for i, attack in enumerate(LIST) if i % 61 == 0 or attack.kind in KINDS.keys() - {*CUT}]
    for attack in some[::40] + FEW[::5]:
        assert not target.accepts(attack), attack.label
    assert target.takes_the_right_one()


def test_the_control_is_accepted() -> None:
    """What tells an attack from the right package is the package alone."""
    assert Target(PACKAGES).accepts(Attack("none", "the right one", PACKAGES["new"]))


@pytest.mark.parametrize("label", ["files 0 and 2", "other key", "signature new, manifest new, files newer"])
def test_a_power_cut_in_the_middle_does_not_help(label: str) -> None:
    attack = next(each for each in LIST if each.label == label)
    outcome = cut_everywhere(Cut(PACKAGES, attack), 1, 3).figures()
    assert (outcome["lost"], outcome["unbootable"]) == (0, 0), outcome["examples"]
    assert outcome["cuts"] > 5


def test_the_page_publishes_the_list_and_its_counts(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "docs" / "update.md").read_text(encoding="utf-8")
    told = {kind: int(count.replace(",", "")) for kind, count in re.findall(r"^\| ([\w ]+) \| ([\d,]+) \|", page, re.M)}
    assert told == dict(Counter(attack.kind for attack in LIST))
