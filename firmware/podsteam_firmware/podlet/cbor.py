# SPDX-License-Identifier: Apache-2.0
"""Reads one CBOR map (RFC 8949) in a buffer, pair by pair, without copying and without recursion.

Keys that matter are unsigned integers. Values are given as an integer, a truth value, or where a string's bytes
lie; anything else (floats, null, arrays, maps, strings in pieces) is stepped over, nested `MAX_DEPTH` deep at most.
Maps of definite and indefinite length are read, in any order of keys. A key from 0 to 29 that comes twice makes the
map invalid: a podlet that states two doses states none. Time is bounded by the size; nothing grows with the input.
"""

from podsteam_protocol.const import const

INT = const(0)
"""`value` is the integer, from -2^64 to 2^64 - 1."""
BYTES = const(1)
"""The bytes are `buf[at:at + length]`."""
TEXT = const(2)
"""Their UTF-8 is `buf[at:at + length]`, unchecked."""
BOOL = const(3)
"""`value` is 0 or 1."""
OTHER = const(4)
"""Something else, stepped over."""

MAX_DEPTH = const(8)
"""Arrays, maps and strings in pieces that may stand inside each other in a value."""

_MAX_KEY = const(0x3FFFFFFF)
_INDEFINITE = const(-1)


class MapReader:
    """`open` a map, then `next` until it gives False; `valid` tells whether that was its proper end."""

    def __init__(self) -> None:
        self._buf = bytearray()
        self._end: int = 0
        self._left = [0] * (MAX_DEPTH + 1)
        self._pairs: int = 0
        self._seen: int = 0
        self._major: int = 0
        self._info: int = 0
        self._arg: int = 0
        self.position: int = 0
        """Offset of the next unread byte; after the last pair, of the first byte after the map."""
        self.valid: bool = False
        """False once anything malformed, cut off, too deep or doubled was met."""
        self.key: int = 0
        """The pair's key; -1 when it is not an unsigned integer below 2^30."""
        self.kind = OTHER
        """What the value is: INT, BYTES, TEXT, BOOL or OTHER."""
        self.value: int = 0
        """The value of INT and BOOL, else 0."""
        self.at: int = 0
        """Offset of a string's first byte."""
        self.length: int = 0
        """Bytes of a string."""

    def open(self, buf: bytearray, start: int, end: int) -> bool:
        """Begin with the map at `buf[start]`, nothing at or after `end` being read. False: there is no map."""
        self._buf = buf
        self._end = end
        self.position = start
        self._seen = 0
        self.valid = self._head() and self._major == 5 and self._arg <= (end - self.position) // 2
        self._pairs = self._arg if self.valid else 0
        return self.valid

    def next(self) -> bool:
        """Read the next pair. False: there is none; see `valid`."""
        if self._pairs == 0 or not self.valid:
            return False
        start = self.position
        self.valid = False
        if not self._head():
            return False
        if self._major == 7 and self._info == 31:
            self.valid = self._pairs == _INDEFINITE
            self._pairs = 0
            return False
        if self._pairs > 0:
            self._pairs -= 1
        self.valid = self._read_key(start) and self._read_value()
        return self.valid

    def _read_key(self, start: int) -> bool:
        self.key = -1
        if self._major != 0:
            self.position = start
            return self._skip()
        key = self._arg
        if key < 0:
            return False
        if key > _MAX_KEY:
            return True
        self.key = key
        if key < 30:
            if self._seen >> key & 1:
                return False
            self._seen |= 1 << key
        return True

    def _read_value(self) -> bool:
        start = self.position
        self.kind = OTHER
        self.value = 0
        self.at = 0
        self.length = 0
        if not self._head():
            return False
        major = self._major
        arg = self._arg
        if major <= 1 and arg >= 0:
            self.kind = INT
            self.value = -1 - arg if major else arg
        elif 2 <= major <= 3 and arg >= 0:
            if arg > self._end - self.position:
                return False
            self.kind = BYTES if major == 2 else TEXT
            self.at = self.position
            self.length = arg
            self.position += arg
        elif major == 7 and 20 <= self._info <= 21:
            self.kind = BOOL
            self.value = self._info - 20
        else:
            self.position = start
            return self._skip()
        return True

    def _head(self) -> bool:
        """Read an item's first byte and argument (_INDEFINITE for 31). False: cut off or reserved."""
        buf = self._buf
        at = self.position
        if at >= self._end:
            return False
        self._major = buf[at] >> 5
        info = buf[at] & 31
        self._info = info
        at += 1
        arg = info
        if info >= 24:
            if info == 31:
                arg = _INDEFINITE
            elif info > 27:
                return False
            else:
                size = 1 << info - 24
                if size > self._end - at:
                    return False
                arg = 0
                for i in range(at, at + size):
                    arg = arg << 8 | buf[i]
                at += size
        self._arg = arg
        self.position = at
        return True

    def _skip(self) -> bool:
        """Step over one item with all that it contains. `_left[d]` is what level d still holds, -1: until a break."""
        left = self._left
        left[0] = 1
        depth = 0
        while True:
            while left[depth] == 0:
                if depth == 0:
                    return True
                depth -= 1
            if not self._head():
                return False
            if self._major == 7 and self._info == 31:
                if left[depth] != _INDEFINITE:
                    return False
                left[depth] = 0
                continue
            if left[depth] > 0 and self._major != 6:
                left[depth] -= 1
            inside = self._inside()
            if inside < _INDEFINITE:
                return False
            if inside:
                depth += 1
                if depth > MAX_DEPTH:
                    return False
                left[depth] = inside

    def _inside(self) -> int:
        """Items that the item just begun contains, _INDEFINITE for 'until a break', -2 when it is malformed."""
        major = self._major
        arg = self._arg
        if 2 <= major <= 5:
            if arg == _INDEFINITE:
                return _INDEFINITE
            if arg > self._end - self.position:
                return -2
            if major >= 4:
                return arg if major == 4 else arg * 2
            self.position += arg
        elif arg == _INDEFINITE:
            return -2
        return 0
