# SPDX-License-Identifier: Apache-2.0
"""Session records: the frames that a host would have seen, appended to a file of their own.

RECORD_HEAD, then EVENT and TELE frames, then RECORD_END, exactly as on the wire, so that one decoder reads a live
session and a pulled one, and a torn end is found by its CRC. While the relay is closed nothing is written, because
a flash erase stops the interpreter for longer than any safety bar: frames gather in a buffer and are written when
the relay is open. Samples are spaced so that the planned session fits; events keep a reserve that samples can't use.
"""

import struct

from podsteam_firmware import VERSION
from podsteam_firmware.link import events as ring
from podsteam_firmware.link import telemetry
from podsteam_protocol import frame
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core

_SIZE = const(6400)
_RESERVE = const(1792)
_SAMPLE = const(47)
"""Bytes of a TELE frame, the mean: what changes slowly is in every fourth alone."""
_WHOLE = const(4)
_MIN_PERIOD_MS = const(1000)


def name_of(number: int) -> str:
    """File name of record `number`."""
    return "records/%05d" % number


class Journal:
    """The record of the running session."""

    def __init__(self, core: "Core") -> None:
        self._core = core
        self._hal = core.hal
        self._buf = bytearray(_SIZE)
        self._used = 0
        self._frame = bytearray(frame.BUFFER_SIZE)
        self._seq = 0
        self._open = False
        self._name = ""
        self._next_event = 0
        self._sampled_ms = 0
        self._samples = 0
        self._period_ms = _MIN_PERIOD_MS
        self.lost = 0
        """Frames that found no room."""

    def last_number(self) -> int:
        """Number of the newest record on the device, 0: none."""
        records = self._hal.file_list("records")
        return int(records[-1][0]) if records else 0

    def begin(self) -> None:
        """Open the record of the session that has just started."""
        core = self._core
        session = core.session
        planned_s = session.program.steam_s + session.program.hold_s + 240
        self._period_ms = max(_MIN_PERIOD_MS, planned_s * 1000 * _SAMPLE // (_SIZE - _RESERVE))
        self._name = name_of(session.number)
        self._seq = 0
        self._used = 0
        self._open = True
        self._next_event = session.first_event
        self._sampled_ms = 0
        self._samples = 0
        self._head()

    def end(self) -> None:
        """Close the record; it is written as soon as the relay is open."""
        core = self._core
        session = core.session
        self._gather()
        buf = self._frame
        struct.pack_into(
            "<IBHH",
            buf,
            frame.HEADER,
            core.now_ms,
            session.stop_reason,
            core.supervisor.fault,
            session.steam_ms // 1000,
        )
        energy_j = core.sense.energy_dj // 10
        struct.pack_into(
            "<IIBI", buf, frame.HEADER + 9, core.heat.steam_mg, energy_j, core.doser.doses, core.doser.dosed_nl
        )
        self._add(m.RECORD_END, 22, 0)
        self._open = False

    def pump(self, relay_open: bool) -> bool:
        """Gather what is new; with the relay open, write what has gathered. Returns whether flash was written."""
        if self._open:
            self._gather()
            if self._core.session.session_ms >= self._sampled_ms:
                self._sampled_ms += self._period_ms
                telemetry.pack(self._core, self._frame, frame.HEADER)
                whole = self._samples % _WHOLE == 0
                self._samples += 1
                self._add(m.TELE, telemetry.SIZE if whole else telemetry.SHORT, _RESERVE)
        if relay_open and self._used:
            if not self._hal.file_append(self._name, memoryview(self._buf)[: self._used]):
                self._core.events.emit(m.EVENT_STORE, m.CODE_STORE_FAILED, self._used)
            self._used = 0
            if not self._open:
                self._prune()
            return True
        return False

    def _gather(self) -> None:
        """Take the events that came since the last time."""
        events = self._core.events
        if (events.next - self._next_event) & 0xFFFF > events.count:
            self._next_event = events.oldest()
        while self._next_event != events.next:
            events.pack(self._next_event, self._frame, frame.HEADER)
            self._add(m.EVENT, ring.SIZE, 0)
            self._next_event = (self._next_event + 1) & 0xFFFF

    def _head(self) -> None:
        core = self._core
        hal = self._hal
        session = core.session
        buf = self._frame
        at = frame.HEADER
        struct.pack_into("<BII6s", buf, at, 1, m.SCHEMA_HASH, hal.boot_id, hal.uid)
        struct.pack_into("<HIIB", buf, at + 15, session.number, core.now_ms, hal.unix_s(), session.by_host)
        struct.pack_into("<BBB8s", buf, at + 26, VERSION[0], VERSION[1], VERSION[2], hal.firmware_hash)
        struct.pack_into("<B7sI", buf, at + 37, core.reader.state, core.reader.uid, hal.caps)
        size = len(session.program.raw)
        buf[at + 49 : at + 49 + size] = session.program.raw
        self._add(m.RECORD_HEAD, 49 + size, 0)

    def _add(self, kind: int, length: int, keep_free: int) -> None:
        """Seal the frame whose payload stands in the frame buffer and append it, if that leaves `keep_free` bytes."""
        buf = self._frame
        buf[2] = kind
        buf[3] = self._seq
        size = frame.seal(buf, length)
        if self._used + size + keep_free > _SIZE:
            self.lost += 1
            return
        self._seq = (self._seq + 1) & 0xFF
        self._buf[self._used : self._used + size] = memoryview(buf)[:size]
        self._used += size

    def _prune(self) -> None:
        records = self._hal.file_list("records")
        for i in range(len(records) - self._core.config[2]):
            self._hal.file_remove("records/" + records[i][0])
