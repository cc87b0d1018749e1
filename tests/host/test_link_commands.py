# SPDX-License-Identifier: Apache-2.0
"""`podsteam link`: figures of the line at hand."""

import json

import pytest
from calls import call


def test_stats_tell_what_the_line_did(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "--port", "sim", "link", "stats", "--json")
    found = json.loads(done.out)
    assert done.status == 0 and found["repeated"] == 0 and found["requests"] == 21
    assert (
        0 < found["round_trip_ms"]["least"] <= found["round_trip_ms"]["middle"] <= found["round_trip_ms"]["most"] < 100
    )


def test_bench_measures_both_ways_and_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "--port", "sim", "link", "bench")
    assert done.status == 0
    rates = [int(line.split()[1]) for line in done.out.splitlines()[:2]]
    assert all(8_000 < rate < 11_520 for rate in rates), done.out
