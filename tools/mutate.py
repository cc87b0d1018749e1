# SPDX-License-Identifier: Apache-2.0
"""Mutation testing: does a test fail for every small change of the firmware's modules that must not err?

    python tools/mutate.py safety dose session port [--sample N --seed S] [--jobs 2] [--record] [--list]

The tests of a group are collected once. Each mutant then is a fork of this warm interpreter in which the code of one
function (or one constant) is exchanged; only tests that reach that function run, those that killed before first, up to
the first failure. Mutants that change nothing that can be seen stand in `tests/mutation/equivalents.toml`, with the
reason. `docs/testing.md` explains the report.
"""

import argparse
import ast
import importlib
import json
import os
import random
import signal
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

import pytest

import mutants
import results

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware" / "podsteam_firmware"
EQUIVALENTS = ROOT / "tests" / "mutation" / "equivalents.toml"
BAR_PERCENT = 95
BARS = {"safety": 98}
"""Groups with another bar."""
_SAFETY = (
    "checkpoint",
    "safety_gaps",
    "supervisor",
    "supervision",
    "trend",
    "frozen",
    "noisy",
    "rise",
    "swapped",
    "detached",
    "unmoved",
    "cooling",
    "spit",
    "clock",
    "budget",
    "weld",
    "selftest",
)
"""Tests of the group `safety`."""
_DOSE = ("valve", "caps", "dose_calibration", "window", "doser", "doser_moments", "dose_book", "ledger")
"""Tests of the group `dose`, besides the table of what becomes of a shot."""
GROUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "safety": (
        ("safety",),
        tuple(f"firmware/test_{name}.py" for name in _SAFETY),
    ),
    "dose": (("dose",), (*(f"firmware/test_{name}.py" for name in _DOSE), "dose/test_dose_table.py")),
    "session": (("session",), ("scenarios/test_session.py", "scenarios/test_requests.py")),
    "port": (("link/port.py",), ("firmware/test_port.py", "scenarios/test_requests.py", "scenarios/test_session.py")),
}
"""Group to (what is mutated, below the firmware's package; the tests that matter, below `tests`)."""


class Job(NamedTuple):
    """One mutant of one module."""

    path: str
    """Below the firmware's package."""
    mutant: mutants.Mutant

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What it is known by, wherever its line is."""
        return self.path, self.mutant.scope, self.mutant.change, self.mutant.twin


def module_of(path: str) -> ModuleType:
    """The loaded module of a file below the firmware's package."""
    return importlib.import_module("podsteam_firmware." + path.removesuffix(".py").replace("/", "."))


def jobs_of(parts: tuple[str, ...]) -> list[Job]:
    """Every mutant of these folders and files."""
    found: list[Job] = []
    for part in parts:
        at = FIRMWARE / part
        for file in sorted(at.glob("*.py")) if at.is_dir() else [at]:
            path = file.relative_to(FIRMWARE).as_posix()
            found += [Job(path, mutant) for mutant in mutants.all_of(file.read_text(encoding="utf-8"))]
    return found


def equivalents(path: Path = EQUIVALENTS) -> dict[tuple[str, str, str, int], str]:
    """The mutants that nobody can see, with the reason. Raises KeyError when an entry lacks one."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return {(e["module"], e["scope"], e["change"], e.get("twin", 0)): e["reason"] for e in table["equivalent"]}


# Exchanging code --------------------------------------------------------------------------------------------
def functions(space: dict[str, Any], module: str) -> dict[str, Any]:
    """The functions of a module by scope."""
    found: dict[str, Any] = {}
    for name, thing in space.items():
        if getattr(thing, "__module__", None) != module:
            continue
        if isinstance(thing, type):
            for inner, each in vars(thing).items():
                function = getattr(each, "fget", None) or getattr(each, "__func__", each)
                if hasattr(function, "__code__"):
                    found[f"{name}.{inner}"] = function
        elif hasattr(thing, "__code__"):
            found[name] = thing
    return found


def exchange(path: str, tree: ast.Module, scope: str = "") -> None:
    """Put the code of `tree` into the loaded module: of one scope, or (no scope) of every function."""
    module = module_of(path)
    space: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(tree, f"<mutant of {path}>", "exec"), space)
    old = functions(vars(module), module.__name__)
    new = functions(space, module.__name__)
    if scope and scope not in old:
        value = vars(module)[scope]
        for each in [*sys.modules.values()]:
            if vars(each).get(scope) is value:
                setattr(each, scope, space[scope])
        return
    for name in [scope] if scope else old:
        old[name].__code__ = new[name].__code__
        old[name].__defaults__ = new[name].__defaults__


def watch(path: str, touched: set[str]) -> None:
    """Let every function of a module note its scope in `touched` when it runs."""
    tree = ast.parse((FIRMWARE / path).read_text(encoding="utf-8"))
    for scope, node in _scopes(tree):
        node.body.insert(0, ast.parse(f"_touched_by_test.add({path + ':' + scope!r})").body[0])
    vars(module_of(path))["_touched_by_test"] = touched
    exchange(path, ast.fix_missing_locations(tree))


def _scopes(tree: ast.Module) -> list[tuple[str, ast.FunctionDef]]:
    found = [(node.name, node) for node in tree.body if isinstance(node, ast.FunctionDef)]
    for owner in tree.body:
        if isinstance(owner, ast.ClassDef):
            found += [(f"{owner.name}.{node.name}", node) for node in owner.body if isinstance(node, ast.FunctionDef)]
    return found


def users(path: str, scope: str) -> list[str]:
    """The functions that a change in `scope` can reach: itself, whoever names a constant, or all of the module when
    a constant is known outside."""
    tree = ast.parse((FIRMWARE / path).read_text(encoding="utf-8"))
    scopes = _scopes(tree)
    if scope in [name for name, _ in scopes]:
        return [f"{path}:{scope}"]
    private = scope.startswith("_")
    found = [n for n, node in scopes if not private or any(getattr(e, "id", "") == scope for e in ast.walk(node))]
    return [f"{path}:{name}" for name in found]


# Running tests ----------------------------------------------------------------------------------------------
class Runner:
    """A pytest plugin that runs the mutants in the place of the tests."""

    def __init__(self, jobs: list[Job], parallel: int, quick_s: float) -> None:
        self.jobs = jobs
        self.parallel = parallel
        self.quick_s = quick_s
        self.survived: list[Job] = []
        self.seconds = 0.0
        self.trouble = ""
        self._reach: dict[str, set[str]] = {}
        self._time: dict[str, float] = {}
        self._kills: dict[str, int] = {}

    def pytest_collection(self) -> None:
        """The same examples of Hypothesis each time, none shrunk: a first failure is enough."""
        from hypothesis import HealthCheck, Phase, settings

        phases = [Phase.explicit, Phase.generate]
        health: list[HealthCheck] = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
        profile = settings(derandomize=True, database=None, deadline=None, phases=phases, suppress_health_check=health)
        settings.register_profile("mutation", profile)
        settings.load_profile("mutation")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Baseline, then every mutant in a fork of its own."""
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        self._baseline(session)
        started = time.monotonic()
        running: dict[int, tuple[Job, int]] = {}
        waiting = list(self.jobs)
        while waiting or running:
            while waiting and len(running) < self.parallel:
                job = waiting.pop(0)
                source, sink = os.pipe()
                pid = os.fork()
                if pid == 0:
                    _leave(lambda job=job, sink=sink: self._mutant(session, job, sink))
                os.close(sink)
                running[pid] = job, source
            pid, status = os.wait()
            job, source = running.pop(pid)
            self._finished(job, os.waitstatus_to_exitcode(status), os.read(source, 4096).decode())
            os.close(source)
        self.seconds = time.monotonic() - started
        return True

    def _finished(self, job: Job, status: int, killer: str) -> None:
        """0: nothing noticed; 1 with a test's name, or the signal of the CPU limit: killed; else we are at fault."""
        if status not in (0, -signal.SIGPROF) and not (status == 1 and killer):
            raise RuntimeError(f"{shown(job)}: the run itself ended with {status}")
        if status == 0:
            self.survived.append(job)
            print(shown(job), file=sys.stderr, flush=True)
        elif killer:
            self._kills[killer] = self._kills.get(killer, 0) + 1

    def _baseline(self, session: pytest.Session) -> None:
        """Which functions each test reaches, and how long it takes. Raises Interrupted when a test fails."""
        source, sink = os.pipe()
        pid = os.fork()
        if pid == 0:
            _leave(lambda: self._measure(session, sink))
        os.close(sink)
        bad = ""
        with os.fdopen(source) as lines:
            for line in lines:
                name, good, self._time[name], reached = json.loads(line)
                self._reach[name] = set(reached)
                bad = bad or ("" if good else name)
        _, status = os.waitpid(pid, 0)
        if bad or status or len(self._reach) != len(session.items):
            self.trouble = f"{bad} fails" if bad else f"the run breaks off ({os.waitstatus_to_exitcode(status)})"
            raise session.Interrupted(self.trouble)

    def _measure(self, session: pytest.Session, sink: int) -> int:
        """In the child: run every test once, each in a fork, and report it. With --quick, slower ones are cut off."""
        touched: set[str] = set()
        for path in sorted({job.path for job in self.jobs}):
            watch(path, touched)

        def one(item: pytest.Item) -> int:
            signal.setitimer(signal.ITIMER_PROF, min(self.quick_s, 1e6))
            started = time.process_time()
            good = _run(session, item)
            signal.setitimer(signal.ITIMER_PROF, 0)
            row = [item.nodeid, good, time.process_time() - started, sorted(touched)]
            os.write(sink, json.dumps(row).encode() + b"\n")
            return 0

        for item in session.items:
            pid = os.fork()
            if pid == 0:
                _leave(lambda item=item: one(item))
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if status == -signal.SIGPROF:
                os.write(sink, json.dumps([item.nodeid, True, self.quick_s + 1, []]).encode() + b"\n")
            elif status:
                return status
        return 0

    def _mutant(self, session: pytest.Session, job: Job, sink: int) -> int:
        """In the child: make the change and run what reaches it; 1 at the first failure, its name on the pipe."""
        source = (FIRMWARE / job.path).read_text(encoding="utf-8")
        tree = mutants.mutated(source, job.mutant.number)
        try:
            exchange(job.path, tree, job.mutant.scope)
        except Exception:
            os.write(sink, b"its import")
            return 1
        for item in self._order(session, job):
            # CPU time, so that a busy machine kills nothing; a mutant that never ends is killed by the signal.
            signal.setitimer(signal.ITIMER_PROF, 2 + 10 * self._time[item.nodeid])
            if not _run(session, item):
                os.write(sink, item.nodeid.encode()[:4096])
                return 1
        return 0

    def _order(self, session: pytest.Session, job: Job) -> list[pytest.Item]:
        wanted = set(users(job.path, job.mutant.scope))
        quick = [item for item in session.items if self._time[item.nodeid] <= self.quick_s]
        chosen = [item for item in quick if self._reach[item.nodeid] & wanted]
        return sorted(chosen, key=lambda item: (-self._kills.get(item.nodeid, 0), self._time[item.nodeid]))


def _leave(work: Callable[[], int]) -> NoReturn:
    """In a child: do `work` in silence and leave with its status; 70 when it raises. Never comes back."""
    status = 70
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        status = work()
    finally:
        os._exit(status)


def _run(session: pytest.Session, item: pytest.Item) -> bool:
    """Run one test; whether it passed."""
    before = session.testsfailed
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    return session.testsfailed == before


def shown(job: Job) -> str:
    """A mutant in one line."""
    twin = f" (twin {job.mutant.twin})" if job.mutant.twin else ""
    return f"{job.path}:{job.mutant.line} {job.mutant.scope}: {job.mutant.change}{twin}"


def run_group(group: str, jobs: list[Job], parallel: int, quick_s: float, names: Sequence[str]) -> Runner:
    """Run these mutants against the group's tests. Raises SystemExit when the tests fail without a mutant."""
    tests = [str(ROOT / "tests" / name) for name in names or GROUPS[group][1]]
    runner = Runner(jobs, parallel, quick_s)
    arguments = ["-p", "no:terminal", "-p", "no:cacheprovider", "--rootdir", str(ROOT), *tests]
    status = pytest.main(arguments, plugins=[runner])
    if status not in (0, 5):
        raise SystemExit(f"{group}, without any mutant: {runner.trouble or 'the tests cannot be collected'}")
    return runner


def report(group: str, jobs: list[Job], runner: Runner, known: dict[tuple[str, str, str, int], str]) -> list[Job]:
    """Print what survived; returns it without the known equivalents."""
    open_ones = [job for job in runner.survived if job.key not in known]
    for job in sorted(open_ones, key=lambda each: (each.path, each.mutant.line)):
        print(f"SURVIVED {shown(job)}")
    survived = {job.key for job in runner.survived}
    for job in jobs:
        if job.key in known and job.key not in survived:
            print(f"KILLED, though listed as equivalent: {job.key}")
    same = len(runner.survived) - len(open_ones)
    each_ms = runner.seconds * 1000 / max(len(jobs), 1)
    print(
        f"{group}: {len(jobs)} mutants, {len(jobs) - len(runner.survived)} killed, {len(open_ones)} survived, "
        f"{same} equivalent; {runner.seconds:.0f} s, {each_ms:.0f} ms each"
    )
    return open_ones


def main() -> int:
    """Returns the exit status: 1 when a group is below the bar."""
    parser = argparse.ArgumentParser(description="Mutation testing of the firmware.")
    parser.add_argument("groups", nargs="+", choices=sorted(GROUPS))
    parser.add_argument("--sample", type=int, default=0, help="only so many mutants, drawn with --seed; all must die")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--quick", type=float, default=1e6, help="only tests that take less CPU time than this, s")
    parser.add_argument("--tests", nargs="+", default=[], help="these files below tests/ instead of the group's")
    parser.add_argument("--only", default="", help="only mutants whose file and scope contain this")
    parser.add_argument("--record", action="store_true", help="write tests/results/mutation.json")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    arguments = parser.parse_args()
    known = equivalents()
    status = 0
    for group in arguments.groups:
        jobs = [j for j in jobs_of(GROUPS[group][0]) if arguments.only in f"{j.path}:{j.mutant.scope}"]
        if arguments.sample:
            jobs = random.Random(arguments.seed).sample(jobs, min(arguments.sample, len(jobs)))
        if arguments.list:
            print(*map(shown, jobs), sep="\n")
            continue
        runner = run_group(group, jobs, arguments.jobs, arguments.quick, arguments.tests)
        left = report(group, jobs, runner, known)
        judged = len(jobs) - len(runner.survived) + len(left)
        percent = 100 * (judged - len(left)) / max(judged, 1)
        bar = BARS.get(group, BAR_PERCENT)
        if percent < bar or (arguments.sample and left):
            status = 1
        # Fewer tests can only lower the score, so a run with --quick may be recorded.
        partial = arguments.sample or arguments.only or arguments.tests
        if arguments.record and not partial:
            context = f"{judged} mutants of {' and '.join(GROUPS[group][0])}, {len(left)} survived; "
            context += f"{len(runner.survived) - len(left)} equivalents listed besides"
            name = f"mutation/{group}"
            judges = [f"firmware/podsteam_firmware/{part}" for part in GROUPS[group][0]]
            judges += [f"tests/{each}" for each in GROUPS[group][1]]
            value = round(percent, 1)
            row = results.row(name, value, "%", f">= {bar}", percent >= bar, context, judges)
            results.write("mutation", [row])
    return status


if __name__ == "__main__":
    sys.exit(main())
