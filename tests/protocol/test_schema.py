# SPDX-License-Identifier: Apache-2.0
"""The schema is sound, what follows from it is fresh, and no change breaks a released version unnoticed."""

import copy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import check_schema
from podsteam.wire import messages as wire
from podsteam.wire.base import Message
from podsteam_protocol import frame, messages, schema


@pytest.fixture(scope="module")
def root(pytestconfig) -> Path:
    return pytestconfig.rootpath


def altered(**changes) -> SimpleNamespace:
    """The schema with some of its tables replaced."""
    names = ("MAJOR", "MINOR", "STRUCTS", "MESSAGES", "ENUMS", "BITS", "CODES", "FAULTS", "SETTINGS")
    return SimpleNamespace(**{name: getattr(schema, name) for name in names} | changes)


def test_the_schema_is_sound():
    assert check_schema.sound() == []


def test_the_frozen_block_holds_what_opens_a_link():
    frozen = {number: name for number, name, *_ in schema.MESSAGES if number < 0x10}
    assert frozen[1] == "HELLO"
    assert frozen[2] == "ERROR"
    assert frozen[3] == "PING"


def test_every_message_fits_a_frame_at_its_longest():
    for cls in host_messages():
        room = frame.MAX_BODY - 2 - (4 if cls.ID & messages.REPLY else 0)
        assert len(cls().pack()) <= room, cls.__name__


def host_messages() -> list[type[Message]]:
    return [c for c in vars(wire).values() if isinstance(c, type) and issubclass(c, Message) and c.ID]


def test_host_and_device_agree():
    assert wire.SCHEMA_HASH == messages.SCHEMA_HASH
    assert (wire.MAJOR, wire.MINOR) == (messages.MAJOR, messages.MINOR) == (schema.MAJOR, schema.MINOR)
    for cls in host_messages():
        name = schema_name(cls.ID)
        assert getattr(messages, name) == cls.ID & 0x7F
        device = [
            getattr(messages, name + suffix, None)
            for suffix in (("_REP",) if cls.ID & messages.REPLY else ("_REQ", "_FMT"))
        ]
        assert cls.FORMAT in device or (cls.FORMAT == "<" and not any(device)), name


def schema_name(ident: int) -> str:
    return next(name for number, name, *_ in schema.MESSAGES if number == ident & 0x7F)


def test_generated_files_are_fresh(root):
    command = [sys.executable, str(root / "protocol" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_stale_file_is_named(root, tmp_path):
    for part in ("protocol", "docs", "host/podsteam/wire"):
        shutil.copytree(root / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "docs" / "faults.md").write_text("old")
    command = [sys.executable, str(tmp_path / "protocol" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "docs/faults.md is stale" in done.stderr
    assert done.stderr.count("stale") == 1


def test_the_current_version_breaks_no_released_one():
    versions = check_schema.released()
    assert versions
    for old in versions:
        assert check_schema.breaks(old, check_schema.snapshot()) == []


@pytest.mark.parametrize(
    ("where", "change", "reason"),
    [
        ("first", lambda m: m["reply"].pop(), "was removed"),
        ("first", lambda m: m["reply"][0].__setitem__(1, "I"), "field 0 was"),
        ("first", lambda m: m["reply"][0].__setitem__(2, "other unit"), "field 0 was"),
        ("first", lambda m: m["reply"].insert(0, ["new", "B", ""]), "field 0 was"),
        ("first", lambda m: m.__setitem__("name", "OTHER"), "now it is reused for OTHER"),
        ("first", lambda m: m.__setitem__("class", "event"), "class was request, now it is event"),
        ("hello", lambda m: m["reply"].append(["new", "B", ""]), "frozen for ever"),
    ],
)
def test_an_incompatible_message_fails_with_the_reason(where, change, reason):
    old = check_schema.snapshot()
    new = copy.deepcopy(old)
    new["version"][1] += 1
    change(new["messages"][{"first": str(messages.STATUS_GET), "hello": str(messages.HELLO)}[where]])
    found = check_schema.breaks(old, new)
    assert len(found) == 1
    assert reason in found[0]


def test_a_removed_message_fails():
    old, new = check_schema.snapshot(), check_schema.snapshot()
    del new["messages"][str(messages.STOP)]
    assert check_schema.breaks(old, new) == ["STOP (0x1a) was removed"]


def test_nothing_can_follow_the_rest_of_the_frame():
    old, new = check_schema.snapshot(), check_schema.snapshot()
    new["version"][1] += 1
    new["messages"][str(messages.PROGRAM_GET)]["reply"].append(["crc", "I", ""])
    assert "nothing can follow" in check_schema.breaks(old, new)[0]


def test_reused_and_removed_values_fail():
    old, new = check_schema.snapshot(), check_schema.snapshot()
    new["enums"]["STATE"]["2"] = "OTHER"
    new["bits"]["FLAG"].pop("3")
    new["codes"]["7"] = "ELSE"
    found = check_schema.breaks(old, new)
    assert len(found) == 3
    assert any("STATE 2 was WARM_UP" in why for why in found)
    assert any("FLAG 3 LATCH_CLOSED was removed" in why for why in found)
    assert any("code 7 was INTERNAL" in why for why in found)


def test_appending_needs_a_new_minor_version():
    old, new = check_schema.snapshot(), check_schema.snapshot()
    new["messages"][str(messages.STATUS_GET)]["reply"].append(["later", "B", ""])
    assert check_schema.breaks(old, new) == [f"something was added: raise MINOR to {schema.MINOR + 1}"]
    new["version"] = [1, schema.MINOR + 1]
    assert check_schema.breaks(old, new) == []


def test_a_new_major_version_still_keeps_the_frozen_block():
    old, new = check_schema.snapshot(), check_schema.snapshot()
    new["version"] = [2, 0]
    new["messages"] = {str(messages.PING): new["messages"][str(messages.PING)]}
    found = check_schema.breaks(old, new)
    assert "HELLO (0x01) was removed" in found
    assert all("(0x0" in why for why in found)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"MESSAGES": (*schema.MESSAGES, schema.MESSAGES[0])}, "message id 1 is used twice"),
        ({"MESSAGES": ((0x75, "LATE", "request", "", (), (), ()),)}, "outside the ids of its class"),
        ({"MESSAGES": ((0x20, "A", "request", "", (("x", "250s", "", ""),), (), ()),)}, "do not fit the 247"),
        ({"MESSAGES": ((0x20, "A", "request", "", (), (("x", "244s", "", ""),), ()),)}, "do not fit the 243"),
        ({"MESSAGES": ((0x20, "A", "request", "", (), (), ("NO_SUCH",)),)}, "NO_SUCH is no code"),
        ({"MESSAGES": ((0x20, "A", "wish", "", (), (), ()),)}, "wish is no class"),
        ({"CODES": ((600, "A", "b.", "c.", "d."),)}, "no subsystem's range"),
        ({"CODES": ((6, "A", "b", "c.", "d."),)}, "no sentence"),
        ({"FAULTS": schema.FAULTS[1:]}, "code WALL_OPEN has no row in FAULTS"),
        ({"FAULTS": (*schema.FAULTS, ("NO_SUCH", "FAULT_HOT", True, "A."))}, "no such code"),
        ({"FAULTS": (("WALL_OPEN", "FAULT_LOUD", True, "A."), *schema.FAULTS[1:])}, "is no class"),
        ({"FAULTS": (("WALL_OPEN", "FAULT_DOSE", True, "A."), *schema.FAULTS[1:])}, "have the class FAULT_DOSE"),
        ({"FAULTS": (("WALL_OPEN", "FAULT_SENSOR", True, "A"), *schema.FAULTS[1:])}, "and a sentence"),
        ({"SETTINGS": schema.SETTINGS[1:]}, "do not have the same fields"),
        ({"SETTINGS": (("sounds", 0, 300, 1, False, "", "", 1), *schema.SETTINGS[1:])}, "is no range of its field"),
        ({"SETTINGS": (("sounds", 0, 1, 2, False, "", "", 1), *schema.SETTINGS[1:])}, "2 is out of its range"),
        ({"ENUMS": (("E", "", ((1, "A", ""), (1, "B", ""))),)}, "E: value 1 is used twice"),
    ],
)
def test_an_unsound_schema_fails_with_the_reason(changes, reason):
    assert any(reason in why for why in check_schema.sound(altered(**changes)))
