# SPDX-License-Identifier: Apache-2.0
"""Ways to store that must not survive a power cut: if the harness let one of them pass, it would be blind.

Each keeps one value, (number of the writing, its bytes); the promise is the list of contents that may be found.
Runs on both interpreters; FAT is MicroPython's own, so those two run there only.
"""

import struct

import cut_stores as stores
from cut_files import FileScenario

from podsteam_protocol import podlet as p
from podsteam_twin.files import FileStore
from podsteam_twin.flash import Flash
from podsteam_twin.littlefs_port import mount
from podsteam_twin.nfc.ntag import Ntag
from podsteam_twin.powercut import Unbootable

try:
    import vfs

    VfsFat = vfs.VfsFat
except ImportError:
    VfsFat = None

ROUNDS = 24
_SIZE = 400


class Control:
    """A value stored `ROUNDS` times by `write(store, number, data)`, read back by `read(store)`.

    `mount(device)` gives the store. `read` gives the value's bytes, or None when there is none.
    """

    def __init__(self, device, mount, write, read, size: int = _SIZE) -> None:
        self._device = device
        self._mount = mount
        self._write = write
        self._read = read
        self._size = size

    def build(self, seed: int):
        device = self._device()
        data = self._value(seed, 0)
        self._write(self._mount(device), 0, data)
        return [device], [data]

    def run(self, devices, tape, seed: int) -> None:
        store = self._mount(devices[0])
        for number in range(1, ROUNDS):
            data = self._value(seed, number)
            tape.promise = tape.promise + [data]
            self._write(store, number, data)
            tape.promise = [data]

    def check(self, devices, promise) -> list[str]:
        found = self._read(self._mount(devices[0]))
        if found in promise:
            return []
        return ["found nothing" if not found else "found %d bytes that nobody wrote" % len(found)]

    def recover(self, devices, tape, seed: int) -> None:
        self._mount(devices[0])

    def _value(self, seed: int, number: int) -> bytes:
        return bytes([(seed + number * 31 + i) & 0x7F for i in range(self._size)])


# littlefs -----------------------------------------------------------------------------------------------------
def _read_file(fs, name: str = "config") -> "bytes | None":
    try:
        file = fs.open(name, "rb")
    except OSError:
        return None
    buf = bytearray(_SIZE)
    length = file.readinto(buf)
    file.close()
    return bytes(buf[:length])


def _put(fs, name: str, data: bytes) -> None:
    file = fs.open(name, "wb")
    file.write(data)
    file.close()


def _removed_first(fs, number: int, data: bytes) -> None:
    """Away with the old file, and then the new one under its name."""
    if number:
        fs.remove("config")
    _put(fs, "config", data)


def _new_in_place(fs, number: int, data: bytes) -> None:
    """A new file for each writing, written under its own name."""
    _put(fs, "config%d" % number, data)


def _read_newest(fs) -> "bytes | None":
    """The file of the highest number that is there."""
    for number in range(ROUNDS - 1, -1, -1):
        found = _read_file(fs, "config%d" % number)
        if found is not None:
            return found
    return None


# FAT ----------------------------------------------------------------------------------------------------------
def _fat_flash() -> Flash:
    flash = Flash(128, 512)
    VfsFat.mkfs(flash)
    return flash


def _fat(flash: Flash):
    try:
        return VfsFat(flash)
    except OSError:
        pass
    raise Unbootable("FAT does not mount")


def _fat_in_place(fs, number: int, data: bytes) -> None:
    _put(fs, "config", data)


def _fat_rename(fs, number: int, data: bytes) -> None:
    _put(fs, "config.new", data)
    if number:
        fs.remove("config")
    fs.rename("config.new", "config")


# Raw flash, no CRC --------------------------------------------------------------------------------------------
_RECORD = 16


def _raw() -> Flash:
    return Flash(2, 4096)


def _same(device):
    return device


def _write_record(flash: Flash, number: int, data: bytes) -> None:
    """A boot record: the sector erased, the record programmed."""
    flash.erase(0)
    flash.writeblocks(0, data, 0)


def _read_record(flash: Flash) -> bytes:
    buf = bytearray(_RECORD)
    flash.readblocks(0, buf, 0)
    return bytes(buf)


def _write_ring(flash: Flash, number: int, data: bytes) -> None:
    """A ring of records: the next free place is programmed."""
    flash.writeblocks(0, data, number * _RECORD)


def _read_ring(flash: Flash) -> "bytes | None":
    """The newest that is not erased."""
    newest = None
    buf = bytearray(_RECORD)
    for number in range(ROUNDS):
        flash.readblocks(0, buf, number * _RECORD)
        if buf != b"\xff" * _RECORD:
            newest = bytes(buf)
    return newest


# A tag with one slot and no CRC -------------------------------------------------------------------------------
_SLOT_PAGE = 8


def _write_slot(tag: Ntag, number: int, data: bytes) -> None:
    """The count in place, page by page."""
    tag.field(True)
    tag.request(True)
    tag.select()
    slot = struct.pack(p.SLOT_FMT, number, number * 251, number * 50_000, 0, number, 0)
    for i in range(4):
        tag.command(bytes((0xA2, _SLOT_PAGE + i)) + slot[i * 4 : i * 4 + 4])
    tag.field(False)


def _read_slot(tag: Ntag) -> bytes:
    """The value that belongs to the slot: what was stored under its count."""
    _, doses, used_nl, _, _, _ = struct.unpack_from(p.SLOT_FMT, tag.image(), _SLOT_PAGE * 4)
    number = doses // 251
    if doses % 251 or used_nl != number * 50_000:
        return b""
    return bytes([(1 + number * 31 + i) & 0x7F for i in range(_RECORD)])


def _files_flash() -> Flash:
    return Flash(32, 4096)


def _formatted() -> "list[Flash]":
    flash = _files_flash()
    FileStore(flash)
    return [flash]


CONTROLS = {
    "littlefs, new file in place": Control(_files_flash, mount, _new_in_place, _read_newest),
    "littlefs, old file removed first": Control(_files_flash, mount, _removed_first, _read_file),
    "boot record without CRC": Control(_raw, _same, _write_record, _read_record, _RECORD),
    "counter ring without CRC": Control(_raw, _same, _write_ring, _read_ring, _RECORD),
    "tag with one slot, no CRC": Control(Ntag, _same, _write_slot, _read_slot, _RECORD),
    "identity part by part": FileScenario(_formatted, stores.live_identity_in_pieces, stores.look_identity, 6, 1),
}
FAT_CONTROLS = {
    "FAT, file in place": Control(_fat_flash, _fat, _fat_in_place, _read_file),
    "FAT, new file and rename": Control(_fat_flash, _fat, _fat_rename, _read_file),
}
HERE = dict(CONTROLS)
"""Those that this interpreter can run."""
if VfsFat is not None:
    HERE.update(FAT_CONTROLS)
