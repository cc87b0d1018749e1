# SPDX-License-Identifier: Apache-2.0
"""The power-cut harness itself: what it tears lies between before and after, and it sees what is broken."""

import binascii

import pytest
from cut_doses import PODLET, TagScenario, tag_states
from cut_scenarios import SCENARIOS, small_flash
from cut_stores import OWN, block, live_identity
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.dose.book import Book
from podsteam_firmware.podlet.record import Record
from podsteam_firmware.store import calibration, identity
from podsteam_firmware.store.ledger import Ledger
from podsteam_twin import tears
from podsteam_twin.files import FileStore
from podsteam_twin.flash import ERASE, PROG, Flash
from podsteam_twin.podlets import build
from podsteam_twin.powercut import Tape, Unbootable, cut_everywhere, mounted
from podsteam_twin.tears import CutFlash, FlashImage, Noise, freeze

SIZE = 4096


def image_of(data: bytes) -> FlashImage:
    return FlashImage(2, SIZE, {0: data.ljust(SIZE, b"\xff")}, {})


def program(offset: int, data: bytes) -> "tears.Op":
    return (0, PROG, 0, offset, data, None)


@given(
    st.binary(min_size=1, max_size=64), st.binary(min_size=64, max_size=64), st.sampled_from(["bytes", "bits", "stuck"])
)
def test_a_torn_program_has_cleared_some_of_its_bits_and_no_others(wanted: bytes, old: bytes, tear: str) -> None:
    before = image_of(bytes(10) + old)
    new = bytes(a & b for a, b in zip(old, wanted, strict=False))
    after = before.after(program(10, new), tear, Noise(1))
    if after is None:
        return
    left = after.data[0]
    assert left[:10] == bytes(10) and left[10 + len(new) :] == before.data[0][10 + len(new) :]
    for was, be, there in zip(old, new, left[10:], strict=False):
        assert was & there == there and there & be == be
    assert left[10 : 10 + len(new)] not in (new, old[: len(new)])


@pytest.mark.parametrize("tear", ["half", "noise", "stuck"])
def test_a_torn_erase_has_set_some_of_the_bits(tear: str) -> None:
    old = bytes(range(256)) * 16
    after = image_of(old).after((0, ERASE, 0, 0, b"", None), tear, Noise(2))
    assert after is not None
    left = after.data[0]
    assert left != old and left != b"\xff" * SIZE
    assert all(was & there == was for was, there in zip(old, left, strict=True))


def test_weak_bits_fall_when_their_byte_is_programmed_and_an_erase_heals_them() -> None:
    after = image_of(bytes(SIZE)).after((0, ERASE, 0, 0, b"", None), "weak", Noise(3))
    assert after is not None and after.data == {}
    flash = after.device()
    buf = bytearray(SIZE)
    flash.readblocks(0, buf)
    assert buf == b"\xff" * SIZE
    flash.writeblocks(0, b"\xff" * SIZE, 0)
    flash.readblocks(0, buf)
    assert 0 < sum(byte != 0xFF for byte in buf) < 10
    flash.erase(0)
    flash.writeblocks(0, b"\xff" * SIZE, 0)
    flash.readblocks(0, buf)
    assert buf == b"\xff" * SIZE


def test_a_recorded_run_replayed_whole_gives_the_same_memory() -> None:
    flash, tag = Flash(16), build(PODLET)
    before = [freeze(flash), freeze(tag)]
    tape = Tape([flash, tag], "promise")
    store = FileStore(flash)
    for number in range(20):
        store.file_write("a/%d" % (number % 3), bytes([number]) * 500)
    tag.field(True)
    tag.request(True)
    tag.select()
    tag.command(b"\xa2\x20abcd")
    tape.close()
    noise = Noise(1)
    images = before
    for op in tape.ops:
        images[op[0]] = images[op[0]].after(op, tears.WHOLE, noise)
    assert images[0].device().image() == flash.image()
    assert images[1].device().image() == tag.image()
    assert {op[1] for op in tape.ops} == {PROG, ERASE, tears.PAGE}
    assert flash.on_op is None and tag.tear is None


def test_what_starts_from_an_image_leaves_it_alone() -> None:
    flash = Flash(16)
    FileStore(flash).file_write("a", b"kept")
    image = freeze(flash)
    assert isinstance(image, FlashImage)
    for _ in range(2):
        store = mounted(image.device())
        assert store.file_read("a") == b"kept"
        assert store.file_write("a", b"gone")
        assert store.file_read("a") == b"gone"


def test_a_file_system_that_is_gone_is_not_made_anew_in_silence() -> None:
    with pytest.raises(Unbootable):
        mounted(CutFlash(FlashImage(16, SIZE, {0: bytes(SIZE), 1: bytes(SIZE)}, {})))


# It sees what is broken ---------------------------------------------------------------------------------------
def lost(name: str) -> int:
    return cut_everywhere(SCENARIOS[name].scenario, 1, every=4, second=20).lost


def test_files_written_in_place_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_place(self: FileStore, name: str, data: bytes) -> bool:
        self.file_remove(name)
        return self.file_append(name, data)

    monkeypatch.setattr(FileStore, "file_write", in_place)
    for name in ("latch", "parameters", "boot record"):
        assert lost(name) > 20


def test_an_identity_that_no_start_finishes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "finish", lambda files: None)
    assert lost("identity") > 20


def test_an_identity_that_every_start_applies_again_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a look at which block the note means, the block from before undoes the owner's calibration."""
    at_last = identity.finish

    def always(files: FileStore) -> None:
        files.file_write(identity.DUE, binascii.crc32(identity.load(files) or b"").to_bytes(4, "little"))
        at_last(files)

    monkeypatch.setattr(identity, "finish", always)
    assert lost("identity") > 5


def test_a_unit_is_not_given_the_block_that_it_has() -> None:
    """Both seeds draw unit 73 first; given again, it would undo its owner's calibration, as no unit does."""
    files = FileStore(small_flash()[0])
    live_identity(files, 1001, 1)
    assert identity.load(files) == block(73) and calibration.recall(files)[0] == 1000 + 73 + OWN
    live_identity(files, 1006, 1)
    assert identity.load(files) == block(72)


def test_a_ledger_without_crc_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "_sealed", lambda self: int.from_bytes(self._read[:4], "little"))
    assert lost("ledger") > 20


def test_a_shot_that_is_not_settled_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Book, "settle", lambda self: 0)
    assert cut_everywhere(SCENARIOS["doses"].scenario, 1).lost > 5


def test_a_dose_given_before_it_is_written_down_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Book, "intent", lambda self, nl, dose_no: True)
    assert lost("doses") > 20


def test_a_tag_whose_slots_do_not_alternate_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Record, "next_slot_at", lambda self: self.aux_at)
    assert cut_everywhere(TagScenario(tag_states()), 2).lost > 50


def test_a_start_or_a_recovery_that_fails_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = SCENARIOS["latch"].scenario
    monkeypatch.setattr(scenario, "recover", lambda devices, tape, seed: 1 // 0)
    tally = cut_everywhere(scenario, every=9, second=10)
    assert tally.unbootable > 2 and "ZeroDivisionError" in tally.examples[0]
    monkeypatch.setattr(scenario, "check", lambda devices, promise: 1 // 0)
    tally = cut_everywhere(scenario, every=9)
    assert tally.unbootable == tally.cuts
