# SPDX-License-Identifier: Apache-2.0
"""The doser to the millisecond and the tick: when a pulse is judged, a shot left out, a coil called stuck, and what a
new start takes over from the session before."""

import pytest
from dose_bench import MASK, DoseBench
from podlet_bench import Bench

from podsteam_firmware.dose.engine import Doser
from podsteam_firmware.podlet import reader as rd
from podsteam_protocol import messages as m
from podsteam_twin import podlets

INTENT = m.EVENT_DOSE_INTENT
RESULT = m.EVENT_DOSE_RESULT
REFUSED = m.EVENT_DOSE_REFUSED
IDLE, WAITING, WRITING, READY, PULSING = range(5)
HOUR_MS = 3_600_000


def step(bench: DoseBench, now_ms: int, steam_s: int = 0) -> Doser:
    """One step of the doser at exactly this time; the tag has taken its count meanwhile."""
    for _ in range(bench.reader.write_ticks):
        bench.reader.tick()
    doser = bench.doser
    doser.steam_s = steam_s
    doser.outlet_cdeg = bench.outlet_cdeg
    doser.steam_ok = bench.steam_ok
    doser.step(now_ms & MASK, bench.inputs, bench.allow)
    if doser.pulse_us:
        bench.inputs.coil_pulses += 1
    return doser


def shot(bench: DoseBench, now_ms: int, steam_s: int = 0) -> int:
    """Due, written, ready: the pulse begins at `now_ms`. Returns its width, us."""
    for state in (WRITING, READY, PULSING):
        assert step(bench, now_ms, steam_s).state == state
    return bench.doser.pulse_us


def started(count: int = 1, first_s: int = 0, every_s: int = 30, volume_nl: int = 0) -> DoseBench:
    bench = DoseBench()
    bench.doser.start(first_s, every_s, count, volume_nl)
    return bench


# Before anything ------------------------------------------------------------------------------------------------


def test_a_new_doser_wants_nothing_and_has_given_nothing() -> None:
    doser = DoseBench().doser
    assert (doser.state, doser.pulse_us, doser.valve_off) == (IDLE, 0, False)
    assert (doser.doses, doser.dosed_nl, doser.reason, doser.fault) == (0, 0, 0, 0)
    assert (doser.steam_s, doser.outlet_cdeg, doser.steam_ok) == (0, 0, False), "no steam until it was verified"


def test_no_step_makes_a_new_attribute() -> None:
    """It would take memory in the tick: all are there from the beginning."""
    bench = DoseBench()
    parts = (bench.doser, bench.doser.caps, bench.doser.caps.window)
    before = [set(vars(part)) for part in parts]
    bench.doser.start(0, 12, 3, 80_000)
    bench.run(5)
    bench.outlet_cdeg = 0
    bench.run(30)
    bench.doser.stop()
    bench.tick()
    assert len({event for event, _, _ in bench.sink.all()}) == 5, "given, reduced and left out"
    assert [set(vars(part)) for part in parts] == before


# The pulse ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start_ms", [0, 123_457, MASK - 20], ids=["from 0", "odd", "over the wrap"])
@pytest.mark.parametrize(
    ("flow", "volume_nl", "width_us"),
    [
        pytest.param(500, 50_000, 103_000, id="a common pulse"),
        pytest.param(1000, 499, 3_499, id="a short one, in whole ms"),
        pytest.param(10, 9_970, 1_000_000, id="the longest"),
    ],
)
def test_a_pulse_is_judged_once_50_ms_after_its_end_are_over(
    start_ms: int, flow: int, volume_nl: int, width_us: int
) -> None:
    bench = started(volume_nl=volume_nl)
    bench.reader.flow_nl_ms = flow
    assert shot(bench, start_ms) == width_us
    end_ms = start_ms + width_us // 1000 + 50
    for now_ms, state in ((start_ms + 1, PULSING), (end_ms, PULSING), (end_ms + 1, IDLE)):
        assert step(bench, now_ms).state == state
    assert bench.sink.all() == [(INTENT, volume_nl, 1), (RESULT, m.DOSE_GIVEN, volume_nl)]


# A shot that is due ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("due_ms", [0, MASK - 5_000], ids=["from 0", "over the wrap"])
@pytest.mark.parametrize(
    ("later_ms", "steam_s", "left_out"),
    [
        pytest.param(0, 5, False, id="just due"),
        pytest.param(9_999, 5, False, id="just within 10 s"),
        pytest.param(10_000, 5, True, id="10 s, without steam"),
        pytest.param(0, 14, False, id="9 s of steam"),
        pytest.param(0, 15, True, id="10 s of steam"),
        pytest.param(9_999, 14, False, id="just within both"),
    ],
)
def test_a_due_shot_is_left_out_after_10_s(due_ms: int, later_ms: int, steam_s: int, left_out: bool) -> None:
    bench = started(2, first_s=5)
    bench.outlet_cdeg = 0
    assert step(bench, due_ms, 5).state == WAITING
    step(bench, due_ms + later_ms, steam_s)
    assert bench.sink.all() == [(REFUSED, m.DOSE_OUTLET_COLD, 50_000)] * left_out


@pytest.mark.parametrize(("steam_s", "state"), [(4, WAITING), (5, WRITING)])
def test_a_shot_is_due_from_its_second_on(steam_s: int, state: int) -> None:
    assert step(started(first_s=5), 0, steam_s).state == state


@pytest.mark.parametrize(
    ("state", "reason", "ends"),
    [
        pytest.param(m.PODLET_ABSENT, m.DOSE_NO_PODLET, False, id="no podlet"),
        pytest.param(m.PODLET_REMOVED, m.DOSE_NO_PODLET, False, id="the last state that has no reason of its own"),
        pytest.param(m.PODLET_EXHAUSTED, m.DOSE_EMPTY, True, id="empty"),
        pytest.param(m.PODLET_ALLERGEN, m.DOSE_ALLERGEN, True, id="allergen"),
        pytest.param(m.PODLET_RECALLED, m.DOSE_RECALLED, True, id="recalled"),
    ],
)
def test_a_podlets_state_as_a_reason_and_whether_it_ends_the_schedule(state: int, reason: int, ends: bool) -> None:
    bench = started(2)
    bench.reader.state = state
    assert step(bench, 0).state == (IDLE if ends else WAITING)
    assert bench.sink.all() == [(REFUSED, reason, 50_000)] * ends
    step(bench, 10_000)
    assert bench.sink.all() == [(REFUSED, reason, 50_000)], "reported once, now or after its 10 s"
    assert bench.pulse_count == 0


@pytest.mark.parametrize(
    ("cap", "reason"),
    [
        pytest.param("day", m.DOSE_DAY_CAP, id="the day is full"),
        pytest.param("session", m.DOSE_SESSION_CAP, id="the podlet's session is full"),
        pytest.param("hard", m.DOSE_HARD_LIMIT, id="the hard session is full"),
    ],
)
def test_a_full_cap_ends_the_schedule_at_once(cap: str, reason: int) -> None:
    bench = started(3)
    if cap == "day":
        bench.doser.caps.window.add(6_000_000)
    else:
        bench.doser.caps.session_nl = 3_000_000
        bench.reader.session_cap_nl = 9_000_000 if cap == "hard" else 3_000_000
    assert step(bench, 0).state == IDLE
    assert bench.sink.all() == [(REFUSED, reason, 50_000)]
    assert bench.doser.reason == reason


def test_a_refusal_where_no_podlet_ever_was_tells_no_volume() -> None:
    bench = started()
    bench.reader.state = m.PODLET_ABSENT
    bench.reader.clear_limits()
    step(bench, 0)
    step(bench, 10_000)
    assert bench.sink.all() == [(REFUSED, m.DOSE_NO_PODLET, 0)]


def test_a_reduced_shot_leaves_its_reason_until_the_next_start() -> None:
    bench = started(volume_nl=80_000)
    shot(bench, 0)
    assert bench.doser.reason == m.DOSE_SHOT_CAP
    bench.doser.start(0, 30, 1, 0)
    assert bench.doser.reason == 0


# Which podlet the session is bound to ---------------------------------------------------------------------------


@pytest.mark.parametrize("insertion", [0, 1, MASK], ids=["the count wrapped", "the first", "before the wrap"])
def test_a_swap_is_seen_whatever_the_count_of_insertions(insertion: int) -> None:
    bench = DoseBench()
    bench.reader.insertion = insertion
    bench.doser.start(5, 30, 2, 0)
    assert step(bench, 0).state == WAITING
    bench.reader.insertion = (insertion + 1) & MASK
    assert step(bench, 50).state == IDLE
    assert bench.sink.all() == [(REFUSED, m.DOSE_NO_PODLET, 50_000)]


@pytest.mark.parametrize("insertion", [0, 1])
def test_a_podlet_that_comes_after_the_start_is_the_sessions_from_its_first_shot_on(insertion: int) -> None:
    bench = DoseBench()
    bench.reader.present = False
    bench.doser.start(0, 30, 3, 0)
    bench.reader.present = True
    bench.reader.insertion = insertion
    shot(bench, 0)
    assert step(bench, 10_000).state == WAITING
    bench.reader.insertion += 1
    assert step(bench, 10_050).state == IDLE
    assert bench.sink.all()[-1] == (REFUSED, m.DOSE_NO_PODLET, 50_000)


# A new start ----------------------------------------------------------------------------------------------------


def test_a_start_during_a_pulse_ends_it_first() -> None:
    bench = started(3)
    shot(bench, 0)
    bench.doser.start(5, 30, 1, 0)
    assert bench.sink.all() == [(INTENT, 50_000, 1), (RESULT, m.DOSE_ASSUMED, 50_000)]
    assert (bench.doser.doses, bench.doser.dosed_nl) == (0, 0), "it was the session's before"
    assert step(bench, 50).valve_off
    assert not step(bench, 100).valve_off


def test_a_start_gives_the_podlets_session_anew() -> None:
    bench = started(2)
    bench.reader.session_cap_nl = 50_000
    shot(bench, 0)
    step(bench, 10_000)
    assert step(bench, 10_050, 30).state == IDLE
    assert bench.sink.all()[-1] == (REFUSED, m.DOSE_SESSION_CAP, 50_000)
    bench.doser.start(0, 30, 1, 0)
    assert shot(bench, 20_000) == 103_000


def test_a_shot_that_was_due_is_not_due_after_a_new_start() -> None:
    bench = started(2)
    bench.outlet_cdeg = 0
    assert step(bench, 0).state == WAITING
    bench.outlet_cdeg = 4500
    bench.doser.start(60, 30, 1, 0)
    for steam_s in (0, 59):
        assert step(bench, 1000 * steam_s, steam_s).state == WAITING
    assert step(bench, 60_000, 60).state == WRITING


def test_days_of_standing_about_do_not_bring_a_shot_back() -> None:
    """Device time wraps after 12.4 days: then a shot of then is no shot of a moment ago."""
    bench = started()
    shot(bench, 0)
    for hour in range(1, 299):
        assert step(bench, hour * HOUR_MS).state == IDLE
    wrapped_ms = (1 << 30) + 3_000
    bench.doser.start(0, 30, 1, 0)
    assert shot(bench, wrapped_ms) == 103_000


def test_known_time_goes_on_without_a_session_and_reaches_the_book() -> None:
    bench = DoseBench()
    for now_ms, minute in ((7, 0), (60_006, 0), (60_007, 1), (HOUR_MS + 6, 59), (HOUR_MS + 7, 60)):
        step(bench, now_ms)
        assert bench.book.minute == bench.doser.caps.window.minute == minute


# The coil -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "fault_at"),
    [
        pytest.param("0110110110", None, id="never three in a row"),
        pytest.param("111", 2, id="three at once"),
        pytest.param("0111", 3, id="three after none"),
        pytest.param("110111", 5, id="three after two"),
        pytest.param("10101110", 6, id="three after single ones"),
    ],
)
def test_the_third_sample_in_a_row_with_current_and_no_pulse_is_a_fault(samples: str, fault_at: int | None) -> None:
    bench = DoseBench()
    for i, sample in enumerate(samples):
        bench.inputs.coil_on = sample == "1"
        doser = step(bench, 50 * i)
        stuck = fault_at is not None and i >= fault_at
        assert doser.fault == (m.CODE_VALVE_STUCK_ON if stuck else 0)
        assert doser.valve_off == (stuck and sample == "1"), "told to close for as long as current flows"


def test_a_coil_that_stays_on_for_long_changes_nothing_more() -> None:
    """What is remembered stays a small integer, however long the unit stands with a stuck driver."""
    bench = DoseBench()
    bench.inputs.coil_on = True
    seen = []
    for i in range(40):
        doser = step(bench, 50 * i)
        seen.append({name: value for name, value in vars(doser).items() if name != "_now_ms"})
    assert all(each == seen[2] for each in seen[2:])


def test_current_during_a_pulse_counts_for_no_fault() -> None:
    bench = started()
    bench.reader.flow_nl_ms = 100
    width_us = shot(bench, 0)
    bench.inputs.coil_on = True
    for now_ms in range(50, width_us // 1000, 50):
        assert step(bench, now_ms).fault == 0
    bench.inputs.coil_on = False
    assert step(bench, width_us // 1000 + 51).state == IDLE
    assert (bench.doser.fault, bench.sink.all()[-1]) == (0, (RESULT, m.DOSE_GIVEN, 50_000))
    bench.inputs.coil_on = True
    assert [step(bench, 2_000 + 50 * i).fault for i in range(3)] == [0, 0, m.CODE_VALVE_STUCK_ON]


# On the tag -----------------------------------------------------------------------------------------------------


def test_the_first_dose_leaves_day_and_session_on_the_tag() -> None:
    bench = Bench(podlets.build({3: "B1", 5: 50_000, 6: 20, 8: 10, 11: 500}))
    bench.run(1000)
    stand = DoseBench()
    doser = Doser(bench.reader, stand.sink, stand.book)
    stand.inputs.latch_closed = True
    doser.start(0, 12, 1, 0, 4, 20_600)
    doser.outlet_cdeg, doser.steam_ok = 4500, True
    doser.step(bench.now_ms(), stand.inputs, True)
    bench.run_until(lambda reader: reader.write_state != rd.WRITE_BUSY)
    record = bench.reader.record
    assert (record.doses_used, record.last_session, record.first_use_day) == (1, 4, 20_600)
