# SPDX-License-Identifier: Apache-2.0
"""The plugin in runs of pytest of its own: targets, skips with reasons, the closing table, what it loads and when."""

import sys

import pytest
from processes import run_pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester: pytest.Pytester):
    """`run(source, *arguments)`: a project with one test file, tested in a process; returns its output."""

    def go(source: str, *arguments: str, fails: bool = False) -> str:
        pytester.makepyfile(source)
        return run_pytest(pytester.path, "--strict-markers", "-W", "error", *arguments, fails=fails)

    return go


def test_a_test_runs_on_both_interpreters_on_a_unit_of_its_own(run):
    out = run(
        """
        from podsteam.wire import messages as m

        def test_first(board):
            board.remove()

        def test_second(board):
            assert board.request(m.PodletGetRequest()).state == m.PodletValue.GUEST
            info = board.request(m.InfoGetRequest(), m.InfoGetReply)
            assert info.interpreter.rstrip(b"\\0").decode() == board.target.partition(":")[2]
        """
    )
    assert "4 passed" in out
    assert "sim:cpython (twin " in out and "sim:micropython (twin " in out and " SIMULATED): 2 passed" in out


def test_nothing_of_ours_is_imported_before_a_test_asks_for_it(run):
    out = run(
        """
        import sys

        def test_light():
            ours = sorted(name for name in sys.modules if name.partition(".")[0].startswith("podsteam"))
            assert ours == ["podsteam", "podsteam.testing", "podsteam.testing.plugin"]
        """
    )
    assert "1 passed" in out and "what ran where" not in out


def test_every_skip_says_what_it_would_take(run):
    out = run(
        """
        import pytest

        @pytest.mark.needs_board("whatever")
        def test_board_only(board): ...

        @pytest.mark.needs("telepathy", "nfc")
        def test_capability(board): ...

        @pytest.mark.sim_only
        @pytest.mark.heats
        def test_both_fit_a_simulated_board(board): ...

        @pytest.mark.sim_options(seed=7)
        def test_own_options(board): ...
        """,
        "-rs",
        "--podsteam=sim:cpython",
    )
    assert "2 passed, 2 skipped" in out
    assert "1 skipped: needs a board: name one with --podsteam PORT" in out
    assert "1 skipped: sim:cpython has no telepathy" in out
    assert "nowhere: 1 skipped" in out


def test_options_build_the_board(run):
    out = run(
        """
        import pytest
        from podsteam.wire import messages as m

        @pytest.mark.sim_options(podlet=None, plant={"altitude_m": 2500.0}, seed=9)
        def test_it(board):
            assert board.request(m.PodletGetRequest()).state == m.PodletValue.ABSENT
            board.insert("expired")
            assert board.request(m.PodletGetRequest()).state == m.PodletValue.EXPIRED
        """
    )
    assert "2 passed" in out


def test_a_failure_shows_in_the_table_and_so_does_a_firmware_that_crashed(run):
    out = run(
        """
        def test_waits_for_what_never_comes(board):
            board.press()
            board.wait_for(7, within_s=1)

        def test_crash(board):
            core = board.device.port._twin.machine.loop.core
            core.step = None
            board.advance(1, hosted=False)
        """,
        "--podsteam=sim:cpython",
        fails=True,
    )
    assert "no FAULT within 1 s of device time; came: " in out and "STARTED(" in out
    assert "the firmware ended with an exception:" in out and "TypeError" in out
    assert "SIMULATED): 2 failed" in out


def test_a_kept_unit_passes_its_podlet_on(run, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    out = run(
        """
        from podsteam.wire import messages as m

        def test_first(board):
            board.remove()

        def test_second(board):
            assert board.request(m.PodletGetRequest()).state == m.PodletValue.ABSENT
        """,
        "--podsteam=sim:bench",
    )
    assert "sim:bench" in out and "2 passed" in out


def test_figures_are_kept_below_the_root(run, pytester):
    run(
        """
        def test_figure(record_figure):
            record_figure("a/b", 1.5, "x", ">= 1", True, "here")
        """
    )
    assert '"a/b"' in (pytester.path / "build" / "figures.json").read_text()


def test_help_names_every_option_and_marker(run):
    out = run("", "--help") + run("", "--markers")
    for word in ("--podsteam=PORT", "--podsteam-allow-heat", "--podsteam-power-cmd", "--podsteam-results"):
        assert word in out
    for word in ("needs_board(", "heats:", "sim_only:", "needs(", "sim_options("):
        assert f"@pytest.mark.{word}" in out


@pytest.mark.parametrize("target", ["sim:cpython", "sim:micropython"])
def test_a_port_that_is_none_is_one_clear_sentence(run, target):
    out = run("def test_it(board): ...", f"--podsteam={target}", "--podsteam=/dev/no-such-port", fails=True)
    assert "There is no port /dev/no-such-port" in out and "1 passed, 1 error" in out


def test_it_loads_beside_pytest_embedded(run):
    pytest.importorskip("pytest_embedded", reason="pytest-embedded is not installed here")
    out = run("def test_it(board, redirect): ...", "--podsteam=sim:cpython", "-W", "ignore")
    assert "1 passed" in out


def test_names_are_our_own():
    """What pytest-embedded has, by its documents: options and fixtures that ours must not be called."""
    import inspect

    from podsteam.testing import plugin

    theirs = {"dut", "app", "port", "target", "serial", "config", "count", "redirect", "openocd", "gdb", "qemu"}
    assert not theirs & {name for name, _ in inspect.getmembers(plugin)}
    assert "podsteam.testing.plugin" in sys.modules
