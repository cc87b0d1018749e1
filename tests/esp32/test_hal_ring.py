# SPDX-License-Identifier: Apache-2.0
"""The ledger's raw partition behind the ESP32's HAL: found by label, programmed without an erase, or not there."""

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_board import furnish
from fake_chip import Chip

Load = Callable[[str], types.ModuleType]
SIZE = 65536


def test_program_clears_bits_and_erases_nothing(hal: Any, chip: Chip) -> None:
    assert hal.ring_size() == SIZE
    memory = chip.partitions["ledger"]
    assert hal.ring_program(4096 + 32, bytearray(b"\x0f" * 32), 32)
    assert hal.ring_program(4096 + 32, bytearray(b"\xf1" * 32), 2)
    assert memory[4096 + 32 : 4096 + 64] == b"\x01\x01" + b"\x0f" * 30
    assert memory.count(0xFF) == SIZE - 32
    assert chip.noted("erased") == []
    buf = bytearray(34)
    assert hal.ring_read(4096 + 32, buf) == 34
    assert buf == b"\x01\x01" + b"\x0f" * 30 + b"\xff\xff"


def test_erase_is_one_sector(hal: Any, chip: Chip) -> None:
    memory = chip.partitions["ledger"]
    memory[:] = bytes(SIZE)
    before_us = chip.t_us
    assert hal.ring_erase(3)
    assert chip.noted("erased") == [("ledger", 3)]
    assert memory[3 * 4096 : 4 * 4096] == b"\xff" * 4096 and memory.count(0) == SIZE - 4096
    assert chip.t_us - before_us >= 45_000


@pytest.mark.parametrize("offset", [-32, SIZE - 31, SIZE, 1 << 20])
def test_beyond_its_ends_is_refused(hal: Any, chip: Chip, offset: int) -> None:
    assert not hal.ring_program(offset, bytearray(32), 32)
    assert hal.ring_read(offset, bytearray(32)) == -5
    assert not hal.ring_erase(16) and not hal.ring_erase(-1)
    assert chip.partitions["ledger"] == b"\xff" * SIZE


def test_a_flash_that_fails_is_told(hal: Any, chip: Chip) -> None:
    chip.flash_fails = True
    assert not hal.ring_program(0, bytearray(32), 32)
    assert not hal.ring_erase(0)
    assert chip.partitions["ledger"] == b"\xff" * SIZE


@pytest.mark.parametrize("partitions", [{}, {"vfs": bytearray(8192)}])
def test_a_board_without_the_partition_refuses(
    chip: Chip, load: Load, tmp_path: Path, partitions: dict[str, bytearray]
) -> None:
    furnish(chip)
    chip.partitions = partitions
    hal = load("podsteam_firmware.hal.esp32").Esp32Hal(str(tmp_path))
    assert hal.ring_size() == 0
    assert hal.ring_read(0, bytearray(32)) == -19
    assert not hal.ring_program(0, bytearray(32), 32)
    assert not hal.ring_erase(0)


def test_the_ledger_on_it_outlives_a_restart(hal: Any, chip: Chip) -> None:
    from podsteam_firmware.store.ledger import Ledger

    ledger = Ledger(hal)
    while ledger.prepare():
        pass
    ledger.values[0] = 50_000
    assert ledger.append(1, 7)
    again = Ledger(hal)
    assert list(again.entries()) == [(1, 1, 7, 50_000, 0, 0, 0, 0)]
    assert len(chip.noted("erased")) == 3
