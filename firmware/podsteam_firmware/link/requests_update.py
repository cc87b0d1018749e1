# SPDX-License-Identifier: Apache-2.0
"""Requests about updates. Loaded with the first of them; what they need beyond is loaded when an update begins."""

import struct

from podsteam_firmware.link.layout import BODY
from podsteam_firmware.store import slots
from podsteam_protocol import messages as m

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core
    from podsteam_firmware.store.update import Update


def _running(core: "Core") -> "Update | None":
    """The update that was begun since the start."""
    return core.extra if core.updating else None  # pyright: ignore[reportReturnType]  # `updating` tells which it is


def _get(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    slot = core.hal.slot
    trial = other = 0
    version = ""
    if slot != slots.NO_SLOT:
        root = core.hal.root_files()
        record = slots.read_record(root)
        trial = record is not None and record[1] == slot
        other = slots.slot_version(root, 1 - slot) != ""
        version = slots.slot_version(root, slot)
    update = _running(core)
    stage = update.stage if update else m.UPDATE_NONE
    struct.pack_into("<BBBB", reply, BODY, slot, trial, other, stage)
    struct.pack_into(
        "<HII", reply, BODY + 4, update.code if update else 0, update.next if update else 0, slots.floor(core.hal)
    )
    struct.pack_into("<16s16s", reply, BODY + 14, core.hal.board.encode(), version.encode())
    return 46


def _begin(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    if core.hal.slot == slots.NO_SLOT:
        return -m.CODE_UPDATE_NO_SLOT
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    if core.extra is not None and not core.updating:
        return -m.CODE_UPDATE_ORDER
    from podsteam_firmware.store.update import Update

    before = _running(core)
    if before:
        before.leave()
        if core.port.bulk:
            core.port.bulk.leave()
    update = Update(core.hal.root_files(), core.hal, core.hal.slot, core.hal.board)
    core.extra = update
    core.updating = True
    return update.begin(bytes(payload[:32]))


def _write(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    update = _running(core)
    if update is None:
        return -m.CODE_UPDATE_ORDER
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    wanted = update.put(struct.unpack_from("<I", payload, 0)[0], payload[4:])
    if wanted < 0:
        return wanted
    struct.pack_into("<IB", reply, BODY, wanted, update.stage)
    return 5


def _stream(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    update = _running(core)
    if update is None:
        return -m.CODE_UPDATE_ORDER
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    if update.stage == m.UPDATE_FAILED:
        return -update.code
    try:
        from podsteam_firmware.link import update_stream
    except MemoryError:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 2, 0)
    offset, size, window = struct.unpack_from("<IIB", payload, 0)
    stream = update_stream.under_way(core.port.bulk, offset, size)
    if stream is None:
        wanted = update.stage == m.UPDATE_FILES or (update.stage == m.UPDATE_MANIFEST and not window)
        if offset != update.next or not size or not wanted:
            return -m.CODE_UPDATE_ORDER
        if core.port.bulk:
            core.port.bulk.leave()
        stream = update_stream.begin(core, update, offset, size, window)
        if stream is None:
            return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 2, 0)
        core.port.bulk = stream
    struct.pack_into("<IIB", reply, BODY, stream.have(), stream.up_to(), stream.piece())
    return 9


def _restart(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    update = _running(core)
    if update is None or update.stage != m.UPDATE_READY:
        return -m.CODE_UPDATE_ORDER
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    core.restart_ms = now_ms
    return 0


def _rollback(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    slot = core.hal.slot
    if slot == slots.NO_SLOT:
        return -m.CODE_UPDATE_NO_SLOT
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    root = core.hal.root_files()
    if not slots.slot_version(root, 1 - slot):
        return -m.CODE_NOT_FOUND
    if not slots.leave(root, slot):
        return -m.CODE_STORE_FAILED
    core.restart_ms = now_ms
    return 0


HANDLERS = {
    m.UPDATE_GET: (0, _get),
    m.UPDATE_BEGIN: (32, _begin),
    m.UPDATE_WRITE: (4, _write),
    m.UPDATE_RESTART: (0, _restart),
    m.UPDATE_ROLLBACK: (0, _rollback),
    m.UPDATE_STREAM: (9, _stream),
}
"""Request id to (least payload in bytes, handler)."""
