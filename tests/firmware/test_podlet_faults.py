# SPDX-License-Identifier: Apache-2.0
"""Every fault that a driver of reader chip and tags must stand, on the simulated chip: `docs/podlet-faults.md`.

Whatever the fault: no step of the reader makes more than one transfer (the bench sees to that) or lasts longer than
its bound, and where the reader gives up the RF field is off. What goes wrong once is never seen outside.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from podlet_bench import BUS_LIMIT_US, Bench

from podsteam_firmware.podlet import reader as rd
from podsteam_firmware.podlet.chip import Chip
from podsteam_firmware.podlet.reader import Reader
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_codec
from podsteam_twin import podlets
from podsteam_twin.nfc.frames import ACK_FRAME, ERROR_FRAME, NACK_FRAME, frame, parse
from podsteam_twin.nfc.ntag import Ntag
from podsteam_twin.nfc.pn532 import Pn532

Twist = Callable[[bytes], bytes]
STEP_US = 2_000
"""A step of the reader at most, on a bus that works: the largest answer at 400 kHz."""
FIELD_US = 900_000
"""The field at most in one stretch: a whole reading with its repetitions."""
DOSE = {p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20}


def usable(reader: Reader) -> bool:
    return reader.usable()


def placed() -> Bench:
    """A bench whose podlet has been read and is being watched."""
    bench = Bench(podlets.demo("demo"))
    bench.run(1000)
    assert usable(bench.reader)
    return bench


def bounded(bench: Bench, step_us: int = STEP_US) -> None:
    """No step lasted too long, and no field either."""
    assert bench.longest_us <= step_us
    assert bench.longest_field_us <= FIELD_US


def gave_up(bench: Bench, step_us: int = STEP_US) -> None:
    """Let it go on: the field is on for a third of the time at most, and is off in between and at the end."""
    bench.run(500)
    on_us = bench.field_on_us
    bench.run(3000)
    assert bench.field_on_us - on_us < 1_000_000
    bench.run_until(lambda _: not bench.chip.rf_on, 500)
    assert not bench.reader.usable()
    assert not bench.reader.note_dose(1, 50_000, 1, 0)
    bounded(bench, step_us)


def back(bench: Bench) -> None:
    """The fault is over: the podlet is read, and nothing is said of it any more."""
    bench.run_until(usable, 6000)
    bench.run(500)
    assert bench.reader.fault == 0


def once(twist: Twist, step: int = 1) -> None:
    """The twist at each single frame of reading and watching, in turn: it is never seen outside."""
    frames = 0

    def count(data: bytes) -> bytes:
        nonlocal frames
        frames += 1
        return data

    whole = Bench(podlets.demo("demo"))
    whole.chip.twist = count
    whole.run(1200)
    for at in range(0, frames, step):
        left = at
        bench = Bench(podlets.demo("demo"))

        def at_one(data: bytes) -> bytes:
            nonlocal left
            left -= 1
            return twist(data) if left == -1 else data

        bench.chip.twist = at_one
        bench.run(2500)
        reader = bench.reader
        assert (reader.usable(), reader.insertion, reader.fault) == (True, 1, 0), at
        assert left < 0
        bounded(bench)


def always(twist: Twist) -> None:
    """The twist from some moment on: the reader gives up, is told to be silent, and comes back when it is over."""
    bench = placed()
    bench.chip.twist = twist
    bench.run(2000)
    assert not bench.reader.present
    assert bench.reader.fault == m.CODE_READER_SILENT
    gave_up(bench)
    bench.chip.twist = None
    back(bench)


def answers(change: Twist) -> Twist:
    """A twist of answers only."""
    return lambda data: data if data == ACK_FRAME else change(data)


def acks(change: Twist) -> Twist:
    return lambda data: change(data) if data == ACK_FRAME else data


# The chip's frames ----------------------------------------------------------------------------------------------


def test_no_ack() -> None:
    once(acks(lambda _: b""), 3)
    always(acks(lambda _: b""))


def test_nack_in_place_of_the_ack() -> None:
    once(acks(lambda _: NACK_FRAME), 3)
    always(acks(lambda _: NACK_FRAME))


@pytest.mark.parametrize("late_ms", [15, 25, 200])
def test_late_ack(late_ms: int) -> None:
    bench = placed()
    bench.chip.late_ms = late_ms
    bench.run(4000)
    assert usable(bench.reader) == (late_ms < 30)
    bounded(bench)
    if late_ms > 30:
        gave_up(bench)
    bench.chip.late_ms = 0
    back(bench)


@pytest.mark.parametrize("stale", ["0000ff02fed5151600", "0000ff03fdd54500e600", "0000ff00ff00"])
def test_stale_frame(stale: str) -> None:
    """A leftover before each ACK, then before each answer, of a reading and of the watching after it."""
    left_over = bytes.fromhex(stale)
    for of_answer in (False, True):
        bench = Bench(podlets.demo("demo"))

        def leave(data: bytes, bench: Bench = bench, of_answer: bool = of_answer) -> bytes:
            if data != left_over and (data == ACK_FRAME) == of_answer:
                bench.chip.stale = left_over
            return data

        bench.chip.twist = leave
        bench.run(3000)
        assert (bench.reader.usable(), bench.reader.insertion, bench.reader.fault) == (True, 1, 0)
        bounded(bench)


def test_half_frame() -> None:
    once(lambda data: data[: len(data) // 2], 3)
    always(answers(lambda data: data[: len(data) // 2]))


def test_wrong_checksums() -> None:
    wrong_dcs = answers(lambda data: data[:-2] + bytes((data[-2] ^ 0x55, 0)))
    wrong_lcs = answers(lambda data: data[:4] + bytes((data[4] ^ 0x55,)) + data[5:])
    for wrong in (wrong_dcs, wrong_lcs):
        once(wrong, 3)
        always(wrong)


def test_error_frame() -> None:
    once(answers(lambda _: ERROR_FRAME), 3)
    always(answers(lambda _: ERROR_FRAME))


def extended(data: bytes) -> bytes:
    """The same frame in the long form."""
    payload = parse(data)
    assert payload is not None
    return b"\0\0\xff\xff\xff" + bytes((0, len(payload), -len(payload) & 0xFF)) + data[5:]


def test_extended_frame() -> None:
    """No answer that is asked for is so long that the chip would use one."""
    once(answers(extended), 3)
    always(answers(extended))


def test_ready_never() -> None:
    bench = placed()
    bench.chip.silent = True
    bench.run(2000)
    assert bench.reader.fault == m.CODE_READER_SILENT
    gave_up(bench)
    bench.chip.silent = False
    back(bench)


def test_ready_line_without_a_ready_byte() -> None:
    bench = placed()
    bench.chip.never_ready = True
    bench.run(2000)
    assert bench.reader.fault == m.CODE_READER_SILENT
    gave_up(bench)
    bench.chip.never_ready = False
    back(bench)


# The bus and the chip -------------------------------------------------------------------------------------------


def test_bus_errors() -> None:
    """EIO at once, ETIMEDOUT after the bus's own limit: one, some, then without end."""
    for name in ("bus_error", "bus_timeouts"):
        limit_us = BUS_LIMIT_US + STEP_US
        for count in (1, 2, 3):
            bench = placed()
            setattr(bench, name, count)
            bench.run(2500)
            assert usable(bench.reader)
            assert bench.reader.insertion == 1
            bounded(bench, limit_us)
        setattr(bench, name, 1 << 20)
        bench.run(2000)
        assert bench.reader.fault == m.CODE_READER_SILENT
        gave_up(bench, limit_us)
        setattr(bench, name, 0)
        back(bench)


def test_stuck_sda() -> None:
    """Freed by the chip's reset line, before the podlet counts as gone."""
    bench = placed()
    bench.chip.stuck_sda = True
    bench.run(1500)
    assert not bench.chip.stuck_sda
    assert (bench.reader.usable(), bench.reader.insertion, bench.reader.fault) == (True, 1, 0)
    bounded(bench)
    bench.chip.stuck_bus = True
    bench.run(2000)
    gave_up(bench)
    bench.chip.stuck_bus = False
    back(bench)


def restart(chip: Pn532, t_us: int) -> None:
    chip.reset(t_us, True)
    chip.reset(t_us, False)


def test_chip_restarts() -> None:
    """Its settings are lost at any moment of reading, watching and writing."""
    for offset_ms in range(0, 700, 11):
        bench = Bench(podlets.demo("demo"))
        bench.run(offset_ms)
        restart(bench.chip, bench.t_us)
        bench.run(2000)
        assert (bench.reader.usable(), bench.reader.insertion, bench.reader.fault) == (True, 1, 0)
        bounded(bench)
    for offset_ms in range(0, 200, 7):
        bench = placed()
        assert bench.reader.note_dose(1, 50_000, 1, 0)
        bench.run(offset_ms)
        restart(bench.chip, bench.t_us)
        bench.run_until(lambda reader: reader.write_state != rd.WRITE_BUSY, 2000)
        assert bench.reader.write_state == rd.WRITE_DONE
        bounded(bench)


# The tag in the field -------------------------------------------------------------------------------------------


def test_tag_absent() -> None:
    bench = Bench()
    gave_up(bench)
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_ABSENT, 0)


def test_removed_mid_read() -> None:
    for offset_ms in range(0, 450, 13):
        bench = Bench(podlets.demo("demo"))
        bench.run(offset_ms)
        bench.place(None)
        gave_up(bench)
        assert (bench.reader.state, bench.reader.image_size) == (m.PODLET_ABSENT, 0)


def test_swapped_mid_read() -> None:
    """At any moment: what is told in the end is the second one, whole."""
    second = podlets.demo("fragile")
    for offset_ms in range(0, 450, 13):
        bench = Bench(podlets.demo("demo"))
        bench.run(offset_ms)
        bench.place(second)
        bench.run(1500)
        reader = bench.reader
        assert usable(reader) and bytes(reader.uid) == second.uid
        assert bytes(reader.image[: reader.image_size]) == second.image()[: reader.image_size]
        bounded(bench)


def test_two_tags() -> None:
    bench = placed()
    bench.chip.others.append(podlets.demo("fragile"))
    gave_up(bench)
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_UNREADABLE, m.CODE_TWO_TAGS)
    bench.chip.others.clear()
    back(bench)


def test_bits_that_collide() -> None:
    """Two tags that a selection cannot part, or noise: each exchange ends in status 06."""

    def collide(data: bytes) -> bytes:
        payload = parse(data)
        return frame(payload[:2] + b"\x06") if payload and payload[1] in (0x41, 0x43) else data

    bench = Bench(podlets.demo("demo"))
    bench.chip.twist = collide
    bench.run(1500)
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_UNREADABLE, m.CODE_TAG_FORMAT)
    gave_up(bench)
    bench.chip.twist = None
    back(bench)


def test_random_uid_of_a_phone() -> None:
    """Four bytes, 08 first, others at each selection, and an ATS behind them: never taken for a podlet."""
    count = 0

    def phone(data: bytes) -> bytes:
        nonlocal count
        payload = parse(data)
        if payload and payload[1] == 0x4B and payload[2]:
            count += 1
            uid = bytes((8, count & 255, count * 7 & 255, 3))
            return frame(b"\xd5\x4b\x01\x01\x00\x04\x20\x04" + uid + b"\x05\x78\x80\x70\x02")
        return data

    bench = Bench(podlets.demo("demo"))
    bench.chip.twist = phone
    bench.run(1000)
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_UNREADABLE, m.CODE_TAG_FORMAT)
    changes = bench.reader.changes
    gave_up(bench)
    assert count > 5 and bench.reader.changes == changes
    assert not any(bench.reader.uid)
    assert 0x40 not in bench.commands and 0x42 not in bench.commands


def test_nak_of_the_tag() -> None:
    """A refused command leaves an NTAG idle: it is selected again, three times, then left for two seconds."""
    tag = podlets.demo("demo")
    dynlock = 4 * (tag.pages - 5)
    tag.mem[dynlock + 7] = 20
    tag.mem[dynlock + 8] = 0x80
    bench = Bench(tag)
    bench.run(900)
    assert bench.commands.count(0x4A) >= 3
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_UNREADABLE, m.CODE_TAG_FORMAT)
    gave_up(bench)
    tag.mem[dynlock + 7] = 0xFF
    back(bench)


def test_auth_limit() -> None:
    """A tag behind a password that locks itself after one wrong try: no password is ever tried."""
    tag = podlets.demo("demo")
    dynlock = 4 * (tag.pages - 5)
    tag.mem[dynlock + 7] = 4
    tag.mem[dynlock + 8] = 0x81
    bench = Bench(tag)
    gave_up(bench)
    assert bench.reader.state == m.PODLET_UNREADABLE
    assert tag.failures == 0


# What the tag holds ---------------------------------------------------------------------------------------------


def refused(tag: Ntag) -> None:
    bench = Bench(tag)
    bench.run(1000)
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_UNREADABLE, m.CODE_TAG_FORMAT)
    gave_up(bench)


def taken(tag: Ntag) -> Reader:
    bench = Bench(tag)
    assert bench.run_until(usable, 1000) <= 600
    bench.run(1000)
    assert bench.reader.fault == 0
    bounded(bench)
    return bench.reader


def with_ndef(blocks: bytes) -> Ntag:
    tag = Ntag("NTAG215")
    podlets.write_ndef(tag, blocks)
    return tag


def podlet_blocks(before: bytes = b"") -> bytes:
    """A podlet's blocks after `before`, whose slots still fall on pages."""
    return before + podlets.ndef(DOSE)


def test_capability_container() -> None:
    for at, value in ((12, 0), (12, 0xE2), (13, 0x20), (14, 0)):
        tag = podlets.demo("demo")
        tag.mem[at] = value
        refused(tag)
    locked = podlets.demo("demo")
    locked.mem[15] = 0x0F
    assert taken(locked).doses_left == 20


def test_blocks_before_the_message() -> None:
    for before in (
        bytes(4),
        b"\x01\x03\xa0\x0c\x34" + bytes(3),
        b"\x02\x03\x11\x22\x33" + bytes(3),
        b"\xfd\x06abcdef",
        b"\x42\xff\x00\x04abcd",
    ):
        assert taken(with_ndef(podlet_blocks(before))).doses_left == 20, before


def test_long_length() -> None:
    assert podlets.ndef({**DOSE, p.MAIN_INCI: "x" * 250})[:2] == b"\x03\xff"
    assert taken(with_ndef(podlets.ndef({**DOSE, p.MAIN_INCI: "x" * 250}))).doses_left == 20
    refused(with_ndef(b"\x03\xff\xff\xff" + bytes(40)))
    refused(with_ndef(b"\x03\xff\x01"))


def test_empty_message() -> None:
    refused(with_ndef(b"\x03\x00\xfe"))
    refused(with_ndef(bytes(16)))


def test_chunked_record() -> None:
    kind = b"application/vnd.podsteam.podlet"
    refused(with_ndef(podlet_codec.tlv(bytes((0xB2, len(kind), 4)) + kind + b"abcd" + b"\x56\0\x04abcd")))


@pytest.mark.parametrize(
    "main",
    [
        "a2031a0000c350",
        "bbffffffffffffffff",
        "a1031bffffffffffffffff",
        "a1035bffffffffffffffff",
        "a101" + "81" * 40 + "00",
        "a101" + "9f" * 40,
        "a101",
        "ff",
    ],
)
def test_cbor_that_lies(main: str) -> None:
    """Cut off, huge, nested without end: refused."""
    refused(with_ndef(podlet_codec.ndef(bytes.fromhex(main), podlet_codec.first_record(""))))


def test_cbor_with_a_key_twice() -> None:
    """Nobody knows which of the two counts, so neither does. A key that the device does not know may come twice."""
    one = podlet_codec.cbor(DOSE)
    assert one[0] == 0xA2
    for twice in ({p.MAIN_DOSE_NL: 50_000}, {p.MAIN_DOSE_COUNT: 9}):
        main = b"\xa3" + one[1:] + podlet_codec.cbor(twice)[1:]
        refused(with_ndef(podlet_codec.ndef(main, podlet_codec.first_record(""))))
    main = b"\xa4" + one[1:] + 2 * podlet_codec.cbor({99: 1})[1:]
    assert taken(with_ndef(podlet_codec.ndef(main, podlet_codec.first_record("")))).doses_left == 20


# Writing --------------------------------------------------------------------------------------------------------


def doses_on(tag: Ntag) -> int:
    bench = Bench(tag)
    bench.run_until(usable)
    return bench.reader.doses_used


@pytest.mark.parametrize("page", range(4))
@pytest.mark.parametrize("kept", range(5))
def test_torn_write(page: int, kept: int) -> None:
    """The power goes while page `page` of the slot is written, `kept` bytes of it are new: never fewer doses."""
    tag = podlets.build(DOSE, slots=podlets.slot(1, 1, 50_000, 20_000, 1) + podlets.slot(2, 2, 100_000, 20_000, 1))
    bench = Bench(tag)
    bench.run_until(usable)
    written = 0

    def tear(number: int, old: bytes, new: bytes, permille: int) -> bytes | None:
        nonlocal written
        written += 1
        return new[:kept] + old[kept:] if written == page + 1 else None

    tag.tear = tear
    assert bench.reader.note_dose(3, 50_000, 1, 0)
    bench.run_until(lambda _: written > page)
    bench.place(None)
    gave_up(bench)
    assert bench.reader.write_state == rd.WRITE_FAILED
    tag.tear = None
    assert doses_on(tag) == (3 if (page, kept) == (3, 4) else 2)


def test_verify_after_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag that says it took the bytes, and has others: tried three times, then the dose is refused."""
    bench = placed()
    tag = bench.chip.tag
    assert tag is not None
    before = tag.image()
    tries: list[int] = []

    def only_say_so(page: int, data: bytes, permille: int) -> int:
        tries.append(page)
        return 0x0A

    monkeypatch.setattr(tag, "_write", only_say_so)
    assert bench.reader.note_dose(1, 50_000, 1, 0)
    bench.run_until(lambda reader: reader.write_state != rd.WRITE_BUSY)
    assert bench.reader.write_state == rd.WRITE_FAILED
    assert len(tries) == 12 and tag.image() == before
    bench.run_until(lambda _: not bench.chip.rf_on, 500)
    bounded(bench)


# Time -----------------------------------------------------------------------------------------------------------


def test_retries_get_slower() -> None:
    """What passes is tried again at once; a chip that stays silent every 3 s; a tag that cannot be read every 2 s."""
    bench = placed()
    bench.chip.silent = True
    bench.run(2000)
    before = bench.transfers
    bench.run(9000)
    assert bench.transfers - before <= 15
    gave_up(bench)
    bench.commands.clear()
    tag = podlets.demo("demo")
    dynlock = 4 * (tag.pages - 5)
    tag.mem[dynlock + 7] = 20
    tag.mem[dynlock + 8] = 0x80
    bench = Bench(tag)
    bench.run(1000)
    bench.commands.clear()
    bench.run(6000)
    # Each reading begins with a READ of page 0; three of them every two seconds.
    assert bench.commands.count(0x40) <= 9
    gave_up(bench)


def test_field_is_off_between_visits() -> None:
    for tag in (None, podlets.demo("demo"), podlets.demo("blank")):
        bench = Bench(tag)
        bench.run(1000)
        on_us = bench.field_on_us
        bench.run(3000)
        assert bench.field_on_us - on_us < 1_000_000
        bench.run_until(lambda _, bench=bench: not bench.chip.rf_on, 500)
        bounded(bench)


def stuck_after_the_field_came(data: bytes) -> bytes:
    """Set-up goes well, the selection brings the field, and its answer is never whole."""
    return data[:-2] + bytes((data[-2] ^ 0x55, 0)) if data[5:7] == b"\xd5\x4b" else data


def longest_field_us() -> int:
    """The longest stretch of field while the chip answers everything but the selection."""
    bench = placed()
    bench.chip.twist = stuck_after_the_field_came
    bench.longest_field_us = 0
    bench.run(8000)
    assert bench.reader.fault == m.CODE_READER_SILENT and not bench.reader.present
    bench.chip.twist = None
    back(bench)
    return bench.longest_field_us


def test_a_chip_that_fails_with_its_field_on_is_held_in_reset() -> None:
    assert longest_field_us() <= FIELD_US


def test_a_chip_that_is_not_held_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same without `Chip.hold`: the field stays on until the next attempt."""

    def not_held(chip: Chip) -> None:
        chip._state = 0

    monkeypatch.setattr(Chip, "hold", not_held)
    assert longest_field_us() > 2 * FIELD_US


# The table ------------------------------------------------------------------------------------------------------


def test_the_table_names_real_tests(pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (root / "docs" / "podlet-faults.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith(("| ---", "| fault"))
    ]
    named: set[str] = set()
    for row in rows:
        assert len(row) == 3 and "`" in row[2], row
        for name in row[2].replace("`", "").split(", "):
            file, _, function = name.rpartition("::")
            text = (root / "tests" / (file or "firmware/test_podlet_faults.py")).read_text(encoding="utf-8")
            assert f"def {function}(" in text, name
            named.add(function)
    here = {line[4:].split("(")[0] for line in Path(__file__).read_text().splitlines() if line.startswith("def test_")}
    assert here - named == {"test_the_table_names_real_tests"}
    assert len(rows) >= 31
