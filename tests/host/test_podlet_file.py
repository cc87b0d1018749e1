# SPDX-License-Identifier: Apache-2.0
"""Podlets on the host: files, images against other people's decoders, changes in place, signatures, labels."""

import struct
import sys
import tomllib
import zlib
from pathlib import Path

import cbor2
import ndef
import pytest
from calls import call, one_sentence
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam import podlet_image as image
from podsteam import podlet_sign
from podsteam.cbor import decode_map, items_of
from podsteam.errors import IntegrityFailed, UsageProblem
from podsteam.podlet import find_record, read_tag
from podsteam.podlet_file import as_table, as_toml, parse, template
from podsteam.podlet_label import sheet
from podsteam.podlet_words import left_in_words
from podsteam_firmware.podlet.record import Record
from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_codec
from podsteam_twin.nfc.ntag import from_image

FULL = """
name = "Evening mist"
maker = "Home"
batch = "E1"
fill_ul = 1_000
dose_ul = 40.5
doses = 20
session_cap_ul = 400
min_interval_s = 0
outlet_min_c = 32
outlet_max_c = 55.5
flow_nl_per_ms = 9
made = 2026-05-01
expires = 2028-06-30
pao_days = 90
inci = "Aqua, Glycerin"
allergens = ["Limonene", "Amyl cinnamal"]
cleaning = true
program = "gentle"
viscosity_mpas = 1.25
pulses = [[20.0, 52.5], [50.0, 130.0]]
"""
MODELS = ("NTAG213", "NTAG215", "NTAG216")
COMPACT = 'name = "Mist"\ndose_ul = 50\ndoses = 20\nsession_cap_ul = 500\n'


def made(text: str = FULL, model: str = "NTAG215") -> bytes:
    return image.make(image.blank(model, b"\x04\1\2\3\4\5\6"), parse(text, "x"), b"12345678")


def used(memory: bytes, doses: int) -> bytes:
    """The memory after that many doses, written as the device does."""
    record = Record()
    data = bytearray(memory)
    slot = bytearray(16)
    for dose in range(1, doses + 1):
        assert record.parse(data, len(data))
        record.encode_next(slot, dose, 40_500 * dose, 20_700, 1)
        at = record.next_slot_at()
        data[at : at + 16] = slot
    return bytes(data)


# Files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mine", "Crème 1", 'a "quoted" one', "back\\slash"])
def test_a_template_is_a_podlet(name: str) -> None:
    text = template(name)
    assert tomllib.loads(text)["name"] == name
    file = parse(text, "x")
    assert file.main[p.MAIN_DOSE_COUNT] == 20
    # All that may be said stands in it, and is right when its # is taken away.
    lines = [
        line[2:] if line.startswith("# ") and " = " in line and line[2].islower() else line
        for line in text.splitlines()
    ]
    whole = parse("\n".join(line for line in lines if not line.startswith("#")), "x")
    assert len(whole.main) == 20 and whole.model and whole.uri and whole.floor


def test_there_and_back() -> None:
    fields = parse(FULL, "x").main
    assert parse(as_toml(as_table({**fields})), "y").main == fields


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('tag = "NTAG424"', "tag must be one of NTAG213"),
        ('uri = "ftp://x"', "uri must be a web address"),
        ("uri = 3", "uri must be text"),
        ('floor = "yes"', "floor must be true or false"),
        ('allergens = ["Sand"]', "allergens has no 'Sand' (known: Amyl cinnamal"),
        ('allergens = "Limonene"', "allergens must be a list"),
        ("pulses = []", "pulses must have 1 to 8 pairs, not 0"),
        ("pulses = [[1, 2, 3]]", "pulses must be pairs like [50, 130.5]"),
        ("pulses = [[2, 2], [1, 3]]", "pulses must rise"),
        ("fill_ul = 900", "fill_ul is less than 20 doses of 50 uL"),
        ("viscosity_mpas = 0.5", "viscosity_mpas must be from 1 to 10000, not 0.5"),
        ("colour = 1", "unknown field colour (known: allergens"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_field(line: str, said: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse(COMPACT + line, "my.toml")
    assert str(caught.value).startswith(f"my.toml: {said}") and "\n" not in str(caught.value)


def test_too_big_for_the_tag_names_the_field() -> None:
    with pytest.raises(UsageProblem, match=r"inci: the podlet needs .* and an NTAG213 holds 144"):
        made(FULL, "NTAG213")
    with pytest.raises(UsageProblem, match="the file is for an NTAG216, and this is an NTAG215"):
        made(COMPACT + 'tag = "NTAG216"')


# Images ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("uri", ["", "https://example.org/m", "http://example.org"])
def test_images_decode_elsewhere_and_on_the_device(model: str, uri: str) -> None:
    text = (COMPACT if model == "NTAG213" else FULL) + (f'uri = "{uri}"\n' if uri and model != "NTAG213" else "")
    memory = made(text, model)
    start = 20 if memory[17] == 255 else 18
    size = int.from_bytes(memory[18:20], "big") if start == 20 else memory[17]
    first, record = ndef.message_decoder(memory[start : start + size])
    assert (first.uri == uri) if uri and model != "NTAG213" else first.text.startswith("podlet: ")
    meta = cbor2.loads(record.data)
    main = record.data[meta[0] : meta[0] + meta[1]]
    assert cbor2.loads(main) == {p.MAIN_ID: b"12345678", **parse(text, "x").main}
    assert cbor2.dumps(cbor2.loads(main), canonical=True) == main
    at = image.regions(memory)
    grain = 8 if model == "NTAG213" else 64
    # The slots are alone in their lock granule.
    assert at.aux % grain == 0 and at.aux + at.aux_size <= 16 + image.room_of(memory)
    device = Record()
    assert device.parse(bytearray(memory), len(memory)) and device.aux_at == at.aux
    assert from_image(memory).uid_ok()


def test_a_tag_that_is_almost_full_gives_up_the_granule_of_its_own() -> None:
    """The slots then share it, which matters only to a tag that is locked."""
    for size in range(200, 330):
        try:
            memory = made(COMPACT + 'inci = "' + "i" * size + '"')
        except UsageProblem:
            break
        assert Record().parse(bytearray(memory), len(memory))
    assert size > 280


@tries(30)
@given(st.dictionaries(st.integers(23, 70_000), st.one_of(st.integers(0, 9), st.text(max_size=9), st.floats(width=16))))
def test_unknown_keys_stay_byte_for_byte(unknown: dict[int, object]) -> None:
    fields = {p.MAIN_NAME: "n", p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20}
    main = cbor2.dumps({**fields, **unknown})
    tlv = podlet_codec.ndef(main, podlet_codec.first_record("n"))
    memory = image.blank("NTAG216", b"\x04\1\2\3\4\5\6")
    memory = memory[:16] + tlv.ljust(872, b"\0") + memory[888:]
    changed = image.change(memory, {**fields, p.MAIN_NAME: "other"})
    pairs = dict(items_of(changed[image.regions(changed).main :])[1])
    for key, value in unknown.items():
        assert pairs[cbor2.dumps(key)] == cbor2.dumps(value)
    assert image.main_of(changed)[0][p.MAIN_NAME] == "other"


def test_a_change_writes_little_and_keeps_what_was_used() -> None:
    old = used(made(), 5)
    fields = image.main_of(old)[0]
    new = image.change(old, {**fields, p.MAIN_BATCH: "E2"})
    record = Record()
    assert record.parse(bytearray(new), len(new)) and record.doses_used == 5
    written = image.spans(old, new)
    # The text, the CRC in meta, and page 4 twice.
    assert sum(len(data) for _, data in written) // 4 <= 6
    assert image.spans(new, new) == []


@pytest.mark.parametrize("cut", range(0, 20))
def test_a_writing_that_is_cut_off_leaves_no_podlet_or_a_whole_one(cut: int) -> None:
    old, new = used(made(), 5), made(FULL.replace("Evening", "Morning") + 'uri = "https://example.org"\n')
    memory = bytearray(old)
    written = image.spans(old, new)
    for page, data in written[:cut]:
        assert len(data) in (4, 8, 12, 16)
        memory[4 * page : 4 * page + len(data)] = data
    assert Record().parse(memory, len(memory)) == (cut == 0 or cut >= len(written))
    if cut >= len(written):
        assert bytes(memory) == new


def test_empty() -> None:
    memory = image.empty(made())
    assert memory == image.blank("NTAG215", b"\x04\1\2\3\4\5\6") and read_tag(memory) is None


@pytest.mark.parametrize("data", [b"", bytes(20), bytes(540), b"\xff" * 540])
def test_other_tags_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityFailed):
        image.make(data, parse(COMPACT, "x"), b"1")


@tries(30)
@given(st.binary(max_size=200))
def test_any_memory_is_read_without_a_crash(memory: bytes) -> None:
    head = image.blank("NTAG215")[:16]
    for data in (memory, head + memory, head + b"\x03\xff\x01\x00" + memory):
        read_tag(data)
        for read in (image.main_of, podlet_sign.signed_by, find_record, decode_map):
            try:
                read(data)
            except IntegrityFailed:
                pass


INTEGERS = st.integers(-(2**64), 2**64 - 1)
LEAVES = st.one_of(INTEGERS, st.text(), st.binary(), st.booleans(), st.none(), st.floats(width=32))
NESTED = st.recursive(LEAVES.filter(lambda value: value == value), lambda inner: st.lists(inner, max_size=3))


@tries(30)
@given(NESTED)
def test_cbor_is_read_as_others_write_it(value: object) -> None:
    assert decode_map(cbor2.dumps({1: value})) == {1: value}


def test_indefinite_cbor() -> None:
    assert decode_map(bytes.fromhex("bf01 7f 61 61 61 62 ff 02 9f 01 02 ff ff".replace(" ", ""))) == {
        1: "ab",
        2: [1, 2],
    }
    for bad in ("bf01ff", "a2 01 01 01 02", "a1 01 ff", "9f ff", "bf 01 02", "a1 01 7f 41 61 ff"):
        with pytest.raises(IntegrityFailed):
            decode_map(bytes.fromhex(bad))


# Signatures -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "private.pem", folder / "public.pem"
    secret, open_half = podlet_sign.new_key()
    private.write_bytes(secret)
    public.write_bytes(open_half)
    return private, public


def test_a_signature_binds_uid_and_main(keys: tuple[Path, Path]) -> None:
    key = podlet_sign.public_key(keys[1])
    assert podlet_sign.public_key(keys[0]) == key
    signed = podlet_sign.sign(used(made(), 3), key, podlet_sign.file_signer(keys[0]))
    assert podlet_sign.is_right(signed, key) and podlet_sign.signed_by(signed) == podlet_sign.key_id(key).hex()
    record = Record()
    assert record.parse(bytearray(signed), len(signed)) and record.doses_used == 3
    # Use changes nothing; another tag, another dose or another key does.
    assert podlet_sign.is_right(used(signed, 6), key)
    assert not podlet_sign.is_right(bytes((signed[0], signed[1] ^ 1)) + signed[2:], key)
    fields = image.main_of(signed)[0]
    assert not podlet_sign.is_right(image.change(signed, {**fields, p.MAIN_DOSE_NL: 41_000}), key)
    assert not podlet_sign.is_right(signed, podlet_sign.public_key(new_public(keys[0].parent)))
    again = podlet_sign.sign(signed, key, podlet_sign.file_signer(keys[0]))
    assert podlet_sign.is_right(again, key)
    with pytest.raises(IntegrityFailed, match="not signed"):
        podlet_sign.is_right(made(), key)


def new_public(folder: Path) -> Path:
    path = folder / "other.pem"
    path.write_bytes(podlet_sign.new_key()[1])
    return path


SIGNER = """
import sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = serialization.load_pem_private_key(open(sys.argv[1], "rb").read(), None)
der = key.sign(sys.stdin.buffer.read(), ec.ECDSA(hashes.SHA256()))
if sys.argv[2] == "hex":
    print(der.hex())
elif sys.argv[2] == "der":
    sys.stdout.buffer.write(der)
elif sys.argv[2] == "odd":
    print("no")
else:
    sys.exit(3)
"""


def test_a_signer_of_ones_own(keys: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "signer.py"
    script.write_text(SIGNER)
    dump = tmp_path / "tag.bin"
    for form in ("hex", "der"):
        dump.write_bytes(made())
        command = f"{sys.executable} {script} {keys[0]} {form}"
        called = call(capsys, "podlet", "sign", "--to", str(dump), "--key", str(keys[1]), "--signer", command)
        assert called.status == 0, called.err
        assert call(capsys, "podlet", "verify", "--from", str(dump), "--key", str(keys[1])).status == 0
    before = dump.read_bytes()
    for form, said in (("odd", "wrote no signature"), ("fail", "ended with status 3")):
        command = f"{sys.executable} {script} {keys[0]} {form}"
        called = call(capsys, "podlet", "sign", "--to", str(dump), "--key", str(keys[1]), "--signer", command)
        assert called.status == 2 and said in one_sentence(called)
    called = call(capsys, "podlet", "sign", "--to", str(dump), "--key", str(keys[1]), "--signer", "/nothing/there")
    assert called.status == 2 and "did not run" in one_sentence(called)
    assert dump.read_bytes() == before


def test_verify_says_why_not(keys: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump = tmp_path / "tag.bin"
    dump.write_bytes(made())
    called = call(capsys, "podlet", "verify", "--from", str(dump), "--key", str(keys[1]))
    assert called.status == 30 and "not signed" in called.err
    assert call(capsys, "podlet", "sign", "--to", str(dump), "--key", str(keys[0])).status == 0
    other = new_public(tmp_path)
    called = call(capsys, "podlet", "verify", "--from", str(dump), "--key", str(other))
    assert called.status == 30 and "it names key" in called.err
    data = bytearray(dump.read_bytes())
    data[1] ^= 1
    dump.write_bytes(data)
    called = call(capsys, "podlet", "verify", "--from", str(dump), "--key", str(keys[1]))
    assert called.status == 30 and "it is wrong" in called.err
    for wrong in (tmp_path / "none.pem", dump):
        assert call(capsys, "podlet", "verify", "--from", str(dump), "--key", str(wrong)).status == 2
    assert call(capsys, "podlet", "sign", "--to", str(dump), "--key", str(keys[1])).status == 2
    assert call(capsys, "podlet", "sign", "--to", str(dump)).status == 2


# Dumps ----------------------------------------------------------------------------------------------------------


def test_dumps_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, dump, toml = tmp_path / "mine.toml", tmp_path / "tag.bin", tmp_path / "back.toml"
    assert call(capsys, "podlet", "new", str(file)).status == 0
    assert "is there already" in one_sentence(call(capsys, "podlet", "new", str(file)))
    assert call(capsys, "podlet", "write", str(file), "--to", str(dump), "--tag", "NTAG216").status == 0
    assert len(dump.read_bytes()) == 924
    called = call(capsys, "podlet", "read", "--from", str(dump), "--toml", str(toml))
    assert called.status == 0 and "20 doses of 50 µL left, good until 2028-06-30" in called.out
    assert parse(toml.read_text(), "x").main == parse(file.read_text(), "x").main
    uid = image.uid_of(dump.read_bytes())
    assert call(capsys, "podlet", "wipe", "--to", str(dump), "--yes").status == 0
    assert image.uid_of(dump.read_bytes()) == uid and read_tag(dump.read_bytes()) is None
    assert "no podlet record" in call(capsys, "podlet", "read", "--from", str(dump)).out
    file.write_text("doses = 3\n")
    before = dump.read_bytes()
    called = call(capsys, "podlet", "write", str(file), "--to", str(dump))
    assert called.status == 2 and "name is missing" in one_sentence(called)
    assert dump.read_bytes() == before
    assert call(capsys, "podlet", "read", "--from", str(tmp_path / "none.bin")).status == 2


def test_locked_pages_are_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, dump = tmp_path / "mine.toml", tmp_path / "tag.bin"
    file.write_text(COMPACT)
    data = bytearray(made())
    data[10] |= 0x40
    dump.write_bytes(data)
    called = call(capsys, "podlet", "write", str(file), "--to", str(dump))
    assert called.status == 30 and "Page 6 of the tag is locked, so nothing was written." in called.err
    assert dump.read_bytes() == bytes(data)


# Words and labels -----------------------------------------------------------------------------------------------


def test_what_is_left_in_words() -> None:
    dated = COMPACT + "expires = 2028-06-30\n"
    assert left_in_words({}, read_tag(made(COMPACT))) == "20 doses of 50 µL left, with no date by which to use them."
    assert left_in_words({}, read_tag(made(dated))) == "20 doses of 50 µL left, good until 2028-06-30."
    opened = dated + "pao_days = 30\n"
    text = "20 doses of 50 µL left, good until 2028-06-30 and for 30 days after the first use."
    assert left_in_words({}, read_tag(made(opened))) == text
    # First used on day 20,700, which is 2026-09-04.
    assert left_in_words({}, read_tag(used(made(opened), 19))) == "1 dose of 50 µL left, good until 2026-10-04."
    assert left_in_words({}, read_tag(used(made(opened), 20))) == "None of its 20 doses is left."
    assert left_in_words({"doses_left": 3, "dose_uL": 30}, read_tag(made(dated))).startswith("3 doses of 30 µL left")
    assert left_in_words({}, None) == left_in_words({}, {"problem": "damaged"}) == ""


def test_the_label_sheet_is_a_picture_of_codes() -> None:
    png = sheet("podlet: Mist", 3, 2, 4)
    assert png.startswith(b"\x89PNG\r\n\x1a\n") and png.endswith(b"IEND\xaeB`\x82")
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert width * 2 == height * 3 and (depth, colour) == (8, 0)
    size = struct.unpack(">I", png[33:37])[0]
    rows = zlib.decompress(png[41 : 41 + size])
    assert len(rows) == height * (width + 1) and set(rows) == {0, 255}
    side = width // 3
    first, second = (rows[20 * 4 * (width + 1) + 1 + i * side :][:side] for i in range(2))
    assert first == second and 0 in first
    with pytest.raises(UsageProblem, match="too long"):
        sheet("x" * 4000, 1, 1)


def test_labels_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, png = tmp_path / "mine.toml", tmp_path / "sheet.png"
    file.write_text(COMPACT)
    called = call(capsys, "podlet", "labels", str(file), str(png), "--columns", "2", "--rows", "2")
    assert called.status == 0 and "Wrote 4 labels" in called.out and png.read_bytes()[1:4] == b"PNG"


def test_trust_wants_an_id(capsys: pytest.CaptureFixture[str]) -> None:
    for drop in ("12", "x" * 16):
        assert "an id has 16 hex digits" in one_sentence(call(capsys, "podlet", "trust", "--drop", drop))


def test_a_podlet_that_was_used_and_is_filled_again_is_another_one() -> None:
    empty = image.blank("NTAG213")
    assert image.identity(empty) != image.identity(empty)
    made = image.make(empty, parse(COMPACT, "x"), b"PS-1")
    assert image.identity(made) == b"PS-1", "written twice it is still the same"
    used = bytearray(made)
    at = image.regions(made).aux
    used[at : at + 16] = podlet_codec.slot(1, 1, 50_000, 0, 1)
    assert image.identity(bytes(used)) not in (b"PS-1", image.identity(bytes(used)))
