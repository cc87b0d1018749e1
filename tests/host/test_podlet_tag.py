# SPDX-License-Identifier: Apache-2.0
"""`podlet tag`: what the tag itself is, and a password that is tried only where nothing can be lost."""

import json
from pathlib import Path

import pytest
from calls import call, one_sentence

from podsteam_twin.nfc.ntag import Ntag


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    board = ("--port", "sim:tagged")
    shown = json.loads(call(capsys, *board, "--json", "podlet", "tag").out)
    assert (shown["tag"], shown["original"], shown["locked_pages"]) == ("NTAG215", False, [])
    assert (shown["counter"], shown["password_from_page"], shown["password_limit"]) == (None, None, 0)
    right = json.loads(call(capsys, *board, "--json", "podlet", "tag", "--password", "ffffffff").out)
    assert (right["password_right"], right["pack"]) == (True, "0000")
    wrong = call(capsys, *board, "podlet", "tag", "--password", "00000000")
    assert wrong.status == 20 and "TAG_PASSWORD" in wrong.err
    text = call(capsys, *board, "podlet", "tag").out
    assert "a copy" in text and "it does not count" in text
    for bad in ("00", "x", "0000000000"):
        assert "8 hex digits" in one_sentence(call(capsys, *board, "podlet", "tag", "--password", bad))


def test_a_tag_that_counts_wrong_ones_is_left_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from podsteam.transport.sim import SimPort

    made = Ntag("NTAG215")
    made.mem[4 * (made.pages - 5) + 8] = 0x03
    port = SimPort("sim:limited", seed=1)
    port.control({"do": "insert", "dump": bytes(made.image()).hex()})
    port.close()
    tried = call(capsys, "--port", "sim:limited", "podlet", "tag", "--password", "00000000")
    assert tried.status == 20 and "TAG_LIMIT" in tried.err
