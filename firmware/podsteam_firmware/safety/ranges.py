# SPDX-License-Identifier: Apache-2.0
"""Are the sensors there? Range checks of the raw readings: 3 bad ones of 3, at 20 readings a second.

A contact that comes and goes never has three in a row: each bad reading weighs ten, each good one takes one away, and
a hundred is a fault as well. There is no heat on a bad reading in either case.

Limits are microvolts at the pins, worked out once from the divider (NTC 100 kOhm, B 3950 K, 22.0 kOhm to 2.5 V); the
tests compute them again. A converter that cannot read below 142 mV still shows a short circuit.
"""

from podsteam_protocol.const import const
from podsteam_protocol.messages import CODE_OVER_TEMPERATURE, CODE_REFERENCE, CODE_WALL_OPEN

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.signals import Inputs

_OPEN_UV = const(2409000)
"""-10 degC: colder than any water."""
_SHORT_UV = const(160000)
"""162 degC: hotter than the manual-reset bimetal allows."""
_HOT_UV = const(295700)
"""133 degC: the wall is never this hot while water is in the boiler. 2 K below the limit that is promised, for what the
converter may be wrong by."""
_REFERENCE_LOW_UV = const(1200000)
_REFERENCE_HIGH_UV = const(1300000)
"""Half of 2.5 V +-4 %: wrong by that much, 100 degC reads 1.7 K off."""
_BAD_LIMIT = const(3)
_LOOSE = const(10)
_LOOSE_LIMIT = const(100)


class Ranges:
    """Counts bad readings in a row. `step` gives the fault code, or 0."""

    def __init__(self) -> None:
        self.sound = False
        """Whether every reading of the newest tick is inside its range: no heat on a doubtful one."""
        self.near = False
        """Only the newest reading of the wall is wrong, and it is a possible one: too hot."""
        self.detail = 0
        """The reading that decided, uV."""
        self._bad = bytearray(4)
        self._loose = bytearray(4)
        self._hot = 0

    def step(self, inputs: "Inputs") -> int:
        """Check one tick's readings: CODE_REFERENCE, an open or short sensor, CODE_OVER_TEMPERATURE, or 0."""
        self.sound = True
        self.near = False
        uv = inputs.reference_uv
        if _REFERENCE_LOW_UV <= uv <= _REFERENCE_HIGH_UV:
            if self._loose[3] > 0:
                self._good(3)
        elif self._wrong(3):
            self.detail = uv
            return CODE_REFERENCE
        code = self._sensor(0, inputs.wall_uv)
        if code == 0:
            code = self._sensor(1, inputs.water_uv)
        if code == 0:
            code = self._sensor(2, inputs.outlet_uv)
        if code == 0:
            code = self._over_temperature(inputs.wall_uv)
        return code

    def _good(self, i: int) -> None:
        """A good reading after bad ones."""
        self._bad[i] = 0
        self._loose[i] -= 1

    def _wrong(self, i: int) -> bool:
        self.sound = False
        if self._bad[i] < _BAD_LIMIT:
            self._bad[i] += 1
        self._loose[i] = min(self._loose[i] + _LOOSE, _LOOSE_LIMIT)
        return self._bad[i] == _BAD_LIMIT or self._loose[i] == _LOOSE_LIMIT

    def _sensor(self, i: int, uv: int) -> int:
        if _SHORT_UV <= uv <= _OPEN_UV:
            if self._loose[i] > 0:
                self._good(i)
            return 0
        if not self._wrong(i):
            return 0
        self.detail = uv
        return CODE_WALL_OPEN + 2 * i + (0 if uv > _OPEN_UV else 1)

    def _over_temperature(self, uv: int) -> int:
        """2 of the last 3 readings; a short circuit is none of these, it has a count of its own."""
        hot = _SHORT_UV <= uv <= _HOT_UV
        self._hot = (self._hot << 1 | (1 if hot else 0)) & 7
        if hot:
            self.near = self.sound
            self.sound = False
        if self._hot & (self._hot - 1):  # two bits at least
            self.detail = uv
            return CODE_OVER_TEMPERATURE
        return 0
