# SPDX-License-Identifier: Apache-2.0
"""Calibration and tuning over the link: who may, what is refused, what outlives a reset, and what it changes."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from bench import TOKEN, Bench, Refused

from podsteam.wire import messages as w
from podsteam.wire.messages import EventValue, FlagBits, KnownBits, StateValue, StopValue, TuneReasonValue, TuneValue

NEW = w.Calibration(element_dw=4000, gain_permille=1000, low_cdeg=2200)
TUNE = w.TuneRequest(TOKEN, w.TuneKindValue.HEAT_UP)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.run(1.5)
    bench.hello()
    yield bench
    bench.close()


def calibration(bench: Bench) -> w.Calibration:
    return w.Calibration.unpack(bench.ask(w.CalGetRequest()).calibration)


def calibrate(bench: Bench, values: w.Calibration) -> None:
    reply = bench.ask(w.CalSetRequest(values.pack()))
    assert w.Calibration.unpack(reply.calibration) == values == calibration(bench)


def core(bench: Bench) -> Any:
    return bench.twin.machine.loop.core  # type: ignore[attr-defined]


# Calibration ------------------------------------------------------------------------------------------------------


def test_a_calibration_is_read_back_and_outlives_a_reset(bench: Bench) -> None:
    assert calibration(bench) == NEW
    mine = replace(NEW, element_dw=3700, gain_permille=1050, wall_low_mk=-700, water_high_mk=900, high_cdeg=9930)
    calibrate(bench, mine)
    bench.control("reset", cause="power")
    bench.run(1.5)
    bench.hello()
    assert calibration(bench) == mine
    assert core(bench).sense.element_dw == 3700 and core(bench).heat.settings.gain_permille == 1050


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("element_dw", 0),
        ("element_dw", 65535),
        ("gain_permille", 699),
        ("wall_low_mk", 3001),
        ("water_low_mk", -3001),
        ("outlet_low_mk", 32767),
        ("low_cdeg", -1),
        ("water_high_mk", -32768),
        ("high_cdeg", 100),
        ("hold_gain_dw_k", 60000),
        ("hold_integral_ds", 1),
        ("hold_derivative_ds", 60000),
    ],
)
def test_a_value_out_of_range_is_named_and_the_old_set_stays(bench: Bench, field: str, value: int) -> None:
    mine = replace(NEW, gain_permille=1111)
    calibrate(bench, mine)
    with pytest.raises(Refused, match="OUT_OF_RANGE") as refused:
        bench.ask(w.CalSetRequest(replace(NEW, **{field: value}).pack()))
    error = refused.value.args[1]
    assert fields(w.Calibration)[error.arg].name == field
    assert error.detail == value
    bench.control("reset", cause="power")
    bench.run(1.5)
    bench.hello()
    assert calibration(bench) == mine


def test_a_short_one_is_malformed(bench: Bench) -> None:
    with pytest.raises(Refused, match="MALFORMED"):
        bench.ask(w.CalSetRequest(NEW.pack()[:-1]))


def test_nothing_is_calibrated_while_a_session_runs(bench: Bench) -> None:
    bench.start()
    bench.run_hosted(5)
    for request in (w.CalSetRequest(replace(NEW, element_dw=3000).pack()), w.DescaleDoneRequest()):
        with pytest.raises(Refused, match="BUSY_SESSION"):
            bench.ask(request)
    assert calibration(bench) == NEW


def test_corrections_show_in_the_readings_at_once(bench: Bench) -> None:
    before = bench.ask(w.StatusGetRequest())
    calibrate(bench, replace(NEW, wall_low_mk=2000, water_low_mk=-1500, outlet_low_mk=1000))
    bench.run(2)
    after = bench.ask(w.StatusGetRequest())
    for name, change in (("wall", 200), ("water", -150), ("outlet", 100)):
        assert abs(getattr(after, f"{name}_cdeg") - getattr(before, f"{name}_cdeg") - change) <= 25


def steam_of(calibrated: w.Calibration) -> tuple[float, float]:
    """Steam that was really made, and what was believed, in mg/min, over the second minute of steam at 4 g/min."""
    bench = Bench(plant={"capacity_g": 80.0, "water_g": 80.0})
    bench.run(1.5)
    bench.hello()
    calibrate(bench, calibrated)
    bench.start()
    while bench.state != StateValue.STEAM:
        bench.run_hosted(2)
    bench.run_hosted(50)
    true, believed = bench.control("state")["steam_mg"], bench.ask(w.StatusGetRequest()).steam_mg
    bench.run_hosted(60)
    true, believed = bench.control("state")["steam_mg"] - true, bench.ask(w.StatusGetRequest()).steam_mg - believed
    bench.close()
    return true, believed


def test_the_gain_changes_the_power_and_not_what_is_aimed_at() -> None:
    plain, _ = steam_of(NEW)
    weak, believed = steam_of(replace(NEW, gain_permille=800))
    assert abs(plain - 4000) < 300
    assert abs(weak / plain - 1.25) < 0.04
    assert abs(believed - 4000) < 200


def test_the_rated_power_changes_what_a_half_cycle_counts() -> None:
    plain, _ = steam_of(NEW)
    weak, believed = steam_of(replace(NEW, element_dw=3200))
    assert 1.15 < weak / plain < 1.30
    assert abs(believed - 4000) < 200


# What is ahead ----------------------------------------------------------------------------------------------------


def test_status_and_telemetry_tell_what_is_ahead(bench: Bench) -> None:
    idle = bench.ask(w.StatusGetRequest())
    assert not idle.known & (KnownBits.TO_STEAM | KnownBits.STEAM_LEFT)
    assert (idle.to_steam_s, idle.steam_left_s, idle.steam_s, idle.steam_mg) == (0, 0, 0, 0)
    bench.start()
    bench.ask(w.TeleSubRequest(1000))
    bench.run_hosted(8)
    while bench.state != StateValue.STEAM:
        bench.run_hosted(2)
    for _ in range(8):
        bench.ask(w.TeleSubRequest(1000))
        bench.run_hosted(8)
    status, truth = bench.ask(w.StatusGetRequest()), bench.control("state")
    assert status.known & KnownBits.WATER and status.known & KnownBits.STEAM_LEFT
    assert abs(status.water_cg * 10 - truth["water_mg"]) < 6_000
    assert abs(status.steam_left_s - truth["water_mg"] / truth["steam_mg_min"] * 60) < 150
    assert abs(status.steam_mg - truth["steam_mg"]) < 0.15 * truth["steam_mg"]
    assert 55 <= status.steam_s <= 75
    assert not status.flags & FlagBits.DESCALE
    tele = bench.telemetry[-1]
    assert tele.known == status.known and abs(tele.water_cg - status.water_cg) < 30


def test_descaling_resets_the_scale(bench: Bench) -> None:
    heat = core(bench).heat
    heat.scale_permille, heat.descale = 900, True
    bench.run(0.05)
    assert bench.ask(w.StatusGetRequest()).flags & FlagBits.DESCALE
    bench.ask(w.DescaleDoneRequest())
    bench.run(1.5)
    status = bench.ask(w.StatusGetRequest())
    assert not status.flags & FlagBits.DESCALE and status.scale_permille == 0


# Tuning -----------------------------------------------------------------------------------------------------------


def test_tuning_ends_by_itself_and_outlives_a_reset(bench: Bench) -> None:
    before = bench.ask(w.TuneGetRequest(0))
    assert before.state == TuneValue.NONE
    assert bench.ask(TUNE).armed_s == 60
    bench.run_hosted(3)
    assert bench.state == StateValue.ARMED and bench.control("state")["load_halves"] == 0
    bench.press()
    bench.run_hosted(2)
    assert bench.ask(w.TuneGetRequest(1)).state == TuneValue.RUNNING
    for _ in range(60):
        bench.run_hosted(8)
        if bench.saw(EventValue.STOPPED):
            break
    assert bench.saw(EventValue.TUNED, TuneValue.DONE) and bench.saw(EventValue.STOPPED, StopValue.DONE)
    found, used = bench.ask(w.TuneGetRequest(1)), bench.ask(w.TuneGetRequest(0))
    assert (found.state, found.reason) == (TuneValue.DONE, TuneReasonValue.NONE)
    bench.run(3)
    # The plant: 115 J/K of metal, 60 g of water and its pocket, 0.35 W/K; sensors that lag by 1.5 and 2 s.
    assert 80 < found.metal_j_k < 150 and 220 < found.water_j_k < 290
    assert 200 < found.loss_mw_k < 500 and 1000 < found.delay_ms < 9000 and 50 < found.lag_ds < 500
    for name in ("metal_j_k", "water_j_k", "loss_mw_k", "hold_gain_dw_k", "hold_integral_ds", "hold_derivative_ds"):
        assert getattr(found, name) == getattr(used, name) > 0, name
    bench.control("reset", cause="power")
    bench.run(1.5)
    bench.hello()
    kept = bench.ask(w.TuneGetRequest(0))
    assert kept.state == TuneValue.NONE
    for name in ("hold_gain_dw_k", "hold_integral_ds", "hold_derivative_ds"):
        assert getattr(kept, name) == getattr(used, name), name


def test_a_tuning_that_is_stopped_says_so_and_changes_nothing(bench: Bench) -> None:
    before = bench.ask(w.TuneGetRequest(0))
    bench.ask(TUNE)
    bench.press()
    bench.run_hosted(20)
    bench.press()
    assert bench.saw(EventValue.STOPPED, StopValue.BUTTON)
    assert (EventValue.TUNED, TuneValue.FAILED, TuneReasonValue.STOPPED) in bench.events
    after = bench.ask(w.TuneGetRequest(0))
    assert after == replace(before, state=TuneValue.FAILED, reason=TuneReasonValue.STOPPED)
    assert calibration(bench) == NEW


def test_a_silent_host_ends_a_tuning(bench: Bench) -> None:
    bench.ask(TUNE)
    bench.press()
    bench.run_hosted(10)
    bench.run(2.2)
    truth = bench.control("state")
    assert not truth["burst"] and not truth["relay_closed"]
    assert bench.saw(EventValue.STOPPED, StopValue.LEASE_LOST)


def test_tuning_is_refused_as_arming_is(bench: Bench) -> None:
    with pytest.raises(Refused, match="OUT_OF_RANGE") as refused:
        bench.ask(w.TuneRequest(TOKEN, 1))
    assert refused.value.args[1].arg == 1
    with pytest.raises(Refused, match="OUT_OF_RANGE"):
        bench.ask(w.TuneGetRequest(2))
    bench.control("press", ms=3000)
    bench.run(1)
    with pytest.raises(Refused, match="BUTTON_HELD"):
        bench.ask(TUNE)
    bench.run(5)
    bench.ask(w.StopRequest())
    with pytest.raises(Refused, match=r"LOCKOUT|BUSY_SESSION"):
        bench.ask(TUNE)
    bench.run(5)
    bench.control("fault", name="no_water")
    bench.run(2)
    with pytest.raises(Refused, match="NOT_READY"):
        bench.ask(TUNE)
    bench.control("fault", name="no_water", on=False)
    bench.run(2)
    bench.ask(TUNE)
    with pytest.raises(Refused, match="LEASE_HELD"):
        bench.ask(w.TuneRequest(TOKEN + 1, 0))


def test_the_program_is_a_program_again_after_a_tuning(bench: Bench) -> None:
    bench.ask(TUNE)
    bench.press()
    bench.run_hosted(5)
    bench.ask(w.StopRequest())
    bench.run(2.5)
    bench.ask(w.ArmRequest(TOKEN, b"gentle"))
    bench.press()
    bench.run_hosted(10)
    assert not core(bench).session.tuning and core(bench).heat.rate_mg_min == 4000


def test_a_tuning_has_a_record_of_its_own(bench: Bench) -> None:
    bench.ask(TUNE)
    bench.press()
    bench.run_hosted(20)
    bench.ask(w.StopRequest())
    bench.run(3)
    entry = bench.ask(w.RecordListRequest(0))
    raw = bench.ask(w.RecordReadRequest(entry.record, 0)).data
    assert b"tune" in raw[:90]
