# SPDX-License-Identifier: Apache-2.0
"""When a unit wants cleaning: after many doses, or after a rest with a treatment in its line.

Known from the records of this store alone. A session that a unit ran by its button counts once its record was pulled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from podsteam.store.questions import as_of, histories, when

if TYPE_CHECKING:
    from podsteam.store.database import Store
    from podsteam.store.model import Entry

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

    shots: int = 0
    last: datetime | None = None
    """When the session with the last of them began; None: there was none."""

    def due(self, now: datetime) -> str:
        """Why a cleaning is due at a moment, as the beginning of a sentence; empty: it is not."""
        if self.shots >= SHOTS:
            return f"{self.shots} doses since the last cleaning"
        if self.last is not None and (rest_h := (now - self.last).total_seconds() / 3600) >= REST_H:
            return f"What is left in the line has stood for {rest_h / 24:.0f} days"
        return ""

    def after(self, entry: "Entry", label: Mapping[str, Any]) -> "Line":
        """The line after another session of the unit; `label`: what is known of its podlet."""
        summary = entry.summary
        if summary is None:
            return self
        rinsed = entry.program == RINSE and summary.steam_s >= RINSE_S
        if rinsed or (summary.doses and label.get("cleaning")):
            return Line()
        return Line(self.shots + summary.doses, when(entry)) if summary.doses else self


def line_of(store: "Store", uid: str) -> Line:
    """A unit's line by every session in the store; `uid`: the unit, as 12 hexadecimal digits."""
    line = Line()
    podlets = histories(store, "podlet")
    for entry in sorted((each for each in store.list() if each.uid == uid), key=when):
        known = as_of(podlets.get(entry.podlet_uid, []), when(entry))
        line = line.after(entry, known.value if known else {})
    return line
