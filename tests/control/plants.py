# SPDX-License-Identifier: Apache-2.0
"""What the bench heats: a case is one boiler in its surroundings; a device is that boiler with the firmware's memory.

Cases come from the envelope of plausible boilers, or are the nominal one with a change. Either kind of plant stands
behind the simulated board's own mains side, element and converters.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from heat_loop import TwinPlant

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.electrics import Heater
from podsteam_twin.sensors import Sensors

NOMINAL_MG_MIN = 6000
"""Steam wanted of the nominal boiler: 60 % of what its 400 W make."""
NOISE_UV = 400.0
"""Converter noise of the simulated board: 0.03 K at 100 degC."""


class LayeredPlant(TwinPlant):
    """The board's electrics and sensors on the second plant, whose bulk has layers."""

    def __init__(self, seed: int = 1, **changes: float) -> None:
        from podsteam_twin.boiler.layered import LayeredBoiler

        super().__init__(seed, **changes)
        constants = Constants(**changes)
        self.boiler: Any = LayeredBoiler(constants)
        self.heater = Heater(self.boiler, constants)
        self.sensors = Sensors(self.boiler, self.heater.mains, constants, seed)


KINDS: dict[str, Callable[..., TwinPlant]] = {"lumped": TwinPlant, "layered": LayeredPlant}


@dataclass(frozen=True)
class Case:
    """One boiler, its surroundings and the steam wanted of it."""

    target_mg_min: int = NOMINAL_MG_MIN
    changes: dict[str, float] = field(default_factory=dict)
    """Constants that differ from the simulated board's."""
    kind: str = "lumped"
    seed: int = 1
    """Decides the noise; every session of a device adds to it."""

    @property
    def constants(self) -> Constants:
        """All its constants."""
        return Constants(**self.changes)

    @property
    def element_w(self) -> float:
        """Rated power, which the device is told; the true one may differ."""
        return self.constants.element_w

    def plant(self, session: int = 0) -> TwinPlant:
        """The boiler, cold and filled; `session` gives it other noise."""
        return KINDS[self.kind](self.seed * 100 + session, **self.changes)

    def but(self, **changes: float) -> "Case":
        """The same with other constants."""
        return replace(self, changes={**self.changes, **changes})

    def of(self, kind: str) -> "Case":
        """The same boiler as the other kind of plant."""
        return replace(self, kind=kind)


def nominal(seed: int = 1, kind: str = "lumped", **changes: float) -> Case:
    """The simulated board's own boiler, but for `changes`, with 6 g/min wanted."""
    return Case(NOMINAL_MG_MIN, changes, kind, seed)


def drawn(seed: int, kind: str = "lumped", scale_max_mm: float = 0.0) -> Case:
    """A boiler drawn from the envelope. The steam wanted is 60 % of what it can make at its mains."""
    from podsteam_twin.boiler import envelope

    changes = envelope.draw(seed, scale_max_mm=scale_max_mm)
    return Case(int(envelope.target_mg_min(changes)), changes, kind, seed)
