# SPDX-License-Identifier: Apache-2.0
"""The widgets: a pane for a device, its two plots, the choice of a program, the pages of help and events."""

from collections.abc import Callable
from typing import Any, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option
from textual_plotext import PlotextPlot

from podsteam.recap import difference_ms
from podsteam.watching import rows
from podsteam.watching.model import Watched
from podsteam.wire.messages import Tele

Curve = tuple[str, Callable[[Tele], float], str]
"""Name, value, colour (plotext's orange is a terminal's yellow). Without colour its first letter draws it."""

_DEGREES: tuple[Curve, ...] = (
    ("Outlet", lambda t: t.outlet_cdeg / 100, "green"),
    ("Water", lambda t: t.water_cdeg / 100, "blue"),
    ("Boiler wall", lambda t: t.wall_cdeg / 100, "orange"),
)
_FLOWS: tuple[Curve, ...] = (
    ("Power", lambda t: t.power_dw / 1000, "orange"),
    ("Steam", lambda t: t.steam_mg_min / 1000, "cyan"),
)
_STEPS = (0.25, 0.5, 1, 2, 4, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 1_000_000)
_PLOT_ROWS = 18
"""Height of a pane from which on there is room for plots."""
_BARE_ROWS = 11
_TICKS = 5
_ROUND_THE_CANVAS = 4
"""Rows of a plot for its heading, frame and scale of minutes."""


class Plot(PlotextPlot):
    """Some curves over the session's time, drawn anew only when there is something new."""

    def __init__(self, heading: str, curves: tuple[Curve, ...], least: float) -> None:
        """`least`: the scale goes at least from 0 to there."""
        super().__init__()
        self.theme = "clear"
        self._heading = heading
        self._curves = curves
        self._least = least

    def show(self, trace: list[Tele]) -> None:
        """Draw these measurements."""
        plt: Any = self.plt
        plt.clear_data()
        plt.title(self._heading)
        app: Any = cast(Any, self).app
        plain: bool = app.no_color
        step = max(1, len(trace) // (2 * max(10, self.size.width)))
        kept = trace[::-1][::step][::-1]
        if kept:
            minutes = [difference_ms(tele.uptime_ms, kept[0].uptime_ms) / 60_000 for tele in kept]
            for name, value, colour in self._curves:
                marker = name[0].lower() if plain else "braille"
                plt.plot(minutes, [value(tele) for tele in kept], marker=marker, color=None if plain else colour)
            most = max(self._least, *(value(tele) for tele in kept for _, value, _ in self._curves))
            plt.ylim(0, most)
            plt.xlim(0, max(1.0, minutes[-1]))
            # One that finds no row of its own would be left out, and the scale would seem to bend.
            self._ticks(plt.yticks, most, min(_TICKS, max(2, self.size.height - _ROUND_THE_CANVAS - 1)))
            self._ticks(plt.xticks, max(1.0, minutes[-1]), _TICKS, " min")
        self.refresh()

    @staticmethod
    def _ticks(put: Any, most: float, count: int, unit: str = "") -> None:
        """At most so many round numbers from 0 on, the first with the unit."""
        step = next(step for step in _STEPS if most / step < count)
        values = [i * step for i in range(int(most / step) + 1)]
        put(values, [f"{value:g}{unit if not value else ''}" for value in values])


class Pane(Vertical):
    """One device: everything that is known of it, in as many rows as there are."""

    def __init__(self, watched: Watched) -> None:
        super().__init__()
        self.watched = watched
        self.stale = True
        """Something has come since it was drawn."""

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        for name in ("title", "head", "phases"):
            yield Static(classes=name, markup=False)
        with Horizontal(classes="plots"):
            yield Plot("b boiler wall, w water, o outlet, °C", _DEGREES, 110)
            yield Plot("s steam g/min, p power 100 W", _FLOWS, 8)
        for name in ("figures", "doses", "events"):
            yield Static(classes=name, markup=False)

    def on_resize(self) -> None:
        """What there is no room for goes; what is left is drawn at the new size."""
        self.query_one(".plots").display = self.size.height >= _PLOT_ROWS
        for name in (".phases", ".doses"):
            self.query_one(name).display = self.size.height >= _BARE_ROWS
        self.stale = True
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Bring it up to date."""
        self.stale = False
        watched, width = self.watched, self.size.width
        if width < 1:
            return
        self._set("title", rows.title(watched, width))
        self._set("head", rows.head(watched, width, self.size.height))
        self._set("phases", rows.phases(watched, width))
        self._set("figures", rows.figures(watched, width))
        self._set("doses", rows.doses(watched, width))
        self._set("events", rows.events(watched, width, self.query_one(".events").size.height))
        for plot in self.query(Plot):
            if self.query_one(".plots").display:
                plot.show(watched.trace)

    def _set(self, name: str, text: Text) -> None:
        self.query_one(f".{name}", Static).update(text)


class Programs(ModalScreen[str | None]):
    """Which program to arm."""

    BINDINGS: ClassVar[list[Any]] = [Binding("escape,q", "dismiss(None)", "back")]

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self._names = names

    def compose(self) -> ComposeResult:
        """A sentence and the names."""
        with Vertical(classes="box"):
            text = "Arm which program? Enter arms; nothing heats until the button on the device is pressed. Esc: none."
            yield Static(text, markup=False)
            yield OptionList(*(Option(Text(name)) for name in self._names))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter."""
        self.dismiss(self._names[event.option_index])


class Page(ModalScreen[None]):
    """A text to read, as long as it is; `text` gives it for a width, again when `count` has changed."""

    BINDINGS: ClassVar[list[Any]] = [Binding("escape,q,e,question_mark", "dismiss(None)", "back")]

    def __init__(self, text: Callable[[int], Text], count: Callable[[], int]) -> None:
        super().__init__()
        self._text = text
        self._count = count
        self._shown = (-1, 0, 0)

    def compose(self) -> ComposeResult:
        """The text, and how to leave it."""
        with VerticalScroll():
            yield Static(markup=False)
        yield Static("Arrows and PageUp/PageDown move, Esc goes back.", classes="keys", markup=False)

    def on_mount(self) -> None:
        """Look for what is new from now on."""
        self.set_interval(0.25, self._draw)
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        scroll = self.query_one(VerticalScroll)
        width, height = scroll.scrollable_content_region.size
        if (self._count(), width, height) == self._shown:
            return
        at_end = scroll.scroll_y >= scroll.max_scroll_y
        self._shown = (self._count(), width, height)
        scroll.query_one(Static).update(self._text(width))
        if at_end:
            scroll.scroll_end(animate=False)
