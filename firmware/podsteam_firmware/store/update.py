# SPDX-License-Identifier: Apache-2.0
"""A signed update, staged into the slot that does not run. Loaded when one is asked for; nothing else imports it.

A package is the signature (64 bytes), the manifest's length (u32), the manifest, then the files one after the other.
The manifest is the slot's own (`podsteam_loader/slots.py`) with four more lines before its files:

    podsteam-slot 1
    version 0.2.0
    product podsteam
    board reference
    interpreter 1.23
    file 512 <SHA-256> podsteam_firmware/core.mpy
    end <CRC-32>

What the loader sees of a staged slot is no manifest until every file was read back and found right; only then is the
slot put on trial. So a power cut anywhere leaves the old application or the new one, never a mixture. The signature is
checked in slices, between the ticks, before the slot is touched.
"""

import binascii
import hashlib
import struct
import sys

from podsteam_firmware.store.slots import NO_SLOT, TRIES, floor, read_record, slot_version, version_number, write_record
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.crypto.ecdsa import Verifier
    from podsteam_firmware.hal.verbs import Growing, Root, Store

STAGE_NONE = const(0)
"""Nothing was begun."""
STAGE_MANIFEST = const(1)
"""Signature and manifest are on their way."""
STAGE_VERIFY = const(2)
"""The signature is being checked."""
STAGE_CLEAR = const(3)
"""What the slot held is being removed."""
STAGE_FILES = const(4)
"""The files are on their way."""
STAGE_CHECK = const(5)
"""The files are read back, and the manifest is written after them."""
STAGE_READY = const(6)
"""The slot is on trial at the next start."""
STAGE_FAILED = const(7)
"""Refused; `code` says why."""

MOST_MANIFEST = const(24576)
"""Bytes; a line has 110 or so."""
MOST_FILES = const(400_000)
"""Bytes of all files together, so that two slots and the records fit."""
_SIGNATURE = const(64)
_HEAD = const(68)
_LINE = const(192)
_SLICE = const(512)
_NEW = "update/manifest"
_SIGNED = "update/signature"
_MARK = "update/mark"
_KEY = "update_key"


class Update:
    """One update: `begin`, `put` until all is there, `step` between, and it is ready or has failed."""

    def __init__(self, root: "Root", data: "Store", slot: int, board: str) -> None:
        """`root`: the files beside the slots; `data`: the application's own; `slot`: the one that runs."""
        self._root = root
        self._data = data
        self._slot = slot
        self._board = board
        self._folder = "ba"[slot] + "/"
        self.stage = STAGE_NONE
        self.code = 0
        """CODE of the refusal."""
        self.next = 0
        """Offset in the package that is wanted next."""
        self._length = 0
        self._digest = b""
        self._sha = hashlib.sha256()
        self._at = 0
        self._verifier: "Verifier | None" = None
        # The file that is on its way: its line's end in the manifest, where it begins in the package, its line.
        self._line_end = 0
        self._base = 0
        self._size = 0
        self._path = ""
        self._sum = ""
        self._buf = bytearray(_SLICE)
        self._held = 0
        """Bytes of the file in the buffer: taken, not yet written. A restart loses them, with the file they are of."""
        self._growing: "Growing | None" = None
        """That file, kept open: littlefs copies a file's last block each time that it is opened to be appended to."""

    def fail(self, code: int) -> int:
        """Refuse the package. Returns -CODE."""
        self.leave()
        self.stage = STAGE_FAILED
        self.code = code
        self._verifier = None
        return -code

    def leave(self) -> None:
        """Nothing more of the file that is on its way comes; it is not whole, and is sent anew."""
        growing = self._growing
        self._growing = None
        if growing is not None:
            growing.close()

    def _mark(self) -> bytes:
        """What says whose files the slot is getting."""
        return self._digest + self._folder[:1].encode()

    # What comes in ------------------------------------------------------------------------------------------------
    def begin(self, digest: bytes) -> int:
        """Begin, or go on with, the package whose manifest has this SHA-256. Returns the offset wanted, or -CODE."""
        self.leave()
        self.code = 0
        self._verifier = None
        record = read_record(self._root)
        if record is not None and record[1] == self._slot:
            # The other slot is the way back of the one that is on trial.
            return self.fail(m.CODE_UPDATE_ORDER)
        self._digest = bytes(digest)
        self._data.file_remove(_NEW)
        self._data.file_remove(_SIGNED)
        self.next = 0
        self._length = 0
        self.stage = STAGE_MANIFEST
        return 0

    def put(self, offset: int, data: "bytes | bytearray | memoryview") -> int:
        """Bytes of the package. What comes twice is passed over. Returns the offset wanted next, or -CODE.

        A gap, or data that cannot be taken now, changes nothing: the offset says what is wanted.
        """
        if self.stage == STAGE_FAILED:
            return -self.code
        if self.stage == STAGE_NONE:
            return -m.CODE_UPDATE_ORDER
        skip = self.next - offset
        if skip < 0 or skip >= len(data) or self.stage not in (STAGE_MANIFEST, STAGE_FILES):
            return self.next
        part = memoryview(data)[skip:]
        while len(part) and self.stage in (STAGE_MANIFEST, STAGE_FILES):
            taken = self._put_head(part) if self.stage == STAGE_MANIFEST else self._put_file(part)
            if taken < 0:
                return taken
            self.next += taken
            part = part[taken:]
            if self.stage == STAGE_FILES and self.next == self._base + self._size:
                self._next_file()
        return -self.code if self.stage == STAGE_FAILED else self.next

    def _put_head(self, part: memoryview) -> int:
        """Signature, length and manifest. Returns the bytes taken, or -CODE."""
        if self.next < _HEAD:
            part = part[: _HEAD - self.next]
            if not self._data.file_append(_SIGNED, part):
                return self.fail(m.CODE_STORE_FAILED)
            if self.next + len(part) == _HEAD:
                head = self._data.file_read(_SIGNED, _HEAD)
                self._length = struct.unpack("<I", head[_SIGNATURE:])[0] if head and len(head) == _HEAD else 0
                if not 0 < self._length <= MOST_MANIFEST:
                    return self.fail(m.CODE_UPDATE_FORM)
            return len(part)
        part = part[: _HEAD + self._length - self.next]
        if not self._data.file_append(_NEW, part):
            return self.fail(m.CODE_STORE_FAILED)
        if self.next + len(part) == _HEAD + self._length:
            self.stage = STAGE_VERIFY
            self._at = 0
            self._sha = hashlib.sha256()
        return len(part)

    def _put_file(self, part: memoryview) -> int:
        part = part[: min(self._base + self._size - self.next, _SLICE - self._held)]
        end = self._held + len(part)
        self._buf[self._held : end] = part
        whole = self.next + len(part) == self._base + self._size
        if end == _SLICE or whole:
            if self._growing is None:
                self._growing = self._root.file_grow(self._folder + self._path)
            growing = self._growing
            if growing is None or not growing.write(memoryview(self._buf)[:end]):
                return self.fail(m.CODE_STORE_FAILED)
            if whole:
                self._growing = None
                if not growing.close():
                    return self.fail(m.CODE_STORE_FAILED)
            end = 0
        self._held = end
        return len(part)

    # Between -------------------------------------------------------------------------------------------------------
    def step(self) -> bool:
        """One slice of work, some milliseconds. True while there is more to do without further data."""
        if self.stage == STAGE_VERIFY:
            self._verify()
        elif self.stage == STAGE_CLEAR:
            self._clear()
        elif self.stage == STAGE_CHECK:
            self._check()
        return self.stage in (STAGE_VERIFY, STAGE_CLEAR, STAGE_CHECK)

    def _verify(self) -> None:
        """Hash the manifest, check its signature, read it."""
        if self._verifier is not None:
            result = self._verifier.step()
            if result == 0:
                return
            self._verifier = None
            # The next update loads it again; the heap is wanted meanwhile.
            sys.modules.pop("podsteam_firmware.crypto.ecdsa", None)
            if result != 1:
                self.fail(m.CODE_UPDATE_SIGNATURE)
            else:
                self._judge()
            return
        got = self._data.file_read_at(_NEW, self._at, self._buf)
        if got < 0:
            self.fail(m.CODE_STORE_FAILED)
            return
        self._sha.update(memoryview(self._buf)[:got])
        self._at += got
        if got == _SLICE:
            return
        digest = self._sha.digest()
        key = self._data.file_read(_KEY, 65)
        signature = self._data.file_read(_SIGNED, _SIGNATURE)
        if self._at != self._length or digest != self._digest or key is None or signature is None:
            self.fail(m.CODE_UPDATE_SIGNATURE)
            return
        from podsteam_firmware.crypto import ecdsa

        self._verifier = ecdsa.Verifier(ecdsa.P256, digest, signature, key)

    def _line(self, at: int) -> "tuple[list[str], int]":
        """The words of the manifest's line at an offset, and the offset after it; raises ValueError for none."""
        view = memoryview(self._buf)[:_LINE]
        got = self._data.file_read_at(_NEW, at, view)
        line = bytes(view[: max(got, 0)])
        end = line.find(b"\n")
        if end < 0:
            raise ValueError
        return line[:end].decode().split(" "), at + end + 1

    def _judge(self) -> None:
        """Everything that the signed manifest says. Then clear the slot, or go on where the same package stood."""
        try:
            code = self._read_manifest()
        except (ValueError, IndexError):
            code = m.CODE_UPDATE_FORM
        if code:
            self.fail(code)
        elif self._data.file_read(_MARK, 34) == self._mark():
            self._resume()
        else:
            self.stage = STAGE_CLEAR

    def _read_manifest(self) -> int:
        """Returns the CODE of what is wrong, 0: nothing. Raises ValueError or IndexError for what is no manifest."""
        words: "list[str]" = []
        at = 0
        for name in ("podsteam-slot", "version", "product", "board", "interpreter"):
            line, at = self._line(at)
            if len(line) != 2 or line[0] != name:
                return m.CODE_UPDATE_FORM
            words.append(line[1])
        if words[0] != "1" or version_number(words[1]) < 0:
            return m.CODE_UPDATE_FORM
        if words[2] != "podsteam" or words[3] != self._board:
            return m.CODE_UPDATE_OTHER
        wanted = version_number(words[4] + ".0")
        if wanted < 0:
            return m.CODE_UPDATE_FORM
        if wanted > _interpreter():
            return m.CODE_UPDATE_INTERPRETER
        if version_number(words[1]) < max(floor(self._data), version_number(slot_version(self._root, self._slot))):
            return m.CODE_UPDATE_OLD
        self._line_end = at
        last = ""
        total = 0
        line, at = self._line(at)
        while line[0] == "file":
            _, size, digest, path = line
            if path <= last or not _sound(path) or len(digest) != 64 or not size.isdigit():
                return m.CODE_UPDATE_FORM
            last = path
            total += int(size)
            if total > MOST_FILES:
                return m.CODE_STORE_FULL
            line, at = self._line(at)
        if line[0] != "end" or at != self._length or not last:
            return m.CODE_UPDATE_FORM
        return 0

    def _clear(self) -> None:
        """Remove one file of the slot, its manifest first; then note whose files are to come."""
        root = self._root
        record = read_record(root)
        if record is None or record[1] != NO_SLOT:
            # From here on the slot is no application: the record must not lead there.
            if not write_record(root, self._slot, NO_SLOT, 0):
                self.fail(m.CODE_STORE_FAILED)
            return
        self._data.file_remove(_MARK)
        root.file_remove(self._folder + "manifest")
        if _remove_below(root, self._folder[:1]):
            return
        if not self._data.file_write(_MARK, self._mark()):
            self.fail(m.CODE_STORE_FAILED)
            return
        self._start_files()

    def _start_files(self) -> None:
        self.stage = STAGE_FILES
        self._held = 0
        self.next = self._base = _HEAD + self._length
        self._size = 0
        self._next_file()

    def _next_file(self) -> None:
        """The next line of the manifest: another file, or all are there. An empty file is made at once."""
        while self.stage == STAGE_FILES:
            line, end = self._line(self._line_end)
            self._base += self._size
            if line[0] != "file":
                self.stage = STAGE_CHECK
                self._rewind()
                return
            self._line_end = end
            self._size = int(line[1])
            self._sum = line[2]
            self._path = line[3]
            if self._size:
                return
            # Never written by way of a temporary file: a cut would leave one in the slot, which must hold no others.
            if not self._root.file_append(self._folder + self._path, b""):
                self.fail(m.CODE_STORE_FAILED)

    def _resume(self) -> None:
        """Files that are there whole are passed over; the first that is not is sent anew."""
        self._root.file_remove(self._folder + "manifest")
        self._start_files()
        while self.stage == STAGE_FILES and self._found() == self._size:
            self.next = self._base + self._size
            self._next_file()
        if self.stage == STAGE_FILES:
            self._root.file_remove(self._folder + self._path)

    def _found(self) -> int:
        """Size of the file that is on its way, as far as it is there; -1: it is not."""
        at = self._path.rfind("/")
        folder = self._folder + self._path[: max(at, 0)]
        for name, size in self._root.file_list(folder.rstrip("/")):
            if name == self._path[at + 1 :]:
                return size
        return -1

    def _rewind(self) -> None:
        """To the first file, for the check."""
        self._line_end = 0
        for _ in range(5):
            _, self._line_end = self._line(self._line_end)
        self._at = -1

    def _check(self) -> None:
        """Read back a slice of a file; after the last file write the manifest, then put the slot on trial."""
        if self._at < 0:
            line, self._line_end = self._line(self._line_end)
            if line[0] != "file":
                self._finish()
                return
            self._size = int(line[1])
            self._sum = line[2]
            self._path = line[3]
            self._sha = hashlib.sha256()
            self._at = 0
        got = self._root.file_read_at(self._folder + self._path, self._at, self._buf)
        if got > 0:
            self._sha.update(memoryview(self._buf)[:got])
            self._at += got
        if got == _SLICE:
            return
        if self._at != self._size or self._sha.digest() != binascii.unhexlify(self._sum):
            # Whoever sends it again gets another chance; the whole slot is sent anew then.
            self._data.file_remove(_MARK)
            self.fail(m.CODE_UPDATE_CORRUPT)
            return
        self._at = -1

    def _finish(self) -> None:
        """The manifest makes the slot one, and the record puts it on trial."""
        root = self._root
        name = self._folder + "manifest"
        root.file_remove(name)
        growing = self._growing = root.file_grow(name)
        at = 0
        got = self._data.file_read_at(_NEW, at, self._buf)
        while growing is not None and got > 0 and growing.write(memoryview(self._buf)[:got]):
            at += got
            got = self._data.file_read_at(_NEW, at, self._buf)
        self._growing = None
        if growing is None or not growing.close() or at != self._length:
            self.fail(m.CODE_STORE_FAILED)
            return
        if not write_record(root, self._slot, 1 - self._slot, TRIES):
            self.fail(m.CODE_STORE_FAILED)
            return
        self._data.file_remove(_MARK)
        self._data.file_remove(_NEW)
        self._data.file_remove(_SIGNED)
        self.stage = STAGE_READY


def _interpreter() -> int:
    """The interpreter's version, as `version_number` has them; the newest where it is no MicroPython."""
    has = sys.implementation
    return has.version[0] << 20 | has.version[1] << 10 | 1023 if has.name == "micropython" else 0x3FFFFFFF


def _sound(path: str) -> bool:
    """Whether a path of the manifest stays below the slot and is none of the loader's."""
    if len(path) > 100 or path == "manifest":
        return False
    for part in path.split("/"):
        if not part or part[0] == ".":
            return False
        for c in part:
            if not ("a" <= c <= "z" or "A" <= c <= "Z" or "0" <= c <= "9" or c in "._-"):
                return False
    return True


def _remove_below(root: "Root", folder: str) -> bool:
    """Remove one file anywhere below a folder. False when there is none left."""
    for name, _ in root.file_list(folder):
        return root.file_remove(folder + "/" + name)
    for name in root.folder_list(folder):
        if _remove_below(root, folder + "/" + name):
            return True
    return False
