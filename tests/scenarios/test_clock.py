# SPDX-License-Identifier: Apache-2.0
"""A host tells the device the time: what it takes, keeps and forgets, and what becomes of a podlet's date."""

import pytest
from bench import Bench, Refused

from podsteam.wire import messages as w

DAY_S = 86_400
BEFORE = 20_460 * DAY_S
LONG_AFTER = 24_000 * DAY_S
"""The demo podlets' dates lie between them, or before both."""


def opened(interpreter: str = "cpython", **options: object) -> Bench:
    bench = Bench(interpreter, **options)
    bench.run(3)
    bench.hello()
    return bench


def ask(bench: Bench, unix_s: int = 0) -> w.ClockReply:
    reply = bench.ask(w.ClockRequest(unix_s))
    assert isinstance(reply, w.ClockReply)
    return reply


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_a_device_without_a_battery_clock_is_told(interpreter: str, micropython: str) -> None:
    bench = opened(interpreter)
    assert ask(bench) == w.ClockReply(0, w.ClockValue.NONE, 0, 0)
    assert ask(bench, BEFORE) == w.ClockReply(BEFORE, w.ClockValue.HOST, 20_460, 0)
    bench.run(10)
    assert ask(bench).unix_s - BEFORE in (10, 11)
    bench.control("reset")
    bench.run(3)
    bench.hello()
    assert ask(bench) == w.ClockReply(0, w.ClockValue.NONE, 20_460, 0), "the day stays known, the time does not"
    bench.close()


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_a_battery_clock_is_set_and_outlives_a_start(interpreter: str, micropython: str) -> None:
    bench = opened(interpreter, unix_s=BEFORE)
    assert bench.hello().caps & w.CapBits.CLOCK
    assert ask(bench).source == w.ClockValue.BATTERY
    assert ask(bench, BEFORE + 1000).unix_s == BEFORE + 1000
    bench.control("reset")
    bench.run(3)
    bench.hello()
    assert 1000 < ask(bench).unix_s - BEFORE < 1010
    bench.close()


@pytest.mark.parametrize("unix_s", [1, BEFORE - 10 * DAY_S, 47_482 * DAY_S, 0xFFFFFFFF])
def test_nonsense_is_refused(unix_s: int) -> None:
    bench = opened()
    with pytest.raises(Refused, match="OUT_OF_RANGE"):
        ask(bench, unix_s)
    assert ask(bench).source == w.ClockValue.NONE
    bench.close()


def test_it_is_set_at_rest_only() -> None:
    bench = opened()
    bench.start()
    with pytest.raises(Refused, match="BUSY_SESSION"):
        ask(bench, BEFORE)
    assert ask(bench).unix_s == 0
    bench.close()


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_a_podlet_is_judged_again_and_no_clock_makes_it_good_again(interpreter: str, micropython: str) -> None:
    bench = opened(interpreter, podlet="expired")
    assert bench.ask(w.PodletGetRequest()).note == 210
    ask(bench, LONG_AFTER)
    assert bench.ask(w.PodletGetRequest()).state == w.PodletValue.EXPIRED
    back = ask(bench, BEFORE)
    assert (back.unix_s, back.newest_day, w.CODES[back.note].name) == (BEFORE, 24_000, "CLOCK_BACK")
    assert bench.saw(w.EventValue.STORE, back.note)
    assert bench.ask(w.PodletGetRequest()).state == w.PodletValue.EXPIRED
    bench.control("reset")
    bench.run(3)
    bench.hello()
    assert ask(bench).newest_day == 24_000
    assert bench.ask(w.PodletGetRequest()).state == w.PodletValue.EXPIRED
    bench.close()
