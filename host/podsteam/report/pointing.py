# SPDX-License-Identifier: Apache-2.0
"""What makes a page's plots readable by pointing: the figures under each place of the time axis, and a script of a few
lines that shows them. It loads nothing, and the page's policy lets no other script run."""

import base64
import hashlib
import json
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from podsteam.report.canvas import LEFT, RIGHT, WIDTH
from podsteam.report.chart import Chart, Curve

_COLUMNS = int(WIDTH - LEFT - RIGHT)

SCRIPT = """
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("readings").textContent);
  const plot = document.querySelector(".plot");
  const svg = plot.querySelector("svg");
  const out = document.querySelector(".readout");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("class", "s-ink cursor");
  svg.append(line);
  const span = data.end - data.start;
  const inner = data.width - data.left - data.right;
  const height = svg.viewBox.baseVal.height;
  let at = 0;
  const clock = s => (s < 0 ? "-" : "") + Math.floor(Math.abs(s) / 60) + ":"
    + String(Math.floor(Math.abs(s) % 60)).padStart(2, "0");
  const show = s => {
    at = Math.min(Math.max(s, data.start), data.end);
    const x = data.left + (at - data.start) / span * inner;
    line.setAttribute("d", "M" + x + " 0L" + x + " " + height);
    const column = Math.round((at - data.start) / span * (data.columns - 1));
    const state = data.states.find(each => each[0] <= at && at < each[1]);
    const parts = [clock(at) + " min"];
    if (state) parts.push(state[2]);
    for (const series of data.series) {
      const value = series.values[column];
      parts.push(series.name + " " + (value === null ? "-" : value + " " + series.unit));
    }
    out.replaceChildren(...parts.map((text, i) => {
      const item = document.createElement("span");
      if (i >= parts.length - data.series.length) {
        item.className = "k-" + data.series[i - (parts.length - data.series.length)].role;
      }
      item.textContent = text;
      return item;
    }));
  };
  plot.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * data.width;
    show(data.start + (x - data.left) / inner * span);
  });
  plot.addEventListener("keydown", event => {
    const step = {ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10}[event.key];
    if (step) { show(at + step); event.preventDefault(); }
  });
  const moment = /^#t=(-?[0-9.]+)$/.exec(location.hash);
  if (moment) show(Number(moment[1]));
})();
"""
"""Shows the figures under the pointer; with the arrow keys where the plot has the focus; at once for `#t=SECONDS`."""

STYLE = """
.readout{position:sticky;top:0;min-height:3.2em;margin:20px 0 0;padding:6px 0;background:var(--paper);
font-variant-numeric:tabular-nums;z-index:1}
.readout span{display:inline-block;margin-right:18px;white-space:nowrap}
.plot{margin-top:0;cursor:crosshair}
.plot:focus{outline:2px solid var(--axis);outline-offset:2px}
.cursor{stroke-width:1;pointer-events:none}
@media print{.readout,.cursor{display:none}}
"""


def policy() -> str:
    """The page's content security policy: its own style, this one script, nothing else from anywhere."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def readings(chart: Chart, decimals: int = 2) -> dict[str, Any]:
    """The figures of each curve for each column of the plot."""
    span = chart.end_s - chart.start_s
    times = [chart.start_s + span * i / (_COLUMNS - 1) for i in range(_COLUMNS)]
    series: list[dict[str, Any]] = []
    for panel in chart.panels:
        title, _, unit = panel.title.partition(", ")
        for curve in panel.curves:
            name = curve.name if title == "Temperature" else title.lower()
            if len(panel.curves) > 1 and title != "Temperature":
                name += f" {curve.name}"
            values = [None if value is None else round(value, decimals) for value in _at(curve, times)]
            series.append({"name": name, "unit": unit, "role": curve.role, "values": values})
    return {
        "start": round(chart.start_s, 3),
        "end": round(chart.end_s, 3),
        **{"left": LEFT, "right": RIGHT, "width": WIDTH, "columns": _COLUMNS},
        "states": [[round(band.start_s, 2), round(band.end_s, 2), band.name] for band in chart.bands],
        "series": series,
    }


def _at(curve: Curve, times: Sequence[float]) -> list[float | None]:
    """The curve's nearest value at each time; None in its gaps and outside of it."""
    values: list[float | None] = [None] * len(times)
    near = max(times[1] - times[0], 0.5)
    for part in curve.parts:
        at = [point[0] for point in part]
        for i in range(bisect_left(times, at[0] - near), bisect_left(times, at[-1] + near)):
            place = bisect_left(at, times[i])
            if place and (place == len(at) or times[i] - at[place - 1] <= at[place] - times[i]):
                place -= 1
            values[i] = part[place][1]
    return values


def block(chart: Chart) -> str:
    """The figures and the script as elements of a page."""
    # `<` is written so that no text can end the element.
    data = json.dumps(readings(chart), ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    return f'<script type="application/json" id="readings">{data}</script>\n<script>{SCRIPT}</script>'


READOUT = (
    '<p class="readout" role="status">Point at the plot to read it, or click it and use the arrow keys;'
    " Page Up and Page Down take ten seconds.</p>"
)
