# SPDX-License-Identifier: Apache-2.0
"""Questions over many sessions: a batch forwards and back, two sessions side by side, figures over all."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import synthetic
from calls import call, one_sentence

from podsteam.store import SessionMeta, facts, open_store
from podsteam.store.database import Store

UID, OTHER = "04a1b2c3d4e5f6", "04ffffffffffff"
BEGIN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def made(tmp_path: Path) -> dict[str, str]:
    """Two units, two podlets of which one is filled anew with another batch, a calibration in between."""
    path = tmp_path / "s.db"
    clock = {"now": BEGIN}
    keys: dict[str, str] = {"path": str(path)}
    with Store(path, clock=lambda: clock["now"]) as store:

        def at(hours: int) -> None:
            clock["now"] = BEGIN + timedelta(hours=hours)

        def session(name: str, uid: str, raw: bytes, unit: bytes = synthetic.UID) -> None:
            head = replace(synthetic.HEAD, podlet_uid=bytes.fromhex(uid), uid=unit)
            keys[name] = store.add_device_record(SessionMeta(head, clock["now"], tags={"subject": name}), raw)

        facts.note(store, "podlet", UID, {"batch": "B17", "name": "mist"})
        facts.note(store, "podlet", OTHER, {"batch": "B18"})
        facts.note(store, "batch", "B17", {"product": "aloe"})
        facts.note(store, "calibration", synthetic.UID.hex(), {"gain_permille": 1000, "power_w": 400})
        facts.note(store, "config", synthetic.UID.hex(), {"steam.most": 8.0, "buzzer": True})
        at(1)
        session("first", UID, synthetic.session(2000))
        at(2)
        session("other", OTHER, synthetic.session(2000))
        at(3)
        facts.note(store, "podlet", UID, {"batch": "B19", "name": "mist"})
        facts.note(store, "calibration", synthetic.UID.hex(), {"gain_permille": 1040, "power_w": 400})
        facts.note(store, "config", synthetic.UID.hex(), {"steam.most": 6.5, "buzzer": True})
        at(4)
        session("second", UID, synthetic.session(2000, fault=True))
        session("away", UID, synthetic.session(2000), b"\1\2\3\4\5\6")
    return keys


def asked(capsys: Any, made: dict[str, str], *arguments: str) -> Any:
    called = call(capsys, "--store", made["path"], "--json", "records", *arguments)
    assert called.status == 0, called.err
    return json.loads(called.out)


def test_a_batch_leads_to_its_sessions_devices_and_doses(made: dict[str, str], capsys: Any) -> None:
    found = asked(capsys, made, "trace", "--batch", "B17")
    assert [each["record"] for each in found["sessions"]] == [made["first"]]
    assert found["devices"] == [synthetic.UID.hex()] and found["podlets"] == [UID]
    doses = found["sessions"][0]["doses"]
    assert [dose["refused"] for dose in doses] == [False, False, False, True] and found["dosed_uL"] == 150
    assert {each["record"] for each in asked(capsys, made, "trace", "--batch", "B19")["sessions"]} == {
        made["second"],
        made["away"],
    }
    assert asked(capsys, made, "trace", "--batch", "B99")["sessions"] == []


def test_a_session_leads_back_to_its_batch_calibration_and_settings(made: dict[str, str], capsys: Any) -> None:
    found = asked(capsys, made, "trace", made["first"])
    assert found["podlet"]["batch"] == "B17" and found["batch"] == {"product": "aloe"}
    assert found["calibration"]["gain_permille"] == 1000 and found["config"]["steam.most"] == 8.0
    later = asked(capsys, made, "trace", made["second"])
    assert later["calibration"]["gain_permille"] == 1040 and later["config"]["steam.most"] == 6.5
    assert len(asked(capsys, made, "trace", "--podlet", UID)["sessions"]) == 3


def test_two_sessions_side_by_side(made: dict[str, str], capsys: Any) -> None:
    found = asked(capsys, made, "compare", made["first"], made["second"])["differences"]
    named = {(each["group"], each["name"]): (each["a"], each["b"]) for each in found}
    assert named["calibration", "gain_permille"] == (1000, 1040)
    assert named["config", "steam.most"] == (8.0, 6.5) and ("config", "buzzer") not in named
    assert named["podlet", "batch"] == ("B17", "B19")
    assert named["summary", "fault_name"] == ("", "DRY_BOIL")
    assert named["tags", "subject"] == ("first", "second")
    assert not any(group == "firmware" for group, _ in named)
    assert asked(capsys, made, "compare", made["first"], made["first"])["differences"] == []


def test_figures_over_many_sessions(made: dict[str, str], capsys: Any) -> None:
    groups = {each["group"]: each for each in asked(capsys, made, "stats")["groups"]}
    mine = groups[synthetic.UID.hex()]
    assert (mine["sessions"], mine["complete"], mine["faults"], mine["calibrations"]) == (3, 3, {"111": 1}, 1)
    assert mine["time_to_steam_s"]["count"] == 3 and mine["doses"]["most"] == 3
    assert mine["calibration"] == {"gain_permille": [1000, 1040]}
    assert groups["010203040506"]["sessions"] == 1 and groups["010203040506"]["calibration"] == {}
    assert len(asked(capsys, made, "stats", "--by", "subject", "--where", "subject!=away")["groups"]) == 3
    assert asked(capsys, made, "stats", "--by", "all")["groups"][0]["sessions"] == 4


def test_people_can_read_the_answers(made: dict[str, str], capsys: Any) -> None:
    def text(*arguments: str) -> str:
        called = call(capsys, "--store", made["path"], "records", *arguments)
        assert called.status == 0, called.err
        return called.out

    assert "1 sessions, 1 devices, 1 podlets, 150 uL" in text("trace", "--batch", "B17")
    assert "No session used it" in text("trace", "--batch", "B99")
    assert "product aloe" in text("trace", made["first"])
    assert "gain_permille" in text("compare", made["first"], made["second"])
    assert "Nothing differs" in text("compare", made["first"], made["first"])
    assert "1 x" in text("stats") and "1 calibrations" in text("stats")
    assert "gain_permille 1000 to 1040" in " ".join(text("stats").split())


def test_wrong_questions(made: dict[str, str], capsys: Any) -> None:
    for wrong in (["trace"], ["trace", "last", "--batch", "x"], ["stats", "--by", "none"], ["compare", "last", "zz"]):
        assert one_sentence(call(capsys, "--store", made["path"], "records", *wrong))


def test_a_session_on_a_simulated_board_is_traced(tmp_path: Path, capsys: Any) -> None:
    store = str(tmp_path / "s.db")
    assert call(capsys, "--store", store, "demo", "--json").status == 0
    with open_store(store) as opened:
        (entry,) = opened.list()
        kinds = {kind: facts.facts(opened, kind) for kind in ("device", "calibration", "config", "podlet")}
    assert all(len(found) == 1 for found in kinds.values())
    batch = kinds["podlet"][0].value["batch"]
    called = call(capsys, "--store", store, "--json", "records", "trace", "--batch", batch)
    assert [each["record"] for each in json.loads(called.out)["sessions"]] == [entry.id]
