# SPDX-License-Identifier: Apache-2.0
"""Updates on a unit's flash: the right one is installed, tried and confirmed; nothing else is ever accepted."""

import struct
from pathlib import Path

import pytest
import update_bench as bench
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.store import slots, update
from podsteam_loader import record
from podsteam_loader.slots import GOOD
from podsteam_protocol import messages as m
from podsteam_twin.files import FileStore
from podsteam_twin.flash import Flash
from podsteam_twin.loading import fill, in_files

PACKAGES = bench.load(str(Path(__file__).with_name("packages.json")))
NEW = PACKAGES["new"]


def unit() -> FileStore:
    """A unit with version 0.1.0 in slot a, and its key."""
    files = FileStore(Flash(64))
    fill(files, "a", "0.1.0", b"old application")
    assert files.file_write("update_key", PACKAGES["key"])
    return files


def test_an_update_is_staged_tried_and_confirmed() -> None:
    files = unit()
    assert bench.start(files) == record.A
    done = bench.send(files, record.A, NEW)
    assert (done.stage, done.code) == (update.STAGE_READY, 0)
    assert in_files(files, "b", True) == GOOD
    assert bench.start(files) == record.B
    assert slots.read_record(files)[:3] == (record.A, record.B, record.TRIES - 1)
    assert slots.confirm(files, files, record.B)
    assert bench.start(files) == record.B
    assert slots.floor(files) == slots.version_number("0.2.0")
    # And the next one goes into the other slot.
    assert bench.send(files, record.B, PACKAGES["newer"]).stage == update.STAGE_READY
    assert bench.start(files) == record.A
    assert bench.version(files, record.A) == "0.3.0"


def test_a_trial_that_fails_three_times_is_over_and_rollback_goes_back() -> None:
    files = unit()
    bench.start(files)
    assert bench.send(files, record.A, NEW).stage == update.STAGE_READY
    assert [bench.start(files, record.NONE if i == 0 else record.B) for i in range(4)] == [1, 1, 1, 0]
    assert bench.send(files, record.A, NEW).stage == update.STAGE_READY
    assert bench.start(files) == record.B
    # The other slot is the way back while the trial goes on.
    assert bench.send(files, record.B, PACKAGES["newer"]).code == m.CODE_UPDATE_ORDER
    assert slots.confirm(files, files, record.B)
    assert slots.leave(files, record.B)
    assert bench.start(files) == record.A
    assert bench.version(files, record.A) == "0.1.0"
    # Having gone back by hand does not open the door to older ones.
    assert bench.send(files, record.A, PACKAGES["old"]).code == m.CODE_UPDATE_OLD


def test_an_interrupted_update_goes_on_where_it_was() -> None:
    files = unit()
    bench.start(files)
    first = update.Update(files, files, record.A, bench.BOARD)
    first.begin(bench.digest_of(NEW))
    head = struct.unpack_from("<I", NEW, 64)[0] + 68
    while first.next < head + 1000:
        first.put(first.next, NEW[first.next : first.next + 100])
        while first.step():
            pass
    # The unit restarts in the middle of a file; the whole ones are not asked for again.
    again = update.Update(files, files, record.A, bench.BOARD)
    again.begin(bench.digest_of(NEW))
    asked = []
    while again.stage not in (update.STAGE_READY, update.STAGE_FAILED):
        while again.step():
            pass
        if again.next < len(NEW) and again.stage in (update.STAGE_MANIFEST, update.STAGE_FILES):
            asked.append(again.next)
            again.put(again.next, NEW[again.next : again.next + 100])
    assert again.stage == update.STAGE_READY
    assert not [at for at in asked if head < at < head + 900]
    assert bench.start(files) == record.B


def test_what_comes_twice_or_too_early_changes_nothing() -> None:
    files = unit()
    bench.start(files)
    one = update.Update(files, files, record.A, bench.BOARD)
    assert one.put(0, NEW[:10]) == -m.CODE_UPDATE_ORDER
    one.begin(bench.digest_of(NEW))
    assert one.put(50, NEW[50:90]) == 0
    assert one.put(0, NEW[:40]) == 40
    assert one.put(0, NEW[:40]) == 40
    assert one.put(20, NEW[20:60]) == 60


CODES = {
    "old": m.CODE_UPDATE_OLD,
    "other board": m.CODE_UPDATE_OTHER,
    "other key": m.CODE_UPDATE_SIGNATURE,
    "unsigned": m.CODE_UPDATE_SIGNATURE,
    "dots": m.CODE_UPDATE_FORM,
    "absolute": m.CODE_UPDATE_FORM,
    "the manifest itself": m.CODE_UPDATE_FORM,
    "twice": m.CODE_UPDATE_FORM,
    "not in order": m.CODE_UPDATE_FORM,
    "other product": m.CODE_UPDATE_OTHER,
    "oversize": m.CODE_STORE_FULL,
    "negative": m.CODE_UPDATE_FORM,
    "interpreter": m.CODE_UPDATE_FORM,
    "no version": m.CODE_UPDATE_FORM,
}


@pytest.mark.parametrize("name", [name for name in PACKAGES if name not in ("key", "new", "newer")])
def test_no_other_package_is_accepted_and_the_slot_is_not_touched(name: str) -> None:
    files = unit()
    assert bench.send(files, record.A, NEW).stage == update.STAGE_READY
    slots.write_record(files, record.A, record.NONE, 0)
    done = bench.send(files, record.A, PACKAGES[name])
    assert (done.stage, done.code) == (update.STAGE_FAILED, CODES[name])
    assert in_files(files, "b", True) == GOOD
    assert bench.start(files) == record.A


def test_a_unit_without_a_key_takes_nothing() -> None:
    files = unit()
    files.file_remove("update_key")
    assert bench.send(files, record.A, NEW).code == m.CODE_UPDATE_SIGNATURE


def attacked(package: bytes) -> int:
    """The slot that starts after an attack; A: the old one, as it must."""
    files = unit()
    bench.start(files)
    done = bench.send(files, record.A, package, 400)
    assert done.stage != update.STAGE_READY
    assert bench.version(files, bench.start(files)) == "0.1.0"
    return done.code


@given(st.integers(0, len(NEW) - 1), st.integers(1, 255))
def test_no_byte_may_be_changed(at: int, by: int) -> None:
    attacked(NEW[:at] + bytes([NEW[at] ^ by]) + NEW[at + 1 :])


@given(st.integers(0, len(NEW) - 1))
def test_no_end_may_be_missing(length: int) -> None:
    attacked(NEW[:length])


def test_the_record_is_the_loaders() -> None:
    files = unit()
    for active, trial, tries in ((0, 2, 0), (1, 2, 0), (0, 1, 3), (1, 0, 1)):
        assert slots.write_record(files, active, trial, tries)
        found = record.load(files)
        assert found is not None
        assert (found.active, found.trial, found.tries) == (active, trial, tries)
        assert slots.read_record(files) == (active, trial, tries, found.sequence)
    for raw in (b"", b"torn", record.Record(0, 0, 9, 1).pack(), record.Record(0, 2, 0, 1).pack() + b"x"):
        files.file_write("boot_record", raw)
        assert slots.read_record(files) is None
        assert record.load(files) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.1.0", 1 << 10),
        ("1.2.3", 1 << 20 | 2 << 10 | 3),
        ("1.2.3-dev+x", 1 << 20 | 2 << 10 | 3),
        ("1.2", -1),
        ("1.2.x", -1),
        ("1.2.1024", -1),
        ("", -1),
    ],
)
def test_versions_compare_as_numbers(text: str, number: int) -> None:
    assert slots.version_number(text) == number
