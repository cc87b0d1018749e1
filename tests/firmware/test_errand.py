# SPDX-License-Identifier: Apache-2.0
"""Looks at a tag, passwords and the floor, on the simulated chip and tags, on both interpreters."""

from collections.abc import Callable
from pathlib import Path

import errand_checks
import pytest
from podlet_bench import Bench

from podsteam_firmware.podlet import errand
from podsteam_protocol import messages as m

HW = Path(__file__).parents[2] / "hw"
PLAYED = [
    "looks 7",
    "passwords 78",
    "behind passwords 23",
    "torn behind a password 140",
    "floors 64",
    "torn floors 101",
]


def test_here() -> None:
    assert errand_checks.main() == PLAYED


def test_on_the_real_micropython(run_micropython: Callable[..., str]) -> None:
    out = run_micropython(Path(errand_checks.__file__), path=(HW,), heap="16m", timeout=300)
    assert out.splitlines() == PLAYED


def test_a_wrong_password_where_wrong_ones_are_counted_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run with the limit not looked at."""
    monkeypatch.setattr(errand, "_LIMIT", 0)
    with pytest.raises(AssertionError):
        errand_checks.passwords()
    with pytest.raises(AssertionError):
        errand_checks.behind_passwords()


@pytest.mark.parametrize("bits", [0xF8, 0xFF])
def test_a_floor_beside_its_pages_would_be_seen(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock bit too many: the capability container's, and the block locks'."""
    begin = errand.Errand.begin

    def too_many(task: errand.Errand, chip: object) -> bool:
        task._wanted |= bits
        return begin(task, chip)  # type: ignore[arg-type]

    monkeypatch.setattr(errand.Errand, "begin", too_many)
    with pytest.raises(AssertionError):
        errand_checks.floors()


def test_another_tag_ends_an_errand() -> None:
    bench = errand_checks.read(errand_checks.tag_of())
    task = bench.reader.errand = errand.Errand(bench.reader, errand.LOOK)
    bench.place(errand_checks.tag_of(uid=bytes.fromhex("04112233445566")))
    bench.run(2000)
    assert (task.state, task.code) == (m.WRITE_FAILED, m.CODE_TAG_CHANGED)


def test_an_errand_leaves_the_podlet_as_it_is_when_the_tag_goes() -> None:
    for ms in range(0, 60, 2):
        bench = errand_checks.read(errand_checks.tag_of())
        tag = bench.chip.tag
        task = bench.reader.errand = errand.Errand(bench.reader, errand.LOOK)
        bench.run(ms)
        bench.place(None)
        bench.run(1500)
        assert not bench.reader.present and isinstance(bench, Bench)
        bench.place(tag)
        bench.run(1500)
        assert bench.reader.usable()
        assert task.state != m.WRITE_BUSY or task._check is not None
