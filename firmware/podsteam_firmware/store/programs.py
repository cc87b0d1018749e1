# SPDX-License-Identifier: Apache-2.0
"""Stored session programs: one file each, with a CRC-32, and the name of the default one."""

import binascii
import struct

from podsteam_firmware.session.program import GENTLE, SIZE, check

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal

_FOLDER = "programs/"
_DEFAULT = "default"


def text(name: bytes) -> str:
    """A zero-padded name as text. Only for names that passed `valid_name`."""
    return bytes(name).rstrip(b"\0").decode()


class Programs:
    """The list always holds the built-in program, unless a stored one of the same name replaces it."""

    def __init__(self, hal: "Hal") -> None:
        self._hal = hal

    def names(self) -> "list[str]":
        """Names of all programs, sorted."""
        names = [name for name, _ in self._hal.file_list("programs")]
        built_in = text(GENTLE[:16])
        if built_in not in names:
            names.append(built_in)
        return sorted(names)

    def get(self, name: str) -> "bytes | None":
        """The program's struct, or None when there is none of that name or it fails its CRC or its ranges."""
        stored = self._hal.file_read(_FOLDER + name, SIZE + 4)
        if stored is None:
            return GENTLE if name == text(GENTLE[:16]) else None
        if len(stored) != SIZE + 4 or struct.unpack("<I", stored[SIZE:])[0] != binascii.crc32(stored[:SIZE]):
            return None
        raw = stored[:SIZE]
        return raw if check(raw) < 0 else None

    def put(self, raw: bytes) -> bool:
        """Store a program that passed `check`; True when it reads back the same."""
        name = text(raw[:16])
        if not self._hal.file_write(_FOLDER + name, raw + struct.pack("<I", binascii.crc32(raw))):
            return False
        return self.get(name) == raw

    def default_name(self) -> str:
        """Name of the program that the button alone starts."""
        stored = self._hal.file_read(_DEFAULT, 16)
        name = text(stored) if stored else ""
        return name if name and self.get(name) else text(GENTLE[:16])

    def set_default(self, name: str) -> bool:
        """Make it the default; the caller knows that it exists."""
        return self._hal.file_write(_DEFAULT, name.encode())
