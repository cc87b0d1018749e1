# SPDX-License-Identifier: Apache-2.0
"""Requests about tuning. Loaded with the first of them."""

import struct

from podsteam_firmware.link.layout import BODY
from podsteam_firmware.link.requests_session import armed, may_arm
from podsteam_firmware.session.program import TUNE
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core

_HIGHEST = const(0x7FFF)
"""What a tuning found may be anything."""


def _tune(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    token, kind = struct.unpack_from("<IB", payload, 0)
    if kind != m.TUNE_KIND_HEAT_UP:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 1, kind)
    refused = may_arm(core, now_ms, token)
    if refused:
        return refused
    core.heat.load_tuner()
    core.arm(now_ms, TUNE, True, True)
    return armed(core, now_ms, token, reply)


def _tune_get(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    which = payload[0]
    if which > 1:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 0, which)
    session = core.session
    heat = core.heat
    found = heat.tuner
    if which and found is None:
        gains = rest = boiler = (0, 0, 0)
    elif which and found:
        gains = (found.kp_dw_k, found.integral_ds, found.derivative_ds)
        rest = (found.delay_ms, found.lag_ms // 100, found.residual_j)
        boiler = (found.metal_j_k, found.water_j_k, found.loss_mw_k)
    else:
        gains = core.calibration[8:]
        rest = (0, 0, 0)
        boiler = (heat.energy.metal_j_k, heat.energy.water_j_k, heat.settings.loss_mw_k)
    struct.pack_into("<BB", reply, BODY, session.tune_state, session.tune_reason)
    for i in range(3):
        struct.pack_into("<h", reply, BODY + 2 + 2 * i, max(-_HIGHEST, min(boiler[i], _HIGHEST)))
        struct.pack_into("<H", reply, BODY + 8 + 2 * i, max(0, min(rest[i], _HIGHEST)))
        struct.pack_into("<H", reply, BODY + 14 + 2 * i, max(0, min(gains[i], _HIGHEST)))
    return 20


HANDLERS = {m.TUNE: (5, _tune), m.TUNE_GET: (1, _tune_get)}
"""Request id to (least payload in bytes, handler)."""
