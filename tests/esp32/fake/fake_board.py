# SPDX-License-Identifier: Apache-2.0
"""What the reference board hangs on a fake chip: mains with a zero-crossing relay, and I2C parts."""

from typing import Any

from fake_chip import Chip

ZERO_CROSS, LOAD, SSR = 18, 19, 26
PULSE_US = 800
READER, EXPANDER, CLOCK = 0x24, 0x20, 0x68
REFERENCE, MAINS = 35, 33
SET_CLOCK = bytes([0x56, 0x34, 0x12, 2, 0x29, 0x02, 0x24]) + bytes(9)
"""The clock's registers on 2024-02-29 at 12:34:56 UTC: 1,709,210,096 s."""


class Mains:
    """Zero crossings, and element current in each half-cycle that begins with the relay's input high."""

    def __init__(self, chip: Chip, hz: int = 50, first_us: int = 3000) -> None:
        self.chip = chip
        self.half_us = 500_000 / hz
        self.on = True
        self.crossings: list[int] = []
        self.conducting: list[bool] = []
        """For each half-cycle, whether the element was on."""
        self._next_us = float(first_us)
        chip.at(first_us, self._cross)

    def _cross(self) -> None:
        chip = self.chip
        if self.on:
            conducts = bool(chip.level(SSR))
            self.crossings.append(chip.t_us)
            self.conducting.append(conducts)
            self._pulse(ZERO_CROSS)
            if conducts:
                self._pulse(LOAD)
        self._next_us += self.half_us
        chip.at(round(self._next_us), self._cross)

    def _pulse(self, pin: int) -> None:
        self.chip.outside(pin, 1)
        self.chip.at(self.chip.t_us + PULSE_US, lambda: self.chip.outside(pin, 0))


class Registers:
    """An I2C part with registers: the first byte written is the register to begin with."""

    def __init__(self, values: bytes) -> None:
        self.values = bytearray(values)
        self.at = 0

    def write(self, data: bytes) -> None:
        if data:
            self.at = data[0]
            self.values[self.at : self.at + len(data) - 1] = data[1:]

    def read(self, length: int) -> bytes:
        return bytes(self.values[self.at : self.at + length])


class Expander:
    """A PCF8574: what is written pulls pins low, what is read is the pins."""

    def __init__(self) -> None:
        self.written = 0xFF
        self.grounded = 0
        """Pins that something outside connects to ground."""

    def write(self, data: bytes) -> None:
        self.written = data[-1]

    def read(self, length: int) -> bytes:
        return bytes([self.written & ~self.grounded & 0xFF]) * length


class Plain:
    """An I2C part that keeps what it was given and answers what it was told to."""

    def __init__(self, answer: bytes = b"") -> None:
        self.got: list[bytes] = []
        self.answer = answer

    def write(self, data: bytes) -> None:
        self.got.append(data)

    def read(self, length: int) -> bytes:
        return self.answer[:length].ljust(length, b"\0")


def furnish(chip: Chip) -> None:
    """The parts of the reference board, in good order, and the partition table that it wants."""
    chip.partitions.setdefault("ledger", bytearray(b"\xff" * 65536))
    chip.devices[0][READER] = Plain(b"\x01\0\0\xff")
    chip.devices[1][EXPANDER] = Expander()
    chip.devices[1][CLOCK] = Registers(SET_CLOCK)
    chip.analog[REFERENCE] = lambda: 1_250_000
    chip.analog[MAINS] = lambda: 1_150_000


def settle(hal: Any, chip: Chip, ms: int = 100) -> None:
    """Let the loop's waiting go on for a while."""
    end_us = chip.t_us + ms * 1000
    while chip.t_us < end_us:
        hal.wait((hal.now_ms() + 1) & 0x3FFFFFFF)
