# SPDX-License-Identifier: Apache-2.0
"""Properties of boiling water at an altitude, from published equations.

Only `+ - * /` and square roots, which IEEE 754 rounds in one way, so that both interpreters agree to the last bit.
`tests/twin/test_water_properties.py` compares with PyPI `iapws`.
"""

from math import sqrt

_SEA_PA = 101325.0
_COOLING_M = 2.25577e-5
"""1/m: lapse rate over temperature at sea level, 0.0065 / 288.15."""
_EXPONENT = 5.25588
"""g M / (R lapse rate)."""
_TERMS = 16

# IAPWS-IF97, equation 31: coefficients n1 to n10 of region 4.
_N1 = 1167.0521452767
_N2 = -724213.16703206
_N3 = -17.073846940092
_N4 = 12020.82470247
_N5 = -3232555.0322333
_N6 = 14.91510861353
_N7 = -4823.2657361591
_N8 = 405113.40542057
_N9 = -0.23855557567849
_N10 = 650.17534844798

# J/g, enthalpy of evaporation by IAPWS-IF97 at 80, 90 and 100 degC.
_AT_80 = 2308.066
_AT_90 = 2282.56
_AT_100 = 2256.473


def pressure_pa(altitude_m: float) -> float:
    """Pressure of the standard atmosphere (ISO 2533) in Pa at `altitude_m` (m), -2000 to 9000.

    p = 101325 (1 - 2.25577e-5 h)^5.25588, as the binomial series: its remainder is below 1e-9 there.
    """
    x = _COOLING_M * altitude_m
    term = 1.0
    total = 1.0
    for k in range(_TERMS):
        term *= (k - _EXPONENT) / (k + 1) * x
        total += term
    return _SEA_PA * total


def boiling_c(pressure_pa: float) -> float:
    """Saturation temperature of water in degC at `pressure_pa` (Pa): IAPWS-IF97, backward equation 31."""
    beta = sqrt(sqrt(pressure_pa / 1000000))
    square = beta * beta
    e = square + _N3 * beta + _N6
    f = _N1 * square + _N4 * beta + _N7
    g = _N2 * square + _N5 * beta + _N8
    sum_k = _N10 + 2 * g / (-f - sqrt(f * f - 4 * e * g))
    return (sum_k - sqrt(sum_k * sum_k - 4 * (_N9 + _N10 * (sum_k - _N10)))) / 2 - 273.15


def saturation_c(altitude_m: float) -> float:
    """Boiling point of water in degC at `altitude_m` (m) in the standard atmosphere: 99.97 at 0, 89.97 at 3000."""
    return boiling_c(pressure_pa(altitude_m))


def evaporation_j_g(water_c: float) -> float:
    """Heat of evaporation in J/g at `water_c` (degC), 75 to 105: the parabola through IAPWS-IF97's values."""
    x = (water_c - 90) / 10
    return _AT_90 + (_AT_100 - _AT_80) / 2 * x + ((_AT_100 + _AT_80) / 2 - _AT_90) * x * x
