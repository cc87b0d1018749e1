# SPDX-License-Identifier: Apache-2.0
"""What is written where: made and shown before a chip is touched, and the same bytes are written afterwards."""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podsteam import __version__
from podsteam.errors import UsageProblem
from podsteam.flash import image
from podsteam.flash.boards import BoardFile
from podsteam.flash.container import OLDEST, Chip, Container, Partition
from podsteam.text import safe

_LEVEL = 9
"""As esptool compresses."""


@dataclass(frozen=True)
class Segment:
    """Bytes for one place in the flash."""

    name: str
    address: int
    data: bytes

    def as_data(self) -> dict[str, Any]:
        """For JSON and for people: where, how much, and the hash."""
        return {
            "name": self.name,
            "address": self.address,
            "bytes": len(self.data),
            "compressed_bytes": len(zlib.compress(self.data, _LEVEL)),
            "sha256": hashlib.sha256(self.data).hexdigest(),
        }


@dataclass(frozen=True)
class Plan:
    """Everything that is to be done to one chip."""

    chip: Chip
    segments: tuple[Segment, ...]
    erase: bool
    board: str
    version: str

    @property
    def size(self) -> int:
        """Bytes that are written, uncompressed."""
        return sum(len(segment.data) for segment in self.segments)

    def as_data(self) -> dict[str, Any]:
        """For JSON and for people."""
        return {
            "chip": self.chip.name,
            "board": self.board,
            "application": self.version,
            "erase_all": self.erase,
            "segments": [segment.as_data() for segment in self.segments],
        }


def suits(container: Container, board: BoardFile, any_version: bool) -> None:
    """Whether an image is for this board. Raises UsageProblem."""
    shown = safe(str(container.path))
    if container.chip.name != board.chip:
        raise UsageProblem(f"{shown} is for the {container.chip.title}, but the board '{board.name}' has another chip.")
    if any_version:
        return
    oldest = ".".join(map(str, OLDEST))
    if container.version is None:
        raise UsageProblem(f"{shown} does not say that it is MicroPython {oldest} or newer (--any-version takes it).")
    if container.version < OLDEST:
        has = ".".join(map(str, container.version))
        raise UsageProblem(f"{shown} is MicroPython {has}; podsteam needs {oldest} or newer (--any-version takes it).")


def file_system(
    partition: Partition,
    compiled: Mapping[str, bytes],
    entry: Mapping[str, bytes],
    kept: Mapping[str, bytes] | None = None,
) -> Segment:
    """The file system with loader, application and, below `/data`, what was `kept` or else a new unit's defaults."""
    data = image.defaults() if kept is None else kept
    files = image.lay_out(compiled, entry, __version__, data=data)
    return Segment("files", partition.start, image.used(image.build(files, partition.size)))


def plan(board: BoardFile, chip: Chip, container: Container | None, files: Segment, *, erase: bool = False) -> Plan:
    """The plan: the interpreter, unless there is no `container`, and the files."""
    segments = [files]
    if container is not None:
        segments.insert(0, Segment("MicroPython", container.chip.base, container.data))
    return Plan(chip, tuple(segments), erase, board.name, __version__)
