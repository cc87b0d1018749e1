# SPDX-License-Identifier: Apache-2.0
"""Requests that change the unit or the tag in its holder: calibrations, keys, pages. Loaded with the first of them."""

import struct

from podsteam_firmware.dose import calibration as dose_calibration
from podsteam_firmware.link.layout import BODY
from podsteam_firmware.store import calibration
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core

_NO_ARG = const(255)
_COOL_MC = const(60_000)
"""Wall below which a podlet may be written: nobody reaches over hot steam to hold a tag in place."""


def _podlet_write(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    reader = core.reader
    page = payload[7]
    data = payload[8:]
    size = len(data)
    if size:
        if not core.may_write():
            return -m.CODE_BUSY_SESSION
        if core.sense.wall_mc > _COOL_MC:
            return -m.CODE_PODLET_HOT
        if not reader.present or not reader.uid[0]:
            return -m.CODE_NO_PODLET
        if bytes(reader.uid) != bytes(payload[:7]):
            return -m.CODE_TAG_CHANGED
        if reader.image_size and (page < 4 or size & 3 or size > 16 or page * 4 + size > reader.image_size):
            return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 1, page)
        if not reader.write_pages(page, data):
            return -m.CODE_PODLET_BUSY
    reply[BODY] = reader.write_state
    reply[BODY + 1] = page
    return 2


def _podlet_keys(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    from podsteam_firmware.podlet import signed

    known = signed.keys(core.hal)
    change = payload[0]
    data = bytes(payload[1:])
    if change:
        if not core.may_write():
            return -m.CODE_BUSY_SESSION
        if change > 2 or len(data) != (64 if change == 1 else signed.ID):
            return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, 0, change)
        name = signed.key_id(data) if change == 1 else data
        kept = [key for key in known if signed.key_id(key) != name]
        if change == 1:
            kept.append(data)
            if len(kept) > signed.MOST:
                return -m.CODE_STORE_FULL
        elif len(kept) == len(known):
            return core.dispatcher.refuse(m.CODE_NOT_FOUND, 1, 0)
        if len(kept) != len(known):
            refused = _may_change_keys(core, b"".join(kept))
            if refused:
                return refused
            if not signed.keep(core.hal, kept):
                return -m.CODE_STORE_FAILED
            known = kept
            core.reader.keys = True
    reply[BODY] = len(known)
    for i in range(len(known)):
        at = BODY + 1 + i * signed.ID
        reply[at : at + signed.ID] = signed.key_id(known[i])
    return 1 + len(known) * signed.ID


def _may_change_keys(core: "Core", keys: bytes) -> int:
    """0: nobody has to agree to other podlet keys; else the refusal, after which the button may be waited for."""
    from podsteam_firmware.store import identity

    if identity.load(core.hal) is None:
        return 0
    if core.change is not None and core.change.left_s():
        # Whoever asks anew no longer wants what waits for the button.
        core.change.drop()
    if core.extra is not None:
        return -m.CODE_IDENTITY_ORDER
    change = core.change = identity.KeysChange(core, keys)
    wait_s = change.ask()
    return wait_s if wait_s < 0 else core.dispatcher.refuse(m.CODE_NEED_BUTTON, _NO_ARG, wait_s)


def _cal_set(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    values = struct.unpack_from(m.CALIBRATION_FMT, payload, 0)
    at_fault = calibration.check(values)
    if at_fault >= 0:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, at_fault, values[at_fault])
    if not core.calibrate(values):
        return -m.CODE_STORE_FAILED
    struct.pack_into(m.CALIBRATION_FMT, reply, BODY, *calibration.recall(core.hal))
    return calibration.SIZE


def _dose_cal_set(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    values = struct.unpack_from(m.DOSE_CALIBRATION_FMT, payload, 0)
    at_fault = dose_calibration.check(values)
    if at_fault >= 0:
        return core.dispatcher.refuse(m.CODE_OUT_OF_RANGE, at_fault, values[at_fault])
    if not core.calibrate_dose(values):
        return -m.CODE_STORE_FAILED
    struct.pack_into(m.DOSE_CALIBRATION_FMT, reply, BODY, *dose_calibration.recall(core.hal))
    return dose_calibration.SIZE


def _descale_done(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    return 0 if core.descaled() else -m.CODE_STORE_FAILED


HANDLERS = {
    m.PODLET_WRITE: (8, _podlet_write),
    m.PODLET_KEYS: (1, _podlet_keys),
    m.CAL_SET: (calibration.SIZE, _cal_set),
    m.DOSE_CAL_SET: (dose_calibration.SIZE, _dose_cal_set),
    m.DESCALE_DONE: (0, _descale_done),
}
"""Request id to (least payload in bytes, handler)."""
