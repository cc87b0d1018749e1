# SPDX-License-Identifier: Apache-2.0
"""The PN532's frames (UM0701-02, 6.2.1): `00 00 FF LEN LCS TFI data DCS 00`, and the fixed ones."""

ACK_FRAME = b"\0\0\xff\0\xff\0"
NACK_FRAME = b"\0\0\xff\xff\0\0"
ERROR_FRAME = b"\0\0\xff\x01\xff\x7f\x81\0"
"""The chip did not understand a command."""


def frame(payload: bytes) -> bytes:
    """A frame around `payload` (TFI first), normal up to 255 bytes, extended beyond."""
    size = len(payload)
    if size <= 255:
        head = bytes((0, 0, 0xFF, size, -size & 0xFF))
    else:
        head = bytes((0, 0, 0xFF, 0xFF, 0xFF, size >> 8, size & 0xFF, -((size >> 8) + size) & 0xFF))
    return head + payload + bytes((-sum(payload) & 0xFF, 0))


def parse(data: bytes) -> bytes | None:
    """The first frame in `data`: its payload (TFI first), ACK_FRAME, NACK_FRAME, or None when it is damaged."""
    start = data.find(b"\0\xff")
    if start < 0 or len(data) < start + 4:
        return None
    size = data[start + 2]
    check = data[start + 3]
    at = start + 4
    if size == 0 and check == 0xFF:
        return ACK_FRAME
    if size == 0xFF and check == 0:
        return NACK_FRAME
    if size == 0xFF and check == 0xFF:
        if len(data) < at + 3 or data[at] + data[at + 1] + data[at + 2] & 0xFF:
            return None
        size = data[at] << 8 | data[at + 1]
        at += 3
    elif size + check & 0xFF:
        return None
    if size == 0 or len(data) <= at + size or sum(data[at : at + size + 1]) & 0xFF:
        return None
    return data[at : at + size]
