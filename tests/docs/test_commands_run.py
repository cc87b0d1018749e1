# SPDX-License-Identifier: Apache-2.0
"""The `podsteam` command lines of the documents do what their page says: run to the letter, page by page."""

import re
import shlex
from pathlib import Path

import pytest
from calls import call

FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)

RUN = ("quick-start", "production", "records", "session-program", "device-log", "link-trace")
"""Pages whose commands are run one after the other, in one new home."""
BY_OTHERS = ("calibrate", "simulated-board")
"""Pages whose commands other tests run."""
BEFORE = {"session-program": ["podsteam program new evening"]}
"""What the reader has done before a page's first command."""
STATUS = {"podsteam records verify --head " + "0" * 64: 30}
"""Commands that their page says end otherwise than with 0."""
A_HAND = "somebody must stand at a unit, with thermometer, scale, finger; tests/endtoend/test_calibrate.py plays it"
SERVED = "wants a second terminal; tests/endtoend/test_two_processes.py serves boards"
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
    "podsteam --port sim:unit calibrate sensors --at-rest 20 --altitude-m 0 --press": "test_calibrate.py",
    "podsteam --port sim:unit tune --press": "test_calibrate.py",
    "podsteam --port sim:unit calibrate steam gentle --press --grams 12.1": "test_calibrate.py",
    "podsteam --port sim:unit calibrate show": "test_calibrate.py",
    "podsteam --port sim info --json": "tests/host runs it",
    "podsteam --port sim:mine session run gentle --press": "another page has it with labels",
    "podsteam sim serve --link tcp:5557 --speed 10": SERVED,
    "podsteam --port socket://127.0.0.1:5557 session run gentle": SERVED,
    "podsteam sim list": SERVED,
    "podsteam sim press": SERVED,
    "podsteam sim remove": SERVED,
    "podsteam sim insert demo": SERVED,
    "podsteam sim fault wall_open": SERVED,
    "podsteam sim fault wall_open --off": SERVED,
    "podsteam sim advance 30s": SERVED,
}
"""Commands that are not run here, and why."""


def lines(text: str) -> list[str]:
    """The `podsteam` commands of a page, in order, without their comments."""
    found: list[str] = []
    for block in FENCE.findall(text):
        for line in block.splitlines():
            line = line.strip().removeprefix("$ ")
            if line.startswith("podsteam "):
                found.append(line.partition(" #")[0].rstrip())
    return found


@pytest.fixture(scope="module")
def docs(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / "docs"


def test_every_command_line_of_these_pages_is_run_or_has_its_reason(docs: Path) -> None:
    """Pages beyond these have tests of their own; tests/repo/test_pages.py sees that every command there exists."""
    pages = {page: lines((docs / f"{page}.md").read_text(encoding="utf-8")) for page in (*RUN, *BY_OTHERS)}
    left = [(page, line) for page in BY_OTHERS for line in pages[page] if line not in ELSEWHERE]
    assert left == []
    assert set(ELSEWHERE) <= {line for found in pages.values() for line in found}
    assert sum(len(pages[page]) for page in RUN) > 30


@pytest.mark.parametrize("page", RUN)
def test_a_page_works_to_the_letter(
    page: str, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("PODSTEAM_PORT", raising=False)
    for line in [*BEFORE.get(page, []), *lines((docs / f"{page}.md").read_text(encoding="utf-8"))]:
        done = call(capsys, *shlex.split(line)[1:])
        assert done.status == STATUS.get(line, 0), f"{line}\n{done.out}{done.err}"
