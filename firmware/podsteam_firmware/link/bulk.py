# SPDX-License-Identifier: Apache-2.0
"""Blobs over the line, both ways: what is larger than a frame, by (kind, number, offset). Loaded when first asked for.

One transfer at a time. A blob is sent as far as the host's credit reaches, after replies, events and telemetry, and
never more of it than a few ms of the line at once, so that nothing else waits long behind it. What is pushed gathers in
a buffer and is appended to a file while the relay is open; the device's credit covers what its receive ring holds.
"""

import struct

from podsteam_firmware import ticks
from podsteam_firmware.store.journal import name_of
from podsteam_protocol import frame
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core

PIECE = const(243)
"""Most data in one frame."""
SMALL_PIECE = const(200)
"""The same where the ring holds no more than a frame and a request."""
LARGEST = const(1 << 20)
"""Bytes of a blob that is pushed."""
_BUFFER = const(1944)
"""Eight pieces."""
_SMALL_RING = const(1024)
_WINDOW = const(3072)
"""Credit beyond what has arrived; framed it fits the 4096-byte ring with room for requests."""
_TELL = const(972)
"""A credit is sent whenever so much has arrived since the last one."""
_QUEUED_MS = const(12)
"""The next frame is queued when less than this is still to leave."""
_SESSION_MS = const(50)
"""During a session one frame in so much time: under half of a line of 115200 baud."""


def path(kind: int, number: int) -> str:
    """The blob's file; "": there is no such kind."""
    if kind == m.BLOB_RECORD:
        return name_of(number)
    if kind == m.BLOB_LOG and not number:
        return "last_words"
    if kind == m.BLOB_INBOX:
        return "inbox/%05d" % number
    return ""


def size_of(core: "Core", name: str) -> int:
    """Size of a blob's file, -1: there is none."""
    folder, _, entry = name.rpartition("/")
    for found, size in core.hal.file_list(folder):
        if found == entry:
            return size
    return -1


class Bulk:
    """The transfer that is under way."""

    blobs = True
    """It is one of blobs; False: what comes is a package (`link/update_stream.py`)."""

    def __init__(self, core: "Core", buffer: int = _BUFFER) -> None:
        self._core = core
        self._buf = bytearray(buffer)
        self._name = ""
        self._at: int = 0
        """Sending: next offset. Taking: so much has arrived."""
        self._end = 0
        self._credit = 0
        self._taking = False
        self._used = 0
        """Bytes in the buffer; sending: read ahead from `_base`. Taking: not stored yet."""
        self._base = 0
        self._told = 0
        self._gap = False
        self._sent_ms = 0
        self.failed = False
        """The store took no more of what was being taken."""

    def read(self, name: str, offset: int, end: int, credit: int) -> None:
        """Begin to send a part of a file. `end` is within it."""
        self.leave()
        self._name = name
        self._at = offset
        self._end = end
        self._credit = credit
        self._used = 0

    def write(self, name: str, size: int, have: int) -> None:
        """Begin to take a file of which `have` bytes are stored, or go on with the one that is being taken."""
        if self._taking and self._name == name and self._end == size:
            self._told = self._at
            return
        self.leave()
        self._name = name
        self._at = self._told = have
        self._end = size
        self._used = 0
        self._taking = True

    def leave(self) -> None:
        """End whatever is under way; what has arrived is stored where that is possible."""
        if self._taking:
            self._store()
        self._taking = False
        self._gap = False
        self._at = self._end = 0

    def forget(self, name: str) -> None:
        """The file is to be deleted."""
        if self._name == name:
            self._used = 0
            self.leave()

    def have(self) -> int:
        """So much of what is being taken has arrived."""
        return self._at

    def piece(self) -> int:
        """Most data in one frame that the device takes."""
        return SMALL_PIECE if self._core.hal.rx_window < _SMALL_RING else PIECE

    def up_to(self) -> int:
        """Offset up to which the host may send."""
        window = SMALL_PIECE if self._core.hal.rx_window < _SMALL_RING else _WINDOW
        if not self._core.may_write():
            window = 0
        return min(self._at + window, self._end)

    def sending(self) -> bool:
        """Whether there is something to send, now that its credit allows it."""
        return not self._taking and self._at < self._end and min(self._at + PIECE, self._end) <= self._credit

    def take(self, kind: int, payload: memoryview) -> None:
        """A frame of the transfer has come from the host."""
        if kind == m.CREDIT:
            if len(payload) >= 8 and not self._taking:
                self._credit = max(self._credit, struct.unpack_from("<I", payload, 4)[0])
        elif len(payload) > 4 and self._taking:
            self._data(struct.unpack_from("<I", payload, 0)[0], payload)

    def _follows(self, offset: int, length: int) -> bool:
        """Whether a part is the one that is wanted next."""
        if offset == self._at and length <= PIECE and offset + length <= self._end:
            return True
        # A gap, or what has arrived already. The host is told once where to go on, and asks when that is lost.
        if offset > self._at and not self._gap:
            self._gap = self._tell()
        return False

    def _data(self, offset: int, payload: memoryview) -> None:
        length = len(payload) - 4
        if not self._follows(offset, length):
            return
        if self._used + length > _BUFFER and not self._store():
            return
        self._gap = False
        self._buf[self._used : self._used + length] = payload[4:]
        self._used += length
        self._at += length
        if self._at == self._end:
            if not self._store():
                return
            self._tell()
        elif self._at - self._told >= _TELL or self.piece() == SMALL_PIECE:
            self._tell()

    def _store(self) -> bool:
        """Append what has gathered. False: not now, or the store failed; what was not stored has not arrived then."""
        used = self._used
        if not used:
            return True
        stored = False
        if self._core.may_write():
            stored = self._core.hal.file_append(self._name, memoryview(self._buf)[:used])
            if not stored:
                self.failed = True
                self._taking = False
        if not stored:
            self._at -= used
        self._used = 0
        return stored

    def _tell(self) -> bool:
        """Send a credit."""
        port = self._core.port
        struct.pack_into("<II", port.out, frame.HEADER, self._at, self.up_to())
        self._told = self._at
        return port.send(m.CREDIT, 8)

    def pump(self, now_ms: int) -> None:
        """Send as much as fits now."""
        core = self._core
        running = core.session.running()
        for _ in range(8):
            if not self.sending() or core.hal.link_busy_ms() > _QUEUED_MS:
                return
            if running and ticks.diff(now_ms, self._sent_ms) < _SESSION_MS:
                return
            if not self._send():
                return
            self._sent_ms = now_ms

    def _send(self) -> bool:
        """Send one frame. What cannot be read ends the transfer; the host notices that nothing comes."""
        at = self._at
        length = min(PIECE, self._end - at)
        if not self._base <= at <= at + length <= self._base + self._used:
            self._base = at
            self._used = self._core.hal.file_read_at(self._name, at, self._buf)
            if self._used < length:
                self._end = at
                self._used = 0
                return False
        port = self._core.port
        struct.pack_into("<I", port.out, frame.HEADER, at)
        begin = at - self._base
        port.out[frame.HEADER + 4 : frame.HEADER + 4 + length] = memoryview(self._buf)[begin : begin + length]
        if not port.send(m.BLOB_DATA, 4 + length):
            return False
        self._at = at + length
        return True
