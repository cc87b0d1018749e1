# SPDX-License-Identifier: Apache-2.0
"""The books of a heat-up: what is settled of metal and water once the onset of boiling is known."""

import pytest

from podsteam_firmware.heat.energy import Energy
from podsteam_firmware.heat.fill import Fill
from podsteam_firmware.heat.onset import Onset
from podsteam_firmware.heat.settings import METAL_J_K, Settings
from podsteam_firmware.sense import Sense

POWER_DW = 3000


def books(metal_j_k: int = METAL_J_K) -> Energy:
    """Heat has begun in a boiler of 20 degC; `metal_j_k` is what is believed of its metal."""
    settings = Settings()
    settings.metal_j_k = metal_j_k
    settings.capacity_j_k = metal_j_k + 240
    energy = Energy(settings)
    sense = Sense()
    sense.wall_mc = sense.water_mc = sense.outlet_mc = 20_000
    energy.begin(sense)
    energy.net_dw = POWER_DW
    return energy


def onset(metal_j_k: int, water_j_k: int, shown_j_k: int, lead_ms: int = 1500) -> Onset:
    """A rise of the wall by 90 K and of the water by 80 K; `shown_j_k` is what the ramp said of the water."""
    found = Onset()
    found.wall_mc = 110_000
    found.point_mc = 100_000
    found.net_j = 90 * metal_j_k + 80 * water_j_k + POWER_DW * lead_ms // 20_000
    found.water_j_k = shown_j_k
    return found


class Shown(Fill):
    """A rise that has shown these; 10 J/K less metal are 12 J/K more water."""

    def __init__(self, metal_j_k: int = 0, water_j_k: int = 0) -> None:
        super().__init__()
        self.metal_j_k = metal_j_k
        self._water = water_j_k

    def water_j_k(self, metal_j_k: int) -> int:
        return self._water + (self.metal_j_k - metal_j_k) * 12 // 10 if self._water else 0


def test_the_first_session_tells_metal_and_water_apart() -> None:
    energy = books()
    assert energy.settle(onset(100, 200, 230), Shown(100, 200), True)
    assert energy.metal_j_k == 100
    assert energy.water_j_k == pytest.approx(200, abs=1)


def test_the_water_is_the_mean_of_what_the_rise_and_its_energy_say() -> None:
    energy = books()
    assert energy.settle(onset(100, 200, 0), Shown(100, 220), True)
    assert energy.water_j_k == pytest.approx(210, abs=1)


def test_a_learned_metal_follows_by_half() -> None:
    """This rise says 20 J/K too much of the metal, so 24 too little of the water: half of that is left."""
    energy = books(metal_j_k=100)
    assert energy.settle(onset(100, 60, 48), Shown(120, 36), True)
    assert energy.metal_j_k == 110
    assert energy.water_j_k == pytest.approx(48, abs=2)


def test_a_learned_metal_serves_where_the_rise_shows_nothing() -> None:
    energy = books(metal_j_k=100)
    assert energy.settle(onset(100, 60, 0), Shown(), True)
    assert energy.metal_j_k == 100
    assert energy.water_j_k == pytest.approx(60, abs=2)


def test_the_last_part_of_the_rise_serves_where_nothing_else_does() -> None:
    energy = books()
    assert energy.settle(onset(100, 60, 75), Shown(), True)
    assert (energy.metal_j_k, energy.water_j_k) == (METAL_J_K, 75)


def test_without_any_the_water_is_not_known() -> None:
    energy = books()
    before = energy.water_j_k
    assert not energy.settle(onset(100, 60, 0), Shown(), True)
    assert (energy.metal_j_k, energy.water_j_k) == (METAL_J_K, before)


def test_a_warm_start_leaves_the_metal_alone() -> None:
    energy = books(metal_j_k=100)
    assert energy.settle(onset(100, 200, 210), Shown(150, 90), False)
    assert (energy.metal_j_k, energy.water_j_k) == (100, 210)


def test_a_metal_beyond_the_bounds_is_taken_at_the_bound() -> None:
    """Water that does not mix with the one at its sensor looks like metal."""
    energy = books()
    assert energy.settle(onset(230, 120, 0), Shown(260, 90), True)
    assert energy.metal_j_k == 230
    assert energy.water_j_k == pytest.approx((90 + 36 + 120) // 2, abs=2)
    energy = books()
    assert energy.settle(onset(55, 120, 0), Shown(40, 140), True)
    assert energy.metal_j_k == 55


def test_energy_alone_tells_the_water_where_the_sums_leave_none() -> None:
    energy = books()
    assert energy.settle(onset(100, 60, 0), Shown(100, 0), True)
    assert energy.water_j_k == pytest.approx(60, abs=2)
