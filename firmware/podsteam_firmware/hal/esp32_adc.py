# SPDX-License-Identifier: Apache-2.0
"""The five analog channels: 64 readings each, trimmed, taken in the idle time of the 22 ms before a tick.

A reading is taken to cost 50 us, MicroPython's share included: an estimate, only a board can tell. Then 5 x
64 of them cost 16 ms, too much for one call, so they are taken in groups of 8 while the loop waits: 40 groups
over 20 ms, the channels in turn, so that every average spans a whole period of 50 Hz hum. Of each group the
highest and the lowest reading are dropped. A tick that found no time to wait makes do with two groups a
channel, 4 ms.
"""

from machine import ADC, Pin

from podsteam_firmware.hal import pins
from podsteam_protocol.const import const

_CHANNELS = const(5)
_GROUP = const(8)
_GROUPS = const(40)
_BEFORE_MS = const(22)
_LEAST = const(2)


class Sampler:
    """Averages of the analog channels, in microvolts at the pin. Allocates nothing after its construction."""

    def __init__(self) -> None:
        numbers = (pins.WALL, pins.WATER, pins.OUTLET, pins.REFERENCE, pins.MAINS)
        self._adc = [ADC(Pin(number), atten=ADC.ATTN_11DB) for number in numbers]
        self._readings = [0] * _GROUP
        self._sum = [0] * _CHANNELS
        self._count = [0] * _CHANNELS
        self._next = 0
        self.uv = [0] * _CHANNELS
        """Wall, water, outlet, reference and mains sense, as of the last `finish`."""

    def wanted(self, left_ms: int) -> bool:
        """Whether a group is due when `left_ms` are left to the next tick."""
        return self._next < _GROUPS and (_BEFORE_MS - left_ms) * 2 >= self._next

    def group(self) -> None:
        """Take the next group, about 0.4 ms."""
        self._take(self._next % _CHANNELS)
        self._next += 1

    def finish(self) -> None:
        """Average what was taken since the last call into `uv`, and begin anew."""
        for i in range(_CHANNELS):
            while self._count[i] < _LEAST:
                self._take(i)
            self.uv[i] = self._sum[i] // (self._count[i] * (_GROUP - 2))
            self._sum[i] = 0
            self._count[i] = 0
        self._next = 0

    def _take(self, channel: int) -> None:
        readings = self._readings
        adc = self._adc[channel]
        for i in range(_GROUP):
            readings[i] = adc.read_uv()
        self._sum[channel] += sum(readings) - min(readings) - max(readings)
        self._count[channel] += 1
