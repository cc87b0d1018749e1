# SPDX-License-Identifier: Apache-2.0
"""The ledger's raw partition, found by its label; `firmware/README.md` has the partition table.

Facts of the port (its sources, 1.19 to 1.26): `writeblocks` with an offset programs and erases nothing, without one it
erases first; the offset is added to 4096 times the block, so block 0 reaches everything; control 6 erases a block of
4096 bytes; what the flash refuses raises OSError.
"""

from esp32 import Partition
from podsteam_protocol.const import const

_ERASE = const(6)
_ENODEV = const(-19)
_EIO = const(-5)


class Ring:
    """The partition labelled `ledger`. Where there is none its size is 0, and everything is refused."""

    def __init__(self) -> None:
        found: list[Partition] = Partition.find(Partition.TYPE_DATA, label="ledger")
        self._part = found[0] if found else None
        self.size: int = found[0].info()[3] & ~4095 if found else 0
        # What `_filled` and `_programmed` are called with: one that catches has room for no more than itself on the
        # stack, and the tick must not take its frame from the heap.
        self._buf: bytearray | memoryview = bytearray(0)
        self._offset = 0

    def read(self, offset: int, buf: bytearray) -> int:
        """As the verb `ring_read`."""
        if self._part is None:
            return _ENODEV
        self._buf = buf
        self._offset = offset
        return len(buf) if self._filled() else _EIO

    def _filled(self) -> bool:
        try:
            self._part.readblocks(0, self._buf, self._offset)  # pyright: ignore[reportOptionalMemberAccess, reportCallIssue, reportArgumentType]
        except OSError:
            return False
        return True

    def program(self, offset: int, buf: "bytearray | memoryview") -> bool:
        """As the verb `ring_program`, with all of `buf`."""
        self._buf = buf
        self._offset = offset
        return self._part is not None and self._programmed()

    def _programmed(self) -> bool:
        try:
            self._part.writeblocks(0, self._buf, self._offset)  # pyright: ignore[reportOptionalMemberAccess, reportCallIssue, reportArgumentType]
        except OSError:
            return False
        return True

    def erase(self, sector: int) -> bool:
        """As the verb `ring_erase`."""
        if self._part is None:
            return False
        try:
            self._part.ioctl(_ERASE, sector)
        except OSError:
            return False
        return True
