# SPDX-License-Identifier: Apache-2.0
"""Ten minutes of a session in the full-screen view, in a real terminal of 80x24, at twenty times life."""

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import run, served
from rich.console import Console
from rich.text import Text
from tmux_view import COLUMNS, TMUX, see_through, watching

RecordFigure = Callable[[str, float, str, str, bool, str], None]

PROGRAM = """
[program]
name = "ten-minutes"

[warm_up]
hold_c = 60
hold_s = 60
max_s = 300

[[steam]]
rate_g_per_min = 4.0
minutes = 3

[[steam]]
rate_g_per_min = 2.5
minutes = 4

[dose]
first_s = 20
every_s = 60
count = 6
"""

SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px;
line-height: {line_height}px; white-space: pre }}
{styles}
</style>
<defs>{lines}</defs>
<rect width="{width}" height="{height}" rx="8" fill="#292929"/>
<g transform="translate(9, 9)">{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
"""As rich's own, without the fonts that it fetches."""


def picture(rows: list[str]) -> str:
    """Rows with colours as a drawing."""
    with open("/dev/null", "w", encoding="utf-8") as nowhere:
        console = Console(width=COLUMNS, record=True, file=nowhere, force_terminal=True, legacy_windows=False)
        for row in rows:
            console.print(Text.from_ansi(row), no_wrap=True, crop=True, highlight=False)
        # Braille may come from another font than the letters: each run keeps to its columns.
        drawn = console.export_svg(code_format=SVG, unique_id="watch")
        return drawn.replace("textLength=", 'lengthAdjust="spacingAndGlyphs" textLength=')


@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_ten_minutes_at_twenty_times_life(
    tmp_path: Path, pytestconfig: pytest.Config, record_figure: RecordFigure
) -> None:
    """The pictures stay in build/watch; the one in docs/watch.svg is of them."""
    program = tmp_path / "ten-minutes.toml"
    program.write_text(PROGRAM, encoding="utf-8")
    with served(tmp_path, "--link", "pty", "--speed", "20", "--seed", "3") as board:
        assert run(tmp_path, "--port", board["link"], "program", "push", str(program)).returncode == 0
        with watching(tmp_path, board["link"], NO_COLOR="") as terminal:
            seen = see_through(tmp_path, board, terminal, "ten-minutes")
            sent = len(terminal.sent())
    folder = pytestconfig.rootpath / "build" / "watch"
    folder.mkdir(parents=True, exist_ok=True)
    for i, rows in enumerate(seen.coloured):
        (folder / f"{i:02}.svg").write_text(picture(rows), encoding="utf-8")
    assert seen.record is not None
    lost = len(seen.missing) + len(seen.problems)
    minutes = seen.record.seconds(seen.record.events[-1].uptime_ms) / 60
    context = (
        f"events of a session of {minutes:.0f} minutes that the view lacks, plus pictures that are not whole,"
        f" wrapped or over {COLUMNS} columns; {len(seen.record.events)} events in the record,"
        f" {len(seen.pictures)} pictures looked at, {sent / 1000:.0f} kB sent, the terminal never erased;"
        " tmux, 80x24, 20 times life"
    )
    record_figure("records/watch", lost, "", "0", lost == 0 and minutes >= 10, context)
    assert seen.missing == [] and seen.problems == []
