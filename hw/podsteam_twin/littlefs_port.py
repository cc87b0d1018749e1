# SPDX-License-Identifier: Apache-2.0
"""littlefs on a `Flash`, with the same face and the same flash operations on CPython as on MicroPython.

MicroPython brings its own (`vfs.VfsLfs2`); on CPython the `littlefs-python` library is given that face, as far as
`files` uses it. Geometry as on the ESP32: block 4096, read and program 32, cache 128, lookahead 32, block cycles 100.
"""

from podsteam_twin.flash import Flash

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_READ_PROG = 32
_CACHE = 128
_LOOKAHEAD = 32
_BLOCK_CYCLES = 100

_DIRECTORY = 0x4000
_FILE = 0x8000


def mount(flash: Flash) -> "Littlefs":
    """The file system on `flash`, which is formatted first when none can be found on it."""
    try:
        import vfs  # pyright: ignore[reportMissingModuleSource]
    except ImportError:
        return Littlefs(flash)
    backend: "Any" = vfs.VfsLfs2
    options = {"readsize": _READ_PROG, "progsize": _READ_PROG, "lookahead": _LOOKAHEAD}
    try:
        return backend(flash, mtime=False, **options)
    except OSError:
        backend.mkfs(flash, **options)
        return backend(flash, mtime=False, **options)


class _Context:
    """What littlefs-python calls to reach the flash."""

    def __init__(self, flash: Flash) -> None:
        self._flash = flash

    def read(self, cfg: object, block: int, off: int, size: int) -> bytearray:
        buf = bytearray(size)
        self._flash.readblocks(block, buf, off)
        return buf

    def prog(self, cfg: object, block: int, off: int, data: bytes) -> int:
        return self._flash.writeblocks(block, data, off)

    def erase(self, cfg: object, block: int) -> int:
        return self._flash.erase(block)

    def sync(self, cfg: object) -> int:
        return 0


class Littlefs:
    """The part of `VfsLfs2` that is needed, over littlefs-python. Raises OSError with littlefs's errno."""

    def __init__(self, flash: Flash) -> None:
        from littlefs import errors, lfs

        self.lfs: "Any" = lfs
        self.error = errors.LittleFSError
        self.fs = lfs.LFSFilesystem()
        self._config = lfs.LFSConfig(
            context=_Context(flash),
            block_size=flash.block_size,
            block_count=flash.blocks,
            read_size=_READ_PROG,
            prog_size=_READ_PROG,
            cache_size=_CACHE,
            lookahead_size=_LOOKAHEAD,
            block_cycles=_BLOCK_CYCLES,
        )
        flags = self.lfs.LFSFileFlag
        self._flags = {
            "rb": flags.rdonly,
            "wb": flags.wronly | flags.creat | flags.trunc,
            "ab": flags.wronly | flags.creat | flags.append,
        }
        try:
            lfs.mount(self.fs, self._config)
        except self.error:
            lfs.format(self.fs, self._config)
            lfs.mount(self.fs, self._config)

    def open(self, path: str, mode: str) -> "File":
        """Open with mode rb, wb or ab."""
        try:
            return File(self, self.lfs.file_open(self.fs, path, self._flags[mode]))
        except self.error as error:
            raise OSError(-error.code, path) from None

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        try:
            self.lfs.mkdir(self.fs, path)
        except self.error as error:
            raise OSError(-error.code, path) from None

    def rename(self, old: str, new: str) -> None:
        """Rename, over an existing file too."""
        try:
            self.lfs.rename(self.fs, old, new)
        except self.error as error:
            raise OSError(-error.code, old) from None

    def remove(self, path: str) -> None:
        """Remove a file."""
        try:
            self.lfs.remove(self.fs, path)
        except self.error as error:
            raise OSError(-error.code, path) from None

    def ilistdir(self, path: str) -> "Iterator[tuple[str, int, int, int]]":
        """(name, type, 0, size) of each entry."""
        lfs = self.lfs
        try:
            # An empty path is the root in `VfsLfs2`, and none at all in littlefs.
            folder = lfs.dir_open(self.fs, path or "/")
        except self.error as error:
            raise OSError(-error.code, path) from None
        try:
            entry = lfs.dir_read(self.fs, folder)
            while entry:
                if entry.name not in (".", ".."):
                    yield entry.name, _FILE if entry.type == 1 else _DIRECTORY, 0, entry.size
                entry = lfs.dir_read(self.fs, folder)
        finally:
            lfs.dir_close(self.fs, folder)


class File:
    """An open file of `Littlefs`."""

    def __init__(self, owner: Littlefs, handle: "Any") -> None:
        self._owner = owner
        self._handle = handle

    def seek(self, offset: int, whence: int) -> int:
        """Go to byte `offset`, counted from the start (`whence` 0) or the end (2); returns the place."""
        return self._owner.lfs.file_seek(self._owner.fs, self._handle, offset, whence)

    def readinto(self, buf: "bytearray | memoryview") -> int:
        """Fill `buf` as far as the file goes; returns the bytes."""
        try:
            data = self._owner.lfs.file_read(self._owner.fs, self._handle, len(buf))
        except self._owner.error as error:
            raise OSError(-error.code) from None
        buf[: len(data)] = data
        return len(data)

    def write(self, data: "bytes | bytearray | memoryview") -> int:
        """Write all of `data`."""
        try:
            return self._owner.lfs.file_write(self._owner.fs, self._handle, bytes(data))
        except self._owner.error as error:
            raise OSError(-error.code) from None

    def close(self) -> None:
        """Close, which makes durable what was written."""
        try:
            self._owner.lfs.file_close(self._owner.fs, self._handle)
        except self._owner.error as error:
            raise OSError(-error.code) from None
