# SPDX-License-Identifier: Apache-2.0
"""The calibration of one unit: bounds with the field at fault, two copies, and what the sensors make of it."""

import struct
from pathlib import Path

import pytest
from effort import tries
from hypothesis import given
from hypothesis import strategies as st
from params_checks import FileHal
from small_boiler import uv_of

from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.sense import Sense
from podsteam_firmware.signals import Inputs
from podsteam_firmware.store import calibration, params
from podsteam_protocol import messages as m
from podsteam_protocol import schema

NAMES = [name for name, *_ in next(fields for name, _, fields in schema.STRUCTS if name == "CALIBRATION")]
GOOD = (3600, 1080, 500, -400, 120, 2150, 900, 9940, 240, 700, 90)


def altered(name: str, value: int) -> tuple[int, ...]:
    """`GOOD` with one value changed."""
    values = list(GOOD)
    values[NAMES.index(name)] = value
    return tuple(values)


def test_layout_is_the_protocols() -> None:
    assert calibration.CAL[-1][0] == m.CALIBRATION_FMT
    assert struct.calcsize(m.CALIBRATION_FMT) == calibration.SIZE
    assert len(NAMES) == len(calibration.NEW) == len(GOOD)


def test_what_was_once_written_is_read_for_ever() -> None:
    assert [layout for layout, _ in calibration.CAL] == ["<HHhhhhhhHHH"]


def test_a_new_unit_and_a_calibrated_one_are_within_the_bounds() -> None:
    assert calibration.check(calibration.NEW) == -1
    assert calibration.check(GOOD) == -1


@pytest.mark.parametrize(
    ("name", "low", "high", "zero"),
    [
        ("element_dw", 1000, 10000, False),
        ("gain_permille", 700, 1300, False),
        ("wall_low_mk", -3000, 3000, True),
        ("water_low_mk", -3000, 3000, True),
        ("outlet_low_mk", -3000, 3000, True),
        ("low_cdeg", 500, 4500, False),
        ("water_high_mk", -3000, 3000, True),
        ("high_cdeg", 8000, 10600, False),
        ("hold_gain_dw_k", 10, 500, True),
        ("hold_integral_ds", 100, 6000, True),
        ("hold_derivative_ds", 5, 600, True),
    ],
)
def test_bounds_name_the_field(name: str, low: int, high: int, zero: bool) -> None:
    at = NAMES.index(name)
    for value in (low, high):
        assert calibration.check(altered(name, value)) == -1
    for value in (low - 1, high + 1):
        assert calibration.check(altered(name, value)) == at
    assert (calibration.check(altered(name, 0)) == -1) is zero


def test_a_high_correction_needs_its_point() -> None:
    values = list(GOOD)
    values[NAMES.index("high_cdeg")] = 0
    assert calibration.check(tuple(values)) == NAMES.index("water_high_mk")
    values[NAMES.index("water_high_mk")] = 0
    assert calibration.check(tuple(values)) == -1


def test_it_is_there_at_the_next_start_and_written_once() -> None:
    hal = FileHal()
    assert calibration.recall(hal) == calibration.NEW
    assert calibration.keep(hal, GOOD) and calibration.recall(hal) == GOOD
    writes = len(hal.written)
    assert calibration.keep(hal, GOOD) and len(hal.written) == writes


@pytest.mark.parametrize("left", [b"", bytes(38), b"PSet"])
def test_a_failed_write_leaves_the_old_set(left: bytes) -> None:
    hal = FileHal()
    assert calibration.keep(hal, GOOD)
    hal.leave = left
    assert not calibration.keep(hal, altered("gain_permille", 900))
    assert calibration.recall(hal) == GOOD
    hal.failing = True
    assert not calibration.keep(hal, altered("gain_permille", 900))
    assert calibration.recall(hal) == GOOD


@given(st.integers(0, len(GOOD) - 1), st.integers(-32768, 32767))
@tries(200)
def test_nonsense_with_a_good_checksum_is_not_believed(at: int, value: int) -> None:
    layout = m.CALIBRATION_FMT[1:]
    values = list(GOOD)
    values[at] = value & 0xFFFF if layout[at] == "H" else value
    hal = FileHal()
    assert params.save(hal, "cal", calibration.CAL, tuple(values))
    expected = tuple(values) if calibration.check(tuple(values)) < 0 else calibration.NEW
    assert calibration.recall(hal) == expected


# What the sensors make of it --------------------------------------------------------------------------------------


def shown(values: tuple[int, ...], true_c: float) -> tuple[int, int, int]:
    """Wall, water and outlet in milli-degC where all three sensors read `true_c`."""
    sense = Sense()
    calibration.apply(values, sense, Settings())
    inputs = Inputs()
    inputs.reference_uv = 1_250_000
    inputs.wall_uv = inputs.water_uv = inputs.outlet_uv = round(uv_of(true_c))
    sense.update(50, inputs)
    return sense.wall_mc, sense.water_mc, sense.outlet_mc


@pytest.mark.parametrize("true_c", [0.0, 21.5, 60.0, 99.4, 140.0])
def test_corrections_are_added_where_they_were_measured(true_c: float) -> None:
    plain = shown(calibration.NEW, true_c)
    wall, water, outlet = shown(GOOD, true_c)
    share = min(max((plain[1] - 21_500) / (99_400 - 21_500), 0), 1)
    assert wall - plain[0] == 500
    assert outlet - plain[2] == 120
    assert abs(water - plain[1] - (-400 + 1300 * share)) <= 2


def test_without_a_high_point_the_water_is_off_by_the_same_everywhere() -> None:
    values = calibration.NEW[:3] + (-1234,) + calibration.NEW[4:]
    for true_c in (5.0, 50.0, 100.0):
        assert shown(values, true_c)[1] - shown(calibration.NEW, true_c)[1] == -1234


def test_another_set_replaces_all_of_the_first() -> None:
    sense, believed, inputs = Sense(), Settings(), Inputs()
    inputs.reference_uv = 1_250_000
    inputs.wall_uv = inputs.water_uv = inputs.outlet_uv = round(uv_of(80.0))
    calibration.apply(GOOD, sense, believed)
    assert (sense.element_dw, believed.gain_permille) == (3600, 1080)
    assert (believed.hold_gain_dw_k, believed.hold_integral_ds, believed.hold_derivative_ds) == (240, 700, 90)
    calibration.apply(calibration.NEW, sense, believed)
    sense.update(50, inputs)
    assert (sense.wall_mc, sense.water_mc, sense.outlet_mc) == shown(calibration.NEW, 80.0)
    assert (sense.element_dw, believed.gain_permille, believed.hold_gain_dw_k) == (4000, 1000, 0)


def test_the_supervisor_does_not_know_of_it() -> None:
    folder = Path(calibration.__file__).parents[1] / "safety"
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "calibration" not in text and "podsteam_firmware.sense" not in text, path.name
