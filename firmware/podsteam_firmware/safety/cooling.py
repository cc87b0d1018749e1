# SPDX-License-Identifier: Apache-2.0
"""Does the wall get warmer without power? The thermal backup of the current sense for a relay that is welded.

Judged only while the safety relay is closed: open, it has ended the matter, and hot water may be poured in. What is
stored in the element warms the wall for some seconds after the power, the slower the longer; so nothing is judged for
6 s, and then only a wall that rises by 1 K in 2 s, and hardly slower than in the 2 s before.
"""

from podsteam_firmware.safety.trend import Trend
from podsteam_protocol.const import const

_QUIET_LOOKS = const(24)
_WINDOW = const(7)
_RISE_CDEG = const(90)
_STEADY_PERCENT = const(85)


class Cooling:
    """Watches the wall while the element is commanded off. `step` at each look, True: something heats it."""

    def __init__(self) -> None:
        self.detail = 0
        """Rise of the wall in 1.75 s, 0.01 K."""

    def step(self, trend: Trend, closed: bool) -> bool:
        """One look; `closed`: the safety relay is commanded closed."""
        if not closed or trend.quiet < _QUIET_LOOKS:
            return False
        rise = trend.rose(_WINDOW)
        before = trend.rose(2 * _WINDOW) - rise
        self.detail = rise
        return rise >= _RISE_CDEG and rise * 100 >= before * _STEADY_PERCENT
