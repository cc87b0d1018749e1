# SPDX-License-Identifier: Apache-2.0
"""Requests about the owner's settings. Loaded when the first of them comes."""

import struct

from podsteam_firmware.link.layout import BODY
from podsteam_firmware.store import config
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core

_NO_FIELD = const(255)


def _get(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    struct.pack_into(m.CONFIG_FMT, reply, BODY, *core.config)
    return struct.calcsize(m.CONFIG_FMT)


def _set(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    # An older host's structure is shorter: what it does not know stays as it is.
    raw = bytearray(struct.calcsize(m.CONFIG_FMT))
    struct.pack_into(m.CONFIG_FMT, raw, 0, *core.config)
    sent = min(len(payload), len(raw))
    raw[:sent] = payload[:sent]
    values = struct.unpack(m.CONFIG_FMT, raw)
    at_fault = config.check(values)
    if at_fault >= 0:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, at_fault, values[at_fault])
    if not core.configure(values):
        return -m.CODE_STORE_FAILED
    struct.pack_into(m.CONFIG_FMT, reply, BODY, *config.recall(core.hal))
    return len(raw)


def _notes(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    from podsteam_firmware.store import migrate

    version, values, unknown = migrate.stored(core.hal, "cfg", config.CFG)
    defaulted = code = 0
    field = _NO_FIELD
    raw = 0
    if version > len(config.CFG):
        code = m.CODE_SETTINGS_NEWER
    if values is not None:
        used = migrate.bounded(values, config.check, config.NEW)
        for i in range(len(used)):
            if used[i] != values[i]:
                if not defaulted:
                    code, field, raw = m.CODE_SETTING_DEFAULTED, i, values[i]
                defaulted |= 1 << i
    struct.pack_into("<HBBBHBi", reply, BODY, code, len(config.CFG), version, min(unknown, 255), defaulted, field, raw)
    return 12


HANDLERS = {m.CONFIG_GET: (0, _get), m.CONFIG_SET: (1, _set), m.CONFIG_NOTES: (0, _notes)}
"""Request id to (least payload in bytes, handler)."""
