# SPDX-License-Identifier: Apache-2.0
"""Requests about the link and the state: HELLO, PING, INFO, STATUS, telemetry and events."""

import gc
import struct
import sys

from podsteam_firmware import VERSION
from podsteam_firmware.link import telemetry
from podsteam_firmware.link.layout import BODY
from podsteam_firmware.safety import selftest
from podsteam_protocol import messages as m

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core


def _hello(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    hal = core.hal
    core.dispatcher.token = struct.unpack_from("<I", payload, 0)[0]
    struct.pack_into("<BBI6s", reply, BODY, m.MAJOR, m.MINOR, m.SCHEMA_HASH, hal.uid)
    struct.pack_into("<BBBB", reply, BODY + 12, VERSION[0], VERSION[1], VERSION[2], hal.reset_cause)
    struct.pack_into("<IIHH", reply, BODY + 16, hal.caps, now_ms, hal.rx_window, hal.speed)
    return 28


def _ping(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    struct.pack_into("<III", reply, BODY, struct.unpack_from("<I", payload, 0)[0], now_ms, core.hal.now_ms())
    return 12


def _heap(figure: str) -> int:
    """A figure of the collector in bytes; CPython's has none, and then it is 0."""
    read = getattr(gc, figure, None)
    return read() if read else 0


def _info(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    hal = core.hal
    gc.collect()
    implementation = sys.implementation
    version = implementation.version
    bits = 32 if sys.maxsize < 1 << 32 else 64
    struct.pack_into("<II8s", reply, BODY, _heap("mem_free"), _heap("mem_alloc"), hal.firmware_hash)
    struct.pack_into("<BBBB", reply, BODY + 16, version[0], version[1], version[2], bits)
    struct.pack_into("<16s16s", reply, BODY + 20, implementation.name.encode(), hal.board.encode())
    return 52


def _status(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    session = core.session
    sense = core.sense
    struct.pack_into("<BBH", reply, BODY, session.state, core.heat.regime, core.flags)
    struct.pack_into("<hhh", reply, BODY + 4, sense.wall_mc // 10, sense.water_mc // 10, sense.outlet_mc // 10)
    struct.pack_into("<HHB", reply, BODY + 10, sense.mains_dv, core.supervisor.fault, session.stop_reason)
    name = session.program.raw[:16] if session.number else core.programs.default_name().encode()
    struct.pack_into("<16sHH", reply, BODY + 15, name, session.number, session.session_ms // 1000)
    left_ms = core.lease.left_ms(now_ms)
    struct.pack_into("<BHHB", reply, BODY + 35, session.armed_s(now_ms), left_ms, core.events.next, core.reader.state)
    telemetry.pack_outlook(core, reply, BODY + 41)
    struct.pack_into("<HI", reply, BODY + 50, session.steam_ms // 1000, core.heat.steam_mg)
    return 56


def _tele_sub(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    period_ms = struct.unpack_from("<H", payload, 0)[0]
    if not core.telemetry.subscribe(now_ms, period_ms):
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 0, period_ms)
    struct.pack_into("<H", reply, BODY, period_ms)
    return 2


def _events_get(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    first = struct.unpack_from("<H", payload, 0)[0]
    events = core.events
    if not events.behind(first):
        first = events.oldest() if first != events.next else first
    core.port.next_event = first
    struct.pack_into("<HH", reply, BODY, first, events.next)
    return 4


def _self_test(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    test = core.selftest
    struct.pack_into("<HHH", reply, BODY, test.done, test.failed, selftest.STOPS)
    for i in range(selftest.CHECKS):
        struct.pack_into("<i", reply, BODY + 6 + 4 * i, test.readings[i])
    return 6 + 4 * selftest.CHECKS


HANDLERS = {
    m.HELLO: (6, _hello),
    m.PING: (4, _ping),
    m.INFO_GET: (0, _info),
    m.STATUS_GET: (0, _status),
    m.TELE_SUB: (2, _tele_sub),
    m.EVENTS_GET: (2, _events_get),
    m.SELFTEST_GET: (0, _self_test),
}
"""Request id to (least payload in bytes, handler)."""
