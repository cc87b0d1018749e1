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
    for most, least, expected in ((0, 8_000, 115_200), (230_400, 13_000, 230_400), (None, 20_000, 921_600)):
        options = () if most is None else ("--baud", str(most))
        done = call(capsys, "--port", "sim", "link", "bench", "--json", *options)
        assert done.status == 0
        found = json.loads(done.out)
        assert found["baud"] == expected
        assert least < found["push_bytes_per_s"] < expected / 10
        assert least < found["pull_bytes_per_s"] < expected / 10


def test_bench_says_the_rate(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "--port", "sim", "link", "bench")
    assert done.out.splitlines()[0].split() == ["Rate", "921600", "baud"]
