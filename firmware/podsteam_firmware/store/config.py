# SPDX-License-Identifier: Apache-2.0
"""The owner's settings: parameter set "cfg", in two copies (`params`), in the order of the protocol's struct CONFIG.

None is a safety limit. The ranges are those of the schema's SETTINGS, which a test compares.
"""

from podsteam_firmware.store import params

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal
    from podsteam_firmware.store.params import Values

CFG = (("<BBBH", None),)
"""Layouts, as `params` wants them: a new version appends a field and says how the values before get it."""
NEW = (1, 1, 16, 0)
"""A new unit's."""

_LOW = (0, 0, 1, 500)
_HIGH = (1, 1, 16, 12000)
_MAY_BE_0 = (False, False, False, True)


ALLERGENS = (("<I", None),)
"""Layouts of the set "agn": what the owner does not bear, a bit for each."""


def allergens(hal: "Hal") -> int:
    """The owner's allergens; none when none were ever listed."""
    values, _ = params.load(hal, "agn", ALLERGENS)
    return values[0] if values else 0


def check(values: "Values") -> int:
    """-1 when every value is within its bounds, else the index of the first that is not."""
    for i in range(len(NEW)):
        if not _LOW[i] <= values[i] <= _HIGH[i] and (values[i] or not _MAY_BE_0[i]):
            return i
    return -1


def recall(hal: "Hal") -> "Values":
    """The stored set, a newer version's as far as it is known; a new unit's when there is none. A value that is out of
    its bounds by now counts as a new unit's; the others stay."""
    values, _ = params.load(hal, "cfg", CFG)
    if values is not None and check(values) < 0:
        return values
    for name, _ in hal.file_list("params"):
        if name[:3] == "cfg":
            from podsteam_firmware.store import migrate

            return migrate.bounded(migrate.stored(hal, "cfg", CFG)[1], check, NEW)
    return NEW


def keep(hal: "Hal", values: "Values") -> bool:
    """Store a set that passed `check`. Only while the relay is open. False: the one before still counts."""
    return params.load(hal, "cfg", CFG) == (values, False) or params.save(hal, "cfg", CFG, values)
