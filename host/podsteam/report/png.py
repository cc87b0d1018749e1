# SPDX-License-Identifier: Apache-2.0
"""A canvas on matplotlib, which is imported when one is made: it is an extra, and slow to load."""

import io
from collections.abc import Sequence
from typing import Any

from podsteam.errors import UsageProblem
from podsteam.report.canvas import PALETTE, WIDTH, Anchor, Title
from podsteam.report.chart import Chart, Point
from podsteam.report.draw import draw, height

SCALE = 2
"""Pixels of the picture for each pixel of the layout."""
_DPI = 100
_POINTS = 72 / _DPI
_ALIGN = {"start": "left", "middle": "center", "end": "right"}


class PngCanvas:
    """Draws on a matplotlib figure of the given size in layout pixels."""

    def __init__(self, width: float, tall: float, dark: bool) -> None:
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ModuleNotFoundError as e:
            raise UsageProblem('A PNG needs matplotlib; run: pip install "podsteam[plot]"') from e
        self._dark = dark
        # matplotlib's own types leave arguments unknown.
        self._figure: Any = Figure(figsize=(width / _DPI, tall / _DPI), dpi=_DPI, facecolor=self._colour("paper"))
        FigureCanvasAgg(self._figure)
        self._axes: Any = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, width)
        self._axes.set_ylim(tall, 0)

    def _colour(self, role: str) -> str:
        return PALETTE[role][self._dark]

    def line(self, points: Sequence[Point], role: str, width: float, dash: tuple[float, float] | None = None) -> None:
        """A polyline."""
        x, y = [p[0] for p in points], [p[1] for p in points]
        style = "solid" if dash is None else (0, (dash[0] / width, dash[1] / width))
        self._axes.plot(x, y, color=self._colour(role), linewidth=width * _POINTS, linestyle=style)

    def area(self, points: Sequence[Point], role: str) -> None:
        """A filled polygon."""
        self._axes.fill([p[0] for p in points], [p[1] for p in points], color=self._colour(role), linewidth=0)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        role: str,
        size: float = 12,
        anchor: Anchor = "start",
        bold: bool = False,
    ) -> None:
        """One line of text."""
        self._axes.text(
            x,
            y,
            text,
            color=self._colour(role),
            fontsize=size * _POINTS,
            fontweight="bold" if bold else "normal",
            horizontalalignment=_ALIGN[anchor],
            verticalalignment="baseline",
            parse_math=False,
        )

    def png(self) -> bytes:
        """The picture."""
        out = io.BytesIO()
        self._figure.savefig(
            out, format="png", dpi=_DPI * SCALE, facecolor=self._colour("paper"), metadata={"Software": None}
        )
        return out.getvalue()


def png(chart: Chart, title: Title, dark: bool = False) -> bytes:
    """The chart as a PNG. Raises UsageProblem when matplotlib is not installed."""
    canvas = PngCanvas(WIDTH, height(chart, title), dark)
    draw(chart, canvas, title)
    return canvas.png()
