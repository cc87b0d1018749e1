# SPDX-License-Identifier: Apache-2.0
"""How many tests of the plugin's a core does in a second: 5 s of virtual time each, from start to verdict."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

LOOP = Path(__file__).with_name("named_loop.py")
"""The loop beside: a million rounds of integer arithmetic, on the same interpreter in the same minute."""
BAR = {"cpython": 2.6, "micropython": 3.5}
"""Time of a test over loop time that made 10 tests a second (0.1 s) on the machine of the first measurement, where the
loop took 38 ms on CPython and 28.5 ms on MicroPython."""
TESTS = 40
SOURCE = f"""
import pytest

@pytest.mark.parametrize("number", range({TESTS}))
def test_rest(board, number):
    board.advance(5)
    assert board.status().wall_cdeg > 1500
"""


def loop_s(interpreter: str, micropython: str) -> float:
    """Seconds of the named loop, best of seven."""
    command = [sys.executable if interpreter == "cpython" else micropython, str(LOOP)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1e6


def run_s(folder: Path, interpreter: str) -> float:
    """Seconds of a whole run of pytest, its start included."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--podsteam=sim:{interpreter}"]
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    spent = time.perf_counter() - begin
    assert f"{TESTS} passed" in done.stdout, done.stdout + done.stderr
    return spent


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_hil_speed(
    interpreter: str,
    micropython: str,
    tmp_path: Path,
    record_figure: Callable[[str, float, str, str, bool, str], None],
) -> None:
    (tmp_path / "test_rest.py").write_text(SOURCE, encoding="utf-8")
    loop = loop_s(interpreter, micropython)
    one = min(run_s(tmp_path, interpreter) for _ in range(3)) / TESTS
    ratio = one / loop
    holds = ratio <= BAR[interpreter]
    context = (
        f"a test of 5 s of virtual time in {one * 1000:.0f} ms ({1 / one:.0f} a second; {TESTS} of them in a run of "
        f"pytest, its start included) over the named loop ({loop * 1000:.1f} ms), one core, best of three"
    )
    record_figure(f"hil/speed_{interpreter}", round(ratio, 2), "x loop", f"<= {BAR[interpreter]}", holds, context)
    assert holds
