# SPDX-License-Identifier: Apache-2.0
"""Time and energy of a session, counted in half-cycles."""

import pytest

from podsteam_firmware.safety.budget import Budget
from podsteam_protocol import messages as m

NOMINAL_UV = 1_150_000


def test_a_new_budget_is_empty() -> None:
    budget = Budget()
    assert (budget.halves, budget.energy, budget.rate) == (0, 0, 100)


@pytest.mark.parametrize("rate", [100, 120])
def test_thirty_minutes_and_a_second_of_wanted_heat(rate: int) -> None:
    budget = Budget()
    budget.rate = rate
    assert budget.step(1801 * rate, 0, NOMINAL_UV) == 0
    assert budget.step(0, 0, NOMINAL_UV) == 0
    assert budget.step(1, 0, NOMINAL_UV) == m.CODE_MAX_ON_TIME


@pytest.mark.parametrize("rate", [100, 120])
def test_twenty_five_minutes_of_full_power(rate: int) -> None:
    budget = Budget()
    budget.rate = rate
    assert budget.step(0, 1500 * rate, NOMINAL_UV) == 0
    assert budget.energy == 1500 * rate * 1000
    assert budget.step(0, 1, NOMINAL_UV) == m.CODE_ENERGY_BUDGET


@pytest.mark.parametrize(
    ("mains_uv", "weight"), [(1_150_000, 1000), (1_265_000, 1210), (1_000_500, 756), (977_500, 722), (0, 0)]
)
def test_a_half_cycle_weighs_by_its_voltage_squared(mains_uv: int, weight: int) -> None:
    budget = Budget()
    budget.step(0, 7, mains_uv)
    assert budget.energy == 7 * weight


def test_a_wild_voltage_is_cut_off() -> None:
    budget = Budget()
    budget.step(0, 1, 1 << 29)
    assert budget.energy == 3000 * 3000 // 5290


@pytest.mark.parametrize("name", ["halves", "energy", "_halves_inverse", "_energy_inverse"])
def test_a_flipped_bit_is_a_fault(name: str) -> None:
    budget = Budget()
    budget.step(5, 5, NOMINAL_UV)
    setattr(budget, name, getattr(budget, name) ^ 16)
    assert budget.step(5, 5, NOMINAL_UV) == m.CODE_MEMORY
    assert (budget.halves, budget.energy) == (0, 0)
    assert budget.step(5, 5, NOMINAL_UV) == 0


@pytest.mark.parametrize("rate", [100, 120])
def test_what_was_spent_is_told_in_permille(rate: int) -> None:
    budget = Budget()
    budget.rate = rate
    budget.step(0, 750 * rate - 1, NOMINAL_UV)
    assert budget.spent() == 499
    budget.step(0, 1, NOMINAL_UV)
    assert budget.spent() == 500


def test_restart() -> None:
    budget = Budget()
    budget.step(5, 5, NOMINAL_UV)
    budget.restart()
    assert (budget.halves, budget.energy) == (0, 0)
    assert budget.step(1, 1, NOMINAL_UV) == 0
    assert (budget.halves, budget.energy) == (1, 1000)
