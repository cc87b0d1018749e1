# SPDX-License-Identifier: Apache-2.0
"""What a chart is drawn on: the verbs that every canvas has, the colours, and the lengths that all parts
share.

Lengths are pixels of the layout, y downwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from podsteam.report.chart import Point

WIDTH = 1120.0
"""The picture's width."""
LEFT = 58.0
"""Where the plot areas begin."""
RIGHT = 104.0
"""Room for labels right of the plot areas."""
SMALL = 11.0
TEXT = 12.0
DASH = (5.0, 3.0)
_CHARACTER = 0.58
"""Width of a character, in font sizes: a little more than usual, so that an estimate errs towards space."""

Anchor = Literal["start", "middle", "end"]

PALETTE: dict[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#14171c"),
    "ink": ("#1b1f24", "#eceff3"),
    "muted": ("#5b6470", "#a4adb8"),
    "grid": ("#dfe3e8", "#2c323a"),
    "axis": ("#8a939e", "#6d7682"),
    # After Okabe and Ito, "Color Universal Design", 2008; lighter ones on dark paper.
    "wall": ("#c44e00", "#ff8f4d"),
    "water": ("#0072b2", "#5cb3f0"),
    "outlet": ("#007f5c", "#2fd3a3"),
    "aim": ("#6b7480", "#b6bec8"),
    "power": ("#b87900", "#f0b43c"),
    "power-fill": ("#e69f0040", "#e69f0038"),
    "duty": ("#7a5c9e", "#c3a3ea"),
    "duty-fill": ("#7a5c9e30", "#c3a3ea2c"),
    "steam": ("#1f7fae", "#6cc7f2"),
    "steam-fill": ("#56b4e940", "#56b4e938"),
    "dose": ("#a3367a", "#f08cc4"),
    "bad": ("#b3261e", "#ff8a80"),
    "band-idle": ("#f4f5f7", "#191d23"),
    "band-armed": ("#eef0f3", "#1d2229"),
    "band-warm_up": ("#fff1e0", "#2b2216"),
    "band-steam": ("#e4f2fb", "#13262f"),
    "band-paused": ("#f3ecfa", "#241d2d"),
    "band-cooling": ("#eaf5ee", "#17251d"),
    "band-fault": ("#fde5e2", "#331a19"),
}
"""Colours by role, on light and on dark paper."""


class Canvas(Protocol):
    """What a chart is drawn on. `role` is a key of `PALETTE`."""

    def line(self, points: Sequence[Point], role: str, width: float, dash: tuple[float, float] | None = None) -> None:
        """A polyline."""
        ...

    def area(self, points: Sequence[Point], role: str) -> None:
        """A filled polygon without an outline."""
        ...

    def text(
        self,
        x: float,
        y: float,
        text: str,
        role: str,
        size: float = TEXT,
        anchor: Anchor = "start",
        bold: bool = False,
    ) -> None:
        """One line of text, `y` being its baseline."""
        ...


@dataclass(frozen=True, slots=True)
class Title:
    """Lines above the chart, for a canvas with no page around it."""

    title: str
    lines: tuple[str, ...]


def text_width(text: str, size: float) -> float:
    """About how wide a text is, in pixels."""
    return len(text) * size * _CHARACTER
