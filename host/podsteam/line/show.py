# SPDX-License-Identifier: Apache-2.0
"""The picture of a station: a row for each place, and lines where there is no terminal."""

from rich.table import Table
from rich.text import Text

from podsteam.line.floor import Floor, Row, State, summary
from podsteam.text import safe
from podsteam.words import ascii_only

_STYLE = {
    State.EMPTY: "dim",
    State.READY: "bold yellow",
    State.WORKING: "cyan",
    State.AWAY: "bold black on yellow",
    State.PASS: "bold white on green",
    State.FAIL: "bold white on red",
}
_BAR = 20


def words(row: Row) -> str:
    """What a row says, without its key and place."""
    if row.state is State.EMPTY:
        return "plug a unit in"
    if row.state is State.READY:
        return f"press {row.key}"
    if row.state is State.WORKING:
        return row.work.step if row.work else ""
    if row.state is State.AWAY:
        return "UNPLUGGED"
    again = f", attempt {row.record['attempt']}" if row.record and row.record["attempt"] > 1 else ""
    return f"{'PASS' if row.state is State.PASS else 'FAIL'}{again}"


def name(row: Row) -> str:
    """Serial number and address, as far as they are known."""
    serial = row.record["serial"] if row.record else row.work.serial if row.work else row.scanned
    unit = row.record["unit"] if row.record else row.work.unit if row.work else ""
    simulated = " (simulated)" if row.record and row.record["simulated"] else ""
    return safe(" ".join(part for part in (serial, unit) if part), 60) + simulated


def line(row: Row) -> str:
    """A row as plain text."""
    parts = (f"{row.key} {safe(row.place, 40) or '-'}", words(row), name(row), safe(row.text, 300))
    return ": ".join(part for part in parts if part)


def picture(floor: Floor, plain: bool) -> Table:
    """The whole. `plain`: ASCII only."""
    table = Table(expand=True, box=None, padding=(0, 1), title=None, show_header=False)
    for part in ("", "place", "what", "unit", "why"):
        table.add_column(part, overflow="ellipsis", no_wrap=part != "why")
    for row in floor.rows:
        state = words(row)
        if row.state is State.WORKING and row.work:
            full = round(_BAR * row.work.share)
            state = f"{state} [{'#' * full}{'.' * (_BAR - full)}]" if row.work.share else state
        cells = (row.key, safe(row.place, 24), state, name(row), safe(row.text, 300))
        style = _STYLE[row.state]
        table.add_row(*(Text(ascii_only(cell) if plain else cell, style) for cell in cells), style=style)
    counted = summary(floor)
    foot = f"{counted['passed']} of {counted['units']} passed in {counted['attempts']} attempts.  q ends."
    table.add_row()
    table.add_row("", "", Text(safe(floor.message, 200) or foot))
    return table
