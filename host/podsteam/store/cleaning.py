# SPDX-License-Identifier: Apache-2.0
"""When a unit wants cleaning: after many doses, or after a rest with a treatment in its line.

Known from the records of this store alone. A session that a unit ran by its button counts once its record was pulled.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from podsteam.store.questions import as_of, histories, when

if TYPE_CHECKING:
    from podsteam.store.database import Store

SHOTS = 200
"""Doses after which a cleaning is due. An estimate: ten podlets."""
REST_H = 72.0
"""Hours after which what stands in the line is to be flushed before it reaches anybody. An estimate."""
RINSE = "rinse"
"""A program that cleans with steam alone."""
RINSE_S = 60.0
"""Verified steam that it takes, s."""


@dataclass(frozen=True, slots=True)
class Line:
    """What went through a unit's line since its last cleaning."""

    shots: int
    rest_h: float
    """Since the last of them, hours; 0 when there was none."""

    def due(self) -> str:
        """Why a cleaning is due, as the beginning of a sentence; empty: it is not."""
        if self.shots >= SHOTS:
            return f"{self.shots} doses since the last cleaning"
        if self.shots and self.rest_h >= REST_H:
            return f"What is left in the line has stood for {self.rest_h / 24:.0f} days"
        return ""


def line_of(store: "Store", uid: str, now: datetime) -> Line:
    """A unit's line at a moment; `uid`: the unit, as 12 hexadecimal digits."""
    shots = 0
    last: datetime | None = None
    podlets = histories(store, "podlet")
    for entry in sorted((each for each in store.list() if each.uid == uid), key=when):
        summary = entry.summary
        if summary is None:
            continue
        label = as_of(podlets.get(entry.podlet_uid, []), when(entry))
        rinsed = entry.program == RINSE and summary.steam_s >= RINSE_S
        if rinsed or (summary.doses and label is not None and label.value.get("cleaning")):
            shots, last = 0, None
        elif summary.doses:
            shots += summary.doses
            last = when(entry)
    return Line(shots, (now - last).total_seconds() / 3600 if last else 0.0)
