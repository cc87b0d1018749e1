# SPDX-License-Identifier: Apache-2.0
"""`podsteam --help` costs at most five times an empty Python, and imports no more than it needs."""

import subprocess
import sys
import time
from pathlib import Path

from calls import environment

BAR = 5.0
ROUNDS = 12
HELP = "import sys; sys.argv = ['podsteam', '--help']; from podsteam.cli.main import main; main()"


def seconds(code: str, env: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def test_help_is_quick(tmp_path: Path) -> None:
    env = environment(tmp_path)
    seconds(HELP, env)
    # The best of several, taken in turns: what else the machine does can only make a run slower.
    pairs = [(seconds("pass", env), seconds(HELP, env)) for _ in range(ROUNDS)]
    ratio = min(pair[1] for pair in pairs) / min(pair[0] for pair in pairs)
    assert ratio <= BAR, f"{ratio:.2f} times `python -c pass`"


def test_help_imports_only_click(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom podsteam.cli.main import root\n"
        "root.main(['--help'], 'podsteam', standalone_mode=False, terminal_width=78)\n"
        "print([name for name in ('rich', 'serial', 'sqlalchemy', 'matplotlib', 'dataclasses', 'shutil', 'json',"
        " 'importlib.metadata', 'podsteam_twin', 'podsteam.client', 'podsteam.wire') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[-1] == "[]"
