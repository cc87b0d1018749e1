# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of the board's document: the charge pump's hold-up over every corner of its parts, the dividers."""

import itertools
import math
import re

import pytest

EDGE_S = 0.05
CONTACT_S = 0.015


@pytest.fixture(scope="module")
def document(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "hw" / "board" / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parts(document: str) -> dict[str, float]:
    scale = {"uF": 1e-6, "kOhm": 1e3}
    rows = re.findall(r"^\| (C1a, C1b|C2|Ra|Rb) \| ([\d.]+) (uF|kOhm) \|", document, re.MULTILINE)
    return {name[:2]: float(value) * scale[unit] for name, value, unit in rows}


class Pump:
    """A store that each edge lifts towards the supply and a resistor empties, before a comparator."""

    def __init__(
        self,
        parts: dict[str, float],
        c1: float = 1,
        c2: float = 1,
        r: float = 1,
        supply_v: float = 12,
        reference_v: float = 2.495,
        into_a: float = 2e-6,
        diode_v: float = 0.3,
    ) -> None:
        first, second = parts["C1"] * c1, parts["C2"] * c2
        upper, lower = parts["Ra"] * r, parts["Rb"] * r
        self.share = first / (first + second)
        self.tau_s = (upper + lower) * second
        self.full_v = supply_v - 2 * diode_v
        self.threshold_v = reference_v * (1 + upper / lower) + into_a * upper

    def after(self, edges: int, period_s: float = EDGE_S) -> float:
        """Voltage after so many edges, from empty."""
        v = 0.0
        for _ in range(edges):
            v *= math.exp(-period_s / self.tau_s)
            v += self.share * (self.full_v - v)
        return v

    def hold_s(self) -> float:
        return self.tau_s * math.log(self.after(100) / self.threshold_v)


@pytest.fixture(scope="module")
def corners(parts: dict[str, float]) -> list[Pump]:
    limits = ((0.95, 1.05), (0.95, 1.05), (0.99, 1.01), (11.4, 12.6), (2.483, 2.507), (0.0, 4e-6), (0.2, 0.4))
    return [Pump(parts, *corner) for corner in itertools.product(*limits)]


def test_the_hold_up_is_the_one_the_firmware_counts_on(parts, corners, document) -> None:
    shortest, longest = (pick(pump.hold_s() for pump in corners) for pick in (min, max))
    assert shortest >= 0.12
    assert longest + CONTACT_S <= 0.25
    assert f"**{shortest * 1000:.0f} to {longest * 1000:.0f} ms**" in document
    nominal = Pump(parts)
    assert f"= {nominal.hold_s() * 1000:.0f} ms`" in document
    assert f"= {nominal.share:.3f}`" in document
    assert f"= {math.exp(-EDGE_S / nominal.tau_s):.3f}`" in document
    assert f"= {nominal.after(100):.1f} V`" in document
    assert f"= {nominal.threshold_v:.2f} V`" in document


def test_one_edge_never_closes_the_relay_and_three_always_do(parts, corners, document) -> None:
    worst = max(pump.after(1) / pump.threshold_v for pump in corners)
    assert worst < 1
    assert f"{worst:.2f} of the threshold" in document
    assert Pump(parts).after(2) > Pump(parts).threshold_v
    assert all(pump.after(3) > pump.threshold_v for pump in corners)


def test_a_missed_tick_does_not_open_it(corners) -> None:
    assert all(pump.hold_s() > 2 * EDGE_S for pump in corners)


def test_a_pin_that_toggles_slowly_does_not_hold_it(corners) -> None:
    for pump in corners:
        assert pump.after(100, 0.2) * math.exp(-0.2 / pump.tau_s) < pump.threshold_v


def ntc_ohm(celsius: float) -> float:
    return 100e3 * math.exp(3950 * (1 / (celsius + 273.15) - 1 / 298.15))


def test_the_dividers_stay_where_the_converter_works(document) -> None:
    volts = {c: 2.5 * ntc_ohm(c) / (ntc_ohm(c) + 22e3) for c in (5, 100, 150)}
    assert all(0.150 < v < 2.450 for v in volts.values())
    assert "5 degC gives {:.2f} V, 100 degC {:.2f} V, 150 degC {:.2f} V".format(*volts.values()) in document
    heating_w = max((2.5 / (ntc_ohm(c) + 22e3)) ** 2 * ntc_ohm(c) for c in range(-20, 200))
    assert f"{heating_w * 1000:.2f} mW at most" in document


def test_mains_sense_is_5_mv_per_volt(document) -> None:
    primary_a = 230 / 115e3
    mean_a = primary_a * 2 * math.sqrt(2) / math.pi
    assert f"burden times gain\n  is {230 * 0.005 / mean_a:.0f} Ohm" in document
    assert primary_a == pytest.approx(0.002)
