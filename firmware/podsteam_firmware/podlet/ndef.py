# SPDX-License-Identifier: Apache-2.0
"""Finds one MIME record in a tag's memory: TLV blocks (NFC Forum Type 2 Tag), then NDEF records (NFC Forum NDEF 1.0).

The tag is untrusted: every length is checked against the end before it is used, and time is bounded by the size.
"""

from podsteam_protocol.const import const

_TLV_NULL = const(0x00)
_TLV_NDEF = const(0x03)
_TLV_END = const(0xFE)

_CHUNKED = const(0x20)
_SHORT = const(0x10)
_HAS_ID = const(0x08)
_LAST = const(0x40)
_TNF_MIME = const(2)

_NOTHING = (-1, 0)


def find_message(buf: bytearray, start: int, end: int) -> "tuple[int, int]":
    """The first NDEF message among the TLV blocks in `buf[start:end]`, as (offset, length); (-1, 0): none.

    Lock control, memory control, proprietary and unknown blocks are stepped over. A length of FF is followed by
    two bytes that give it. An empty message is found with length 0.
    """
    at = start
    while at < end:
        kind = buf[at]
        at += 1
        if kind == _TLV_NULL:
            continue
        if kind == _TLV_END or at >= end:
            break
        length = buf[at]
        at += 1
        if length == 0xFF:
            if at + 2 > end:
                break
            length = buf[at] << 8 | buf[at + 1]
            at += 2
        if length > end - at:
            break
        if kind == _TLV_NDEF:
            return at, length
        at += length
    return _NOTHING


def find_mime(buf: bytearray, start: int, end: int, mime: bytes) -> "tuple[int, int]":
    """Payload of the first record of MIME type `mime` in the message `buf[start:end]`, as (offset, length).

    (-1, 0): none, or the message is damaged before it. A chunked record is never it.
    """
    at = start
    while at + 3 <= end:
        flags = buf[at]
        type_length = buf[at + 1]
        at += 2
        if flags & _SHORT:
            length = buf[at]
            at += 1
        else:
            if at + 4 > end or buf[at] or buf[at + 1]:
                break
            length = buf[at + 2] << 8 | buf[at + 3]
            at += 4
        id_length = 0
        if flags & _HAS_ID:
            if at >= end:
                break
            id_length = buf[at]
            at += 1
        payload = at + type_length + id_length
        if payload + length > end:
            break
        if flags & 7 == _TNF_MIME and not flags & _CHUNKED and type_length == len(mime) and _same(buf, at, mime):
            return payload, length
        if flags & _LAST:
            break
        at = payload + length
    return _NOTHING


def _same(buf: bytearray, at: int, expected: bytes) -> bool:
    """Whether `expected` stands at `at`."""
    for i in range(len(expected)):
        if buf[at + i] != expected[i]:
            return False
    return True
