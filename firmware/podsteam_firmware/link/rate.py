# SPDX-License-Identifier: Apache-2.0
"""The line's rate: raised when a host asks for it, back at the first one after silence. Loaded with the first BAUD.

Whoever cannot hear the other any more finds it at the first rate a second later, so that a host that was killed, or
an adapter that does not do the rate which it was set to, costs no more than that second.
"""

import struct

from podsteam_firmware import ticks
from podsteam_firmware.link.layout import BODY
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core
    from podsteam_firmware.hal.verbs import Hal

_RAISED = (115200, 230400, 460800, 921600)
_SILENCE_MS = const(1000)


class Rate:
    """The rate that counts, and the one that comes when the reply has left."""

    def __init__(self, hal: "Hal") -> None:
        self._hal = hal
        self.first = hal.link_rate(0)
        """The rate after a start, bit/s."""
        self.next = 0
        """The rate to change to once nothing is queued, 0: none."""
        self.heard_ms = 0
        """When the last sound frame came."""

    def offers(self, baud: int) -> bool:
        """Whether a host may ask for this rate, bit/s."""
        return baud == self.first or baud in _RAISED

    def silent(self, now_ms: int) -> bool:
        """Whether it is time to be at the first rate again. Then it is."""
        hal = self._hal
        if hal.link_rate(0) == self.first or ticks.diff(now_ms, self.heard_ms) <= _SILENCE_MS:
            return False
        hal.link_rate(self.first)
        return True

    def changing(self, now_ms: int) -> bool:
        """Change once all has left. True: not yet, and nothing may be queued meanwhile."""
        if self.next:
            if self._hal.link_busy_ms():
                return True
            self._hal.link_rate(self.next)
            self.next = 0
            self.heard_ms = now_ms
        return False


def _baud(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    port = core.port
    rate = port.rate
    if rate is None:
        rate = port.rate = Rate(core.hal)
    rate.heard_ms = now_ms
    baud = struct.unpack_from("<I", payload, 0)[0]
    if baud:
        if not rate.offers(baud):
            return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 0, baud & 0x3FFFFFFF)
        if baud != rate.first and not core.may_write():
            return -m.CODE_BUSY_SESSION
        rate.next = baud
    struct.pack_into("<IIH", reply, BODY, baud or core.hal.link_rate(0), rate.first, _SILENCE_MS)
    return 10


HANDLERS = {m.BAUD: (4, _baud)}
"""Request id to (least payload in bytes, handler)."""
