# SPDX-License-Identifier: Apache-2.0
"""The full-screen view's rows of text, each cut to the width. Pure: from a `Watched` to lines.

They are rich's `Text` throughout, never markup: a bracket in a device's text is a bracket.
"""

from collections.abc import Iterable
from textwrap import wrap

from rich.text import Text

from podsteam import words
from podsteam.progress import Line
from podsteam.screen import LEVEL, Screen
from podsteam.watching.model import Watched
from podsteam.wire.messages import CapBits, StateValue

_SCREEN = Screen(plain=False)


def _cut(lines: Iterable[Text], width: int) -> Text:
    """Lines as one text, each on one row."""
    return Text("\n", no_wrap=True, overflow="ellipsis").join(_SCREEN.fit(line, width) for line in lines)


def title(watched: Watched, width: int) -> Text:
    """Which device it is, and whether it is there."""
    name = watched.progress.name
    line = Text(f"podsteam {name}".rstrip(), "bold")
    if watched.caps & CapBits.SIMULATED:
        line.append(", SIMULATED", "bold")
    right = f"{watched.port}  unit {watched.unit}"
    if len(line) + len(right) + 2 <= width:
        line.append(" " * (width - len(line) - len(right)))
        line.append(right, "dim")
    return _cut([line], width)


def tabs(all_of_them: list[Watched], shown: int, width: int) -> Text:
    """A row with all devices: number, port, state; the one in view in brackets."""
    line = Text()
    share = max(8, width // max(1, len(all_of_them)) - 1)
    for i, watched in enumerate(all_of_them):
        state = "LOST" if watched.lost else words.word(words.STATE, watched.progress.state)
        room = max(1, share - len(state) - 5)
        text = f"{i + 1} {watched.port[-room:]} {state}"
        line.append(f"[{text}]" if i == shown else f" {text} ", "bold reverse" if i == shown else "")
    return _cut([line], width)


def head(watched: Watched, width: int, height: int) -> Text:
    """State, reason, time, what is left; under it what the person was told, or why there is no connection."""
    progress = watched.progress
    fault = progress.state == StateValue.FAULT
    lines = _SCREEN.head(progress, "" if fault else watched.message, width, height)
    if watched.lost:
        lines[1:] = [Text(f"CONNECTION LOST, trying again: {watched.lost}", "bold red")]
    elif fault and watched.message:
        lines.append(Text(watched.message, "bold yellow"))
    return _cut(lines, width)


def phases(watched: Watched, width: int) -> Text:
    """The program's parts with bars."""
    return _cut(_SCREEN.phases(watched.progress.phases(), width), width)


def figures(watched: Watched, width: int) -> Text:
    """Three rows of measurements and of what the device sees ahead."""
    progress = watched.progress
    tele = progress.tele
    if tele is None:
        return _cut([Text("no measurements yet", "dim"), Text(), Text()], width)
    ahead = progress.outlook
    power = ("Power", f"{tele.power_dw / 10:.0f} W")
    duty = ("Duty", f"{tele.duty_permille / 10:.0f} %")
    steam = ("Steam", f"{tele.steam_mg_min / 1000:.2f} g/min")
    energy = f"Energy {tele.energy_j / 1000:.1f} kJ, mains {tele.mains_dv / 10:.0f} V"
    water = f"Water {ahead.water()}" if ahead and ahead.water() else ""
    rest = [f"aims at {tele.target_cdeg / 100:.1f} °C"] if tele.target_cdeg else []
    if ahead and ahead.to_steam_s:
        rest.append(f"steam in {words.clock(ahead.to_steam_s)}")
    if ahead and ahead.scale():
        rest.append(f"scale {ahead.scale()}")
    last = ", ".join(rest)
    table = (
        ("Wall", tele.wall_cdeg, "yellow", power, energy),
        ("Water", tele.water_cdeg, "blue", duty, water),
        ("Outlet", tele.outlet_cdeg, "green", steam, last[:1].upper() + last[1:]),
    )
    return _cut((_figure(*row) for row in table), width)


def _figure(name: str, cdeg: int, style: str, second: tuple[str, str], third: str) -> Text:
    return Text.assemble(
        (f"{name:<7}", style),
        (f"{cdeg / 100:>6.1f} °C", "bold"),
        f"   {second[0]:<6}",
        (f"{second[1]:>10}", "bold"),
        f"   {third}",
    )


def doses(watched: Watched, width: int) -> Text:
    """The doses, and the podlet."""
    return _cut(_SCREEN.doses(watched.progress), width)


def events(watched: Watched, width: int, rows: int) -> Text:
    """The newest, as many as there are rows, each on one."""
    newest = list(watched.lines)[-rows:] if rows > 0 else []
    return _cut((_SCREEN.event(line) for line in newest), width)


def all_events(watched: Watched, width: int) -> Text:
    """Every event to its end, on as many rows as it takes."""
    return Text("\n", no_wrap=True).join(row for line in watched.lines for row in _folded(line, width))


def _folded(line: Line, width: int) -> list[Text]:
    at = words.clock(line.at_s) if line.at_s is not None else ""
    parts = wrap(line.text, max(10, width - 9), break_on_hyphens=False) or [""]
    return [
        Text.assemble((f"{at if i == 0 else '':>7}  ", "dim"), (part, LEVEL[line.level]))
        for i, part in enumerate(parts)
    ]
