# SPDX-License-Identifier: Apache-2.0
"""The application on trial: it is confirmed once it has run a while and its self-test passed, and given up otherwise.

Loaded only while a trial is going on. A trial that hangs or raises is the loader's to end.
"""

from podsteam_firmware.safety import selftest
from podsteam_firmware.store import slots
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core

_PROVED_MS = const(10_000)
"""Time after the start. Exceptions and hangs show sooner, and the self-test at power-on is over."""
_TICKS = const(0x3FFFFFFF)


class Trial:
    """Work between the ticks, as an update is."""

    def __init__(self, core: "Core", slot: int, now_ms: int) -> None:
        self._core = core
        self._slot = slot
        self._since_ms = now_ms

    def step(self) -> bool:
        """Confirm or give up when the time has come. Never has more to do at once."""
        core = self._core
        if (core.now_ms - self._since_ms) & _TICKS < _PROVED_MS:
            return False
        root = core.hal.root_files()
        if core.selftest.failed & selftest.STOPS:
            slots.leave(root, self._slot)
            core.hal.reset()
        slots.confirm(root, core.hal, self._slot)
        core.extra = None
        return False


def begun(core: "Core", slot: int, now_ms: int) -> "Trial | None":
    """The trial of the slot that runs; None when it is on none."""
    record = slots.read_record(core.hal.root_files())
    return Trial(core, slot, now_ms) if record is not None and record[1] == slot else None
