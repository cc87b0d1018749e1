# SPDX-License-Identifier: Apache-2.0
"""Allergens by name, and the command that lists them on a device."""

import json
from pathlib import Path

import pytest
from calls import call, one_sentence

from podsteam import allergens, words
from podsteam.errors import UsageProblem
from podsteam.wire import messages as m

BOARD = ("--port", "sim:sensitive")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def test_names_and_bits_are_the_same() -> None:
    for bit in range(30):
        (name,) = allergens.names_of(1 << bit)
        assert allergens.mask_of([name.upper()]) == 1 << bit
    assert allergens.mask_of(["ALL"]) == (1 << 30) - 1
    with pytest.raises(UsageProblem, match="Do you mean Limonene"):
        allergens.mask_of(["Limone"])
    with pytest.raises(UsageProblem, match="There are: Amyl cinnamal"):
        allergens.mask_of(["\x1b[2Jwater"])
    assert allergens.changed(0b011, 0b100, 0b001, False) == 0b110
    assert allergens.changed(0b011, 0b100, 0, True) == 0b100


def test_an_event_names_them() -> None:
    held = m.Event(0, 0, m.EventValue.ALLERGEN, 1 << 21, 1)
    assert words.describe(held) == "Podlet with Limonene: agreed to at the device"
    assert "nobody has agreed" in words.describe(m.Event(0, 0, m.EventValue.ALLERGEN, 1 << 21, 0))


def test_the_list_is_changed_kept_and_asked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / "scent.toml"
    file.write_text('name = "Scent"\ndose_ul = 50\ndoses = 20\nallergens = ["Limonene", "Linalool"]\n')
    assert call(capsys, *BOARD, "podlet", "write", str(file)).status == 0
    listed = json.loads(
        call(capsys, *BOARD, "--json", "podlet", "allergens", "--add", "limonene", "--add", "Parfum").out
    )
    assert (listed["allergens"], listed["in_the_podlet"]) == (["Limonene", "Parfum"], ["Limonene"])
    text = call(capsys, *BOARD, "podlet", "allergens").out
    assert "hold the button for 3 s" in text
    shown = json.loads(call(capsys, *BOARD, "--json", "podlet", "read").out)
    assert shown["state"] == "ALLERGEN" and "allergen" in shown["note"]
    ran = call(capsys, *BOARD, "session", "run", "express", "--press")
    assert ran.status == 0 and "Limonene" in ran.err and "hold the button for 3 s" in ran.err
    assert "nobody has agreed to its allergens" in ran.err
    cleared = json.loads(call(capsys, *BOARD, "--json", "podlet", "allergens", "--drop", "limonene").out)
    assert cleared["allergens"] == ["Parfum"] and cleared["in_the_podlet"] == []
    assert json.loads(call(capsys, *BOARD, "--json", "podlet", "allergens", "--clear").out)["allergens"] == []
    assert "water" in one_sentence(call(capsys, *BOARD, "podlet", "allergens", "--add", "water"))
