# SPDX-License-Identifier: Apache-2.0
"""The store's verbs on the mounted littlefs, below one folder.

littlefs renames atomically onto an existing file, and a file is durable once it is closed. So a replaced file
is written beside the old one and renamed: a power cut leaves the old or the new.
"""

import os

_FOLDER_BIT = 0x4000
_PART = ".tmp"


class Files:
    """Files below `root`, by names like "programs/gentle"."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._make(root)

    def _path(self, name: str) -> str:
        return self._root + "/" + name

    def _make(self, folder: str) -> None:
        try:
            os.mkdir(folder)
        except OSError:
            # It is there already, or whoever opens a file in it will see the fault.
            pass

    def make_above(self, name: str) -> None:
        """Make the folders that a file of this name lies in."""
        at = name.find("/")
        while at > 0:
            self._make(self._path(name[:at]))
            at = name.find("/", at + 1)

    def read(self, name: str, limit: int) -> "bytes | None":
        """As the verb `file_read`."""
        try:
            with open(self._path(name), "rb") as f:
                return f.read(limit)
        except OSError:
            return None

    def read_at(self, name: str, offset: int, buf: "bytearray | memoryview") -> int:
        """As the verb `file_read_at`."""
        try:
            with open(self._path(name), "rb") as f:
                f.seek(offset)
                return f.readinto(buf) or 0
        except OSError as e:
            return -(e.errno or 5)

    def write(self, name: str, data: "bytes | bytearray | memoryview") -> bool:
        """As the verb `file_write`."""
        path = self._path(name)
        self.make_above(name)
        try:
            with open(path + _PART, "wb") as f:
                f.write(data)
            os.rename(path + _PART, path)
        except OSError:
            return False
        return True

    def append(self, name: str, data: "bytes | bytearray | memoryview") -> bool:
        """As the verb `file_append`."""
        self.make_above(name)
        try:
            with open(self._path(name), "ab") as f:
                f.write(data)
        except OSError:
            return False
        return True

    def remove(self, name: str) -> bool:
        """As the verb `file_remove`."""
        try:
            os.remove(self._path(name))
        except OSError:
            return False
        return True

    def entries(self, folder: str) -> "list[tuple[str, int]]":
        """As the verb `file_list`. What a power cut left half written is not listed."""
        found: list[tuple[str, int]] = []
        try:
            names = os.listdir(self._path(folder))
        except OSError:
            return found
        for name in names:
            status = os.stat(self._path(folder + "/" + name))
            if not name.endswith(_PART) and not status[0] & _FOLDER_BIT:
                found.append((name, status[6]))
        found.sort()
        return found
