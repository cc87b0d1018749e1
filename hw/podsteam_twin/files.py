# SPDX-License-Identifier: Apache-2.0
"""The HAL's file verbs over real littlefs on the simulated flash, the same on both interpreters."""

from podsteam_twin import littlefs_port
from podsteam_twin.flash import Flash

_NEW = ".new"
_EIO = -5
_ENOENT = 2
_START = 0
_END = 2


class Growing:
    """A new file that is being written; what was written is there when it is closed."""

    def __init__(self, file: "littlefs_port.File") -> None:
        self._file = file

    def write(self, data: "bytes | bytearray | memoryview") -> bool:
        """More of it. False when the flash is full or fails."""
        try:
            self._file.write(data)
        except OSError:
            return False
        return True

    def close(self) -> bool:
        """Make it durable. False when the flash is full or fails."""
        try:
            self._file.close()
        except OSError:
            return False
        return True


class FileStore:
    """Files on a `Flash`. A name is a path such as `programs/gentle`; names that start with a dot are its own."""

    def __init__(self, flash: Flash) -> None:
        """Mount; a flash without a file system is formatted."""
        self.full = False
        """Fault: there is no room for anything new."""
        self._fs = littlefs_port.mount(flash)

    def file_read(self, name: str, limit: int = 4096) -> "bytes | None":
        """The file's bytes (at most `limit`), or None when there is none."""
        try:
            file = self._fs.open(name, "rb")
        except OSError:
            return None
        try:
            size = file.seek(0, _END)
            buf = bytearray(min(size, limit))
            file.seek(0, _START)
            length = file.readinto(buf)
        except OSError:
            return None
        finally:
            file.close()
        return bytes(buf) if length == len(buf) else None

    def file_read_at(self, name: str, offset: int, buf: "bytearray | memoryview") -> int:
        """Bytes from `offset` into `buf`. Returns how many, or a negative errno (-2: there is no such file)."""
        try:
            file = self._fs.open(name, "rb")
        except OSError as error:
            return _negative(error)
        try:
            file.seek(offset, _START)
            return file.readinto(buf)
        except OSError as error:
            return _negative(error)
        finally:
            file.close()

    def file_write(self, name: str, data: "bytes | bytearray | memoryview") -> bool:
        """Replace the file whole, by a temporary file and a rename. False when the flash is full or fails."""
        new = _folder(name) + _NEW
        if self._put(new, "wb", data):
            try:
                self._fs.rename(new, name)
                return True
            except OSError:
                pass
        self.file_remove(new)
        return False

    def file_append(self, name: str, data: "bytes | bytearray | memoryview") -> bool:
        """Append and make durable. False when the flash is full or fails."""
        return self._put(name, "ab", data)

    def file_grow(self, name: str) -> "Growing | None":
        """Begin a new file; None when the flash is full or fails."""
        if self.full:
            return None
        try:
            self._make_folders(name)
            return Growing(self._fs.open(name, "wb"))
        except OSError:
            return None

    def file_remove(self, name: str) -> bool:
        """Remove; False when there was none, or the flash fails."""
        try:
            self._fs.remove(name)
        except OSError:
            return False
        return True

    def file_list(self, folder: str) -> "list[tuple[str, int]]":
        """Sorted list of (name, size) of the files in a folder; empty when there is none."""
        found: "list[tuple[str, int]]" = []
        try:
            for entry in self._fs.ilistdir(folder):
                if entry[1] == 0x8000 and entry[0][:1] != ".":
                    found.append((entry[0], entry[3]))
        except OSError:
            return []
        found.sort()
        return found

    def folder_list(self, folder: str) -> "list[str]":
        """Names of the folders in a folder; empty when there is none."""
        found: "list[str]" = []
        try:
            for entry in self._fs.ilistdir(folder):
                if entry[1] == 0x4000 and entry[0][:1] != ".":
                    found.append(entry[0])
        except OSError:
            return []
        found.sort()
        return found

    def _put(self, name: str, mode: str, data: "bytes | bytearray | memoryview") -> bool:
        if self.full:
            return False
        try:
            try:
                file = self._fs.open(name, mode)
            except OSError as error:
                if error.errno != _ENOENT:
                    return False
                self._make_folders(name)
                file = self._fs.open(name, mode)
            try:
                file.write(data)
            finally:
                file.close()
        except OSError:
            return False
        return True

    def _make_folders(self, name: str) -> None:
        end = name.find("/", 1)
        while end > 0:
            try:
                self._fs.mkdir(name[:end])
            except OSError:
                # It is there already; when it is not, opening the file in it fails and says so.
                pass
            end = name.find("/", end + 1)


def _folder(name: str) -> str:
    """The path up to and with the last slash; empty for a name without one."""
    return name[: name.rfind("/") + 1]


def _negative(error: OSError) -> int:
    """The error's number as the verbs give it."""
    return -error.errno if error.errno else _EIO
