# SPDX-License-Identifier: Apache-2.0
"""Plots: everything in the picture, nothing over anything else, nothing from outside in the page."""

import dataclasses
import io
import re
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
import synthetic

from podsteam.errors import UsageProblem
from podsteam.record import Record, decode
from podsteam.report import canvas as canvas_module
from podsteam.report.canvas import PALETTE, WIDTH, Title
from podsteam.report.chart import Point, chart_of, thin
from podsteam.report.draw import draw, height
from podsteam.report.page import page
from podsteam.report.panel import ticks
from podsteam.report.plot import png_of, write_html, write_png
from podsteam.store import SessionMeta, open_store
from podsteam.store.model import Stored
from podsteam.wire.messages import Event, EventValue, PodletValue, StateValue, Tele


def stored_of(tmp_path: Path, raw: bytes, **meta: object) -> Stored:
    record = decode(raw)
    head = record.head or synthetic.HEAD
    started = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    with open_store(tmp_path / "records.db") as store:
        meta = {"started": started, **meta}
        return store.get(store.add_device_record(SessionMeta(head, **meta), raw))  # type: ignore[arg-type]


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return stored_of(tmp_path, synthetic.session())


# The layout.


class Recorder:
    """A canvas that notes what is drawn where."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.roles: set[str] = set()
        self.texts: list[tuple[float, float, float, float, str]] = []

    def line(self, points, role, width, dash=None) -> None:  # type: ignore[no-untyped-def]
        assert points
        self.points += points
        self.roles.add(role)

    def area(self, points, role) -> None:  # type: ignore[no-untyped-def]
        self.points += points
        self.roles.add(role)

    def text(self, x, y, text, role, size=12.0, anchor="start", bold=False) -> None:  # type: ignore[no-untyped-def]
        # Two thirds of the size is what letters are high; widths as the layout reckons, which errs towards wide.
        width = canvas_module.text_width(text, size) * 0.93
        left = x - {"start": 0, "middle": width / 2, "end": width}[anchor]
        self.texts.append((left, y - size * 0.7, left + width, y + size * 0.15, text))
        self.roles.add(role)


def crowded() -> bytes:
    """Many events at almost the same time, at both ends of the session."""
    script = synthetic.script(1000)
    for at_ms in (31_000, 380_000):
        for i in range(12):
            script.messages.append(Event(200 + i, at_ms + 300 * i, EventValue.PODLET, PodletValue.REMOVED))
            script.messages.append(Event(210 + i, at_ms + 300 * i, EventValue.DOSE_REFUSED, 5, 60_000))
    return synthetic.wire(script.messages)


def broken_sensor() -> bytes:
    script = synthetic.script(1000)
    messages = [dataclasses.replace(m, wall_cdeg=-32768) if isinstance(m, Tele) else m for m in script.messages]
    return synthetic.wire(messages)


RECORDS = {
    "whole": synthetic.session(),
    "fault": synthetic.session(fault=True),
    "crowded": crowded(),
    "cut": synthetic.session()[:9000],
    "broken sensor": broken_sensor(),
    "head only": synthetic.wire([synthetic.HEAD]),
    "nothing": b"",
    "hostile": synthetic.hostile(),
}


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("title", [None, Title("Session", ("one", "two"))])
def test_everything_is_inside_the_picture_and_no_text_over_another(name: str, title: Title | None) -> None:
    chart = chart_of(decode(RECORDS[name]))
    recorder = Recorder()
    draw(chart, recorder, title)
    tall = height(chart, title)
    for x, y in recorder.points:
        assert -1 <= x <= WIDTH + 1 and -1 <= y <= tall + 1
    assert recorder.roles <= set(PALETTE)
    boxes = recorder.texts
    for left, top, right, bottom, text in boxes:
        assert left >= 0 and right <= WIDTH and top >= 0 and bottom <= tall, text
    key = WIDTH - canvas_module.RIGHT + 5
    assert not any(left < key < right for left, _, right, _, text in boxes if "µL" in text)
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart, f"'{a[4]}' over '{b[4]}'"


def test_the_chart_has_all_that_was_asked_for() -> None:
    chart = chart_of(decode(synthetic.session()))
    recorder = Recorder()
    draw(chart, recorder)
    texts = {text for *_, text in recorder.texts}
    assert {"Temperature, °C", "Power, W", "Duty, %", "Steam rate, g/min", "Doses"} <= texts
    assert {"wall", "water", "outlet", "delivered", "on-time", "estimated", "wanted"} <= texts
    assert {"warm-up", "steam", "cooling", "steam verified", "program finished"} <= texts
    assert {"60.0 µL", "30.0 µL", "given", "assumed", "refused"} <= texts
    assert {"1:00", "5:00", "time since the session's start, min:s"} <= texts
    assert {"band-warm_up", "band-steam", "band-cooling"} <= recorder.roles


def test_what_was_wanted_follows_the_program_and_waits_in_a_pause() -> None:
    events = [
        Event(0, 0, EventValue.STARTED, 1, 180),
        Event(1, 10_000, EventValue.STATE, StateValue.WARM_UP, StateValue.STEAM),
        Event(2, 110_000, EventValue.STATE, StateValue.STEAM, StateValue.PAUSED),
        Event(3, 150_000, EventValue.STATE, StateValue.PAUSED, StateValue.STEAM),
        Event(4, 230_000, EventValue.STATE, StateValue.STEAM, StateValue.COOLING),
    ]
    chart = chart_of(decode(synthetic.wire([synthetic.HEAD, *events])))
    wanted = next(curve for curve in chart.panels[3].curves if curve.name == "wanted")
    assert wanted.parts == (
        ((10.0, 4.0), (110.0, 4.0)),
        ((150.0, 4.0), (170.0, 4.0), (170.0, 6.0), (230.0, 6.0)),
    )


def test_a_broken_sensor_does_not_flatten_the_others() -> None:
    record: Record = decode(broken_sensor())
    names = [curve.name for curve in chart_of(record).panels[0].curves]
    assert names == ["water", "outlet"]


def test_a_gap_in_the_samples_is_a_gap_in_the_curve() -> None:
    samples = [Tele(uptime_ms=t * 1000, water_cdeg=5000) for t in (0, 1, 2, 30, 31)]
    water = next(c for c in chart_of(decode(synthetic.wire([*samples]))).panels[0].curves if c.name == "water")
    assert [len(part) for part in water.parts] == [3, 2]


def test_thinning_keeps_the_peaks() -> None:
    part = tuple((i / 100, 500.0 if i == 12_345 else float(i % 7)) for i in range(60_000))
    kept = thin(part, 0, 600, 900)
    assert len(kept) <= 4 * 900 + 4
    assert kept[0] == part[0] and kept[-1] == part[-1]
    assert (123.45, 500.0) in kept
    assert kept == sorted(kept)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [(0, 100, 4, [0, 50, 100]), (14.7, 115, 8, [20, 40, 60, 80, 100]), (0, 6.36, 4, [0, 2, 4, 6]), (5, 5, 3, [5])],
)
def test_ticks(low: float, high: float, most: int, expected: list[float]) -> None:
    assert ticks(low, high, most) == pytest.approx(expected)


# The picture.


def test_the_png_is_not_blank_and_of_the_right_size(stored: Stored, tmp_path: Path) -> None:
    image_of = pytest.importorskip("PIL.Image").open
    (path,) = write_png(stored, tmp_path / "session.png")
    image = image_of(path).convert("RGB")
    chart = chart_of(stored.record)
    assert image.size[0] == 2 * WIDTH
    assert image.size[1] == pytest.approx(2 * height(chart, Title("", ("", ""))), abs=2)
    colours = {colour: count for count, colour in image.getcolors(1 << 24)}
    for role in ("wall", "water", "outlet", "power", "duty", "steam", "dose", "band-steam"):
        value = PALETTE[role][False]
        rgb = tuple(int(value[i : i + 2], 16) for i in (1, 3, 5))
        assert colours.get(rgb, 0) > 50, role
    assert colours[(255, 255, 255)] < 0.5 * image.size[0] * image.size[1]


def test_the_dark_png_is_dark(stored: Stored) -> None:
    image_of = pytest.importorskip("PIL.Image").open
    image = image_of(io.BytesIO(png_of(stored, dark=True))).convert("L")
    histogram = image.histogram()
    assert sum(histogram[:90]) > 0.8 * sum(histogram)


def test_without_matplotlib_one_sentence_says_what_to_install(
    stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageProblem, match=re.escape('pip install "podsteam[plot]"')):
        write_png(stored, tmp_path / "session.png")
    assert not (tmp_path / "session.png").exists()
    write_html(stored, tmp_path / "session.html")


# The page.


class Checker(HTMLParser):
    """Fails on tags that do not close in order; collects what could load or run something."""

    VOID = ("meta", "br", "path")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.suspect: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "action", "srcset", "poster") or name.startswith("on"):
                self.suspect.append(f"{tag} {name}={value}")
            if name == "style" or (value and "url(" in value):
                self.suspect.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    return checker


@pytest.mark.parametrize("name", RECORDS)
def test_the_page_parses_and_refers_to_nothing_outside(name: str, tmp_path: Path) -> None:
    text = page(stored_of(tmp_path, RECORDS[name]))
    checker = checked(text)
    assert checker.suspect == []
    assert not checker.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use"}
    assert "://" not in text and "@import" not in text and "url(" not in text
    assert "default-src 'none'" in text


def test_the_page_has_title_summary_plot_and_events(stored: Stored) -> None:
    text = page(stored)
    checker = checked(text)
    assert "<title>Session 12, program gentle - podsteam</title>" in text
    for fact in ("program finished", "1:25 min", "SIMULATED", stored.entry.id, stored.entry.sha256):
        assert fact in checker.text
    assert "Steam verified after 1:25" in checker.text
    assert "made smaller: most in one session" in checker.text
    assert text.count("<svg ") == 1
    assert "prefers-color-scheme:dark" in text and "@media print" in text
    for role, (light, dark) in PALETTE.items():
        assert f"--{role}:{light};" in text and f"--{role}:{dark};" in text


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    evil = "</title><script>alert(1)</script>\x1b[2J\u202e\"'"
    text = page(stored_of(tmp_path, synthetic.hostile(), note=evil, tags={"subject": evil}))
    assert "<script" not in text and "<b>\\x1b" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "&lt;script&gt;alert(1)" in text


def test_a_long_session_makes_a_page_of_less_than_a_megabyte(tmp_path: Path) -> None:
    script = synthetic.script(100)
    script.wait(900, 200, 107, 100, 88, 8)
    stored = stored_of(tmp_path, synthetic.wire(script.messages))
    assert len(stored.record.samples) > 12_000
    assert len(page(stored).encode()) < 1_000_000


def test_a_file_that_is_there_is_kept(stored: Stored, tmp_path: Path) -> None:
    path = tmp_path / "session.html"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageProblem, match=r"is there already.*--overwrite"):
        write_html(stored, path)
    assert path.read_text(encoding="utf-8") == "mine"
    assert write_html(stored, path, overwrite=True) == [path]
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


# The colours.


def luminance(value: str) -> float:
    parts = [int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("dark", [False, True])
def test_lines_and_text_stand_out_from_every_background(dark: bool) -> None:
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for graphics."""
    backgrounds = [PALETTE[role][dark] for role in PALETTE if role.startswith("band-") or role == "paper"]
    least = {"ink": 4.5, "muted": 4.5, "wall": 3, "water": 3, "outlet": 3, "aim": 3, "power": 3, "duty": 3}
    least |= {"steam": 3, "dose": 3, "bad": 4.5}
    for role, ratio in least.items():
        for background in backgrounds:
            pair = sorted((luminance(PALETTE[role][dark]), luminance(background)))
            contrast = (pair[1] + 0.05) / (pair[0] + 0.05)
            assert contrast >= ratio, f"{role} on {background}: {contrast:.2f}"
