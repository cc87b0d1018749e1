# SPDX-License-Identifier: Apache-2.0
"""The live view's picture of a session: a framed block of text lines that fits 80 columns and 24 rows.

Colour only repeats what a word or a sign says already, so nothing is lost without it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.box import ASCII, ROUNDED
from rich.panel import Panel
from rich.text import Text

from podsteam import words
from podsteam.outlook import outlook
from podsteam.progress import ASSUMED, GIVEN, REFUSED, Line, Phase, Progress
from podsteam.wire.messages import CapBits, StateValue, Tele

COLUMNS = 80
"""Widest that the view gets; it reads better than spread over a wide screen."""
_SPARK = 15
_ROOMY = 22
"""Rows from which on a long text under the state may take several."""

_BADGE = {
    StateValue.IDLE: "bold reverse",
    StateValue.ARMED: "bold reverse yellow",
    StateValue.WARM_UP: "bold reverse yellow",
    StateValue.STEAM: "bold reverse cyan",
    StateValue.PAUSED: "bold reverse magenta",
    StateValue.COOLING: "bold reverse green",
    StateValue.FAULT: "bold reverse red",
}
LEVEL = {"bad": "red", "good": "green", "note": "", "detail": "dim"}


@dataclass(frozen=True, slots=True)
class Signs:
    """The characters that the view draws with."""

    full: str
    empty: str
    levels: str
    given: str
    assumed: str
    refused: str
    ahead: str
    rule: str


UNICODE = Signs("█", "░", "▁▂▃▄▅▆▇█", "◆", "◈", "✗", "◇", "─")
PLAIN = Signs("#", ".", "_.-=+*#%", "*", "?", "x", "o", "-")


class Screen:
    """Turns a `Progress` into something that rich can print. `plain`: nothing but ASCII."""

    def __init__(self, plain: bool, caps: int = 0, hint: str = "") -> None:
        self._plain = plain
        self._signs = PLAIN if plain else UNICODE
        self._simulated = bool(caps & CapBits.SIMULATED)
        self.hint = hint
        """What the person can do now, in the frame; empty: nothing."""

    def render(self, progress: Progress, message: str, columns: int, rows: int) -> Panel:
        """The view at a terminal's size."""
        columns = min(columns, COLUMNS)
        inside = max(20, columns - 4)
        lines = self.head(progress, message, inside, rows)
        lines += [*self.phases(progress.phases(), inside), Text(), *self._measured(progress)]
        lines += [Text(), *self.doses(progress)]
        lines.append(Text(self._signs.rule * inside, "dim"))
        # One row stays free for the cursor, two are the frame's.
        free = rows - 3 - len(lines)
        if free < 2:
            lines = [line for line in lines if line.plain]
            free = rows - 3 - len(lines)
        lines += self._events(progress, max(1, min(8, free)))
        body = Text("\n", no_wrap=True, overflow="ellipsis").join(self.fit(line, inside) for line in lines)
        name = f"podsteam {progress.name}".rstrip()
        title = Text(f" {name}, SIMULATED " if self._simulated else f" {name} ", "bold")
        box = ASCII if self._plain else ROUNDED
        hint = Text(f" {self.hint} ", "dim") if self.hint else None
        return Panel(
            body,
            box=box,
            title=title,
            title_align="left",
            subtitle=hint,
            subtitle_align="right",
            width=columns,
        )

    def fit(self, line: Text, inside: int) -> Text:
        """The line cut to the width, in characters that the terminal has."""
        if self._plain:
            line = Text(words.ascii_only(line.plain), spans=line.spans, style=line.style)
        line.truncate(inside, overflow="crop" if self._plain else "ellipsis")
        return line

    def head(self, progress: Progress, message: str, inside: int, rows: int) -> list[Text]:
        """The state's word with its reason and the time; a line for the message under it."""
        badge = f" {words.word(words.STATE, progress.state).upper()} "
        style = _BADGE.get(StateValue(progress.state), "") if progress.state in set(StateValue) else "bold reverse"
        head = Text.assemble((badge, style), "  ")
        elapsed_s = progress.elapsed_s
        clock = words.clock(elapsed_s) if elapsed_s is not None else ""
        right = ", ".join(part for part in (clock, progress.left) if part)
        room = inside - head.cell_len - len(right) - 2
        reason = progress.reason
        if len(reason) <= room:
            head.append(reason)
        elif not message:
            # A long reason gets the message's line to itself.
            message = reason
        head.append(" " * max(1, inside - head.cell_len - len(right)))
        head.append(right, "bold")
        if progress.state != StateValue.FAULT:
            return [head, Text(message, "bold yellow")]
        # What to do about a fault must be read to its end, where there is room for it.
        parts = wrap(message, inside, break_on_hyphens=False) if rows >= _ROOMY else [message]
        return [head, *(Text(part, "bold red") for part in parts or [""])]

    def phases(self, phases: list[Phase], inside: int) -> list[Text]:
        """Two lines: names, and bars under them."""
        if not phases:
            return [Text(), Text()]
        names, bars = Text(), Text()
        gaps = len(phases) - 1
        width, extra = divmod(inside - 2 * gaps, len(phases))
        for i, phase in enumerate(phases):
            size = width + (i < extra)
            between = "  " if i < gaps else ""
            left = f", {words.clock(phase.left_s)}" if phase.left_s else ""
            name = phase.name + left if len(phase.name + left) <= size else phase.name[:size]
            names.append(f"{name:<{size}}{between}", "bold" if phase.now else "dim")
            done = round(phase.share * size)
            bars.append(self._signs.full * done, "cyan" if phase.now else "")
            bars.append(self._signs.empty * (size - done) + between, "dim")
        return [names, bars]

    def _spark(self, history: Sequence[Tele], value: Callable[[Tele], int], low: int, high: int) -> str:
        """The whole session so far in a few characters."""
        levels = self._signs.levels
        if not history:
            return " " * _SPARK
        text = ""
        for i in range(_SPARK):
            begin = i * len(history) // _SPARK
            part = history[begin : max((i + 1) * len(history) // _SPARK, begin + 1)]
            mean = sum(value(tele) for tele in part) / len(part)
            share = min(1.0, max(0.0, (mean - low) / max(1, high - low)))
            text += levels[round(share * (len(levels) - 1))]
        return text

    def _measured(self, progress: Progress) -> list[Text]:
        tele, history = progress.tele, progress.history
        if tele is None:
            return [Text("no measurements yet", "dim"), Text(), Text(), Text()]
        most_dw = max((t.power_dw for t in history), default=0)
        most_mg = max((t.steam_mg_min for t in history), default=0)

        def degrees(name: str, cdeg: int, value: Callable[[Tele], int], style: str) -> Text:
            spark = self._spark(history, value, 1500, 11000)
            return Text.assemble(f"{name:<7}", (f"{cdeg / 100:>6.1f}", "bold"), " °C  ", (spark, style))

        def figure(name: str, text: str, unit: str, spark: str, style: str) -> Text:
            return Text.assemble(f"     {name:<7}", (f"{text:>6}", "bold"), f" {unit:<6} ", (spark, style))

        wall = degrees("Wall", tele.wall_cdeg, lambda t: t.wall_cdeg, "yellow")
        water = degrees("Water", tele.water_cdeg, lambda t: t.water_cdeg, "blue")
        outlet = degrees("Outlet", tele.outlet_cdeg, lambda t: t.outlet_cdeg, "green")
        power = self._spark(history, lambda t: t.power_dw, 0, most_dw)
        duty = self._spark(history, lambda t: t.duty_permille, 0, 1000)
        steam = self._spark(history, lambda t: t.steam_mg_min, 0, most_mg)
        wall.append_text(figure("Power", f"{tele.power_dw / 10:.0f}", "W", power, "yellow"))
        water.append_text(figure("Duty", f"{tele.duty_permille / 10:.0f}", "%", duty, "magenta"))
        outlet.append_text(figure("Steam", f"{tele.steam_mg_min / 1000:.2f}", "g/min", steam, "cyan"))
        rest = f"Energy {tele.energy_j / 1000:.1f} kJ, mains {tele.mains_dv / 10:.0f} V"
        if tele.target_cdeg:
            rest = f"Aims at {tele.target_cdeg / 100:.1f} °C, {rest[0].lower()}{rest[1:]}"
        ahead = outlook(tele)
        if ahead.water_g is not None:
            rest += f", water {ahead.water_g:.0f} g"
        line = Text(rest, "dim")
        if ahead.descale:
            line.append(", descale soon", "yellow")
        return [wall, water, outlet, line]

    def doses(self, progress: Progress) -> list[Text]:
        """Two lines: the doses so far with what is ahead, and the podlet."""
        tele, program = progress.tele, progress.program
        wanted = program.dose_count if program else 0
        signs = {
            GIVEN: (self._signs.given, "green"),
            ASSUMED: (self._signs.assumed, "yellow"),
            REFUSED: (self._signs.refused, "red"),
        }
        line = Text("Doses  ")
        if max(len(progress.doses), wanted) <= 20:
            for dose in progress.doses:
                line.append(signs[dose][0] + " ", signs[dose][1])
            line.append((self._signs.ahead + " ") * (wanted - len(progress.doses)), "dim")
        given = sum(dose != REFUSED for dose in progress.doses)
        count = max(given, tele.doses if tele else 0)
        line.append(f"{count} of {wanted} given" if wanted else f"{count} given")
        line.append(f", {words.microlitres(tele.dosed_nl if tele else 0)}")
        refused = len(progress.doses) - given
        if refused:
            line.append(f", {refused} refused", "red")
        next_s = progress.next_dose_s
        if next_s is not None:
            line.append(f"; next in {words.clock(next_s)}")
        return [line, Text(f"Podlet {progress.podlet}")]

    def _events(self, progress: Progress, count: int) -> list[Text]:
        shown = [line for line in progress.lines if line.level != "detail"][-count:]
        lines = [self.event(line) for line in shown]
        return lines + [Text()] * (count - len(lines))

    def event(self, line: Line) -> Text:
        """Something that happened, with its time."""
        at = words.clock(line.at_s) if line.at_s is not None else ""
        return Text.assemble((f"{at:>7}  ", "dim"), (line.text, LEVEL[line.level]))
