# SPDX-License-Identifier: Apache-2.0
"""A session as one HTML file: nothing loaded from anywhere, readable in light and dark, printable; as a report its
plots can be read by pointing."""

from collections.abc import Iterable, Sequence
from html import escape

from podsteam import words
from podsteam.report import pointing as reading
from podsteam.report import svg
from podsteam.report.canvas import PALETTE
from podsteam.report.chart import Chart, chart_of
from podsteam.report.facts import Fact, headline, result_facts, session_facts
from podsteam.store.model import Stored

_STYLE = """
*{box-sizing:border-box}
body{margin:0 auto;max-width:1200px;padding:28px 24px 48px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
h1{font-size:26px;line-height:1.25;margin:0 0 4px}
h2{font-size:17px;margin:32px 0 8px}
.lead{color:var(--muted);margin:0 0 20px}
.lead b{color:var(--bad)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:0 40px;align-items:start}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:4px 12px 4px 0;border-bottom:1px solid var(--grid);
overflow-wrap:anywhere}
th{font-weight:500;color:var(--muted);white-space:nowrap}
thead th{font-weight:600}
.facts th{width:9.5em}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;width:5.5em;padding-right:20px}
tr.bad td{color:var(--bad)}
tr.good td{font-weight:600}
tr.detail td{color:var(--muted)}
.plot{overflow-x:auto;margin:24px 0 0}
svg{display:block;width:100%;min-width:760px;height:auto;font-family:inherit}
footer{margin-top:36px;color:var(--muted);font-size:13px}
@page{size:A4;margin:14mm}
@media print{body{padding:0;font-size:11px;print-color-adjust:exact;-webkit-print-color-adjust:exact}
h2{margin-top:18px}svg{min-width:0}tr,svg{break-inside:avoid}h2{break-after:avoid}}
"""


def style() -> str:
    """The page's style sheet."""
    names = "".join(f".k-{role}{{color:var(--{role})}}" for role in PALETTE if "-" not in role)
    return (
        f":root{{color-scheme:light dark;{svg.colours(dark=False)}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{svg.colours(dark=True)}}}}}"
        f"{_STYLE}{svg.style()}{names}"
    )


def _facts(facts: Iterable[Fact]) -> str:
    rows = "".join(f"<tr><th scope='row'>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in facts)
    return f"<table><tbody>{rows}</tbody></table>"


def table(head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], numbers: int) -> str:
    """A table whose first `numbers` columns are figures; each row comes with its class."""

    def cell(tag: str, i: int, text: str) -> str:
        kind = ' class="number"' if i < numbers else ""
        return f"<{tag}{kind}>{escape(text)}</{tag}>"

    top = "".join(cell("th", i, text) for i, text in enumerate(head))
    lines = [
        f'<tr class="{kind}">' + "".join(cell("td", i, t) for i, t in enumerate(row)) + "</tr>" for kind, row in rows
    ]
    return f"<table><thead><tr>{top}</tr></thead><tbody>\n" + "\n".join(lines) + "\n</tbody></table>"


def _doses(stored: Stored) -> str:
    rows: list[tuple[str, list[str]]] = []
    for dose in stored.record.doses:
        what = ("refused: " if dose.refused else "") + words.word(words.DOSE, dose.result)
        why = ", ".join(words.word(words.DOSE, reason) for reason in dose.reduced)
        number = str(dose.number) if dose.number else ""
        row = [
            words.clock(dose.at_s),
            number,
            f"{dose.intended_nl / 1000:.1f}",
            f"{dose.volume_nl / 1000:.1f} ({why})" if why else "",
            f"{dose.counted_nl / 1000:.1f}",
            what,
        ]
        rows.append(("bad" if dose.refused else "", row))
    if not rows:
        return ""
    head = ("Time", "Number", "Intended, µL", "Capped to, µL", "Counted, µL", "Result")
    return "<h2>Doses</h2>\n" + table(head, rows, 5)


def _events(stored: Stored) -> str:
    record = stored.record
    rows = [(words.level(e), [words.clock(record.seconds(e.uptime_ms)), words.describe(e)]) for e in record.events]
    return "<h2>Events</h2>\n" + table(("Time", "What happened"), rows, 1) if rows else ""


def _console(stored: Stored) -> str:
    rows = [("", [line]) for line in stored.record.console]
    return "<h2>Text from the device</h2>\n" + table(("Line",), rows, 0) if rows else ""


def remarks(stored: Stored) -> str:
    """What a reader must know of the record itself."""
    record = stored.record
    remarks: list[str] = []
    if record.damaged_bytes:
        remarks.append(f"{record.damaged_bytes} bytes of the record belong to no whole frame.")
    if record.unknown:
        count = sum(record.unknown.values())
        remarks.append(f"{count} frames come from a newer device and are not shown.")
    remarks.append(f"Made by podsteam from record {stored.entry.id}, SHA-256 of its frames {stored.entry.sha256}.")
    if stored.head:
        remarks.append(f"Head of the store's chain then: {stored.head} (podsteam records verify --head).")
    return " ".join(remarks)


def page(stored: Stored, *, pointing: bool = False) -> str:
    """The HTML file's text. `pointing`: with the figures under each place of the plot and a script that shows them."""
    title = headline(stored)
    simulated = "<b>SIMULATED</b> · " if stored.entry.simulated else ""
    started = f"{stored.entry.started:%d %B %Y, %H:%M} · " if stored.entry.started else ""
    chart = chart_of(stored.record)
    return frame(
        title,
        f"{simulated}{escape(started)}unit {escape(stored.entry.uid)}",
        f"""<div class="facts">
{_facts(result_facts(stored.record.summary))}
{_facts(session_facts(stored))}
</div>""",
        (chart, f"{title}: temperatures, power, steam rate and doses over time"),
        f"{_doses(stored)}\n{_events(stored)}\n{_console(stored)}",
        remarks(stored),
        pointing,
    )


def frame(
    title: str, lead: str, facts: str, plot: tuple[Chart, str], tables: str, last: str, pointing: bool = False
) -> str:
    """A whole page. `lead`, `facts` and `tables` are HTML; `plot` is a chart and what is read aloud of it."""
    picture = svg.svg(*plot)
    plain = "default-src 'none'; style-src 'unsafe-inline'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{reading.policy() if pointing else plain}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{escape(title)} - podsteam</title>
<style>{style()}{reading.STYLE if pointing else ""}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="lead">{lead}</p>
{facts}
{reading.READOUT if pointing else ""}
<div class="plot"{' tabindex="0"' if pointing else ""}>
{picture}
</div>
{tables}
<footer>{escape(last)}</footer>
{reading.block(plot[0]) if pointing else ""}
</body>
</html>
"""
