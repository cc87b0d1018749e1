# SPDX-License-Identifier: Apache-2.0
"""The list of what needs a board follows from the tests and from the results that were contributed."""

import json

import pytest

import needs_board

MARKED = """
import pytest

@pytest.mark.heats
@pytest.mark.needs("load_sense")
@pytest.mark.needs_board("Whether it hums")
def test_hum(board): ...

def test_other(board): ...
"""


def test_the_page_is_fresh(pytestconfig):
    assert (pytestconfig.rootpath / needs_board.PAGE).read_text() == needs_board.page(pytestconfig.rootpath)


def test_markers_and_results_make_the_rows(tmp_path):
    (tmp_path / "tests" / "board").mkdir(parents=True)
    (tmp_path / "tests" / "board" / "test_it.py").write_text(MARKED)
    row = "| Whether it hums | heat, load_sense | {} | `board/test_it.py::test_hum` |\n"
    assert needs_board.page(tmp_path).endswith(row.format("not run"))
    results = tmp_path / needs_board.RESULTS
    results.mkdir(parents=True)
    test = {"test": "tests/board/test_it.py::test_hum"}
    for number, outcome in enumerate(("passed", "passed", "failed", "skipped")):
        (results / f"{number}.json").write_text(json.dumps({"tests": [{**test, "outcome": outcome}]}))
    assert needs_board.page(tmp_path).endswith(row.format("2 passed, 1 failed"))


def test_a_marker_without_a_word_is_refused(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text("@pytest.mark.needs_board\ndef test_it(board): ...\n")
    with pytest.raises(ValueError, match="says what only a board can tell"):
        needs_board.needed(tmp_path)
