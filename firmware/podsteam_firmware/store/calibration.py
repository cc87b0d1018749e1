# SPDX-License-Identifier: Apache-2.0
"""What was measured of this one unit: element, steam, sensors and the keep-warm controller's gains.

One parameter set, "cal", in two copies (`params`); its values are those of the protocol's struct CALIBRATION, in that
order. The supervisor does not know of it: it judges raw microvolts with thresholds of its own.
"""

from podsteam_firmware.store import params

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal
    from podsteam_firmware.heat.settings import Settings
    from podsteam_firmware.sense import Sense
    from podsteam_firmware.store.params import Values

CAL = (("<HHhhhhhhHHH", None),)
"""Layouts, as `params` wants them."""
SIZE = 22
"""Bytes of the newest."""
NEW = (4000, 1000, 0, 0, 0, 2200, 0, 0, 0, 0, 0)
"""A unit that nobody has calibrated."""

# Bounds by field index in the struct. The last four may be 0 as well: none, or what is compiled in.
_LOW = (1000, 700, -3000, -3000, -3000, 500, -3000, 8000, 10, 100, 5)
_HIGH = (10000, 1300, 3000, 3000, 3000, 4500, 3000, 10600, 500, 6000, 600)
_HIGH_MK = 6
_HIGH_CDEG = 7


def check(values: "Values") -> int:
    """-1 when every value is within its bounds, else the index of the first that is not."""
    for i in range(len(_LOW)):
        if not _LOW[i] <= values[i] <= _HIGH[i] and (i < _HIGH_CDEG or values[i]):
            return i
    return _HIGH_MK if values[_HIGH_MK] and not values[_HIGH_CDEG] else -1


def recall(hal: "Hal") -> "Values":
    """The stored set; that of a new unit when there is none, or none that is within the bounds."""
    values, _ = params.load(hal, "cal", CAL)
    return values if values is not None and check(values) < 0 else NEW


def keep(hal: "Hal", values: "Values") -> bool:
    """Store a set that passed `check`. Only while the relay is open. False: the one before still counts."""
    if params.load(hal, "cal", CAL) == (values, False):
        return True
    return params.save(hal, "cal", CAL, values)


def apply(values: "Values", sense: "Sense", settings: "Settings") -> None:
    """Put a set that passed `check` to use."""
    sense.element_dw = values[0]
    settings.gain_permille = values[1]
    sense.correct(values[2], values[3], values[4])
    if values[_HIGH_CDEG]:
        sense.correct_high(values[5] * 10, values[_HIGH_MK], values[_HIGH_CDEG] * 10)
    settings.hold_gain_dw_k, settings.hold_integral_ds, settings.hold_derivative_ds = values[8:]
