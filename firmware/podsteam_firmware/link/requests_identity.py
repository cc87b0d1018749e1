# SPDX-License-Identifier: Apache-2.0
"""Requests about who the unit is. Loaded with the first of them."""

import binascii
import struct

from podsteam_firmware.link.layout import BODY, CHUNK
from podsteam_firmware.store import identity
from podsteam_protocol import messages as m

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core
    from podsteam_firmware.store.identity import Change
    from podsteam_firmware.store.update import Update


def _get(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    change = core.change
    state = change.state if change else m.IDENTITY_NONE
    code = change.code if change else 0
    raw = identity.load(core.hal)
    struct.pack_into("<BBHB", reply, BODY, raw is not None, state, code, change.left_s() if change else 0)
    if raw is None:
        reply[BODY + 5 : BODY + 82] = bytes(77)
        return 82
    parts = raw[identity.PARTS]
    struct.pack_into("<I64sB", reply, BODY + 5, binascii.crc32(raw), raw, parts)
    has_key = parts & m.PART_UPDATE_KEY
    reply[BODY + 74 : BODY + 82] = _id(raw, identity.UPDATE_KEY) if has_key else bytes(8)
    at = BODY + 82
    for i in range(raw[identity.PARTS + 1] if parts & m.PART_PODLET_KEYS else 0):
        reply[at : at + 8] = _id(raw, identity.PODLET_KEYS + i * identity.KEY)
        at += 8
    return at - BODY


def _id(raw: bytes, at: int) -> bytes:
    return identity.key_id(raw[at : at + identity.KEY])


def _read(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    raw = identity.load(core.hal)
    if raw is None:
        return -m.CODE_NOT_FOUND
    offset = struct.unpack_from("<H", payload, 0)[0]
    part = raw[offset : offset + CHUNK]
    struct.pack_into("<H", reply, BODY, offset)
    reply[BODY + 2 : BODY + 2 + len(part)] = part
    return 2 + len(part)


def _free(core: "Core") -> bool:
    """Whether nothing else works between the ticks. An update that has failed gives way."""
    if core.updating:
        update: Update = core.extra  # pyright: ignore[reportAssignmentType]  # `updating` tells which it is
        if update.stage != m.UPDATE_FAILED:
            return False
        core.updating = False
        core.extra = None
    return core.extra is None


def _write(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    offset = struct.unpack_from("<H", payload, 0)[0]
    change: "Change | None" = core.change
    if offset == 0:
        if change is not None and change.state == m.IDENTITY_BUTTON:
            # Whoever begins anew no longer wants what waits for the button.
            change.drop()
        if not _free(core):
            return -m.CODE_IDENTITY_ORDER
        change = core.change = identity.Change(core)
    if change is None or change.state != m.IDENTITY_RECEIVING:
        return -m.CODE_IDENTITY_ORDER
    struct.pack_into("<H", reply, BODY, change.put(offset, payload[2:]))
    return 2


def _keep(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    change: "Change | None" = core.change
    if change is None or change.state != m.IDENTITY_RECEIVING or not _free(core):
        return -m.CODE_IDENTITY_ORDER
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    wait_s = change.keep(struct.unpack_from("<I", payload, 0)[0])
    if wait_s >= 0:
        reply[BODY] = wait_s
    return 1 if wait_s >= 0 else wait_s


HANDLERS = {
    m.IDENTITY_GET: (0, _get),
    m.IDENTITY_READ: (2, _read),
    m.IDENTITY_WRITE: (2, _write),
    m.IDENTITY_KEEP: (4, _keep),
}
"""Request id to (least payload in bytes, handler)."""
