# SPDX-License-Identifier: Apache-2.0
"""Recall lists: what a maker calls back, signed by its key. Loaded when there is a list, or a host brings one.

A list (`hw/podlet/README.md`) is a head, sorted entries of 8 bytes and a signature. An entry is the start of a SHA-256
over a maker's batch or over a tag's UID. There is one list for each key, in a file of its own; those of keys that the
device trusts count. A key's list only grows: nothing that it once named becomes good again.
"""

import hashlib
import struct

from podsteam_firmware.crypto import ecdsa
from podsteam_firmware.podlet import cbor, signed
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal
    from podsteam_firmware.podlet.reader import Reader
    from podsteam_firmware.podlet.record import Record

FOLDER = "recall"
HEAD = const(20)
"""Bytes before the entries: magic, sequence, day, count, key id."""
_HEAD_FMT = "<4sIHH8s"
_MAGIC = b"PSRL"
ENTRY = const(8)
_SIGNATURE = const(64)
MOST = const(480)
"""Entries of a list, so that its file is read in one piece."""
LARGEST = const(3924)
"""Bytes of the longest list."""
_SLICE = const(24)
"""Entries that one step compares."""


def name_of(key_id: bytes) -> str:
    """The file of a key's list."""
    return FOLDER + "/" + "".join("%02x" % byte for byte in key_id)


def count_of(hal: "Hal", key_id: bytes) -> int:
    """Entries of a key's list; 0: there is none."""
    head = bytearray(HEAD)
    if hal.file_read_at(name_of(key_id), 0, head) != HEAD:
        return 0
    return struct.unpack_from("<H", head, 10)[0]


def trusted(hal: "Hal") -> "list[tuple[str, int]]":
    """Files and entries of the lists that count."""
    found: "list[tuple[str, int]]" = []
    for key in signed.keys(hal):
        key_id = signed.key_id(key)
        count = count_of(hal, key_id)
        if count:
            found.append((name_of(key_id), count))
    return found


def entries_of(image: bytearray, uid: bytearray, record: "Record") -> "list[bytes]":
    """The entries that would name this podlet: its UID, and its maker's batch when it has one."""
    found = [hashlib.sha256(b"U" + bytes(uid)).digest()[:ENTRY]]
    maker = batch = b""
    reader = cbor.MapReader()
    more = reader.open(image, record.main_at, record.main_at + record.main_size)
    while more and reader.next():
        if reader.kind == cbor.TEXT and reader.key == p.MAIN_MAKER:
            maker = bytes(image[reader.at : reader.at + reader.length])
        elif reader.kind == cbor.TEXT and reader.key == p.MAIN_BATCH:
            batch = bytes(image[reader.at : reader.at + reader.length])
    if batch:
        found.append(hashlib.sha256(b"B" + maker + b"\0" + batch).digest()[:ENTRY])
    return found


class Lookup:
    """Looks for a podlet in the lists that count, one entry a step."""

    def __init__(self, hal: "Hal", image: bytearray, uid: bytearray, record: "Record") -> None:
        self._hal = hal
        self._left = [(name, count, entry) for entry in entries_of(image, uid, record) for name, count in trusted(hal)]
        self._low = 0
        self._high = -1
        self._entry = bytearray(ENTRY)

    def step(self) -> int:
        """One look. 0: there is more to look at, 1: it is named, -1: it is not."""
        if self._high < 0:
            if not self._left:
                return -1
            self._low = 0
            self._high = self._left[-1][1]
        name, _, wanted = self._left[-1]
        middle = (self._low + self._high) // 2
        entry = self._entry
        if self._low >= self._high or self._hal.file_read_at(name, HEAD + ENTRY * middle, entry) != ENTRY:
            self._left.pop()
            self._high = -1
        elif bytes(entry) == wanted:
            return 1
        elif bytes(entry) < wanted:
            self._low = middle + 1
        else:
            self._high = middle
        return 0


class Intake:
    """A list from the inbox on its way into use: form, growth, signature, then its file. `step` until it is over."""

    def __init__(self, hal: "Hal", reader: "Reader", inbox: str) -> None:
        self._hal = hal
        self._reader = reader
        self._inbox = inbox
        self.stage = m.RECALL_CHECKING
        """A RECALL value."""
        self.code = 0
        """CODE of the refusal."""
        self._raw = hal.file_read(inbox, LARGEST + 1) or b""
        self._old = b""
        self._at = self._old_at = HEAD
        self._check: "ecdsa.Verifier | None" = None
        self._key_id = b""
        self._sequence = self._end = 0
        self._open()

    def _open(self) -> None:
        """The head: what is it, whose, and newer than the one that is stored?"""
        raw = self._raw
        if len(raw) < HEAD + ENTRY + _SIGNATURE or len(raw) > LARGEST or raw[:4] != _MAGIC:
            self._over(m.CODE_RECALL_FORM)
            return
        _, self._sequence, _, count, self._key_id = struct.unpack_from(_HEAD_FMT, raw, 0)
        self._end = HEAD + ENTRY * count
        if not 0 < count <= MOST or len(raw) != self._end + _SIGNATURE:
            self._over(m.CODE_RECALL_FORM)
            return
        old = self._hal.file_read(name_of(self._key_id), LARGEST) or b""
        if len(old) > HEAD + _SIGNATURE:
            self._old = old[: len(old) - _SIGNATURE]
            if self._sequence < struct.unpack_from("<I", old, 4)[0]:
                self._over(m.CODE_RECALL_OLD)

    def step(self) -> bool:
        """As `Work.step`."""
        if self.stage != m.RECALL_CHECKING:
            return False
        if self._at < self._end:
            self._compare()
        elif self._check is None:
            self._begin_check()
        else:
            result = self._check.step()
            if result == ecdsa.BAD:
                self._over(m.CODE_RECALL_SIGNATURE)
            elif result == ecdsa.GOOD:
                self._keep()
        return self.stage == m.RECALL_CHECKING

    def _compare(self) -> None:
        """Some entries: each above the one before, and none of the old list's left out."""
        raw, old, at, old_at = self._raw, self._old, self._at, self._old_at
        end = min(at + _SLICE * ENTRY, self._end)
        while at < end:
            entry = raw[at : at + ENTRY]
            if at > HEAD and entry <= raw[at - ENTRY : at]:
                self._over(m.CODE_RECALL_FORM)
                return
            if old_at < len(old) and old[old_at : old_at + ENTRY] == entry:
                old_at += ENTRY
            at += ENTRY
        self._at, self._old_at = at, old_at
        if at == self._end and old_at < len(old):
            self._over(m.CODE_RECALL_OLD)

    def _begin_check(self) -> None:
        for key in signed.keys(self._hal):
            if signed.key_id(key) == self._key_id:
                sha256 = hashlib.sha256(b"recall:")
                sha256.update(memoryview(self._raw)[: self._end])
                self._check = ecdsa.Verifier(ecdsa.P256, sha256.digest(), self._raw[self._end :], key)
                return
        self._over(m.CODE_RECALL_SIGNATURE)

    def _keep(self) -> None:
        if not self._hal.file_write(name_of(self._key_id), self._raw):
            self._over(m.CODE_STORE_FAILED)
            return
        self._reader.recalls = True
        self._reader.read_again()
        self._over(0)

    def _over(self, code: int) -> None:
        self.code = code
        self.stage = m.RECALL_REFUSED if code else m.RECALL_TAKEN
        self._raw = self._old = b""
        self._check = None
        self._hal.file_remove(self._inbox)
