# SPDX-License-Identifier: Apache-2.0
"""Requests that drive a session: lease, arm, stop, pause, resume. None starts heat: the button does."""

import struct

from podsteam_firmware.link.layout import BODY
from podsteam_firmware.link.lease import LEASE_MS
from podsteam_firmware.session.session import ARMED_S
from podsteam_protocol import messages as m

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core


def _lease(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    token = struct.unpack_from("<I", payload, 0)[0]
    lease = core.lease
    if lease.held_by_other(now_ms, token):
        return -m.CODE_LEASE_HELD
    if not lease.left_ms(now_ms):
        return -m.CODE_NO_SESSION
    lease.renew(now_ms, token)
    core.supervisor.lease_renew(now_ms, LEASE_MS)
    struct.pack_into("<H", reply, BODY, lease.left_ms(now_ms))
    return 2


def may_arm(core: "Core", now_ms: int, token: int) -> int:
    """Whether this token may arm a session now: 0, or what a handler returns to refuse."""
    session = core.session
    if core.lease.held_by_other(now_ms, token):
        return -m.CODE_LEASE_HELD
    if session.running():
        return -m.CODE_BUSY_SESSION
    if core.supervisor.fault:
        return core.dispatcher.refuse(m.CODE_SAFETY_LATCHED, 255, core.supervisor.fault)
    if session.locked_out(now_ms):
        return -m.CODE_LOCKOUT
    if core.inputs.button or session.button.down:
        return -m.CODE_BUTTON_HELD
    return 0 if session.ready(core.inputs, core.sense) else -m.CODE_NOT_READY


def armed(core: "Core", now_ms: int, token: int, reply: bytearray) -> int:
    """The session waits for the button, under this token's lease."""
    core.lease.renew(now_ms, token)
    core.supervisor.lease_begin(now_ms, LEASE_MS)
    core.events.emit(m.EVENT_LEASE, 1, 0)
    struct.pack_into("<BH", reply, BODY, ARMED_S, core.session.number)
    return 3


def _arm(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    token, padded = struct.unpack_from("<I16s", payload, 0)
    refused = may_arm(core, now_ms, token)
    if refused:
        return refused
    raw = core.find_program(padded)
    if raw is None:
        return core.dispatcher.refuse(m.CODE_NOT_FOUND, 1, 0)
    core.arm(now_ms, raw, True)
    return armed(core, now_ms, token, reply)


def _stop(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    core.session.stop(now_ms, m.STOP_HOST, 0)
    reply[BODY] = core.session.state
    return 1


def _refused(core: "Core", now_ms: int, token: int) -> int:
    """CODE that keeps this token from steering the running session, 0: none."""
    if core.lease.held_by_other(now_ms, token):
        return m.CODE_LEASE_HELD
    return 0 if core.session.running() else m.CODE_NO_SESSION


def _pause(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    code = _refused(core, now_ms, struct.unpack_from("<I", payload, 0)[0])
    if code:
        return -code
    core.session.pause(now_ms)
    reply[BODY] = core.session.state
    return 1


def _resume(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    code = _refused(core, now_ms, struct.unpack_from("<I", payload, 0)[0])
    session = core.session
    if code == 0 and session.state != m.STATE_PAUSED:
        code = m.CODE_NO_SESSION
    elif code == 0 and session.button.down:
        code = m.CODE_BUTTON_HELD
    if code:
        return -code
    session.ask_resume(now_ms)
    reply[BODY] = session.armed_s(now_ms)
    return 1


HANDLERS = {
    m.LEASE: (4, _lease),
    m.ARM: (20, _arm),
    m.STOP: (0, _stop),
    m.PAUSE: (4, _pause),
    m.RESUME: (4, _resume),
}
"""Request id to (least payload in bytes, handler)."""
