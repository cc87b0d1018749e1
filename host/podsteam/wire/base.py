# SPDX-License-Identifier: Apache-2.0
"""The base of the generated message classes: packing and unpacking by the declared layout."""

import dataclasses
import struct
from typing import ClassVar, Self


class Message:
    """A message's payload. Subclasses are frozen dataclasses whose fields follow `FORMAT` in order."""

    __slots__ = ()

    ID: ClassVar[int] = 0
    FORMAT: ClassVar[str] = "<"
    TAIL: ClassVar[bool] = False

    def pack(self) -> bytes:
        """The payload's bytes. Raises struct.error when a value is outside its field's range."""
        values = [getattr(self, field.name) for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        tail = values.pop() if self.TAIL else b""
        return struct.pack(self.FORMAT, *values) + tail

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Read a payload. A shorter one comes from an older minor version: its missing tail reads as zero.

        A longer one comes from a newer minor version: what is appended is ignored, unless the last field
        takes the rest.
        """
        size = struct.calcsize(cls.FORMAT)
        values = list(struct.unpack(cls.FORMAT, payload[:size].ljust(size, b"\0")))
        if cls.TAIL:
            values.append(payload[size:])
        return cls(*values)
