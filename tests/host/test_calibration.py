# SPDX-License-Identifier: Apache-2.0
"""From measurements to a calibration: what is computed, and the one sentence for what cannot be."""

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import pytest
from calls import call, one_sentence
from fake import FakeDevice
from hypothesis import given
from hypothesis import strategies as st
from iapws import IAPWS97

from podsteam import calibration as c
from podsteam import refusals
from podsteam.boilingpoint import at_pressure, pressure_at
from podsteam.cli.calibrate import Plateau
from podsteam.errors import IntegrityFailed, PodsteamError, UsageProblem
from podsteam.transport import find
from podsteam.wire import messages as m
from podsteam.wire.base import Message
from podsteam_firmware.store import calibration as device

Capture = pytest.CaptureFixture[str]
NAN = math.nan


def seen(wall: float, water: float, outlet: float, moved: float = 0.0) -> c.Readings:
    return c.Readings(wall, water, outlet, (moved, moved, moved))


def sentence(kind: type[PodsteamError], function: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(kind) as caught:
        function(*arguments)
    assert caught.value.status == (2 if kind is UsageProblem else 30)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    return str(caught.value)


def test_bounds_are_the_devices() -> None:
    """Both ends hold the same bounds, so that the host names the value before the device refuses it."""
    low, high = device._LOW, device._HIGH
    assert (1000 * c.GAIN[0], 1000 * c.GAIN[1]) == (low[1], high[1])
    assert (10 * c.ELEMENT_W[0], 10 * c.ELEMENT_W[1]) == (low[0], high[0])
    assert 1000 * c.MOST_K == -low[2] == high[2]
    assert (100 * c.REST_C[0], 100 * c.REST_C[1]) == (low[5], high[5])
    assert 100 * (c.BOILING_C[0] - c.MOST_K) >= low[7] and 100 * (c.BOILING_C[1] + c.MOST_K) <= high[7]
    assert struct.unpack(device.CAL[-1][0], c.NEW.pack()) == device.NEW


# The boiling point ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hpa", [620.0, 700.0, 850.0, 1000.0, 1013.25, 1080.0])
def test_boiling_point_against_the_steam_tables(hpa: float) -> None:
    assert abs(at_pressure(hpa) - (IAPWS97(P=hpa / 10_000, x=0).T - 273.15)) < 1e-4


@pytest.mark.parametrize(("altitude", "hpa"), [(0, 1013.25), (500, 954.61), (1500, 845.56), (3000, 701.09)])
def test_standard_atmosphere(altitude: float, hpa: float) -> None:
    assert abs(pressure_at(altitude) - hpa) < 0.1


def test_boiling_point_in_one_of_three_ways() -> None:
    assert c.boiling_point_c() is None
    assert c.boiling_point_c(boiling_c=99.1) == 99.1
    assert abs((c.boiling_point_c(altitude_m=1500) or 0) - 94.98) < 0.02
    assert abs((c.boiling_point_c(pressure_hpa=1000) or 0) - 99.606) < 0.001
    assert "in one way" in sentence(UsageProblem, c.boiling_point_c, 100, 1000)


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf, -1e9, 1e9, 84.9])
def test_nonsense_for_the_boiling_point_is_named(which: int, value: float) -> None:
    if which == 0 and value == 84.9:
        return
    given = [None, None, None]
    given[which] = value  # type: ignore[call-overload]
    name = ("--altitude-m", "--pressure-hpa", "--boiling-c")[which]
    assert sentence(UsageProblem, c.boiling_point_c, *given).startswith(f"{name} is {value:g}, but must be ")


# Sensors ----------------------------------------------------------------------------------------------------------


def test_low_point_of_a_new_unit() -> None:
    new = c.at_rest(c.NEW, seen(20.4, 21.9, 20.0), 21.0)
    assert (new.wall_low_mk, new.water_low_mk, new.outlet_low_mk) == (600, -900, 1000)
    assert new.low_cdeg == 2190 and new.high_cdeg == 0


def test_a_second_time_replaces_the_first_and_does_not_add_to_it() -> None:
    """The device shows corrected readings; the new correction is that of the sensor, not of what is left over."""
    once = c.at_rest(c.NEW, seen(20.4, 21.9, 20.0), 21.0)
    again = c.at_rest(once, seen(21.0, 21.0, 21.0), 21.0)
    assert again == once
    high = c.at_boiling(once, seen(105.0, 99.0, 40.0), 99.6)
    assert high.water_high_mk == -300 and high.high_cdeg == 9990
    assert c.at_boiling(high, seen(105.0, 99.6, 40.0), 99.6) == high


@given(st.floats(-2.9, 2.9), st.floats(-2.9, 2.9), st.floats(10, 110))
def test_correction_and_back(low_k: float, high_k: float, reading_c: float) -> None:
    old = m.Calibration(
        water_low_mk=round(1000 * low_k), low_cdeg=2100, water_high_mk=round(1000 * high_k), high_cdeg=9900
    )
    shown_c = reading_c + c.water_correction_k(old, reading_c)
    assert abs(c.uncorrected_water_c(old, shown_c) - reading_c) < 1e-3


@pytest.mark.parametrize("at_rest", [NAN, math.inf, 4.9, 45.1, -300.0])
def test_a_room_that_is_none(at_rest: float) -> None:
    text = sentence(UsageProblem, c.at_rest, c.NEW, seen(20, 20, 20), at_rest)
    assert text == f"--at-rest is {at_rest:g}, but must be 5 to 45 degC."


def test_a_boiler_that_is_not_at_rest() -> None:
    text = sentence(IntegrityFailed, c.at_rest, c.NEW, seen(20, 20, 20, 0.6), 20)
    assert "not at rest: the wall sensor moved by 0.6 K" in text
    text = sentence(IntegrityFailed, c.at_rest, c.NEW, seen(24.1, 23, 21), 22)
    assert "not at rest: wall 24.1 and outlet 21.0 degC differ by more than 3 K" in text


def test_a_sensor_that_is_too_far_off() -> None:
    text = sentence(IntegrityFailed, c.at_rest, c.NEW, seen(20, 20, 20), 23.2)
    assert "The wall sensor reads 20.0 degC where 23.2 degC is true" in text and "3 K is refused" in text
    text = sentence(IntegrityFailed, c.at_boiling, c.NEW, seen(106, 103.1, 40), 100.0)
    assert "The water sensor reads 103.1 degC where 100.0 degC is true" in text
    text = sentence(IntegrityFailed, c.at_boiling, c.NEW, seen(106, NAN, 40), 100.0)
    assert "refused" in text


def test_corrections_do_not_creep_over_the_bound() -> None:
    """2 K and then 2 K more is 4 K of the sensor, which is refused though each step is small."""
    once = c.at_rest(c.NEW, seen(20, 20, 20), 22)
    assert "20.0 degC where 24.0" in sentence(IntegrityFailed, c.at_rest, once, seen(22, 22, 22), 24)


def test_water_that_is_not_on_its_plateau() -> None:
    text = sentence(IntegrityFailed, c.at_boiling, c.NEW, seen(106, 99, 40, 0.7), 100.0)
    assert text.startswith("The water is not on its boiling plateau: its sensor moved by 0.7 K")


def tele(at_s: float, state: int = m.StateValue.STEAM, flags: int = m.FlagBits.STEAM_OK, water: float = 99.0) -> m.Tele:
    return m.Tele(uptime_ms=round(at_s * 1000) % (1 << 30), state=state, flags=flags, water_cdeg=round(water * 100))


def test_the_plateau_is_read_after_half_a_minute_and_for_twenty_seconds() -> None:
    plateau = Plateau()
    begin_s = (1 << 30) / 1000 - 20
    plateau.update(None)
    for i in range(49):
        plateau.update(tele(begin_s + i))
        assert not plateau.enough()
    for i in range(49, 51):
        plateau.update(tele(begin_s + i))
    assert plateau.enough()
    assert len(plateau.samples) == 21
    # The end of the session does not take away what was read.
    plateau.update(tele(begin_s + 51, flags=0))
    plateau.update(tele(begin_s + 52, state=m.StateValue.COOLING))
    assert plateau.enough()
    assert len(plateau.samples) == 21


def test_steam_that_stops_before_the_plateau_is_read_begins_anew() -> None:
    plateau = Plateau()
    for i in range(49):
        plateau.update(tele(i))
    assert plateau.samples and not plateau.enough()
    plateau.update(tele(49, flags=0))
    assert not plateau.samples
    for i in range(50, 99):
        plateau.update(tele(i))
        assert not plateau.enough()
    plateau.update(tele(100))
    assert plateau.enough()


def test_readings_are_means_and_show_what_moves() -> None:
    samples = [m.Tele(wall_cdeg=2000 + 10 * i, water_cdeg=2100, outlet_cdeg=2000 - 10 * (i % 2)) for i in range(30)]
    made = c.readings(samples)
    assert (round(made.wall_c, 2), made.water_c, round(made.outlet_c, 2)) == (21.45, 21.0, 19.95)
    assert [round(each, 2) for each in made.moved_k] == [2.0, 0.0, 0.0]


# Steam ------------------------------------------------------------------------------------------------------------


def test_gain_from_a_weighing_builds_on_the_old_one() -> None:
    new = c.by_weight(c.NEW, 11.0, 10.0, 180)
    assert new.gain_permille == 1100
    assert c.by_weight(new, 11.0, 11.0, 180).gain_permille == 1100
    assert c.by_weight(new, 10.0, 11.0, 180).gain_permille == 1000


@pytest.mark.parametrize(
    ("weighed", "believed", "steam_s", "words"),
    [
        (12.0, 12.0, 59, "59 s of verified steam"),
        (4.9, 5.0, 180, "too little"),
        (NAN, 12.0, 180, "too little"),
        (math.inf, 12.0, 180, "makes a gain of inf"),
        (12.0, 0.0, 180, "does not know how much"),
        (12.0, NAN, 180, "does not know how much"),
        (8.3, 12.0, 180, "makes a gain of 0.69"),
        (15.7, 12.0, 180, "makes a gain of 1.31"),
    ],
)
def test_a_weighing_that_cannot_be(weighed: float, believed: float, steam_s: float, words: str) -> None:
    assert words in sentence(IntegrityFailed, c.by_weight, c.NEW, weighed, believed, steam_s)


def test_a_gain_may_not_creep_over_its_bound() -> None:
    once = c.by_weight(c.NEW, 12.0, 10.0, 180)
    assert "gain of 1.44" in sentence(IntegrityFailed, c.by_weight, once, 12.0, 10.0, 180)


def test_weights() -> None:
    assert c.weighed_g(None, None, None) is None
    assert c.weighed_g(250.0, None, None) is None
    assert c.weighed_g(250.0, 238.0, None) == 12.0
    assert c.weighed_g(None, None, 11.5) == 11.5
    assert "not below the one before" in sentence(UsageProblem, c.weighed_g, 238, 250, None)
    assert "either --grams" in sentence(UsageProblem, c.weighed_g, 250, None, 12)
    for value in (NAN, math.inf, 0.0, -1.0, 1e6):
        assert "--grams is" in sentence(UsageProblem, c.weighed_g, None, None, value)
        assert "--before is" in sentence(UsageProblem, c.weighed_g, value, 200, None)
        assert "--after is" in sentence(UsageProblem, c.weighed_g, 200, value, None)


def test_rated_power() -> None:
    assert c.rated_power(c.NEW, 350.04).element_dw == 3500
    for watts in (NAN, math.inf, 99.9, 1000.1, -400.0):
        assert "The rated power is" in sentence(UsageProblem, c.rated_power, c.NEW, watts)


# The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    """A scripted device on the port `fake0` that takes a calibration and gives it back."""
    device = FakeDevice()
    kept = [c.NEW.pack()]

    def put(payload: bytes) -> Message:
        kept[0] = payload
        return m.CalSetReply(payload)

    device.answers[m.CalGetRequest.ID] = lambda _: m.CalGetReply(kept[0])
    device.answers[m.CalSetRequest.ID] = put
    device.answers[m.DescaleDoneRequest.ID] = m.DescaleDoneReply()
    monkeypatch.setattr(find, "open_port", lambda name, **_: device.port)
    return device


class NoTerminal:
    def isatty(self) -> bool:
        return False


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", NoTerminal())
    monkeypatch.setattr(find, "resolve", lambda name: name or "fake0")


def test_show_and_set(capsys: Capture, fake: FakeDevice) -> None:
    got = call(capsys, "calibrate", "show", "--json")
    assert json.loads(got.out)["element_W"] == 400
    got = call(capsys, "calibrate", "element", "350", "--json")
    made = json.loads(got.out)
    assert (made["old"]["element_W"], made["new"]["element_W"]) == (400, 350)
    got = call(capsys, "calibrate", "reset")
    assert got.status == 0 and "350" in got.out and "400" in got.out
    assert call(capsys, "calibrate", "descaled").status == 0
    assert m.DescaleDoneRequest.ID in fake.executed


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("sensors",), 2, "Give --at-rest for the low point"),
        (("sensors", "--at-rest", "nan"), 2, "--at-rest is nan"),
        (("sensors", "--at-rest", "60"), 2, "--at-rest is 60"),
        (("sensors", "--boiling-c", "70"), 2, "--boiling-c is 70"),
        (("sensors", "--altitude-m", "9000"), 2, "--altitude-m is 9000"),
        (("sensors", "--pressure-hpa", "inf"), 2, "--pressure-hpa is inf"),
        (("sensors", "--altitude-m", "0", "--boiling-c", "99"), 2, "in one way"),
        (("steam",), 2, "Nobody can be asked here"),
        (("steam", "--before", "250"), 2, "Nobody can be asked here"),
        (("steam", "--grams", "nan"), 2, "--grams is nan"),
        (("steam", "--before", "200", "--after", "210"), 2, "not below the one before"),
        (("element", "nan"), 2, "The rated power is nan"),
        (("element", "1200"), 2, "The rated power is 1200"),
    ],
)
def test_what_is_typed_wrong_changes_nothing(
    capsys: Capture, fake: FakeDevice, arguments: tuple[str, ...], status: int, words: str
) -> None:
    got = call(capsys, "calibrate", *arguments)
    assert got.status == status
    assert words in one_sentence(got)
    assert m.CalSetRequest.ID not in fake.executed and m.ArmRequest.ID not in fake.executed


@pytest.mark.parametrize(
    ("status", "grams", "words"),
    [
        ({"state": 5, "session": 3, "steam_s": 40, "steam_mg": 3000}, "6", "40 s of verified steam"),
        ({"state": 5, "session": 3, "steam_s": 180, "steam_mg": 12_000}, "4", "too little"),
        ({"state": 5, "session": 3, "steam_s": 180, "steam_mg": 12_000}, "20", "gain of 1.67"),
        ({"state": 3, "session": 3, "steam_s": 180, "steam_mg": 12_000}, "12", "A session is running"),
        ({"state": 0, "session": 0}, "12", "There was no session"),
    ],
)
def test_a_weighing_that_cannot_be_changes_nothing(
    capsys: Capture, fake: FakeDevice, status: dict[str, int], grams: str, words: str
) -> None:
    fake.status = {"flags": 0xDC, **status}
    got = call(capsys, "calibrate", "steam", "--last", "--grams", grams)
    assert got.status in (2, 30)
    assert words in one_sentence(got)
    assert m.CalSetRequest.ID not in fake.executed


def test_the_last_session_weighed(capsys: Capture, fake: FakeDevice) -> None:
    fake.status = {"flags": 0xDC, "state": 5, "session": 3, "steam_s": 180, "steam_mg": 12_000}
    got = call(capsys, "calibrate", "steam", "--last", "--before", "262.2", "--after", "249", "--json")
    made = json.loads(got.out)
    assert made["new"]["steam_gain"] == 1.1 and made["believed_g"] == 12.0
    assert json.loads(call(capsys, "calibrate", "show", "--json").out)["steam_gain"] == 1.1


def test_the_device_has_the_last_word(capsys: Capture, fake: FakeDevice) -> None:
    fake.refuse[m.CalSetRequest.ID] = 502
    got = call(capsys, "calibrate", "element", "350")
    assert got.status == 20 and "STORE_FAILED" in one_sentence(got)
    fake.refuse[m.CalSetRequest.ID] = 401
    fake.status = {"flags": 0xDC, "state": 3}
    got = call(capsys, "calibrate", "element", "350")
    assert got.status == 20 and "a session is running" in one_sentence(got)
    fake.status = {"flags": 0xDC, "state": 5}
    before = fake.port.clock.now()
    assert call(capsys, "calibrate", "element", "350").status == 20
    # A relay that just opened is waited for, and not for ever.
    assert 1.5 < fake.port.clock.now() - before < 5
    fake.refuse.clear()
    fake.answers[m.CalSetRequest.ID] = m.CalSetReply(bytes(22))
    got = call(capsys, "calibrate", "element", "350")
    assert got.status == 30 and "did not store the calibration as it was sent" in one_sentence(got)


def test_a_refused_field_is_named() -> None:
    message = m.CalSetRequest(c.NEW.pack())
    text = str(refusals.refusal(m.ErrorReply(message.ID, 3, 6, 4000), message))
    assert "OUT_OF_RANGE" in text and text.endswith("[water_high_mk].")


@pytest.mark.parametrize("command", [("calibrate", "show"), ("tune",), ("calibrate", "descaled")])
def test_an_older_device_says_so(capsys: Capture, fake: FakeDevice, command: tuple[str, ...]) -> None:
    for request in (m.CalGetRequest, m.DescaleDoneRequest):
        fake.answers.pop(request.ID)
    got = call(capsys, *command)
    assert got.status == 15
    assert "UNKNOWN_MESSAGE" in one_sentence(got)


def test_a_device_in_use_is_not_at_rest(capsys: Capture, fake: FakeDevice) -> None:
    fake.status = {"flags": 0xDC, "state": 5}
    got = call(capsys, "calibrate", "sensors", "--at-rest", "21")
    assert got.status == 30
    assert "not at rest: the device is in state 'cooling'" in got.err
