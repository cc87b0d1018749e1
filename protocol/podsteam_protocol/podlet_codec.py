# SPDX-License-Identifier: Apache-2.0
"""Writes podlet records: CBOR, the two slots, the regions, the NDEF message. Never loaded on the device.

Used by the host tool and by the simulated tag, on CPython and on MicroPython. The layout is the one of
`hw/podlet/README.md`.
"""

import struct
from binascii import crc32

from podsteam_protocol import podlet as p

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    Value = bool | int | str | bytes
    Fields = dict[int, Value]

USER = 16
"""Address of the first user byte, page 4."""
NONE_USED = bytes(2 * p.SLOT_SIZE)
"""The slots of a new podlet."""


def _head(major: int, value: int) -> bytes:
    major <<= 5
    if value < 24:
        return bytes((major | value,))
    if value < 1 << 8:
        return bytes((major | 24, value))
    if value < 1 << 16:
        return struct.pack(">BH", major | 25, value)
    return struct.pack(">BI", major | 26, value)


def cbor(value: "Value | Fields", rest: "list[tuple[bytes, bytes]] | None" = None) -> bytes:
    """CBOR (RFC 8949) of a bool, an integer from -2^32 to 2^32 - 1, text, bytes, or a map of integers to these.

    Shortest heads, definite lengths, keys in rising order. `rest`: pairs of encoded keys and values that a map gets
    besides, before the signature, which is always the last.
    """
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, str):
        data = value.encode()
        return _head(3, len(data)) + data
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    kept = rest or []
    out = _head(5, len(value) + len(kept))
    last = b""
    for key in sorted(value):
        pair = cbor(key) + cbor(value[key])
        if kept and key == p.MAIN_SIGNATURE:
            last = pair
        else:
            out += pair
    for key_bytes, value_bytes in kept:
        out += key_bytes + value_bytes
    return out + last


def slot(seq: int, doses: int, used_nl: int, first_day: int, session: int) -> bytes:
    """One usage slot with its CRC."""
    data = struct.pack(p.SLOT_FMT, seq, doses, used_nl, first_day, session, 0)[:-4]
    return data + struct.pack("<I", crc32(data))


def payload(main: bytes, address: int, slots: bytes, grain: int = 4, floor: int = 0) -> bytes:
    """`meta | main | aux` for a payload that starts at `address` in tag memory.

    aux starts at a multiple of `grain` bytes of tag memory: 4 is a page; on request the lock granule, so that all
    before it can be locked. `floor`: FLOOR_PAGE, 0: none.
    """
    crc = crc32(main)
    meta = gap = b""
    size = -1
    while len(meta) != size:
        size = len(meta)
        aux = size + len(main)
        aux += -(address + aux) % grain
        fields: "Fields" = {
            p.META_MAIN_OFFSET: size,
            p.META_MAIN_SIZE: len(main),
            p.META_AUX_OFFSET: aux,
            p.META_AUX_SIZE: len(slots),
            p.META_MAIN_CRC: crc,
        }
        if floor:
            fields[p.META_FLOOR_PAGE] = floor
        meta = cbor(fields)
        gap = bytes(aux - size - len(main))
    return meta + main + gap + slots


def tlv(message: bytes) -> bytes:
    """An NDEF TLV block and the terminator."""
    size = len(message)
    head = bytes((3, size)) if size < 255 else struct.pack(">BBH", 3, 255, size)
    return head + message + b"\xfe"


def first_record(name: str, uri: str = "") -> bytes:
    """The record that a phone shows: the maker's web address, else a text with the podlet's name."""
    if uri:
        # 4 stands for "https://", 0 for nothing.
        prefix = b"\x04" if uri.startswith("https://") else b"\x00"
        body = prefix + (uri[8:] if prefix == b"\x04" else uri).encode()
        return bytes((0x91, 1, len(body))) + b"U" + body
    text = b"\x02enpodlet: " + name.encode()
    return bytes((0x91, 1, len(text))) + b"T" + text


def ndef(main: bytes, first: bytes, slots: bytes = NONE_USED, grain: int = 4, floor: int = 0, at: int = USER) -> bytes:
    """The NDEF TLV and the terminator of a podlet, as they stand from address `at` on. ValueError: there is no form."""
    kind = p.MIME_TYPE
    # Lengths decide the form of the length fields, those the address, that the padding, and this the lengths.
    # The third form always fits: one short step of the padding cannot undo both longer fields.
    for record_head, tlv_head in ((3, 2), (3, 4), (6, 2), (6, 4)):
        body = payload(main, at + tlv_head + len(first) + record_head + len(kind), slots, grain, floor)
        if record_head == 6:
            record = struct.pack(">BBI", 0x42, len(kind), len(body)) + kind + body
        elif len(body) < 256:
            record = bytes((0x52, len(kind), len(body))) + kind + body
        else:
            continue
        if (len(first) + len(record) < 255) == (tlv_head == 2):
            return tlv(first + record)
    raise ValueError("the podlet has no NDEF form")
