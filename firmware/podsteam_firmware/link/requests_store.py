# SPDX-License-Identifier: Apache-2.0
"""Requests about what is stored: programs, the podlet as it was read, records, calibrations."""

import binascii
import struct

from podsteam_firmware.dose import calibration as dose_calibration
from podsteam_firmware.link.layout import BODY, CHUNK
from podsteam_firmware.session import program
from podsteam_firmware.store import calibration
from podsteam_firmware.store.programs import text
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.core import Core

_LONGEST = const(0x3FFFFFFF)
"""Bytes; no record is as long."""


def _program_list(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    names = core.programs.names()
    index = payload[0]
    if index >= len(names):
        return core.dispatcher.refuse(m.CODE_NOT_FOUND, 0, len(names))
    name = names[index]
    is_default = name == core.programs.default_name()
    struct.pack_into("<BBB16s", reply, BODY, len(names), index, is_default, name.encode())
    return 19


def _program_get(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    name = bytes(payload[:16])
    if not program.valid_name(name):
        return core.dispatcher.refuse(m.CODE_NOT_FOUND, 0, 0)
    raw = core.programs.get(text(name))
    if raw is None:
        return core.dispatcher.refuse(m.CODE_NOT_FOUND, 0, 0)
    reply[BODY : BODY + program.SIZE] = raw
    return program.SIZE


def _program_put(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    raw = bytes(payload[: program.SIZE])
    at_fault = program.check(raw)
    if at_fault >= 0:
        code = m.CODE_BAD_NAME if at_fault == 0 else m.CODE_OUT_OF_RANGE
        return core.dispatcher.refuse(code, at_fault, 0)
    names = core.programs.names()
    if len(names) >= program.MAX_STORED and text(raw[:16]) not in names:
        return -m.CODE_STORE_FULL
    if not core.programs.put(raw):
        return -m.CODE_STORE_FAILED
    struct.pack_into("<I", reply, BODY, binascii.crc32(raw))
    return 4


def _program_default(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    if not core.may_write():
        return -m.CODE_BUSY_SESSION
    name = bytes(payload[:16])
    if not program.valid_name(name) or core.programs.get(text(name)) is None:
        return core.dispatcher.refuse(m.CODE_NOT_FOUND, 0, 0)
    return 0 if core.programs.set_default(text(name)) else -m.CODE_STORE_FAILED


def _podlet_get(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    reader = core.reader
    struct.pack_into("<B7sB", reply, BODY, reader.state, reader.uid, reader.tag_type)
    struct.pack_into(
        "<HHII", reply, BODY + 9, reader.doses_left, reader.doses_used, reader.dose_nl, reader.session_cap_nl
    )
    struct.pack_into("<Hhh", reply, BODY + 21, reader.min_interval_s, reader.outlet_min_cdeg, reader.outlet_max_cdeg)
    struct.pack_into("<HH", reply, BODY + 27, reader.image_size, reader.fault)
    return 31


def _podlet_read(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    reader = core.reader
    if not reader.image_size:
        return -m.CODE_NO_PODLET
    offset = struct.unpack_from("<H", payload, 0)[0]
    end = min(offset + CHUNK, reader.image_size)
    length = end - offset if end > offset else 0
    struct.pack_into("<H", reply, BODY, offset)
    reply[BODY + 2 : BODY + 2 + length] = reader.image[offset : offset + length]
    return 2 + length


def _record_list(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    # A power cut may leave a record that was opened and never written.
    records = [record for record in core.hal.file_list("records") if record[1]]
    index = payload[0]
    if index >= len(records):
        return core.dispatcher.refuse(m.CODE_NOT_FOUND, 0, len(records))
    name, size = records[index]
    struct.pack_into("<BBHI", reply, BODY, len(records), index, int(name), size)
    return 8


def _record_read(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    number, offset = struct.unpack_from("<HI", payload, 0)
    chunk = memoryview(reply)[BODY + 4 : BODY + 4 + CHUNK]
    # A file system cannot seek beyond 31 bits, and answers a larger offset with an exception.
    got = core.hal.file_read_at("records/%05d" % number, min(offset, _LONGEST), chunk)
    if got < 0:
        return core.dispatcher.refuse(m.CODE_NOT_FOUND if got == -2 else m.CODE_STORE_FAILED, 0, got)
    struct.pack_into("<I", reply, BODY, offset)
    return 4 + got


def _cal_get(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    struct.pack_into(m.CALIBRATION_FMT, reply, BODY, *core.calibration)
    return calibration.SIZE


def _dose_cal_get(core: "Core", now_ms: int, payload: memoryview, reply: bytearray) -> int:
    struct.pack_into(m.DOSE_CALIBRATION_FMT, reply, BODY, *core.dose_calibration)
    return dose_calibration.SIZE


HANDLERS = {
    m.PROGRAM_LIST: (1, _program_list),
    m.PROGRAM_GET: (16, _program_get),
    m.PROGRAM_PUT: (program.SIZE, _program_put),
    m.PROGRAM_DEFAULT: (16, _program_default),
    m.PODLET_GET: (0, _podlet_get),
    m.PODLET_READ: (2, _podlet_read),
    m.RECORD_LIST: (1, _record_list),
    m.RECORD_READ: (6, _record_read),
    m.CAL_GET: (0, _cal_get),
    m.DOSE_CAL_GET: (0, _dose_cal_get),
}
"""Request id to (least payload in bytes, handler)."""
