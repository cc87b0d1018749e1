# SPDX-License-Identifier: Apache-2.0
"""Results of the long targets: kept by name, and known to be old when what they judged has changed."""

import json

import results


def test_a_row_says_when_it_is_older_than_what_it_judged(tmp_path):
    (tmp_path / "store").mkdir()
    code = tmp_path / "store" / "ring.py"
    code.write_text("old")
    row = results.row("hil/cuts", 10, "cuts", ">= 5", True, "all")
    row |= {"judges": ["store"], "judged": results.judged(["store"], tmp_path), "commit": "abc1234"}
    results.write("cuts", [row], tmp_path / "results")
    (found,) = results.committed(tmp_path / "results", tmp_path)
    assert found["context"] == f"all; run of {row['date']} after abc1234"
    code.write_text("new")
    (found,) = results.committed(tmp_path / "results", tmp_path)
    assert found["context"].endswith("**older than the code it judges**")


def test_rows_of_other_names_stay(tmp_path):
    for name in ("a/one", "a/two", "a/one"):
        results.write("long", [results.row(name, 1, "", "1", True, "")], tmp_path)
    rows = json.loads((tmp_path / "long.json").read_text())
    assert [row["name"] for row in rows] == ["a/one", "a/two"]


def test_a_whole_run_drops_what_is_gone(tmp_path):
    for names, whole in ((("a/one", "a/gone"), False), (("a/one", "a/new"), True)):
        results.write("long", [results.row(name, 1, "", "1", True, "") for name in names], tmp_path, whole)
    rows = json.loads((tmp_path / "long.json").read_text())
    assert [row["name"] for row in rows] == ["a/new", "a/one"]


def test_what_a_committed_row_judges_is_there(pytestconfig):
    for path in results.FOLDER.glob("*.json"):
        for row in json.loads(path.read_text(encoding="utf-8")):
            for name in row.get("judges", ()):
                assert (pytestconfig.rootpath / name).exists(), f"{path.name}: {name}"
