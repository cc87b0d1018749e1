# SPDX-License-Identifier: Apache-2.0
"""Measurements: one layout for the line and for session records, and the subscription of the line."""

import struct

from podsteam_firmware import ticks
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core

SIZE = const(45)
"""Bytes of the TELE payload."""
SHORT = const(36)
"""Without its last part, the outlook, which then reads as not known."""
_HIGHEST = const(0xFFFF)
_LAPSE_MS = const(10_000)
_MIN_PERIOD_MS = const(50)
_MAX_PERIOD_MS = const(10_000)


def pack(core: "Core", buf: bytearray, at: int) -> None:
    """Write the TELE payload of this moment into `buf` from `at`.

    In parts: a call with more than about ten arguments allocates its frame on the heap.
    """
    session = core.session
    heat = core.heat
    doser = core.doser
    struct.pack_into("<IHBBH", buf, at, core.now_ms, session.session_ms // 1000, session.state, heat.regime, core.flags)
    _pack_heat(core, buf, at + 10)
    energy_j = core.sense.energy_dj // 10
    struct.pack_into("<IIBB", buf, at + 26, energy_j, doser.dosed_nl, doser.doses, core.telemetry.dropped & 0xFF)
    pack_outlook(core, buf, at + 36)


def pack_outlook(core: "Core", buf: bytearray, at: int) -> None:
    """Write what is ahead into `buf` from `at`, in TELE and STATUS alike: 9 bytes, `known` first."""
    heat = core.heat
    known = m.KNOWN_TO_STEAM if heat.to_steam_s >= 0 else 0
    if heat.steam_left_s >= 0:
        known |= m.KNOWN_STEAM_LEFT
    if heat.water_mg >= 0:
        known |= m.KNOWN_WATER
    if heat.scale_permille >= 0:
        known |= m.KNOWN_SCALE
    struct.pack_into("<BHH", buf, at, known, _bounded(heat.to_steam_s), _bounded(heat.steam_left_s))
    struct.pack_into("<HH", buf, at + 5, _bounded(heat.water_mg // 10), _bounded(heat.scale_permille))


def _bounded(value: int) -> int:
    return max(0, min(value, _HIGHEST))


def _pack_heat(core: "Core", buf: bytearray, at: int) -> None:
    sense = core.sense
    heat = core.heat
    struct.pack_into("<hhh", buf, at, sense.wall_mc // 10, sense.water_mc // 10, sense.outlet_mc // 10)
    struct.pack_into("<h", buf, at + 6, heat.target_mc // 10)
    struct.pack_into("<HHHH", buf, at + 8, sense.mains_dv, heat.duty_permille, sense.power_dw, heat.steam_mg_min)


class Telemetry:
    """The subscription of the connected host."""

    def __init__(self) -> None:
        self.dropped = 0
        """Frames that found no room on the line."""
        self._period_ms = 0
        self._next = 0
        self._lapse = 0

    def subscribe(self, now_ms: int, period_ms: int) -> bool:
        """Begin, renew or (0) end; False when the period is out of range."""
        if period_ms and not _MIN_PERIOD_MS <= period_ms <= _MAX_PERIOD_MS:
            return False
        if period_ms != self._period_ms:
            self._next = now_ms
        self._period_ms = period_ms
        self._lapse = ticks.add(now_ms, _LAPSE_MS)
        return True

    def take(self, now_ms: int) -> bool:
        """Whether a frame is due now."""
        if not self._period_ms or not ticks.due(now_ms, self._next):
            return False
        if ticks.due(now_ms, self._lapse):
            self._period_ms = 0
            return False
        self._next = ticks.add(now_ms, self._period_ms)
        return True
