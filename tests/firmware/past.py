# SPDX-License-Identifier: Apache-2.0
"""A `Trend` whose looks are written down by the test: the slow detectors judge it as they would the real one."""


class Past:
    """Temperatures in 0.01 degC. `look` adds a look of 0.25 s, by default like the one before."""

    def __init__(self, wall: int = 6000, water: int = 4000, outlet: int = 2000) -> None:
        self.wall, self.water, self.outlet = wall, water, outlet
        self.known = 16
        self.power = 1000
        self.recent = self.before = 200
        self.full = 100
        self.quiet = 0
        self.sagged = self.surged = False
        self._walls = [wall] * 16
        self._waters = [water] * 16

    def rose(self, looks: int) -> int:
        return self.wall - self._walls[-1 - looks]

    def sum(self, looks: int, ago: int) -> int:
        end = len(self._walls) - ago
        return sum(self._walls[end - looks : end])

    def water_rose(self, looks: int) -> int:
        return self.water - self._waters[-1 - looks]

    def look(self, wall: int | None = None, water: int | None = None, outlet: int | None = None) -> "Past":
        self.wall = self.wall if wall is None else wall
        self.water = self.water if water is None else water
        self.outlet = self.outlet if outlet is None else outlet
        self._walls.append(self.wall)
        self._waters.append(self.water)
        return self

    def was(self, wall: int | None = None, water: int | None = None) -> "Past":
        """Every look so far showed this; what is read now stays."""
        if wall is not None:
            self._walls[:] = [wall] * len(self._walls)
        if water is not None:
            self._waters[:] = [water] * len(self._waters)
        return self

    def on(self) -> "Past":
        """Full power in this look."""
        self.quiet, self.full, self.power = 0, self.full + 1, 1000
        return self

    def off(self) -> "Past":
        """No power in this look."""
        self.quiet, self.full = self.quiet + 1, 0
        return self
