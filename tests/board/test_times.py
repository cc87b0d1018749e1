# SPDX-License-Identifier: Apache-2.0
"""Times that an emulator has none of: collection, flash erase, the tick's regularity."""

import time

import pytest

from podsteam.wire import messages as m

TICK_MS = 50
WATCHDOG_MS = 1000
PROGRAM = m.Program(name=b"hil".ljust(16, b"\0"), warm_up_max_s=300, steam1_mg_min=3000, steam1_s=60, end_cdeg=6000)


@pytest.mark.needs_board("Garbage collection: the longest pause between a request and its reply, at rest")
def test_the_pause_of_a_collection(board, record_property):
    pauses = []
    for number in range(500):
        reply = board.request(m.PingRequest(number))
        pauses.append((reply.tx_ms - reply.rx_ms) & 0x3FFFFFFF)
    record_property("longest_pause_ms", max(pauses))
    assert max(pauses) < TICK_MS


@pytest.mark.needs_board("Flash erase: how long Python stands still, and that the watchdog bears it")
def test_the_stall_of_an_erase(board, record_property):
    boot = board.device.link.boot_id
    spans = []
    for number in range(20):
        # Each is new, so each is written.
        begin = time.monotonic()
        board.device.put_program(m.Program.unpack(PROGRAM.pack()[:-2] + (4000 + number).to_bytes(2, "little")))
        spans.append((time.monotonic() - begin) * 1000)
    record_property("longest_write_ms", round(max(spans), 1))
    assert max(spans) < WATCHDOG_MS
    board.status()
    assert board.device.link.boot_id == boot


@pytest.mark.needs_board("The tick: 20 a second for a minute, with the converter's readings in it")
def test_the_tick_is_regular(board, record_property):
    board.device.subscribe(TICK_MS)
    board.advance(60)
    stamps = [tele.uptime_ms for tele in board.telemetry]
    gaps = [(b - a) & 0x3FFFFFFF for a, b in zip(stamps, stamps[1:])]
    record_property("ticks", len(stamps))
    record_property("longest_gap_ms", max(gaps))
    assert len(stamps) + board.telemetry[-1].dropped >= 60_000 // TICK_MS * 0.99
    assert sum(gap <= TICK_MS + 10 for gap in gaps) >= 0.95 * len(gaps)


@pytest.mark.needs("clock")
@pytest.mark.needs_board("The DS3231 on a real bus: set over the link, it says so, and a minute later it is right")
def test_the_battery_clock_is_set_and_runs(board, record_property):
    set_s = int(time.time())
    begin = board.request(m.PingRequest(1)).rx_ms
    assert board.device.clock(set_s).source == m.ClockValue.BATTERY
    board.advance(60)
    passed_s = board.device.clock().unix_s - set_s
    # Against the device's own clock: a simulated minute is as good as any.
    ahead_s = passed_s - ((board.request(m.PingRequest(2)).rx_ms - begin) & 0x3FFFFFFF) / 1000
    record_property("ahead_s", round(ahead_s, 1))
    assert passed_s >= 59 and abs(ahead_s) < 2
