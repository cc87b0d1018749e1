# SPDX-License-Identifier: Apache-2.0
"""Requests about what must not be dosed: the owner's allergens, makers' recalls. Loaded with the first of them."""

import struct

from podsteam_firmware.link.bulk import path
from podsteam_firmware.link.layout import BODY
from podsteam_firmware.store import config, params
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core

_ALL = const(0x3FFFFFFF)


def _allergens(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    change, mask = struct.unpack_from("<BI", payload, 0)
    reader = core.reader
    if change:
        if not core.may_write():
            return -m.CODE_BUSY_SESSION
        if mask > _ALL:
            return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 1, mask >> 30)
        if mask != reader.allergens:
            if not params.save(core.hal, "agn", config.ALLERGENS, (mask,)):
                return -m.CODE_STORE_FAILED
            reader.allergens = mask
            reader.agreed = False
            reader.judge_again()
    struct.pack_into("<IIB", reply, BODY, reader.allergens, reader.listed, reader.agreed)
    return 9


def _recall(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    from podsteam_firmware.podlet import recall

    number = struct.unpack_from("<H", payload, 0)[0]
    intake = core.recall
    if number:
        if not core.may_write() or (core.extra is not None and core.extra is not intake):
            return -m.CODE_BUSY_SESSION
        name = path(m.BLOB_INBOX, number)
        if core.hal.file_read_at(name, 0, bytearray(1)) != 1:
            return -m.CODE_NOT_FOUND
        try:
            intake = recall.Intake(core.hal, core.reader, name)
        except MemoryError:
            # Two lists of 4 KB each, while the heap is in pieces.
            return -m.CODE_STORE_FULL
        core.recall = core.extra = intake
    stage = intake.stage if intake else m.RECALL_NONE
    if stage != m.RECALL_CHECKING and core.extra is intake:
        # Another piece of work may take its place.
        core.extra = None
    lists = recall.trusted(core.hal)
    total = 0
    for _, count in lists:
        total += count
    struct.pack_into("<BHBH", reply, BODY, stage, intake.code if intake else 0, len(lists), total)
    return 6


def _tag(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    from podsteam_firmware.podlet import errand

    what = payload[0]
    reader = core.reader
    task = reader.errand
    if what:
        if not core.may_write() or (task is not None and task.state == m.WRITE_BUSY):
            return -m.CODE_BUSY_SESSION
        if what > errand.PASSWORD or len(payload) != (5 if what == errand.PASSWORD else 1):
            return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 0, what)
        if not reader.present or not reader.tag_type:
            return -m.CODE_NO_PODLET
        task = reader.errand = errand.Errand(reader, what, bytes(payload[1:]))
    if task is None:
        task = errand.Errand(reader, 0)
        task.state = m.WRITE_IDLE
    if task.state == m.WRITE_BUSY and core.extra is None:
        core.extra = task
    elif task.state != m.WRITE_BUSY and core.extra is task:
        core.extra = None
    struct.pack_into("<BHBI", reply, BODY, task.state, task.code, task.original, task.counter)
    struct.pack_into("<BB5sH", reply, BODY + 8, task.auth0, task.access, task.locks, task.pack)
    return 17


HANDLERS = {m.ALLERGENS: (5, _allergens), m.RECALL: (2, _recall), m.PODLET_TAG: (1, _tag)}
"""Request id to (least payload in bytes, handler)."""
