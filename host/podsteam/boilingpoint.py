# SPDX-License-Identifier: Apache-2.0
"""Boiling point of water from air pressure or altitude."""

import math

_N = (
    0.11670521452767e4,
    -0.72421316703206e6,
    -0.17073846940092e2,
    0.12020824702470e5,
    -0.32325550322333e7,
    0.14915108613530e2,
    -0.48232657361591e4,
    0.40511340542057e6,
    -0.23855557567849,
    0.65017534844798e3,
)
"""Coefficients of IAPWS-IF97, region 4 (2007 release, table 34)."""


def at_pressure(hpa: float) -> float:
    """Saturation temperature in degC at `hpa` (6.2 to 220,000): the backward equation of IAPWS-IF97, equation 31."""
    n = _N
    beta = (hpa / 10_000) ** 0.25
    e = beta * beta + n[2] * beta + n[5]
    f = n[0] * beta * beta + n[3] * beta + n[6]
    g = n[1] * beta * beta + n[4] * beta + n[7]
    d = 2 * g / (-f - math.sqrt(f * f - 4 * e * g))
    return (n[9] + d - math.sqrt((n[9] + d) ** 2 - 4 * (n[8] + n[9] * d))) / 2 - 273.15


def pressure_at(altitude_m: float) -> float:
    """Pressure in hPa of the standard atmosphere (ISO 2533) at `altitude_m`, up to 11,000 m."""
    return 1013.25 * (1 - 0.0065 * altitude_m / 288.15) ** 5.25588
