# SPDX-License-Identifier: Apache-2.0
"""Requests about blobs: read, write, prove, delete. Loaded when the first of them comes."""

import hashlib
import struct

from podsteam_firmware.link.bulk import LARGEST, Bulk, path, size_of
from podsteam_firmware.link.layout import BODY
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core

_STEP = const(1024)
_LONGEST_SUM = const(8192)
"""Reading so much takes 10 ms."""


def _bulk(core: "Core") -> Bulk:
    """The transfer, made when it is first wanted."""
    bulk = core.port.bulk
    if bulk is not None and not bulk.blobs:
        # Whoever asks for blobs no longer sends a package.
        bulk.leave()
        bulk = None
    if bulk is None:
        bulk = core.port.bulk = Bulk(core)
    return bulk


def _found(core: "Core", payload: memoryview) -> "tuple[str, int, int]":
    """A blob's file and size, and 0 or the negative CODE with which it is refused."""
    kind, number = struct.unpack_from("<BH", payload, 0)
    name = path(kind, number)
    if not name:
        return "", 0, core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 0, kind)
    size = size_of(core, name)
    if size < 0:
        return "", 0, core.dispatcher.refuse(m.CODE_NOT_FOUND, 1, number)
    return name, size, 0


def _read(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    name, size, refused = _found(core, payload)
    if refused:
        return refused
    offset, end, credit = struct.unpack_from("<III", payload, 3)
    if offset > size:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 2, size)
    if end > offset:
        _bulk(core).read(name, offset, min(end, size), credit)
    struct.pack_into("<I", reply, BODY, size)
    return 4


def _write(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    kind, number, size, anew = struct.unpack_from("<BHIB", payload, 0)
    if kind != m.BLOB_INBOX:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 0, kind)
    if not 0 < size <= LARGEST:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 2, LARGEST)
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    name = path(kind, number)
    bulk = _bulk(core)
    if bulk.failed and not anew:
        bulk.failed = False
        return -m.CODE_STORE_FAILED
    if anew:
        bulk.failed = False
        bulk.forget(name)
        core.hal.file_remove(name)
    bulk.write(name, size, max(0, size_of(core, name)))
    struct.pack_into("<IIB", reply, BODY, bulk.have(), bulk.up_to(), bulk.piece())
    return 9


def _sum(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    name, size, refused = _found(core, payload)
    if refused:
        return refused
    offset, length = struct.unpack_from("<IH", payload, 3)
    if offset >= size:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 2, size)
    if not 0 < length <= _LONGEST_SUM:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 3, _LONGEST_SUM)
    end = min(offset + length, size)
    sha256 = hashlib.sha256()
    buf = bytearray(_STEP)
    at = offset
    while at < end:
        part = memoryview(buf)[: min(_STEP, end - at)]
        if core.hal.file_read_at(name, at, part) != len(part):
            return -m.CODE_STORE_FAILED
        sha256.update(part)
        at += len(part)
    struct.pack_into("<H32s", reply, BODY, end - offset, sha256.digest())
    return 34


def _delete(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    name, _, refused = _found(core, payload)
    if refused:
        return refused
    if payload[0] != m.BLOB_INBOX:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 0, payload[0])
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    if core.port.bulk:
        core.port.bulk.forget(name)
    return 0 if core.hal.file_remove(name) else -m.CODE_STORE_FAILED


HANDLERS = {
    m.BLOB_READ: (15, _read),
    m.BLOB_WRITE: (8, _write),
    m.BLOB_SUM: (9, _sum),
    m.BLOB_DELETE: (3, _delete),
}
"""Request id to (least payload in bytes, handler)."""
