# SPDX-License-Identifier: Apache-2.0
"""A life of the file store, for both interpreters: what it answers, and every flash operation it causes.

store_checks.py write IMAGE     starts with an empty flash, prints what happened, leaves the image
store_checks.py read IMAGE      prints what it finds in the image, changes it, prints what happened, leaves it
"""

import binascii
import sys

from podsteam_twin.files import FileStore
from podsteam_twin.flash import Flash
from podsteam_twin.rng import Rng


class Log:
    """Lines of what was asked and of what it did to the flash."""

    def __init__(self, flash: Flash) -> None:
        self.lines: list[str] = []
        flash.on_op = self.note

    def note(self, kind: int, block: int, offset: int, length: int) -> None:
        self.lines.append("  %d %d %d %d" % (kind, block, offset, length))

    def add(self, what: str, answer: object) -> None:
        if isinstance(answer, (bytes, bytearray)):
            answer = "%d bytes, %d" % (len(answer), binascii.crc32(answer))
        self.lines.append("%s: %r" % (what, answer))


def noise(chance: Rng, length: int) -> bytes:
    return bytes([chance.bits(8) for _ in range(length)])


def live(store: FileStore, log: Log, seed: int, rounds: int) -> None:
    """Programs, configuration, journal and records as the firmware keeps them, in random order and size."""
    chance = Rng(seed)
    for i in range(rounds):
        act = chance.bits(3)
        if act < 2:
            name = "programs/p%d" % chance.bits(2)
            log.add("write " + name, store.file_write(name, noise(chance, 60 + chance.bits(5))))
        elif act == 2:
            log.add("write config", store.file_write("config", noise(chance, 100 + chance.bits(9))))
        elif act < 5:
            log.add("append journal", store.file_append("journal", noise(chance, 20)))
        elif act == 5:
            name = "records/%d/data" % (i // 10)
            log.add("append " + name, store.file_append(name, memoryview(noise(chance, 200 + chance.bits(11)))))
        elif act == 6:
            name = "records/%d/data" % chance.bits(2)
            log.add("remove " + name, store.file_remove(name))
        else:
            buf = bytearray(50)
            log.add("read_at", store.file_read_at("journal", chance.bits(8), buf))
            log.add("bytes", buf)
    look(store, log)


def squeeze(log: Log) -> None:
    """A flash that is full, then one that fails."""
    flash = Flash(12, 4096)
    flash.on_op = log.note
    store = FileStore(flash)
    log.add("config", store.file_write("config", bytes(300)))
    while store.file_append("log", bytes(3000)):
        log.add("log", store.file_list(""))
    log.add("replace", store.file_write("config", bytes(9000)))
    log.add("full", store.file_list(""))
    log.add("remove", store.file_remove("log"))
    log.add("replace", store.file_write("config", bytes(9000)))
    flash.failing = True
    log.add("write", store.file_write("config", bytes(10)))
    log.add("append", store.file_append("new/folder", bytes(10)))
    log.add("remove", store.file_remove("config"))
    flash.failing = False
    log.add("failed", FileStore(flash).file_list(""))


def look(store: FileStore, log: Log) -> None:
    """All that is there."""
    folders = ["", "programs", "records", "nowhere"] + ["records/%d" % i for i in range(12)]
    for folder in folders:
        files = store.file_list(folder)
        log.add("list " + folder, files)
        for name, size in files:
            path = folder + "/" + name if folder else name
            data = store.file_read(path, size)
            log.add(path, data)
            assert data is not None
            assert len(data) == size


def main(command: str, path: str) -> list[str]:
    """Carry out a command; returns its lines."""
    flash = Flash()
    log = Log(flash)
    if command == "read":
        with open(path, "rb") as source:
            flash.load(source.read())
    store = FileStore(flash)
    if command == "read":
        look(store, log)
        live(store, log, 2, 60)
    else:
        live(store, log, 1, 120)
        squeeze(log)
    # By blocks: MicroPython's default heap may have no 256 kB in one piece left.
    buf = bytearray(flash.block_size)
    with open(path, "wb") as sink:
        for block in range(flash.blocks):
            flash.readblocks(block, buf)
            sink.write(buf)
    log.add("erases", flash.erases)
    log.add("progs", flash.progs)
    return log.lines


if __name__ == "__main__":
    for text in main(sys.argv[1], sys.argv[2]):
        print(text)
