# SPDX-License-Identifier: Apache-2.0
"""One-shot pulses that end in hardware: the ESP32's RMT peripheral behind a pin that can be taken back at any
time.

Facts of the port (its sources, 1.23 to 1.29): a write blocks while another one is being sent; an item is 1 to
32,767 clock ticks, 0 ends the pattern; the 80 MHz clock can be divided by 255 at most, so a tick is 3.2 us at
most. With ticks of 1 us and one item for each mains cycle a whole pattern fits the channel's memory (64
symbols of two items): the hardware needs nobody from the start to the end of it.

A transmission is never stopped. Stopping one that lasts more than 300 ms panics the classic ESP32 (ESP-IDF
before 5.5.2). Instead the pin is connected to its GPIO output again, low; the channel runs on into nothing.
"""

from machine import Pin

from esp32 import RMT
from podsteam_protocol.const import const

_HZ = const(1_000_000)
_DIVIDER = const(80)


def low(number: int) -> Pin:
    """GPIO `number` as an output, low, and not frozen, as `boot.py` leaves it if it is cut short."""
    return Pin(number, Pin.OUT, value=0, hold=False)  # pyright: ignore[reportCallIssue]  # unknown to the stubs


def _channel(number: int, pin: Pin) -> RMT:
    """A channel with ticks of 1 us, idle low. From 1.27 on the port chooses one, before it wants a number."""
    try:
        return RMT(pin=pin, resolution_hz=_HZ)
    except TypeError:
        return RMT(number, pin=pin, clock_div=_DIVIDER)


class OneShot:
    """A pin that gives patterns of pulses, one at a time, and is low otherwise."""

    def __init__(self, channel: int, number: int) -> None:
        """`channel`: 0 to 6 (7 is MicroPython's own). `number`: GPIO. The pin is low from here on."""
        self._number = channel
        self._pin = low(number)
        self._rmt: RMT | None = None
        self._connected = False

    def busy(self) -> bool:
        """Whether the channel still sends, be it into nothing after an `abort`."""
        return self._rmt is not None and not self._rmt.wait_done()

    def send(self, durations: list[int], levels: list[bool]) -> bool:
        """Send `levels[i]` for `durations[i]` us (1 to 32,767). False, and nothing done, while `busy`."""
        rmt = self._rmt
        if rmt is not None and not rmt.wait_done():
            return False
        if rmt is None or not self._connected:
            if rmt is not None:
                rmt.deinit()
            rmt = self._rmt = _channel(self._number, self._pin)
            self._connected = True
        rmt.write_pulses(durations, levels)
        return True

    def abort(self) -> None:
        """Low now. The channel stays `busy` until its pattern has run out."""
        self._pin.init(Pin.OUT, value=0)
        self._connected = False
