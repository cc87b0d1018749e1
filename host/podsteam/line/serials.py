# SPDX-License-Identifier: Apache-2.0
"""Which serial number a unit gets: the one it has, the scanned one, or the next. Safe to ask from several threads."""

import threading
from collections.abc import Mapping

from podsteam.errors import UsageProblem
from podsteam.production import Record, passed
from podsteam.text import safe


class Serials:
    """Serial numbers by unit, from the store's history on."""

    def __init__(self, pattern: str, first: int, past: Mapping[str, list[Record]]) -> None:
        self._pattern = pattern
        self._next = first
        self._lock = threading.Lock()
        self._mine = {unit: attempts[-1]["serial"] for unit, attempts in past.items() if attempts[-1]["serial"]}
        self._passed = {attempts[-1]["serial"] for attempts in past.values() if passed(attempts)}

    def of(self, unit: str, told: str = "", scanned: str = "") -> str:
        """The serial number of a unit. `told`: what the unit says, which counts when the store does not know it, as
        after a station that went down between the unit and its store. Raises UsageProblem for a scanned one that is
        another's, or that another one of this unit stands against."""
        with self._lock:
            taken = {serial for other, serial in self._mine.items() if other != unit}
            mine = self._mine.get(unit, "") or (told if told not in taken else "")
            if scanned:
                if scanned in taken:
                    raise UsageProblem(f"The serial {safe(scanned, 40)} belongs to another unit; scan this one's.")
                if mine in self._passed and mine != scanned:
                    raise UsageProblem(
                        f"This unit passed already, as {safe(mine, 40)}; {safe(scanned, 40)} was scanned."
                    )
                mine = scanned
            while not mine:
                serial = self._pattern.format(self._next)
                self._next += 1
                mine = serial if serial not in taken else ""
            self._mine[unit] = mine
            return mine
