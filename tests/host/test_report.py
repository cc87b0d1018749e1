# SPDX-License-Identifier: Apache-2.0
"""The report: one file that loads nothing, is read by pointing, and keeps hostile text as text."""

import json
import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import synthetic
from calls import call, one_sentence

from podsteam.report import pointing
from podsteam.report.chart import chart_of
from podsteam.report.comparison import comparison
from podsteam.report.page import page
from podsteam.report.svg import picture
from podsteam.store import SessionMeta, open_store
from podsteam.store.model import Stored
from podsteam.store.questions import compare

QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --enable-logging=stderr"
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "s.db"
    with open_store(path) as store:
        store.add_device_record(SessionMeta(synthetic.HEAD, tags={"subject": "P07"}), synthetic.session())
        store.add_device_record(SessionMeta(synthetic.HEAD), synthetic.session(fault=True))
        store.add_device_record(SessionMeta(synthetic.HEAD, note="</script><b>"), synthetic.hostile())
    return path


@pytest.fixture(scope="module")
def sessions(path: Path) -> dict[str, Stored]:
    with open_store(path) as store:
        stored = [store.get(entry.id) for entry in store.list()]
    return {"whole" if each.entry.tags else "hostile" if each.entry.note else "fault": each for each in stored}


def test_the_figures_under_the_pointer_are_the_measured_ones(sessions: dict[str, Stored]) -> None:
    record = sessions["whole"].record
    found = pointing.readings(chart_of(record))
    span = found["end"] - found["start"]
    names = {series["name"]: series for series in found["series"]}
    assert {"wall", "water", "outlet", "power", "duty", "steam rate estimated", "steam rate wanted"} <= set(names)
    for at_s in (10.0, 60.0, 120.5):
        column = round((at_s - found["start"]) / span * (found["columns"] - 1))
        nearest = min(record.samples, key=lambda s: abs(record.seconds(s.uptime_ms) - at_s))
        assert abs(names["wall"]["values"][column] - nearest.wall_cdeg / 100) < 1.5
        assert names["wall"]["unit"] == "°C"
    assert all(len(series["values"]) == found["columns"] for series in found["series"])


def test_a_gap_reads_as_nothing() -> None:
    from podsteam.report.chart import Curve

    curve = Curve("x", "wall", (((0.0, 1.0), (1.0, 2.0)), ((50.0, 3.0), (51.0, 4.0))))
    values = pointing._at(curve, [float(i) for i in range(60)])
    assert values[0] == 1.0 and values[25] is None and values[50] == 3.0 and values[59] is None


@pytest.mark.parametrize("name", ["whole", "fault", "hostile"])
def test_only_the_one_script_may_run(sessions: dict[str, Stored], name: str) -> None:
    text = page(sessions[name], pointing=True)
    assert len(text.encode()) < 1_000_000
    assert text.count("<script") == 2 == text.count("</script>")
    data = re.search(r'<script type="application/json" id="readings">(.*?)</script>', text, re.S)
    assert data is not None and json.loads(data.group(1))["series"]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None and "unsafe-inline'; script-src 'sha256-" in policy.group(1)
    assert not re.search(r"""(src|href)=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)""", text)


def test_a_comparison_tells_what_differs(path: Path, sessions: dict[str, Stored]) -> None:
    with open_store(path) as store:
        found = compare(store, sessions["whole"], sessions["fault"])
    text = comparison(sessions["whole"], sessions["fault"], found)
    assert len(text.encode()) < 1_000_000
    assert "DRY_BOIL" in text and sessions["whole"].head in text
    assert all(f"{'AB'[i]} {sessions[n].entry.id[:6]}" in text for i, n in enumerate(("whole", "fault")))


def test_the_picture_is_sound_xml_with_its_own_colours(sessions: dict[str, Stored]) -> None:
    root = ElementTree.fromstring(picture(chart_of(sessions["whole"].record), "x"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and "prefers-color-scheme:dark" in (root[0].text or "")


def test_the_command(path: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    records = ("--store", str(path), "records")
    with open_store(path) as store:
        a, b, _ = (entry.id for entry in store.list())
    assert call(capsys, *records, "report", a).status == 0
    assert call(capsys, *records, "report", a, b, "--blind", "-o", "two.html").status == 0
    assert call(capsys, *records, "report", a, "-o", "one.svg").status == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"{a}.html", "two.html", "one.svg"}
    assert "04a1b2c3d4e5f6" not in (tmp_path / "two.html").read_text(encoding="utf-8")
    for wrong in ([a], [a, "-o", "x.doc"], [a, b, "-o", "x.png"]):
        assert one_sentence(call(capsys, *records, "report", *wrong))


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine")
    return found


def test_a_browser_shows_it_and_asks_for_nothing(chromium: str, sessions: dict[str, Stored], tmp_path: Path) -> None:
    """Headless Chromium opens the file at `#t=60`: the figures of that moment are shown, the server that the page comes
    from is asked for nothing else (the policy forbids every other), and nothing is complained of."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if self.path == "/r.html" else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            if self.path == "/r.html":
                self.wfile.write(page(sessions["whole"], pointing=True).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = [*QUIET.split(), f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
        address = f"http://127.0.0.1:{server.server_port}/r.html#t=60"
        done = subprocess.run([chromium, *flags, address], capture_output=True, text=True, timeout=120)
        server.shutdown()
    readout = re.search(r'<p class="readout" role="status">(.*?)</p>', done.stdout, re.S)
    assert readout is not None and "1:00 min" in readout.group(1) and "wall 10" in readout.group(1)
    assert "CONSOLE" not in done.stderr, done.stderr
    assert "/r.html" in asked and set(asked) <= {"/r.html", "/favicon.ico"}
