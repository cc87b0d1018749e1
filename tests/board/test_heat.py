# SPDX-License-Identifier: Apache-2.0
"""What needs current in the element: bursts as the current sense counts them, and resets while it is hot."""

import pytest

from podsteam.wire import messages as m

OFF_WITHIN_S = 2.0
WARM_CDEG = 5000


@pytest.mark.heats
@pytest.mark.needs("load_sense")
@pytest.mark.needs_board("The burst's waveform: half-cycles with current agree with the pattern that was sent")
def test_bursts_reach_the_element(board, record_property):
    if board.status().wall_cdeg > WARM_CDEG:
        pytest.skip("the boiler is still warm: let it cool, and run this again")
    board.device.subscribe(200)
    board.start()
    board.advance(20)
    on = [tele for tele in board.telemetry if tele.state == m.StateValue.WARM_UP and tele.duty_permille > 800]
    assert len(on) > 20
    power_w = on[-1].power_dw / 10
    record_property("power_w", power_w)
    record_property("energy_j", on[-1].energy_j)
    # A welded, open or half-firing SSR would have latched a fault; the energy is counted from current, not commands.
    assert board.status().fault == 0
    span_s = ((on[-1].uptime_ms - on[0].uptime_ms) & 0x3FFFFFFF) / 1000
    share = (on[-1].energy_j - on[0].energy_j) / (power_w * span_s)
    record_property("energy_share", round(share, 3))
    assert 0.9 < share < 1.1


@pytest.mark.heats
@pytest.mark.needs_board("Pads through a reset: heater and relay are off after one in the middle of a burst")
def test_a_reset_while_hot_leaves_everything_off(board):
    board.start()
    board.advance(10)
    board.reset("line")
    status = board.status()
    assert not status.flags & m.FlagBits.RELAY and status.state == m.StateValue.IDLE
    before = status.wall_cdeg
    board.advance(20)
    assert board.status().wall_cdeg < before + 300


@pytest.mark.heats
@pytest.mark.needs("power")
@pytest.mark.needs_board("Power lost while hot: nothing heats by itself afterwards")
def test_power_lost_while_hot(board):
    board.start()
    board.advance(10)
    board.cut_power()
    assert board.device.hello.reset_cause == m.ResetValue.POWER_ON
    assert board.status().state == m.StateValue.IDLE
    board.advance(5)
    assert not board.status().flags & m.FlagBits.RELAY


@pytest.mark.heats
@pytest.mark.needs_board("STOP while hot: the device itself says that its relay is open, in time")
def test_stop_opens_the_relay(board, record_property):
    board.start()
    board.advance(10)
    clock = board.device.port.clock
    begin = clock.now()
    board.device.stop_and_prove()
    spent = clock.now() - begin
    record_property("relay_open_after_s", round(spent, 3))
    assert spent < OFF_WITHIN_S
