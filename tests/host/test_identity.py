# SPDX-License-Identifier: Apache-2.0
"""A unit is given its identity, keeps it whole, shows it again, and changes it for a press of its button alone."""

import binascii
import dataclasses
import json
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from calls import call, one_sentence

from podsteam import calibration, dosing, identity, identity_file
from podsteam.client import Device
from podsteam.errors import ButtonNotPressed, IntegrityFailed, PodsteamError, Refused, UsageProblem
from podsteam.podlet_sign import key_id, new_key
from podsteam.transport import sim
from podsteam.wire import messages as m
from podsteam_firmware.dose import calibration as device_dose
from podsteam_firmware.store import calibration as device_calibration
from podsteam_firmware.store import identity as device_identity

Capture = pytest.CaptureFixture[str]
OWN = dataclasses.replace(calibration.NEW, element_dw=4123, water_low_mk=-250)
DOSE = dataclasses.replace(dosing.NEW, gain_permille=1042, pulses=60)
KEYS = tuple(bytes([i]) * 64 for i in range(1, 9))
WHOLE = identity.Block("PS-1", "A3", OWN, DOSE, b"\x7f" * 64, KEYS)


def nobody(left_s: int) -> None:
    """Whom the button is asked of."""


def forbidden(left_s: int) -> None:
    raise AssertionError("the button was asked for")


def ids(keys: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(key_id(key).hex() for key in keys)


def test_the_device_takes_the_block_that_the_host_packs() -> None:
    raw = WHOLE.pack()
    assert identity.unpack(raw) == WHOLE
    assert len(raw) == 678
    little = identity.Block("A", "B")
    assert identity.unpack(little.pack()) == little


def test_a_new_unit_needs_no_button_and_keeps_all_of_it() -> None:
    with Device.open("sim", seed=3) as device:
        assert identity.read(device) is None
        assert identity.known(device) == identity.Known(False)
        with pytest.raises(Refused, match="NOT_FOUND"):
            device.request(m.IdentityReadRequest(0), m.IdentityReadReply)
        found = identity.write(device, WHOLE, forbidden)
        assert (found.serial, found.hardware, found.crc) == ("PS-1", "A3", binascii.crc32(WHOLE.pack()))
        assert found.update_key == ids((b"\x7f" * 64,))[0] and found.podlet_keys == ids(KEYS)
        assert identity.read(device) == WHOLE
        # It is in use at once, not at the next start alone.
        assert device.calibration() == OWN and device.dose_calibration() == DOSE
        assert device.podlet_keys(0, b"") == list(ids(KEYS))
        # The same once more is no change.
        assert identity.write(device, WHOLE, forbidden) == found


def test_a_change_wants_the_button_and_a_press_starts_nothing_else() -> None:
    other = dataclasses.replace(WHOLE, serial="PS-2", update_key=None, podlet_keys=(), calibration=None)
    with Device.open("sim", seed=3) as device:
        identity.write(device, WHOLE, forbidden)
        with pytest.raises(ButtonNotPressed, match="was not pressed in time"):
            identity.write(device, other, nobody)
        assert identity.read(device) == WHOLE
        # What waited is over: the button starts a session again.
        sim.press(device.port)
        device.port.clock.sleep(1.0)
        assert device.status().state == m.StateValue.WARM_UP
        with pytest.raises(Refused, match="BUSY_SESSION"):
            identity.write(device, other, nobody)
        device.stop_and_prove()
        device.port.clock.sleep(60.0)
        assert device.status().state == m.StateValue.IDLE
        asked: list[int] = []

        def press(left_s: int) -> None:
            asked.append(left_s)
            assert 58 <= device.request(m.IdentityGetRequest(), m.IdentityGetReply).left_s <= 60
            sim.press(device.port)

        found = identity.write(device, other, press)
        assert asked == [60]
        assert found.serial == "PS-2" and found.podlet_keys == () and found.update_key == ""
        status = device.status()
        assert status.state == m.StateValue.IDLE and status.session == 1
        # A part that is not in the block stays as the unit has it; one that is empty is emptied.
        assert device.calibration() == OWN and device.podlet_keys(0, b"") == []


def test_a_unit_that_was_provisioned_wants_the_button_for_other_podlet_keys() -> None:
    one, two = KEYS[0], KEYS[1]
    with Device.open("sim", seed=3) as device:
        # Nobody's yet: no button.
        assert device.podlet_keys(1, two, forbidden) == list(ids((two,)))
        identity.write(device, dataclasses.replace(WHOLE, podlet_keys=(one,)), forbidden)
        # What it has already is no change, nor is a question.
        assert device.podlet_keys(1, one, forbidden) == device.podlet_keys(0, b"", forbidden) == list(ids((one,)))
        for change, data in ((1, two), (2, key_id(one))):
            with pytest.raises(ButtonNotPressed, match="not pressed in time, so it keeps the podlet keys it had"):
                device.podlet_keys(change, data, nobody)
            assert device.podlet_keys() == list(ids((one,)))
        asked: list[int] = []

        def press(left_s: int) -> None:
            asked.append(left_s)
            sim.press(device.port)

        assert device.podlet_keys(1, two, press) == list(ids((one, two)))
        assert device.podlet_keys(2, key_id(one), press) == device.podlet_keys() == list(ids((two,)))
        assert asked == [60, 60]
        # A press for it starts nothing, and the block stands as it was written.
        status = device.status()
        assert status.state == m.StateValue.IDLE and status.session == 0
        found = identity.read(device)
        assert found is not None and found.podlet_keys == (one,)


def test_a_wish_for_other_keys_gives_way_to_the_next_and_a_press_that_comes_late_is_for_none() -> None:
    with Device.open("sim", seed=3) as device:
        identity.write(device, dataclasses.replace(WHOLE, podlet_keys=()), forbidden)
        for key in KEYS[:2]:
            with pytest.raises(ButtonNotPressed) as caught:
                device.request(m.PodletKeysRequest(1, key), m.PodletKeysReply)
            assert caught.value.detail == 60
        sim.press(device.port)
        device.port.clock.sleep(1.0)
        assert device.podlet_keys() == list(ids((KEYS[1],)))
        with pytest.raises(ButtonNotPressed):
            device.podlet_keys(1, KEYS[2], nobody)
        sim.press(device.port)
        device.port.clock.sleep(1.0)
        assert device.podlet_keys() == list(ids((KEYS[1],)))
        assert device.status().state == m.StateValue.WARM_UP
        with pytest.raises(Refused, match="BUSY_SESSION"):
            device.podlet_keys(1, KEYS[2], nobody)
        device.stop_and_prove()


def test_a_new_unit_with_an_update_key_of_its_own_wants_the_button_for_another() -> None:
    """As flashed with a key, and never provisioned: the device's own code, on files in a dict."""
    stored = {"update_key": b"\x01" * 64}
    files = SimpleNamespace(file_read=lambda name, limit: stored.get(name))
    session = SimpleNamespace(state=m.StateValue.IDLE, button=SimpleNamespace(down=False))
    core: Any = SimpleNamespace(hal=files, session=session, extra=None, now_ms=0)

    def seconds(key: bytes) -> int:
        change = device_identity.Change(core)
        raw = identity.Block("PS-1", "A3", update_key=key).pack()
        change.put(0, memoryview(raw))
        return change.keep(binascii.crc32(raw))

    assert seconds(b"\x01" * 64) == 0 and core.extra.state == m.IdentityValue.WRITING
    assert seconds(b"\x02" * 64) == 60 and core.extra.state == m.IdentityValue.BUTTON
    session.button.down = True
    assert -seconds(b"\x02" * 64) == next(code for code, known in m.CODES.items() if known.name == "BUTTON_HELD")
    session.state = m.StateValue.FAULT
    assert -seconds(b"\x02" * 64) == next(code for code, known in m.CODES.items() if known.name == "SAFETY_LATCHED")


def test_a_unit_that_never_ends_is_not_believed() -> None:
    """One that tells more than a block, and one that always wants its beginning again."""
    told = m.IdentityGetReply(1, m.IdentityValue.NONE, 0, 0, 7, b"A" * 32, b"B" * 32, 0, bytes(8), b"")
    asked: list[object] = []

    def request(message: object, reply: object) -> object:
        asked.append(message)
        assert len(asked) < 20
        if isinstance(message, m.IdentityReadRequest):
            return m.IdentityReadReply(message.offset, bytes(200))
        return m.IdentityWriteReply(0) if isinstance(message, m.IdentityWriteRequest) else told

    device: Any = SimpleNamespace(request=request)
    with pytest.raises(IntegrityFailed, match="damaged"):
        identity.read(device)
    asked.clear()
    with pytest.raises(IntegrityFailed, match="in order"):
        identity.write(device, WHOLE, forbidden)


def raw_write(device: Device, raw: bytes, crc: int | None = None) -> int:
    at = 0
    while at < len(raw):
        at = device.request(m.IdentityWriteRequest(at, raw[at : at + 200]), m.IdentityWriteReply).next
    return device.request(
        m.IdentityKeepRequest(binascii.crc32(raw) if crc is None else crc), m.IdentityKeepReply
    ).armed_s


def test_a_block_that_is_wrong_is_refused_whole() -> None:
    good = bytearray(WHOLE.pack())
    wrong: list[tuple[int, bytes]] = [
        *((0, name.ljust(32, b"\0")) for name in (b"", b"a b", b"\x1b[2J", b"a\0b", b"\xff")),
        (32, b"a/b"),
        (64, b"\x10"),
        (65, b"\x09"),
        (66, struct.pack("<H", 999)),
        (88, struct.pack("<H", 1501)),
    ]
    with Device.open("sim", seed=3) as device:
        for at, change in wrong:
            raw = bytearray(good)
            raw[at : at + len(change)] = change
            with pytest.raises(Refused, match="IDENTITY_FORM"):
                raw_write(device, bytes(raw))
        with pytest.raises(Refused, match="IDENTITY_FORM"):
            raw_write(device, bytes(good), crc=1)
        with pytest.raises(Refused, match="IDENTITY_FORM"):
            raw_write(device, bytes(good[:-1]))
        with pytest.raises(Refused, match="IDENTITY_ORDER"):
            device.request(m.IdentityKeepRequest(0), m.IdentityKeepReply)
        # Gaps, bytes again and bytes too many change nothing.
        for offset, size, wanted in (
            (0, 200, 200),
            (300, 100, 200),
            (0, 0, 0),
            (200, 200, 0),
            (0, 220, 220),
            (220, 220, 440),
        ):
            data = bytes(good[offset : offset + size])
            assert device.request(m.IdentityWriteRequest(offset, data), m.IdentityWriteReply).next == wanted
        assert device.request(m.IdentityWriteRequest(440, bytes(239)), m.IdentityWriteReply).next == 440
        assert identity.read(device) is None and device.calibration() == calibration.NEW


def test_a_read_that_comes_damaged_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with Device.open("sim", seed=3) as device:
        identity.write(device, WHOLE, forbidden)
        asked = device.request

        def damaged(message: Any, expect: Any) -> Any:
            reply = asked(message, expect)
            if isinstance(reply, m.IdentityReadReply) and reply.data:
                return dataclasses.replace(reply, data=b"x" + reply.data[1:])
            return reply

        monkeypatch.setattr(device, "request", damaged)
        with pytest.raises(IntegrityFailed, match="came damaged"):
            identity.read(device)


def test_too_many_keys_and_values_without_room() -> None:
    with pytest.raises(UsageProblem, match="8 podlet keys at most"):
        identity.Block("A", "B", podlet_keys=(*KEYS, bytes(64))).pack()
    with pytest.raises(UsageProblem, match="out of its range"):
        identity.Block("A", "B", dataclasses.replace(OWN, element_dw=70_000)).pack()


# From the command line ---------------------------------------------------------------------------------------
@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("PODSTEAM_PORT", "PODSTEAM_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("update", "maker"):
        (tmp_path / f"{name}.pem").write_bytes(new_key()[1])
    (tmp_path / "u1.toml").write_text("[calibration]\nelement_W = 398.4\nwater_low_K = 0.2\n")
    return tmp_path


def test_provision_writes_shows_and_changes_it(home: Path, capsys: Capture) -> None:
    base = ("--port", "sim:p1", "provision")
    nothing = call(capsys, *base, "show")
    assert nothing.status == 0 and "was never provisioned" in nothing.out
    whole = ("--serial", "PS-1", "--hardware", "A3", "--update-key", "update.pem", "--podlet-key", "maker.pem")
    first = call(capsys, *base, *whole, "--calibration", "u1.toml", "--json")
    assert first.status == 0, first.err
    (kept,) = [step["kept"] for step in json.loads(first.out)["steps"] if step["step"] == "identity"]
    shown = json.loads(call(capsys, *base, "show", "--json").out)
    assert (shown["serial"], shown["hardware"], shown["provisioned"]) == ("PS-1", "A3", True)
    assert shown["crc"] == kept["crc"] and shown["update_key"] == kept["update_key"]
    assert shown["podlet_keys"] == kept["podlet_keys"] and len(shown["podlet_keys"]) == 1
    assert shown["calibration"]["element_W"] == 398.4 and shown["dose_calibration"] is None
    assert "serial" in call(capsys, *base, "show").out
    # Another station's store knows nothing of it; the unit does.
    elsewhere = ("--store", "other.db", *base)
    refused = call(capsys, *elsewhere, "--serial", "PS-9", "--hardware", "A3")
    assert refused.status == 2 and "is provisioned already, as PS-1; add --again" in one_sentence(refused)
    again = (*elsewhere, "--serial", "PS-9", "--hardware", "A3", "--again")
    unheard = call(capsys, *again)
    assert unheard.status == 24 and "identity: The button on the unit was not pressed" in unheard.err
    assert call(capsys, *again, "--press").status == 0
    assert json.loads(call(capsys, *base, "show", "--json").out)["serial"] == "PS-9"
    # Whose podlets it trusts changes for a press too.
    trust = ("--port", "sim:p1", "podlet", "trust", "--json")
    (maker,) = json.loads(call(capsys, *trust).out)["keys"]
    unheard = call(capsys, *trust, "--drop", maker)
    assert unheard.status == 22 and "so it keeps the podlet keys it had" in unheard.err
    assert "Press and release the button" in unheard.err
    assert json.loads(call(capsys, *trust, "--drop", maker, "--press").out)["keys"] == []


def test_a_batch_has_calibrations_beside_it(home: Path, capsys: Capture) -> None:
    (home / "b").mkdir()
    (home / "u1.toml").rename(home / "b" / "u1.toml")
    (home / "b" / "u.csv").write_text("serial,hardware,port,calibration\nB-1,A3,sim:b1,u1.toml\nB-2,A3,sim:b2,\n")
    done = call(capsys, "provision", "--batch", "b/u.csv", "--update-key", "update.pem")
    assert done.status == 0, done.err
    shown = [json.loads(call(capsys, "--port", f"sim:b{i}", "provision", "show", "--json").out) for i in (1, 2)]
    assert [each["serial"] for each in shown] == ["B-1", "B-2"]
    assert shown[0]["calibration"]["element_W"] == 398.4 and shown[1]["calibration"] is None
    assert shown[0]["update_key"] == shown[1]["update_key"] is not None
    (home / "b" / "u.csv").write_text("serial,hardware,calibration\nB-3,A3,none.toml\n")
    missing = call(capsys, "provision", "--batch", "b/u.csv", "--ports", "sim:b3")
    assert missing.status == 2 and "none.toml: cannot be read" in one_sentence(missing)


def test_the_bounds_of_a_file_are_the_devices(tmp_path: Path) -> None:
    low: tuple[tuple[identity_file.Keys, type[m.Calibration] | type[m.DoseCalibration], Any], ...] = (
        (identity_file.CALIBRATION, m.Calibration, device_calibration),
        (identity_file.DOSE, m.DoseCalibration, device_dose),
    )
    for keys, kind, device in low:
        fields = [field.name for field in dataclasses.fields(kind)]
        for name, scale, least, most in keys.values():
            at = fields.index(name)
            assert (round(least * scale), round(most * scale)) == (device._LOW[at], device._HIGH[at]), name
    path = tmp_path / "c.toml"
    path.write_text("[dose_calibration]\ngain = 1.042\npulses = 60\n")
    assert identity_file.load(path) == (None, DOSE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "one or both, and no others"),
        ("[other]", "one or both, and no others"),
        ("calibration = 3", "one or both, and no others"),
        ("[calibration]\nelement = 3", "knows no 'element'"),
        ("[calibration]\nelement_W = 99", "element_W must be a number from 100 to 1000"),
        ("[calibration]\nwall_K = nan", "wall_K must be a number"),
        ("[calibration]\nwall_K = true", "wall_K must be a number"),
        ("[calibration]\nwater_high_K = 1", "wants high_degC"),
    ],
)
def test_wrong_calibrations(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(PodsteamError) as caught:
        identity_file.load(tmp_path / "c.toml")
    assert says in str(caught.value)
