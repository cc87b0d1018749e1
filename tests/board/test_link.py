# SPDX-License-Identifier: Apache-2.0
"""The line of a real board: the pins taken over from the REPL, and a bridge whose lines can reset the chip."""

import pytest
from repl import Repl

from podsteam.client import Device
from podsteam.rate import can_raise, raise_rate
from podsteam.transport import find
from podsteam.wire import messages as m

NOISE = bytes(range(1, 256))
SSR_GPIO = 26


@pytest.mark.needs_board("UART 1 on GPIO 1 and 3: the pin matrix gives the bridge's pins to a 4096-byte buffer")
def test_a_whole_window_is_taken_while_the_firmware_is_busy(board, record_property):
    window = board.device.hello.rx_window
    record_property("rx_window", window)
    assert window >= 4096
    for _ in range(5):
        # No frame, 0x03 and 0x04 among it: to the REPL this would be the end.
        board.device.port.write((NOISE * (window // len(NOISE) + 1))[: window - 64] + b"\0")
        reply = board.request(m.PingRequest(0x03040301))
        assert reply.host_us == 0x03040301
    assert board.request(m.PingRequest(1)).host_us == 1


@pytest.mark.needs_board("DTR and RTS of a real bridge: opening and closing a port leaves the board running")
def test_opening_and_closing_resets_nothing(board):
    before = board.device.hello.uptime_ms
    boot = board.device.link.boot_id
    board.device.port.close()
    for _ in range(10):
        with Device(find.open_port(find.resolve(board.target))) as device:
            assert device.link.boot_id == boot
            assert device.hello.uptime_ms >= before
            before = device.hello.uptime_ms
    board.reopen()


@pytest.mark.needs_board("The line's rate: bridge and chip agree on 921600 baud or less, and both find back")
def test_the_rate_is_raised_and_silence_lowers_it(board, record_property):
    if not can_raise(board.device):
        pytest.skip("this port's line has no rate that could be raised")
    before = raise_rate(board.device)
    assert before is not None
    record_property("baud", board.device.port.baud)
    assert board.device.port.baud > before.first
    assert all(board.request(m.PingRequest(count)).host_us == count for count in range(200))
    board.device.port.clock.sleep(2 * before.silence_ms / 1000)
    board.device.port.set_baud(before.first)
    assert board.request(m.PingRequest(1)).host_us == 1


@pytest.mark.needs_board("RTS asserted alone resets the chip into its program, not into the ROM loader")
def test_the_lines_can_reset_the_board(board):
    boot = board.device.link.boot_id
    board.reset("line")
    assert board.device.link.boot_id != boot
    assert board.device.hello.reset_cause in (m.ResetValue.HARD, m.ResetValue.POWER_ON)
    assert not board.status().flags & m.FlagBits.RELAY


@pytest.mark.needs_board("A soft reset ends a PWM that somebody left running at the heater's pin")
def test_a_soft_reset_leaves_the_heater_off(board):
    repl = Repl(board)
    look = f"print(sum(Pin({SSR_GPIO}).value() for _ in range(400)))"
    # Nothing heats: the relay is open, since no firmware runs that would give it edges.
    repl.run(f"from machine import Pin, PWM; p = PWM(Pin({SSR_GPIO}), freq=1000, duty_u16=32768)")
    pulsing = int(repl.run(look))
    repl.soft_reset()
    repl.run("from machine import Pin")
    high = int(repl.run(look))
    repl.leave()
    board.greet()
    if not pulsing:
        pytest.skip("this build of MicroPython cannot read a PWM pin back: look with a scope")
    assert high == 0
