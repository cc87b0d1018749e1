# SPDX-License-Identifier: Apache-2.0
"""Requests about what must not be dosed: the owner's allergens. Loaded when the first of them comes."""

import struct

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


HANDLERS = {m.ALLERGENS: (5, _allergens)}
"""Request id to (least payload in bytes, handler)."""
