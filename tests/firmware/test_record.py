# SPDX-License-Identifier: Apache-2.0
"""A podlet's record and what the device makes of it: numbers, slots, torn writes, limits, and hostile images."""

import struct
from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.podlet.policy import Limits
from podsteam_firmware.podlet.record import Record
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_codec
from podsteam_twin import podlets
from podsteam_twin.nfc.ntag import Ntag

FIELDS = {
    p.MAIN_ID: b"PS-1",
    p.MAIN_NAME: "Mist",
    p.MAIN_FILL_NL: 1_000_000,
    p.MAIN_DOSE_NL: 50_000,
    p.MAIN_DOSE_COUNT: 20,
    p.MAIN_SESSION_CAP_NL: 500_000,
    p.MAIN_MIN_INTERVAL_S: 20,
    p.MAIN_OUTLET_MIN_CDEG: 3500,
    p.MAIN_OUTLET_MAX_CDEG: 6000,
    p.MAIN_FLOW_NL_MS: 400,
    p.MAIN_MADE_DAY: 20_000,
    p.MAIN_EXPIRES_DAY: 21_000,
    p.MAIN_PAO_DAYS: 90,
    p.MAIN_INCI: "Aqua",
    p.MAIN_ALLERGENS: 5,
    p.MAIN_CLEANING: True,
}
NEEDED = {p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20}
UID = bytearray(b"\x04PS\x10\x20\x30\x81")
BLANK = bytes(16)


def image(fields: dict[int, bool | int | str | bytes], slots: bytes = BLANK + BLANK, tag: str = "NTAG215") -> bytearray:
    return bytearray(podlets.build(fields, tag, slots=slots).image())


def parsed(data: bytearray) -> Record:
    record = Record()
    assert record.parse(data, len(data))
    return record


def readable(data: bytearray) -> bool:
    return Record().parse(data, len(data))


def changed(**changes: bool | int | str | bytes | None) -> dict[int, bool | int | str | bytes]:
    fields = dict(FIELDS)
    for name, value in changes.items():
        key = getattr(p, "MAIN_" + name)
        if value is None:
            del fields[key]
        else:
            fields[key] = value
    return fields


def judged(fields: dict[int, bool | int | str | bytes], slots: bytes = BLANK + BLANK, today: int = 0) -> Limits:
    limits = Limits()
    limits.judge(parsed(image(fields, slots)), UID, today)
    return limits


def test_numbers() -> None:
    record = parsed(image(FIELDS))
    numbers = {key: record.values[key] for key in FIELDS if key not in (p.MAIN_ID, p.MAIN_NAME, p.MAIN_INCI)}
    assert numbers == {key: FIELDS[key] for key in numbers}
    assert record.main_id == crc32(podlets.cbor(FIELDS)) >> 2
    assert (record.slot, record.doses_used, record.nl_used) == (-1, 0, 0)


@pytest.mark.parametrize("tag", ["NTAG213", "NTAG215", "NTAG216"])
def test_what_is_absent_is_zero(tag: str) -> None:
    record = parsed(image(dict(NEEDED), tag=tag))
    assert record.values[p.MAIN_DOSE_NL] == 50_000
    assert sum(record.values) == 50_020


@pytest.mark.parametrize(
    "fields",
    [
        changed(DOSE_NL=None),
        changed(DOSE_COUNT=None),
        changed(DOSE_NL=0),
        changed(DOSE_NL=-5),
        changed(DOSE_NL=2**30),
        changed(DOSE_NL="50"),
        changed(DOSE_NL=True),
        changed(DOSE_COUNT=65_536),
        changed(MIN_INTERVAL_S=65_536),
        changed(OUTLET_MIN_CDEG=40_000),
        changed(FLOW_NL_MS=65_536),
        changed(CLEANING=1),
        changed(FILL_NL=b"1"),
    ],
)
def test_limits_that_cannot_be_read(fields: dict[int, bool | int | str | bytes]) -> None:
    assert not readable(image(fields))


def test_unknown_keys_are_ignored() -> None:
    assert parsed(image({**FIELDS, 29: "future", 70_000: b"x"})).values == parsed(image(FIELDS)).values


def test_a_negative_window_is_allowed() -> None:
    assert parsed(image(changed(OUTLET_MIN_CDEG=-500))).values[p.MAIN_OUTLET_MIN_CDEG] == -500


def handmade(
    main_at: int = 23, main_size: int = 0, aux_at: int = 32, aux_size: int = 32, crc: int = -1, length: int = 64
) -> bytearray:
    """An image of one record, with what meta says chosen freely; the CRC is right for the main region it names."""
    main = podlets.cbor(dict(NEEDED))
    size = main_size or len(main)
    body = bytearray(length)
    body[23 : 23 + len(main)] = main
    for _ in range(2):
        # Twice, because a main region over meta holds its own CRC, and can never be right.
        right = crc32(body[main_at : main_at + size])
        meta = struct.pack(
            ">BBBHBBHBBHBBHBBI", 0xA5, 0, 25, main_at, 1, 25, size, 2, 25, aux_at, 3, 25, aux_size, 4, 26, 0
        )
        body[:23] = meta[:-4] + struct.pack(">I", right if crc < 0 else crc)
    kind = p.MIME_TYPE
    record = bytes((0xD2, len(kind), len(body))) + kind + body
    data = image(dict(NEEDED))
    data[16:520] = (b"\x03" + bytes((len(record),)) + record + b"\xfe").ljust(504, b"\0")
    return data


def test_regions_must_lie_inside_apart_and_on_pages() -> None:
    assert parsed(handmade()).aux_at == 52 + 32
    assert readable(handmade(main_size=9))
    assert readable(handmade(aux_at=36, length=68))
    assert readable(handmade(aux_size=36, length=68))
    for bad in (
        handmade(main_at=22),
        handmade(main_at=40, main_size=25),
        handmade(main_size=10),
        handmade(main_size=600),
        handmade(crc=0),
        handmade(aux_at=33, length=65),
        handmade(aux_at=36),
        handmade(aux_at=28, length=60),
        handmade(aux_size=31, length=63),
        handmade(aux_size=41),
        handmade(aux_at=600),
        # Something stands behind the slots.
        handmade(length=72),
    ):
        assert not readable(bad)


def test_main_must_match_its_crc() -> None:
    data = image(FIELDS)
    record = parsed(data)
    for at in range(record.main_at, record.main_at + record.main_size):
        for bit in range(8):
            data[at] ^= 1 << bit
            assert not readable(data)
            data[at] ^= 1 << bit
    assert readable(data)


def test_tags_without_a_podlet() -> None:
    for name in ("foreign", "blank"):
        assert not readable(bytearray(podlets.demo(name).image()))
    data = image(FIELDS)
    data[12] = 0
    assert not readable(data)
    assert not readable(bytearray(904))
    assert not readable(bytearray())


# Slots ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slots", "slot", "used"),
    [
        (podlets.slot(1, 1, 50_000, 20_100, 3) + BLANK, 0, 1),
        (podlets.slot(1, 1, 50_000, 20_100, 3) + podlets.slot(2, 2, 100_000, 20_100, 4), 1, 2),
        (podlets.slot(3, 3, 150_000, 20_100, 4) + podlets.slot(2, 2, 100_000, 20_100, 4), 0, 3),
        (podlets.slot(0, 9, 0, 0, 0) + podlets.slot(0xFFFF, 8, 0, 0, 0), 0, 9),
        (podlets.slot(0xFFFF, 8, 0, 0, 0) + podlets.slot(0, 9, 0, 0, 0), 1, 9),
        # The newer slot tells fewer doses: the count never goes back.
        (podlets.slot(5, 7, 350_000, 0, 0) + podlets.slot(6, 2, 100_000, 0, 0), 1, 7),
        (podlets.slot(5, 5, 0, 0, 0) + b"torn torn torn!!", 0, 5),
        (b"torn torn torn!!" + podlets.slot(5, 5, 0, 0, 0), 1, 5),
        # The first dose ever was torn: it may have been given.
        (b"torn torn torn!!" + BLANK, -1, 1),
    ],
)
def test_slots(slots: bytes, slot: int, used: int) -> None:
    record = parsed(image(FIELDS, slots))
    assert (record.slot, record.doses_used) == (slot, used)
    assert record.next_slot_at() == record.aux_at + (16 if slot == 0 else 0)


def test_two_damaged_slots_leave_no_count() -> None:
    assert not readable(image(FIELDS, b"torn torn torn!!" + b"also damaged...!"))


def test_encoded_slots_alternate_and_are_read_back() -> None:
    data = image(FIELDS)
    record = parsed(data)
    out = bytearray(16)
    places = []
    for dose in range(1, 6):
        at = record.next_slot_at()
        places.append((at - record.aux_at) // 16)
        record.encode_next(out, dose, 50_000 * dose, 20_100 + dose, 9)
        data[at : at + 16] = out
        record = parsed(data)
        assert (record.seq, record.doses_used, record.nl_used) == (dose, dose, 50_000 * dose)
        assert (record.first_use_day, record.last_session) == (20_101, 9)
    assert places == [0, 1, 0, 1, 0]
    assert struct.unpack_from("<I", out, 12)[0] == crc32(out[:12])


def test_sequence_numbers_wrap() -> None:
    record = parsed(image(FIELDS, podlets.slot(0xFFFF, 8, 0, 0, 0) + podlets.slot(0xFFFE, 7, 0, 0, 0)))
    out = bytearray(16)
    record.encode_next(out, 9, 1, 0, 0)
    assert struct.unpack_from("<H", out)[0] == 0
    assert record.next_slot_at() == record.aux_at + 16


@given(
    st.integers(0, 19),
    st.integers(0, 3),
    st.sampled_from(["old", "zero", "half", "ones"]),
    st.integers(0, 0xFFFF),
)
def test_a_torn_write_never_loses_a_dose(done: int, page: int, tear: str, first_seq: int) -> None:
    """A write of dose `done + 1` is cut in `page`: the count stays between what was given and what was meant."""
    data = image(FIELDS)
    record = parsed(data)
    record.seq = first_seq
    new = bytearray(16)
    for dose in range(1, done + 2):
        at = record.next_slot_at()
        record.encode_next(new, dose, 50_000 * dose, 20_100, 1)
        old = bytes(data[at : at + 16])
        data[at : at + 16] = new
        if dose <= done:
            record = parsed(data)
    whole = 4 * page
    torn = {
        "old": old[whole : whole + 4],
        "zero": bytes(4),
        "half": new[whole : whole + 2] + bytes(2),
        "ones": b"\xff" * 4,
    }
    data[at + whole : at + 16] = torn[tear] + old[whole + 4 :]
    record = parsed(data)
    assert done <= record.doses_used <= done + 1


# Policy ---------------------------------------------------------------------------------------------------------


def test_guest_limits_are_the_tags_own_where_they_are_narrower() -> None:
    limits = judged(FIELDS)
    assert limits.state == m.PODLET_GUEST
    assert limits.usable()
    assert (limits.dose_nl, limits.session_cap_nl, limits.min_interval_s) == (50_000, 500_000, 20)
    assert (limits.outlet_min_cdeg, limits.outlet_max_cdeg, limits.flow_nl_ms) == (3500, 6000, 400)
    assert (limits.doses_used, limits.doses_left) == (0, 20)


def test_no_tag_widens_the_guest_caps() -> None:
    limits = judged(
        changed(
            DOSE_NL=900_000,
            SESSION_CAP_NL=90_000_000,
            MIN_INTERVAL_S=0,
            OUTLET_MIN_CDEG=-500,
            OUTLET_MAX_CDEG=30_000,
            FLOW_NL_MS=1,
            FILL_NL=2**29,
        )
    )
    assert limits.dose_nl == 100_000
    assert limits.session_cap_nl == 1_000_000
    assert limits.min_interval_s == 10
    assert limits.outlet_min_cdeg == 3_000
    assert limits.outlet_max_cdeg == 10_500
    assert limits.flow_nl_ms == 100


def test_guest_caps_stand_in_for_what_the_tag_does_not_say() -> None:
    limits = judged(dict(NEEDED))
    assert limits.session_cap_nl == 1_000_000
    assert limits.min_interval_s == 10
    assert limits.outlet_min_cdeg == 3_000
    assert limits.outlet_max_cdeg == 10_500
    assert limits.flow_nl_ms == 400


def test_a_fast_liquid_keeps_its_short_pulses() -> None:
    assert judged(changed(FLOW_NL_MS=5_000)).flow_nl_ms == 5_000


def test_exhausted_by_count_or_by_volume() -> None:
    assert judged(FIELDS, podlets.slot(20, 20, 1_000_000, 0, 0) + BLANK).state == m.PODLET_EXHAUSTED
    assert judged(FIELDS, podlets.slot(20, 65_535, 0, 0, 0) + BLANK).doses_left == 0
    by_volume = judged(FIELDS, podlets.slot(1, 5, 960_000, 0, 0) + BLANK)
    assert (by_volume.state, by_volume.doses_left) == (m.PODLET_EXHAUSTED, 0)
    assert judged(FIELDS, podlets.slot(1, 5, 950_000, 0, 0) + BLANK).doses_left == 1


def test_expiry_needs_a_clock() -> None:
    for fields, note in (
        (FIELDS, m.CODE_NO_DATE),
        (changed(EXPIRES_DAY=None), m.CODE_NO_DATE),
        (changed(PAO_DAYS=None), m.CODE_NO_DATE),
        (dict(NEEDED), 0),
    ):
        limits = judged(fields, today=0)
        assert (limits.state, limits.date_note) == (m.PODLET_GUEST, note)


@pytest.mark.parametrize(
    ("today", "state", "note"),
    [
        (21_000, m.PODLET_GUEST, 0),
        (21_001, m.PODLET_GUEST, m.CODE_PODLET_OLD),
        (21_030, m.PODLET_GUEST, m.CODE_PODLET_OLD),
        (21_031, m.PODLET_EXPIRED, 0),
    ],
)
def test_a_grace_after_the_last_good_day(today: int, state: int, note: int) -> None:
    """The same after the period after opening, whichever ends first."""
    opened = podlets.slot(1, 1, 50_000, 20_910, 1) + BLANK
    opened_late = podlets.slot(1, 1, 50_000, 20_950, 1) + BLANK
    for fields, slots in (
        (FIELDS, BLANK + BLANK),
        (changed(EXPIRES_DAY=None), opened),
        (changed(EXPIRES_DAY=30_000), opened),
        (FIELDS, opened_late),
    ):
        limits = judged(fields, slots, today)
        assert (limits.state, limits.date_note) == (state, note)
    limits = judged(changed(EXPIRES_DAY=None), podlets.slot(1, 1, 50_000, 0, 1) + BLANK, today)
    assert (limits.state, limits.date_note) == (m.PODLET_GUEST, 0)


def test_a_clock_that_goes_back_or_is_lost_makes_nothing_good_again() -> None:
    limits = Limits()
    record = parsed(image(FIELDS))
    limits.judge(record, UID, 21_031)
    for today in (21_000, 1, 0):
        limits.judge(record, UID, today)
        assert (limits.state, limits.newest_day) == (m.PODLET_EXPIRED, 21_031)


def test_an_empty_window_is_unreadable() -> None:
    limits = judged(changed(OUTLET_MIN_CDEG=6000, OUTLET_MAX_CDEG=6000))
    assert limits.state == m.PODLET_UNREADABLE
    assert (limits.dose_nl, limits.doses_left) == (0, 0)


def test_a_tag_rolled_back_does_not_give_doses_back() -> None:
    limits = Limits()
    limits.judge(parsed(image(FIELDS, podlets.slot(1, 12, 600_000, 0, 0) + BLANK)), UID, 0)
    limits.judge(parsed(image(FIELDS)), UID, 0)
    assert (limits.doses_used, limits.doses_left) == (12, 8)
    limits.judge(parsed(image(FIELDS)), bytearray(7), 0)
    assert limits.doses_left == 20


def test_changes_count_changes_only() -> None:
    limits = Limits()
    record = parsed(image(FIELDS))
    limits.judge(record, UID, 0)
    limits.judge(record, UID, 0)
    assert limits.changes == 1


# Hostile images -------------------------------------------------------------------------------------------------


def harmless(data: bytearray) -> None:
    """Parsed without an exception; what is readable has limits within the guest caps."""
    record = Record()
    if record.parse(data, len(data)):
        limits = Limits()
        limits.judge(record, UID, 20_500)
        assert limits.dose_nl <= 100_000
        assert limits.session_cap_nl <= 1_000_000
        assert 0 <= record.aux_at <= len(data) - 32


@given(st.binary(min_size=0, max_size=904))
def test_any_memory_is_harmless(memory: bytes) -> None:
    harmless(bytearray(memory))
    harmless(bytearray(b"\x04PS\x8fPS12\0\0\0\0\xe1\x10\x6d\0" + memory[:888]))


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=6))
def test_any_change_is_harmless(changes: list[tuple[int, int]]) -> None:
    data = image(FIELDS)
    for at, value in changes:
        data[at] = value
    harmless(data)


@given(st.binary(max_size=120))
def test_any_main_with_a_right_crc_is_harmless(main: bytes) -> None:
    """The CRC keeps accidents out, not attackers: what stands behind it must be as harmless."""
    tag = Ntag("NTAG215")
    podlets.write_ndef(tag, podlet_codec.ndef(main, podlet_codec.first_record("")))
    harmless(bytearray(tag.image()))
