# SPDX-License-Identifier: Apache-2.0
"""Signed podlets on the device: known and unknown keys, wrong signatures, caps, and nothing that is late."""

from pathlib import Path

import pytest
from podlet_bench import Bench

from podsteam import podlet_image, podlet_sign
from podsteam.podlet_file import parse
from podsteam_firmware.podlet import signed
from podsteam_firmware.podlet.record import Record
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_twin.nfc.ntag import Ntag, from_image

TEXT = """
name = "Strong mist"
dose_ul = 200
doses = 10
session_cap_ul = 2_000
min_interval_s = 6
"""
Pair = tuple[Path, bytes]


class KeyBench(Bench):
    """A bench whose device has files."""

    def __init__(self, tag: Ntag | None, *keys: bytes) -> None:
        self.files: dict[str, bytes] = {"podlet_keys": b"".join(keys)} if keys else {}
        super().__init__(tag)

    def file_read(self, name: str, limit: int = 4096) -> bytes | None:
        found = self.files.get(name)
        return None if found is None else found[:limit]

    def file_write(self, name: str, data: bytes) -> bool:
        self.files[name] = bytes(data)
        return True


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    """Private key files with their public x and y."""
    folder = tmp_path_factory.mktemp("keys")
    found = []
    for number in range(2):
        path = folder / f"{number}.pem"
        path.write_bytes(podlet_sign.new_key()[0])
        found.append((path, podlet_sign.public_key(path)))
    return found


def image(pair: Pair, text: str = TEXT) -> bytes:
    made = podlet_image.make(podlet_image.blank("NTAG215", b"\x04\1\2\3\4\5\6"), parse(text, "x"), b"PS-1")
    return podlet_sign.sign(made, pair[1], podlet_sign.file_signer(pair[0]))


def settled(bench: KeyBench) -> KeyBench:
    bench.run(12_000)
    assert bench.reader._check is None
    return bench


def test_a_known_key_widens_the_caps_within_the_doser_s(pairs: list[Pair]) -> None:
    bench = KeyBench(from_image(image(pairs[0])), pairs[1][1], pairs[0][1])
    bench.run_until(lambda reader: reader.state == m.PODLET_GUEST)
    assert bench.reader.dose_nl == 100_000
    # The bar is 15 s, in slices that fit between the ticks.
    assert bench.run_until(lambda reader: reader.state == m.PODLET_SIGNED, 15_000) < 9000
    reader = bench.reader
    assert (reader.dose_nl, reader.session_cap_nl, reader.min_interval_s) == (200_000, 2_000_000, 6)
    assert reader.usable() and reader.fault == 0 and reader.doses_left == 10
    # A dose is written, and it stays signed.
    assert reader.note_dose(1, 200_000, 1, 20_700)
    settled(bench)
    assert (reader.state, reader.doses_left) == (m.PODLET_SIGNED, 9)
    wide = TEXT.replace("dose_ul = 200", "dose_ul = 900").replace("2_000", "9_000").replace("= 6", "= 0")
    reader = settled(KeyBench(from_image(image(pairs[0], wide)), pairs[0][1])).reader
    assert (reader.dose_nl, reader.session_cap_nl, reader.min_interval_s) == (250_000, 3_000_000, 5)


def test_an_unknown_key_is_a_guest_without_a_note(pairs: list[Pair]) -> None:
    for keys in ((), (pairs[1][1],)):
        reader = settled(KeyBench(from_image(image(pairs[0])), *keys)).reader
        assert (reader.state, reader.dose_nl, reader.fault) == (m.PODLET_GUEST, 100_000, 0)


@pytest.mark.parametrize("what", ["uid", "main", "signature"])
def test_a_wrong_signature_is_a_guest_with_a_note(what: str, pairs: list[Pair]) -> None:
    memory = image(pairs[0])
    if what == "uid":
        # A copy on another tag.
        memory = podlet_image.blank("NTAG215", b"\x04\1\2\3\4\5\7")[:12] + memory[12:]
    else:
        fields = dict(podlet_image.main_of(memory)[0])
        right = fields[p.MAIN_SIGNATURE]
        assert isinstance(right, bytes)
        key, value = (p.MAIN_DOSE_COUNT, 99) if what == "main" else (p.MAIN_SIGNATURE, right[:-1] + b"\0")
        memory = podlet_image.change(memory, {**fields, key: value})
    bench = settled(KeyBench(from_image(memory), pairs[0][1]))
    reader = bench.reader
    assert (reader.state, reader.dose_nl, reader.fault) == (m.PODLET_GUEST, 100_000, m.CODE_SIGNATURE_WRONG)
    bench.place(None)
    bench.run(1000)
    assert (reader.state, reader.fault) == (m.PODLET_ABSENT, 0)


def test_a_swap_during_the_check_leaves_nothing_of_it(pairs: list[Pair]) -> None:
    bench = KeyBench(from_image(image(pairs[0])), pairs[0][1])
    bench.run_until(lambda reader: reader._check is not None)
    plain = podlet_image.make(podlet_image.blank("NTAG215", b"\x04\1\2\3\4\5\7"), parse(TEXT, "x"), b"PS-2")
    bench.place(from_image(plain))
    settled(bench)
    assert (bench.reader.state, bench.reader.signed) == (m.PODLET_GUEST, False)


def test_a_signature_that_is_not_the_last_does_not_count(pairs: list[Pair]) -> None:
    memory = bytearray(image(pairs[0]))
    record = Record()
    assert record.parse(memory, len(memory)) and record.signature_at and record.key_at
    at = podlet_image.regions(bytes(memory))
    fields, _ = podlet_image.main_of(bytes(memory))
    # 23 is a key that comes after the signature's.
    main = podlet_image.cbor({**fields, 23: b"x"})
    assert len(main) <= at.aux - at.main
    tag = podlet_image._put(bytes(memory), main, at.first, bytes(32), 0)
    assert record.parse(bytearray(tag), len(tag)) and record.signature_at == 0


def test_keys_are_kept_by_their_id(pairs: list[Pair]) -> None:
    bench = KeyBench(None)
    assert signed.keys(bench) == []
    assert signed.keep(bench, [pairs[0][1], pairs[1][1]])
    assert signed.keys(bench) == [pairs[0][1], pairs[1][1]]
    assert signed.key_id(pairs[0][1]) == podlet_sign.key_id(pairs[0][1])
    bench.files["podlet_keys"] += b"half"
    assert len(signed.keys(bench)) == 2
