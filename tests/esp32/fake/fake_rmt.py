# SPDX-License-Identifier: Apache-2.0
"""`esp32` over a fake chip. Its RMT: both constructors, the write that blocks, the stop that panics."""

import types
from typing import Any

from fake_chip import Chip
from fake_partition import partition_class

RMT_MEMORY = 128
"""Items of a channel; a longer pattern needs Python's processor to refill it."""
SLOWEST_HZ = 312_500
"""80 MHz through the largest divider, 256."""
PANIC_US = 300_000


def esp32_module(chip: Chip) -> types.ModuleType:
    """The module `esp32` of `chip`."""

    class RMT:
        """The transmitter. 1.27 changed the constructor; a write while busy blocks in all versions."""

        def __init__(self, *args: int, pin: Any, **options: Any) -> None:
            chip.alive()
            new = chip.version >= (1, 27)
            allowed = {"clock_div", "resolution_hz"} if new else {"clock_div"}
            if len(args) > 1 or set(options) - allowed or (not new and not args):
                raise TypeError("extra or missing arguments given")
            if not new and args[0] == 7:
                raise ValueError("channel used by bitstream")
            divider = options.get("clock_div", 8)
            if not 1 <= divider <= 255:
                raise ValueError("clock_div must be between 1 and 255")
            self.hz = options.get("resolution_hz", 80_000_000 // divider)
            if self.hz < SLOWEST_HZ:
                raise OSError("the clock cannot be divided that far")
            free = chip.rmt if not new else chip.rmt[:1]
            if not free or (not new and args[0] not in free):
                raise OSError("ESP_ERR_INVALID_STATE: channel is installed" if not new else "ESP_ERR_NOT_FOUND")
            self.channel = free[0] if new else args[0]
            chip.rmt.remove(self.channel)
            self.pad = chip.pads[pin.number]
            self.end_us = chip.t_us
            self.length_us = 0
            self.gone = False
            chip.change(self.pad, out=True, source="rmt", signal=0)

        def wait_done(self, *, timeout: int = 0) -> bool:
            self._check()
            return chip.t_us >= self.end_us

        def write_pulses(self, durations: list[int] | int, levels: Any = True) -> None:
            self._check()
            if chip.t_us < self.end_us:
                chip.block("rmt", self.end_us - chip.t_us)
            if isinstance(durations, int):
                durations = [durations] * len(levels)
            elif not isinstance(levels, (list, tuple)):
                levels = [bool(levels) ^ bool(i & 1) for i in range(len(durations))]
            if len(durations) != len(levels):
                raise ValueError("duration and data must have same length")
            if not all(0 < each <= 32767 for each in durations):
                raise ValueError("an item is 1 to 32767 ticks")
            if len(durations) > RMT_MEMORY:
                chip.note("refill", len(durations))
            t_us = float(chip.t_us)
            for duration, level in zip(durations, levels, strict=True):
                self._edge(t_us, bool(level))
                t_us += duration * 1_000_000 / self.hz
            self._edge(t_us, False)
            self.end_us = round(t_us)
            self.length_us = self.end_us - chip.t_us
            chip.note("burst", (self.pad.number, self.length_us))

        def _edge(self, t_us: float, level: bool) -> None:
            def change() -> None:
                # An edge of a channel whose pin was taken away goes nowhere.
                if not self.gone and self.pad.source == "rmt":
                    chip.change(self.pad, signal=int(level))

            chip.at(round(t_us), change)

        def _check(self) -> None:
            chip.alive()
            if self.gone:
                raise OSError("already deinitialized")

        def deinit(self) -> None:
            """Before ESP-IDF 5.5.2 stopping a long transmission panics the classic ESP32."""
            if chip.t_us < self.end_us and self.length_us > PANIC_US:
                chip.reset(2)
            if not self.gone:
                self.gone = True
                chip.rmt.append(self.channel)
                if self.pad.source == "rmt":
                    chip.change(self.pad, out=False, source="gpio", signal=0)

    module = types.ModuleType("esp32")
    module.RMT = RMT
    module.Partition = partition_class(chip)
    return module
