# SPDX-License-Identifier: Apache-2.0
"""Flash that only clears bits, littlefs on it, and the same operations whichever interpreter brings littlefs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import store_checks
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam_twin import littlefs_port
from podsteam_twin.files import FileStore
from podsteam_twin.flash import ERASE, PROG, Flash

HW = Path(__file__).parents[2] / "hw"


# Flash --------------------------------------------------------------------------------------------------------
OPS = st.lists(
    st.one_of(
        st.tuples(st.just("erase"), st.integers(0, 3)),
        st.tuples(st.just("prog"), st.integers(0, 3), st.integers(0, 63), st.binary(max_size=64)),
    ),
    max_size=40,
)


@given(OPS)
def test_programming_clears_bits_and_erasing_sets_them(ops: list[tuple]) -> None:
    flash = Flash(4, 64)
    model = [255] * 256
    for op in ops:
        if op[0] == "erase":
            assert flash.ioctl(6, op[1]) == 0
            model[op[1] * 64 : op[1] * 64 + 64] = [255] * 64
        else:
            block, offset, data = op[1], op[2], op[3][: 64 - op[2]]
            assert flash.writeblocks(block, data, offset) == 0
            for i, byte in enumerate(data):
                model[block * 64 + offset + i] &= byte
    assert flash.image() == bytes(model)
    buf = bytearray(150)
    assert flash.readblocks(1, buf, 30) == 0
    assert buf == bytes(model[94:244])
    again = Flash(4, 64)
    again.writeblocks(3, bytes(64), 0)
    again.load(flash.image())
    assert again.image() == flash.image()


def test_operations_are_counted_and_told_before_they_happen() -> None:
    flash = Flash(4, 64)
    told: list[tuple[int, int, int, int, bytes]] = []
    flash.on_op = lambda *op: told.append((*op, flash.image()[128:130]))
    flash.writeblocks(2, b"\x0f\xf0", 0)
    flash.erase(2)
    flash.writeblocks(2, bytes(64))
    assert [entry[:4] for entry in told] == [(PROG, 2, 0, 2), (ERASE, 2, 0, 64), (ERASE, 2, 0, 64), (PROG, 2, 0, 64)]
    assert [entry[4] for entry in told] == [b"\xff\xff", b"\x0f\xf0", b"\xff\xff", b"\xff\xff"]
    assert flash.progs == [0, 0, 2, 0]
    assert flash.erases == [0, 0, 2, 0]


def test_geometry_and_wrong_images() -> None:
    flash = Flash()
    assert flash.ioctl(4, 0) == 64
    assert flash.ioctl(5, 0) == 4096
    assert flash.ioctl(3, 0) == 0
    assert flash.image() == b"\xff" * 262144
    with pytest.raises(ValueError, match="flash image of 7 bytes, not 262144"):
        flash.load(b"too few")


def test_failing_flash_changes_nothing() -> None:
    flash = Flash(4, 64)
    flash.writeblocks(1, b"abc", 0)
    before = flash.image()
    flash.failing = True
    assert flash.writeblocks(1, b"\0\0\0", 0) == -5
    assert flash.writeblocks(1, bytes(64)) == -5
    assert flash.erase(1) == -5
    assert flash.image() == before


# Files --------------------------------------------------------------------------------------------------------
def test_file_verbs() -> None:
    store = FileStore(Flash())
    assert store.file_read("programs/gentle") is None
    assert store.file_list("programs") == []
    assert not store.file_remove("programs/gentle")
    assert store.file_write("programs/gentle", b"first")
    assert store.file_write("programs/gentle", b"second and longer")
    assert store.file_write("programs/brisk", bytearray(5000))
    assert store.file_read("programs/gentle") == b"second and longer"
    assert store.file_read("programs/gentle", limit=6) == b"second"
    assert store.file_list("programs") == [("brisk", 5000), ("gentle", 17)]
    buf = bytearray(7)
    assert store.file_read_at("programs/gentle", 11, buf) == 6
    assert buf[:6] == b"longer"
    assert store.file_read_at("programs/gentle", 100, buf) == 0
    assert store.file_read_at("programs/none", 0, buf) == -2
    assert store.file_append("records/a/b/c", b"one ")
    assert store.file_append("records/a/b/c", memoryview(b"two"))
    assert store.file_read("records/a/b/c") == b"one two"
    assert store.file_list("records/a") == []
    assert store.file_list("") == []
    assert store.file_remove("programs/gentle")
    assert store.file_list("programs") == [("brisk", 5000)]
    assert store.file_write("empty", b"")
    assert store.file_read("empty") == b""
    assert store.file_list("") == [("empty", 0)]


def test_files_outlive_a_restart() -> None:
    flash = Flash()
    FileStore(flash).file_write("a", b"kept")
    again = Flash()
    again.load(flash.image())
    operations: list[int] = []
    again.on_op = lambda kind, block, offset, length: operations.append(kind)
    assert FileStore(again).file_read("a") == b"kept"
    assert operations == []


def test_a_full_store_refuses_and_keeps_what_it_has() -> None:
    flash = Flash(16, 4096)
    store = FileStore(flash)
    written = 0
    while store.file_append("log", bytes(4000)):
        written += 4000
        assert written < 65536
    assert written > 16_000
    assert len(store.file_read("log", 100_000) or b"") == written
    assert not store.file_write("log", bytes(60_000))
    assert len(store.file_read("log", 100_000) or b"") == written
    assert store.file_list("") == [("log", written)]
    assert [entry[0] for entry in littlefs_port.mount(flash).ilistdir("")] == ["log"]
    assert store.file_remove("log")
    assert store.file_write("other", bytes(written))


def test_a_failing_flash_is_reported_and_mended() -> None:
    flash = Flash()
    store = FileStore(flash)
    assert store.file_write("a", b"old")
    flash.failing = True
    assert not store.file_write("a", b"new")
    assert not store.file_append("a", b"more")
    assert not store.file_append("new/folder/file", b"x")
    assert not store.file_remove("a")
    flash.failing = False
    assert FileStore(flash).file_read("a") == b"old"
    assert FileStore(flash).file_write("a", b"new")


class PowerCut(Exception):
    pass


@given(seed=st.integers(0, 1000), size=st.sampled_from([40, 400, 9000]))
@tries(10)
def test_a_power_cut_leaves_the_old_or_the_new(seed: int, size: int) -> None:
    old, new = bytes([seed % 251]) * 300, bytes([seed % 241 + 1]) * size
    flash = Flash(16, 4096)
    store = FileStore(flash)
    store.file_write("f/config", old)
    images: list[bytes] = []
    flash.on_op = lambda *op: images.append(flash.image())
    store.file_write("f/config", new)
    flash.on_op = None
    images.append(flash.image())
    found = []
    for image in images:
        cut = Flash(16, 4096)
        cut.load(image)
        after = FileStore(cut)
        found.append(after.file_read("f/config", 10_000))
        # A temporary file may be left over; nobody sees it, and the next write replaces it.
        assert after.file_list("f") == [("config", len(found[-1] or b""))]
        assert after.file_write("f/config", b"next")
        assert [entry[0] for entry in littlefs_port.mount(cut).ilistdir("f")] == ["config"]
    assert found[0] == old
    assert found[-1] == new
    assert set(found) == {old, new}


def test_the_cost_of_durability() -> None:
    """The design counts on about one erase for each append that is made durable."""
    flash = Flash()
    store = FileStore(flash)
    store.file_append("journal", bytes(64))
    before = sum(flash.erases)
    for _ in range(50):
        store.file_append("journal", bytes(64))
    assert 45 <= sum(flash.erases) - before <= 60


# Both interpreters --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("writer", ["here", "micropython"])
def test_both_interpreters_do_the_same_and_read_each_other(
    writer: str, run_micropython: Callable[..., str], tmp_path: Path
) -> None:
    def there(command: str, path: Path) -> list[str]:
        return run_micropython(Path(store_checks.__file__), command, str(path), path=(HW,)).splitlines()

    def here(command: str, path: Path) -> list[str]:
        return store_checks.main(command, str(path))

    first, second = (here, there) if writer == "here" else (there, here)
    image, other = tmp_path / "image", tmp_path / "other"
    wrote = first("write", image)
    assert len(wrote) > 500
    assert second("write", other) == wrote
    assert other.read_bytes() == image.read_bytes()
    # The second reads and changes what the first wrote; the first does the same with its own.
    read = second("read", image)
    assert first("read", other) == read
    assert other.read_bytes() == image.read_bytes()
    assert sum(" bytes, " in line for line in read) > 20
