# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin: the tests that the hazard log names must have passed.

A whole run (no path, no choice) must hold every one of them. A partial run is judged by those that ran in it. A test
that was skipped has proved nothing, so it counts as not passed where all of its parameters were skipped.
"""

from pathlib import Path

import pytest

import check_hazards

SPOILS = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "maxfail", "figures", "stepwise")
"""Options with which a run is not whole."""


def judge(log: check_hazards.Log, outcomes: dict[str, str], whole: bool) -> list[str]:
    """Sentences about the log's tests that did not pass. `outcomes`: node id to passed, failed or skipped."""
    found: list[str] = []
    for each in log.requirements:
        for test in each.tests:
            seen = [how for node, how in outcomes.items() if node == test or node.startswith((f"{test}[", f"{test}::"))]
            why = ""
            if "failed" in seen:
                why = "failed"
            elif seen and "passed" not in seen:
                why = "was skipped"
            elif not seen and whole:
                why = "did not run"
            if why:
                found.append(f"hazard log: {test}, which is to prove the requirement {each.id}, {why}")
    return found


class HazardOutcomes:
    """Gathers outcomes, and fails the run at its end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._outcomes: dict[str, str] = {}
        self._found: list[str] = []
        self._broken = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected holds tests that do not run."""
        self._broken = self._broken or report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The worst of a test's phases counts; a skip that was expected to fail is none."""
        node = report.nodeid
        if report.failed:
            self._outcomes[node] = "failed"
        elif report.skipped:
            self._outcomes.setdefault(node, "skipped")
        elif report.when == "call":
            self._outcomes.setdefault(node, "passed")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge."""
        config = session.config
        # Each worker of pytest-xdist sees a part only; the process that spread the tests gets all reports.
        if config.option.collectonly or hasattr(config, "workerinput"):
            return
        chosen = any(config.getoption(name, None) for name in SPOILS)
        stopped = bool(session.shouldfail or session.shouldstop)
        whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not (chosen or stopped or self._broken)
        self._found = judge(check_hazards.load(self._root), self._outcomes, whole)
        if self._found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say why."""
        for sentence in self._found:
            terminalreporter.write_line(sentence, red=True)
