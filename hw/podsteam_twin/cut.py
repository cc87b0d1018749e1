# SPDX-License-Identifier: Apache-2.0
"""A power cut that waits for an operation: the whole unit runs until flash, ring or tag is written for the n-th time.

The firmware is stopped at the end of the loop's turn in which that operation fell, at most a few milliseconds later,
and everything that it stored after the operation is undone. What the pins did in that rest of a turn has been done.
"""

from podsteam_twin import powercut, tears
from podsteam_twin.files import FileStore
from podsteam_twin.flash import ERASE, PROG, Flash

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podsteam_twin.nfc.ntag import Ntag
    from podsteam_twin.world import World

PARTS = ("flash", "ring", "tag")
"""The file system's flash, the ledger's raw partition, the tag in the holder."""
TEARS = ("none", "all", "random")
"""How much of the operation is done."""
_RANDOM = {PROG: "bytes", ERASE: "noise", tears.PAGE: "half"}


class ArmedCut:
    """Armed when it is made; `due` once the operation has begun; `apply` then leaves the memories as the cut does."""

    def __init__(self, world: "World", of: str, at: int, tear: str) -> None:
        """Operation number `at` from 0 of those on `of`, one of `PARTS`, from now on. ValueError for anything else."""
        tag = world.chip.tag
        if of not in PARTS or tear not in TEARS or at < 0:
            raise ValueError("a cut is of %s, at 0 or more, with a tear of %s" % (" or ".join(PARTS), ", ".join(TEARS)))
        if of == "tag" and tag is None:
            raise ValueError("there is no tag in the holder")
        self._world = world
        self._tag = tag
        self._tear = tear
        self._wanted = PARTS.index(of)
        self._left = at
        self._place = 0
        self.due = False
        self._flashes: "list[Flash]" = [world.flash, world.ring]
        devices: "list[Any]" = self._flashes + ([] if tag is None else [tag])
        self._images: "list[Any]" = [tears.freeze(device) for device in devices]
        self._hooks = [flash.on_op for flash in self._flashes]
        self._tape = powercut.Tape(devices, None)
        for index, flash in enumerate(self._flashes):
            self._count_flash(index, flash)
        if tag is not None:
            self._count_tag(tag)

    def _count_flash(self, index: int, flash: Flash) -> None:
        taped = flash.on_op

        def count(kind: int, block: int, offset: int, length: int) -> None:
            if taped:
                taped(kind, block, offset, length)
            self._count(index)

        flash.on_op = count

    def _count_tag(self, tag: "Ntag") -> None:
        taped = tag.tear

        def count(page: int, old: bytes, new: bytes, permille: int) -> "bytes | None":
            if taped:
                taped(page, old, new, permille)
            self._count(2)
            return None

        tag.tear = count

    def _count(self, index: int) -> None:
        """An operation on the device `index` has begun."""
        if self.due:
            return
        if index == self._wanted:
            self.due = self._left == 0
            self._left -= 1
        if not self.due:
            self._place += 1

    def disarm(self) -> None:
        """The operations are no longer recorded."""
        self._tape.close()
        for flash, hook in zip(self._flashes, self._hooks):
            flash.on_op = hook

    def apply(self) -> None:
        """Undo what was stored after the operation, tear the operation itself, mount the flash anew."""
        self.disarm()
        noise = tears.Noise(self._world.rng.bits(30))
        images = self._images
        for op in self._tape.ops[: self._place]:
            images[op[0]] = images[op[0]].after(op, tears.WHOLE, noise)
        op = self._tape.ops[self._place]
        if self._tear != "none":
            tear = tears.WHOLE if self._tear == "all" else _RANDOM[op[1]]
            images[op[0]] = images[op[0]].after(op, tear, noise) or images[op[0]]
        world = self._world
        for flash, image in zip(self._flashes, images):
            flash.load(image.device().image())
        if self._tag is not None:
            self._tag.mem[:] = images[2].mem
        world.files = FileStore(world.flash)
