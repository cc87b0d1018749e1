# SPDX-License-Identifier: Apache-2.0
"""On PyPy: `struct` takes a bytearray where bytes are wanted, as CPython's and MicroPython's do. See README.md."""

import struct
import sys
from typing import Any

if sys.implementation.name == "pypy":
    _pack = struct.pack
    _pack_into = struct.pack_into

    def _plain(values: tuple[Any, ...]) -> list[Any]:
        return [bytes(value) if isinstance(value, (bytearray, memoryview)) else value for value in values]

    def pack(layout: str, *values: Any) -> bytes:
        """`struct.pack`."""
        return _pack(layout, *_plain(values))

    def pack_into(layout: str, buffer: Any, offset: int, *values: Any) -> None:
        """`struct.pack_into`."""
        _pack_into(layout, buffer, offset, *_plain(values))

    struct.pack = pack
    struct.pack_into = pack_into
