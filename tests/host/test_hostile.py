# SPDX-License-Identifier: Apache-2.0
"""A slice of the hostile cases at every door, and that the doors would notice. tests/figures tries all of them."""

import re
from pathlib import Path

import pytest
from calls import Called
from hostile_cases import FILES, LINKS, TEXTS, counts
from hostile_doors import csv_problems, ended, page_problems, steering, try_all


def test_a_slice_at_every_door(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trial = try_all(tmp_path, capsys, TEXTS[3::11], FILES[::3], LINKS[:3])
    assert trial.escapes == []
    assert trial.count > 400 and len(trial.doors) > 30


def test_the_list_of_the_page_is_this_list(pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "docs" / "records.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| ([^|]+) \| (\d+) \|", text, re.MULTILINE))
    assert shown == {kind: str(count) for kind, count in counts().items()}


@pytest.mark.parametrize("text", ["\x1b[2J", "\x9b31m", "\r", "\u202e", "\ud800", "\u2028"])
def test_what_steers_is_noticed(text: str) -> None:
    assert steering(f"a{text}b") and not steering("a\nb é 𝒳")  # noqa: RUF001


def test_what_gets_out_is_noticed() -> None:
    assert csv_problems(b"a,b\r\n1,=1+1\r\n") and csv_problems(b"a,b\r\n1\r\n") and csv_problems(b"a\r\n\x1b\r\n")
    assert not csv_problems(b"a,b\r\n-1.5,'=1\r\n")
    assert page_problems("<p><script>x</script></p>", "<p></p>") and page_problems("<p onload='x'></p>", "<p></p>")
    assert not page_problems("<p>&lt;b&gt;</p>", "<p></p>")
    assert ended(Called(1, "", "podsteam: Internal error, X: y")) and not ended(Called(2, "", "podsteam: no."))
