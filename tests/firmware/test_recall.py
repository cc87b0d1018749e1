# SPDX-License-Identifier: Apache-2.0
"""Recall lists on the device: what is taken up, that a key's list only grows, and that each podlet named is found."""

import hashlib
import struct

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.podlet import recall, signed
from podsteam_firmware.podlet.record import Record
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_twin import podlets

PRIVATE = ec.derive_private_key(0x1234567, ec.SECP256R1())
OTHER = ec.derive_private_key(0x7654321, ec.SECP256R1())
UID = bytes.fromhex("04ab87f2ca1190")


def public(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def signature(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def entry(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()[:8]


def listed(
    entries: list[bytes], sequence: int = 1, key: ec.EllipticCurvePrivateKey = PRIVATE, by: bytes | None = None
) -> bytes:
    key_id = signed.key_id(public(key)) if by is None else by
    body = struct.pack("<4sIHH8s", b"PSRL", sequence, 20_600, len(entries), key_id) + b"".join(entries)
    return body + signature(key, b"recall:" + body)


class Files:
    """The store's verbs over a dict. `full`: it takes nothing more."""

    def __init__(self, *keys: ec.EllipticCurvePrivateKey) -> None:
        self.files: dict[str, bytes] = {"podlet_keys": b"".join(public(key) for key in keys)}
        self.full = False

    def file_read(self, name: str, limit: int = 4096) -> bytes | None:
        return self.files[name][:limit] if name in self.files else None

    def file_read_at(self, name: str, offset: int, buf: bytearray) -> int:
        if name not in self.files:
            return -2
        part = self.files[name][offset : offset + len(buf)]
        buf[: len(part)] = part
        return len(part)

    def file_write(self, name: str, data: bytes) -> bool:
        if not self.full:
            self.files[name] = bytes(data)
        return not self.full

    def file_remove(self, name: str) -> bool:
        return self.files.pop(name, None) is not None


class Reader:
    """What a list that is taken up tells the reader."""

    recalls = False
    again = 0

    def read_again(self) -> None:
        self.again += 1


def take(files: Files, raw: bytes, reader: Reader | None = None) -> int:
    """Take a list up; 0, or why it was refused."""
    files.files["inbox/00021"] = raw
    intake = recall.Intake(files, reader or Reader(), "inbox/00021")  # type: ignore[arg-type]
    steps = 0
    while intake.step():
        steps += 1
        assert steps < 3000
    assert "inbox/00021" not in files.files
    assert intake.stage == (m.RECALL_REFUSED if intake.code else m.RECALL_TAKEN)
    return intake.code


def record(fields: dict[int, object]) -> tuple[bytearray, Record]:
    tag = podlets.build({p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20, **fields}, uid=UID)  # type: ignore[dict-item]
    image = bytearray(tag.image())
    found = Record()
    assert found.parse(image, len(image))
    return image, found


def is_named(files: Files, fields: dict[int, object]) -> bool:
    image, found = record(fields)
    search = recall.Lookup(files, image, bytearray(UID), found)  # type: ignore[arg-type]
    result, looks = 0, 0
    while not result:
        result, looks = search.step(), looks + 1
        assert looks < 60
    return result > 0


BATCH = hashlib.sha256(b"BMaker\0B1").digest()[:8]
TAG = hashlib.sha256(b"U" + UID).digest()[:8]
FIELDS: dict[int, object] = {p.MAIN_MAKER: "Maker", p.MAIN_BATCH: "B1"}


def test_a_list_is_taken_up_grows_and_names_batch_and_tag() -> None:
    files, reader = Files(OTHER, PRIVATE), Reader()
    assert not is_named(files, FIELDS)
    assert take(files, listed([BATCH]), reader) == 0
    assert reader.recalls and reader.again == 1
    assert is_named(files, FIELDS)
    for other in ({p.MAIN_MAKER: "Maker"}, {p.MAIN_MAKER: "Other", p.MAIN_BATCH: "B1"}, {p.MAIN_BATCH: "B1"}, {}):
        assert not is_named(files, other)
    assert take(files, listed(sorted([BATCH, TAG]), 2)) == 0
    assert is_named(files, {})
    assert recall.trusted(files) == [(recall.name_of(signed.key_id(public(PRIVATE))), 2)]  # type: ignore[arg-type]


def test_nothing_that_was_named_is_good_again() -> None:
    files = Files(PRIVATE)
    both = sorted([BATCH, TAG])
    assert take(files, listed(both, 5)) == 0
    for raw in (listed([BATCH], 6), listed([entry(1)], 7), listed(both, 4), listed(sorted([TAG, entry(2)]), 9)):
        assert take(files, raw) == m.CODE_RECALL_OLD
        assert is_named(files, FIELDS) and is_named(files, {})
    assert take(files, listed(both, 5)) == 0, "the same again"
    assert take(files, listed(sorted([*both, entry(3)]), 6)) == 0


def test_a_key_that_is_trusted_no_longer_recalls_nothing_until_it_is_again() -> None:
    files = Files(PRIVATE)
    assert take(files, listed([BATCH])) == 0
    files.files["podlet_keys"] = public(OTHER)
    assert not is_named(files, FIELDS)
    files.files["podlet_keys"] = public(OTHER) + public(PRIVATE)
    assert is_named(files, FIELDS)


REFUSED = {
    "nothing": (b"", m.CODE_RECALL_FORM),
    "the mark alone": (b"PSRL", m.CODE_RECALL_FORM),
    "no entry": (listed([]), m.CODE_RECALL_FORM),
    "cut off": (listed([BATCH])[:-1], m.CODE_RECALL_FORM),
    "more behind it": (listed([BATCH]) + b"\0", m.CODE_RECALL_FORM),
    "not in order": (listed(sorted([BATCH, TAG], reverse=True)), m.CODE_RECALL_FORM),
    "twice the same": (listed([BATCH, BATCH]), m.CODE_RECALL_FORM),
    "too long": (listed(sorted(entry(i) for i in range(481))), m.CODE_RECALL_FORM),
    "a key that is not trusted": (listed([BATCH], key=OTHER), m.CODE_RECALL_SIGNATURE),
    "in another's name": (
        listed([BATCH], key=OTHER, by=signed.key_id(public(PRIVATE))),
        m.CODE_RECALL_SIGNATURE,
    ),
}
"""Named, since a signature is another one each time."""


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    raw, code = REFUSED[case]
    files = Files(PRIVATE)
    assert take(files, raw) == code
    assert [name for name in files.files if name.startswith("recall")] == []


def test_every_changed_byte_is_refused() -> None:
    good = listed(sorted([BATCH, TAG]))
    for at in range(len(good)):
        raw = bytearray(good)
        raw[at] ^= 1 << at % 8
        assert take(Files(PRIVATE), bytes(raw)) in (m.CODE_RECALL_FORM, m.CODE_RECALL_SIGNATURE), at


def test_a_store_that_is_full_keeps_the_list_from_before() -> None:
    files = Files(PRIVATE)
    assert take(files, listed([BATCH])) == 0
    files.full = True
    assert take(files, listed(sorted([BATCH, TAG]), 2)) == m.CODE_STORE_FAILED
    assert is_named(files, FIELDS) and not is_named(files, {})


def test_the_longest_list() -> None:
    files = Files(PRIVATE)
    raw = listed(sorted([BATCH, *(entry(i) for i in range(479))]))
    assert len(raw) == recall.LARGEST and take(files, raw) == 0
    assert is_named(files, FIELDS) and not is_named(files, {})


@tries(60)
@given(st.sets(st.integers(0, 10_000), min_size=1, max_size=200), st.booleans(), st.booleans())
def test_each_podlet_that_is_named_is_found_and_no_other(others: set[int], batch: bool, tag: bool) -> None:
    entries = [entry(i) for i in others] + [BATCH] * batch + [TAG] * tag
    files = Files(PRIVATE)
    files.files[recall.name_of(signed.key_id(public(PRIVATE)))] = listed(sorted(entries))
    assert is_named(files, FIELDS) == (batch or tag)
    assert is_named(files, {}) == tag
