# SPDX-License-Identifier: Apache-2.0
"""The power cut's page shows how to add a scenario: what it says is done to a copy, and its command is run there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

LINE = "PYTHONPATH=tests/firmware python tests/powercut/cuts.py names 1 1 20"


def test_the_page_s_own_scenario(pytestconfig, tmp_path: Path) -> None:
    root = pytestconfig.rootpath
    page = (root / "docs" / "power-cuts.md").read_text(encoding="utf-8")
    assert LINE in page
    functions, entry = [code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "names" in code]
    for folder in ("powercut", "firmware"):
        shutil.copytree(root / "tests" / folder, tmp_path / "tests" / folder)
    stores = tmp_path / "tests" / "powercut" / "cut_stores.py"
    stores.write_text(f"{stores.read_text(encoding='utf-8')}\n\n{functions}", encoding="utf-8")
    scenarios = stores.with_name("cut_scenarios.py")
    head, start, rest = scenarios.read_text(encoding="utf-8").partition("SCENARIOS = {\n")
    assert start
    scenarios.write_text(head + start + entry + rest, encoding="utf-8")
    paths = [str(Path(each).resolve()) for each in sys.path if each and "tests" not in Path(each).parts]
    setting, _, script, *words = LINE.split()
    path = os.pathsep.join([setting.partition("=")[2], *paths])
    done = subprocess.run(
        [sys.executable, script, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["name"] == "names" and figures["cuts"] > 20, figures
    assert figures["unbootable"] == figures["lost"] == 0, figures
