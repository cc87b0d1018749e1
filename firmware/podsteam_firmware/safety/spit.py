# SPDX-License-Identifier: Apache-2.0
"""Is there more water than the boiler is made for? An over-full boiler spits hot water when it begins to boil.

It shows in the heat-up: at full power, from 40 to 70 degC of the water, each kelvin takes its time. 120 g, the most of
the envelope, and the heaviest metal take 2.8 s of a 300 W element at 230 V; 3.6 s are told as a risk, which is 180 g.
That sees only what is too much for every boiler: 120 g in a boiler for 60 g do not show without knowing which it is.
It is no fault, because a slow heat-up hurts nobody; the controller begins to boil with reduced power whatever this
says.
"""

from podsteam_firmware.safety.trend import Trend
from podsteam_protocol.const import const

_FROM_CDEG = const(4000)
_RISE_CDEG = const(3000)
_SECONDS_TENTH = const(1080)
"""0.1 s of full power for 30 K: 3.6 s/K."""
_SAG_UV = const(1035000)
"""207 V: below it the time says little."""


class Spit:
    """Times the heat-up. `step` at each look, True once: there is a risk."""

    def __init__(self) -> None:
        self.detail = 0
        """Looks (0.25 s) that 30 K took."""
        self._looks = -1

    def step(self, trend: Trend, mains_uv: int) -> bool:
        """One look; `mains_uv`: the mains sense."""
        if trend.full == 0 or trend.water < _FROM_CDEG or mains_uv < _SAG_UV:
            self._looks = 0
            return False
        if self._looks < 0:
            return False
        self._looks += 1
        if trend.water < _FROM_CDEG + _RISE_CDEG:
            return False
        self.detail = self._looks
        self._looks = -1
        return self.detail * 5 >= 2 * _SECONDS_TENTH
