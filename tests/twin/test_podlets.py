# SPDX-License-Identifier: Apache-2.0
"""The podlet builder against other people's decoders, its document, and the firmware's own."""

import binascii
import datetime
import re
import struct
from collections.abc import Callable
from pathlib import Path

import cbor2
import ndef
import pytest
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.podlet.record import Record
from podsteam_protocol import podlet as p
from podsteam_twin import podlet_files, podlets
from podsteam_twin.nfc.memory import SIZES
from podsteam_twin.nfc.ntag import Ntag, from_image

ROOT = Path(__file__).resolve().parents[2]
PODLETS = [name for name in podlets.DEMO if name not in ("foreign", "blank")]
UID = b"\x04\1\2\3\4\5\6"

# Prints the image of each demo podlet.
SCRIPT = """
from podsteam_twin import podlets
for name in podlets.DEMO:
    print(podlets.demo(name).image().hex())
"""

COMPACT = {
    p.MAIN_NAME: "Mist",
    p.MAIN_DOSE_NL: 50_000,
    p.MAIN_DOSE_COUNT: 20,
    p.MAIN_SESSION_CAP_NL: 500_000,
    p.MAIN_MIN_INTERVAL_S: 20,
    p.MAIN_EXPIRES_DAY: podlets.day(2028, 6, 30),
}


def message(image: bytes) -> tuple[int, bytes]:
    """Address and bytes of the NDEF message that begins at page 4."""
    assert image[16] == 3
    if image[17] == 255:
        (size,) = struct.unpack(">H", image[18:20])
        assert size >= 255
        start = 20
    else:
        size = image[17]
        start = 18
    assert image[start + size] == 0xFE
    return start, image[start : start + size]


def decode(image: bytes) -> tuple[dict[int, object], list[bytes], str]:
    """main by cbor2, the slots, and the text record, by ndeflib; checks everything on the way."""
    start, data = message(image)
    text, record = ndef.message_decoder(data)
    assert text.type == "urn:nfc:wkt:T" and text.language == "en"
    assert record.type.encode() == p.MIME_TYPE
    payload = record.data
    address = start + data.index(payload)
    meta = cbor2.loads(payload)
    assert list(meta) == [0, 1, 2, 3, 4]
    assert meta[p.META_MAIN_OFFSET] == len(cbor2.dumps(meta))
    main = payload[meta[p.META_MAIN_OFFSET] :][: meta[p.META_MAIN_SIZE]]
    assert binascii.crc32(main) == meta[p.META_MAIN_CRC]
    fields = cbor2.loads(main)
    assert cbor2.dumps(fields, canonical=True) == main
    aux = meta[p.META_AUX_OFFSET]
    assert (address + aux) % 4 == 0
    gap = payload[meta[p.META_MAIN_OFFSET] + len(main) : aux]
    assert len(gap) < 4 and not any(gap)
    assert meta[p.META_AUX_SIZE] == 2 * p.SLOT_SIZE == len(payload) - aux
    slots = payload[aux:]
    return fields, [slots[:16], slots[16:]], text.text


def test_day() -> None:
    for year in range(1970, 2110):
        for month in range(1, 13):
            date = datetime.date(year, month, 28)
            assert podlets.day(year, month, 28) == (date - datetime.date(1970, 1, 1)).days


@pytest.mark.parametrize("name", PODLETS)
def test_demo_decodes_elsewhere(name: str) -> None:
    tag = podlets.demo(name)
    fields, slots, text = decode(tag.image())
    assert text == f"podlet: {fields[p.MAIN_NAME]}"
    assert set(fields) >= set(range(16))
    assert fields[p.MAIN_FILL_NL] >= fields[p.MAIN_DOSE_NL] * fields[p.MAIN_DOSE_COUNT]
    assert fields.get(p.MAIN_CLEANING, False) == (name == "cleaning")
    used = name == "empty"
    for slot in slots:
        assert any(slot) == used
        assert (binascii.crc32(slot[:12]) == struct.unpack("<I", slot[12:])[0]) == used
    if used:
        assert struct.unpack(p.SLOT_FMT, slots[0])[1] == fields[p.MAIN_DOSE_COUNT]


def test_demo_figures() -> None:
    fields = decode(podlets.demo("demo").image())[0]
    assert fields[p.MAIN_DOSE_NL] == 50_000 and fields[p.MAIN_DOSE_COUNT] == 20
    assert fields[p.MAIN_SESSION_CAP_NL] == 500_000 and fields[p.MAIN_MIN_INTERVAL_S] == 20
    assert (fields[p.MAIN_OUTLET_MIN_CDEG], fields[p.MAIN_OUTLET_MAX_CDEG]) == (3000, 6000)
    assert fields[p.MAIN_FLOW_NL_MS] == 400
    days = [decode(podlets.demo(name).image())[0][p.MAIN_EXPIRES_DAY] for name in ("demo", "expired")]
    assert days == [podlets.day(2036, 1, 14), podlets.day(2024, 6, 30)]


def test_demos_without_a_record() -> None:
    _, data = message(podlets.demo("foreign").image())
    (record,) = ndef.message_decoder(data)
    assert record.iri == "https://example.org"
    assert message(podlets.demo("blank").image())[1] == b""


def test_demos_are_apart_and_unknown_ones_refused() -> None:
    assert len({podlets.demo(name).uid for name in podlets.DEMO}) == len(podlets.DEMO)
    assert podlets.demo("demo").mem is not podlets.demo("demo").mem
    with pytest.raises(ValueError, match="no demo podlet nectar; there are demo, cleaning"):
        podlets.demo("nectar")


@pytest.mark.parametrize("name", PODLETS)
def test_firmware_reads_the_demos(name: str) -> None:
    image = podlets.demo(name).image()
    fields = decode(image)[0]
    record = Record()
    assert record.parse(bytearray(image), len(image))
    for key in (*range(p.MAIN_FILL_NL, p.MAIN_INCI), p.MAIN_CLEANING):
        assert record.values[key] == fields.get(key, 0)
    assert record.doses_used == (20 if name == "empty" else 0)


values = st.one_of(st.integers(-(2**32), 2**32 - 1), st.text(), st.binary(), st.booleans())


@given(st.one_of(values, st.dictionaries(st.integers(0, 70_000), values)))
def test_cbor_is_canonical(value: object) -> None:
    assert podlets.cbor(value) == cbor2.dumps(value, canonical=True)


@tries(300)
@given(st.integers(0, 560), st.text("Xy é", max_size=16), st.binary(min_size=32, max_size=32))
def test_every_size_has_a_form(size: int, name: str, slots: bytes) -> None:
    given_fields = COMPACT | {p.MAIN_INCI: "i" * size, p.MAIN_NAME: name}
    fields, found, text = decode(podlets.build(given_fields, "NTAG216", UID, slots).image())
    assert fields == given_fields
    assert b"".join(found) == slots
    assert text == "podlet: " + name


def test_no_size_falls_between_the_forms() -> None:
    for size in range(90, 260):
        for extra in range(4):
            fields = {p.MAIN_NAME: "n" * extra, p.MAIN_INCI: "i" * size}
            assert decode(podlets.build(fields, "NTAG216", UID).image())[0] == fields


@pytest.mark.parametrize(("model", "room"), [("NTAG213", 144), ("NTAG215", 496), ("NTAG216", 872)])
def test_fills_the_tag_and_no_more(model: str, room: int) -> None:
    fitting = 0
    for size in range(900):
        fields = {p.MAIN_NAME: "", p.MAIN_INCI: "i" * size}
        need = len(podlets.ndef(fields))
        if need <= room:
            image = podlets.build(fields, model, UID).image()
            assert decode(image)[0] == fields
            assert image[16 + room :] == Ntag(model, UID).image()[16 + room :]
            fitting = size
        else:
            with pytest.raises(ValueError, match=f"needs {need} bytes and an {model} holds {room}"):
                podlets.build(fields, model, UID)
            break
    assert fitting > 20


# The document ------------------------------------------------------------------------------------------


def document() -> str:
    return (ROOT / "hw" / "podlet" / "README.md").read_text(encoding="utf-8")


def test_example_of_the_document() -> None:
    section = document().split("\n## Example\n")[1]
    rows = re.findall(r"^\| `([0-9A-F ]+)` \|", section, re.MULTILINE)
    written = bytes.fromhex("".join(rows))
    slots = podlets.slot(1, 1, 50_000, podlets.day(2026, 9, 1), 1) + bytes(16)
    assert podlets.ndef(COMPACT, slots) == written
    image = podlets.build(COMPACT, "NTAG213", UID, slots).image()
    assert image[16 : 16 + len(written)] == written
    fields, found, _ = decode(image)
    assert fields == COMPACT
    assert struct.unpack(p.SLOT_FMT, found[0])[:5] == (1, 1, 50_000, 20697, 1)
    assert "EXPIRES_DAY 21365" in section and fields[p.MAIN_EXPIRES_DAY] == 21365
    assert 16 + written.index(slots) == 4 * 29
    record = Record()
    assert record.parse(bytearray(image), len(image))
    assert record.doses_used == 1


def test_keys_of_the_document() -> None:
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", document(), re.MULTILINE)
    documented = [(name, int(key)) for key, name in rows]
    meta = [(name[5:], getattr(p, name)) for name in dir(p) if name.startswith("META_")]
    main = [(name[5:], getattr(p, name)) for name in dir(p) if name.startswith("MAIN_")]
    assert documented == sorted(meta, key=lambda it: it[1]) + sorted(main, key=lambda it: it[1])


# Files -------------------------------------------------------------------------------------------------

TOML = """
name = "Evening mist"
maker = "Home"
batch = "E1"
dose_ul = 40.5
doses = 20
session_cap_ul = 400
min_interval_s = 30
outlet_min_c = 32
outlet_max_c = 55.5
flow_nl_per_ms = 9
made = 2026-05-01
expires = 2028-06-30
pao_days = 90
inci = "Aqua, Glycerin"
cleaning = false
tag = "NTAG216"
"""


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "evening.toml"
    path.write_text(TOML, encoding="utf-8")
    image = podlet_files.load(path)
    assert len(image) == SIZES["NTAG216"]
    fields = decode(image)[0]
    identity = fields.pop(p.MAIN_ID)
    assert isinstance(identity, bytes) and len(identity) == 8
    assert fields == {
        p.MAIN_NAME: "Evening mist",
        p.MAIN_MAKER: "Home",
        p.MAIN_BATCH: "E1",
        p.MAIN_FILL_NL: 810_000,
        p.MAIN_DOSE_NL: 40_500,
        p.MAIN_DOSE_COUNT: 20,
        p.MAIN_SESSION_CAP_NL: 400_000,
        p.MAIN_MIN_INTERVAL_S: 30,
        p.MAIN_OUTLET_MIN_CDEG: 3200,
        p.MAIN_OUTLET_MAX_CDEG: 5550,
        p.MAIN_FLOW_NL_MS: 9,
        p.MAIN_MADE_DAY: podlets.day(2026, 5, 1),
        p.MAIN_EXPIRES_DAY: podlets.day(2028, 6, 30),
        p.MAIN_PAO_DAYS: 90,
        p.MAIN_INCI: "Aqua, Glycerin",
    }


def test_toml_uid_is_the_podlets(tmp_path: Path) -> None:
    def uid(name: str, text: str) -> bytes:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        tag = from_image(podlet_files.load(path))
        assert tag.uid_ok()
        return tag.uid

    first = uid("a.toml", TOML)
    assert first[0] == 4
    assert uid("a.toml", TOML.replace("doses = 20", "doses = 19")) == first
    assert uid("a.toml", TOML.replace("Evening", "Morning")) != first
    assert uid("b.toml", TOML) != first


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "Evening mist"', "", "name is missing"),
        ("doses = 20", "", "doses is missing"),
        ("dose_ul = 40.5", "", "dose_ul is missing"),
        ("dose_ul", "dose_ml", "unknown field dose_ml (known: allergens, batch, cleaning, dose_ul"),
        ("dose_ul = 40.5", 'dose_ul = "40"', "dose_ul must be a number, not '40'"),
        ("dose_ul = 40.5", "dose_ul = true", "dose_ul must be a number, not True"),
        ("dose_ul = 40.5", "dose_ul = 0", "dose_ul must be from 1 to 1000, not 0"),
        ("dose_ul = 40.5", "dose_ul = nan", "dose_ul must be from 1 to 1000, not nan"),
        ("dose_ul = 40.5", "dose_ul = 40.0005", "dose_ul must be a multiple of 0.001, not 40.0005"),
        ("doses = 20", "doses = 2.5", "doses must be a whole number, not 2.5"),
        ("session_cap_ul = 400", "session_cap_ul = 40", "session_cap_ul is less than one dose (40.5 uL)"),
        ("outlet_max_c = 55.5", "outlet_max_c = 32", "outlet_max_c must be above outlet_min_c"),
        ("outlet_max_c = 55.5", "outlet_max_c = 140", "outlet_max_c must be from 0 to 100, not 140"),
        ("2028-06-30", '"2028-06-30"', "expires must be a date like 2027-06-30 without quotes, not '2028-06-30'"),
        (
            "2028-06-30",
            "2028-06-30T10:00:00",
            "expires must be a date like 2027-06-30 without quotes, not 2028-06-30 10:00:00",
        ),
        ("2028-06-30", "2028-06-30T12:00:00", "expires must be a date like 2027-06-30"),
        ("2028-06-30", "2128-06-30", "expires must lie in the years 2000 to 2099, not 2128"),
        ("2028-06-30", "2026-05-01", "expires must be after made"),
        ('"Evening mist"', '""', "name must have 1 to 32 bytes in UTF-8, not 0"),
        ('"Evening mist"', f'"{"é" * 17}"', "name must have 1 to 32 bytes in UTF-8, not 34"),
        ('"Evening mist"', '"\\u001b[31m"', "name must be one line of printable text"),
        ('"E1"', "7", "batch must be text in quotes, not 7"),
        ("cleaning = false", "cleaning = 1", "cleaning must be true or false, not 1"),
        ('"NTAG216"', '"NTAG424"', "tag must be one of NTAG213, NTAG215, NTAG216, not 'NTAG424'"),
        ('"NTAG216"', "[1]", "tag must be one of NTAG213, NTAG215, NTAG216, not [1]"),
        (
            '"NTAG216"',
            '"NTAG213"',
            "the podlet needs 209 bytes and an NTAG213 holds 144; choose a larger tag or a shorter inci",
        ),
        ("doses = 20", "doses 20", "not TOML: Expected '='"),
    ],
)
def test_wrong_toml_is_one_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TOML
    path = tmp_path / "bad.toml"
    path.write_text(TOML.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError) as error:
        podlet_files.load(path)
    said = str(error.value)
    assert said.startswith(f"{path}: {message}")
    assert "\n" not in said


def test_dumps(tmp_path: Path) -> None:
    path = tmp_path / "tag.bin"
    for size in SIZES.values():
        dump = bytes(i * 7 & 0xFF for i in range(size))
        path.write_bytes(dump)
        assert podlet_files.load(str(path)) == dump
    for size in (0, 48, 532, 541):
        path.write_bytes(bytes(size))
        with pytest.raises(ValueError, match=f"tag.bin: {size} bytes are not a whole raw tag dump, which has 180"):
            podlet_files.load(path)


def test_names_and_missing_files(tmp_path: Path) -> None:
    for name in podlets.DEMO:
        assert podlet_files.load(name) == podlets.demo(name).image()
    with pytest.raises(ValueError, match=r"mine.bin: no such file, and no demo podlet of that name \(demo, "):
        podlet_files.load(tmp_path / "mine.bin")
    with pytest.raises(ValueError, match="cannot be read"):
        podlet_files.load(tmp_path)
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="not UTF-8 text"):
        podlet_files.load(path)


# MicroPython: all images are the same there ------------------------------------------------------------


def test_same_on_micropython(run_micropython: Callable[..., str], tmp_path: Path) -> None:
    script = tmp_path / "images.py"
    script.write_text(SCRIPT, encoding="utf-8")
    told = run_micropython(script, path=(ROOT / "hw",)).split()
    assert told == [podlets.demo(name).image().hex() for name in podlets.DEMO]
