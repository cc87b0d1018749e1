# SPDX-License-Identifier: Apache-2.0
"""What the converter, the mains sense and the reader give at rest."""

import statistics

import pytest

from podsteam.wire import messages as m


@pytest.mark.needs_board("The converter's noise: from reading to reading of wall, water and outlet over half a minute")
def test_temperatures_are_quiet(board, record_property):
    board.device.subscribe(100)
    board.advance(30)
    for name in ("wall_cdeg", "water_cdeg", "outlet_cdeg"):
        values = [getattr(tele, name) for tele in board.telemetry]
        # Differences: what drifts, as a boiler does that cools, is no noise.
        noise = statistics.pstdev(b - a for a, b in zip(values, values[1:])) / 2**0.5
        record_property(f"{name}_noise", round(noise, 1))
        assert len(values) > 200 and 0 < statistics.mean(values) < 13_000
        assert noise < 50


@pytest.mark.needs_board("The mains sense: a plausible voltage, and zero crossings that agree on its presence")
def test_the_mains_is_seen(board, record_property):
    board.advance(2)
    status = board.status()
    record_property("mains_dv", status.mains_dv)
    if not status.flags & m.FlagBits.MAINS_OK:
        pytest.skip("the board's mains side has no power")
    assert 900 < status.mains_dv < 2650


@pytest.mark.needs("nfc")
@pytest.mark.needs_board("The PN532 on a real bus: a podlet stays read for a minute, whatever stretches the clock")
def test_a_podlet_stays_read(board):
    if board.request(m.PodletGetRequest()).state == m.PodletValue.ABSENT:
        board.insert("any")
    board.advance(60)
    assert not board.saw(m.EventValue.PODLET, m.PodletValue.ABSENT)
    assert not board.saw(m.EventValue.PODLET, m.PodletValue.UNREADABLE)
