# SPDX-License-Identifier: Apache-2.0
"""`esp32.Partition` over a fake chip: NOR flash that is programmed with an offset and erased without one."""

from typing import Any

from fake_chip import Chip

BLOCK = 4096
ERASE_US = 45_000
PROG_US = 60
READ_US = 50
APP, DATA = 0, 1
BLOCK_COUNT, BLOCK_SIZE, BLOCK_ERASE = 4, 5, 6
ESP_ERR_INVALID_SIZE = 0x104
ESP_ERR_FLASH_OP_FAIL = 0x6001


def partition_class(chip: Chip) -> type:
    """The class for the partitions that `chip` has: label to content, all of type data."""

    class Partition:
        TYPE_APP, TYPE_DATA = APP, DATA

        def __init__(self, label: str) -> None:
            if label not in chip.partitions:
                raise OSError(2, "ENOENT")
            self._label = label
            self._memory = chip.partitions[label]

        @staticmethod
        def find(type: int = APP, subtype: int = 0xFF, label: str | None = None) -> list[Any]:
            chip.alive()
            labels = sorted(chip.partitions) if type == DATA else []
            return [Partition(each) for each in labels if label in (None, each)]

        def info(self) -> tuple[int, int, int, int, str, bool]:
            return DATA, 0x06, 0x3F0000, len(self._memory), self._label, False

        def _place(self, block: int, length: int, offset: int) -> int:
            """The offset is added to the block's; nothing keeps it within the block."""
            start = block * BLOCK + offset
            if not 0 <= start <= len(self._memory) - length:
                raise OSError(-ESP_ERR_INVALID_SIZE, "ESP_ERR_INVALID_SIZE")
            return start

        def readblocks(self, block: int, buf: Any, offset: int = 0) -> None:
            start = self._place(block, len(buf), offset)
            chip.advance(READ_US)
            buf[:] = self._memory[start : start + len(buf)]

        def writeblocks(self, block: int, buf: Any, offset: int | None = None) -> None:
            start = self._place(block, len(buf), offset or 0)
            if offset is None:
                for each in range(len(buf) // BLOCK):
                    self._erase(block + each)
            self._refuse()
            chip.advance(PROG_US)
            for i, byte in enumerate(bytes(buf)):
                self._memory[start + i] &= byte

        def ioctl(self, op: int, arg: int) -> int | None:
            if op == BLOCK_COUNT:
                return len(self._memory) // BLOCK
            if op == BLOCK_SIZE:
                return BLOCK
            if op == BLOCK_ERASE:
                self._erase(arg)
                return 0
            return None

        def _erase(self, block: int) -> None:
            start = self._place(block, BLOCK, 0)
            self._refuse()
            chip.note("erased", (self._label, block))
            chip.advance(ERASE_US)
            self._memory[start : start + BLOCK] = b"\xff" * BLOCK

        def _refuse(self) -> None:
            chip.alive()
            if chip.flash_fails:
                raise OSError(-ESP_ERR_FLASH_OP_FAIL, "ESP_ERR_FLASH_OP_FAIL")

    return Partition
