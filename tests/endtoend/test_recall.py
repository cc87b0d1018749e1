# SPDX-License-Identifier: Apache-2.0
"""Recalls from the maker's file to the podlet that is refused: this computer's list, signed lists, the device."""

import json
from pathlib import Path
from typing import Any

from commands import run

from podsteam import podlet_sign
from podsteam.client import Device
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m

BOARD = ("--port", "sim:mine")
MIST = 'name = "Mist"\nmaker = "Maker"\nbatch = "B1"\ndose_ul = 50\ndoses = 20\n'


def document(home: Path, *arguments: str) -> dict[str, Any]:
    done = run(home, *arguments, "--json", timeout_s=120)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def written(home: Path) -> None:
    file = home / "mist.toml"
    file.write_text(MIST)
    assert run(home, *BOARD, "podlet", "write", str(file)).returncode == 0


def test_this_computer_starts_no_session_with_what_it_lists(tmp_path: Path) -> None:
    written(tmp_path)
    assert document(tmp_path, "podlet", "recall", "list")["recalls"] == []
    more = ("--maker", "Maker", "--reason", "may irritate")
    assert document(tmp_path, "podlet", "recall", "add", "B1", *more)["change"] == 1
    assert document(tmp_path, "podlet", "recall", "add", "B1", *more)["change"] == 0
    refused = run(tmp_path, *BOARD, "session", "run", "--press")
    assert refused.returncode == 26 and len(refused.stderr.splitlines()) == 1
    assert "batch B1 of Maker" in refused.stderr and "may irritate" in refused.stderr
    assert document(tmp_path, *BOARD, "podlet", "read")["doses_used"] == 0
    assert "may irritate" in run(tmp_path, "podlet", "recall", "list").stdout
    assert document(tmp_path, "podlet", "recall", "drop", "B1", "--maker", "Maker")["entries"] == 0
    for wrong in (("add",), ("add", "B1", "--uid", "00"), ("add", "--uid", "0451"), ("drop", "B9")):
        done = run(tmp_path, "podlet", "recall", *wrong)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    (tmp_path / "bad.toml").write_text('[[recall]]\nlot = "B1"\n')
    done = run(tmp_path, "podlet", "recall", "import", str(tmp_path / "bad.toml"))
    assert done.returncode == 2 and "unknown field lot" in done.stderr


def test_a_makers_signed_list_is_imported_sent_and_refused_by_the_device(tmp_path: Path) -> None:
    written(tmp_path)
    private, public, names = (str(tmp_path / name) for name in ("private.pem", "public.pem", "recalls.toml"))
    out = str(tmp_path / "maker.recall")
    assert run(tmp_path, "podlet", "keys", private, public).returncode == 0
    Path(names).write_text('[[recall]]\nmaker = "Maker"\nbatch = "B1"\n\n[[recall]]\nuid = "04ab87f2ca1190"\n')
    made = document(tmp_path, "podlet", "recall", "sign", names, out, "--key", private, "--sequence", "1")
    assert made["entries"] == 2
    unknown = run(tmp_path, *BOARD, "podlet", "recall", "send", out, timeout_s=120)
    assert unknown.returncode == 30 and "RECALL_SIGNATURE" in unknown.stderr
    assert run(tmp_path, *BOARD, "podlet", "trust", "--add", public).returncode == 0
    sent = document(tmp_path, *BOARD, "podlet", "recall", "send", out)
    assert (sent["lists"], sent["entries"]) == (1, 2)
    shown = document(tmp_path, *BOARD, "podlet", "read")
    assert shown["state"] == "RECALLED" and "recalled" in shown["note"]
    refused = run(tmp_path, *BOARD, "session", "run", "--press")
    assert refused.returncode == 26 and "a list that the device holds" in refused.stderr
    # The list here holds hashes alone, and names the podlet all the same.
    assert run(tmp_path, *BOARD, "podlet", "trust", "--drop", made["key"]).returncode == 0
    assert document(tmp_path, *BOARD, "podlet", "read")["state"] == "GUEST"
    assert run(tmp_path, "podlet", "recall", "import", out).returncode == 2
    assert document(tmp_path, "podlet", "recall", "import", out, "--key", public)["change"] == 2
    refused = run(tmp_path, *BOARD, "session", "run", "--press")
    assert refused.returncode == 26 and "The podlet was recalled" in refused.stderr
    changed = Path(out).read_bytes()
    (tmp_path / "changed").write_bytes(changed[:25] + b"x" + changed[26:])
    bad = run(tmp_path, "podlet", "recall", "import", str(tmp_path / "changed"), "--key", public)
    assert bad.returncode == 30


def test_the_button_alone_gives_steam_and_no_dose(tmp_path: Path) -> None:
    """A session that no computer starts: the device itself refuses each dose, with the reason."""
    from podsteam import recall
    from podsteam.podlet_file import parse
    from podsteam.podlet_image import make
    from podsteam.podlet_place import Holder

    private = tmp_path / "private.pem"
    private.write_bytes(podlet_sign.new_key()[0])
    key = podlet_sign.public_key(private)
    named = [recall.checked("Maker", "B1")]
    with Device(SimPort("sim", seed=1)) as device:
        reply = device.settled_podlet()
        place = Holder(device, device.podlet_memory(reply.size))
        place.store(make(place.memory, parse(MIST, "x"), b"PS-1"))
        device.podlet_keys(1, key)
        raw = recall.sign(named, 1, key, podlet_sign.file_signer(private))
        assert device.send_recall(raw, 21).entries == 1
        device.port.clock.sleep(3)
        assert device.podlet().state == m.PodletValue.RECALLED
        device.follow()
        device.port.control({"do": "press"})
        seen: list[m.Event] = []
        for _ in range(40):
            seen += [each for each in device.poll(10.0) if isinstance(each, m.Event)]
            if any(each.event == m.EventValue.STOPPED for each in seen):
                break
        refused = [each.a for each in seen if each.event == m.EventValue.DOSE_REFUSED]
        assert refused == [m.DoseValue.RECALLED]
        assert not any(each.event == m.EventValue.DOSE_INTENT for each in seen)
