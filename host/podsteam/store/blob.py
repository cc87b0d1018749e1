# SPDX-License-Identifier: Apache-2.0
"""How a record's frames are kept in a row: compressed, with a name for the way, so that another can be
added."""

import hashlib
import zlib

from podsteam.errors import IntegrityFailed

ZLIB = "zlib"
_MAX_RAW = 1 << 28
"""256 MiB: far beyond any session, and a bound for what a damaged row can unfold to."""


def pack(raw: bytes) -> tuple[str, bytes, str]:
    """(codec, blob, SHA-256 of `raw` in hexadecimal)."""
    return ZLIB, zlib.compress(raw, 6), hashlib.sha256(raw).hexdigest()


def unpack(codec: str, blob: bytes, sha256: str) -> bytes:
    """The frames again. Raises IntegrityFailed when they are not what was stored."""
    if codec != ZLIB:
        raise IntegrityFailed(f"its frames are kept as '{codec}', which this version cannot read")
    unfolder = zlib.decompressobj()
    try:
        raw = unfolder.decompress(blob, _MAX_RAW)
    except zlib.error as e:
        raise IntegrityFailed("its compressed frames are damaged") from e
    if not unfolder.eof or hashlib.sha256(raw).hexdigest() != sha256:
        raise IntegrityFailed("its frames do not match their checksum")
    return raw
