# SPDX-License-Identifier: Apache-2.0
"""The benchmark of Astrom and Hagglund: its monotone processes, their step responses, and how a tuning does on them.

The processes are those of "Advanced PID Control" (2006, section 7.2), here as lags in series with a dead time. Left
out, because their step response turns back: the family (1 - a s) / (s + 1)^3, and
1 / ((s + 1) ((s T)^2 + 1.4 s T + 1)) for T of 0.8 and more. The model of PyPI `tclab` is one more process.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from podsteam_firmware.heat.identify import Process, Record
from podsteam_firmware.heat.rule import Rule

POWER_DW = 4000
"""Height of the step that is identified."""
RISE_MC = 20_000
"""What the reading is scaled to: its rise once the beginning of the response is over."""
PERIOD_MS = 100
SPACING = 2e-4
"""Time between two readings, of all the process's lags and dead time together."""
COARSEST = 0.02
"""The same of the dead time, when that is longer than everything else."""
SIMC_FILTER = 0.001
"""Filter time of SIMC's derivative, of its dead time: as good as none."""
Curve = Any


@dataclass(frozen=True)
class Plant:
    """K exp(-L s) (1 + z s) / (s^n prod(1 + T s) ((s Q)^2 + 1.4 s Q + 1)), n 0 or 1."""

    name: str
    gain: float
    delay: float
    lags: tuple[float, ...]
    integrates: bool = False
    quadratic: float = 0.0
    zero: float = 0.0

    def __call__(self, s: Curve) -> Curve:
        """Its transfer function at complex `s`."""
        g = self.gain * np.exp(-self.delay * s) * (1 + self.zero * s)
        for lag in self.lags:
            g = g / (1 + s * lag)
        if self.integrates:
            g = g / s
        if self.quadratic:
            g = g / ((self.quadratic * s) ** 2 + 1.4 * self.quadratic * s + 1)
        return g

    @property
    def span(self) -> float:
        """All its lags and its dead time together."""
        return self.delay + sum(self.lags) + 1.4 * self.quadratic

    def step(self, period: float, count: int) -> Curve:
        """Response to a unit step at 0, period, 2 period .. count period: exact, by the matrix exponential."""
        order = len(self.lags) + (2 if self.quadratic else 0) + self.integrates
        a = np.zeros((order + 1, order + 1))
        source, k = order, 0
        for lag in self.lags:
            a[k, k], a[k, source] = -1 / lag, 1 / lag
            source, k = k, k + 1
        if self.quadratic:
            q2 = self.quadratic**2
            a[k, k + 1] = 1.0
            a[k + 1, k], a[k + 1, k + 1], a[k + 1, source] = -1 / q2, -1.4 * self.quadratic / q2, 1 / q2
            source, k = k, k + 2
        if self.integrates:
            a[k, source] = 1.0
            source = k
        first = math.floor(self.delay / period) + 1
        state = np.zeros(order + 1)
        state[order] = 1.0
        state = exponential(a * (first * period - self.delay)) @ state
        move = exponential(a * period)
        output = np.zeros(count + 1)
        for i in range(first, count + 1):
            output[i] = self.gain * (state[source] + self.zero * (a[source] @ state))
            state = move @ state
        return output


def exponential(a: Curve) -> Curve:
    """exp(a) by scaling, Taylor's series and squaring."""
    halvings = max(0, math.ceil(math.log2(max(np.abs(a).sum(axis=1).max(), 1e-30))) + 4)
    a = a / 2**halvings
    result = np.eye(len(a))
    term = np.eye(len(a))
    for k in range(1, 12):
        term = term @ a / k
        result = result + term
    for _ in range(halvings):
        result = result @ result
    return result


P1_T = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.3, 1.5, 2, 4, 6, 8, 10, 20, 50, 100, 200, 500, 1000)
P2_T = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.3, 1.5, 2, 4, 6, 8, 10, 20, 50, 100, 200, 500)
P3_T = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 2, 5, 10)
P5_A = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
P6_L = (0.01, 0.02, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
P9_T = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


def lags(*times: float) -> tuple[float, ...]:
    """Without those of no length."""
    return tuple(time for time in times if time > 0)


def batch() -> list[Plant]:
    """All of them, in the book's order."""
    plants = [Plant(f"P1 T={t}", 1, 1, (t,)) for t in P1_T]
    plants += [Plant(f"P2 T={t}", 1, 1, (t, t)) for t in P2_T]
    plants += [Plant(f"P3 T={t}", 1, 0, (1, t, t)) for t in P3_T]
    plants += [Plant(f"P4 n={n}", 1, 0, (1,) * n) for n in range(3, 9)]
    plants += [Plant(f"P5 a={a}", 1, 0, (1, a, a**2, a**3)) for a in P5_A]
    plants += [Plant(f"P6 L={d}", 1, d, lags(1 - d), integrates=True) for d in P6_L]
    plants += [Plant(f"P7 T={t} L={d}", t, d, (t, *lags(1 - d))) for t in (1, 2, 5, 10) for d in P6_L]
    plants += [Plant(f"P9 T={t}", 1, 0, (1,), quadratic=t) for t in P9_T]
    return plants


def tclab() -> Plant:
    """The first heater and sensor of PyPI `tclab`, from the equations in its source: 1 is 100 % of the heater.

    dH1/dt = P1 Q1 / 5720 - (H1 - Ta) / 20 - (H1 - H2) / 100, the same for the second, dT1/dt = (H1 - T1) / 140.
    """
    fast, slow = 1 / 20 + 2 / 100, 1 / 20
    zero = 1 / 20 + 1 / 100
    gain = 200 * 100 / 5720 * zero / (fast * slow)
    return Plant("tclab", gain, 0.0, (140.0, 1 / slow, 1 / fast), zero=1 / zero)


# Tuning -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gains:
    """Kp (1 + 1 / (Ti s) + Td s) / (1 + Tf s)^2 in the plant's own units."""

    kp: float
    ti: float
    td: float
    tf: float
    delay: float
    """Dead time for which they were made: it sets the scale of time."""

    def __call__(self, s: Curve) -> Curve:
        """The transfer function from error to output."""
        return self.kp * (1 + 1 / (s * self.ti) + self.td * s) / (1 + s * self.tf) ** 2


def ours(plant: Plant) -> Gains:
    """The firmware's: it records a step without noise, identifies it and applies its rule."""
    others = plant.span - (0.0 if plant.integrates else max(plant.lags, default=0.0))
    period = max(SPACING * plant.span, COARSEST * plant.delay)
    begun = plant.step((15 * others if others > 0 else plant.span) / 64, 64)[-1]
    unit = RISE_MC / begun
    readings = np.rint(plant.step(period, 40_000) * unit).astype(int).tolist()
    return found(readings, period, 1000 / unit, plant.name)


def found(readings: list[int], period: float, step: float, name: str) -> Gains:
    """Gains from readings in milli-K, `period` apart, of a step that is `step` in the plant's units of input for a
    reading in units of 1 K."""
    record = Record()
    process = Process()
    record.begin(readings[0], PERIOD_MS)
    for reading in readings[1:]:
        if record.add(reading) and process.identify(record, POWER_DW):
            break
    else:
        raise AssertionError(f"{name} was not identified")
    rule = Rule()
    rule.find(process.stiffness_dw_k, process.lag_ms, process.second_ms, process.delay_ms)
    to_time = period / PERIOD_MS
    ti, td, delay = rule.integral_ms * to_time, rule.derivative_ms * to_time, process.delay_ms * to_time
    return Gains(rule.kp_dw_k / POWER_DW / step, ti, td, min(td, delay) / 10, delay)


def half_rule(plant: Plant) -> tuple[float, float, float, float]:
    """Skogestad's (2003) reduction to two lags: K (1/s for one that integrates), T1, T2 and dead time."""
    times = sorted([*plant.lags, *([0.7 * plant.quadratic] * 2 if plant.quadratic else [])], reverse=True)
    first = math.inf if plant.integrates else times.pop(0)
    second = times.pop(0) if times else 0.0
    delay = plant.delay
    if times:
        second += times[0] / 2
        delay += times[0] / 2 + sum(times[1:])
    return plant.gain, first, second, delay


def simc(plant: Plant) -> Gains:
    """SIMC's PID with Tc = L (Skogestad 2003), from the true process, turned from the series into the ideal form."""
    gain, first, second, delay = half_rule(plant)
    kp = (first / gain if math.isfinite(first) else 1 / gain) / (2 * delay)
    ti = min(first, 8 * delay)
    both = 1 + second / ti
    return Gains(kp * both, ti * both, second / both, SIMC_FILTER * delay, delay)


# Judging ----------------------------------------------------------------------------------------------------


def sensitivity(plant: Plant, gains: Gains, points: int = 1200) -> float:
    """Ms, the largest |1 / (1 + G C)|; infinite when the loop is unstable (by Nyquist's criterion on the same grid)."""
    s = 1j * np.logspace(-2.5, 2.2, points) / gains.delay
    loop = plant(s) * gains(s)
    crosses = np.nonzero(loop.imag[:-1] * loop.imag[1:] <= 0)[0]
    if any(loop.real[i] < -1 and loop.real[i + 1] < -1 for i in crosses):
        return math.inf
    return float((1 / np.abs(1 + loop)).max())


def error(plant: Plant, gains: Gains, horizon: float, points: int = 4096) -> float:
    """Integral of the absolute error after a unit step of load, by the Fourier series of a slow square wave of load."""
    k = np.arange(1, 2 * points, 2)
    s = 2j * np.pi * k / (2 * horizon)
    response = plant(s) / (1 + plant(s) * gains(s)) * (-2j / (np.pi * k))
    spectrum = np.zeros(2 * points + 1, complex)
    spectrum[k] = response * 2 * points
    output = np.fft.irfft(spectrum, 4 * points)[: 2 * points]
    return float(np.abs(output).sum() * horizon / (2 * points))


def horizon(*gains: Gains) -> float:
    """Time after which nothing is left of a step of load, for all of them."""
    return max(60 * g.delay + 5 * g.ti for g in gains)


def judge(plant: Plant) -> tuple[float, float]:
    """Our Ms, and our integral of the absolute error over that of SIMC."""
    mine, other = ours(plant), simc(plant)
    until = horizon(mine, other)
    return sensitivity(plant, mine), error(plant, mine, until) / error(plant, other, until)
