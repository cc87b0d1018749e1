# SPDX-License-Identifier: Apache-2.0
"""The whole file system through the store's verbs, slots included. Loaded for an update and its trial only."""

import os

from podsteam_firmware.hal.esp32_files import Files

_FOLDER_BIT = 0x4000


class RootFiles:
    """`hal.verbs.Root` below `root`."""

    def __init__(self, root: str) -> None:
        self._root = root
        # "" is the folder that "/" names, whose paths begin with a slash.
        files = Files(root[:-1] if root.endswith("/") else root)
        self.file_read_at = files.read_at
        self.file_write = files.write
        self.file_append = files.append
        self.file_remove = files.remove
        self.file_list = files.entries
        self._read = files.read

    def file_read(self, name: str, limit: int = 4096) -> "bytes | None":
        """As the verb."""
        return self._read(name, limit)

    def folder_list(self, folder: str) -> "list[str]":
        """As the verb."""
        path = self._root + folder
        try:
            return [name for name in os.listdir(path) if os.stat(path + "/" + name)[0] & _FOLDER_BIT]
        except OSError:
            return []
