# SPDX-License-Identifier: Apache-2.0
"""From weighed shots to the valve's calibration, and the one sentence for what cannot be; a shot in one line."""

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable
from statistics import linear_regression
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podsteam import dosing
from podsteam.dosing import Run
from podsteam.errors import IntegrityFailed, PodsteamError, UsageProblem
from podsteam.shots import Shots
from podsteam.wire.messages import DoseCalibration, DoseValue, Event, EventValue
from podsteam_firmware.dose import calibration as device

NAN = math.nan
FLOW = 400


def runs(gain: float, dead_us: float, *noise: float) -> list[Run]:
    """What a valve of this gain and dead time delivers under the calibration of a new unit."""
    made: list[Run] = []
    for i, off_mg in enumerate(noise or (0, 0, 0, 0)):
        volume = 50_000 if i % 2 else 12_500
        width_us = 3000 + volume * 1000 / FLOW
        made.append(Run(volume, 10, (width_us - dead_us) * FLOW * gain / 100_000 + off_mg))
    return made


def sentence(kind: type[PodsteamError], function: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(kind) as caught:
        function(*arguments)
    assert caught.value.status == (2 if kind is UsageProblem else 30)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    return str(caught.value)


def fit(*arguments: Any) -> DoseCalibration:
    weighed = runs(*arguments)
    return dosing.calibrated(dosing.NEW, dosing.line(weighed), FLOW, weighed, 21.0, 20_600)


def test_bounds_are_the_devices() -> None:
    assert (
        (device._LOW[0], device._HIGH[0]),
        (device._LOW[1], device._HIGH[1]),
    ) == (dosing.GAIN_PERMILLE, dosing.DEAD_US)
    assert device._HIGH[2] == dosing.MOST_P95_PERMILLE and device._HIGH[4] == 10 * 5
    c = dosing.NEW
    assert (c.gain_permille, c.dead_us, c.p95_permille, c.temp_cdeg, c.temp_permille_k, c.pulses, c.day) == device.NEW


@given(st.floats(0.6, 1.4), st.floats(1000, 8000))
def test_gain_and_dead_time_are_found(gain: float, dead_us: float) -> None:
    made = fit(gain, dead_us)
    assert abs(made.gain_permille - 1000 * gain) <= 1
    assert abs(made.dead_us - dead_us) <= 150
    assert made.p95_permille <= 21
    assert (made.temp_cdeg, made.temp_permille_k, made.pulses, made.day) == (2100, 20, 40, 20_600)
    assert device.check((made.gain_permille, made.dead_us, made.p95_permille, made.temp_cdeg, 20, 40, 20_600)) == -1


def test_noise_widens_the_confidence() -> None:
    quiet, loud = dosing.line(runs(1, 3000, 0.2, -0.3, -0.2, 0.4)), dosing.line(runs(1, 3000, 2, -3, -2, 4))
    assert loud.slope_error > 8 * quiet.slope_error and loud.offset_error_nl > 8 * quiet.offset_error_nl
    assert loud.p95_permille > quiet.p95_permille > 20
    assert abs(loud.slope - 1) < loud.slope_error and abs(loud.offset_nl) < loud.offset_error_nl


def test_the_line_against_pythons_own_and_its_errors_by_hand() -> None:
    """Points (10, 10.2), (20, 19.7), (30, 30.4) uL: residuals 0.2, -0.4, 0.2; s = 0.4899; t of one degree: 12.706."""
    weighed = [Run(10_000, 10, 102.0), Run(20_000, 10, 197.0), Run(30_000, 10, 304.0)]
    deviation = math.sqrt(0.1**2 + 0.2**2 + 0.1**2) * 2
    fitted = linear_regression([10, 20, 30], [10.2, 19.7, 30.4])
    with pytest.raises(IntegrityFailed, match=f"a slope of {fitted.slope:.2f} .* {12.706 * deviation / 200**0.5:.2f};"):
        dosing.line(weighed)
    many = [*weighed, *weighed, *weighed]
    made = dosing.line(many)
    assert math.isclose(made.slope, fitted.slope) and math.isclose(made.offset_nl, 1000 * fitted.intercept)
    deviation = math.sqrt(3 * 0.24 / 7)
    assert math.isclose(made.slope_error, 2.365 * deviation / 600**0.5)
    assert math.isclose(made.offset_error_nl, 2365 * deviation * math.sqrt(1 / 9 + 400 / 600))


def test_density_counts() -> None:
    weighed = runs(1.0, 3000)
    assert abs(dosing.line(weighed, 1.25).slope - 0.8) < 1e-9
    assert "density is 3" in sentence(UsageProblem, dosing.line, weighed, 3.0)
    assert "density is nan" in sentence(UsageProblem, dosing.line, weighed, NAN)


@pytest.mark.parametrize(
    ("weighed", "words"),
    [
        (runs(1, 3000)[:2], "takes 3 runs or more with two volumes; there are 2"),
        ([Run(50_000, 10, 500)] * 4, "two volumes"),
        (runs(1, 3000, 0, 0, 0, -500), "Run 4 weighs 0 mg: nothing was delivered"),
        (runs(1, 3000, 0, NAN, 0, 0), "Run 2 weighs nan mg"),
        (runs(1, 3000, 0, -300, 0, 300), "do not lie on a line"),
        ([Run(12_500, 10, 500), Run(50_000, 10, 125), Run(12_500, 10, 500)], "do not lie on a line"),
    ],
)
def test_what_makes_no_line(weighed: list[Run], words: str) -> None:
    assert words in sentence(IntegrityFailed, dosing.line, weighed)


def test_what_no_valve_has() -> None:
    assert "gives 160 % of what" in sentence(IntegrityFailed, fit, 1.6, 3000)
    assert "gives 40 % of what" in sentence(IntegrityFailed, fit, 0.4, 3000)
    assert "dead time of 0.1 ms" in sentence(IntegrityFailed, fit, 1.0, 100)
    assert "dead time of 25.0 ms" in sentence(IntegrityFailed, fit, 1.0, 25_000)
    weighed = runs(1.0, 3000)
    text = sentence(UsageProblem, dosing.calibrated, dosing.NEW, dosing.line(weighed), FLOW, weighed, 20.0, 0, 9.0)
    assert "--per-kelvin is 9" in text


def test_weights_of_a_podlet() -> None:
    assert dosing.mass_mg(9000, 8500) == 500
    for before, after, words in (
        (8500, 9000, "is not below the one before"),
        (500, 500, "is not below"),
        (0, 1, "The weight before, 0"),
        (1, NAN, "The weight after, nan"),
        (math.inf, 1, "The weight before, inf"),
    ):
        assert words in sentence(UsageProblem, dosing.mass_mg, before, after)


def test_the_picture_is_a_whole_document() -> None:
    weighed = runs(1.1, 4000, 1, -1, 0, 2)
    drawn = ET.fromstring(dosing.picture(weighed, dosing.line(weighed), 1.0))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}circle")) == 4
    assert any("slope 1." in (each.text or "") for each in drawn.iter())


# A shot in one line -----------------------------------------------------------------------------------------------


def told(*events: tuple[int, int, int]) -> list[tuple[str, str]]:
    shots = Shots()
    return [shots.take(Event(i, 0, *event)) for i, event in enumerate(events)]


def test_a_shot_says_intended_capped_why_delivered_and_whether_that_is_certain() -> None:
    reasons = 1 << DoseValue.SHOT_CAP | 1 << DoseValue.DAY_CAP
    lines = told(
        (EventValue.DOSE_WANTED, 80_000, reasons),
        (EventValue.DOSE_REDUCED, DoseValue.DAY_CAP, 30_000),
        (EventValue.DOSE_INTENT, 30_000, 4),
        (EventValue.DOSE_RESULT, DoseValue.GIVEN, 30_000),
        (EventValue.DOSE_INTENT, 50_000, 5),
        (EventValue.DOSE_RESULT, DoseValue.ASSUMED, 50_000),
    )
    assert [level for _, level in lines] == ["detail", "detail", "detail", "good", "detail", "note"]
    assert lines[3][0] == "Dose given: 30.0 µL (80.0 µL wanted, capped: most in one shot, most in 24 hours)"
    assert lines[5][0] == "Dose not confirmed, counted as given: 50.0 µL"


def test_what_was_refused_says_nothing_of_the_shot_before() -> None:
    lines = told(
        (EventValue.DOSE_WANTED, 80_000, 1 << DoseValue.SHOT_CAP),
        (EventValue.DOSE_REFUSED, DoseValue.NO_STEAM, 80_000),
        (EventValue.DOSE_RESULT, DoseValue.GIVEN, 30_000),
    )
    assert lines[1][0].startswith("Dose refused: steam is not verified")
    assert lines[2][0] == "Dose given: 30.0 µL"


def test_an_older_device_tells_only_the_last_reason() -> None:
    lines = told(
        (EventValue.DOSE_REDUCED, DoseValue.SESSION_CAP, 30_000), (EventValue.DOSE_RESULT, DoseValue.GIVEN, 30_000)
    )
    assert lines[1][0] == "Dose given: 30.0 µL (capped: most in one session)"
