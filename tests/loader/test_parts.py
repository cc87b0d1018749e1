# SPDX-License-Identifier: Apache-2.0
"""Record, mark, slots and their order: what is torn, flipped, stray or refused by the flash."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podsteam.errors import UsageProblem
from podsteam.flash import image
from podsteam_loader import mark, record, slots, start
from podsteam_protocol import messages as m

FILES = {
    "firmware.id": b"0" * 16,
    "podsteam_firmware/loop.mpy": bytes(range(256)) * 5,
    "podsteam_protocol/empty.mpy": b"",
}


def put(folder: Path, files: dict[str, bytes], manifest: bytes | None = None) -> str:
    for name, data in {**files, "manifest": manifest or image.manifest(files, "1.2.3")}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return str(folder)


class Memory:
    """Files and the memory of the mark, without a board."""

    def __init__(self, states: list[int], raw: bytes | None = None, full: bool = False) -> None:
        self.states = states
        self.files = {} if raw is None else {"boot_record": raw}
        self.full = full
        self.raw = b""
        self.reset_cause = m.RESET_WATCHDOG
        self.read_whole: list[int] = []

    def file_read(self, name: str, limit: int = 4096) -> bytes | None:
        return self.files[name][:limit] if name in self.files else None

    def file_write(self, name: str, data: bytes) -> bool:
        if not self.full:
            self.files[name] = data
        return not self.full

    def memory(self) -> bytes:
        return self.raw

    def keep(self, data: bytes) -> None:
        self.raw = data

    def now_ms(self) -> int:
        return 0

    def slot_state(self, slot: int, deep: bool) -> int:
        if deep:
            self.read_whole.append(slot)
        elif self.states[slot] == slots.CORRUPT:
            # Only reading it whole shows it.
            return slots.GOOD
        return self.states[slot]

    def stored(self) -> record.Record:
        found = record.load(self)
        assert found is not None
        return found


# The record ---------------------------------------------------------------------------------------------------------


@given(st.booleans(), st.booleans(), st.integers(0, record.TRIES), st.integers(0, 65535))
def test_a_record_comes_back_and_no_flipped_bit_or_cut_does(b: bool, trial: bool, tries: int, sequence: int) -> None:
    active = record.B if b else record.A
    kept = record.Record(active, record.A + record.B - active if trial else record.NONE, tries, sequence)
    raw = kept.pack()
    found = record.unpack(raw)
    assert found is not None
    assert vars(found) == vars(kept)
    for bit in range(len(raw) * 8):
        torn = bytearray(raw)
        torn[bit // 8] ^= 1 << bit % 8
        assert record.unpack(bytes(torn)) is None
    assert all(record.unpack(raw[:length]) is None for length in range(len(raw)))
    assert record.unpack(raw + b"\0") is None


@pytest.mark.parametrize("fields", [(2, 2, 0), (0, 0, 1), (1, 1, 1), (0, 3, 1), (0, 1, 4)])
def test_a_record_out_of_range_is_none(fields: tuple[int, int, int]) -> None:
    assert record.unpack(record.Record(*fields, 0).pack()) is None


# The mark -----------------------------------------------------------------------------------------------------------


def test_a_garbled_mark_says_nothing() -> None:
    raw = mark.pack(record.A, mark.STARTED, 2, 2)
    assert mark.judge(m.RESET_WATCHDOG, raw) == (record.A, 3, 2)
    for bit in range(len(raw) * 8):
        torn = bytearray(raw)
        torn[bit // 8] ^= 1 << bit % 8
        assert mark.judge(m.RESET_WATCHDOG, bytes(torn)) == (mark.UNKNOWN, 0, 0)
    assert mark.judge(m.RESET_HARD, b"") == (record.NONE, 0, 0)


@pytest.mark.parametrize("offset", [0, 0x3FFFFFFF - 15_000])
def test_thirty_seconds_settle_it_across_the_wrap(offset: int) -> None:
    memory = Memory([])
    watch = mark.Watch(memory, record.B, 1, 2, offset)
    assert mark.judge(m.RESET_WATCHDOG, memory.raw) == (record.B, 1, 3)
    watch.turned((offset + 29_999) & 0x3FFFFFFF)
    assert mark.judge(m.RESET_WATCHDOG, memory.raw) == (record.B, 1, 3)
    watch.turned((offset + 30_000) & 0x3FFFFFFF)
    assert mark.judge(m.RESET_WATCHDOG, memory.raw) == (record.NONE, 1, 0)
    watch.ended(ValueError())
    assert mark.judge(m.RESET_HARD, memory.raw) == (record.NONE, 1, 0)


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        (ValueError(), record.A),
        (MemoryError(), record.A),
        (SystemExit(), record.NONE),
        (KeyboardInterrupt(), record.NONE),
    ],
)
def test_what_ended_it_decides(error: BaseException, failed: int) -> None:
    memory = Memory([])
    mark.Watch(memory, record.A, 0, 0, 0).ended(error)
    assert mark.judge(m.RESET_HARD, memory.raw)[0] == failed


# The slots ----------------------------------------------------------------------------------------------------------


def test_a_whole_slot_is_good_and_none_is_empty(tmp_path: Path) -> None:
    assert slots.state(str(tmp_path / "a"), True) == slots.EMPTY
    (tmp_path / "a" / "podsteam_firmware").mkdir(parents=True)
    assert slots.state(str(tmp_path / "a"), True) == slots.EMPTY
    folder = put(tmp_path / "a", FILES)
    assert slots.state(folder, False) == slots.state(folder, True) == slots.GOOD


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_is_missing_or_longer_shows_without_reading(tmp_path: Path, name: str) -> None:
    folder = put(tmp_path, FILES)
    (tmp_path / name).write_bytes(FILES[name] + b"x")
    assert slots.state(folder, False) == slots.CORRUPT
    (tmp_path / name).unlink()
    assert slots.state(folder, False) == slots.CORRUPT
    (tmp_path / name).mkdir()
    assert slots.state(folder, False) == slots.CORRUPT


@given(at=st.integers(0, 1279), bit=st.integers(0, 7))
def test_any_flipped_bit_shows_when_it_is_read(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    root = tmp_path_factory.mktemp("slot")
    folder = put(root, FILES)
    data = bytearray(FILES["podsteam_firmware/loop.mpy"])
    data[at] ^= 1 << bit
    (root / "podsteam_firmware/loop.mpy").write_bytes(data)
    assert slots.state(folder, False) == slots.GOOD
    assert slots.state(folder, True) == slots.CORRUPT


def test_a_stray_file_is_not_good_wherever_it_lies(tmp_path: Path) -> None:
    folder = put(tmp_path, FILES)
    for stray in ("podsteam_firmware/loop.py", "boot.py"):
        (tmp_path / stray).write_bytes(b"")
        assert slots.state(folder, False) == slots.CORRUPT
        (tmp_path / stray).unlink()
    assert slots.state(folder, True) == slots.GOOD


def test_every_cut_and_every_changed_byte_of_the_manifest_shows(tmp_path: Path) -> None:
    good = image.manifest(FILES, "1.2.3")
    folder = put(tmp_path, FILES)
    broken = [good[:length] for length in range(len(good) - 1)]
    broken += [good[:at] + bytes([good[at] ^ 0x21]) + good[at + 1 :] for at in range(len(good))]
    for text in [*broken, good + b"x"]:
        (tmp_path / "manifest").write_bytes(text)
        assert slots.state(folder, False) == slots.CORRUPT, text


def resealed(body: bytes) -> bytes:
    """A manifest body with the end that its CRC wants."""
    return body + b"end %08x\n" % image.binascii.crc32(body)


def test_lines_of_others_are_passed_over_and_tricks_are_not(tmp_path: Path) -> None:
    body = image.manifest(FILES, "1.2.3").rpartition(b"end ")[0]
    lines = body.splitlines(keepends=True)
    long = b"signature " + b"end " * 200 + b"\n"
    assert slots.state(put(tmp_path, FILES, resealed(body + b"board reference\n\n" + long)), True) == slots.GOOD
    twice = [*lines[:3], lines[2], *lines[3:]]
    swapped = [*lines[:2], *reversed(lines[2:])]
    outside = [line.replace(b" firmware.id", b" ../slot/firmware.id") for line in lines]
    rooted = [line.replace(b" firmware.id", b" /firmware.id") for line in lines]
    for tricked in (twice, swapped, outside, rooted, lines[:2], [b"podsteam-slot 2\n", *lines[1:]]):
        assert slots.state(put(tmp_path, FILES, resealed(b"".join(tricked))), True) == slots.CORRUPT
    assert slots.state(put(tmp_path, FILES, body + b"end\n"), True) == slots.CORRUPT


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "", "a b", "x" * 300, "\u00e4"])
def test_the_builder_refuses_what_the_loader_would(name: str) -> None:
    with pytest.raises(UsageProblem):
        image.manifest({name: b""}, "1")
    with pytest.raises(UsageProblem):
        image.manifest({"x": b""}, "1\nfile")


# Their order --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "name", "read"),
    [
        ([slots.GOOD, slots.GOOD], "a", [0]),
        ([slots.CORRUPT, slots.GOOD], "b", [0, 1]),
        ([slots.EMPTY, slots.GOOD], "b", [1]),
        ([slots.CORRUPT, slots.CORRUPT], "", [0, 1]),
        ([slots.EMPTY, slots.EMPTY], "", []),
    ],
)
def test_only_what_is_to_be_started_is_read_whole(states: list[int], name: str, read: list[int]) -> None:
    memory = Memory(states)
    assert start.start(memory)[0] == name
    assert memory.read_whole == read
    # The lost record is stored anew, for the slot that starts, and not at all in safe mode.
    assert "boot_record" not in memory.files if not name else "ab"[memory.stored().active] == name


def test_a_try_is_stored_before_it_begins_and_does_not_begin_otherwise() -> None:
    trial = record.Record(record.A, record.B, record.TRIES, 9).pack()
    memory = Memory([slots.GOOD, slots.GOOD], trial)
    assert start.start(memory)[0] == "b"
    assert (memory.stored().tries, memory.stored().sequence) == (record.TRIES - 1, 10)
    for states, name in (([slots.GOOD, slots.GOOD], "a"), ([slots.CORRUPT, slots.GOOD], "b"), ([0, slots.CORRUPT], "")):
        assert start.start(Memory(states, trial, full=True))[0] == name


def test_a_trial_that_is_corrupt_is_over() -> None:
    memory = Memory([slots.GOOD, slots.CORRUPT], record.Record(record.A, record.B, record.TRIES, 9).pack())
    assert start.start(memory)[0] == "a"
    assert (memory.stored().active, memory.stored().trial) == (record.A, record.NONE)


def test_a_torn_record_is_replaced() -> None:
    memory = Memory([slots.EMPTY, slots.GOOD], b"torn")
    assert start.start(memory)[0] == "b"
    assert memory.stored().active == record.B
