# SPDX-License-Identifier: Apache-2.0
"""The part of CBOR (RFC 8949) that podlet tags use, read from untrusted bytes with strict bounds.

Integers, byte and text strings, arrays, maps with definite lengths, false, true, null. Anything else is an error.
"""

from podsteam.errors import IntegrityFailed

Value = int | bool | bytes | str | None | list["Value"] | dict["int | str", "Value"]

_MAX_DEPTH = 4
_MAX_ITEMS = 64


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise IntegrityFailed("The CBOR on the tag ends too early.")
        self._at += count
        return self._data[self._at - count : self._at]

    def _head(self) -> tuple[int, int]:
        """Major type and argument."""
        first = self._take(1)[0]
        low = first & 0x1F
        if low < 24:
            return first >> 5, low
        if low > 27:
            raise IntegrityFailed("The tag uses a form of CBOR that podlets do not have.")
        return first >> 5, int.from_bytes(self._take(1 << (low - 24)), "big")

    def value(self, depth: int = 0) -> Value:
        major, argument = self._head()
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 2:
            return self._take(argument)
        if major == 3:
            return self._take(argument).decode("utf-8", "backslashreplace")
        if depth >= _MAX_DEPTH or (major in (4, 5) and argument > _MAX_ITEMS):
            raise IntegrityFailed("The CBOR on the tag is larger than a podlet's can be.")
        if major == 4:
            return [self.value(depth + 1) for _ in range(argument)]
        if major == 5:
            return self._map(argument, depth)
        if major == 7 and 20 <= argument <= 22:
            return (False, True, None)[argument - 20]
        raise IntegrityFailed("The tag uses a form of CBOR that podlets do not have.")

    def _map(self, count: int, depth: int) -> dict[int | str, Value]:
        found: dict[int | str, Value] = {}
        for _ in range(count):
            key = self.value(depth + 1)
            if isinstance(key, bool) or not isinstance(key, (int, str)):
                raise IntegrityFailed("The tag uses a form of CBOR that podlets do not have.")
            found[key] = self.value(depth + 1)
        return found


def decode_map(data: bytes) -> dict[int | str, Value]:
    """The map at the start of `data`; what follows is ignored. Raises IntegrityFailed."""
    value = _Reader(data).value()
    if not isinstance(value, dict):
        raise IntegrityFailed("The tag holds CBOR, but no map.")
    return value
