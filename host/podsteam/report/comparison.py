# SPDX-License-Identifier: Apache-2.0
"""Two sessions in one page: their curves over each other from the press of the button on, and what differs."""

from collections.abc import Sequence
from html import escape
from typing import Any

from podsteam.report.chart import Chart, Curve, Panel, chart_of
from podsteam.report.facts import headline
from podsteam.report.page import frame, table
from podsteam.store.model import Stored
from podsteam.store.questions import Difference
from podsteam.text import safe

_ROLES = ("wall", "water")
_PANELS = ("wall", "outlet", "delivered", "estimated")


def chart_of_two(a: Stored, b: Stored) -> Chart:
    """Wall, outlet, power and steam rate of both, on one time axis from the session's start."""
    charts = (chart_of(a.record), chart_of(b.record))
    panels: list[Panel] = []
    for name in _PANELS:
        curves: list[Curve] = []
        like: Panel | None = None
        for i, (stored, chart) in enumerate(zip((a, b), charts, strict=True)):
            for panel in chart.panels:
                for curve in panel.curves:
                    if curve.name == name and curve.parts:
                        like = panel
                        curves.append(Curve(_name(i, stored), _ROLES[i], curve.parts, dashed=bool(i)))
        if like is not None:
            unit = like.title.rpartition(", ")[2]
            title = {"wall": "Wall", "outlet": "Outlet", "delivered": "Power", "estimated": "Steam rate"}[name]
            panels.append(Panel(f"{title}, {unit}", 150, tuple(curves), like.from_zero, like.at_least))
    start_s, end_s = min(c.start_s for c in charts), max(c.end_s for c in charts)
    return Chart(start_s, end_s, (), (), (), tuple(panels))


def _name(i: int, stored: Stored) -> str:
    return f"{'AB'[i]} {stored.entry.id[:6]}"


def comparison(a: Stored, b: Stored, differences: Sequence[Difference]) -> str:
    """The HTML file's text."""
    rows = [("", [d.group, d.name, _cell(d.a), _cell(d.b)]) for d in differences]
    head = ("Of", "What", _name(0, a), _name(1, b))
    differs = "<h2>What differs</h2>\n" + table(head, rows, 0) if rows else "<p>Nothing differs.</p>"
    lead = "<br>".join(f"{_name(i, each)}: {escape(headline(each))}{_when(each)}" for i, each in enumerate((a, b)))
    simulated = "<b>SIMULATED</b><br>" if a.entry.simulated or b.entry.simulated else ""
    last = (
        f"Made by podsteam from record {a.entry.id}, SHA-256 of its frames {a.entry.sha256}, and record {b.entry.id},"
        f" SHA-256 {b.entry.sha256}. Head of the store's chain then: {a.head} (podsteam records verify --head)."
    )
    label = "Temperatures, power and steam rate of two sessions over time"
    return frame("Two sessions", simulated + lead, "", (chart_of_two(a, b), label), differs, last, pointing=True)


def _when(stored: Stored) -> str:
    return f", {stored.entry.started:%d %B %Y, %H:%M}" if stored.entry.started else ""


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    return f"{value:g}" if isinstance(value, float) else safe(str(value), 200)
