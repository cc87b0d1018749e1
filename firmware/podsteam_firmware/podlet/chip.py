# SPDX-License-Identifier: Apache-2.0
"""The PN532 in its part as podlet reader: set-up, recovery, and the few commands that a visit to a tag needs.

After a reset the chip has forgotten everything: SAMConfiguration must come before any use of the field (PN532 user
manual, 7.2.10), and MxRtyPassiveActivation is FF, which would look for a tag for ever (7.3.1). A chip that fails
once is asked again; twice, it is reset and set up; three times, it is held in reset, field off, for a while.
"""

from podsteam_firmware import ticks
from podsteam_firmware.podlet import pn532
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal

AGAIN = const(10)
"""Result of `poll`: the chip is ready, but what it did is lost. Begin again."""

_GET_FIRMWARE_VERSION = const(0x02)
_SAM_CONFIGURATION = const(0x14)
_RF_CONFIGURATION = const(0x32)
_IN_LIST_PASSIVE_TARGET = const(0x4A)
_IN_RELEASE = const(0x52)

_LIMIT_MS = const(100)
_SILENT_MS = const(3_000)
"""Between attempts at a chip that does not answer."""
_LIST_ANSWER = const(50)
"""Two targets without ATS are 23 bytes; the rest is for the ATS of phones and cards."""

_HELD = const(-1)
_SET_UP = const(5)


class Chip(pn532.Pn532):
    """A PN532 that sets itself up and recovers. It starts in reset; the first `poll` begins the set-up."""

    def __init__(self, hal: "Hal") -> None:
        super().__init__(hal)
        self._stage = _HELD
        self._due_ms = hal.now_ms()
        self._fails = 0
        self.silent = False
        """The chip cannot be brought to answer: it is held in reset, or on its way out of it."""

    def works(self) -> None:
        """A whole visit went well."""
        self._fails = 0

    def poll(self, now_ms: int) -> int:
        """As `Pn532.poll`, but it gives OK, REST, PENDING and AGAIN only; failures are dealt with here."""
        result = super().poll(now_ms)
        if result == pn532.PENDING:
            return result
        if self._stage == _HELD:
            if ticks.due(now_ms, self._due_ms):
                self._start(now_ms)
            return pn532.PENDING
        if result > pn532.REST:
            return self._failed(now_ms)
        if self._stage == _SET_UP:
            return result
        self._stage += 1
        if self._stage == _SET_UP:
            self.silent = False
            return AGAIN
        self._set_up()
        return pn532.PENDING

    def _start(self, now_ms: int) -> None:
        self._stage = 0
        self.restart(now_ms)

    def _failed(self, now_ms: int) -> int:
        self._fails += 1
        if self._fails > 2:
            self._fails = 1
            self.silent = True
            self.hold()
            self._stage = _HELD
            self._due_ms = ticks.add(now_ms, _SILENT_MS)
        elif self._fails == 1 and self._stage == _SET_UP:
            return AGAIN
        else:
            self._start(now_ms)
        return pn532.PENDING

    def _set_up(self) -> None:
        """Start the set-up's next command."""
        stage = self._stage
        if stage == 1:
            self.command(_GET_FIRMWARE_VERSION, b"", 0, 4, _LIMIT_MS)
        elif stage == 2:
            # Normal mode, no time-out, drive the interrupt line.
            self.command(_SAM_CONFIGURATION, b"\x01\x00\x01", 3, 0, _LIMIT_MS)
        elif stage == 3:
            # Item 5: MxRtyATR and MxRtyPSL at their defaults, one retry to find a tag.
            self.command(_RF_CONFIGURATION, b"\x05\xff\x01\x01", 4, 0, _LIMIT_MS)
        else:
            self.field_off()

    def field_off(self) -> None:
        """Item 1 of RFConfiguration: no field."""
        self.command(_RF_CONFIGURATION, b"\x01\x00", 2, 0, _LIMIT_MS)

    def list_targets(self) -> None:
        """Field on; look for two targets of type A at 106 kbit/s: the second is sought so that it can be refused."""
        self.command(_IN_LIST_PASSIVE_TARGET, b"\x02\x00", 2, _LIST_ANSWER, _LIMIT_MS)

    def release(self) -> None:
        """Release all targets."""
        self.command(_IN_RELEASE, b"\x00", 1, 1, _LIMIT_MS)
