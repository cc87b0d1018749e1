# SPDX-License-Identifier: Apache-2.0
"""The documents build as a site without a warning: every link leads somewhere, every command has its page."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from podsteam.cli.main import root

ROOT = Path(__file__).resolve().parents[2]
LOADED = re.compile(r'<(?:script|img|link)[^>]+(?:src|href)="(?:https?:)?//[^"]+"')


@pytest.mark.slow
def test_the_site(tmp_path: Path) -> None:
    target = tmp_path / "site"
    folders = ("-c", str(ROOT / "docs"), "-d", str(tmp_path / "trees"), str(ROOT), str(target))
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "-b", "html", *folders],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages <= {path.stem for path in (target / "docs").glob("*.html")}
    commands = (target / "docs" / "commands.html").read_text(encoding="utf-8")
    with root.make_context("podsteam", [], resilient_parsing=True) as context:
        assert [name for name in root.list_commands(context) if f"podsteam-{name}" not in commands] == []
    assert commands.count(">--no-color<") <= 3 and ".. option" not in commands
    # The site works without a network.
    for page in target.rglob("*.html"):
        assert LOADED.findall(page.read_text(encoding="utf-8")) == [], page
