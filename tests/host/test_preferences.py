# SPDX-License-Identifier: Apache-2.0
"""Option before environment before file before default; a wrong file is told with its key."""

import json
from pathlib import Path

import pytest
from calls import call, one_sentence

from podsteam.errors import UsageProblem
from podsteam.preferences import Preferences, load, read, tags_of
from podsteam.store import default_path

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "preferences.toml"
    path.write_text("")
    monkeypatch.setenv("PODSTEAM_PREFERENCES", str(path))
    monkeypatch.delenv("PODSTEAM_PORT", raising=False)
    monkeypatch.delenv("PODSTEAM_STORE", raising=False)
    return path


def shown(capsys: Capture, *options: str) -> dict[str, tuple[str, str]]:
    called = call(capsys, *options, "preferences", "--json")
    assert called.status == 0, called.err
    return {row["name"]: (row["from"], row["value"]) for row in json.loads(called.out)["preferences"]}


def test_who_counts_before_whom(file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(capsys)["port"][0] == shown(capsys)["store"][0] == "default"
    file.write_text('port = "sim:kept"\nstore = "/kept/r.db"\n')
    assert shown(capsys)["port"] == ("file", "sim:kept")
    assert shown(capsys)["store"] == ("file", "/kept/r.db")
    assert default_path() == Path("/kept/r.db")
    monkeypatch.setenv("PODSTEAM_PORT", "sim:env")
    monkeypatch.setenv("PODSTEAM_STORE", "/env/r.db")
    assert shown(capsys)["port"] == ("PODSTEAM_PORT", "sim:env")
    assert shown(capsys)["store"] == ("PODSTEAM_STORE", "/env/r.db")
    assert default_path() == Path("/env/r.db")
    assert shown(capsys, "--port", "sim:given")["port"] == ("--port", "sim:given")
    assert shown(capsys, "--store", "/given/r.db")["store"] == ("--store", "/given/r.db")


def test_the_port_of_the_file_is_opened(file: Path, capsys: Capture) -> None:
    file.write_text('port = "sim"\n')
    called = call(capsys, "info", "--json")
    assert called.status == 0 and json.loads(called.out)["simulated"] is True


def test_required_and_given_tags(file: Path, capsys: Capture, tmp_path: Path) -> None:
    file.write_text('required_tags = ["subject"]\n[tags]\nroom = "lab 2"\n')
    assert tags_of({"subject": "P07"}) == {"room": "lab 2", "subject": "P07"}
    assert tags_of({"subject": "P07", "room": "hall"})["room"] == "hall"
    base = ("--port", "sim", "--store", str(tmp_path / "r.db"), "session", "run", "express", "--press")
    refused = call(capsys, *base)
    assert refused.status == 2
    assert "without the tag 'subject'; give --tag subject=VALUE" in one_sentence(refused)
    assert call(capsys, *base, "--tag", "subject=P07", "--json").status == 0
    listed = json.loads(call(capsys, "--store", str(tmp_path / "r.db"), "records", "list", "--json").out)
    assert listed["records"][0]["tags"] == {"room": "lab 2", "subject": "P07"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 'sim'", "there is no 'prot'; there are port, store, required_tags and the table [tags]"),
        ("port = 7", "port must be text in quotes"),
        ("required_tags = 'x'", "required_tags must be a list of tag names"),
        ("required_tags = ['Bad Name']", "'Bad Name' is no tag name"),
        ("tags = 3", "tags must be a table"),
        ("[tags]\nroom = 4", "the tag 'room' must be text in quotes"),
        ("[tags]\nroom = ''", "must have 1 to 200 characters"),
        ("port = ", "is no TOML"),
    ],
)
def test_a_wrong_file_is_told_with_its_key(text: str, words: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        read(text.encode(), "p.toml")
    assert str(caught.value).startswith("p.toml: ") and words in str(caught.value)


def test_a_file_that_is_named_must_be_there(file: Path) -> None:
    assert load() == Preferences()
    file.unlink()
    with pytest.raises(UsageProblem, match="PODSTEAM_PREFERENCES names it"):
        load()
