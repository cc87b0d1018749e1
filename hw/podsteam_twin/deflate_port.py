# SPDX-License-Identifier: Apache-2.0
"""Unpacking of raw deflate, with the same face on CPython as on MicroPython.

MicroPython brings its own (`deflate.DeflateIO`); on CPython `zlib` is given that face, as far as an update uses it.
"""

import errno

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BytesIO

    from podsteam_firmware.hal.verbs import Inflater


def inflate(source: "BytesIO", window: int) -> "Inflater":
    """As the HAL's verb."""
    try:
        from deflate import RAW, DeflateIO  # pyright: ignore[reportMissingModuleSource]
    except ImportError:
        return Zlib(source, window)
    return DeflateIO(source, RAW, window)


class Zlib:
    """The library under MicroPython's face: it is given one byte after the other, as it is there."""

    def __init__(self, source: "BytesIO", window: int) -> None:
        import zlib

        self._source = source
        self._stream = zlib.decompressobj(-window)
        self._error = zlib.error

    def readinto(self, buf: memoryview) -> int:
        """Fill `buf`; less at the stream's end. Raises EOFError when its bytes are not all there, OSError for none."""
        done = 0
        try:
            while done < len(buf) and not self._stream.eof:
                part = self._stream.decompress(self._stream.unconsumed_tail, len(buf) - done)
                if not part:
                    part = self._stream.decompress(self._byte(), len(buf) - done)
                buf[done : done + len(part)] = part
                done += len(part)
        except self._error as e:
            raise OSError(errno.EINVAL) from e
        return done

    def _byte(self) -> bytes:
        byte = self._source.read(1)
        if not byte:
            raise EOFError
        return byte
