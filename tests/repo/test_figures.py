# SPDX-License-Identifier: Apache-2.0
"""Figures are recorded whole, merged by name, and shown between the README's markers."""

import json

import pytest

import figures_table
from podsteam.testing.figures import KEYS, Figures

ROW = {"name": "sim/speed", "value": 1234.5678, "unit": "x", "bar": ">= 300", "holds": True, "context": "a|b"}


def test_rows_of_an_earlier_run_stay_unless_measured_again(tmp_path):
    target = tmp_path / "build" / "figures.json"
    first = Figures(target)
    first.record("b/two", 2, "ms", "<= 3", True, "once")
    first.record("a/one", 1, "B", "0", False, "once")
    first.write()
    second = Figures(target)
    second.record("b/two", 5, "ms", "<= 3", False, "again")
    second.write()
    rows = json.loads(target.read_text())
    assert [row["name"] for row in rows] == ["a/one", "b/two"]
    assert rows[1] == {
        "name": "b/two",
        "value": 5,
        "unit": "ms",
        "bar": "<= 3",
        "holds": False,
        "context": "again",
    }
    assert tuple(rows[0]) == KEYS


def test_a_run_without_figures_writes_nothing(tmp_path):
    Figures(tmp_path / "figures.json").write()
    assert not (tmp_path / "figures.json").exists()


def test_the_fixture_records(record_figure):
    assert callable(record_figure)


def test_the_table_stands_between_the_markers():
    page = f"before\n{figures_table.BEGIN}\nstale row\n{figures_table.END}\nafter\n"
    missed = ROW | {"name": "a/first", "value": 0, "holds": False, "unit": ""}
    out = figures_table.replaced(page, [ROW, missed])
    assert out.startswith("before\n")
    assert out.endswith("\nafter\n")
    assert "stale row" not in out
    lines = out.splitlines()
    assert lines[4] == "| `a/first` | 0 | >= 300 | **no** | a\\|b |"
    assert lines[5] == "| `sim/speed` | 1235 x | >= 300 | yes | a\\|b |"
    assert figures_table.replaced(out, [ROW, missed]) == out


def test_a_page_without_markers_is_refused():
    with pytest.raises(ValueError, match="lacks"):
        figures_table.replaced("no markers", [ROW])


def test_the_readme_has_the_markers(pytestconfig):
    readme = (pytestconfig.rootpath / "README.md").read_text()
    assert readme.count(figures_table.BEGIN) == readme.count(figures_table.END) == 1
    assert figures_table.replaced(readme, [ROW]) != readme
