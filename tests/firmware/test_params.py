# SPDX-License-Identifier: Apache-2.0
"""Parameter sets A and B: whatever a write leaves, the last good set counts; versions stand beside each other."""

from collections.abc import Callable
from pathlib import Path

import params_checks
import pytest
from effort import tries
from hypothesis import given
from hypothesis import strategies as st
from params_checks import V1, V2, V3, FileHal

from podsteam_firmware.store import params

HW = Path(__file__).parents[2] / "hw"


def test_nothing_stored() -> None:
    assert params.load(FileHal(), "x", V1) == (None, False)


def test_writes_alternate_and_the_newer_counts() -> None:
    hal = FileHal()
    for i in range(5):
        assert params.save(hal, "x", V1, (i, -i))
        assert params.load(hal, "x", V1) == ((i, -i), False)
    assert hal.written == ["params/x1a", "params/x1b"] * 2 + ["params/x1a"]


@pytest.mark.parametrize("which", [0, 1])
@given(at=st.integers(0, 23), bit=st.integers(0, 7), cut=st.booleans())
@tries(60)
def test_a_damaged_set_gives_way_to_the_one_before(which: int, at: int, bit: int, cut: bool) -> None:
    hal = FileHal()
    for i in range(2 + which):
        assert params.save(hal, "x", V1, (i, 10 + i))
    newest = hal.written[-1]
    raw = bytearray(hal.files[newest])
    assert len(raw) == 24
    raw[at] ^= 1 << bit
    hal.files[newest] = bytes(raw[:at]) if cut else bytes(raw)
    assert params.load(hal, "x", V1) == ((which, 10 + which), False)
    assert params.save(hal, "x", V1, (99, 99))
    assert params.load(hal, "x", V1) == ((99, 99), False)
    assert hal.written[-1] == newest


@pytest.mark.parametrize("left", [b"", b"PSet", bytes(24), b"\xff" * 24])
def test_a_failed_write_leaves_the_last_set(left: bytes) -> None:
    hal = FileHal()
    params.save(hal, "x", V1, (1, 1))
    params.save(hal, "x", V1, (2, 2))
    hal.leave = left
    assert not params.save(hal, "x", V1, (3, 3))
    assert params.load(hal, "x", V1) == ((2, 2), False)
    hal.failing = True
    assert not params.save(hal, "x", V1, (3, 3))
    hal.failing = False
    hal.leave = None
    assert params.save(hal, "x", V1, (4, 4))
    assert params.load(hal, "x", V1) == ((4, 4), False)


def test_a_migration_writes_a_new_copy_and_the_old_application_finds_its_own() -> None:
    hal = FileHal()
    params.save(hal, "x", V1, (1, 7))
    params.save(hal, "x", V1, (2, 8))
    old = dict(hal.files)
    assert params.load(hal, "x", V3) == ((2, 8, 100, 16), True)
    assert hal.files == old
    assert params.save(hal, "x", V3, (2, 8, 100, 16))
    assert params.load(hal, "x", V3) == ((2, 8, 100, 16), False)
    for i in range(4):
        assert params.save(hal, "x", V3, (i, i, i, i))
    assert {name: hal.files[name] for name in old} == old
    assert params.load(hal, "x", V1) == ((2, 8), False)
    assert params.load(hal, "x", V2) == ((2, 8, 100), True)


def test_a_newer_version_is_kept_and_ignored() -> None:
    hal = FileHal()
    params.save(hal, "x", V3, (1, 2, 3, 4))
    newer = dict(hal.files)
    assert params.load(hal, "x", V1) == (None, False)
    params.save(hal, "x", V1, (5, 6))
    assert params.load(hal, "x", V1) == ((5, 6), False)
    assert params.load(hal, "x", V3) == ((1, 2, 3, 4), False)
    assert {name: hal.files[name] for name in newer} == newer


def test_a_set_under_another_versions_name_is_not_taken() -> None:
    hal = FileHal()
    params.save(hal, "x", (("<ii", None),), (1, 2))
    hal.files["params/x2a"] = hal.files["params/x1a"]
    assert params.load(hal, "x", (("<ii", None), ("<ii", None))) == ((1, 2), True)


# On littlefs, with power cuts, on both interpreters ---------------------------------------------------------------


def test_power_cuts_leave_the_last_set_or_the_new_one(run_micropython: Callable[..., str]) -> None:
    here = params_checks.main()
    assert run_micropython(Path(params_checks.__file__), path=(HW,)).splitlines() == here
    cuts, old, new = (int(word) for word in here[-1].split())
    assert cuts >= 100 and old + new == cuts and min(old, new) > 5
