# SPDX-License-Identifier: Apache-2.0
"""The CBOR (RFC 8949) of podlet tags, read from untrusted bytes with strict bounds.

As the device reads it: integers, byte and text strings, arrays and maps of definite and indefinite length, false,
true, null, floats, tags. Nested eight deep at most; a map's key may not come twice.
"""

import struct

from podsteam.errors import IntegrityFailed

Value = int | bool | float | bytes | str | None | list["Value"] | dict["int | str", "Value"]
Pair = tuple[bytes, bytes]

_MAX_DEPTH = 8
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}


class _Break(Exception):
    """The end of something indefinite."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def _take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise IntegrityFailed("The CBOR on the tag ends too early.")
        self.at += count
        return self.data[self.at - count : self.at]

    def _head(self) -> tuple[int, int, int]:
        """Major type, additional information and argument; -1: indefinite."""
        first = self._take(1)[0]
        low = first & 0x1F
        if low < 24:
            return first >> 5, low, low
        if low == 31:
            return first >> 5, low, -1
        if low > 27:
            raise IntegrityFailed("The tag uses a form of CBOR that podlets do not have.")
        return first >> 5, low, int.from_bytes(self._take(1 << (low - 24)), "big")

    def value(self, depth: int = 0) -> Value:
        major, low, argument = self._head()
        if major == 7:
            return self._simple(low, argument)
        if major == 0 and argument >= 0:
            return argument
        if major == 1 and argument >= 0:
            return -1 - argument
        if depth >= _MAX_DEPTH or argument > len(self.data) - self.at:
            raise IntegrityFailed("The CBOR on the tag is larger than a podlet's can be.")
        if major == 2 or major == 3:
            return self._string(major, argument)
        if major == 4:
            return self._list(argument, depth)
        if major == 5:
            return dict(self.map(argument, depth)[0])
        if major == 6 and argument >= 0:
            return self.value(depth + 1)
        raise IntegrityFailed("The tag uses a form of CBOR that podlets do not have.")

    def _simple(self, low: int, argument: int) -> Value:
        if argument < 0:
            raise _Break
        if low in _FLOATS:
            raw = argument.to_bytes(1 << (low - 24), "big")
            number: float = struct.unpack(_FLOATS[low], raw)[0]
            return number
        return {20: False, 21: True}.get(argument)

    def _string(self, major: int, argument: int) -> bytes | str:
        if argument >= 0:
            data = self._take(argument)
        else:
            data = b""
            while self.data[self.at : self.at + 1] != b"\xff":
                inner, _, size = self._head()
                if inner != major or size < 0:
                    raise IntegrityFailed("The tag uses a form of CBOR that podlets do not have.")
                data += self._take(size)
            self._take(1)
        return data if major == 2 else data.decode("utf-8", "backslashreplace")

    def _list(self, count: int, depth: int) -> list[Value]:
        found: list[Value] = []
        try:
            while count < 0 or len(found) < count:
                found.append(self.value(depth + 1))
        except _Break:
            if count >= 0:
                raise IntegrityFailed("The tag uses a form of CBOR that podlets do not have.") from None
        return found

    def map(self, count: int, depth: int) -> tuple[list[tuple[int | str, Value]], list[Pair]]:
        """The pairs, decoded and as they stand."""
        found: list[tuple[int | str, Value]] = []
        raw: list[Pair] = []
        seen: set[int | str] = set()
        while count < 0 or len(found) < count:
            start = self.at
            try:
                key = self.value(depth + 1)
            except _Break:
                if count >= 0:
                    raise IntegrityFailed("The tag uses a form of CBOR that podlets do not have.") from None
                break
            middle = self.at
            value = self._whole(depth)
            if isinstance(key, bool) or not isinstance(key, (int, str)):
                # Passed over, as every key that is not known is.
                key = f"? {self.data[start:middle].hex()}"
            if key in seen:
                raise IntegrityFailed(f"The tag says the same thing twice (key {key}).")
            seen.add(key)
            found.append((key, value))
            raw.append((self.data[start:middle], self.data[middle : self.at]))
        return found, raw

    def _whole(self, depth: int) -> Value:
        try:
            return self.value(depth + 1)
        except _Break:
            raise IntegrityFailed("The tag uses a form of CBOR that podlets do not have.") from None

    def top(self) -> tuple[list[tuple[int | str, Value]], list[Pair]]:
        """The map that the data begins with."""
        try:
            major, _, argument = self._head()
            if major != 5 or argument > len(self.data) - self.at:
                raise IntegrityFailed("The tag holds CBOR, but no map.")
            return self.map(argument, 0)
        except _Break:
            raise IntegrityFailed("The tag uses a form of CBOR that podlets do not have.") from None


def items_of(data: bytes) -> tuple[list[tuple[int | str, Value]], list[Pair]]:
    """The pairs of the map at the start of `data`, decoded and as encoded, in order. Raises IntegrityFailed."""
    return _Reader(data).top()


def decode_map(data: bytes) -> dict[int | str, Value]:
    """The map at the start of `data`; what follows is ignored. Raises IntegrityFailed."""
    return dict(items_of(data)[0])
