# SPDX-License-Identifier: Apache-2.0
"""Whether a slot holds a whole application: its manifest, and every file against its size and SHA-256 there.

The manifest is text, read line by line, so that it takes no memory to speak of:

    podsteam-slot 1
    version 0.1.0
    file 512 <SHA-256, 64 hexadecimal characters> podsteam_firmware/core.mpy
    end <CRC-32 of everything before this line, 8 hexadecimal characters>

Files stand in ascending order of their paths, and the slot holds no others: MicroPython would prefer a stray `core.py`
to `core.mpy`. Lines that begin with another word are for others and passed over.
"""

import binascii
import hashlib
import os

from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

EMPTY = const(0)
"""There is no manifest: nothing was installed, or not to its end."""
CORRUPT = const(1)
"""There is one, and the slot is not what it says."""
GOOD = const(2)

_NAME = "manifest"
_HEAD = b"podsteam-slot 1"
_LONGEST = const(256)
"""Longest line in bytes."""
_FOLDER_BIT = const(0x4000)
_MODE = const(0)
_SIZE = const(6)


def state(folder: str, deep: bool) -> int:
    """State of the slot in `folder`. With `deep` every byte is read; without, sizes only are compared."""
    path = folder + "/" + _NAME
    try:
        os.stat(path)
    except OSError:
        return EMPTY
    try:
        with open(path, "rb") as manifest:
            listed = _check(manifest, folder, deep)
        return GOOD if listed > 0 and listed + 1 == _count(folder) else CORRUPT
    except (OSError, ValueError, IndexError):
        return CORRUPT


def _check(manifest: "BinaryIO", folder: str, deep: bool) -> int:
    """How many files the manifest lists. Raises ValueError, IndexError or OSError when not all is as it says."""
    crc = 0
    listed = 0
    last = ""
    line = manifest.readline(_LONGEST)
    if line.rstrip() != _HEAD:
        raise ValueError
    whole = True
    while line:
        # The rest of a line that is too long is nobody's.
        words = line.decode().split() if whole else []
        if words and words[0] == "end":
            if int(words[1], 16) != crc or manifest.readline(1):
                raise ValueError
            return listed
        if words and words[0] == "file":
            _, size, digest, path = words
            if path <= last or path[0] == "/" or ".." in path:
                raise ValueError
            last = path
            _check_file(folder + "/" + path, int(size), digest if deep else "")
            listed += 1
        crc = binascii.crc32(line, crc)
        whole = line[-1:] == b"\n"
        line = manifest.readline(_LONGEST)
    raise ValueError


def _check_file(path: str, size: int, digest: str) -> None:
    """Raises ValueError or OSError when the file is another one. `digest` empty: its size is enough."""
    if _is_folder(path) or os.stat(path)[_SIZE] != size:
        raise ValueError
    if not digest:
        return
    sha256 = hashlib.sha256()
    buf = bytearray(512)
    view = memoryview(buf)
    with open(path, "rb") as f:
        got = f.readinto(buf)
        while got:
            sha256.update(view[:got])
            got = f.readinto(buf)
    if sha256.digest() != binascii.unhexlify(digest):
        raise ValueError


def _count(folder: str) -> int:
    """Files below `folder`."""
    count = 0
    for name in os.listdir(folder):
        path = folder + "/" + name
        count += _count(path) if _is_folder(path) else 1
    return count


def _is_folder(path: str) -> bool:
    return int(os.stat(path)[_MODE]) & _FOLDER_BIT != 0
