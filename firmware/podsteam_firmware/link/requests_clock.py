# SPDX-License-Identifier: Apache-2.0
"""The request about the wall clock. Loaded when the first of them comes."""

import struct

from podsteam_firmware.dose import wall
from podsteam_firmware.link.layout import BODY
from podsteam_protocol import messages as m

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core


def _clock(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    told_s = struct.unpack_from("<I", payload, 0)[0]
    note = 0
    if told_s:
        if not wall.in_range(told_s):
            return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 0, told_s // 86400)
        if not core.may_write():
            return -m.CODE_BUSY_SESSION
        newest = max(core.reader.newest_day, core.hal.unix_s() // 86400)
        code = wall.set_clock(core.hal, core.book, core.doser.caps.window.total_nl(), told_s)
        if code:
            return -code
        if told_s // 86400 < newest:
            note = m.CODE_CLOCK_BACK
            core.events.emit(m.EVENT_STORE, note, newest - told_s // 86400)
        core.reader.judge_again()
    unix_s = core.hal.unix_s()
    source = m.CLOCK_NONE
    if unix_s:
        source = m.CLOCK_BATTERY if core.hal.caps & m.CAP_CLOCK else m.CLOCK_HOST
    newest = max(core.reader.newest_day, unix_s // 86400)
    struct.pack_into("<IBHH", reply, BODY, unix_s, source, newest, note)
    return 9


HANDLERS = {m.CLOCK: (4, _clock)}
"""Request id to (least payload in bytes, handler)."""
