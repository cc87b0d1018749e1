# SPDX-License-Identifier: Apache-2.0
"""Does the wall get warmer when the element is on? The thermal backup of the current sense, on raw microvolts.

It finds a wall sensor that came off and an element that draws current elsewhere. It judges only what is certain:
5 s at four fifths of full power or more, from a wall below 75 degC, where no water boils. The slowest boiler of the
envelope (300 W at 196 V, 190 J/K of metal, 200 g of water, sensor lag 3 s) falls by 27 mV in that time.
"""

from podsteam_protocol.const import const

_WINDOW_TICKS = const(100)
_COLD_UV = const(1010000)
"""75 degC."""
_RISE_UV = const(12000)
"""0.6 K at 75 degC, 0.8 K at 20 degC."""


class Rise:
    """Watches the wall during full power. `step` every 50 ms, True: it does not get warmer."""

    def __init__(self) -> None:
        self.detail = 0
        """Change of the wall reading in the window that decided, uV; negative is warmer."""
        self._wall = 0
        self._start = 0
        self._ticks = 0
        self._commanded = 0
        self._crossings = 0

    def step(self, wall_uv: int, commanded: int, crossings: int) -> bool:
        """One tick: wall reading in uV, half-cycles commanded on, and zero crossings, both since the last tick."""
        if self._wall == 0:
            self._wall = wall_uv << 3
        self._wall += wall_uv - (self._wall >> 3)
        if self._ticks == 0 or commanded == 0:
            return self._restart()
        self._commanded += commanded
        self._crossings += crossings
        self._ticks += 1
        if self._ticks <= _WINDOW_TICKS:
            return False
        self.detail = (self._wall >> 3) - self._start
        full = self._commanded * 5 >= self._crossings * 4
        cold = self._start >= _COLD_UV
        self._restart()
        return full and cold and self.detail > -_RISE_UV

    def _restart(self) -> bool:
        self._start = self._wall >> 3
        self._ticks = 1
        self._commanded = 0
        self._crossings = 0
        return False
