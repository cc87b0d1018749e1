# SPDX-License-Identifier: Apache-2.0
"""The test of the safety relay: when it runs, what it shows, and that no heat begins without it."""

import pytest

from podsteam_firmware.safety.weld import Weld


class Bench:
    """The test with a loop that sends its burst and a relay that opens or does not."""

    def __init__(self) -> None:
        self.weld = Weld()
        self.wanted = False
        self.mains = True
        self.welded = False
        self.bursts: list[int] = []
        self.failed = False
        self.sends = True
        self.closed = False

    def tick(self, counted: int = 0) -> None:
        weld = self.weld
        self.failed = weld.step(self.wanted, self.closed, self.mains, counted) or self.failed
        self.closed = self.wanted and weld.passed
        if weld.testing and self.sends:
            self.bursts.append(weld.pattern())

    def run(self, ticks: int) -> Weld:
        for _ in range(ticks):
            self.tick()
        return self.weld


def test_at_the_start_it_runs_at_once_and_takes_a_quarter_of_a_second() -> None:
    bench = Bench()
    assert (bench.weld.testing, bench.weld.passed, bench.weld.detail) == (False, False, 0)
    for _ in range(5):
        bench.tick()
        assert bench.weld.testing and not bench.weld.passed
    bench.tick()
    assert not bench.weld.testing
    assert bench.weld.passed
    assert bench.bursts == [1, 0, 0, 0, 0]
    bench.run(1000)
    assert len(bench.bursts) == 5
    assert not bench.failed


def test_before_heat_it_runs_again_and_the_relay_waits_for_it() -> None:
    bench = Bench()
    bench.run(100)
    bench.wanted = True
    for _ in range(5):
        bench.tick()
        assert bench.weld.testing and not bench.weld.passed
    assert bench.run(1).passed
    assert bench.bursts == [1, 0, 0, 0, 0] * 2
    bench.run(1000)
    assert len(bench.bursts) == 10


def test_after_heat_it_waits_until_the_relay_is_surely_open() -> None:
    bench = Bench()
    bench.wanted = True
    bench.run(100)
    assert bench.weld.passed
    bench.wanted = False
    # The tick after the last heartbeat, and 300 ms.
    for _ in range(6):
        bench.tick()
        assert not bench.weld.testing
    bench.tick()
    assert bench.weld.testing and not bench.weld.passed
    assert bench.run(5).passed
    assert len(bench.bursts) == 10


def test_heat_that_is_wanted_again_at_once_waits_for_the_test() -> None:
    bench = Bench()
    bench.wanted = True
    bench.run(100)
    bench.wanted = False
    bench.run(2)
    bench.wanted = True
    for _ in range(4):
        assert not bench.run(1).passed
        assert not bench.weld.testing
    for _ in range(5):
        assert bench.run(1).testing
    assert bench.run(1).passed


def test_heat_that_is_wanted_while_it_runs_takes_that_test() -> None:
    bench = Bench()
    bench.run(3)
    bench.wanted = True
    bench.run(3)
    assert bench.weld.passed
    assert bench.bursts == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("halves", [1, 2])
def test_current_in_the_test_is_a_welded_relay(at: int, halves: int) -> None:
    bench = Bench()
    bench.run(1 + at)
    assert not bench.failed
    bench.tick(halves)
    assert bench.failed
    assert (bench.weld.testing, bench.weld.passed, bench.weld.detail) == (False, False, halves)


def test_after_a_failed_test_the_next_one_begins_with_nothing_counted() -> None:
    bench = Bench()
    bench.tick()
    bench.tick(2)
    assert (bench.failed, bench.weld.detail) == (True, 2)
    bench.weld.stop()
    bench.failed = False
    assert bench.run(6).passed
    assert (bench.failed, bench.weld.detail) == (False, 0)


def test_current_before_or_after_the_test_is_not_its_business() -> None:
    bench = Bench()
    bench.tick(5)
    bench.run(5)
    bench.tick(5)
    assert not bench.failed
    assert bench.weld.passed
    bench.wanted = True
    bench.run(6)
    assert bench.weld.passed and bench.weld.detail == 0


def test_without_mains_there_is_no_test_and_no_heat() -> None:
    bench = Bench()
    bench.mains = False
    bench.wanted = True
    assert not bench.run(100).passed
    assert bench.bursts == []
    bench.mains = True
    assert bench.run(6).passed


def test_a_burst_that_nobody_sent_proves_nothing() -> None:
    bench = Bench()
    bench.sends = False
    assert not bench.run(200).passed
    bench.sends = True
    assert bench.run(12).passed


def test_a_fault_stops_it_and_it_runs_before_the_next_heat() -> None:
    bench = Bench()
    bench.run(3)
    bench.weld.stop()
    assert (bench.weld.testing, bench.weld.passed) == (False, False)
    assert bench.run(6).passed
    bench.weld.stop()
    assert not bench.weld.passed
    assert bench.run(1).testing


def test_the_relay_counts_as_open_after_six_ticks() -> None:
    weld = Weld()
    weld.step(True, True, True, 0)
    for _ in range(5):
        weld.step(False, False, True, 0)
        assert not weld.testing
    weld.step(False, True, True, 0)
    for _ in range(5):
        weld.step(False, False, True, 0)
        assert not weld.testing
    weld.step(False, False, True, 0)
    assert weld.testing
