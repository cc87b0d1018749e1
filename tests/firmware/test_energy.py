# SPDX-License-Identifier: Apache-2.0
"""The books of a heat-up: what is settled of metal and water once the onset of boiling is known."""

import pytest

from podsteam_firmware.heat.energy import Energy
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


def test_the_first_session_tells_metal_and_water_apart() -> None:
    energy = books()
    assert energy.settle(onset(100, 200, 200), True)
    assert energy.metal_j_k == pytest.approx(100, abs=1)
    assert energy.water_j_k == 200


def test_a_learned_metal_settles_the_water() -> None:
    """The ramp says a fifth too little: with the metal known that moves it by an eighth of what it would."""
    energy = books(metal_j_k=100)
    assert energy.settle(onset(100, 60, 48), True)
    assert 100 <= energy.metal_j_k <= 102
    assert energy.water_j_k == pytest.approx(60, abs=3)


def test_a_learned_metal_serves_where_the_ramp_shows_nothing() -> None:
    energy = books(metal_j_k=100)
    assert energy.settle(onset(100, 60, 0), True)
    assert energy.metal_j_k == 100
    assert energy.water_j_k == pytest.approx(60, abs=2)


def test_without_either_the_water_is_not_known() -> None:
    energy = books()
    before = energy.water_j_k
    assert not energy.settle(onset(100, 60, 0), True)
    assert (energy.metal_j_k, energy.water_j_k) == (METAL_J_K, before)


def test_a_warm_start_leaves_the_metal_alone() -> None:
    energy = books(metal_j_k=100)
    assert energy.settle(onset(100, 200, 210), False)
    assert (energy.metal_j_k, energy.water_j_k) == (100, 210)


def test_an_implausible_metal_is_not_taken() -> None:
    """The ramp would leave 13 J/K to the metal: the whole rise tells then, with the metal as compiled in."""
    energy = books()
    assert energy.settle(onset(METAL_J_K, 120, 252), True)
    assert energy.metal_j_k == METAL_J_K
    assert energy.water_j_k == pytest.approx(120, abs=2)
