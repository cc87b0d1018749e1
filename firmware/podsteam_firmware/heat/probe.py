# SPDX-License-Identifier: Apache-2.0
"""Is there water, before anything gets hot? Judged while the boiler heats anyway, so that it costs no time.

The wall is heated at full power by 40 K. With water, more and more of the heat goes on into it: the fourth ten
kelvin take more energy than the second, and the water sensor follows. An empty boiler shows neither; then the heat
pauses, and a wall that cools into water tells it from one that keeps its heat. Ratios only: no constant of the
boiler is needed.
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
_WET_PERCENT = const(106)
"""Energy of the fourth ten kelvin over that of the second; an empty boiler stays below 1.03 (300 to 600 W)."""
_FOLLOW_MC = const(6000)
"""Rise of the water sensor during the pulse; radiation and vapour alone give half of it."""
_COAST_TICKS = const(150)
_COOLED_MC = const(1200)
"""Fall of the wall that shows water. Losses alone take 20 s and more for it; water 2 to 14 s."""


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
        self._fourth_cj = 0
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
        self._fourth_cj = 0

    def step(self, wall_mc: int, water_mc: int, power_dw: int) -> int:
        """One step of 100 ms with the delivered power in 0.1 W; the state."""
        self._ticks += 1
        if self.state == PULSE:
            self._pulse(wall_mc, water_mc - self._water_0, power_dw)
        elif self.state == COAST:
            self._coast(wall_mc)
        return self.state

    def _pulse(self, wall_mc: int, followed_mc: int, power_dw: int) -> None:
        rise = wall_mc - self._wall_0
        self._energy_cj += power_dw
        if _TEN_MC <= rise < 2 * _TEN_MC:
            self._second_cj += power_dw
        elif 3 * _TEN_MC <= rise < 4 * _TEN_MC:
            self._fourth_cj += power_dw
        if rise < 4 * _TEN_MC and self._ticks < _PULSE_TICKS:
            return
        self.rise_cdeg = rise // 10
        wet = self._fourth_cj * 100 > self._second_cj * _WET_PERCENT or followed_mc >= _FOLLOW_MC
        self.state = WET if wet or self._ticks >= _PULSE_TICKS else COAST
        self._ticks = 0
        self._peak = wall_mc

    def _coast(self, wall_mc: int) -> None:
        self._peak = max(self._peak, wall_mc)
        if self._peak - wall_mc >= _COOLED_MC:
            self.state = WET
        elif self._ticks >= _COAST_TICKS:
            self.dry = True
            self.state = DRY
