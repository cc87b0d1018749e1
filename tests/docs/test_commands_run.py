# SPDX-License-Identifier: Apache-2.0
"""Every command line of README and documents does what its page says: run to the letter, page by page, in order.

What cannot be run here has its reason, and each reason must still have its line.
"""

import io
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from calls import call, command, environment
from chips import small_image

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
WORDS = ("podsteam", "make", "pip", "python", ".", "curl", "git", "cd", "soffice")
"""What a line begins with that people type."""
NO_SHELL = ("python", "toml", "json", "yaml", "text")
"""Languages of fences in which nothing is typed."""

A_DEVICE = ("configure", "podlet-policy")
"""Pages whose reader has a device at hand: here `sim:mine`, by PODSTEAM_PORT."""
ANSWERS = {"podsteam --port sim:mine podlet wipe": "y"}
"""What the reader types when a command asks."""
STATUS = {"podsteam records verify --head " + "0" * 64: 30, "podsteam doctor": 10}
"""Commands that their page says end otherwise than with 0; the second has no device here."""

REAL_PORT = "wants a board on a real port"
A_HAND = "somebody must stand at a unit, with thermometer, scale, finger; tests/endtoend/test_calibrate.py plays it"
PLAYED = "run with its page's figures by tests/endtoend/test_calibrate.py"
FLASHED = "wants a flashed unit with that key; tests/update/test_over_the_link.py plays it"
OWN_CODE = "wants the page's own code; tests/docs/test_own_scenario.py adds it"
LONG = "takes minutes; a slice of it is in tests/"
ELSEWHERE = {
    "podsteam calibrate element 350": A_HAND,
    "podsteam calibrate sensors --at-rest 21.4": A_HAND,
    "podsteam calibrate sensors --altitude-m 540": A_HAND,
    "podsteam calibrate sensors --pressure-hpa 953": A_HAND,
    "podsteam calibrate sensors --boiling-c 98.2": A_HAND,
    "podsteam tune": A_HAND,
    "podsteam calibrate steam gentle": A_HAND,
    "podsteam calibrate steam gentle --before 1262.3 --after 1250.1": A_HAND,
    "podsteam session run gentle": A_HAND,
    "podsteam calibrate steam --last --grams 12.2": A_HAND,
    "podsteam calibrate descaled": A_HAND,
    "podsteam calibrate dose --plot valve.svg": A_HAND,
    "podsteam --port sim:unit calibrate sensors --at-rest 20 --altitude-m 0 --press": PLAYED,
    "podsteam --port sim:unit tune --press": PLAYED,
    "podsteam --port sim:unit calibrate steam gentle --press --grams 12.1": PLAYED,
    "podsteam --port sim:unit calibrate show": PLAYED,
    "podsteam --port sim:mine session run": "asks at a terminal; tests/endtoend/test_podlet.py types there",
    "podsteam session clean": "wants a cleaning podlet and a finger; tests/endtoend/test_two_processes.py plays it",
    "podsteam --port /dev/ttyUSB0 doctor --chip": REAL_PORT,
    "podsteam --port /dev/ttyUSB0 flash --image ESP32_GENERIC-v1.28.0.bin": REAL_PORT,
    "podsteam --port /dev/ttyUSB0 flash --image ESP32_GENERIC-v1.28.0.bin --board bare": REAL_PORT,
    "podsteam flash --image IMAGE --key public.pem": REAL_PORT,
    "podsteam line station.toml": "wants an operator; tests/line/test_line.py plays one",
    "podsteam provision --batch units.csv --limits station.toml --labels labels --ports /dev/ttyUSB0 "
    "--ports /dev/ttyUSB1": REAL_PORT,
    "soffice --headless '--infilter=CSV:44,34,76,1,,1033' --convert-to xlsx values.csv": "wants LibreOffice; "
    "tests/host/test_spreadsheet.py runs it where it is installed",
    "podsteam update podsteam-0.2.0.update": FLASHED,
    "podsteam rollback": FLASHED,
    "pip install 'podsteam[flash]'": "changes this environment; tests/repo/test_wheel.py installs the wheel",
    "pip install podsteam pytest": "changes this environment; tests/repo/test_wheel.py installs the wheel",
    "python -m pytest": "tests/testing runs the project of tests/downstream with it",
    "make demo": "installs; tests/host/test_questions.py runs podsteam demo",
    "make test": "is this",
    ". .venv/bin/activate": "is the shell's",
    "make hil PORT=/dev/ttyUSB0": REAL_PORT,
    "make hil PORT=/dev/ttyUSB0 HEAT=1 POWER='my-relay {on|off}'": REAL_PORT,
    "python tests/safety/safety_run.py reactions dry": LONG + "safety",
    "python tests/safety/safety_run.py false_trips --hours 50": LONG + "safety",
    "python tests/safety/safety_run.py --brief": LONG + "safety",
    "python tests/fuzz/fuzz_run.py requests --seconds 60 --seed 1000": LONG + "fuzz",
    "python tools/mutate.py safety --only safety/load.py --quick 0.05": LONG + "mutation",
    "python -m pytest tests/powercut": "is part of make test",
    "PYTHONPATH=tests/firmware python tests/powercut/cuts.py names 1 1 20": OWN_CODE,
}
"""Commands that are not run here, and why. What runs them instead is named, and must be there."""
IN_THE_BACKGROUND = {
    "podsteam sim serve --link tcp:5557 --speed 10": "control",
    "podsteam --port socket://127.0.0.1:5557 session run gentle": "Press the button",
}
"""Commands that have a terminal of their own, and what they show before the reader goes on."""


def _copied_board(folder: Path) -> None:
    shutil.copy(ROOT / "host/podsteam/boards/reference.toml", folder / "mine.toml")
    for name in ("ESP32_GENERIC-v1.28.0.bin", "IMAGE"):
        (folder / name).write_bytes(small_image(0, 0x1000, files=(0x20000, 0x1E0000)))


def _new_program(folder: Path) -> None:
    from podsteam import programs

    (folder / "evening.toml").write_text(programs.text("gentle").replace('"gentle"', '"evening"'), encoding="utf-8")


def _maker_with_a_list(folder: Path) -> None:
    from podsteam.podlet_sign import new_key

    for name, text in zip(("private.pem", "public.pem"), new_key(), strict=True):
        (folder / name).write_bytes(text)
    table = '[[recall]]\nbatch = "B2"\nmaker = "Maker"\nreason = "may irritate"\n'
    (folder / "recalls.toml").write_text(table, encoding="utf-8")


BEFORE: dict[str, Callable[[Path], None]] = {
    "session-program": _new_program,
    "flash": _copied_board,
    "podlet-policy": _maker_with_a_list,
}
"""What the reader has at hand before a page's first command."""


def typed(text: str) -> list[str]:
    """The lines of a page that people type, in order, without their comments: in fences and in indented blocks."""
    found: list[str] = []
    outside = 0
    for block in FENCE.finditer(text):
        found += _commands(_indented(text[outside : block.start()]))
        outside = block.end()
        if block[1] not in NO_SHELL:
            found += _commands(block[2].splitlines(), sure=block[1] == "sh")
    return found + _commands(_indented(text[outside:]))


def _indented(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("    ")]


def _commands(lines: list[str], sure: bool = False) -> list[str]:
    found: list[str] = []
    for line in lines:
        line = line.strip().removeprefix("$ ").partition(" #")[0].rstrip()
        first = next((word for word in line.split() if not re.fullmatch(r"[A-Z]+=\S*", word)), "")
        if first in WORDS:
            found.append(line)
        else:
            assert not sure or not line or line.startswith("#"), f"is this typed? {line}"
    return found


def pages() -> dict[str, list[str]]:
    """The typed lines of each page that has any."""
    paths = [ROOT / "README.md", ROOT / "host" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = {"README": paths[0], "host/README": paths[1], **{path.stem: path for path in paths[2:]}}
    found = {name: typed(path.read_text(encoding="utf-8")) for name, path in named.items()}
    return {name: lines for name, lines in found.items() if lines}


PAGES = pages()
RUN = {page: [line for line in lines if line not in ELSEWHERE] for page, lines in PAGES.items()}


def test_every_command_line_is_run_or_has_a_reason_that_still_holds() -> None:
    everything = [line for lines in PAGES.values() for line in lines]
    assert sorted(set(ELSEWHERE) - set(everything)) == [], "reasons without a line"
    run = [line for lines in RUN.values() for line in lines]
    assert [line for line in run if not line.startswith("podsteam ")] == [], "neither run nor with a reason"
    assert set(STATUS) | set(ANSWERS) | set(IN_THE_BACKGROUND) <= set(run)
    assert set(BEFORE) | set(A_DEVICE) <= set(RUN)
    assert len(run) > 80
    for reason in ELSEWHERE.values():
        for path in re.findall(r"tests/[\w/]+(?:\.py)?", reason):
            assert (ROOT / path).exists(), reason


def test_what_is_typed_is_found() -> None:
    page = "Look:\n\n    $ podsteam info  # this\n    podsteam: wrong\n\n```sh\nA=1 python x.py\n```\n"
    page += "```python\nmake\n```\n"
    assert typed(page) == ["podsteam info", "A=1 python x.py"]
    with pytest.raises(AssertionError, match="is this typed"):
        typed("```sh\nrm -rf build\n```\n")


@pytest.mark.parametrize("page", [page for page, lines in RUN.items() if lines])
def test_a_page_works_to_the_letter(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("PODSTEAM_PORT", raising=False)
    if page in A_DEVICE:
        monkeypatch.setenv("PODSTEAM_PORT", "sim:mine")
    if page in BEFORE:
        BEFORE[page](tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    started: list[subprocess.Popen[bytes]] = []
    try:
        for line in RUN[page]:
            words, _, target = line.replace(":5557", f":{port}").partition(" > ")
            if line in IN_THE_BACKGROUND:
                started.append(_start(tmp_path, shlex.split(words)[1:], IN_THE_BACKGROUND[line]))
                continue
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{ANSWERS.get(line, '')}\n"))
            done = call(capsys, *shlex.split(words)[1:])
            assert done.status == STATUS.get(line, 0), f"{line}\n{done.out}{done.err}"
            if target:
                Path(target.strip()).write_text(done.out, encoding="utf-8")
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGINT)
            process.wait(20)


def _start(home: Path, arguments: list[str], shows: str) -> subprocess.Popen[bytes]:
    """A command in a terminal of its own, once it has shown that much."""
    shown = home / f"{len(list(home.glob('shown*')))}.shown"
    state = {"XDG_STATE_HOME": str(home)}
    with shown.open("wb") as file:
        process = subprocess.Popen(command(*arguments), stdout=file, stderr=file, env=environment(home, **state))
    deadline = time.monotonic() + 30
    while shows not in (text := shown.read_text(encoding="utf-8", errors="replace")):
        assert process.poll() is None and time.monotonic() < deadline, text
        time.sleep(0.05)
    return process
