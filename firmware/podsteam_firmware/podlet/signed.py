# SPDX-License-Identifier: Apache-2.0
"""Is the podlet signed by a key that this device knows? Loaded when a tag says that it is signed, or a host has keys.

What is signed is "podlet:", the tag's UID and main up to the pair of its signature (`hw/podlet/README.md`). A key is
known by the first 8 bytes of the SHA-256 over its x and y. There are no keys until a host brings some.
"""

import hashlib

from podsteam_firmware.crypto import ecdsa
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal
    from podsteam_firmware.podlet.record import Record

_FILE = "podlet_keys"
_KEY = const(64)
ID = const(8)
"""Bytes of a key's id."""
MOST = const(8)
"""Keys that a device keeps."""
_PAIR = const(3)
"""Bytes before the 64 of a signature in its pair."""


def key_id(key: bytes) -> bytes:
    """Id of a key, given as x and y."""
    return hashlib.sha256(key).digest()[:ID]


def keys(hal: "Hal") -> "list[bytes]":
    """The keys that this device knows."""
    stored = hal.file_read(_FILE, MOST * _KEY) or b""
    return [stored[at : at + _KEY] for at in range(0, len(stored) - _KEY + 1, _KEY)]


def keep(hal: "Hal", known: "list[bytes]") -> bool:
    """Store these keys in place of the ones there. False: that failed."""
    return hal.file_write(_FILE, b"".join(known))


def begin(hal: "Hal", image: bytearray, uid: bytearray, record: "Record") -> "ecdsa.Verifier | None":
    """The check of the record's signature, to be carried on by `step`; None when its key is not known."""
    wanted = bytes(image[record.key_at : record.key_at + ID])
    at = record.signature_at
    for key in keys(hal):
        if key_id(key) == wanted:
            digest = hashlib.sha256(b"podlet:" + bytes(uid) + bytes(image[record.main_at : at - _PAIR])).digest()
            return ecdsa.Verifier(ecdsa.P256, digest, bytes(image[at : at + _KEY]), key)
    return None
