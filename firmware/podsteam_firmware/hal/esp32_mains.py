# SPDX-License-Identifier: Apache-2.0
"""What the mains do: half-cycles, element current and coil pulses counted by hardware, and where in a
half-cycle we are.

From MicroPython 1.26 on the pulse counter unit counts, and loses nothing whatever Python does. Before,
interrupts count: MicroPython runs their handlers between bytecodes, queues 8 of them and runs none during a
flash erase, so counts are lost then. The relay is open whenever the flash is erased.
"""

import machine
from machine import Pin

from podsteam_firmware import ticks
from podsteam_firmware.hal import pins
from podsteam_firmware.hal.esp32_clock import now_us
from podsteam_protocol.const import const

_MASK = const(0x3FFFFFFF)
_FILTER_NS = const(12_000)
"""Shorter pulses are noise: near the most that the counter unit can filter."""
_SHARP_US = const(2_000)
"""A zero crossing between two looks that lie no further apart is known well enough."""
_STALE_US = const(500_000)
"""After this long a phase is not known any more: 0.4 % of frequency error would make it 2 ms."""


class InterruptCounter:
    """Counts rising edges by interrupts, with the one method of `machine.Counter` that is needed."""

    def __init__(self, pin: Pin) -> None:
        self._count = 0
        pin.irq(self._edge, Pin.IRQ_RISING)

    def _edge(self, _pin: Pin) -> None:
        self._count = (self._count + 1) & _MASK

    def value(self) -> int:
        """Edges since the start, modulo 2^30."""
        return self._count


def counter(unit: int, number: int) -> "InterruptCounter | machine.Counter":
    """A counter of rising edges at GPIO `number`. `unit`: 0 to 7."""
    pin = Pin(number, Pin.IN)
    if hasattr(machine, "Counter"):
        return machine.Counter(unit, pin, edge=machine.Counter.RISING, filter_ns=_FILTER_NS)
    return InterruptCounter(pin)


class Mains:
    """The three counters and the phase of the mains."""

    def __init__(self) -> None:
        self._zero = counter(0, pins.ZERO_CROSS)
        self._load = counter(1, pins.LOAD)
        self._coil = counter(2, pins.COIL)
        self._seen = 0
        self._looked_us = now_us()
        self._edge_us = 0
        self._known = False

    def half_cycles(self) -> int:
        """Mains half-cycles since the start, modulo 2^30."""
        return self._zero.value() & _MASK

    def load_halves(self) -> int:
        """Half-cycles with element current since the start, modulo 2^30."""
        return self._load.value() & _MASK

    def coil_pulses(self) -> int:
        """Valve coil pulses since the start, modulo 2^30."""
        return self._coil.value() & _MASK

    def look(self) -> None:
        """Note when the mains cross zero. To be called every millisecond or so while there is time."""
        at_us = now_us()
        since_us = ticks.diff(at_us, self._looked_us)
        self._looked_us = at_us
        count = self.half_cycles()
        if count != self._seen:
            self._seen = count
            if 0 <= since_us <= _SHARP_US:
                self._edge_us = ticks.add(at_us, -(since_us >> 1))
                self._known = True
        elif self._known and ticks.diff(at_us, self._edge_us) > _STALE_US:
            self._known = False

    def phase_us(self, at_us: int, half_us: int) -> int:
        """Time since the last zero crossing, 0 to `half_us` - 1, at `at_us`; -1 when it is not known."""
        if not self._known:
            return -1
        since_us = ticks.diff(at_us, self._edge_us)
        if since_us < 0 or since_us > _STALE_US:
            return -1
        return since_us % half_us
