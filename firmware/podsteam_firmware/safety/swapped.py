# SPDX-License-Identifier: Apache-2.0
"""Do the sensors sit where their plugs say? In a heat-up from cold the wall leads, the water follows, the outlet waits.

Judged only when heat begins with all three within 6 K of each other and below 45 degC. A plug in the wrong place that
is put there later, in a warm boiler, shows at the next cold start.

Water that has not moved when the wall has risen by 50 K is none: its sensor hangs outside, or stands still. The
slowest boiler of the envelope has warmed by 0.7 K then; an empty one has been found by the controller's probe, at 40 K.
Water that fell, or was seen 1 K warmer before cold water was poured in, has moved, and is not judged.
"""

from podsteam_firmware.safety.trend import Trend
from podsteam_protocol.const import const
from podsteam_protocol.messages import CODE_SENSORS_SWAPPED, CODE_WATER_SENSOR

_EVEN_CDEG = const(600)
_COLD_CDEG = const(4500)
_LED_CDEG = const(400)
"""The first one that has risen by this must be the wall."""
_DONE_CDEG = const(2500)
"""A wall that has risen by this, and was never overtaken, is the wall."""
_OUTLET_CDEG = const(800)
"""The outlet is warmed by steam alone: not by this, and more than the water, before the wall can boil it,"""
_BOILING_CDEG = const(8500)
_FOLLOWED_CDEG = const(5000)
_UNMOVED_CDEG = const(50)
_WARMED_CDEG = const(100)
"""A rise that noise cannot make: five standard deviations of the worst converter's."""


class Swapped:
    """Watches the beginning of a heat-up. `step` at each look gives a code, or 0."""

    def __init__(self) -> None:
        self.detail = 0
        """Rise of the wall when another one had overtaken it, 0.01 K."""
        self._watching = False
        self._wall = 0
        self._water = 0
        self._outlet = 0
        self._moved = False

    def step(self, trend: Trend) -> int:
        """One look: CODE_SENSORS_SWAPPED, CODE_WATER_SENSOR or 0."""
        if trend.quiet > 0:
            self._begin(trend)
            return 0
        return self._judge(trend) if self._watching else 0

    def _judge(self, trend: Trend) -> int:
        wall = trend.wall - self._wall
        water = trend.water - self._water
        outlet = trend.outlet - self._outlet
        self.detail = wall
        if trend.wall >= _BOILING_CDEG:
            self._watching = False
        leader = max(water, outlet)
        if (wall < _DONE_CDEG and leader >= _LED_CDEG and leader > wall) or outlet >= max(_OUTLET_CDEG, water):
            return CODE_SENSORS_SWAPPED
        if water <= -_UNMOVED_CDEG or water >= _WARMED_CDEG:
            self._moved = True
        return CODE_WATER_SENSOR if wall >= _FOLLOWED_CDEG and water < _UNMOVED_CDEG and not self._moved else 0

    def _begin(self, trend: Trend) -> None:
        wall = trend.wall
        even = abs(trend.water - wall) <= _EVEN_CDEG and abs(trend.outlet - wall) <= _EVEN_CDEG
        self._watching = even and wall <= _COLD_CDEG
        self._wall = wall
        self._water = trend.water
        self._outlet = trend.outlet
        self._moved = False
