# SPDX-License-Identifier: Apache-2.0
"""No power cut loses what was acknowledged or leaves a device that does not start; ways to store that must fail do.

A slice of what `make fuzz` runs, on both interpreters, which must agree cut for cut.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cut_controls import CONTROLS, FAT_CONTROLS, HERE
from cut_runs import INTERPRETERS, Job, cut_all
from cut_scenarios import SCENARIOS

BOTH = [name for name, entry in SCENARIOS.items() if not entry.only]


def jobs(interpreter: str) -> list[Job]:
    stores = [(n, 1, e.every, e.second) for n, e in SCENARIOS.items() if e.only in ("", interpreter)]
    controls = [*CONTROLS, *(FAT_CONTROLS if interpreter == "micropython" else ())]
    return [*stores, *((name, 1, 1, 0) for name in controls)]


Outcomes = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def outcomes(micropython: str) -> Outcomes:
    with ThreadPoolExecutor(2) as pool:
        running = [(each, pool.submit(cut_all, each, jobs(each), micropython)) for each in INTERPRETERS]
    return {(each, outcome["name"]): outcome for each, done in running for outcome in done.result()}


@pytest.mark.parametrize(
    ("name", "interpreter"),
    [(name, each) for name, entry in SCENARIOS.items() for each in INTERPRETERS if entry.only in ("", each)],
)
def test_nothing_acknowledged_is_lost_and_all_start(name: str, interpreter: str, outcomes: Outcomes) -> None:
    outcome = outcomes[interpreter, name]
    assert (outcome["lost"], outcome["unbootable"]) == (0, 0), outcome["examples"]
    assert outcome["operations"] > 20 and outcome["cuts"] > 50 and outcome["second_cuts"] > 20


@pytest.mark.parametrize("name", [*BOTH, *CONTROLS])
def test_both_interpreters_agree(name: str, outcomes: Outcomes) -> None:
    here, there = ({**outcomes[interpreter, name], "s": 0} for interpreter in INTERPRETERS)
    assert here == there


@pytest.mark.parametrize("name", [*CONTROLS, *FAT_CONTROLS])
def test_a_store_that_must_fail_does(name: str, outcomes: Outcomes) -> None:
    outcome = outcomes["micropython", name]
    assert outcome["lost"] + outcome["unbootable"] > outcome["cuts"] // 20


def test_fat_is_run_where_it_is() -> None:
    assert not set(FAT_CONTROLS) & set(HERE)
