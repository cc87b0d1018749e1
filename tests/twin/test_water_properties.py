# SPDX-License-Identifier: Apache-2.0
"""The simulated board's water against PyPI `iapws`, and its air against the table of the standard atmosphere."""

import pytest
from iapws import IAPWS95, IAPWS97

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.plant import Boiler
from podsteam_twin.boiler.water import boiling_c, evaporation_j_g, pressure_pa, saturation_c

ALTITUDES_M = [-100, -50, *range(0, 3001, 250)]
ISO_2533_PA = {0: 101325.0, 500: 95461.3, 1000: 89876.3, 1500: 84559.7, 2000: 79501.4, 2500: 74691.7, 3000: 70121.2}
"""By geometric altitude."""


@pytest.mark.parametrize(("altitude_m", "pa"), ISO_2533_PA.items())
def test_pressure_of_the_standard_atmosphere(altitude_m: float, pa: float) -> None:
    # The table's altitudes are geometric, ours geopotential: 1.4 m of 3000.
    assert pressure_pa(altitude_m) == pytest.approx(pa, rel=2e-4)


@pytest.mark.parametrize("altitude_m", [-2000, -300, 0, 1, 3000, 9000])
def test_the_series_is_the_power(altitude_m: float) -> None:
    assert pressure_pa(altitude_m) == pytest.approx(101325 * (1 - 2.25577e-5 * altitude_m) ** 5.25588, rel=1e-9)


@pytest.mark.parametrize("altitude_m", ALTITUDES_M)
def test_boiling_point(altitude_m: float) -> None:
    """Within 1 mK of the same standard as somebody else wrote it down, within 20 mK of the scientific one."""
    pa = pressure_pa(altitude_m)
    assert boiling_c(pa) == pytest.approx(IAPWS97(P=pa / 1e6, x=0).T - 273.15, abs=0.001)
    assert saturation_c(altitude_m) == pytest.approx(IAPWS95(P=pa / 1e6, x=0).T - 273.15, abs=0.02)


@pytest.mark.parametrize("altitude_m", ALTITUDES_M)
def test_heat_of_evaporation(altitude_m: float) -> None:
    """Within 0.01 %."""
    pa = pressure_pa(altitude_m)
    exact = IAPWS97(P=pa / 1e6, x=1).h - IAPWS97(P=pa / 1e6, x=0).h
    assert evaporation_j_g(saturation_c(altitude_m)) == pytest.approx(exact, rel=1e-4)
    assert evaporation_j_g(saturation_c(altitude_m)) == pytest.approx(
        IAPWS95(P=pa / 1e6, x=1).h - IAPWS95(P=pa / 1e6, x=0).h, rel=2e-4
    )


def test_specific_heat_of_water() -> None:
    """The constant is the mean from cold to boiling, within 0.15 %."""
    for cold_c in (10, 15, 30):
        warmed = IAPWS97(T=373.0, P=0.1014).h - IAPWS97(T=cold_c + 273.15, P=0.1014).h
        assert Constants.water_j_gk == pytest.approx(warmed / (373.0 - 273.15 - cold_c), rel=0.0015)


@pytest.mark.parametrize("altitude_m", [-100.0, 0.0, 1500.0, 3000.0])
def test_steam_leaves_with_the_heat_of_the_steam_tables(altitude_m: float) -> None:
    """Heat of evaporation and of the liquid together, as the plant books them, within 0.1 %."""
    boiler = Boiler(Constants(altitude_m=altitude_m, start_c=80.0))
    boiler.run(120.0, 400.0)
    assert boiler.water_c == saturation_c(altitude_m)
    table_j_g = IAPWS97(P=pressure_pa(altitude_m) / 1e6, x=1).h
    assert boiler.energy_steam_j / boiler.steam_g == pytest.approx(table_j_g, rel=1e-3)
