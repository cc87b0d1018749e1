# SPDX-License-Identifier: Apache-2.0
"""What the sensors would show without their lag: the water's true temperature and the slopes, 10 times a second.

A sensor with a first-order lag tau reads r with tau dr/dt = w - r, so the water is w = r + tau dr/dt, whatever it does.
The slope comes from an alpha-beta tracker (critically damped: alpha = 1 - theta^2, beta = (1 - theta)^2), which follows
a ramp without error. No heat capacity is needed, so an unknown fill cannot mislead it; a filter that is driven by power
as well was no better on the simulated boilers, because the fill and the metal are known to 10 % at best while it
matters.

Everything is in the sensor's own frame: its offset cancels against a boiling point that the same sensor has shown.
"""

from podsteam_protocol.const import const

_SHIFT = const(4)
"""States are kept in 1/16 milli-degC and 1/16 milli-K/s."""
_RATE_MAX = const(800_000)
"""50 K/s in the state's unit: beyond anything that a boiler does, and it bounds every product."""
_LEAD_MAX_MC = const(60_000)


def clamp(x: int, most: int) -> int:
    """`x`, at most `most` away from 0."""
    if x > most:
        return most
    return x if x >= -most else -most


class Track:
    """One reading and its slope. Time constant 0.55 s: theta = exp(-0.1 / 0.55) = 5/6, alpha 0.31, beta 1/36."""

    def __init__(self) -> None:
        self.rate_mc_s = 0
        """Slope, milli-K/s, -50,000 to 50,000; 0.03 K of noise in the reading makes 0.02 K/s of it."""
        self._x = 0
        self._v = 0
        self._new = True

    def step(self, reading_mc: int) -> None:
        """Every 100 ms, with a reading of -20,000 to 200,000."""
        if self._new:
            self._new = False
            self._x = reading_mc << _SHIFT
        self._x += self._v // 10
        error = (reading_mc << _SHIFT) - self._x
        self._x += error * 11 // 36
        # beta / 0.1 s = 10 / 36.
        error = self._v + error * 5 // 18
        self._v = clamp(error, _RATE_MAX)
        self.rate_mc_s = self._v >> _SHIFT

    def reading_mc(self) -> int:
        """The reading, smoothed, milli-degC."""
        return self._x >> _SHIFT


class Observer:
    """Both sensors. `step` every 100 ms."""

    def __init__(self, lag_ms: int) -> None:
        self.lag_ms = lag_ms
        """Believed lag of the water sensor, ms (0 to 10,000); learned, before that erring high."""
        self.water_mc = 0
        """The water itself in the sensor's frame, milli-degC."""
        self.water = Track()
        self.wall = Track()

    def step(self, wall_mc: int, water_mc: int) -> None:
        """Take in readings of -20,000 to 200,000."""
        self.wall.step(wall_mc)
        self.water.step(water_mc)
        lead = self.water.rate_mc_s * self.lag_ms // 1000
        self.water_mc = self.water.reading_mc() + clamp(lead, _LEAD_MAX_MC)
