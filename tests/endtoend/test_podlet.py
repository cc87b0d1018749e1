# SPDX-License-Identifier: Apache-2.0
"""A podlet of one's own, as the page `docs/make-a-podlet.md` walks through it: file, tag, session, signature."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import PODSTEAM, environment, run

from podsteam import podlet_image, podlet_sign
from podsteam.client import Device
from podsteam.errors import Refused
from podsteam.podlet_file import parse
from podsteam.podlet_place import Holder
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m
from podsteam_protocol import podlet as p

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
    alone = run(tmp_path, *BOARD, "session", "run")
    assert alone.returncode == 22 and "add --press" in alone.stderr and len(alone.stderr.splitlines()) == 1
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


def at_a_terminal(home: Path, typed: bytes, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command whose standard input is a terminal, at which this was typed."""
    master, slave = os.openpty()
    try:
        os.write(master, typed)
        return subprocess.run(
            [PODSTEAM, *arguments],
            env=environment(home),
            stdin=slave,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_walk_of_the_page_to_the_letter(tmp_path: Path) -> None:
    """As `docs/make-a-podlet.md` has it: three commands, and Enter as the simulated board's button."""
    mine = str(tmp_path / "mine.toml")
    assert run(tmp_path, "podlet", "new", mine).returncode == 0
    assert run(tmp_path, *BOARD, "podlet", "write", mine).returncode == 0
    done = at_a_terminal(tmp_path, b"\n", *BOARD, "session", "run")
    assert done.returncode == 0, done.stderr
    assert "Press Enter to start: that presses the button of the simulated board sim:mine." in done.stderr
    after = document(tmp_path, *BOARD, "podlet", "read")
    assert (after["state"], after["label"]["name"]) == ("GUEST", "mine") and after["doses_used"] > 0
    # Nobody answers, or a program asks: then nothing starts.
    ended = at_a_terminal(tmp_path, b"\x04", *BOARD, "session", "run")
    assert (ended.returncode, ended.stdout) == (130, "")
    machine = at_a_terminal(tmp_path, b"\n", *BOARD, "session", "run", "--json")
    assert machine.returncode == 22 and "add --press" in machine.stderr
    assert document(tmp_path, *BOARD, "podlet", "read")["doses_used"] == after["doses_used"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_an_allergen_is_agreed_to_at_the_terminal_or_by_option(tmp_path: Path) -> None:
    file = tmp_path / "scent.toml"
    file.write_text('name = "Scent"\ndose_ul = 50\ndoses = 30\nallergens = ["Limonene"]\n')
    assert run(tmp_path, *BOARD, "podlet", "write", str(file)).returncode == 0
    assert run(tmp_path, *BOARD, "podlet", "allergens", "--add", "Limonene").returncode == 0

    def used() -> int:
        return int(document(tmp_path, *BOARD, "podlet", "read")["doses_used"])

    said_no = at_a_terminal(tmp_path, b"n\n\n", *BOARD, "session", "run", "express")
    assert said_no.returncode == 0 and "nobody has agreed to it" in said_no.stderr and used() == 0
    said_yes = at_a_terminal(tmp_path, b"y\n\n", *BOARD, "session", "run", "express")
    assert said_yes.returncode == 0 and "agreed to at the device" in said_yes.stderr
    once = used()
    assert once > 0
    assert run(tmp_path, *BOARD, "session", "run", "express", "--press", "--agree", timeout_s=120).returncode == 0
    assert used() > once


def test_a_signed_podlet_on_the_device(tmp_path: Path) -> None:
    """Written, signed and trusted over the line; checked by the firmware on the interpreter that the board has."""
    private = tmp_path / "private.pem"
    private.write_bytes(podlet_sign.new_key()[0])
    key = podlet_sign.public_key(private)
    text = 'name = "Mist"\ndose_ul = 200\ndoses = 20\n'
    with Device(SimPort("sim", seed=1)) as device:
        reply = device.settled_podlet()
        place = Holder(device, device.podlet_memory(reply.size))
        made = podlet_image.make(place.memory, parse(text, "x"), b"PS-1")
        signed = podlet_sign.sign(made, key, podlet_sign.file_signer(private))
        assert device.podlet_keys() == []
        name = podlet_sign.key_id(key).hex()
        assert device.podlet_keys(1, key) == device.podlet_keys() == device.podlet_keys(1, key) == [name]
        assert place.store(signed) > 40
        device.port.clock.sleep(15)
        found = device.podlet()
        assert (found.state, found.dose_nl, found.note) == (m.PodletValue.SIGNED, 200_000, 0)
        # Another's key under the same name would be no key; without it the podlet is a guest.
        with pytest.raises(Refused):
            device.podlet_keys(2, bytes(8))
        assert device.podlet_keys(2, bytes.fromhex(name)) == []
        # Another dose, the old signature.
        place = Holder(device, signed)
        fields = dict(podlet_image.main_of(signed)[0])
        device.podlet_keys(1, key)
        place.store(podlet_image.change(signed, {**fields, p.MAIN_DOSE_COUNT: 19}))
        device.port.clock.sleep(15)
        found = device.podlet()
        assert (found.state, found.dose_nl, m.CODES[found.note].name) == (
            m.PodletValue.GUEST,
            100_000,
            "SIGNATURE_WRONG",
        )
        # What the device does not take.
        for uid, page, data, code in (
            (bytes(7), 9, bytes(4), "TAG_CHANGED"),
            (found.uid, 3, bytes(4), "OUT_OF_RANGE"),
            (found.uid, 129, bytes(8), "OUT_OF_RANGE"),
            (found.uid, 9, bytes(5), "OUT_OF_RANGE"),
            (found.uid, 9, bytes(20), "OUT_OF_RANGE"),
        ):
            with pytest.raises(Refused) as caught:
                device.write_podlet(uid, page, data)
            assert caught.value.name == code
        with pytest.raises(Refused, match="outside its range"):
            device.podlet_keys(1, bytes(63))
        device.port.control({"do": "remove"})
        device.port.clock.sleep(2)
        with pytest.raises(Refused) as caught:
            device.write_podlet(found.uid, 9, bytes(4))
        assert caught.value.name == "NO_PODLET"


def test_the_newest_day_is_kept_by_the_whole_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its grace a podlet doses with a note, beyond it is refused; a clock that is lost then changes nothing."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    old, undated = 209, 210

    def judged(day: int, wait_s: float = 0) -> tuple[int, int]:
        with Device(SimPort("sim:dated", seed=1, unix_s=day * 86400)) as device:
            device.port.control({"do": "insert", "podlet": "expired"})
            device.port.clock.sleep(3 + wait_s)
            found = device.podlet()
            return found.state, found.note

    assert judged(0) == (m.PodletValue.GUEST, undated)
    assert judged(19_910, 61) == (m.PodletValue.GUEST, old)
    assert judged(0) == judged(19_000) == (m.PodletValue.GUEST, old)
    assert judged(20_500, 61) == (m.PodletValue.EXPIRED, 0)
    assert judged(19_910) == judged(0) == (m.PodletValue.EXPIRED, 0)
