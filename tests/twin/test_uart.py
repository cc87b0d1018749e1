# SPDX-License-Identifier: Apache-2.0
"""The serial line against a model that moves single bytes."""

from fractions import Fraction

import pytest
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam_twin.uart import Uart


class ByteByByte:
    """One direction with a ring at its end, moved byte by byte in exact fractions of a microsecond."""

    def __init__(self, baud: int, ring: int) -> None:
        self.byte_us = Fraction(10_000_000, baud)
        self.ring = ring
        self.free_us = Fraction(0)
        self.coming: list[tuple[Fraction, int]] = []
        self.here: list[int] = []
        self.lost = 0

    def send(self, t_us: int, data: bytes) -> None:
        self.free_us = max(self.free_us, Fraction(t_us))
        for byte in data:
            self.free_us += self.byte_us
            self.coming.append((self.free_us, byte))

    def run(self, t_us: int) -> None:
        while self.coming and self.coming[0][0] <= t_us:
            byte = self.coming.pop(0)[1]
            if len(self.here) < self.ring:
                self.here.append(byte)
            else:
                self.lost += 1

    def read(self, count: int) -> bytes:
        out = bytes(self.here[:count])
        del self.here[:count]
        return out


STEPS = st.lists(
    st.tuples(st.integers(0, 40_000), st.sampled_from(["send", "read", "look"]), st.integers(0, 300)), max_size=60
)


@given(steps=STEPS, ring=st.sampled_from([16, 259, 4096]), baud=st.sampled_from([9600, 115_200, 921_600]))
@tries(80)
def test_towards_the_device(steps: list[tuple[int, str, int]], ring: int, baud: int) -> None:
    uart = Uart(baud, rx_ring=ring)
    model = ByteByByte(baud, ring)
    t_us = 0
    number = 0
    for gap_us, act, size in steps:
        t_us += gap_us
        # Off the grid of bytes, where the rounding of a run's end to whole microseconds could not matter.
        model.run(t_us)
        if act == "send":
            data = bytes((number + i) % 256 for i in range(size))
            number += size
            uart.host_send(t_us, data)
            model.send(t_us, data)
        elif act == "read":
            buf = bytearray(size)
            count = uart.device_read(t_us, buf)
            assert bytes(buf[:count]) == model.read(size)
        else:
            assert uart.device_available(t_us) == len(model.here)
        assert uart.lost <= model.lost
    model.run(t_us)
    assert uart.device_available(t_us) == len(model.here)
    assert uart.lost == model.lost


def test_bytes_come_one_after_the_other() -> None:
    uart = Uart(115_200)
    uart.host_send(1000, b"abc")
    assert uart.device_available(1086) == 0
    assert uart.device_available(1087) == 1
    assert uart.device_available(1173) == 1
    assert uart.device_available(1174) == 2
    assert uart.device_available(1261) == 3
    buf = bytearray(2)
    assert uart.device_read(1261, buf) == 2
    assert buf == b"ab"
    assert uart.device_read(1261, buf) == 1
    assert buf[:1] == b"c"
    assert uart.device_read(1261, buf) == 0


def test_the_stock_ring_keeps_259_of_1000_without_a_word() -> None:
    uart = Uart(115_200, rx_ring=259)
    data = bytes(i % 251 for i in range(1000))
    uart.host_send(0, data)
    assert uart.device_available(200_000) == 259
    buf = bytearray(1000)
    assert uart.device_read(200_000, buf) == 259
    assert buf[:259] == data[:259]
    assert uart.lost == 741


def test_the_driver_wakes_at_120_bytes_or_at_a_silence() -> None:
    uart = Uart(115_200)
    assert uart.next_rx_us() is None
    uart.host_send(0, bytes(300))
    assert uart.next_rx_us() == 10_417
    assert uart.device_available(10_417) == 120
    assert uart.next_rx_us() == 20_834
    assert uart.device_available(20_834) == 240
    assert uart.next_rx_us() == 26_042
    # After a silence comes a second message, which is no reason to wait with the first.
    uart.host_send(50_000, bytes(10))
    assert uart.next_rx_us() == 26_042
    assert uart.device_available(26_042) == 300
    assert uart.next_rx_us() == 50_869
    assert uart.device_available(50_869) == 310
    assert uart.next_rx_us() is None


def test_from_the_device_at_the_pace_of_the_line() -> None:
    uart = Uart(115_200)
    assert not uart.has_left(0)
    assert uart.device_write(0, b"hello world", 5) == 5
    assert not uart.has_left(86)
    assert uart.has_left(87)
    assert uart.host_receive(200) == b"he"
    assert uart.host_receive(200) == b""
    assert uart.device_write(300, b"!", 1) == 1
    assert uart.host_receive(435) == b"llo"
    assert uart.host_receive(10_000) == b"!"
    assert uart.next_tx_us() is None
    uart.device_write(20_000, bytes(100), 100)
    assert uart.next_tx_us() == 20_000 + 8_681
    assert len(uart.host_receive(25_556)) == 64
    assert uart.next_tx_us() == 20_000 + 8_681
    assert len(uart.host_receive(28_681)) == 36
    assert uart.next_tx_us() is None


def test_a_full_transmit_ring_takes_all_or_nothing() -> None:
    uart = Uart(115_200, tx_ring=100)
    assert uart.device_write(0, bytes(100), 100) == 100
    assert uart.device_write(0, bytes(1), 1) == 0
    assert uart.device_write(0, b"", 0) == 0
    # Ten bytes have left after 868.06 us.
    assert uart.device_write(868, bytes(10), 10) == 0
    assert uart.device_write(869, bytes(11), 11) == 0
    assert uart.device_write(869, b"x" * 10, 10) == 10
    assert len(uart.host_receive(100_000)) == 110


def test_a_reset_loses_the_rings_and_nothing_else() -> None:
    uart = Uart(115_200)
    uart.host_send(0, b"in the ring, on the line")
    uart.device_write(0, b"gone, not gone", 14)
    uart.reset(435)
    assert uart.device_available(435) == 0
    assert uart.host_receive(500) == b"gone,"
    buf = bytearray(100)
    assert uart.device_read(100_000, buf) == 19
    assert buf[:19] == b"e ring, on the line"
    assert uart.device_write(100_000, b"new", 3) == 3
    assert uart.host_receive(200_000) == b"new"


@pytest.mark.parametrize("baud", [115_200, 460_800])
def test_throughput(baud: int) -> None:
    uart = Uart(baud, tx_ring=4096)
    sent = 0
    got = 0
    for t_us in range(0, 1_000_000, 10_000):
        while uart.device_write(t_us, bytes(256), 256):
            sent += 256
        got += len(uart.host_receive(t_us))
    assert got == pytest.approx(baud / 10 * 0.99, abs=2)
    assert sent - got <= 4096 + 256


def test_ends_at_different_rates_hear_nothing_right() -> None:
    uart = Uart(115_200)
    uart.host_rate(0, 921_600)
    uart.host_send(0, b"abc")
    uart.device_write(0, b"def", 3)
    buf = bytearray(10)
    assert uart.device_read(50, buf) == 3
    assert not set(buf[:3]) & set(b"abc")
    heard = uart.host_receive(1_000)
    assert len(heard) == 3 and not set(heard) & set(b"def")


def test_what_has_arrived_before_a_change_was_heard_right() -> None:
    uart = Uart(115_200)
    uart.host_send(0, b"ab")
    uart.device_write(0, b"cd", 2)
    uart.device_rate(87, 921_600)
    uart.host_rate(87, 921_600)
    uart.host_send(1_000, b"e")
    buf = bytearray(10)
    assert uart.device_read(2_000, buf) == 3
    # The second of each was still on the line, at the old rate.
    assert buf[0:1] == b"a" and buf[1:2] != b"b" and buf[2:3] == b"e"
    heard = uart.host_receive(2_000)
    assert heard[:1] == b"c" and heard[1:] != b"d"


def test_the_pace_follows_the_rate() -> None:
    uart = Uart(115_200)
    assert uart.device_rate(0, 0) == 115_200
    assert uart.device_rate(0, 921_600) == 921_600
    uart.host_rate(0, 921_600)
    uart.device_write(0, bytes(1000), 1000)
    assert len(uart.host_receive(5_425)) == 499
    assert uart.busy_ms(0) == 11
    uart.reset(20_000)
    assert uart.device_rate(20_000, 0) == 115_200


def test_an_adapter_that_does_not_do_the_rate() -> None:
    uart = Uart(115_200)
    uart.most_baud = 460_800
    for rate, right in ((460_800, True), (921_600, False), (115_200, True)):
        uart.device_rate(0, rate)
        uart.host_rate(0, rate)
        uart.device_write(0, b"x", 1)
        assert (uart.host_receive(1_000_000) == b"x") == right
        uart.reset(1_000_000)
