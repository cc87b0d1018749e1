# SPDX-License-Identifier: Apache-2.0
"""What the HAL senses and how it waits, on a fake chip."""

import math
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_board import Mains, furnish, settle
from fake_chip import Chip

from podsteam_firmware.hal import BURST_DONE, LINK_RX, NFC_READY, VALVE_DONE, pins
from podsteam_firmware.signals import Inputs

Load = Callable[[str], types.ModuleType]
SWITCHES = {
    "water_ok": pins.WATER_OK,
    "latch_closed": pins.LATCHED,
    "upright": pins.UPRIGHT,
    "drained": pins.DRAINED,
}


# Sensing ----------------------------------------------------------------------------------------------------


def test_switches_and_button(hal: Any, chip: Chip) -> None:
    inputs = Inputs()
    hal.sample(inputs)
    assert not any(getattr(inputs, name) for name in (*SWITCHES, "button"))
    expander = chip.devices[1][pins.EXPANDER]
    for name, bit in SWITCHES.items():
        expander.grounded = bit
        hal.sample(inputs)
        assert {n: getattr(inputs, n) for n in SWITCHES} == {n: n == name for n in SWITCHES}
    chip.outside(pins.BUTTON, 0)
    hal.sample(inputs)
    assert inputs.button is True


@pytest.mark.parametrize("how", ["absent", "stuck"])
def test_switches_that_cannot_be_read_are_open(hal: Any, chip: Chip, how: str) -> None:
    inputs = Inputs()
    chip.devices[1][pins.EXPANDER].grounded = 0xFF
    hal.sample(inputs)
    assert inputs.water_ok
    if how == "absent":
        del chip.devices[1][pins.EXPANDER]
    else:
        chip.stuck.add(1)
    before_us = chip.t_us
    for _ in range(3):
        hal.sample(inputs)
        assert not any(getattr(inputs, name) for name in SWITCHES)
    # A stuck bus is left alone after the first timeout; the readings of three ticks without a wait cost 12 ms.
    assert chip.t_us - before_us < 40_000
    chip.stuck.clear()
    if how == "stuck":
        settle(hal, chip, 250)
        hal.sample(inputs)
        assert inputs.water_ok


def test_coil(hal: Any, chip: Chip) -> None:
    inputs = Inputs()
    for _ in range(3):
        chip.outside(pins.COIL, 1)
        hal.sample(inputs)
        assert inputs.coil_on is True
        chip.outside(pins.COIL, 0)
    hal.sample(inputs)
    assert inputs.coil_on is False
    assert inputs.coil_pulses == 3


def test_zero_crossings_are_counted_through_a_stall(hal: Any, chip: Chip) -> None:
    mains = Mains(chip)
    inputs = Inputs()
    settle(hal, chip, 100)
    chip.advance(400_000)
    hal.sample(inputs)
    assert inputs.zero_cross == len(mains.crossings)
    assert 49 <= inputs.zero_cross <= 51


def tick(hal: Any, chip: Chip, inputs: Inputs) -> int:
    """One period of the loop: wait 50 ms, then sample. Returns how long the sampling took in us."""
    until_ms = (hal.now_ms() + 50) & 0x3FFFFFFF
    while (until_ms - hal.now_ms()) & 0x3FFFFFFF < 0x20000000 and hal.now_ms() != until_ms:
        hal.wait(until_ms)
    before_us = chip.t_us
    hal.sample(inputs)
    return chip.t_us - before_us


def test_64_readings_of_each_channel(hal: Any, chip: Chip) -> None:
    inputs = Inputs()
    tick(hal, chip, inputs)
    chip.log.clear()
    began_us = chip.t_us
    took_us = tick(hal, chip, inputs)
    readings = chip.noted("adc")
    assert len(readings) == 320
    assert all(readings.count(pin) == 64 for pin in (pins.WALL, pins.WATER, pins.OUTLET, pins.REFERENCE, pins.MAINS))
    assert took_us < 5_000
    times = [t_us for t_us, what, pin in chip.log if what == "adc" and pin == pins.WALL]
    # Spread over a period of the mains, and no older than that when the tick begins.
    assert 16_000 < times[-1] - times[0] < 22_000
    assert chip.t_us - took_us - times[0] < 25_000
    assert chip.t_us - began_us < 60_000


def test_channels_are_not_mixed_up(hal: Any, chip: Chip) -> None:
    inputs = Inputs()
    for i, pin in enumerate((pins.WALL, pins.WATER, pins.OUTLET, pins.REFERENCE, pins.MAINS)):
        chip.analog[pin] = lambda uv=500_000 + 300_000 * i: uv
    tick(hal, chip, inputs)
    tick(hal, chip, inputs)
    assert [inputs.wall_uv, inputs.water_uv, inputs.outlet_uv, inputs.reference_uv, inputs.mains_uv] == [
        500_000,
        800_000,
        1_100_000,
        1_400_000,
        1_700_000,
    ]
    assert abs(inputs.sampled_ms - hal.now_ms()) <= 1


def test_outliers_are_dropped(hal: Any, chip: Chip) -> None:
    inputs = Inputs()
    count = [0]

    def spiky() -> int:
        count[0] += 1
        return {0: 142_000, 4: 3_100_000}.get(count[0] % 8, 1_000_000)

    chip.analog[pins.WALL] = spiky
    tick(hal, chip, inputs)
    tick(hal, chip, inputs)
    assert inputs.wall_uv == 1_000_000


def test_a_busy_tick_makes_do_with_fewer_readings(hal: Any, chip: Chip) -> None:
    inputs = Inputs()
    chip.log.clear()
    before_us = chip.t_us
    hal.sample(inputs)
    assert chip.t_us - before_us < 5_000
    assert len(chip.noted("adc")) == 80
    assert inputs.wall_uv == 1_000_000


def test_hum_is_averaged_out(hal: Any, chip: Chip) -> None:
    inputs = Inputs()
    chip.analog[pins.WALL] = lambda: round(1_000_000 + 50_000 * math.sin(chip.t_us * 2 * math.pi / 20_000))
    seen = []
    for i in range(20):
        chip.advance(i * 500)
        tick(hal, chip, inputs)
        seen.append(inputs.wall_uv)
    assert max(abs(uv - 1_000_000) for uv in seen[1:]) < 8_000


# Waiting ----------------------------------------------------------------------------------------------------


def test_wait_ends_in_time(hal: Any, chip: Chip) -> None:
    for ms in (0, 1, 7, 50):
        before_ms = chip.t_us // 1000
        assert hal.wait((hal.now_ms() + ms) & 0x3FFFFFFF) == 0
        assert ms <= chip.t_us // 1000 - before_ms <= ms + 1


def test_wait_in_the_past_returns_at_once(hal: Any, chip: Chip) -> None:
    before_us = chip.t_us
    assert hal.wait((hal.now_ms() - 5) & 0x3FFFFFFF) == 0
    assert chip.t_us - before_us < 1000


def test_wait_tells_what_happened(hal: Any, chip: Chip) -> None:
    later = (hal.now_ms() + 5000) & 0x3FFFFFFF
    chip.at(chip.t_us + 4_000, lambda: chip.from_host(b"x"))
    assert hal.wait(later) == LINK_RX
    assert hal.link_read(bytearray(10)) == 1
    chip.at(chip.t_us + 4_000, lambda: chip.outside(pins.NFC_IRQ, 0))
    assert hal.wait(later) == NFC_READY
    assert hal.nfc_ready()
    hal.burst(1, 1, 20000)
    assert hal.wait(later) == BURST_DONE
    hal.valve_pulse(10_000)
    assert hal.wait(later) == VALVE_DONE
    before_us = chip.t_us
    hal.feed()
    # The reader's line is still low: that is no news.
    assert hal.wait((hal.now_ms() + 30) & 0x3FFFFFFF) == 0
    assert chip.t_us - before_us >= 29_000


def test_wait_across_the_wrap_of_the_ticks(chip: Chip, load: Load, tmp_path: Path) -> None:
    furnish(chip)
    chip.ticks_offset_us = (1 << 30) * 1000 - 200_000
    hal = load("podsteam_firmware.hal.esp32").Esp32Hal(str(tmp_path))
    mains = Mains(chip)
    inputs = Inputs()
    for _ in range(30):
        hal.feed()
        tick(hal, chip, inputs)
        if not hal.burst_busy():
            hal.burst(0b11, 2, 20000)
    assert hal.now_ms() < 5_000
    runs = "".join("1" if on else "0" for on in mains.conducting).split("0")
    assert all(len(run) % 4 == 0 for run in runs[:-1])
