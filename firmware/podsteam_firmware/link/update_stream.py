# SPDX-License-Identifier: Apache-2.0
"""A package on its way to an update as one stream, packed or not, in the frames of `bulk`. Loaded with the first one.

What arrives waits in a queue of a few KB, so that the line need not wait while flash is erased. It is unpacked in
slices between the ticks, and each slice goes where the bytes of UPDATE_WRITE go, `Update.put`, which knows what may
come. Never more is unpacked than is put, and nothing is put beyond the sizes in the signed manifest: whatever the
stream holds, it ends there.
"""

import io

from podsteam_firmware.link.bulk import PIECE, Bulk
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core
    from podsteam_firmware.hal.verbs import Inflater
    from podsteam_firmware.store.update import Update

_QUEUE = const(4096)
_SLICE = const(512)
"""Bytes that are put at once: one write to flash, two when a file ends."""
_AHEAD = const(1536)
"""An unpacker cannot wait in the middle of a code. It is asked for a slice when so much is there, more than any slice
that a compressor makes takes: two bytes for each of its bytes, and 320 for the tables that a block begins with."""
_UNPACKER = const(1536)
"""Bytes that an unpacker takes beside its window."""
_TELL = const(972)
"""A credit is sent whenever it has grown by so much."""
_LEAST_WINDOW = const(9)
_MOST_WINDOW = const(12)
"""4 KiB of memory."""


def under_way(bulk: "Bulk | None", offset: int, size: int) -> "Stream | None":
    """The stream of these figures, when it is what the line carries; else None."""
    return bulk if isinstance(bulk, Stream) and bulk.is_for(offset, size) else None


def begin(core: "Core", update: "Update", offset: int, size: int, window: int) -> "Stream | None":
    """A new stream; None: it cannot be unpacked here, or there is no memory for it."""
    if window and not _LEAST_WINDOW <= window <= _MOST_WINDOW:
        return None
    try:
        return Stream(core, update, offset, size, window)
    except (ImportError, MemoryError):
        return None


class Stream(Bulk):
    """The stream that is under way. It is the port's transfer until it ends."""

    blobs = False

    def __init__(self, core: "Core", update: "Update", offset: int, size: int, window: int) -> None:
        """`offset`: where it begins in the package; `window`: 0, or that of the packing.

        Raises ImportError where nothing can be unpacked, and MemoryError.
        """
        super().__init__(core, _SLICE)
        self._update = update
        self._first = self._next = offset
        self._end = size
        self._taking = True
        queue = io.BytesIO()
        # All of its memory at once, while there is some.
        queue.seek(_QUEUE - 1)
        queue.write(b"\0")
        self._queue = queue
        self._in = 0
        """Bytes in the queue end here."""
        self._out = 0
        """They begin here."""
        self._inflater: "Inflater | None" = None
        if window:
            self._inflater = core.hal.inflate(queue, window)
            # It takes its memory with the first byte only, where nobody could refuse any more: see that there is some.
            bytearray(_UNPACKER + (1 << window))
        self._granted = self.up_to()

    def is_for(self, offset: int, size: int) -> bool:
        """Whether it is the stream of these figures."""
        return self._taking and self._first == offset and self._end == size

    def leave(self) -> None:
        """End it; the update stands where it stood. Its memory is free then."""
        self._taking = False
        if self._core.port.bulk is self:
            self._core.port.bulk = None

    def up_to(self) -> int:
        """As `Bulk.up_to`, and what the queue has room for."""
        return min(super().up_to(), self._at + _QUEUE - (self._in - self._out))

    def sending(self) -> bool:
        """Whether there is something to do at once."""
        return self._taking and self._ready() and self._core.may_write()

    def _ready(self) -> bool:
        held = self._in - self._out
        return held >= (_AHEAD if self._inflater else _SLICE) or self._at == self._end

    def _data(self, offset: int, payload: memoryview) -> None:
        length = len(payload) - 4
        if not self._follows(offset, length):
            return
        queue = self._queue
        if self._in + length > _QUEUE:
            queue.seek(self._out)
            rest = queue.read(self._in - self._out)
            queue.seek(0)
            queue.write(rest)
            self._out = 0
            self._in = len(rest)
            if self._in + length > _QUEUE:
                # More than it was given credit for.
                return
        queue.seek(self._in)
        queue.write(payload[4:])
        self._in += length
        self._at += length
        self._gap = False

    def pump(self, now_ms: int) -> None:
        """Put a slice, and tell the host how far it may send."""
        if self.sending():
            self._put()
        if not self._taking:
            return
        up_to = self.up_to()
        grown = up_to - self._granted
        least = _TELL if self.piece() == PIECE else 1
        if grown >= least or (grown > 0 and up_to == self._end) or self._untold_end():
            self._tell()

    def _untold_end(self) -> bool:
        return self._at == self._end != self._told

    def _tell(self) -> bool:
        granted = self.up_to()
        told = super()._tell()
        if told:
            self._granted = granted
        return told

    def _put(self) -> None:
        """Unpack a slice and put it. The stream ends when the update wants no more; one that makes no sense ends it."""
        view = memoryview(self._buf)
        got = self._read(view)
        update = self._update
        if got > 0:
            update.put(self._next, view[:got])
            self._next += got
        elif got < 0:
            update.fail(m.CODE_UPDATE_CORRUPT)
        if got <= 0 or (update.stage != m.UPDATE_MANIFEST and update.stage != m.UPDATE_FILES):
            if self._untold_end():
                self._tell()
            self.leave()

    def _read(self, view: memoryview) -> int:
        """The next bytes of the package. Returns how many; 0: the stream is over; -1: it cannot be unpacked."""
        queue = self._queue
        queue.seek(self._out)
        if self._inflater is None:
            got = queue.readinto(view[: self._in - self._out])
        else:
            try:
                got = self._inflater.readinto(view)
            except MemoryError:
                return 0
            except (OSError, EOFError):
                return -1
        self._out = queue.tell()
        # Beyond what has arrived lies what was there before it.
        return (got or 0) if self._out <= self._in else -1
