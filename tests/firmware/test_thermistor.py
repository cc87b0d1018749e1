# SPDX-License-Identifier: Apache-2.0
"""The thermistor's table against the Beta equation it was made from."""

import math

from checked_int import CheckedInt
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.heat import thermistor
from podsteam_firmware.heat.thermistor import temperature_mc

NOMINAL_UV = 1_250_000


def ratio(celsius: float) -> float:
    """Divider ratio by the Beta equation: 100 kOhm at 25 degC, 3950 K, 22.0 kOhm pull-up."""
    ohm = 100e3 * math.exp(3950.0 * (1 / (celsius + 273.15) - 1 / 298.15))
    return ohm / (ohm + 22e3)


def point(celsius: float) -> float:
    """Where the table's chord is off as much at its ends as in its middle."""
    return ratio(celsius) - (ratio(celsius - 1) - 2 * ratio(celsius) + ratio(celsius + 1)) / 16


def test_table_is_the_beta_equation() -> None:
    """The generator: this line made the table."""
    table = b"".join(round(65536 * point(celsius)).to_bytes(2, "big") for celsius in range(-20, 201))
    assert table == thermistor._RATIO


def entries() -> list[int]:
    """The table, x 131072."""
    table = thermistor._RATIO
    return [int.from_bytes(table[i : i + 2], "big") * 2 for i in range(0, len(table), 2)]


def test_the_search_begins_at_the_last_entry_above_its_stretch() -> None:
    """The generator of the second table; the first and last entries are written out once more."""
    ratios = entries()
    above = [[i for i, entry in enumerate(ratios[:-1]) if entry > (part << 9) + 511] for part in range(256)]
    assert bytes(max(each, default=0) for each in above) == thermistor._BELOW
    assert (ratios[0], ratios[-1]) == (thermistor._COLDEST, thermistor._HOTTEST)


def test_every_ratio_is_found_between_its_entries() -> None:
    ratios = entries()
    at = 0
    for x in range(ratios[0] - 1, ratios[-1], -1):
        while ratios[at + 1] > x:
            at += 1
        share = (ratios[at] - x) * 1000 // (ratios[at] - ratios[at + 1])
        assert temperature_mc(x, 65536) == -20000 + at * 1000 + share


def error_k(low: float, high: float) -> float:
    """Largest error of a reading from `low` to `high` degC, in steps of 0.1 K."""
    points = [tenths / 10 for tenths in range(round(low * 10), round(high * 10) + 1)]
    return max(abs(temperature_mc(round(2.0 * NOMINAL_UV * ratio(c)), NOMINAL_UV) / 1000 - c) for c in points)


def test_error_within_fifteen_thousandths_of_a_kelvin() -> None:
    """Keeping warm is judged in hundredths."""
    assert error_k(0, 160) <= 0.015


def test_resolution_at_boiling() -> None:
    """One step of 100 uV, the finest the board gives, is not lost at 100 degC (10 mK)."""
    uv = round(2 * NOMINAL_UV * ratio(100.0))
    assert 0 < temperature_mc(uv, NOMINAL_UV) - temperature_mc(uv + 100, NOMINAL_UV) <= 20


@given(st.floats(0.0, 160.0), st.floats(0.9, 1.1))
def test_supply_and_gain_errors_cancel(celsius: float, gain: float) -> None:
    """A supply or converter that reads 10 % wrong moves both channels alike."""
    reference = round(NOMINAL_UV * gain)
    measured = temperature_mc(round(2 * NOMINAL_UV * gain * ratio(celsius)), reference)
    assert abs(measured / 1000 - celsius) <= 0.12


@given(st.integers(0, 4_000_000), st.integers(0, 100_000))
def test_hotter_is_less_voltage(uv: int, more: int) -> None:
    assert temperature_mc(min(uv + more, 4_000_000), NOMINAL_UV) <= temperature_mc(uv, NOMINAL_UV)


def test_clamped_outside_the_table() -> None:
    assert temperature_mc(2_499_999, NOMINAL_UV) == -20_000
    assert temperature_mc(2_500_000, NOMINAL_UV) == -20_000
    assert temperature_mc(4_000_000, NOMINAL_UV) == -20_000
    assert temperature_mc(0, NOMINAL_UV) == 200_000
    assert temperature_mc(-5, NOMINAL_UV) == 200_000
    assert temperature_mc(round(2 * NOMINAL_UV * ratio(205.0)), NOMINAL_UV) == 200_000


def test_dead_supply_reads_hot() -> None:
    """Without a reference nothing may look cold enough to heat."""
    assert temperature_mc(1_000_000, 0) == 200_000
    assert temperature_mc(1_000_000, -1) == 200_000


@given(st.integers(-10, 4_000_000), st.integers(-10, 4_000_000))
def test_small_integers_and_range(uv: int, reference: int) -> None:
    """No intermediate reaches 2^30, and every answer is a temperature of the table."""
    assert -20_000 <= temperature_mc(CheckedInt(uv), CheckedInt(reference)) <= 200_000
