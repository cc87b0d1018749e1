# SPDX-License-Identifier: Apache-2.0
"""NOR flash of the simulated board, as MicroPython's block devices are: erased to ones, programmed to zeros.

Only blocks that were programmed take memory. `files.FileStore` puts littlefs on it.
"""

from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PROG = const(1)
"""Kind of operation: bytes programmed."""
ERASE = const(2)
"""Kind of operation: a block erased."""

_EIO = const(-5)
_IOCTL_BLOCK_COUNT = const(4)
_IOCTL_BLOCK_SIZE = const(5)
_IOCTL_BLOCK_ERASE = const(6)


class Flash:
    """`blocks` erasable blocks of `block_size` bytes."""

    def __init__(self, blocks: int = 64, block_size: int = 4096) -> None:
        """All erased."""
        self.blocks = blocks
        self.block_size = block_size
        self.progs = [0] * blocks
        """Program operations of each block since the start."""
        self.erases = [0] * blocks
        """Erases of each block since the start."""
        self.failing = False
        """Fault: every program and erase gives EIO and changes nothing."""
        self.worn = False
        """Fault: nothing can be programmed any more, though erases seem to work."""
        self.on_op: "Callable[[int, int, int, int], None] | None" = None
        """Called as (kind, block, offset, length) before each PROG and ERASE: the place to charge time for it.
        It must not raise: littlefs's C code is on the stack."""
        self._erased = b"\xff" * block_size
        self._data: "dict[int, bytearray]" = {}

    def readblocks(self, block: int, buf: "bytearray | memoryview", offset: int = 0) -> int:
        """Fill `buf` from byte `offset` of `block` on, across blocks if need be. Returns 0."""
        size = self.block_size
        done = 0
        while done < len(buf):
            block += offset // size
            offset %= size
            part = min(len(buf) - done, size - offset)
            data = self._data.get(block, self._erased)
            buf[done : done + part] = memoryview(data)[offset : offset + part]
            done += part
            offset += part
        return 0

    def writeblocks(self, block: int, buf: "bytes | bytearray | memoryview", offset: "int | None" = None) -> int:
        """Program `buf` at byte `offset` of `block`, all within that block: bits can only be cleared.

        Without `offset`, whole blocks are erased first, as for a plain block device. Returns 0, or -5 when failing.
        """
        if offset is None:
            size = self.block_size
            view = memoryview(buf)
            for i in range(len(buf) // size):
                if self.erase(block + i) or self._program(block + i, 0, view[i * size : (i + 1) * size]):
                    return _EIO
            return 0
        return self._program(block, offset, memoryview(buf))

    def ioctl(self, op: int, arg: int) -> int:
        """MicroPython's block device controls: 4 block count, 5 block size, 6 erase block `arg`; others give 0."""
        if op == _IOCTL_BLOCK_COUNT:
            return self.blocks
        if op == _IOCTL_BLOCK_SIZE:
            return self.block_size
        if op == _IOCTL_BLOCK_ERASE:
            return self.erase(arg)
        return 0

    def erase(self, block: int) -> int:
        """Set a block to ones. Returns 0, or -5 when failing."""
        if self.failing:
            return _EIO
        if self.on_op:
            self.on_op(ERASE, block, 0, self.block_size)
        self.erases[block] += 1
        self._data.pop(block, None)
        return 0

    def image(self) -> bytes:
        """All its bytes."""
        parts: "list[bytes | bytearray]" = []
        for block in range(self.blocks):
            parts.append(self._data.get(block, self._erased))
        return b"".join(parts)

    def load(self, data: "bytes | bytearray | memoryview") -> None:
        """Take the bytes that `image` gave. Raises ValueError for another size."""
        if len(data) != self.blocks * self.block_size:
            raise ValueError("flash image of %d bytes, not %d" % (len(data), self.blocks * self.block_size))
        self._data.clear()
        for block in range(self.blocks):
            part = bytes(data[block * self.block_size : (block + 1) * self.block_size])
            if part != self._erased:
                self._data[block] = bytearray(part)

    def _program(self, block: int, offset: int, view: memoryview) -> int:
        if self.failing or self.worn:
            return _EIO
        length = len(view)
        if self.on_op:
            self.on_op(PROG, block, offset, length)
        self.progs[block] += 1
        data = self._data.get(block)
        if data is None:
            data = bytearray(self._erased)
            self._data[block] = data
        place = memoryview(data)[offset : offset + length]
        if place == memoryview(self._erased)[:length]:
            place[:] = view
        else:
            for i in range(length):
                place[i] &= view[i]
        return 0
