# SPDX-License-Identifier: Apache-2.0
"""The mutation tester itself, and a slice of it over the supervisor's parts; `make mutation` runs all mutants."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mutants
import mutate

SOURCE = '''"""Doc."""
from x import const
_LIMIT = const(5)
_NAMES = (1, "a")


class A:
    """Doc."""

    def __init__(self) -> None:
        self.n: "int" = 0

    def f(self, a: int, b: bool = True) -> int:
        """Doc."""
        if a < _LIMIT and not b:
            return max(a, -1)
        while b:
            self.n += a % 3
            b = False
        return a << 1 if a == 2 else ~a
'''
EXPECTED = {
    *("5 -> 6", "5 -> 4", "1 -> 2", "1 -> 0", "0 -> 1", "a < _LIMIT -> a <= _LIMIT", "a < _LIMIT -> a >= _LIMIT"),
    *("a < _LIMIT and (not b) -> a < _LIMIT or not b", "not b -> b", "return max(a, -1) -> (removed)"),
    *("a < _LIMIT and (not b) -> not (a < _LIMIT and (not b))", "max(a, -1) -> min(a, -1)", "-1 -> 1"),
    *("b -> not b", "self.n += a % 3 -> (removed)", "self.n += a % 3 -> self.n -= a % 3", "a % 3 -> a // 3"),
    *("3 -> 4", "3 -> 2", "b = False -> (removed)", "False -> True", "a << 1 -> a >> 1", "a == 2 -> a != 2"),
    *("2 -> 3", "2 -> 1", "~a -> a", "return a << 1 if a == 2 else ~a -> (removed)"),
}


def test_every_kind_of_change_is_offered() -> None:
    assert {mutant.change for mutant in mutants.all_of(SOURCE)} == EXPECTED
    assert {mutant.scope for mutant in mutants.all_of(SOURCE)} == {"_LIMIT", "_NAMES", "A.__init__", "A.f"}


def test_each_mutant_is_one_change_of_the_source() -> None:
    whole = ast.unparse(ast.parse(SOURCE)).splitlines()
    texts = set()
    for mutant in mutants.all_of(SOURCE):
        text = ast.unparse(mutants.mutated(SOURCE, mutant.number))
        lines = text.splitlines()
        assert len(lines) == len(whole)
        assert sum(old != new for old, new in zip(whole, lines, strict=True)) == 1, mutant
        texts.add(text)
    assert len(texts) == len(mutants.all_of(SOURCE))


def test_equivalents_exist_and_have_a_reason() -> None:
    known = {job.key for group in mutate.GROUPS.values() for job in mutate.jobs_of(group[0])}
    for key, reason in mutate.equivalents().items():
        assert key in known, key
        assert len(reason) > 10


def test_every_module_of_the_groups_has_its_tests() -> None:
    for parts, tests in mutate.GROUPS.values():
        assert mutate.jobs_of(parts)
        for name in tests:
            assert (mutate.ROOT / "tests" / name).exists(), name


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(Path(mutate.__file__)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_slice_of_the_supervisors_mutants_dies() -> None:
    done = run("safety", "--sample", "25", "--seed", "7", "--quick", "0.05")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "25 mutants" in done.stdout and " 0 survived" in done.stdout


def test_a_survivor_is_told() -> None:
    """Tests that never come to the module kill none of its mutants."""
    only = ("--only", "safety/rise.py:Rise.step", "--tests", "firmware/test_checkpoint.py")
    done = run("safety", "--sample", "3", *only)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("SURVIVED safety/rise.py:") == 3


def test_a_run_that_breaks_off_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    job = mutate.jobs_of(("safety",))[0]
    runner = mutate.Runner([job], 1, 1.0)
    with pytest.raises(RuntimeError, match="ended with 70"):
        runner._finished(job, 70, "")
    runner._finished(job, 1, "a test")
    runner._finished(job, -27, "")
    assert runner.survived == []
    runner._finished(job, 0, "")
    assert runner.survived == [job]
