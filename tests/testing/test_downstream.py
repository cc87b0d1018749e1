# SPDX-License-Identifier: Apache-2.0
"""The project in `tests/downstream` passes on both interpreters, from a place where nothing of this repository is."""

import re
import shutil
from pathlib import Path

import pytest
from processes import run_pytest

DOWNSTREAM = Path(__file__).parents[1] / "downstream"


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_a_project_outside_uses_the_plugin(tmp_path, interpreter, micropython):
    project = shutil.copytree(DOWNSTREAM, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    out = run_pytest(project, f"--podsteam=sim:{interpreter}")
    count = sum(path.read_text().count("\ndef test_") for path in project.glob("test_*.py"))
    assert count >= 4 and f"{count} passed" in out


def test_its_files_are_short_and_their_verbs_one_line_each():
    text = ""
    for path in DOWNSTREAM.glob("test_*.py"):
        lines = path.read_text().splitlines()
        assert len([line for line in lines if line.strip()]) <= 16
        text += "\n".join(lines)
    for verb in (r'board\.break_\("wall_open"\)', r'board\.swap\("empty"\)', r"board\.cut_power\(\)"):
        assert re.search(rf"^    {verb}$", text, re.M)


def test_the_page_shows_one_of_its_tests():
    page = (DOWNSTREAM.parents[1] / "docs" / "writing-a-test.md").read_text()
    code = (DOWNSTREAM / "test_parts.py").read_text().partition("\n\n")[2]
    assert code.strip() in page
