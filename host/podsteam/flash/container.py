# SPDX-License-Identifier: Apache-2.0
"""A MicroPython image for an ESP32: which chip it is for, where it goes, and the partition table inside it.

The file is what `esptool merge-bin` makes: bootloader, partition table and application, with 0xFF between, from the
bootloader's address on. The formats are Espressif's: image header (16 bytes from 0xE9 and the chip's number) and
partition table (entries of 32 bytes from 0xAA 0x50, closed by 0xEB 0xEB and an MD5).
"""

import hashlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from podsteam.errors import UsageProblem
from podsteam.text import safe

TABLE_AT = 0x8000
"""Flash address of the partition table."""
TABLE_SIZE = 0xC00
"""Bytes of the partition table."""
_MOST = 16 << 20
_IMAGE = 0xE9
_ENTRY = b"\xaa\x50"
_MD5 = b"\xeb\xeb"
_APP, _DATA = 0, 1
_FAT = 0x81
OLDEST = (1, 23)
"""Oldest MicroPython that the application runs on."""
_VERSION = re.compile(rb"(?<![\w.])v?(1\.\d{1,2})(?:\.\d{1,2})?(?:-[\w.-]{1,40})? on 20\d\d-\d\d-\d\d")


@dataclass(frozen=True)
class Chip:
    """A chip that podsteam can be flashed on."""

    name: str
    """As esptool and the boards' files call it."""
    title: str
    number: int
    """In the image's header."""
    base: int
    """Flash address of the bootloader, where the image begins."""


CHIPS = (
    Chip("esp32", "ESP32", 0, 0x1000),
    Chip("esp32s3", "ESP32-S3", 9, 0),
    Chip("esp32c3", "ESP32-C3", 5, 0),
)


@dataclass(frozen=True)
class Partition:
    """An entry of the partition table. Addresses and sizes in bytes."""

    name: str
    kind: int
    subtype: int
    start: int
    size: int


@dataclass(frozen=True)
class Container:
    """An image that was read and found sound."""

    path: Path
    data: bytes
    chip: Chip
    partitions: tuple[Partition, ...]
    version: tuple[int, int] | None
    """MicroPython's version; None: the image does not tell."""
    sha256: str

    @property
    def files(self) -> Partition:
        """The partition that holds the device's files."""
        return files_of(self.partitions)


def load(path: Path) -> Container:
    """Read an image. Raises UsageProblem, with what is wrong with the file."""
    shown = safe(str(path))
    try:
        size = path.stat().st_size
        if size > _MOST:
            raise UsageProblem(f"{shown} has {size} bytes; an image has {_MOST} at most.")
        data = path.read_bytes()
    except OSError as e:
        raise UsageProblem(f"The image {shown} cannot be read ({e.strerror}).") from e
    return parse(data, path)


def parse(data: bytes, path: Path) -> Container:
    """The image in these bytes. Raises UsageProblem, with what is wrong with them."""
    shown = safe(str(path))
    if len(data) < 24 or data[0] != _IMAGE:
        raise UsageProblem(f"{shown} is no ESP32 image: it does not begin with a bootloader.")
    (number,) = struct.unpack_from("<H", data, 12)
    chip = next((chip for chip in CHIPS if chip.number == number), None)
    # Old bootloaders leave the number's bytes at will: they are all for the first chip.
    if chip is None and data[TABLE_AT - CHIPS[0].base :][:2] == _ENTRY:
        chip = CHIPS[0]
    if chip is None:
        known = ", ".join(chip.title for chip in CHIPS)
        raise UsageProblem(f"{shown} is for a chip that podsteam does not know (number {number}); it knows {known}.")
    partitions = table(data[TABLE_AT - chip.base : TABLE_AT - chip.base + TABLE_SIZE], shown)
    if chip.base + len(data) > files_of(partitions).start:
        raise UsageProblem(f"{shown} reaches into its own partition for files; give the plain MicroPython image.")
    app = next((p for p in partitions if p.kind == _APP), None)
    if app is None or len(data) <= app.start - chip.base or data[app.start - chip.base] != _IMAGE:
        raise UsageProblem(f"{shown} holds no interpreter where its partition table says; it may be cut short.")
    return Container(path, data, chip, partitions, _version(data), hashlib.sha256(data).hexdigest())


def files_of(partitions: Sequence[Partition]) -> Partition:
    """The partition that holds the device's files."""
    return next(p for p in partitions if p.kind == _DATA and p.subtype == _FAT)


def chip_named(name: str) -> Chip:
    """The chip of this name, one of those of `CHIPS`."""
    return next(chip for chip in CHIPS if chip.name == name)


def table(raw: bytes, shown: str) -> tuple[Partition, ...]:
    """The partitions of a table. `shown`: where it is from. Raises UsageProblem when it is damaged, lies, or has no
    place for files."""
    found: list[Partition] = []
    for at in range(0, len(raw) - 31, 32):
        entry = raw[at : at + 32]
        if entry[:2] == _ENTRY:
            kind, subtype, start, size, name = struct.unpack_from("<BBII16s", entry, 2)
            label = name.split(b"\0")[0].decode("ascii", "replace")
            found.append(Partition(safe(label), kind, subtype, start, size))
        elif entry[:2] == _MD5:
            if entry[16:] != hashlib.md5(raw[:at], usedforsecurity=False).digest():
                raise UsageProblem(f"The partition table in {shown} fails its check; fetch the image anew.")
            break
        else:
            break
    if not found:
        raise UsageProblem(f"{shown} has no partition table at {TABLE_AT:#x}; it needs one with MicroPython's.")
    end = TABLE_AT + TABLE_SIZE
    for p in sorted(found, key=lambda p: p.start):
        if p.start < end or p.start % 4096 or p.start + p.size > _MOST or not p.size:
            raise UsageProblem(f"Partition '{p.name}' in {shown} lies at {p.start:#x}, where it cannot be.")
        end = p.start + p.size
    if sum(p.kind == _DATA and p.subtype == _FAT for p in found) != 1:
        names = ", ".join(p.name for p in found)
        raise UsageProblem(f"{shown} has no single partition for files, as MicroPython's images have; it has {names}.")
    return tuple(found)


def _version(data: bytes) -> tuple[int, int] | None:
    """The interpreter's version, from its banner."""
    match = _VERSION.search(data)
    if match is None:
        return None
    major, minor = match[1].decode().split(".")
    return int(major), int(minor)
