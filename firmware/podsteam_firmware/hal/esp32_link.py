# SPDX-License-Identifier: Apache-2.0
"""The line to the host: UART 1 on the USB bridge's pins, in place of the REPL.

The REPL's own UART loses bytes beyond a 259-byte ring and sends about 12.8 kB/s whatever the baud rate. UART
1 has real buffers, but a write that does not fit blocks, and nothing tells how much room there is. So the
room is computed: what was queued, less what the line has surely sent since.
"""

import micropython
from machine import UART

from podsteam_firmware import ticks
from podsteam_firmware.hal import pins
from podsteam_firmware.hal.esp32_clock import now_ms
from podsteam_protocol.const import const

_BAUD = const(115200)
RX_BUFFER = const(4096)
"""Bytes of the receive buffer."""
_TX_BUFFER = const(4096)
_MOST = const(3072)
"""Bytes that may be queued. The driver's ring keeps a message in one piece and may waste its end."""
_ITEM = const(40)
"""Bytes that the driver's ring spends on each write beside its data: two headers, an event, alignment."""
_BITS_MS = const(10000)
"""Bits of a byte on the line, start and stop included, times the ms in a second."""


class Link:
    """Bytes from and to the host. Nothing here blocks."""

    def __init__(self) -> None:
        # A host's binary data may hold a 0x03, which must not interrupt anything.
        micropython.kbd_intr(-1)
        self._uart = UART(
            1, baudrate=_BAUD, tx=pins.LINK_TX, rx=pins.LINK_RX, rxbuf=RX_BUFFER, txbuf=_TX_BUFFER, timeout=0
        )
        self._baud = _BAUD
        self._per_ms = _BAUD // _BITS_MS
        """Bytes that leave in 1 ms, rounded down."""
        self._queued = 0
        self._items = 0
        self._since_ms = now_ms()

    def waiting(self) -> bool:
        """Whether bytes have arrived."""
        return self._uart.any() > 0

    def read(self, buf: bytearray) -> int:
        """As the verb `link_read`."""
        if self._uart.any() <= 0:
            return 0
        return self._uart.readinto(buf) or 0  # pyright: ignore[reportUnknownMemberType]

    def write(self, buf: bytearray, length: int) -> int:
        """As the verb `link_write`."""
        at_ms = now_ms()
        queued = self._queued - ticks.diff(at_ms, self._since_ms) * self._per_ms
        if queued <= 0:
            # Which of the messages have left is known for sure only when all have.
            queued = 0
            self._items = 0
        self._since_ms = at_ms
        self._queued = queued
        if queued + length + (self._items + 1) * _ITEM > _MOST:
            return 0
        # MicroPython's streams take a length, which saves a slice.
        self._uart.write(buf, length)  # pyright: ignore[reportCallIssue, reportUnknownMemberType]
        self._queued = queued + length
        self._items += 1
        return length

    def busy_ms(self) -> int:
        """As the verb `link_busy_ms`."""
        per_ms = self._per_ms
        queued = self._queued - ticks.diff(now_ms(), self._since_ms) * per_ms
        return (queued + per_ms - 1) // per_ms if queued > 0 else 0

    def rate(self, baud: int) -> int:
        """As the verb `link_rate`."""
        if baud:
            # The rate alone: everything else stays as it was, the buffers and what they hold too.
            self._uart.init(baud)
            self._baud = baud
            self._per_ms = baud // _BITS_MS
            self._queued = 0
            self._items = 0
        return self._baud
