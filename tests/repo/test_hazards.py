# SPDX-License-Identifier: Apache-2.0
"""The hazard log is true: what it names is there, what is there is named, and its tests must have passed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hazard_outcomes import judge

import check_hazards


@pytest.fixture(scope="module")
def root(pytestconfig) -> Path:
    return pytestconfig.rootpath


@pytest.fixture(scope="module")
def log(root):
    return check_hazards.load(root)


def test_the_log_contradicts_nothing(root, log):
    assert check_hazards.problems(root, log) == []


def test_the_page_is_fresh(root, log):
    assert (root / check_hazards.PAGE).read_text(encoding="utf-8") == check_hazards.page(log)


def test_the_page_shows_every_requirement_with_what_is_left(log):
    text = check_hazards.page(log)
    for each in log.requirements:
        assert text.count(f"### {each.id}\n") == 1
        assert each.residual in text and (not each.open or each.open in text)
    assert text.count("* **What is left**") == len(log.requirements) + len(log.hazards)


def test_every_hazard_is_met_and_says_what_hardware_must_do(log):
    for name, hazard in log.hazards.items():
        assert any(name in each.hazards for each in log.requirements)
        assert all(hazard[key].endswith(".") for key in check_hazards.HAZARD_KEYS)
    for each in log.requirements:
        assert all(text.endswith(".") for text in (each.text, each.how, each.residual)), each.id


# What is wrong is told in one sentence ------------------------------------------------------------------------------


@pytest.fixture
def copy(root, tmp_path) -> Path:
    """The parts of the repository that the check reads, to be spoilt."""
    for part in ("firmware", "protocol", "host", "tests"):
        (tmp_path / part).symlink_to(root / part)
    (tmp_path / "docs").mkdir()
    for name in (check_hazards.LOG, check_hazards.PAGE):
        shutil.copy(root / name, tmp_path / name)
    return tmp_path


def spoil(copy: Path, old: str, new: str) -> None:
    path = copy / check_hazards.LOG
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


TEST = "tests/firmware/test_supervisor.py::test_over_temperature_two_of_three"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (TEST, f"{TEST}_x", r"requirement over-temperature names the test \S+_x, but \S+ has no such test; correct"),
        (TEST, "tests/firmware/test_nothing.py", "there is no such file of tests; correct"),
        (TEST, "tests/firmware/heat_loop.py::test_x", "there is no such file of tests; correct"),
        ('"podsteam_firmware.safety.rise"', '"podsteam_firmware.safety.raise"', "which is no file of ours; correct"),
        ('["OVER_TEMPERATURE"]', '["OVERTEMPERATURE"]', "OVERTEMPERATURE, which is no code, STOP or DOSE; correct"),
        (
            'cells = ["dry"]',
            'cells = ["drier"]',
            r"the cell drier, which \S+ does not have; correct",
        ),
        ('hazards = ["fire", "burn"]', 'hazards = ["flood"]', "names the hazard flood, which is none; correct"),
        ('id = "dry-boil"', 'id = "over-temperature"', "two requirements are called over-temperature; rename one"),
        ('codes = ["SPIT_RISK"]\n', "", "no requirement names the fault SPIT_RISK; name it"),
        (
            '"podsteam_firmware.safety.spit"',
            '"podsteam_firmware.heat.steam"',
            r"the module \S+safety.spit; name it",
        ),
        ('[hazard.fire]\nwhat = "', '[hazard.fire]\nwhy = "', "hazard fire has no `what`; add it"),
    ],
)
def test_a_wrong_name_is_one_sentence(copy, old, new, sentence):
    spoil(copy, old, new)
    found = check_hazards.problems(copy, check_hazards.load(copy))
    assert any(re.search(sentence, problem) for problem in found), found
    assert all(problem.startswith(check_hazards.LOG) and "\n" not in problem for problem in found)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            'residual = "It sees what',
            'remains = "It sees what',
            "over-temperature has no `residual`; add it",
        ),
        ('source = "PCA 6.4(8)"', 'sauce = "PCA 6.4(8)"', "has `sauce`, which is no field; take it out"),
        ("[hazard.fire]", "[hazard.fire", "cannot be read .*; mend it"),
    ],
)
def test_a_log_of_another_form_is_one_sentence(copy, old, new, sentence):
    spoil(copy, old, new)
    with pytest.raises(ValueError, match=sentence):
        check_hazards.load(copy)


def test_a_requirement_needs_a_test_or_an_admission(log):
    bare = log._replace(requirements=(log.requirements[0]._replace(tests=(), open=""),))
    found = check_hazards._named(Path(), bare, set())
    assert any("names no test; name one, or say in `open` what is not met" in problem for problem in found)


def test_as_a_command(copy, root, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["check_hazards.py", "--check"])
    assert check_hazards.main(copy) == 0
    assert "requirements" in capsys.readouterr().out
    (copy / check_hazards.PAGE).write_text("old")
    assert check_hazards.main(copy) == 1
    assert "docs/hazards.md is stale" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["check_hazards.py"])
    assert check_hazards.main(copy) == 0
    assert (copy / check_hazards.PAGE).read_text() == (root / check_hazards.PAGE).read_text()
    spoil(copy, TEST, "tests/gone.py::test_x")
    assert check_hazards.main(copy) == 1
    assert capsys.readouterr().err.count("\n") == 1


# The tests must have passed -----------------------------------------------------------------------------------------


def only(log, *tests: str):
    """A log with one requirement and these tests."""
    return log._replace(requirements=(log.requirements[0]._replace(tests=tests),))


@pytest.mark.parametrize(
    ("outcomes", "whole", "why"),
    [
        ({"tests/a.py::test_x": "passed"}, True, None),
        ({"tests/a.py::test_x": "failed"}, True, "failed"),
        ({"tests/a.py::test_x": "failed"}, False, "failed"),
        ({"tests/a.py::test_x": "skipped"}, False, "was skipped"),
        ({"tests/a.py::test_x[1]": "passed", "tests/a.py::test_x[2]": "failed"}, True, "failed"),
        ({"tests/a.py::test_x[1]": "passed", "tests/a.py::test_x[2]": "skipped"}, True, None),
        ({"tests/a.py::test_xy": "passed"}, True, "did not run"),
        ({}, True, "did not run"),
        ({}, False, None),
    ],
)
def test_outcomes(log, outcomes, whole, why):
    found = judge(only(log, "tests/a.py::test_x"), outcomes, whole)
    assert len(found) == (why is not None)
    assert all(sentence.endswith(f"is to prove the requirement over-temperature, {why}") for sentence in found)


def test_a_whole_file_and_one_parameter_can_be_named(log):
    outcomes = {"tests/a.py::test_x[1]": "passed", "tests/a.py::test_x[2]": "failed"}
    assert judge(only(log, "tests/a.py::test_x[1]"), outcomes, True) == []
    assert len(judge(only(log, "tests/a.py"), outcomes, True)) == 1


PROJECT = {
    "conftest.py": """
import sys
sys.path[:0] = [{tools!r}, {repo!r}]
from hazard_outcomes import HazardOutcomes
def pytest_addoption(parser):
    parser.addoption("--figures", action="store_true")
def pytest_configure(config):
    config.pluginmanager.register(HazardOutcomes(config.rootpath))
""",
    "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
    "tests/test_a.py": """
import pytest
def test_good(): pass
@pytest.mark.skip
def test_left_out(): pass
""",
    "docs/hazards.toml": """
[[requirement]]
id = "warm"
hazards = []
text = "."
how = "."
residual = "."
tests = {tests}
""",
}


def run_project(folder: Path, root: Path, tests: list[str], *arguments: str) -> tuple[int, str]:
    """Run pytest in a project of its own whose log names these tests."""
    for name, text in PROJECT.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        values = {"tools": str(root / "tools"), "repo": str(root / "tests" / "repo"), "tests": str(tests)}
        path.write_text(text.format(**values) if "{" in text else text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_run_in_which_a_named_test_did_not_pass_fails(root, tmp_path):
    good, left_out, gone = (f"tests/test_a.py::{name}" for name in ("test_good", "test_left_out", "test_gone"))
    assert run_project(tmp_path, root, [good])[0] == 0
    status, out = run_project(tmp_path, root, [good, left_out])
    assert status == 1 and f"hazard log: {left_out}, which is to prove the requirement warm, was skipped" in out
    status, out = run_project(tmp_path, root, [gone])
    assert status == 1 and "did not run" in out
    # A part of the tests is judged by what ran.
    assert run_project(tmp_path, root, [gone], "tests/test_a.py")[0] == 0
    assert run_project(tmp_path, root, [gone], "-k", "good")[0] == 0
    assert run_project(tmp_path, root, [left_out], "-k", "left_out")[0] == 1
    assert run_project(tmp_path, root, [gone], "--collect-only")[0] == 0
