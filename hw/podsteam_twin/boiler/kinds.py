# SPDX-License-Identifier: Apache-2.0
"""Which plant a simulated unit gets: the lumped boiler, or the layered one to check results against."""

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.layered import LayeredBoiler
from podsteam_twin.boiler.plant import Boiler

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KINDS = {"lumped": Boiler, "layered": LayeredBoiler}


def build(plant: "dict[str, Any]") -> "tuple[Constants, Boiler]":
    """The constants that `plant` overrides, and a boiler of its `kind` (`lumped` unless it says so).

    Raises ValueError for an unknown kind and AttributeError for a name that is not a constant.
    """
    kind = plant.get("kind", "lumped")
    if kind not in _KINDS:
        raise ValueError("unknown kind of plant %r; there are: %s" % (kind, ", ".join(sorted(_KINDS))))
    overrides: "dict[str, float]" = {}
    for name, value in plant.items():
        if name != "kind":
            overrides[name] = value
    constants = Constants(**overrides)
    return constants, _KINDS[kind](constants)
