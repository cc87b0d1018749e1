# SPDX-License-Identifier: Apache-2.0
"""What was weighed of this one unit's valve: parameter set "dose", in two copies (`store.params`).

Its values are those of the protocol's struct DOSE_CALIBRATION, in that order.
"""

from podsteam_firmware.store import params

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.dose.caps import Caps
    from podsteam_firmware.hal.verbs import Hal
    from podsteam_firmware.store.params import Values

DOSE = (("<HHHhHHH", None),)
"""Layouts, as `params` wants them."""
SIZE = 14
"""Bytes of the newest."""
NEW = (1000, 3000, 200, 2200, 0, 0, 0)
"""A unit that nobody has calibrated: the nominal valve, believed to within a fifth."""
_LOW = (500, 500, 0, 500, 0, 0, 0)
_HIGH = (1500, 20_000, 500, 4500, 50, 65_535, 65_535)
_MOST_PERMILLE = 300
"""Most that the room's warmth may change the flow."""


def check(values: "Values") -> int:
    """-1 when every value is within its bounds, else the index of the first that is not."""
    for i in range(len(_LOW)):
        if not _LOW[i] <= values[i] <= _HIGH[i]:
            return i
    return -1


def recall(hal: "Hal") -> "Values":
    """The stored set; that of a new unit when there is none, or none that is within the bounds."""
    values, _ = params.load(hal, "dose", DOSE)
    return values if values is not None and check(values) < 0 else NEW


def keep(hal: "Hal", values: "Values") -> bool:
    """Store a set that passed `check`. Only while the relay is open. False: the one before still counts."""
    if params.load(hal, "dose", DOSE) == (values, False):
        return True
    return params.save(hal, "dose", DOSE, values)


def apply(values: "Values", caps: "Caps", room_mc: int) -> None:
    """Put a set that passed `check` to use, for a session in a room of `room_mc` (milli-degC)."""
    warmer_permille = (room_mc // 10 - values[3]) * values[4] // 100
    warmer_permille = max(-_MOST_PERMILLE, min(warmer_permille, _MOST_PERMILLE))
    caps.gain_permille = values[0] * (1000 + warmer_permille) // 1000
    caps.dead_us = values[1]
    caps.p95_permille = values[2]
