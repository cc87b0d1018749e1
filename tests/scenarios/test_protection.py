# SPDX-License-Identifier: Apache-2.0
"""What the core makes of the supervisor: the relay's test, faults that survive power cuts, the self-test."""

from typing import Any

import pytest
from bench import Bench, Refused

from podsteam.wire import messages as w
from podsteam.wire.messages import EventValue, StateValue
from podsteam_firmware.safety import selftest
from podsteam_firmware.store import latch
from podsteam_protocol import messages as m


def core_of(bench: Bench) -> Any:
    return bench.twin.machine.loop.core  # type: ignore[attr-defined]


def code(name: str) -> int:
    return next(number for number, entry in w.CODES.items() if entry.name == name)


def kinds(bench: Bench) -> list[int]:
    """Kinds of the records about faults and sessions."""
    return [record[1] for record in core_of(bench).ledger.entries() if latch.FAULT <= record[1] <= latch.END]


def steaming(**options: Any) -> Bench:
    """The button alone, 20 s into steam."""
    bench = Bench(**options)
    bench.run(1.5)
    bench.press()
    for _ in range(400):
        bench.run(0.5)
        if bench.state == StateValue.STEAM:
            break
    bench.run(20)
    assert bench.state == StateValue.STEAM
    return bench


def keeping_warm(hold_cdeg: int, hold_s: int) -> Bench:
    """The button alone, with a program that keeps warm first."""
    bench = Bench()
    bench.run(1)
    bench.hello()
    warm = w.Program(
        **{"name": b"warm".ljust(16, b"\0"), "hold_cdeg": hold_cdeg, "hold_s": hold_s, "warm_up_max_s": 900},
        **{"steam1_mg_min": 4000, "steam1_s": 60, "end_cdeg": 6000},
    )
    bench.ask(w.ProgramPutRequest(warm.pack()))
    bench.ask(w.ProgramDefaultRequest(warm.name))
    bench.run(1)
    bench.press()
    return bench


# The relay's test -------------------------------------------------------------------------------------------


def test_one_cycle_is_commanded_with_an_open_relay_before_and_after_each_session() -> None:
    bench = Bench()
    bench.run(1.5)
    truth = bench.control("state")
    core = core_of(bench)
    assert core.inputs.burst_halves == 2 and truth["load_halves"] == 0
    bench.press()
    for _ in range(40):
        bench.run(0.05)
        if bench.control("state")["relay_closed"]:
            break
    assert core.inputs.burst_halves == 4 and bench.control("state")["load_halves"] == 0
    bench.run(10)
    assert core.inputs.burst_halves - core.inputs.load_halves == 4
    bench.press()
    bench.run(2)
    # The burst that was cut may have begun a cycle that did not flow.
    assert 6 <= core.inputs.burst_halves - core.inputs.load_halves <= 8
    assert core.supervisor.weld.passed and core._latched == 0
    bench.close()


@pytest.mark.parametrize("where", ["idle", "session"])
def test_a_welded_relay_is_found_before_heat_and_at_the_end_and_no_heat_starts(where: str) -> None:
    bench = Bench()
    bench.run(1.5)
    if where == "session":
        bench.press()
        bench.run(10)
    bench.control("fault", name="relay_welded", on=True)
    bench.run(1)
    core = core_of(bench)
    assert core._latched == 0
    halves = bench.control("state")["load_halves"]
    bench.press()
    bench.run(1.5)
    assert core._latched == code("RELAY_WELDED")
    # At the end 300 ms pass first, and a half-cycle that flows ends at its crossing.
    assert bench.control("state")["load_halves"] - halves <= (2 if where == "idle" else 20)
    bench.press()
    bench.run(3)
    assert bench.state == StateValue.FAULT
    # Not `close`: its relay counts as closed for ever, so that every erase were one while hot.
    bench.twin.close()


# Faults and sessions in the ring ------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["power", "watchdog"])
def test_a_fault_survives_a_power_cut_at_the_moment_it_is_found(cause: str) -> None:
    """The relay is still closed then, so the file was not written yet."""
    bench = steaming()
    core = core_of(bench)
    bench.control("fault", name="wall_open", on=True)
    for _ in range(20):
        bench.run(0.05)
        if core._latched:
            break
    assert core._latched == code("WALL_OPEN") and core._stored == 0
    bench.control("reset", cause=cause)
    bench.control("fault", name="wall_open", on=False)
    bench.run(1.5)
    core = core_of(bench)
    assert core._latched == code("WALL_OPEN")
    assert bench.state == StateValue.FAULT
    # Now it is in its file as well.
    assert core._stored == core._latched
    assert latch.load(core.hal) == core._latched
    bench.close()


def test_a_cleared_fault_stays_cleared() -> None:
    bench = Bench()
    bench.run(1.5)
    bench.control("fault", name="outlet_open", on=True)
    bench.run(1)
    assert core_of(bench)._latched == code("OUTLET_OPEN")
    bench.control("fault", name="outlet_open", on=False)
    bench.control("press", ms=3500)
    bench.run(5)
    assert core_of(bench)._latched == 0
    assert kinds(bench) == [latch.FAULT, latch.CLEARED]
    bench.control("reset", cause="power")
    bench.run(1.5)
    assert core_of(bench)._latched == 0
    assert bench.state == StateValue.IDLE
    bench.close()


def test_a_session_that_was_cut_off_is_told_once() -> None:
    bench = steaming()
    number = core_of(bench).session.number
    assert kinds(bench) == [latch.BEGIN]
    for told in (number, 0):
        bench.control("reset", cause="power")
        bench.run(1.5)
        bench.events.clear()
        bench.hello()
        bench.ask(w.EventsGetRequest(0))
        bench.run(0.2)
        assert [b for event, _, b in bench.events if event == EventValue.BOOT] == [told]
        assert core_of(bench).session.number == number
    assert kinds(bench) == [latch.BEGIN, latch.END]
    bench.close()


def test_a_session_that_ended_is_not_told() -> None:
    bench = steaming()
    bench.press()
    bench.run(2)
    assert kinds(bench) == [latch.BEGIN, latch.END]
    bench.control("reset", cause="power")
    bench.run(1.5)
    bench.hello()
    bench.ask(w.EventsGetRequest(0))
    bench.run(0.2)
    assert [b for event, _, b in bench.events if event == EventValue.BOOT][-1] == 0
    bench.close()


def test_a_session_that_the_firmware_ended_is_a_latched_fault() -> None:
    """It stopped in the middle of heat: nothing heats again before somebody clears it, at a cool device."""
    bench = steaming()
    bench.control("upset", kind="raise", path="core.pump")
    bench.run(2)
    halves = bench.control("state")["load_halves"]
    assert core_of(bench)._latched == code("EXCEPTION")
    assert kinds(bench) == [latch.BEGIN, latch.FAULT, latch.END]
    bench.press()
    bench.control("press", ms=3500)
    bench.run(5)
    # Too hot to be cleared, and another restart does not clear it either.
    bench.control("reset", cause="power")
    bench.run(1.5)
    assert bench.state == StateValue.FAULT
    while bench.control("state")["wall_mc"] > 48_000:
        bench.run(60)
    bench.control("press", ms=3500)
    bench.run(5)
    assert bench.state == StateValue.IDLE
    assert bench.control("state")["load_halves"] == halves
    bench.press()
    bench.run(1)
    assert core_of(bench).session.running()
    bench.twin.close()


@pytest.mark.parametrize(
    ("operation", "known"), [(0, [latch.BEGIN, latch.END]), (1, [latch.BEGIN, latch.FAULT, latch.END])]
)
def test_a_power_cut_in_the_start_after_it(operation: int, known: list[int]) -> None:
    """The fault is written first, so it is in the ring whenever the session counts as ended."""
    bench = steaming()
    bench.control("cut_power", at=operation, of="ring", tear="none")
    bench.control("upset", kind="raise", path="core.pump")
    bench.run(3)
    assert not bench.control("state")["cut_armed"]
    assert kinds(bench) == known
    assert core_of(bench)._latched == (code("EXCEPTION") if latch.FAULT in known else 0)
    bench.twin.close()


@pytest.mark.parametrize(("after_s", "latched"), [(0.1, True), (0.6, False)])
def test_a_session_is_over_when_its_relay_is_open(after_s: float, latched: bool) -> None:
    bench = steaming()
    bench.press()
    bench.run(after_s)
    bench.control("upset", kind="raise", path="core.pump")
    bench.run(2)
    assert core_of(bench)._latched == (code("EXCEPTION") if latched else 0)
    bench.twin.close()


def test_a_firmware_that_stops_between_sessions_is_none() -> None:
    bench = steaming()
    bench.press()
    bench.run(2)
    bench.control("upset", kind="raise", path="core.pump")
    bench.run(2)
    assert core_of(bench)._latched == 0
    assert bench.state == StateValue.IDLE
    bench.twin.close()


# Ready ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("offset_k", "starts"), [(49.0, True), (51.0, False)])
def test_an_outlet_over_its_scald_limit_is_not_ready(offset_k: float, starts: bool) -> None:
    """At 20 degC; the limit is 70 degC."""
    bench = Bench()
    bench.control("fault", name="outlet_offset", on=True, value=offset_k)
    bench.run(1.5)
    assert core_of(bench).session.ready(core_of(bench).inputs, core_of(bench).sense) is starts
    bench.press()
    bench.run(0.5)
    assert (bench.state == StateValue.WARM_UP) is starts
    bench.close()


@pytest.mark.parametrize("hosted", [False, True])
def test_a_full_condensate_trap_is_not_ready(hosted: bool) -> None:
    bench = Bench()
    bench.control("fault", name="undrained", on=True)
    bench.run(1.5)
    if hosted:
        bench.hello()
        with pytest.raises(Refused, match="NOT_READY"):
            bench.ask(w.ArmRequest(7, b""))
        assert bench.ask(w.StatusGetRequest()).flags & w.FlagBits.UNDRAINED
    bench.press()
    bench.run(1)
    assert bench.state == StateValue.IDLE
    bench.control("fault", name="undrained", on=False)
    bench.press()
    bench.run(1)
    assert bench.state == StateValue.WARM_UP
    assert not core_of(bench).flags & w.FlagBits.UNDRAINED
    bench.close()


def test_a_trap_that_fills_up_ends_the_session_without_a_fault() -> None:
    """A drop that splashes on the switch does not."""
    bench = steaming()
    for seconds, state in ((0.15, StateValue.STEAM), (0.3, StateValue.COOLING)):
        bench.control("fault", name="undrained", on=True)
        bench.run(seconds)
        bench.control("fault", name="undrained", on=False)
        bench.run(0.3)
        assert bench.state == state
    assert core_of(bench).session.stop_reason == w.StopValue.UNDRAINED
    assert core_of(bench).supervisor.fault == 0
    bench.close()


@pytest.mark.parametrize(
    ("hold_cdeg", "outlet_c", "runs"),
    [(4500, 69.0, True), (4500, 71.0, False), (7500, 84.0, True), (7500, 86.0, False)],
)
def test_keeping_warm_an_outlet_that_scalds_ends_it(hold_cdeg: int, outlet_c: float, runs: bool) -> None:
    """Nobody expects steam yet. The limit is 70 degC, or 10 K over the water's target."""
    bench = keeping_warm(hold_cdeg, 600)
    bench.run(5)
    bench.control("fault", name="outlet_held", on=True, value=outlet_c)
    bench.run(3)
    assert (bench.state == StateValue.WARM_UP) is runs
    assert core_of(bench).session.stop_reason == (w.StopValue.NONE if runs else w.StopValue.OUTLET_HOT)
    bench.twin.close()


def test_a_program_that_would_heat_for_too_long_ends_without_a_fault_and_the_next_waits_for_a_rest() -> None:
    bench = keeping_warm(4500, 3600)
    bench.run(1765)
    assert bench.state == StateValue.WARM_UP
    bench.run(10)
    core = core_of(bench)
    assert core.session.stop_reason == w.StopValue.REST
    assert core.supervisor.fault == 0
    assert bench.ask(w.StatusGetRequest()).flags & w.FlagBits.REST
    for seconds, state in ((40, StateValue.IDLE), (25, StateValue.WARM_UP)):
        bench.run(seconds)
        bench.press()
        bench.run(0.5)
        assert bench.state == state
    bench.twin.close()


@pytest.mark.parametrize(("outlet_c", "runs"), [(114.0, True), (116.0, False)])
def test_steam_hotter_than_water_makes_it_ends_the_session(outlet_c: float, runs: bool) -> None:
    bench = steaming()
    bench.control("fault", name="outlet_held", on=True, value=outlet_c)
    bench.run(3)
    assert (bench.state == StateValue.STEAM) is runs
    assert core_of(bench).session.stop_reason == (w.StopValue.NONE if runs else w.StopValue.OUTLET_HOT)
    bench.twin.close()


def test_the_signs_that_others_set_are_played() -> None:
    """While firmware is stored, and while a podlet asks for consent; neither hides a session or a fault."""
    bench = Bench()
    bench.run(1.5)
    core = core_of(bench)
    core.signs.updating = True
    bench.run(0.1)
    assert bench.control("state")["sign"] == m.SIGN_UPDATE
    core.reader.state = m.PODLET_ALLERGEN
    bench.run(0.1)
    assert bench.control("state")["sign"] == m.SIGN_CONFIRM
    core.reader.state = m.PODLET_ABSENT
    bench.press()
    bench.run(1)
    assert bench.control("state")["sign"] == m.SIGN_WARM_UP
    bench.control("fault", name="wall_open", on=True)
    bench.run(1)
    assert bench.control("state")["sign"] == m.SIGN_FAULT_SENSOR
    bench.twin.close()


# The self-test ----------------------------------------------------------------------------------------------


def test_the_self_test_runs_at_power_on_and_before_heat() -> None:
    bench = Bench()
    bench.run(1.5)
    test = core_of(bench).selftest
    assert test.done == 31
    bench.press()
    bench.run(3)
    assert test.done == (1 << selftest.CHECKS) - 1
    assert test.failed == 0
    bench.close()


def test_a_self_test_that_fails_latches() -> None:
    bench = Bench()
    bench.run(1.5)
    core = core_of(bench)
    core.selftest.failed = 1 << selftest.ARITHMETIC
    bench.run(0.1)
    assert core._latched == code("SELF_TEST")
    assert core.supervisor.fault_detail == 1 << selftest.ARITHMETIC
    bench.close()


def test_what_is_not_ready_before_heat_stops_it() -> None:
    bench = Bench()
    bench.run(1.5)
    core = core_of(bench)
    core.selftest.before_heat = lambda *_: 1 << selftest.RELAY
    bench.press()
    bench.run(2)
    assert core._latched == code("SELF_TEST")
    assert bench.control("state")["load_halves"] == 0
    bench.close()


def test_a_risk_to_spit_is_told_once() -> None:
    bench = Bench()
    bench.run(1.5)
    core = core_of(bench)
    bench.hello()
    bench.events.clear()
    core.supervisor.spit_risk = True
    bench.run(1)
    bench.ask(w.EventsGetRequest(0))
    bench.run(0.3)
    told = [event for event in bench.events if event[:2] == (EventValue.FAULT, code("SPIT_RISK"))]
    assert len(set(told)) == 1
    assert core._latched == 0 and bench.state == StateValue.IDLE
    bench.close()
