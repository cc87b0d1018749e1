# SPDX-License-Identifier: Apache-2.0
"""The podlet reader over the simulated chip and tags: reading, watching, writing, and each way in which it can fail."""

import pytest
from effort import tries
from hypothesis import given
from hypothesis import strategies as st
from podlet_bench import Bench

from podsteam_firmware.podlet import iso14443
from podsteam_firmware.podlet import reader as rd
from podsteam_firmware.podlet.reader import Reader
from podsteam_firmware.podlet.record import Record
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_twin import podlets
from podsteam_twin.nfc.ntag import Ntag

SMALL = {p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20}
SMALL_USED = podlets.slot(1, 1, 50_000, 20_000, 1) + podlets.slot(2, 2, 100_000, 20_000, 1)


def usable(reader: Reader) -> bool:
    return reader.usable()


def absent(reader: Reader) -> bool:
    return reader.state == m.PODLET_ABSENT


def written(reader: Reader) -> bool:
    return reader.write_state in (rd.WRITE_DONE, rd.WRITE_FAILED)


def with_podlet(name: str = "demo") -> Bench:
    """A bench whose podlet has been read and is being watched."""
    bench = Bench(podlets.demo(name))
    bench.run(1000)
    assert bench.reader.present
    return bench


def used_on(tag: Ntag) -> int:
    record = Record()
    data = bytearray(tag.image())
    assert record.parse(data, len(data))
    return record.doses_used


# Finding and reading --------------------------------------------------------------------------------------------


def test_nothing_there() -> None:
    bench = Bench()
    bench.run(3000)
    assert (bench.reader.state, bench.reader.fault, bench.reader.changes) == (m.PODLET_ABSENT, 0, 0)
    assert 8 <= bench.commands.count(0x4A) <= 13
    assert bench.longest_us < 2000


@pytest.mark.parametrize("tag", ["NTAG213", "NTAG215", "NTAG216"])
def test_read_time(tag: str) -> None:
    """From presence to a decoded record, whenever it comes."""
    for offset_ms in range(0, 300, 12):
        bench = Bench()
        bench.run(1000 + offset_ms)
        bench.place(podlets.build(SMALL, tag))
        assert bench.run_until(usable) <= 500
        assert bench.longest_us < 2000


def test_what_was_read() -> None:
    tag = podlets.demo("demo")
    bench = Bench(tag)
    bench.run_until(usable)
    reader = bench.reader
    assert bytes(reader.uid) == tag.uid
    assert reader.tag_type == 0x11
    assert reader.image_size == 520
    assert bytes(reader.image[:520]) == tag.image()[:520]
    assert (reader.doses_left, reader.doses_used, reader.dose_nl) == (20, 0, 50_000)
    assert reader.insertion == 1
    assert reader.changes == 2


@pytest.mark.parametrize(
    ("name", "day", "state", "fault"),
    [
        ("demo", 20_000, m.PODLET_GUEST, 0),
        ("cleaning", 20_000, m.PODLET_GUEST, 0),
        ("fragile", 20_000, m.PODLET_GUEST, 0),
        ("empty", 20_000, m.PODLET_EXHAUSTED, 0),
        ("demo", 0, m.PODLET_GUEST, m.CODE_NO_DATE),
        ("expired", 0, m.PODLET_GUEST, m.CODE_NO_DATE),
        ("expired", 19_910, m.PODLET_GUEST, m.CODE_PODLET_OLD),
        ("expired", 20_000, m.PODLET_EXPIRED, 0),
        ("foreign", 0, m.PODLET_UNREADABLE, m.CODE_TAG_FORMAT),
        ("blank", 0, m.PODLET_UNREADABLE, m.CODE_TAG_FORMAT),
    ],
)
def test_states(name: str, day: int, state: int, fault: int) -> None:
    bench = Bench(podlets.demo(name))
    bench.day = day
    bench.run(1500)
    assert (bench.reader.state, bench.reader.fault) == (state, fault)
    assert bench.reader.present
    bench.place(None)
    bench.run(1000)
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_ABSENT, 0)
    assert (bench.reader.image_size, bench.reader.doses_left, bench.reader.dose_nl) == (0, 0, 0)
    assert not any(bench.reader.uid)


def test_it_is_read_once() -> None:
    bench = with_podlet()
    bench.commands.clear()
    bench.run(3000)
    assert set(bench.commands) == {0x4A, 0x52, 0x32}
    assert bench.reader.changes == 2


def test_the_field_is_off_between_visits() -> None:
    for tag in (None, podlets.demo("demo"), podlets.demo("blank")):
        bench = Bench(tag)
        bench.run(1000)
        end = bench.t_us + 3_000_000
        on_us = 0
        while bench.t_us < end:
            start = bench.t_us
            on = bench.chip.rf_on
            bench.step_to_next()
            on_us += (bench.t_us - start) if on or bench.chip.rf_on else 0
        assert on_us < 1_000_000, "the field is on for more than a third of the time"


def test_the_selection_is_judged() -> None:
    uid = bytearray(7)
    one = bytes.fromhex("0101004400070450531020308 1".replace(" ", ""))
    for answer, expected in (
        (b"", iso14443.NONE),
        (b"\0", iso14443.NONE),
        (one, iso14443.ONE),
        (b"\x02" + one[1:] + one[1:], iso14443.TWO),
        (b"\x02", iso14443.TWO),
        (bytes.fromhex("0101000400040804a1b2"), iso14443.FOREIGN),
        (bytes.fromhex("01010044200704505310203081057577810280"), iso14443.FOREIGN),
        (one[:-1], iso14443.FOREIGN),
        (b"\x01", iso14443.FOREIGN),
    ):
        buf = bytearray(b"xx" + answer)
        assert iso14443.selected(buf, 2, len(answer), uid) == expected
    assert bytes(uid) == bytes.fromhex("04505310203081")


# Removal and swap -----------------------------------------------------------------------------------------------


def test_removal_is_noticed_in_time() -> None:
    for offset_ms in range(0, 320, 16):
        bench = with_podlet()
        bench.run(offset_ms)
        bench.place(None)
        assert bench.run_until(lambda reader: not reader.present) <= 700
        assert absent(bench.reader)


def test_a_short_glitch_is_no_removal() -> None:
    bench = with_podlet()
    tag = bench.chip.tag
    for _ in range(20):
        bench.place(None)
        bench.run(20)
        bench.place(tag)
        bench.run(330)
    assert bench.reader.changes == 2
    assert bench.reader.insertion == 1


def test_removed_in_use_stays_so_until_told() -> None:
    bench = with_podlet()
    bench.reader.in_use = True
    bench.place(None)
    bench.run(1000)
    assert bench.reader.state == m.PODLET_REMOVED
    assert not bench.reader.present
    bench.run(3000)
    assert bench.reader.state == m.PODLET_REMOVED
    bench.reader.in_use = False
    bench.run(300)
    assert absent(bench.reader)


def test_a_swap_is_a_removal_and_another_podlet() -> None:
    bench = with_podlet()
    bench.place(podlets.demo("fragile"))
    bench.run_until(lambda reader: reader.insertion == 2, 700)
    assert bench.reader.state == m.PODLET_READING
    assert not bench.reader.usable()
    bench.run_until(usable, 500)
    assert bytes(bench.reader.uid) == podlets.demo("fragile").uid
    assert bench.reader.dose_nl == 100_000


def test_removal_while_reading() -> None:
    for offset_ms in range(0, 450, 9):
        bench = Bench(podlets.demo("demo"))
        bench.run(offset_ms)
        bench.place(None)
        bench.run(900)
        assert absent(bench.reader)
        assert bench.reader.image_size == 0
        assert not bench.chip.rf_on or bench.run(60) is None


def test_swap_while_reading() -> None:
    """Whatever the moment: what is told in the end is the second podlet, whole."""
    second = podlets.demo("fragile")
    for offset_ms in range(0, 450, 9):
        bench = Bench(podlets.demo("demo"))
        bench.run(offset_ms)
        bench.place(second)
        bench.run(1500)
        reader = bench.reader
        assert usable(reader)
        assert bytes(reader.uid) == second.uid
        assert bytes(reader.image[: reader.image_size]) == second.image()[: reader.image_size]
        assert reader.fault == 0


def run_to_command(bench: Bench, code: int, count: int) -> None:
    """Until command `code` has been sent `count` times."""
    bench.run_until(lambda _: bench.commands.count(code) >= count)


def test_a_tag_that_changes_its_uid_under_way_is_another_tag() -> None:
    """An emulator can: what it then shows is read anew, under the UID that it then has."""
    tag = podlets.demo("demo")
    other = podlets.demo("fragile")
    bench = Bench(tag)
    run_to_command(bench, 0x40, 1)
    tag.mem[:9] = other.mem[:9]
    bench.run_until(usable)
    assert bytes(bench.reader.uid) == tag.uid == other.uid
    assert bench.reader.insertion == 2


def test_a_tag_that_changes_while_it_is_read_is_read_again() -> None:
    tag = podlets.demo("demo")
    bench = Bench(tag)
    run_to_command(bench, 0x42, 3)
    tag.mem[11] |= 0x80
    bench.run_until(usable)
    assert bytes(bench.reader.image[:520]) == tag.image()[:520]


def test_two_tags_are_refused() -> None:
    bench = Bench(podlets.demo("demo"))
    bench.chip.others.append(podlets.demo("fragile"))
    bench.run(1000)
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_UNREADABLE, m.CODE_TWO_TAGS)
    assert not bench.reader.note_dose(1, 50_000, 1, 0)
    changes = bench.reader.changes
    bench.run(2000)
    assert bench.reader.changes == changes
    bench.chip.others.clear()
    bench.run_until(usable, 1000)
    assert bench.reader.fault == 0


def test_a_second_tag_beside_a_podlet_in_use() -> None:
    bench = with_podlet()
    insertion = bench.reader.insertion
    bench.chip.others.append(podlets.demo("fragile"))
    bench.run_until(lambda reader: not reader.usable(), 700)
    assert bench.reader.insertion != insertion
    assert bench.reader.fault == m.CODE_TWO_TAGS


def test_a_locked_away_tag_is_unreadable_and_tried_again() -> None:
    tag = podlets.demo("demo")
    dynlock = 4 * (tag.pages - 5)
    tag.mem[dynlock + 7] = 4
    tag.mem[dynlock + 8] = 0x80
    bench = Bench(tag)
    bench.run(1500)
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_UNREADABLE, m.CODE_TAG_FORMAT)
    changes = bench.reader.changes
    bench.run(3000)
    assert bench.reader.changes == changes
    tag.mem[dynlock + 7] = 0xFF
    bench.run_until(usable, 2600)


# A reader that fails --------------------------------------------------------------------------------------------


def test_a_silent_reader_never_blocks_and_comes_back() -> None:
    bench = Bench(podlets.demo("demo"))
    bench.chip.silent = True
    bench.run(10_000)
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_ABSENT, m.CODE_READER_SILENT)
    assert bench.transfers < 60
    assert bench.longest_us < 2000
    assert not bench.chip.rf_on
    bench.chip.silent = False
    bench.run_until(usable, 4000)
    bench.run(300)
    assert bench.reader.fault == 0


@pytest.mark.parametrize("fault", ["silent", "stuck_bus", "bad_checksum"])
def test_a_reader_that_fails_with_a_podlet(fault: str) -> None:
    bench = with_podlet()
    bench.reader.in_use = True
    setattr(bench.chip, fault, True)
    assert bench.run_until(lambda reader: not reader.present) <= 800
    assert bench.reader.state == m.PODLET_REMOVED
    bench.run(1000)
    assert bench.reader.fault == m.CODE_READER_SILENT
    bench.reader.in_use = False
    bench.run(100)
    assert absent(bench.reader)
    setattr(bench.chip, fault, False)
    bench.run_until(usable, 5000)


def test_a_stuck_bus_is_freed_by_reset() -> None:
    bench = with_podlet()
    bench.chip.stuck_sda = True
    bench.run(1500)
    assert usable(bench.reader)
    assert bench.reader.insertion == 1
    assert bench.reader.fault == 0


def test_a_chip_that_restarts_is_set_up_again_before_the_podlet_counts_as_gone() -> None:
    for offset_ms in range(0, 350, 7):
        bench = with_podlet()
        bench.run(offset_ms)
        bench.chip.reset(bench.t_us, True)
        bench.chip.reset(bench.t_us, False)
        bench.run(1500)
        assert usable(bench.reader)
        assert bench.reader.insertion == 1


def test_a_slow_chip_is_waited_for() -> None:
    bench = with_podlet()
    bench.chip.late_ms = 15
    bench.run(5000)
    assert usable(bench.reader)
    assert bench.reader.changes == 2


def test_one_lost_transfer_is_never_seen_outside() -> None:
    """Each single transfer of reading and watching fails once."""
    bench = Bench(podlets.demo("demo"))
    bench.run(1500)
    for lost in range(1, bench.transfers):
        bench = Bench(podlets.demo("demo"))
        while bench.transfers < lost:
            bench.call()
            event = bench.chip.next_event_us()
            bench.t_us = (
                max(bench.t_us + 1000, event or 0) if event and event < bench.t_us + 60_000 else bench.t_us + 1000
            )
        bench.bus_error = 1
        bench.run(2500)
        assert bench.bus_error == 0
        assert usable(bench.reader), lost
        assert (bench.reader.insertion, bench.reader.fault) == (1, 0)


@tries(30)
@given(st.lists(st.tuples(st.integers(1, 400), st.sampled_from("brsxoqc")), max_size=12), st.integers(0, 0x3FFFFFFF))
def test_any_trouble_ends_well(steps: list[tuple[int, str]], start_ms: int) -> None:
    """Faults and tags come and go in any order, at any clock: nothing blocks, and afterwards all is well again."""
    bench = Bench(start_ms=start_ms)
    chip = bench.chip
    tags = [podlets.demo("demo"), podlets.demo("fragile")]
    for ms, what in steps:
        bench.run(ms)
        if what == "b":
            bench.bus_error = 3
        elif what == "r":
            chip.reset(bench.t_us, True)
            chip.reset(bench.t_us, False)
        elif what == "s":
            chip.silent = not chip.silent
        elif what == "x":
            bench.place(None)
        elif what == "o":
            bench.place(tags[ms % 2])
        elif what == "q":
            chip.stuck_sda = True
        else:
            chip.bad_checksum = not chip.bad_checksum
    chip.silent = chip.bad_checksum = False
    bench.place(None)
    bench.run(8000)
    assert (bench.reader.state, bench.reader.fault) == (m.PODLET_ABSENT, 0)
    bench.place(tags[0])
    bench.run_until(usable, 600)
    assert bench.longest_us < 2000


# Writing --------------------------------------------------------------------------------------------------------


def test_a_dose_is_noted_and_verified() -> None:
    bench = with_podlet()
    tag = bench.chip.tag
    assert tag is not None
    for dose in range(1, 4):
        assert bench.reader.note_dose(dose, 50_000, 7, 20_500)
        assert bench.reader.write_state == rd.WRITE_BUSY
        assert not bench.reader.note_dose(dose, 50_000, 7, 20_500)
        assert bench.run_until(written) <= 400
        assert bench.reader.write_state == rd.WRITE_DONE
        assert used_on(tag) == dose
        assert (bench.reader.doses_used, bench.reader.doses_left) == (dose, 20 - dose)
        assert bytes(bench.reader.image[:520]) == tag.image()[:520]
    record = bench.reader.record
    assert (record.nl_used, record.first_use_day, record.last_session) == (150_000, 20_500, 7)
    bench.run(1000)
    assert not bench.chip.rf_on


def test_the_last_dose_exhausts() -> None:
    slots = podlets.slot(19, 19, 950_000, 0, 4) + podlets.slot(18, 18, 900_000, 0, 4)
    bench = Bench(podlets.build(SMALL, slots=slots))
    bench.run_until(usable)
    assert bench.reader.note_dose(20, 50_000, 1, 0)
    bench.run_until(written)
    assert bench.reader.write_state == rd.WRITE_DONE
    assert bench.reader.state == m.PODLET_EXHAUSTED
    assert not bench.reader.note_dose(21, 50_000, 1, 0)


def test_nothing_is_written_without_a_usable_podlet() -> None:
    for tag in (None, podlets.demo("empty"), podlets.demo("foreign")):
        bench = Bench(tag)
        bench.run(1000)
        assert not bench.reader.note_dose(1, 50_000, 1, 0)
        assert bench.reader.write_state == rd.WRITE_IDLE


def test_a_tag_that_does_not_take_the_count() -> None:
    tag = podlets.demo("demo")
    tag.mem[4 * (tag.pages - 5)] = 0xFF
    bench = Bench(tag)
    bench.run_until(usable)
    assert bench.reader.note_dose(1, 50_000, 1, 0)
    assert bench.run_until(written) <= 800
    assert bench.reader.write_state == rd.WRITE_FAILED
    assert usable(bench.reader)
    assert bench.reader.doses_used == 0


def test_a_tag_that_only_says_it_took_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    tag = podlets.demo("demo")
    bench = Bench(tag)
    bench.run_until(usable)
    monkeypatch.setattr(tag, "_write", lambda page, data, permille: 0x0A)
    assert bench.reader.note_dose(1, 50_000, 1, 0)
    bench.run_until(written)
    assert bench.reader.write_state == rd.WRITE_FAILED


def test_a_swap_before_the_write_writes_nothing() -> None:
    second = podlets.demo("fragile")
    before = second.image()
    bench = with_podlet()
    bench.place(second)
    assert bench.reader.note_dose(1, 50_000, 1, 0)
    bench.run(1500)
    assert bench.reader.write_state == rd.WRITE_FAILED
    assert second.image() == before
    assert usable(bench.reader)


def test_removal_at_any_time_of_a_write() -> None:
    """DONE means that the tag has it; and a tag never tells fewer doses than were DONE."""
    outcomes = set()
    for offset_us in range(0, 260_000, 1700):
        tag = podlets.build(SMALL, slots=SMALL_USED)
        bench = Bench(tag)
        bench.run(1000)
        assert bench.reader.note_dose(3, 50_000, 1, 0)
        end = bench.t_us + offset_us
        while bench.t_us < end:
            bench.step_to_next()
        bench.place(None)
        bench.run_until(lambda reader: not reader.present, 1000)
        outcomes.add(bench.reader.write_state)
        assert 2 <= used_on(tag) <= 3
        if bench.reader.write_state == rd.WRITE_DONE:
            assert used_on(tag) == 3
        assert bench.reader.write_state != rd.WRITE_BUSY
        bench.place(tag)
        bench.run_until(usable, 1000)
        assert bench.reader.doses_used == used_on(tag)
    assert outcomes == {rd.WRITE_DONE, rd.WRITE_FAILED}


def test_a_glitch_in_a_write_is_mended() -> None:
    bench = with_podlet()
    tag = bench.chip.tag
    assert tag is not None
    torn_once = []

    def tear(page: int, old: bytes, new: bytes, permille: int) -> bytes | None:
        if torn_once:
            return None
        torn_once.append(page)
        return new[:2] + bytes(2)

    tag.tear = tear
    assert bench.reader.note_dose(1, 50_000, 1, 0)
    bench.run_until(written)
    assert torn_once
    assert bench.reader.write_state == rd.WRITE_DONE
    assert used_on(tag) == 1


def test_a_glitch_of_the_field_in_a_write_is_waited_out() -> None:
    for offset_us in range(1000, 60_000, 2900):
        bench = with_podlet()
        tag = bench.chip.tag
        assert bench.reader.note_dose(1, 50_000, 1, 0)
        end = bench.t_us + offset_us
        while bench.t_us < end:
            bench.step_to_next()
        bench.place(None)
        bench.run(40)
        bench.place(tag)
        bench.run_until(written)
        assert bench.reader.write_state == rd.WRITE_DONE
        assert bench.reader.insertion == 1


def test_a_silent_reader_fails_the_write() -> None:
    bench = with_podlet()
    bench.chip.silent = True
    assert bench.reader.note_dose(1, 50_000, 1, 0)
    assert bench.run_until(written) <= 1000
    assert bench.reader.write_state == rd.WRITE_FAILED
