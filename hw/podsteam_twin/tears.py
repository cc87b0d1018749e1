# SPDX-License-Identifier: Apache-2.0
"""Memories as a power cut leaves them: images of flash and tag, and what a torn operation makes of one.

An image is never changed. `after` gives the next one, which shares all blocks but one; `device` gives a flash or a tag
that starts from it. So a run can be cut thousands of times without copying the memory each time.
"""

from podsteam_protocol.const import const
from podsteam_twin.flash import ERASE, PROG, Flash
from podsteam_twin.nfc.ntag import Ntag, from_image, torn
from podsteam_twin.rng import Rng

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Device = Flash | Ntag
    Op = tuple[int, int, int, int, bytes, Any]


PAGE = const(3)
"""Kind of operation beside `flash.PROG` and `flash.ERASE`: a tag's page written."""

WHOLE = "whole"
TEARS = {
    PROG: ("bytes", "bits", "stuck"),
    ERASE: ("half", "noise", "stuck", "weak"),
    PAGE: ("erased", "half"),
}
"""How an operation is torn, beside not begun and whole. Programming: each byte done or not, one of them half; each bit
done or not; all but a few bits done. Erasing: half the block; each bit done or not; all but a few bits; and all bits
read as erased, but a few of them fall to 0 as soon as their byte is programmed."""
_PAGE_PERMILLE = {"erased": 400, "half": 600}


class CutFlash(Flash):
    """A flash that starts from an image whose blocks it shares until it changes them."""

    def __init__(self, image: "FlashImage") -> None:
        super().__init__(image.blocks, image.block_size)
        # Shared blocks are bytes, its own are bytearrays.
        self._data = dict(image.data)  # pyright: ignore[reportAttributeAccessIssue]
        self._weak = image.weak

    def readblocks(self, block: int, buf: "bytearray | memoryview", offset: int = 0) -> int:
        """As `Flash.readblocks`, quick for what lies in one block."""
        end = offset + len(buf)
        if end > self.block_size:
            return super().readblocks(block, buf, offset)
        buf[:] = self._data.get(block, self._erased)[offset:end]
        return 0

    def erase(self, block: int) -> int:
        """As `Flash.erase`; a whole erase makes weak bits sound."""
        if block in self._weak:
            self._weak = {key: self._weak[key] for key in self._weak if key != block}
        return super().erase(block)

    def _program(self, block: int, offset: int, view: memoryview) -> int:
        data = self._data.get(block)
        if isinstance(data, bytes):
            self._data[block] = bytearray(data)
        status = super()._program(block, offset, view)
        for at, mask in self._weak.get(block, ()):
            if offset <= at < offset + len(view):
                self._data[block][at] &= mask
        return status


class FlashImage:
    """What a flash holds at one moment. Never changed: `after` gives a new one that shares all other blocks."""

    def __init__(self, blocks: int, block_size: int, data: "dict[int, bytes]", weak: "dict[int, Any]") -> None:
        self.blocks = blocks
        self.block_size = block_size
        self.data = data
        """The blocks that are not erased."""
        self.weak = weak
        """By block: (offset, mask that the byte is ANDed with when it is programmed)."""

    def device(self) -> CutFlash:
        """A flash that starts from it."""
        return CutFlash(self)

    def after(self, op: "Op", tear: str, noise: "Noise") -> "FlashImage | None":
        """The image after an operation; None when this tear leaves it not begun or whole."""
        _, kind, block, offset, new, _ = op
        erased = b"\xff" * self.block_size
        old = self.data.get(block, erased)
        data = dict(self.data)
        weak = self.weak
        if kind == ERASE:
            if block in weak:
                weak = {key: weak[key] for key in weak if key != block}
            if tear == "weak":
                weak = dict(weak)
                weak[block] = noise.weak_bits(self.block_size)
                left = erased
            else:
                left = noise.torn(tear, old, erased)
            if tear not in (WHOLE, "weak") and left in (old, erased):
                return None
        else:
            end = offset + len(new)
            part = noise.torn(tear, old[offset:end], new)
            if tear != WHOLE and part in (old[offset:end], new):
                return None
            left = old[:offset] + part + old[end:]
        if left == erased:
            data.pop(block, None)
        else:
            data[block] = left
        return FlashImage(self.blocks, self.block_size, data, weak)


class TagImage:
    """What a tag holds at one moment. Never changed."""

    def __init__(self, mem: bytes) -> None:
        self.mem = mem

    def device(self) -> Ntag:
        """A tag that starts from it."""
        return from_image(self.mem)

    def after(self, op: "Op", tear: str, noise: "Noise") -> "TagImage | None":
        """The image after a page's WRITE; None when this tear leaves it not begun or whole."""
        at = op[2] * 4
        old, new = self.mem[at : at + 4], op[4]
        left = torn(old, new, _PAGE_PERMILLE.get(tear, 1000))
        if tear != WHOLE and left in (old, new):
            return None
        return TagImage(self.mem[:at] + left + self.mem[at + 4 :])


class Noise:
    """Chance, quickly: stretches of one pool of random bytes, the same on both interpreters."""

    _SIZE = 1 << 14

    def __init__(self, seed: int) -> None:
        self._chance = Rng(seed)
        pool = bytearray(self._SIZE)
        for i in range(self._SIZE):
            pool[i] = self._chance.bits(8)
        self._bits = bytes(pool)
        self._bytes = bytes([255 if value & 1 else 0 for value in pool])

    def _stretch(self, pool: bytes, length: int) -> bytes:
        start = self._chance.bits(13)
        return pool[start : start + length]

    def weak_bits(self, block_size: int) -> "list[tuple[int, int]]":
        """A few places in a block with what is left of them: 1 to 8 in its first 256 bytes, 1 anywhere."""
        found = [(self._chance.bits(8), 255 ^ 1 << self._chance.bits(3)) for _ in range(self._chance.bits(3) + 1)]
        found.append((self._chance.bits(16) % block_size, 255 ^ 1 << self._chance.bits(3)))
        return found

    def torn(self, tear: str, old: bytes, new: bytes) -> bytes:
        """What lies between `old` and `new`, bit by bit: some bits as they were, the others as they were to be."""
        if tear == WHOLE:
            return new
        size = len(new)
        if tear == "half":
            return new[: size // 2] + old[size // 2 :]
        if tear == "stuck":
            left = bytearray(new)
            changed = [i for i in range(min(size, 256)) if old[i] != new[i]]
            for _ in range(1 + self._chance.bits(2)):
                at = changed[self._chance.bits(16) % len(changed)] if changed else self._chance.bits(16) % size
                left[at] = self._half(old[at], new[at])
            return bytes(left)
        mask = int.from_bytes(self._stretch(self._bytes if tear == "bytes" else self._bits, size), "little")
        before, after = int.from_bytes(old, "little"), int.from_bytes(new, "little")
        left = bytearray((after ^ ((before ^ after) & mask)).to_bytes(size, "little"))
        at = self._chance.bits(16) % size
        left[at] = self._half(old[at], new[at])
        return bytes(left)

    def _half(self, old: int, new: int) -> int:
        return new ^ ((old ^ new) & self._chance.bits(8))


def freeze(device: "Device") -> "FlashImage | TagImage":
    """What a device holds now."""
    if not isinstance(device, Flash):
        return TagImage(device.image())
    data: "dict[int, bytes]" = {}
    erased = b"\xff" * device.block_size
    buf = bytearray(device.block_size)
    for block in range(device.blocks):
        device.readblocks(block, buf)
        whole = bytes(buf)
        if whole != erased:
            data[block] = whole
    return FlashImage(device.blocks, device.block_size, data, {})
