# SPDX-License-Identifier: Apache-2.0
"""The whole file system through the store's verbs, slots included. Loaded for an update and its trial only."""

import os

from podsteam_firmware.hal.esp32_files import Files

_FOLDER_BIT = 0x4000


class Growing:
    """As `hal.verbs.Growing`."""

    def __init__(self, path: str) -> None:
        """Raises OSError when the file cannot be begun."""
        self._file = open(path, "wb")  # noqa: SIM115  # `close` closes it

    def write(self, data: "bytes | bytearray | memoryview") -> bool:
        """As the verb."""
        try:
            return self._file.write(data) == len(data)
        except OSError:
            return False

    def close(self) -> bool:
        """As the verb."""
        try:
            self._file.close()
        except OSError:
            return False
        return True


class RootFiles:
    """`hal.verbs.Root` below `root`."""

    def __init__(self, root: str) -> None:
        self._root = root if root.endswith("/") else root + "/"
        # "" is the folder that "/" names, whose paths begin with a slash.
        files = Files(root[:-1] if root.endswith("/") else root)
        self.file_read_at = files.read_at
        self.file_write = files.write
        self.file_append = files.append
        self._make_above = files.make_above
        self.file_remove = files.remove
        self.file_list = files.entries
        self._read = files.read

    def file_read(self, name: str, limit: int = 4096) -> "bytes | None":
        """As the verb."""
        return self._read(name, limit)

    def file_grow(self, name: str) -> "Growing | None":
        """As the verb."""
        self._make_above(name)
        try:
            return Growing(self._root + name)
        except OSError:
            return None

    def folder_list(self, folder: str) -> "list[str]":
        """As the verb."""
        path = self._root + folder
        try:
            return [name for name in os.listdir(path) if os.stat(path + "/" + name)[0] & _FOLDER_BIT]
        except OSError:
            return []
