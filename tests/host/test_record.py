# SPDX-License-Identifier: Apache-2.0
"""Records decoded: whole ones to the right figures, broken ones without an error."""

import dataclasses
from enum import IntEnum

import pytest
import synthetic
from hypothesis import given
from hypothesis import strategies as st

from podsteam import words
from podsteam.recap import Dose, Span
from podsteam.record import decode
from podsteam.text import safe
from podsteam.wire.messages import (
    Console,
    DoseValue,
    Event,
    EventValue,
    FlagBits,
    PodletValue,
    RegimeValue,
    ResetValue,
    StateValue,
    StopValue,
    Tele,
)
from podsteam_protocol import frame


def test_a_device_record_gives_the_devices_own_figures() -> None:
    script = synthetic.script(by_device=True)
    record = decode(synthetic.wire(script.messages))
    assert record.head == script.head
    assert record.program == synthetic.PROGRAM
    assert record.end == script.messages[-1]
    assert record.damaged_bytes == 0 and not record.unknown
    s = record.summary
    assert s.complete
    assert s.stop_reason == StopValue.DONE and s.fault == 0
    assert s.duration_s == 355.0
    assert s.time_to_steam_s == 85
    assert (s.steam_s, s.steam_mg) == (180, record.end.steam_mg)
    assert s.steam_rate_mg_min == round(record.end.steam_mg * 60 / 180)
    assert (s.doses, s.doses_refused, s.dosed_nl) == (3, 1, 150_000)
    assert s.max_wall_cdeg == max(sample.wall_cdeg for sample in record.samples)


def test_a_live_record_gives_nearly_the_same_from_its_frames() -> None:
    own = decode(synthetic.session()).summary
    live = decode(synthetic.session(by_device=False)).summary
    assert live.complete
    assert live.steam_s == pytest.approx(own.steam_s, abs=0.5)
    assert live.steam_mg == pytest.approx(own.steam_mg, rel=0.03)
    assert live.energy_j == own.energy_j
    assert (live.doses, live.dosed_nl, live.stop_reason) == (own.doses, own.dosed_nl, own.stop_reason)


def test_a_fault_and_a_lost_podlet_are_told() -> None:
    record = decode(synthetic.session(fault=True, by_device=False))
    s = record.summary
    assert (s.stop_reason, s.fault, s.complete) == (StopValue.FAULT, 111, True)
    assert record.doses[-1].refused and record.doses[-1].result == DoseValue.NO_PODLET
    lines = [words.describe(event) for event in record.events]
    assert "Podlet: taken out during the session" in lines
    assert "Dose refused: no usable podlet (60.0 µL wanted)" in lines
    assert any(line.startswith("Fault 111 DRY_BOIL: The wall runs away") for line in lines)


def test_doses_carry_why_they_were_made_smaller() -> None:
    doses = decode(synthetic.session()).doses
    assert [d.result for d in doses] == [
        DoseValue.GIVEN,
        DoseValue.ASSUMED,
        DoseValue.GIVEN,
        DoseValue.SESSION_CAP,
    ]
    assert doses[2].reduced == (DoseValue.SESSION_CAP,)
    assert [d.counted_nl for d in doses] == [60_000, 60_000, 30_000, 0]
    assert doses[0].at_s == 105.0


def test_a_dose_that_was_never_reported_counts_as_given() -> None:
    events = [
        Event(1, 1000, EventValue.STARTED, 1, 60),
        Event(2, 2000, EventValue.DOSE_INTENT, 50_000, 9),
        Event(3, 9000, EventValue.DOSE_INTENT, 40_000, 10),
    ]
    record = decode(synthetic.wire([*events]))
    assert record.doses == (
        Dose(1.0, 9, 50_000, 50_000, DoseValue.ASSUMED, False),
        Dose(8.0, 10, 40_000, 40_000, DoseValue.ASSUMED, False),
    )
    assert record.summary.dosed_nl == 90_000
    assert not record.summary.complete


def test_states_follow_each_other_without_gaps() -> None:
    record = decode(synthetic.session())
    assert [span.state for span in record.spans] == [
        StateValue.ARMED,
        StateValue.WARM_UP,
        StateValue.STEAM,
        StateValue.COOLING,
    ]
    assert record.spans[1] == Span(StateValue.WARM_UP, 0.0, 85.0)
    for before, after in zip(record.spans, record.spans[1:]):
        assert before.end_s == after.start_s


def test_states_are_taken_from_the_samples_when_there_are_no_events() -> None:
    samples = [Tele(uptime_ms=1000 * i, state=StateValue.STEAM if i > 3 else StateValue.WARM_UP) for i in range(8)]
    record = decode(synthetic.wire([*samples]))
    assert record.spans == (Span(StateValue.WARM_UP, 0.0, 4.0), Span(StateValue.STEAM, 4.0, 7.0))


def test_time_goes_on_where_the_device_clock_wraps() -> None:
    script = synthetic.script(start_ms=(1 << 30) - 60_000)
    record = decode(synthetic.wire(script.messages))
    times = [record.seconds(sample.uptime_ms) for sample in record.samples]
    assert times == sorted(times)
    assert record.summary.duration_s == 355.0
    assert record.summary.steam_s == pytest.approx(180, abs=0.5)


def test_events_asked_for_again_come_once_and_in_order_over_the_numbers_wrap() -> None:
    events = [Event((65530 + i) % 65536, 1000 * i, EventValue.BUTTON, i % 2) for i in range(12)]
    shuffled = [*events[:4], *events[6:], *events[2:7], events[0]]
    record = decode(synthetic.wire([*shuffled]))
    assert list(record.events) == events


def test_the_wall_clock_follows_the_heads_start() -> None:
    from datetime import UTC, datetime, timedelta

    record = decode(synthetic.session())
    started = datetime(2026, 11, 24, 9, tzinfo=UTC)
    sample = record.samples[5]
    expected = started + timedelta(milliseconds=sample.uptime_ms - synthetic.HEAD.started_ms)
    assert record.wall_time(sample.uptime_ms, started) == expected
    assert record.wall_time(sample.uptime_ms) is None, "neither host nor device knew the time"
    head = dataclasses.replace(synthetic.HEAD, started_unix=1_000_000_000)
    own = decode(synthetic.wire([head])).wall_time(head.started_ms + 1500)
    assert own == datetime.fromtimestamp(1_000_000_001.5, UTC)


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_record(raw: bytes) -> None:
    record = decode(raw)
    assert record.damaged_bytes <= len(raw)
    assert record.summary.duration_s >= 0


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=frame.MAX_BODY - 2)),
        max_size=30,
    )
)
def test_any_frames_are_a_record(frames: list[tuple[int, int, bytes]]) -> None:
    record = decode(b"".join(frame.encode(*parts) for parts in frames))
    assert record.damaged_bytes == 0
    assert len(record.samples) == sum(kind == Tele.ID for kind, _, _ in frames)
    known = {0x70, 0x71, 0x72, 0x73, 0x74}
    assert sum(record.unknown.values()) == sum(kind not in known for kind, _, _ in frames)
    assert record.summary.doses >= 0 and record.spans is not None
    for event in record.events:
        assert words.describe(event).isprintable()


RAW = synthetic.session(1000)
WHOLE = decode(RAW)


@given(st.integers(0, len(RAW)))
def test_a_torn_tail_costs_only_what_is_torn(cut: int) -> None:
    record = decode(RAW[:cut])
    assert record.samples == WHOLE.samples[: len(record.samples)]
    assert record.events == WHOLE.events[: len(record.events)]
    ends = RAW.rfind(b"\0", 0, cut) + 1
    assert record.damaged_bytes == cut - ends
    assert record.end is None or cut == len(RAW)


@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_a_damaged_byte_costs_at_most_two_frames(at: int, flip: int) -> None:
    raw = bytearray(RAW)
    raw[at] ^= flip
    record = decode(bytes(raw))
    whole = len(WHOLE.samples) + len(WHOLE.events)
    assert len(record.samples) + len(record.events) >= whole - 2


def test_text_of_the_device_is_made_harmless() -> None:
    record = decode(synthetic.hostile())
    assert len(record.console) == 1
    assert record.console[0].isprintable() and "\x1b" not in record.console[0]
    assert decode(synthetic.wire([Console(b"\xff\xfe\x00ok")])).console == (r"\xff\xfe\x00ok",)


TABLES: list[tuple[type[IntEnum], dict[int, str]]] = [
    (StateValue, dict(words.STATE)),
    (RegimeValue, dict(words.REGIME)),
    (ResetValue, dict(words.RESET)),
    (StopValue, dict(words.STOP)),
    (PodletValue, dict(words.PODLET)),
    (DoseValue, dict(words.DOSE)),
]


@pytest.mark.parametrize(("values", "table"), TABLES)
def test_every_value_has_its_own_words(values: type[IntEnum], table: dict[int, str]) -> None:
    assert set(table) == set(values)
    assert len(set(table.values())) == len(table)


def test_every_event_has_its_own_words() -> None:
    lines = {words.describe(Event(0, 0, kind, 1, 2)) for kind in EventValue}
    assert len(lines) == len(EventValue)
    assert not any(line.startswith("Event ") for line in lines)


@given(st.integers(0, 255), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_any_event_is_one_harmless_line(kind: int, a: int, b: int) -> None:
    event = Event(0, 0, kind, a, b)
    line = words.describe(event)
    assert line == safe(line) and line.isprintable()
    assert words.level(event) in ("bad", "good", "note", "detail")


def test_a_gap_is_not_filled_with_steam() -> None:
    steaming = FlagBits.STEAM_OK
    samples = [Tele(uptime_ms=t, flags=steaming, steam_mg_min=6000) for t in (0, 1000, 61_000, 62_000)]
    s = decode(synthetic.wire([*samples])).summary
    assert (s.steam_s, s.steam_mg, s.steam_rate_mg_min) == (2.0, 200, 6000)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.6, "1:00"), (-3, "-0:03"), (-0.2, "0:00"), (3599.4, "59:59"), (3600, "1:00:00")],
)
def test_clock(seconds: float, text: str) -> None:
    assert words.clock(seconds) == text
