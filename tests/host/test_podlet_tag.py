# SPDX-License-Identifier: Apache-2.0
"""`podlet tag`: what the tag itself is, and a password that is tried only where nothing can be lost."""

import base64
import json
from pathlib import Path

import pytest
from calls import call, one_sentence

from podsteam.transport.sim import SimPort
from podsteam_twin import launch, podlets
from podsteam_twin.launch import Twin
from podsteam_twin.nfc.ntag import NAK_AUTH_LIMIT, Ntag


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


def put(board: str, auth0: int = 0xFF, access: int = 0, locks: bytes = b"") -> bytes:
    """A tag with the demo podlet in a board's holder; its pages."""
    tag = podlets.demo("demo")
    at = 4 * (tag.pages - 5)
    tag.mem[at : at + len(locks)] = locks
    tag.mem[at + 7 : at + 9] = bytes((auth0, access))
    tag.mem[at + 12 : at + 18] = b"SESAPA"
    port = SimPort(board, seed=1)
    port.control({"do": "insert", "dump": bytes(tag.image()).hex()})
    port.close()
    return bytes(tag.image())


def held(board: str) -> bytes:
    """The pages of the tag in the holder."""
    port = SimPort(board, seed=1)
    image = base64.b64decode(port.control({"do": "images"})["tag"])
    port.close()
    return image


def test_a_tag_that_counts_wrong_ones_is_left_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put("sim:limited", access=0x03)
    tried = call(capsys, "--port", "sim:limited", "podlet", "tag", "--password", "00000000")
    assert tried.status == 20 and "TAG_LIMIT" in tried.err


def test_writing_behind_a_password(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused whole before the first page, in one sentence; with the password written and emptied."""
    board = ("--port", "sim:behind")
    mine = home / "mine.toml"
    mine.write_text('name = "Mine"\ndose_ul = 50\ndoses = 9\n')
    write = (*board, "podlet", "write", str(mine))
    wipe = (*board, "podlet", "wipe", "--yes")
    before = put(board[1], auth0=20)
    for command in (write, wipe):
        done = call(capsys, *command)
        assert done.status == 30
        assert "behind a password from page 20 on, so nothing was written; give it by --password" in one_sentence(done)
        wrong = call(capsys, *command, "--password", "00000000")
        assert wrong.status == 20 and "TAG_PASSWORD" in wrong.err
        assert held(board[1]) == before
    assert call(capsys, *write, "--password", "53455341").status == 0
    shown = json.loads(call(capsys, *board, "--json", "podlet", "read").out)
    assert (shown["state"], shown["label"]["name"], shown["doses_left"]) == ("GUEST", "Mine", 9)
    assert call(capsys, *wipe, "--password", "53455341").status == 0
    assert held(board[1])[16:19] == b"\x03\0\xfe"

    before = put(board[1], auth0=4, access=0x01)
    counts = call(capsys, *write)
    assert counts.status == 30 and "counts wrong ones, so use the reader that set it up" in one_sentence(counts)
    limit = call(capsys, *write, "--password", "53455341")
    assert limit.status == 20 and "TAG_LIMIT" in limit.err and held(board[1]) == before
    assert "a dump needs none" in one_sentence(
        call(capsys, "podlet", "write", str(mine), "--to", str(home / "x.bin"), "--password", "53455341")
    )


def test_a_password_over_the_upper_pages_only(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = home / "mine.toml"
    mine.write_text('name = "Mine"\ndose_ul = 50\ndoses = 9\n')
    put("sim:upper", auth0=0x80)
    assert call(capsys, "--port", "sim:upper", "podlet", "write", str(mine)).status == 0


def test_pages_that_are_locked_by_the_dynamic_bits(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the device and in a dump: nothing is written."""
    mine = home / "mine.toml"
    mine.write_text('name = "Mine"\ndose_ul = 50\ndoses = 9\n')
    before = put("sim:bolted", locks=b"\x02")
    done = call(capsys, "--port", "sim:bolted", "podlet", "write", str(mine))
    assert done.status == 30 and "Page 32 of the tag is locked, so nothing was written." in one_sentence(done)
    assert held("sim:bolted") == before
    dump = home / "dump.bin"
    dump.write_bytes(before)
    done = call(capsys, "podlet", "write", str(mine), "--to", str(dump))
    assert done.status == 30 and "Page 32" in one_sentence(done) and dump.read_bytes() == before


def test_wrong_passwords_and_taps_are_kept_with_a_named_board(home: Path) -> None:
    """The chip remembers them without power, so a limit that was reached stays reached."""
    put("sim:counted", auth0=4, access=0x11)

    def started() -> tuple[Twin, Ntag]:
        twin = launch.start("counted", interpreter="cpython", seed=1)
        twin.exchange(b"", twin.now_us + 2_000_000, stop=False)
        return twin, twin.machine.world.chip.tag  # type: ignore[attr-defined]

    twin, tag = started()
    tag.failures = 1
    taps = tag.counter
    twin.close()
    twin, tag = started()
    assert tag.failures == 1 and tag.counter > taps > 0
    tag.field(False)
    tag.field(True)
    assert tag.request(True) and tag.select()
    assert tag.command(b"\x1bSESA") == NAK_AUTH_LIMIT
    twin.close()
