# SPDX-License-Identifier: Apache-2.0
"""Is there water, before anything gets hot? Judged while the boiler heats anyway, so that it costs no time.

The wall is heated at full power by 40 K. With water, more and more of the heat goes on into it: the fourth ten
kelvin take more energy than the second, and the water sensor follows. Where neither shows, a small wetted wall may be
the reason, so the heat goes on to 60 K, where the sixth ten are compared with the third; an empty boiler is still
below 100 degC then. If that shows no water either, the heat pauses, and a wall that cools into water tells it from
one that keeps its heat. Ratios only: no constant of the boiler is needed.
"""

from podsteam_protocol.const import const

PULSE = const(0)
"""Heating; not yet decided."""
COAST = const(1)
"""Heat pauses to make sure."""
WET = const(2)
"""There is water."""
DRY = const(3)
"""There is none."""

_TEN_MC = const(10000)
_PULSE_TICKS = const(450)
"""A wall that takes 45 s for 40 K has water behind it."""
_LONG_TICKS = const(750)
"""The same for 60 K; an empty boiler of 190 J/K takes 57 s at the weakest mains."""
_WET_PERCENT = const(106)
"""Energy of the fourth ten kelvin over that of the second; an empty boiler stays below 1.03 (300 to 600 W)."""
_WET_LONG_PERCENT = const(107)
"""Energy of the sixth over that of the third; an empty boiler stays below 1.06."""
_FOLLOW_MC = const(8000)
"""Rise of the water sensor while the wall rose by 40 K; radiation and vapour alone give 6 K at most."""
_RATE_MC_S = const(850)
"""Slope of the water sensor when the wall has risen by 60 K; alone it makes 0.75 K/s at most."""
_COAST_TICKS = const(150)
_COOLED_J = const(375)
"""Heat that the wall gives off after its peak which shows water: 25 W over the rest of the pause. Losses alone make
12 W at most, the smallest wetted wall that comes into doubt 50 W."""


class Probe:
    """One probe. `begin`, then `step` every 100 ms: heat while it says PULSE, pause while it says COAST."""

    def __init__(self) -> None:
        self.dry = False
        """The newest probe found no water."""
        self.rise_cdeg = 0
        """Rise of the wall at its decision, 0.01 K."""
        self.state = WET
        """PULSE, COAST, WET or DRY."""
        self._wall_0 = 0
        self._water_0 = 0
        self._ticks = 0
        self._energy_cj = 0
        self._second_cj = 0
        self._third_cj = 0
        self._fourth_cj = 0
        self._sixth_cj = 0
        self._long = False
        self._peak = 0

    def begin(self, wall_mc: int, water_mc: int) -> None:
        """Start from these temperatures."""
        self.dry = False
        self.rise_cdeg = 0
        self.state = PULSE
        self._wall_0 = wall_mc
        self._water_0 = water_mc
        self._ticks = 0
        self._energy_cj = 0
        self._second_cj = 0
        self._third_cj = 0
        self._fourth_cj = 0
        self._sixth_cj = 0
        self._long = False

    def step(self, wall_mc: int, water_mc: int, power_dw: int, water_mc_s: int = 0) -> int:
        """One step of 100 ms with smoothed readings, the delivered power in 0.1 W, and the water reading's slope in
        milli-K/s; the state."""
        self._ticks += 1
        if self.state == PULSE:
            self._pulse(wall_mc, water_mc - self._water_0, power_dw)
            if self._long:
                self._end_long(wall_mc - self._wall_0, water_mc_s)
        elif self.state == COAST:
            self._coast(wall_mc)
        return self.state

    def _pulse(self, wall_mc: int, followed_mc: int, power_dw: int) -> None:
        rise = wall_mc - self._wall_0
        self._energy_cj += power_dw
        if _TEN_MC <= rise < 2 * _TEN_MC:
            self._second_cj += power_dw
        elif 2 * _TEN_MC <= rise < 3 * _TEN_MC:
            self._third_cj += power_dw
        elif 3 * _TEN_MC <= rise < 4 * _TEN_MC:
            self._fourth_cj += power_dw
        elif 5 * _TEN_MC <= rise < 6 * _TEN_MC:
            self._sixth_cj += power_dw
        if self._long:
            return
        if rise >= 4 * _TEN_MC or self._ticks >= _PULSE_TICKS:
            wet = self._fourth_cj * 100 > self._second_cj * _WET_PERCENT or followed_mc >= _FOLLOW_MC
            if wet or self._ticks >= _PULSE_TICKS:
                self._decide(WET, rise)
            else:
                self._long = True

    def _end_long(self, rise: int, water_mc_s: int) -> None:
        if rise >= 6 * _TEN_MC or self._ticks >= _LONG_TICKS:
            wet = self._sixth_cj * 100 > self._third_cj * _WET_LONG_PERCENT or water_mc_s >= _RATE_MC_S
            self._decide(WET if wet or self._ticks >= _LONG_TICKS else COAST, rise)

    def _decide(self, state: int, rise: int) -> None:
        self.rise_cdeg = rise // 10
        self.state = state
        self._ticks = 0
        self._peak = self._wall_0 + rise

    def _coast(self, wall_mc: int) -> None:
        self._peak = max(self._peak, wall_mc)
        # The sixth ten kelvin took their energy (cJ) for what is heated: capacity in J/K is a thousandth.
        if (self._peak - wall_mc) // 100 * (self._sixth_cj // 100) >= _COOLED_J * 100:
            self.state = WET
        elif self._ticks >= _COAST_TICKS:
            self.dry = True
            self.state = DRY
