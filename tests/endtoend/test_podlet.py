# SPDX-License-Identifier: Apache-2.0
"""A podlet of one's own, as the page `docs/make-a-podlet.md` walks through it: file, tag, session, signature."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import run

BOARD = ("--port", "sim:mine")


def document(home: Path, *arguments: str) -> dict[str, Any]:
    done = run(home, *arguments, "--json", timeout_s=120)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


@pytest.mark.slow
def test_make_write_and_dose_a_podlet(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    assert run(tmp_path, "podlet", "new", str(file)).returncode == 0
    text = file.read_text().replace("dose_ul = 50", "dose_ul = 120").replace("doses = 20", "doses = 9")
    text = text.replace("session_cap_ul = 500", "session_cap_ul = 1_080")
    file.write_text(text)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text + "dose_ml = 1\n")
    done = run(tmp_path, *BOARD, "podlet", "write", str(wrong))
    assert done.returncode == 2 and "unknown field dose_ml" in done.stderr and len(done.stderr.splitlines()) == 1
    wrote = document(tmp_path, *BOARD, "podlet", "write", str(file))
    assert wrote["pages_written"] > 30
    shown = document(tmp_path, *BOARD, "podlet", "read")
    assert (shown["state"], shown["doses_left"], shown["doses_used"]) == ("GUEST", 9, 0)
    # What the owner wrote is narrowed to the guest caps.
    assert (shown["dose_uL"], shown["session_cap_uL"]) == (100, 1000)
    assert shown["label"]["name"] == "mine"
    assert shown["left"].startswith("9 doses of 100 µL left, good until 2028-06-30")
    ran = document(tmp_path, *BOARD, "session", "run", "--press")
    after = document(tmp_path, *BOARD, "podlet", "read")
    assert ran["stop_reason"] == "DONE"
    assert 0 < after["doses_used"] <= 9 and after["doses_left"] == 9 - after["doses_used"]
    assert after["label"]["used"]["volume_nl"] == after["doses_used"] * 100_000
    # What was used is kept when a text is changed, and gone with a new podlet.
    file.write_text(text.replace('maker = "Me"', 'maker = "Us"'))
    assert document(tmp_path, *BOARD, "podlet", "write", "--update", str(file))["pages_written"] < 8
    kept = document(tmp_path, *BOARD, "podlet", "read")
    assert kept["label"]["maker"] == "Us" and kept["doses_used"] == after["doses_used"]


def test_sign_check_and_empty_on_the_device(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    private, public = str(tmp_path / "private.pem"), str(tmp_path / "public.pem")
    file.write_text('name = "Mist"\ndose_ul = 50\ndoses = 20\n')
    assert run(tmp_path, "podlet", "keys", private, public).returncode == 0
    assert run(tmp_path, *BOARD, "podlet", "write", str(file)).returncode == 0
    assert run(tmp_path, *BOARD, "podlet", "sign", "--key", private).returncode == 0
    assert document(tmp_path, *BOARD, "podlet", "verify", "--key", public)["right"] is True
    assert run(tmp_path, *BOARD, "podlet", "wipe", "--yes").returncode == 0
    empty = document(tmp_path, *BOARD, "podlet", "read")
    assert (empty["state"], empty["label"], empty["left"]) == ("UNREADABLE", None, "")
