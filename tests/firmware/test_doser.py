# SPDX-License-Identifier: Apache-2.0
"""The doser: schedule, interlocks, caps, the tag before the pulse, coil sense, and that no dose is ever given twice."""

from collections.abc import Callable
from pathlib import Path

import dose_checks
import pytest
from dose_bench import TICK_MS, DoseBench, FakeBook
from effort import tries
from hypothesis import given
from hypothesis import strategies as st
from podlet_bench import Bench

from podsteam_firmware.dose.engine import Doser
from podsteam_firmware.podlet import reader as rd
from podsteam_firmware.podlet.record import Record
from podsteam_firmware.signals import Inputs
from podsteam_protocol import messages as m
from podsteam_twin import podlets

INTENT = m.EVENT_DOSE_INTENT
RESULT = m.EVENT_DOSE_RESULT
REFUSED = m.EVENT_DOSE_REFUSED
REDUCED = m.EVENT_DOSE_REDUCED
WANTED = m.EVENT_DOSE_WANTED
IDLE, WAITING, WRITING, READY, PULSING = range(5)


def started(first_s: int = 2, every_s: int = 12, count: int = 3, volume_nl: int = 0) -> DoseBench:
    bench = DoseBench()
    bench.doser.start(first_s, every_s, count, volume_nl, 7, 20_500)
    return bench


def pulsing(bench: DoseBench) -> bool:
    return bench.doser.state == PULSING


# Schedule -------------------------------------------------------------------------------------------------------


def test_a_whole_schedule() -> None:
    bench = started()
    bench.run(40)
    assert bench.sink.all() == [
        (INTENT, 50_000, 1),
        (RESULT, m.DOSE_GIVEN, 50_000),
        (INTENT, 50_000, 2),
        (RESULT, m.DOSE_GIVEN, 50_000),
        (INTENT, 50_000, 3),
        (RESULT, m.DOSE_GIVEN, 50_000),
    ]
    doser = bench.doser
    assert (doser.doses, doser.dosed_nl, doser.state, doser.fault, doser.reason) == (3, 150_000, IDLE, 0, 0)
    assert bench.pulse_us == 103_000
    assert bench.pulse_count == bench.reader.writes == 3


def test_times_of_the_shots() -> None:
    bench = started(first_s=5, every_s=12)
    times = []
    for _ in range(40_000 // TICK_MS):
        before = bench.pulse_count
        at_s = bench.steam_ms / 1000
        bench.tick()
        if bench.pulse_count > before:
            times.append(at_s)
    assert len(times) == 3
    for wanted, at_s in zip((5, 17, 29), times, strict=True):
        assert wanted <= at_s <= wanted + 0.3


def test_time_without_steam_does_not_count() -> None:
    bench = started(first_s=5)
    bench.run(3)
    bench.steam_ok = False
    bench.run(60)
    assert bench.sink.all() == []
    bench.steam_ok = True
    bench.run(1.9)
    assert bench.pulse_count == 0
    bench.run(0.5)
    assert bench.pulse_count == 1


def test_the_tag_is_written_before_the_pulse() -> None:
    bench = started()
    bench.reader.write_ticks = 7
    bench.run_until(lambda b: b.doser.state == WRITING)
    for _ in range(7):
        assert bench.pulse_count == 0
        bench.tick()
    assert bench.reader.write_state == rd.WRITE_DONE
    assert (bench.reader.noted_no, bench.reader.noted_nl) == (1, 50_000)
    bench.run(0.1)
    assert bench.pulse_count == 1


def test_no_schedule_no_shot() -> None:
    bench = DoseBench()
    bench.run(30)
    bench.doser.start(0, 10, 0, 0)
    bench.run(30)
    assert bench.sink.all() == []
    assert bench.pulse_count == 0


# Interlocks -----------------------------------------------------------------------------------------------------


def spoil(bench: DoseBench, what: str) -> None:
    if what == "allow":
        bench.allow = False
    elif what == "latch":
        bench.inputs.latch_closed = False
    elif what == "steam":
        bench.steam_ok = False
    elif what == "cold":
        bench.outlet_cdeg = 2999
    elif what == "hot":
        bench.outlet_cdeg = 6001
    elif what == "podlet":
        bench.reader.state = m.PODLET_READING


REASONS = {
    "allow": m.DOSE_NOT_CONTENT,
    "latch": m.DOSE_LATCH_OPEN,
    "steam": m.DOSE_NO_STEAM,
    "cold": m.DOSE_OUTLET_COLD,
    "hot": m.DOSE_OUTLET_HOT,
    "podlet": m.DOSE_NO_PODLET,
}


def mend(bench: DoseBench) -> None:
    bench.allow = bench.steam_ok = bench.inputs.latch_closed = True
    bench.outlet_cdeg = 4500
    bench.reader.state = m.PODLET_GUEST


@pytest.mark.parametrize("what", REASONS)
def test_a_refused_shot_waits_for_its_window_then_is_left_out(what: str) -> None:
    bench = started(first_s=2, every_s=30, count=2)
    bench.run(1.9)
    spoil(bench, what)
    bench.steam_ms = 2000
    bench.run(9.9)
    assert bench.sink.all() == []
    bench.run(0.3)
    assert bench.sink.all() == [(REFUSED, REASONS[what], 50_000)]
    assert bench.doser.reason == REASONS[what]
    mend(bench)
    bench.run(10)
    assert bench.pulse_count == 0
    bench.run(30)
    assert bench.pulse_count == 1


@pytest.mark.parametrize("what", REASONS)
def test_a_refused_shot_comes_when_conditions_do(what: str) -> None:
    bench = started(count=1)
    spoil(bench, what)
    bench.steam_ms = 2000
    bench.run(8)
    assert bench.pulse_count == 0
    mend(bench)
    bench.run(1)
    assert bench.sink.all() == [(INTENT, 50_000, 1), (RESULT, m.DOSE_GIVEN, 50_000)]


@pytest.mark.parametrize("what", ["allow", "latch", "steam", "cold", "hot"])
def test_conditions_are_judged_again_after_the_write(what: str) -> None:
    bench = started(count=1)
    bench.reader.write_ticks = 5
    bench.run_until(lambda b: b.doser.state == WRITING)
    spoil(bench, what)
    bench.run(11)
    assert bench.pulse_count == 0
    assert bench.sink.all() == [(REFUSED, REASONS[what], 50_000)]
    assert bench.doser.dosed_nl == 0
    assert bench.reader.doses_used == 1, "counted on the tag, and not given"


def test_the_outlet_window_includes_its_ends() -> None:
    for outlet_cdeg, shots in ((2999, 0), (3000, 1), (6000, 1), (6001, 0)):
        bench = started(count=1)
        bench.outlet_cdeg = outlet_cdeg
        bench.run(5)
        assert bench.pulse_count == shots


@pytest.mark.parametrize("state", [m.PODLET_UNREADABLE, m.PODLET_EXPIRED, m.PODLET_READING, m.PODLET_ABSENT])
def test_only_a_usable_podlet_is_dosed(state: int) -> None:
    bench = started(every_s=15)
    bench.reader.state = state
    bench.run(60)
    assert bench.sink.all() == [(REFUSED, m.DOSE_NO_PODLET, 50_000)] * 3


def test_signed_is_usable() -> None:
    bench = started()
    bench.reader.state = m.PODLET_SIGNED
    bench.run(5)
    assert bench.pulse_count == 1


def test_an_empty_podlet_ends_dosing() -> None:
    bench = started()
    bench.reader.doses_left = 2
    bench.run(60)
    assert [event for event, _, _ in bench.sink.all()] == [INTENT, RESULT, INTENT, RESULT, REFUSED]
    assert bench.sink.all()[-1] == (REFUSED, m.DOSE_EMPTY, 50_000)
    assert bench.doser.state == IDLE


# Caps -----------------------------------------------------------------------------------------------------------


def test_a_reduced_shot_says_why() -> None:
    bench = started(count=1, volume_nl=80_000)
    bench.run(5)
    assert bench.sink.all()[:3] == [
        (WANTED, 80_000, 1 << m.DOSE_SHOT_CAP),
        (REDUCED, m.DOSE_SHOT_CAP, 50_000),
        (INTENT, 50_000, 1),
    ]
    assert bench.reader.noted_nl == 50_000


def test_a_smaller_wish_is_not_reduced() -> None:
    bench = started(count=1, volume_nl=20_000)
    bench.run(5)
    assert bench.sink.all()[0] == (INTENT, 20_000, 1)
    assert bench.pulse_us == 43_000


def test_the_session_cap_reduces_then_ends() -> None:
    bench = started(count=5)
    bench.reader.session_cap_nl = 120_000
    bench.run(120)
    assert bench.sink.all()[4:] == [
        (WANTED, 50_000, 1 << m.DOSE_SESSION_CAP),
        (REDUCED, m.DOSE_SESSION_CAP, 20_000),
        (INTENT, 20_000, 3),
        (RESULT, m.DOSE_GIVEN, 20_000),
        (REFUSED, m.DOSE_SESSION_CAP, 50_000),
    ]
    assert bench.doser.dosed_nl == 120_000
    assert bench.doser.state == IDLE


def test_the_interval_of_the_podlet_holds() -> None:
    """Wanted every 8 s, allowed every 15 s: late shots, or left out, but never too soon."""
    bench = started(first_s=1, every_s=8, count=6)
    bench.reader.min_interval_s = 15
    shots = []
    for _ in range(120_000 // TICK_MS):
        before = bench.pulse_count
        bench.tick()
        if bench.pulse_count > before:
            shots.append(bench.now_ms)
    assert len(shots) >= 3
    assert all(b - a >= 15_000 for a, b in zip(shots, shots[1:], strict=False))
    assert (REFUSED, m.DOSE_INTERVAL, 50_000) in bench.sink.all()


def test_the_interval_holds_across_sessions() -> None:
    bench = started(first_s=0, count=1)
    bench.run(1)
    assert bench.pulse_count == 1
    bench.doser.stop()
    bench.steam_ms = 0
    bench.doser.start(0, 10, 1, 0)
    bench.run(8)
    assert bench.pulse_count == 1
    bench.run(3)
    assert bench.pulse_count == 2
    assert bench.doser.dosed_nl == 50_000


# The podlet goes ------------------------------------------------------------------------------------------------


def test_removal_ends_dosing_at_once() -> None:
    bench = started()
    bench.run(5)
    bench.reader.remove()
    bench.tick()
    assert bench.doser.state == IDLE
    assert bench.sink.all()[-1] == (REFUSED, m.DOSE_NO_PODLET, 50_000)
    bench.reader.present = True
    bench.reader.state = m.PODLET_GUEST
    bench.run(60)
    assert bench.pulse_count == 1


def test_a_swap_ends_dosing_at_once() -> None:
    bench = started()
    bench.run(5)
    bench.reader.insertion += 1
    bench.run(60)
    assert bench.pulse_count == 1
    assert bench.sink.all()[-1] == (REFUSED, m.DOSE_NO_PODLET, 50_000)


def test_removal_while_writing_gives_no_shot() -> None:
    bench = started()
    bench.reader.write_ticks = 5
    bench.run_until(lambda b: b.doser.state == WRITING)
    bench.tick()
    bench.reader.remove()
    bench.run(60)
    assert bench.pulse_count == 0
    assert bench.sink.all() == [(REFUSED, m.DOSE_NO_PODLET, 50_000)]


def test_removal_cuts_the_pulse() -> None:
    bench = started()
    bench.reader.flow_nl_ms = 60
    bench.run_until(pulsing)
    bench.tick()
    bench.reader.remove()
    bench.tick()
    assert bench.cuts == 1
    assert bench.sink.all()[1] == (RESULT, m.DOSE_ASSUMED, 50_000)
    bench.tick()
    assert bench.doser.state == IDLE


def test_a_podlet_may_come_after_the_start() -> None:
    bench = DoseBench()
    bench.reader.present = False
    bench.reader.state = m.PODLET_ABSENT
    bench.doser.start(1, 12, 2, 0)
    bench.run(5)
    bench.reader.present = True
    bench.reader.insertion += 1
    bench.reader.state = m.PODLET_GUEST
    bench.run(20)
    assert bench.pulse_count == 2


def test_the_reader_is_told_that_it_is_in_use() -> None:
    bench = started(count=1)
    assert bench.reader.in_use
    bench.run(10)
    assert bench.doser.state == IDLE
    assert bench.reader.in_use
    bench.doser.stop()
    assert not bench.reader.in_use


# The tag does not take it ---------------------------------------------------------------------------------------


def test_a_failed_write_is_tried_again_with_the_same_number() -> None:
    bench = started(count=1)
    bench.reader.fail_writes = 2
    bench.run(5)
    assert bench.sink.all() == [(INTENT, 50_000, 1), (RESULT, m.DOSE_GIVEN, 50_000)]
    assert bench.reader.writes == 3


def test_a_tag_that_takes_nothing_gets_no_shot() -> None:
    bench = started(every_s=20, count=2)
    bench.reader.fail_writes = 100
    bench.run(60)
    assert bench.pulse_count == 0
    assert bench.sink.all() == [(REFUSED, m.DOSE_TAG_WRITE, 50_000)] * 2
    assert bench.reader.writes == 6


def test_a_write_that_never_ends_is_left() -> None:
    bench = started(every_s=20, count=2)
    bench.reader.write_ticks = 10**6
    bench.run(60)
    assert bench.pulse_count == 0
    assert bench.sink.all() == [(REFUSED, m.DOSE_TAG_WRITE, 50_000)] * 2


# Pulse and coil -------------------------------------------------------------------------------------------------


def test_an_open_coil() -> None:
    bench = started()
    bench.coil_works = False
    bench.run(60)
    assert bench.sink.all() == [(INTENT, 50_000, 1), (RESULT, m.DOSE_ASSUMED, 50_000)]
    assert bench.doser.fault == m.CODE_VALVE_OPEN_COIL
    assert (bench.doser.doses, bench.doser.dosed_nl) == (1, 50_000)
    assert bench.doser.state == IDLE
    bench.doser.start(0, 10, 1, 0)
    assert bench.doser.fault == 0


def test_a_coil_that_stays_on_after_a_pulse() -> None:
    bench = started()
    bench.run_until(pulsing)
    bench.coil_stuck = True
    bench.run(1)
    assert bench.doser.fault == m.CODE_VALVE_STUCK_ON
    assert bench.sink.all()[-1] == (RESULT, m.DOSE_ASSUMED, 50_000)
    assert bench.cuts > 0
    assert bench.doser.state == IDLE


def test_a_coil_that_is_on_without_a_session() -> None:
    bench = DoseBench()
    bench.coil_stuck = True
    bench.run(0.1)
    assert bench.doser.fault == 0
    bench.run(0.1)
    assert bench.doser.fault == m.CODE_VALVE_STUCK_ON
    assert bench.doser.valve_off


def test_pulses_that_were_not_commanded() -> None:
    bench = started()
    bench.run_until(pulsing)
    bench.inputs.coil_pulses += 1
    bench.run(1)
    assert bench.doser.fault == m.CODE_VALVE_STUCK_ON
    assert bench.sink.all()[-1] == (RESULT, m.DOSE_ASSUMED, 50_000)


def test_the_pulse_counter_wraps() -> None:
    bench = started(count=1)
    bench.inputs.coil_pulses = 0x3FFFFFFF
    bench.run(10)
    assert bench.sink.all()[-1] == (RESULT, m.DOSE_GIVEN, 50_000)


@pytest.mark.parametrize("what", ["allow", "latch", "stop"])
def test_what_cuts_a_pulse(what: str) -> None:
    bench = started(count=1)
    bench.reader.flow_nl_ms = 60
    bench.run_until(pulsing)
    bench.run(0.2)
    assert bench.cuts == 0
    if what == "stop":
        bench.doser.stop()
    else:
        spoil(bench, what)
    bench.tick()
    assert bench.cuts == 1
    bench.tick()
    assert bench.cuts == 1
    assert not bench.doser.valve_off
    assert bench.sink.all() == [(INTENT, 50_000, 1), (RESULT, m.DOSE_ASSUMED, 50_000)]
    assert (bench.doser.doses, bench.doser.dosed_nl) == (1, 50_000)


def test_losing_steam_does_not_cut_a_pulse() -> None:
    bench = started(count=1)
    bench.reader.flow_nl_ms = 60
    bench.run_until(pulsing)
    bench.steam_ok = False
    bench.run(2)
    assert bench.cuts == 0
    assert bench.sink.all()[-1] == (RESULT, m.DOSE_GIVEN, 50_000)


@pytest.mark.parametrize("state", [WAITING, WRITING, READY])
def test_stop_before_the_pulse_gives_no_shot(state: int) -> None:
    bench = started()
    bench.run_until(lambda b: b.doser.state == state)
    bench.doser.stop()
    bench.run(60)
    assert bench.pulse_count == 0
    assert bench.sink.all() == []


# Any sequence ---------------------------------------------------------------------------------------------------

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["start", "stop", *REASONS, "mend", "remove", "insert", "swap", "fail", "coil", "slow"]),
        st.integers(1, 400),
    ),
    max_size=25,
)


@tries(150)
@given(ACTIONS, st.integers(0, 0x3FFFFFFF))
def test_no_sequence_breaks_the_rules(actions: list[tuple[str, int]], start_ms: int) -> None:
    """Each pulse has its own intent and its own count on the tag, each intent its result; caps and intervals hold."""
    bench = DoseBench(start_ms)
    reader = bench.reader
    last_shot_tick = -(10**6)
    tick = 0
    session_nl = 0
    for what, ticks_long in [("start", 1), *actions]:
        if what == "start":
            bench.doser.start(0, 3, 50, 0)
            bench.steam_ms = 0
            session_nl = 0
        elif what == "stop":
            bench.doser.stop()
        elif what == "mend":
            mend(bench) if reader.present else None
        elif what == "remove":
            reader.remove()
        elif what in ("insert", "swap"):
            fresh = DoseBench().reader
            for name in (
                "dose_nl",
                "session_cap_nl",
                "min_interval_s",
                "outlet_min_cdeg",
                "outlet_max_cdeg",
                "flow_nl_ms",
            ):
                setattr(reader, name, getattr(fresh, name))
            reader.insertion += 1
            reader.present = True
            reader.doses_used, reader.doses_left = (3, 4)
            reader.state = m.PODLET_GUEST
        elif what == "fail":
            reader.fail_writes = ticks_long % 5
        elif what == "coil":
            bench.coil_works = not bench.coil_works
        elif what == "slow":
            reader.write_ticks = ticks_long
        elif what != "podlet" or reader.present:
            spoil(bench, what)
        for _ in range(ticks_long):
            before, used = bench.pulse_count, reader.doses_used
            noted = reader.noted_no
            conditions = (
                bench.allow and bench.steam_ok and bench.inputs.latch_closed and 3000 <= bench.outlet_cdeg <= 6000
            )
            bench.tick()
            tick += 1
            if bench.pulse_count > before:
                assert conditions
                assert reader.present
                assert used == noted
                assert tick - last_shot_tick >= 10_000 // TICK_MS
                last_shot_tick = tick
                session_nl += bench.doser._nl
        assert bench.doser.dosed_nl == session_nl <= 500_000
    bench.doser.stop()
    events = bench.sink.all()
    intents = [e for e in events if e[0] == INTENT]
    results = [e for e in events if e[0] == RESULT]
    assert len(intents) == len(results) == bench.pulse_count
    assert reader.writes >= bench.pulse_count
    pairs = [event for event, _, _ in events if event in (INTENT, RESULT)]
    assert pairs == [INTENT, RESULT] * len(intents)


# The book -------------------------------------------------------------------------------------------------------


def test_each_shot_is_taken_down_before_and_after_its_pulse() -> None:
    bench = started()
    bench.run_until(lambda b: b.doser.pulse_us > 0)
    assert (bench.book.intents, bench.book.results) == (1, 0)
    bench.run(40)
    assert (bench.book.intents, bench.book.results, bench.pulse_count) == (3, 3, 3)


def test_a_full_book_refuses_a_shot_before_the_tag_counts_it() -> None:
    bench = started(count=1)
    bench.book.full = True
    bench.run(20)
    assert bench.sink.all() == [(REFUSED, m.DOSE_NOT_RECORDED, 50_000)]
    assert bench.pulse_count == bench.reader.writes == bench.doser.dosed_nl == 0


def test_no_pulse_without_the_intent_in_the_book() -> None:
    bench = started(count=2)
    bench.book.failing = True
    bench.run_until(lambda b: b.sink.count == 1)
    assert bench.sink.all() == [(REFUSED, m.DOSE_NOT_RECORDED, 50_000)]
    assert bench.pulse_count == bench.doser.doses == bench.doser.caps.session_nl == 0
    bench.book.failing = False
    bench.run(20)
    assert bench.pulse_count == bench.doser.doses == 1


# With the real reader -------------------------------------------------------------------------------------------


def test_with_the_reader_and_a_tag() -> None:
    """Three shots through the real driver, the simulated chip and a tag; then the podlet is pulled out."""
    tag = podlets.build({3: "B1", 5: 50_000, 6: 20, 8: 10, 11: 500})
    bench = Bench(tag)
    bench.run(1000)
    sink = DoseBench().sink
    doser = Doser(bench.reader, sink, FakeBook())
    inputs = Inputs()
    inputs.latch_closed = True
    doser.start(1, 12, 9, 0, 4, 20_600)
    start_us = bench.t_us

    def run(s: float) -> None:
        for _ in range(int(s * 20)):
            doser.steam_s = (bench.t_us - start_us) // 1_000_000
            doser.outlet_cdeg = 4500
            doser.steam_ok = True
            doser.step(bench.now_ms(), inputs, True)
            if doser.pulse_us:
                data = bytearray(tag.image())
                record = Record()
                assert record.parse(data, len(data))
                assert record.doses_used == doser.doses
                inputs.coil_pulses += 1
            bench.run(50)

    run(30)
    assert [(e, a) for e, a, _ in sink.all()] == [(INTENT, 50_000), (RESULT, m.DOSE_GIVEN)] * 3
    assert bench.reader.record.last_session == 4
    bench.place(None)
    run(0.75)
    assert doser.state == IDLE
    assert sink.all()[-1][:2] == (REFUSED, m.DOSE_NO_PODLET)
    assert bench.reader.state == m.PODLET_REMOVED


# Both interpreters ----------------------------------------------------------------------------------------------


def test_on_micropython(run_micropython: Callable[..., str]) -> None:
    hw = Path(__file__).parents[2] / "hw"
    assert run_micropython(Path(dose_checks.__file__), path=(hw,)).splitlines() == dose_checks.report()
