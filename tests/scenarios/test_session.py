# SPDX-License-Identifier: Apache-2.0
"""The session's rules: who may start, what stops it, and that heat and valve are off whenever they must be."""

from collections.abc import Iterator

import pytest
from bench import TOKEN, Bench, Refused

from podsteam.wire import messages as w
from podsteam.wire.messages import EventValue, FlagBits, StateValue, StopValue

STEAM_BY_S = 125
OTHER = 0x11111111


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.run(1.5)
    yield bench
    bench.close()


def reach_steam(bench: Bench) -> None:
    bench.start()
    bench.run_hosted(STEAM_BY_S)
    assert bench.state == StateValue.STEAM


def is_cold(bench: Bench) -> bool:
    """No burst, relay open, valve shut."""
    truth = bench.control("state")
    return not truth["burst"] and not truth["relay_closed"]


def test_button_alone_runs_the_default_program_to_its_end(bench: Bench) -> None:
    bench.press()
    bench.run(320)
    assert bench.state == StateValue.COOLING
    assert is_cold(bench)
    bench.hello()
    assert bench.ask(w.StatusGetRequest()).stop_reason == StopValue.DONE
    truth = bench.control("state")
    assert 9_000 < truth["steam_mg"] < 15_000
    assert truth["delivered_nl"] > 100_000


def test_a_device_journal_is_pulled_by_a_host_that_comes_later(bench: Bench) -> None:
    bench.press()
    bench.run(320)
    bench.hello()
    entry = bench.ask(w.RecordListRequest(0))
    assert entry.count == 1
    raw = b""
    while True:
        part = bench.ask(w.RecordReadRequest(entry.record, len(raw))).data
        if not part:
            break
        raw += part
    assert len(raw) == entry.size
    bodies = [body for ok, body in bench._splitter.__class__().feed(raw) if ok]
    assert bodies[0][0] == w.RecordHead.ID and bodies[-1][0] == w.RecordEnd.ID
    head = w.RecordHead.unpack(bodies[0][2:])
    assert head.session == 1 and not head.by_host and head.program[:6] == b"gentle"
    end = w.RecordEnd.unpack(bodies[-1][2:])
    assert end.stop_reason == StopValue.DONE and end.doses == 4
    assert sum(body[0] == w.Tele.ID for body in bodies) > 60


def test_a_record_that_a_power_cut_left_empty_is_not_listed(bench: Bench) -> None:
    files = bench.twin.machine.world.files
    assert files.file_write("records/00001", b"")
    bench.hello()
    with pytest.raises(Refused, match="NOT_FOUND"):
        bench.ask(w.RecordListRequest(0))


def test_arming_heats_nothing_until_the_button(bench: Bench) -> None:
    bench.hello()
    reply = bench.ask(w.ArmRequest(TOKEN, b"gentle"))
    assert reply.armed_s == 60
    bench.run_hosted(58)
    assert bench.state == StateValue.ARMED and bench.control("state")["load_halves"] == 0
    bench.run_hosted(4)
    assert bench.state == StateValue.IDLE
    assert bench.saw(EventValue.STOPPED, StopValue.NOT_STARTED)
    assert bench.control("state")["load_halves"] == 0


def test_button_held_at_arming_is_refused(bench: Bench) -> None:
    bench.hello()
    bench.control("press", ms=5000)
    bench.run(1)
    with pytest.raises(Refused, match="BUTTON_HELD"):
        bench.ask(w.ArmRequest(TOKEN, b""))
    bench.run(10)


def test_press_stops_and_locks_out_for_two_seconds(bench: Bench) -> None:
    bench.start()
    bench.run_hosted(20)
    bench.press()
    assert bench.saw(EventValue.STOPPED, StopValue.BUTTON)
    with pytest.raises(Refused, match="LOCKOUT"):
        bench.ask(w.ArmRequest(TOKEN, b""))
    bench.press()
    assert bench.state in (StateValue.COOLING, StateValue.IDLE)
    bench.run(2)
    assert is_cold(bench)
    bench.ask(w.ArmRequest(TOKEN, b""))


def test_lapsed_lease_stops_heat_within_two_seconds_of_the_last_word(bench: Bench) -> None:
    reach_steam(bench)
    bench.ask(w.LeaseRequest(TOKEN))
    halves = 0
    for _ in range(40):
        bench.run(0.05)
        halves = bench.control("state")["load_halves"]
    bench.run(0.1)
    assert bench.control("state")["load_halves"] == halves
    assert bench.saw(EventValue.STOPPED, StopValue.LEASE_LOST)
    bench.run(0.3)
    assert is_cold(bench)
    bench.hello()
    assert bench.ask(w.StatusGetRequest()).stop_reason == StopValue.LEASE_LOST


def test_lease_is_taken_over_only_after_it_lapsed(bench: Bench) -> None:
    bench.start()
    bench.ask(w.HelloRequest(OTHER, w.MAJOR, w.MINOR))
    for message in (w.LeaseRequest(OTHER), w.PauseRequest(OTHER), w.ArmRequest(OTHER, b"")):
        with pytest.raises(Refused, match="LEASE_HELD"):
            bench.ask(message)
    assert bench.ask(w.StopRequest()).state in (StateValue.COOLING, StateValue.IDLE)
    bench.run(2.5)
    bench.ask(w.ArmRequest(OTHER, b""))


def test_pause_is_cold_and_resume_needs_the_button(bench: Bench) -> None:
    reach_steam(bench)
    bench.ask(w.PauseRequest(TOKEN))
    bench.run_hosted(2)
    assert bench.state == StateValue.PAUSED and is_cold(bench)
    assert bench.ask(w.ResumeRequest(TOKEN)).armed_s == 60
    bench.run_hosted(3)
    assert is_cold(bench)
    bench.press()
    bench.run_hosted(3)
    assert bench.state in (StateValue.WARM_UP, StateValue.STEAM)
    bench.run_hosted(200)
    assert bench.saw(EventValue.STOPPED, StopValue.DONE)


def test_podlet_removed_stops_dosing_at_once_and_says_so(bench: Bench) -> None:
    reach_steam(bench)
    bench.run_hosted(25)
    assert bench.saw(EventValue.DOSE_RESULT)
    bench.control("remove")
    bench.run_hosted(2)
    assert bench.saw(EventValue.PODLET, w.PodletValue.REMOVED)
    delivered = bench.control("state")["delivered_nl"]
    bench.run_hosted(80)
    assert bench.saw(EventValue.DOSE_REFUSED, w.DoseValue.NO_PODLET)
    assert bench.control("state")["delivered_nl"] == delivered


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("no_water", StopValue.NO_WATER), ("tilted", StopValue.TILTED), ("mains_lost", StopValue.MAINS_LOST)],
)
def test_a_condition_stops_without_latching(bench: Bench, fault: str, reason: StopValue) -> None:
    bench.start()
    bench.run_hosted(40)
    bench.control("fault", name=fault)
    bench.run_hosted(1)
    assert bench.saw(EventValue.STOPPED, reason)
    assert is_cold(bench)
    assert bench.ask(w.StatusGetRequest()).fault == 0


@pytest.mark.parametrize("fault", ["no_water", "tilted", "mains_lost"])
def test_not_ready_is_refused(bench: Bench, fault: str) -> None:
    bench.control("fault", name=fault)
    bench.run(2)
    bench.hello()
    with pytest.raises(Refused, match="NOT_READY"):
        bench.ask(w.ArmRequest(TOKEN, b""))
    bench.press()
    assert bench.state == StateValue.IDLE


def test_a_fault_latches_across_a_reset_and_is_cleared_at_the_device(bench: Bench) -> None:
    bench.start()
    bench.run_hosted(10)
    bench.control("fault", name="wall_open")
    bench.run(1)
    assert bench.state == StateValue.FAULT and is_cold(bench)
    bench.control("fault", name="wall_open", on=False)
    bench.control("reset", cause="power")
    bench.run(1)
    bench.hello()
    assert bench.ask(w.StatusGetRequest()).fault == 101
    with pytest.raises(Refused, match="SAFETY_LATCHED"):
        bench.ask(w.ArmRequest(TOKEN, b""))
    bench.press()
    assert bench.state == StateValue.FAULT
    bench.control("press", ms=4000)
    bench.run(5)
    assert bench.state == StateValue.IDLE
    bench.control("reset", cause="power")
    bench.run(1)
    assert bench.state == StateValue.IDLE


@pytest.mark.parametrize(
    ("cause", "state"),
    [("power", StateValue.IDLE), ("hard", StateValue.FAULT), ("watchdog", StateValue.FAULT), ("soft", StateValue.IDLE)],
)
def test_no_reset_resumes_heat(bench: Bench, cause: str, state: StateValue) -> None:
    bench.start()
    bench.run_hosted(60)
    bench.control("reset", cause=cause)
    halves = bench.control("state")["load_halves"]
    bench.run(5)
    assert bench.control("state")["load_halves"] == halves
    assert bench.state == state
    assert is_cold(bench)


def test_telemetry_tells_the_truth(bench: Bench) -> None:
    reach_steam(bench)
    bench.ask(w.TeleSubRequest(1000))
    bench.run_hosted(9)
    truth = bench.control("state")
    tele = bench.telemetry[-1]
    assert abs(tele.wall_cdeg - truth["wall_mc"] // 10) < 150
    assert abs(tele.energy_j - truth["energy_mj"] // 1000) < truth["energy_mj"] // 1000 * 0.03
    assert abs(tele.steam_mg_min - truth["steam_mg_min"]) < 600
    assert FlagBits.STEAM_OK in FlagBits(tele.flags) and FlagBits.RELAY in FlagBits(tele.flags)
    assert 7 <= len(bench.telemetry) <= 10


def test_subscription_lapses(bench: Bench) -> None:
    bench.hello()
    bench.ask(w.TeleSubRequest(200))
    bench.run(30)
    assert 45 <= len(bench.telemetry) <= 51


def test_keep_warm_holds_the_water_for_its_time_before_steam(bench: Bench) -> None:
    held = w.Program(
        name=b"held".ljust(16, b"\0"),
        hold_cdeg=8000,
        hold_s=60,
        warm_up_max_s=300,
        steam1_mg_min=4000,
        steam1_s=30,
        end_cdeg=6000,
    )
    bench.hello()
    bench.ask(w.ProgramPutRequest(held.pack()))
    bench.ask(w.TeleSubRequest(500))
    bench.ask(w.ArmRequest(TOKEN, held.name))
    bench.press()
    for _ in range(40):
        bench.run_hosted(8)
        bench.ask(w.TeleSubRequest(500))
    holding = [tele for tele in bench.telemetry if tele.target_cdeg == 8000]
    warm = [tele for tele in holding if tele.water_cdeg >= 7900]
    assert 58 <= (warm[-1].uptime_ms - warm[0].uptime_ms) / 1000 <= 62
    assert max(tele.water_cdeg for tele in holding) < 8200
    assert bench.saw(EventValue.STOPPED, StopValue.DONE)
