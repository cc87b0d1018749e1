# SPDX-License-Identifier: Apache-2.0
"""The podlet reader's bus, the clock and the line to the host, on a fake chip."""

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_board import READER, Registers, furnish
from fake_chip import Chip
from fake_install import installed
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.hal import pins
from podsteam_protocol import messages as m

Load = Callable[[str], types.ModuleType]


# Podlet reader ----------------------------------------------------------------------------------------------


def test_reader_gets_and_gives_bytes(hal: Any, chip: Chip) -> None:
    reader = chip.devices[0][READER]
    assert hal.nfc_write(bytearray(b"\0\0\xff\x02\xfe"), 3) == 3
    assert reader.got == [b"\0\0\xff"]
    buf = bytearray(8)
    assert hal.nfc_read(buf, 4) == 4
    assert buf == b"\x01\0\0\xff\0\0\0\0"


def test_reader_bus_is_its_own_and_fast(hal: Any, chip: Chip) -> None:
    buses = {number: (sda, scl, freq, timeout) for number, sda, scl, freq, timeout in chip.noted("i2c")}
    assert buses[0] == (pins.NFC_SDA, pins.NFC_SCL, 400_000, 20_000)
    assert buses[1][:2] == (pins.AUX_SDA, pins.AUX_SCL)


def test_silent_reader_is_an_error_number(hal: Any, chip: Chip) -> None:
    del chip.devices[0][READER]
    assert hal.nfc_write(bytearray(5), 5) == -5
    assert hal.nfc_read(bytearray(5), 5) == -5


def test_stuck_reader_bus_is_left_alone_until_reset_or_rest(hal: Any, chip: Chip) -> None:
    chip.stuck.add(0)
    assert hal.nfc_read(bytearray(5), 5) == -110
    before_us = chip.t_us
    for _ in range(50):
        assert hal.nfc_read(bytearray(5), 5) == -110
    assert chip.t_us - before_us < 1_000
    chip.stuck.clear()
    assert hal.nfc_read(bytearray(5), 5) == -110
    hal.nfc_reset(True)
    assert chip.level(pins.NFC_RESET) == 0
    hal.nfc_reset(False)
    assert chip.level(pins.NFC_RESET) == 1
    assert hal.nfc_read(bytearray(5), 4) == 4
    chip.stuck.add(0)
    assert hal.nfc_write(bytearray(5), 5) == -110
    chip.stuck.clear()
    chip.advance(250_000)
    assert hal.nfc_write(bytearray(5), 5) == 5


# Clock ------------------------------------------------------------------------------------------------------


def bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def test_unix_time(hal: Any) -> None:
    assert hal.unix_s() == 1_709_210_096


@given(st.integers(946_684_800, 4_102_444_799))
def test_unix_time_over_the_century(seconds: int) -> None:
    import datetime

    chip = Chip()
    with installed(chip):
        furnish(chip)
        t = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        fields = (t.second, t.minute, t.hour, t.isoweekday(), t.day, t.month, t.year - 2000)
        chip.devices[1][pins.CLOCK] = Registers(bytes(map(bcd, fields)) + bytes(9))
        import podsteam_firmware.hal.esp32_bus as bus

        clock = bus.Clock(bus.Bus(1, pins.AUX_SDA, pins.AUX_SCL, 100_000))
        assert clock.unix_s() == seconds


@given(st.integers(946_684_800, 4_102_444_799))
def test_the_clock_is_set_over_the_century(seconds: int) -> None:
    import datetime

    chip = Chip()
    with installed(chip):
        furnish(chip)
        part = chip.devices[1][pins.CLOCK] = Registers(bytes(15) + b"\x8c")
        import podsteam_firmware.hal.esp32_bus as bus
        from podsteam_firmware.hal.esp32_set_clock import set_chip

        clock = bus.Clock(bus.Bus(1, pins.AUX_SDA, pins.AUX_SCL, 100_000))
        assert clock.unix_s() == 0, "its oscillator had stopped"
        assert set_chip(clock.part, seconds)
        assert clock.unix_s() == seconds
        assert part.values[3] == datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoweekday()
        assert part.values[15] == 0x0C, "the other bits of the status stay"


def test_the_battery_clock_is_set_and_a_silent_one_is_told(hal: Any, chip: Chip) -> None:
    assert hal.set_clock(1_800_000_000) and hal.unix_s() == 1_800_000_000
    del chip.devices[1][pins.CLOCK]
    assert not hal.set_clock(1_800_000_001)


def test_without_a_battery_clock_a_told_time_runs_until_the_next_start(chip: Chip, load: Load, tmp_path: Path) -> None:
    furnish(chip)
    del chip.devices[1][pins.CLOCK]
    made = load("podsteam_firmware.hal.esp32").Esp32Hal(str(tmp_path))
    assert made.set_clock(1_800_000_000)
    for passed in range(1, 4):
        for _ in range(10):
            chip.advance(90_000)
            made.feed()
        assert made.unix_s() == 1_800_000_000 + passed * 900 // 1000
    assert load("podsteam_firmware.hal.esp32").Esp32Hal(str(tmp_path)).unix_s() == 0


def test_a_clock_that_stood_still_knows_nothing(hal: Any, chip: Chip) -> None:
    clock = chip.devices[1][pins.CLOCK]
    clock.values[15] = 0x80
    assert hal.unix_s() == 0
    clock.values[15] = 0
    clock.values[5] = 0
    assert hal.unix_s() == 0


def test_without_a_clock(chip: Chip, load: Load, tmp_path: Path) -> None:
    furnish(chip)
    del chip.devices[1][pins.CLOCK]
    hal = load("podsteam_firmware.hal.esp32").Esp32Hal(str(tmp_path))
    assert hal.unix_s() == 0
    assert not hal.caps & m.CAP_CLOCK


# Link -------------------------------------------------------------------------------------------------------


def test_the_port_is_taken_over(hal: Any, chip: Chip) -> None:
    uart = chip.uart[1]
    assert (uart.tx, uart.rx, uart.txbuf, uart.rxbuf) == (1, 3, 4096, 4096)
    chip.from_host(b"\x03" * 10)
    chip.advance(1000)
    buf = bytearray(20)
    assert hal.link_read(buf) == 10
    assert buf[:10] == b"\x03" * 10
    assert chip.repl == b""
    assert chip.kbd_intr == -1


def test_before_the_take_over_the_repl_loses_what_does_not_fit(chip: Chip) -> None:
    chip.from_host(b"a" * 1000)
    assert len(chip.repl) == 259
    assert sum(chip.noted("lost")) == 741
    chip.from_host(b"\x03")
    with pytest.raises(KeyboardInterrupt):
        chip.advance(1)


def test_a_window_of_bytes_arrives_whole(hal: Any, chip: Chip) -> None:
    data = bytes(i & 0xFF for i in range(hal.rx_window))
    chip.from_host(data)
    got = bytearray()
    buf = bytearray(300)
    while n := hal.link_read(buf):
        got += buf[:n]
    assert got == data
    assert chip.noted("lost") == []
    assert hal.link_read(buf) == 0


def test_writes_are_whole_or_nothing_and_never_block(hal: Any, chip: Chip) -> None:
    sent = bytearray()
    refused = 0
    buf = bytearray(257)
    for i in range(3000):
        length = 20 + i * 37 % 230
        buf[:length] = bytes([i & 0xFF]) * length
        taken = hal.link_write(buf, length)
        assert taken in (0, length)
        if taken:
            sent += buf[:length]
        else:
            refused += 1
        chip.advance(i * 911 % 4000)
        hal.feed()
    assert refused > 100
    assert chip.noted("blocked") == []
    for _ in range(40):
        chip.advance(100_000)
        hal.feed()
    hal.link_write(buf, 1)
    assert chip.host == sent
    # What was refused is what the line cannot carry.
    assert len(sent) > 0.9 * 11.52 * (chip.t_us / 1000 - 4000)


def test_one_full_burst_fits_and_the_next_does_not(hal: Any, chip: Chip) -> None:
    buf = bytearray(200)
    taken = 0
    while hal.link_write(buf, 200):
        taken += 1
    assert 10 <= taken <= 13
    assert chip.noted("blocked") == []
    chip.advance(400_000)
    assert hal.link_write(buf, 200) == 200


def test_the_rate_changes_the_pace_and_loses_nothing(hal: Any, chip: Chip) -> None:
    assert hal.link_rate(0) == 115_200
    buf = bytearray(b"x" * 200)
    hal.link_write(buf, 200)
    chip.advance(hal.link_busy_ms() * 1000)
    assert hal.link_rate(921_600) == 921_600
    # What had left by then did not have to be waited for.
    assert chip.noted("blocked") == []
    for _ in range(10):
        assert hal.link_write(buf, 200) == 200
    # 2000 bytes in 21.7 ms, of which less than one is the rounding.
    assert 21 < hal.link_busy_ms() <= 23
    chip.advance(23_000)
    assert hal.link_busy_ms() == 0
    assert hal.link_rate(115_200) == 115_200
    hal.link_write(buf, 200)
    assert hal.link_busy_ms() == 19
    assert chip.noted("blocked") == []
    chip.advance(20_000)
    hal.link_write(buf, 1)
    assert chip.host == b"x" * 2400
