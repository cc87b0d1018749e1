# SPDX-License-Identifier: Apache-2.0
"""Recording figures of the control group: a bar of `None` stands for a row that only informs."""

from collections.abc import Callable

Recorder = Callable[[str, float, str, str, bool, str], None]


class Publisher:
    """Records rows and remembers which missed their bar, so that a test publishes all before it fails."""

    def __init__(self, record: Recorder) -> None:
        self._record = record
        self.missed: list[str] = []

    def row(self, name: str, value: float, unit: str, most: float | None, context: str, digits: int = 3) -> None:
        """One figure, held when it is at most `most`."""
        holds = most is None or value <= most
        bar = "" if most is None else f"<= {most:g}"
        self._record(f"control/{name}", float(f"{value:.{digits}g}"), unit, bar, holds, context)
        if not holds:
            self.missed.append(f"{name} {value:.4g} > {most:g}")

    def at_least(self, name: str, value: float, unit: str, least: float, context: str) -> None:
        """One figure, held when it is at least `least`."""
        self._record(f"control/{name}", float(f"{value:.3g}"), unit, f">= {least:g}", value >= least, context)
        if value < least:
            self.missed.append(f"{name} {value:.4g} < {least:g}")

    def check(self) -> None:
        """Fail when a row missed its bar."""
        assert not self.missed, "; ".join(self.missed)
