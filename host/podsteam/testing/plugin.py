# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin, entry point `podsteam`: options, markers, the fixtures `board` and `record_figure`.

It is loaded into every pytest run of an environment with podsteam in it, so it imports nothing of ours before a test
asks for it, and every name that it adds to pytest's own begins with `podsteam`.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from podsteam.testing.board import Board
    from podsteam.testing.outcome import Ledger

INTERPRETERS = ("sim:cpython", "sim:micropython")
"""The default targets: the simulated board on each interpreter, a new unit for each test."""
MARKERS = (
    "needs_board(what): only a real board can tell `what`; skipped on simulated ones",
    "heats: closes the relay; on a real board only with --podsteam-allow-heat",
    "sim_only: needs a simulated board; skipped on real ones",
    "needs(capability, ...): skipped where `board.capabilities` lacks one of them",
    "sim_options(**options): how the test's own simulated board is built (seed, podlet, plant, ...)",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all with our prefix."""
    group = parser.getgroup("podsteam", "podsteam: tests of a steamer's firmware")
    group.addoption(
        "--podsteam",
        action="append",
        metavar="PORT",
        help="where tests with the fixture `board` run, may be repeated: any port of the podsteam command, or "
        "sim:cpython and sim:micropython, a new simulated board on that interpreter. Default: these two",
    )
    group.addoption("--podsteam-allow-heat", action="store_true", help="let tests heat a real board")
    group.addoption(
        "--podsteam-power-cmd",
        default="",
        metavar="CMD",
        help="command that switches a real board's supply, with {on|off} where that word belongs",
    )
    group.addoption("--podsteam-results", metavar="FOLDER", help="write what ran on a real board into this folder")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and what keeps the outcomes."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    config.pluginmanager.register(_Outcomes(config), "podsteam-outcomes")


def is_new_sim(target: str) -> bool:
    """Whether a target is a simulated board of the test's own."""
    return target == "sim" or target in INTERPRETERS


def is_sim(target: str) -> bool:
    """Whether a target's name says that it is simulated. `sim:NAME` is a kept board unless NAME is an interpreter."""
    return target == "sim" or target.startswith("sim:")


def targets_for(targets: list[str], markers: set[str]) -> tuple[list[str], str]:
    """The targets on which a test with these markers runs, and why there are none."""
    if "sim_options" in markers:
        return [t for t in targets if is_new_sim(t)], "asks for a simulated board of its own"
    if "needs_board" in markers:
        return [t for t in targets if not is_sim(t)], "needs a board: name one with --podsteam PORT"
    return targets, "no target"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the fixture `board` once for each target that suits it."""
    if "board" not in metafunc.fixturenames:
        return
    wanted: list[str] = metafunc.config.getoption("podsteam") or list(INTERPRETERS)
    markers = {mark.name for mark in metafunc.definition.iter_markers()}
    targets, why = targets_for(list(dict.fromkeys(wanted)), markers)
    skipped = pytest.param("none", marks=pytest.mark.skip(reason=why), id="none")
    metafunc.parametrize("board", [pytest.param(t, id=t) for t in targets] or [skipped], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note each test's target where its reports will carry it."""
    for item in items:
        target = getattr(getattr(item, "callspec", None), "params", {}).get("board")
        if isinstance(target, str):
            item.user_properties.append(("podsteam_target", target))


@pytest.fixture
def board(request: pytest.FixtureRequest) -> "Iterator[Board]":
    """The device under test, `podsteam.testing.board.Board`: a new unit for each test, except on named ports."""
    from podsteam.testing import start

    opened = start.opened(request)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def _podsteam_figures(pytestconfig: pytest.Config) -> Iterator[Any]:  # pyright: ignore[reportUnusedFunction]
    from podsteam.testing.figures import Figures

    figures = Figures(pytestconfig.rootpath / "build" / "figures.json")
    yield figures
    figures.write()


@pytest.fixture
def record_figure(_podsteam_figures: Any) -> Callable[[str, float, str, str, bool, str], None]:
    """`record_figure(name, value, unit, bar, holds, context)` puts one figure into `build/figures.json`.

    It only records: the test asserts afterwards that the bar holds, so that a miss is published too.
    """
    return _podsteam_figures.record


class _Outcomes:
    """Hands the reports of tests with a target to `outcome.Ledger`, which exists once there is one."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ledger: Ledger | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a report. With pytest-xdist the workers do it too, for nothing."""
        if any(name == "podsteam_target" for name, _ in report.user_properties):
            if self._ledger is None:
                from podsteam.testing.outcome import Ledger

                self._ledger = Ledger()
            self._ledger.take(report)

    def pytest_sessionfinish(self) -> None:
        """Write the result file."""
        folder = self._config.getoption("podsteam_results")
        if folder and self._ledger is not None and not hasattr(self._config, "workerinput"):
            self._ledger.write(self._config.invocation_params.dir / folder)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The closing table."""
        if self._ledger is not None:
            terminalreporter.section("podsteam: what ran where")
            for line in self._ledger.lines():
                terminalreporter.line(line)

    def pytest_unconfigure(self) -> None:
        """End the simulated boards' processes that wait for another test."""
        import sys

        if "podsteam.testing.start" in sys.modules:
            from podsteam.testing import start

            start.end()
