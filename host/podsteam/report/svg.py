# SPDX-License-Identifier: Apache-2.0
"""A canvas that writes SVG for a page: colours come from the page's style sheet, so it follows light and
dark."""

from collections.abc import Sequence
from html import escape

from podsteam.report.canvas import PALETTE, WIDTH, Anchor
from podsteam.report.chart import Chart, Point
from podsteam.report.draw import draw, height


class SvgCanvas:
    """Collects SVG elements whose classes `s-ROLE` and `f-ROLE` stand for stroke and fill."""

    def __init__(self) -> None:
        self.elements: list[str] = []

    def line(self, points: Sequence[Point], role: str, width: float, dash: tuple[float, float] | None = None) -> None:
        """A polyline."""
        dashes = f' stroke-dasharray="{dash[0]:g} {dash[1]:g}"' if dash else ""
        self.elements.append(f'<path class="s-{role}" stroke-width="{width:g}"{dashes} d="{_path(points)}"/>')

    def area(self, points: Sequence[Point], role: str) -> None:
        """A filled polygon."""
        self.elements.append(f'<path class="f-{role}" d="{_path(points)}Z"/>')

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
        weight = ' font-weight="600"' if bold else ""
        place = f' text-anchor="{anchor}"' if anchor != "start" else ""
        attributes = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"{weight}{place}'
        self.elements.append(f'<text class="f-{role}" {attributes}>{escape(text)}</text>')


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def svg(chart: Chart, label: str) -> str:
    """The chart as an SVG element for a page that has `style()` in its style sheet. `label` is read aloud."""
    canvas = SvgCanvas()
    draw(chart, canvas)
    size = f'viewBox="0 0 {WIDTH:g} {height(chart):.0f}"'
    return f'<svg {size} role="img" aria-label="{escape(label)}">\n' + "\n".join(canvas.elements) + "\n</svg>"


def colours(dark: bool) -> str:
    """The palette as CSS variables."""
    return "".join(f"--{role}:{pair[dark]};" for role, pair in PALETTE.items())


def style() -> str:
    """The classes that the elements use."""
    rules = [f".s-{role}{{stroke:var(--{role})}}svg .f-{role}{{fill:var(--{role})}}" for role in PALETTE]
    return "svg path{fill:none;stroke-linejoin:round;stroke-linecap:round}" + "".join(rules)


def picture(chart: Chart, label: str) -> str:
    """The chart as a file of its own: with its colours, on its own paper, light or dark as the reader has it."""
    size = f'width="{WIDTH:g}" height="{height(chart):.0f}"'
    sheet = (
        f"svg{{{colours(False)}background:var(--paper);font-family:system-ui,'Noto Sans','DejaVu Sans',sans-serif}}"
        f"@media(prefers-color-scheme:dark){{svg{{{colours(True)}}}}}{style()}"
    )
    whole = svg(chart, label).replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" {size} ', 1)
    return whole.replace("\n", f"\n<style>{sheet}</style>\n", 1) + "\n"
