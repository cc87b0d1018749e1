# SPDX-License-Identifier: Apache-2.0
"""Settings: one table for host, device and file; all stored or none; a refusal names its key."""

import binascii
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import call, one_sentence
from fake import FakeDevice
from hypothesis import given
from hypothesis import strategies as st

import podsteam
from podsteam import config as c
from podsteam import errors
from podsteam.client import Device
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m
from podsteam_firmware.store import config as device_config
from podsteam_protocol import messages, schema

NEW = m.Config(1, 1, 16, 0)


@pytest.fixture
def dev() -> Iterator[Device]:
    with podsteam.connect("sim", seed=31, interpreter="cpython") as device:
        yield device


def control(dev: Device, **command: object) -> None:
    assert isinstance(dev.port, SimPort)
    dev.port.control(dict(command))


def test_device_host_and_schema_have_the_same_settings() -> None:
    rows = schema.SETTINGS
    assert tuple(row[1] for row in rows) == device_config._LOW
    assert tuple(row[2] for row in rows) == device_config._HIGH
    assert device_config.NEW == tuple(row[3] for row in rows) == tuple(getattr(NEW, row[0]) for row in rows)
    assert tuple(row[4] for row in rows) == device_config._MAY_BE_0
    assert device_config.CFG[-1][0] == messages.CONFIG_FMT == m.Config.FORMAT
    assert [row.field for row in m.SETTINGS] == [row[0] for row in rows]


def good(row: m.Setting) -> st.SearchStrategy[int]:
    span = st.integers(row.low, row.high)
    return span | st.just(0) if row.zero else span


CONFIGS = st.builds(m.Config, **{row.field: good(row) for row in m.SETTINGS})


@given(CONFIGS)
def test_a_dumped_configuration_reads_back_the_same(config: m.Config) -> None:
    assert c.read(c.dump(config).encode(), NEW, "x.toml") == config
    assert device_config.check(struct.unpack(m.Config.FORMAT, config.pack())) == -1


@given(st.builds(m.Config, *(st.integers(0, 255),) * 3, st.integers(0, 65535)))
def test_host_and_device_refuse_the_same(config: m.Config) -> None:
    at_fault = device_config.check(struct.unpack(m.Config.FORMAT, config.pack()))
    refused = [row.key for row in m.SETTINGS if not taken(row, getattr(config, row.field))]
    assert refused[:1] == ([m.SETTINGS[at_fault].key] if at_fault >= 0 else [])


def taken(row: m.Setting, raw: int) -> bool:
    """Whether the host takes a field's value."""
    value = bool(raw) if row.is_bool and raw < 2 else raw / row.scale if row.scale > 1 else raw
    try:
        c.with_value(NEW, row.key, value)
    except errors.UsageProblem:
        return False
    return True


def test_settings_are_stored_and_outlive_a_power_cut(dev: Device) -> None:
    assert dev.config() == NEW
    wanted = m.Config(0, 0, 3, 2500)
    dev.set_config(wanted)
    control(dev, do="reset", cause="power")
    dev.port.clock.sleep(1.0)
    assert dev.reconnect() is False
    assert dev.config() == wanted


@pytest.mark.parametrize("index", range(4))
def test_the_device_refuses_a_bad_value_with_its_field_and_keeps_the_old_set(dev: Device, index: int) -> None:
    values = [1, 1, 16, 0]
    values[index] = (2, 2, 0, 499)[index]
    with pytest.raises(errors.Refused, match=rf"\[{m.SETTINGS[index].field}\]"):
        dev.set_config(m.Config(*values))
    assert dev.config() == NEW


def test_a_store_that_fails_leaves_the_old_settings_in_use(dev: Device) -> None:
    control(dev, do="fault", name="flash_full")
    with pytest.raises(errors.Refused, match="STORE_FAILED"):
        dev.set_config(m.Config(0, 1, 16, 0))
    assert dev.config() == NEW


def test_an_older_host_that_knows_fewer_fields_changes_only_those(dev: Device) -> None:
    dev.set_config(m.Config(1, 1, 5, 3000))
    dev.request(m.ConfigSetRequest(b"\0"), m.ConfigSetReply)
    assert dev.config() == m.Config(0, 1, 5, 3000)


def test_the_steam_limit_holds_whatever_the_program_says(dev: Device) -> None:
    dev.set_config(m.Config(1, 1, 16, 2000))
    program = m.Program(b"more".ljust(16, b"\0"), warm_up_max_s=300, steam1_mg_min=6000, steam1_s=60, end_cdeg=9500)
    record = dev.session.run(program).wait()
    late = [tele.steam_mg_min for tele in record.samples if tele.state == m.StateValue.STEAM][-50:]
    assert 1500 < sum(late) / len(late) < 2600


def test_the_button_alone_starts_nothing_where_that_is_off(dev: Device) -> None:
    dev.set_config(m.Config(1, 0, 16, 0))
    control(dev, do="press")
    dev.port.clock.sleep(2.0)
    assert dev.status().state == m.StateValue.IDLE
    dev.set_config(NEW)
    control(dev, do="press")
    dev.port.clock.sleep(2.0)
    assert dev.status().state != m.StateValue.IDLE
    dev.stop()


def test_as_many_records_are_kept_as_were_asked_for(dev: Device) -> None:
    dev.set_config(m.Config(1, 1, 2, 0))
    for _ in range(4):
        dev.session.run("express").stop()
        dev.port.clock.sleep(3.0)
    assert len(dev.records()) <= 2


# Other versions ---------------------------------------------------------------------------------------------


def plant(dev: Device, version: int, payload: bytes) -> None:
    """Settings as a firmware with that version of them stores them; then the device starts anew."""
    port = dev.port
    assert isinstance(port, SimPort)
    machine = port._twin.machine
    head = struct.pack("<4sHHI", b"PSet", version, len(payload), 1) + payload
    raw = head + struct.pack("<I", binascii.crc32(head))
    assert machine.world.files.file_write(f"params/cfg{version}a", raw)
    control(dev, do="reset", cause="power")
    dev.port.clock.sleep(1.0)
    dev.reconnect()


def test_a_device_says_which_of_its_stored_settings_it_could_not_take(dev: Device) -> None:
    found = dev.config_notes()
    assert found == m.ConfigNotesReply(0, 1, 0, 0, 0, 255, 0) and c.notes(found) == []
    plant(dev, 1, m.Config(0, 1, 99, 20000).pack())
    assert dev.config() == m.Config(0, 1, 16, 0)
    found = dev.config_notes()
    assert found is not None and m.CODES[found.code].name == "SETTING_DEFAULTED"
    assert c.notes(found) == [
        "records_kept is stored as 99, but must be 1 to 16; a new unit's 16 is used.",
        "steam_most_g_per_min is stored out of its range, but must be 0 or 0.5 to 12 g/min; a new unit's 0.0 is used.",
    ]
    dev.set_config(m.Config(0, 1, 8, 2000))
    assert c.notes(dev.config_notes()) == []


def test_settings_of_a_newer_firmware_are_taken_as_far_as_they_are_known(dev: Device) -> None:
    plant(dev, 2, m.Config(0, 0, 5, 4000).pack() + b"\x01\x02\x03")
    assert dev.config() == m.Config(0, 0, 5, 4000)
    found = dev.config_notes()
    assert found is not None and m.CODES[found.code].name == "SETTINGS_NEWER"
    (said,) = c.notes(found)
    assert "version 2" in said and "3 bytes more" in said
    # The newer firmware finds its own again.
    dev.set_config(NEW)
    assert isinstance(dev.port, SimPort)
    names = [name for name, _ in dev.port._twin.machine.world.files.file_list("params")]
    assert "cfg2a" in names and "cfg1a" in names


def older_device(fields: int) -> tuple[Device, FakeDevice]:
    """A device whose settings end after so many fields."""
    fake = FakeDevice()
    size = struct.calcsize("<" + m.Config.FORMAT[1 : 1 + fields])
    stored = [NEW.pack()[:size]]

    def put(payload: bytes) -> m.ConfigSetReply:
        stored[0] = payload[:size]
        return m.ConfigSetReply(stored[0])

    fake.answers[m.ConfigGetRequest.ID] = lambda _: m.ConfigGetReply(stored[0])
    fake.answers[m.ConfigSetRequest.ID] = put
    fake.refuse[m.ConfigNotesRequest.ID] = 1
    return Device(fake.port), fake


def test_an_older_device_gets_what_it_knows_and_the_rest_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from podsteam.cli import connect

    device, _ = older_device(2)
    assert device.config() == NEW and device.config_notes() is None
    monkeypatch.setattr(connect, "open_device", lambda settings: device)
    file = tmp_path / "mine.toml"
    file.write_text("version = 1\n[settings]\nsounds = false\nrecords_kept = 4\n")
    done = call(capsys, "config", "apply", str(file))
    assert done.status == 0 and done.out == "Changed sounds: true -> false\n"
    assert done.err == "The device's firmware is older and has no setting records_kept; update it.\n"
    assert device.config() == m.Config(0, 1, 16, 0)


def test_a_file_of_a_newer_podsteam_is_applied_as_far_as_it_is_known(
    kept: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "newer.toml"
    file.write_text('version = 3\n[settings]\nsounds = false\n"new\\u001b" = 1\n[light]\ndim = 1\n')
    done = call(capsys, "config", "apply", str(file), "--json")
    answer = json.loads(done.out)
    assert answer["changes"] == [{"key": "sounds", "before": True, "after": False}]
    said = "The file is of a newer podsteam; left out: light, new\\x1b. Update this one to set them."
    assert answer["notes"] == [said] and done.err == said + "\n"
    file.write_text("version = 3\n[settings]\nsounds = true\nrecords_kept = 17\n")
    refused = call(capsys, "config", "apply", str(file))
    assert (refused.status, "records_kept is 17" in one_sentence(refused)) == (2, True)
    assert call(capsys, "config", "get", "sounds").out == "false\n"


def test_a_file_of_an_older_podsteam_is_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c, "VERSION", 2)
    assert c.read(b"version = 1\n[settings]\nsounds = false", NEW, "f") == m.Config(0, 1, 16, 0)


# The command line -------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("PODSTEAM_PORT", "sim:config")
    return "sim:config"


def test_what_show_prints_apply_takes(kept: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = call(capsys, "config", "show")
    file = tmp_path / "mine.toml"
    file.write_text(shown.out.replace("sounds = true", "sounds = false"))
    assert call(capsys, "config", "diff", str(file)).out == "Would change sounds: true -> false\n"
    assert call(capsys, "config", "get", "sounds").out == "true\n"
    assert call(capsys, "config", "apply", str(file)).out == "Changed sounds: true -> false\n"
    assert call(capsys, "config", "apply", str(file)).out == "Nothing differs.\n"
    done = call(capsys, "config", "set", "steam_most_g_per_min", "3.5", "--json")
    assert json.loads(done.out)["changes"] == [{"key": "steam_most_g_per_min", "before": 0.0, "after": 3.5}]
    settings = json.loads(call(capsys, "config", "show", "--json").out)["settings"]
    assert settings == {"sounds": False, "button_starts": True, "records_kept": 16, "steam_most_g_per_min": 3.5}


def test_the_schema_needs_no_device(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(call(capsys, "config", "schema", "--json").out)["schema"]
    assert set(found["properties"]) == set(c.keys())
    assert "0 or 0.5 to 12 g/min" in call(capsys, "config", "schema").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("get", "sound"), "There is no setting 'sound'; did you mean 'sounds'?"),
        (("set", "records_kept", "17"), "records_kept is 17, but must be 1 to 16."),
        (("set", "records_kept", "many"), "records_kept is 'many', but must be 1 to 16."),
        (("set", "sounds", "2"), "sounds is 2, but must be true or false."),
        (("set", "steam_most_g_per_min", "0.4"), "steam_most_g_per_min is 0.4, but must be 0 or 0.5 to 12 g/min."),
        (("apply", "none.toml"), "none.toml: cannot be read (No such file or directory)."),
    ],
)
def test_a_wrong_call_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODSTEAM_PORT", "sim:must not be opened")
    done = call(capsys, "config", *arguments)
    assert (done.status, one_sentence(done)) == (2, sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[settings]\n", "f: needs version = 1 at its beginning."),
        ("version = true", "f: needs version = 1 at its beginning."),
        ("version = 2\n[settings]\nnew = 1\nrecords_kept = 17", "f: records_kept is 17, but must be 1 to 16."),
        ("version = 2\nsettings = 3", "f: settings does not belong there; there are version and the table [settings]."),
        ("version = 1\n[other]", "f: 'other' does not belong there; there are version and the table [settings]."),
        ("version = 1\nsettings = 3", "f: settings does not belong there; there are version and the table [settings]."),
        ("version = 1\n[settings]\nsound = 1", "f: there is no setting 'sound'; did you mean 'sounds'?"),
        ("version = 1\n[settings]\nsounds = 1", "f: sounds is 1, but must be true or false."),
        ("version = 1\n[settings]\nrecords_kept = 2.5", "f: records_kept is 2.5, but must be 1 to 16."),
        ("version = 1\n[settings]\nrecords_kept = 'x'", "f: records_kept is 'x', but must be 1 to 16."),
        ("version = 1\n[settings]\nsteam_most_g_per_min = nan", "f: steam_most_g_per_min is nan, but must be"),
        ("version = = 1", "f: is no TOML ("),
    ],
)
def test_a_wrong_file_is_one_sentence_with_its_key(text: str, sentence: str) -> None:
    with pytest.raises(errors.UsageProblem) as caught:
        c.read(text.encode(), NEW, "f")
    assert str(caught.value).startswith(sentence)


def test_what_a_file_leaves_out_stays(dev: Device) -> None:
    before = m.Config(0, 0, 9, 4000)
    assert c.read(b"version = 1\n[settings]\nsounds = true", before, "f") == m.Config(1, 0, 9, 4000)
    assert c.read(b"version = 1", before, "f") == before
