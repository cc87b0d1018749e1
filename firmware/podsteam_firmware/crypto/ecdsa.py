# SPDX-License-Identifier: Apache-2.0
"""ECDSA verification in slices, with integers alone: P-256 for podlets and updates, secp128r1 for NXP's tags.

Both curves are y^2 = x^3 - 3x + b over a prime field (SEC 2, 2.4.2 and the older secp128r1), so one arithmetic does
for both: Jacobian coordinates, doubling and addition as in Cohen, Miyaji and Ono, and Shamir's way of computing
u1 G + u2 Q in one pass. Nothing here is secret, so nothing is done in constant time.

Loaded when a signature is to be checked and dropped afterwards. Its integers are large ones, which allocate: it runs
between the ticks, never in one.
"""

from podsteam_protocol.const import const

GOING = const(0)
"""More slices are to come."""
GOOD = const(1)
"""The signature is right."""
BAD = const(2)
"""It is not, or the key is none."""

P256 = (
    0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    32,
)
"""secp256r1: prime, b, order of the base point, its x and y, bytes of a coordinate."""
SECP128R1 = (
    0xFFFFFFFDFFFFFFFFFFFFFFFFFFFFFFFF,
    0xE87579C11079F43DD824993C2CEE5ED3,
    0xFFFFFFFE0000000075A30D1B9038A115,
    0x161FF7528B899B2D0C28607CA52C5B86,
    0xCF5AC8395BAFEB13C02DA292DDED7A83,
    16,
)
"""secp128r1, in the same order."""

_DIVISIONS = const(12)
"""Steps of Euclid's algorithm in one slice."""

_NOTHING = (0, 1, 0)
"""The point at infinity: z is 0."""


def _number(data: "bytes | bytearray | memoryview") -> int:
    return int.from_bytes(bytes(data), "big")


class Verifier:
    """One check of one signature. `step` until it says GOOD or BAD."""

    def __init__(
        self, curve: "tuple[int, int, int, int, int, int]", digest: bytes, signature: bytes, key: bytes
    ) -> None:
        """`digest`: of the message, taken whole when it is no longer than the curve's order, else its leftmost bytes.

        `signature`: r and s, big-endian, each as long as a coordinate. `key`: x and y, likewise, without the leading
        04 of an uncompressed point. A wrong length makes the result BAD.
        """
        prime, b, order, base_x, base_y, size = curve
        self._prime = prime
        self._b = b
        self._order = order
        self._size = size
        self.result = GOING
        """GOING, GOOD or BAD, as `step` gives it."""
        self._base = (base_x, base_y, 1)
        self._digest = _number(digest[:size])
        self._whole = len(signature) == 2 * size and len(key) == 2 * size
        self._r = _number(signature[:size])
        self._s = _number(signature[size:])
        self._key = (_number(key[:size]), _number(key[size:]), 1)
        self._stage = 0
        # Euclid's rows: the remainders, and what s was multiplied by to get them.
        self._rows = (order, self._s, 0, 1)
        self._table = (_NOTHING, _NOTHING, _NOTHING, _NOTHING)
        self._point = _NOTHING
        self._u1 = self._u2 = self._bit = 0

    def step(self) -> int:
        """One slice: a doubling or an addition at most, some 2 ms on an ESP32. Returns GOING, GOOD or BAD."""
        if self.result != GOING:
            return self.result
        stage = self._stage
        if stage == 0:
            self._open()
        elif stage == 1:
            self._invert()
        elif stage == 2:
            self._prepare()
        elif stage == 3:
            self._next_bit()
        else:
            self._add_term()
        return self.result

    def _open(self) -> None:
        """Ranges, and whether the key is a point of the curve (SEC 1, 3.2.2 and 4.1.4)."""
        x, y, _ = self._key
        prime = self._prime
        order = self._order
        good = self._whole and 0 < self._r < order and 0 < self._s < order and x < prime and y < prime
        if not good or (y * y - (x * x - 3) * x - self._b) % prime:
            self.result = BAD
        self._stage = 1

    def _invert(self) -> None:
        """Some steps towards the inverse of s."""
        a, b, u, v = self._rows
        for _ in range(_DIVISIONS):
            if b == 1:
                self._u1 = v * self._digest % self._order
                self._u2 = v * self._r % self._order
                self._stage = 2
                return
            quotient = a // b
            a, b, u, v = b, a - quotient * b, v, u - quotient * v
        self._rows = (a, b, u, v)

    def _prepare(self) -> None:
        """The table of what two bits can ask for: nothing, G, Q, G + Q."""
        self._table = (_NOTHING, self._base, self._key, self._add(self._base, self._key))
        self._bit = self._size * 8
        self._stage = 3

    def _next_bit(self) -> None:
        """Double for the next bit of u1 and u2, or end."""
        bit = self._bit - 1
        if bit < 0:
            self._close()
            return
        self._bit = bit
        self._point = self._double(self._point)
        self._stage = 4 if (self._u1 | self._u2) >> bit & 1 else 3

    def _add_term(self) -> None:
        """What this bit of u1 and u2 asks for."""
        bit = self._bit
        both = (self._u1 >> bit & 1) + 2 * (self._u2 >> bit & 1)
        self._point = self._add(self._point, self._table[both])
        self._stage = 3

    def _close(self) -> None:
        """Whether the x of the sum is r modulo the order, compared without a division."""
        x, _, z = self._point
        prime = self._prime
        square = z * z % prime
        r = self._r
        good = z != 0 and (r * square - x) % prime == 0
        if z and not good and r + self._order < prime:
            good = ((r + self._order) * square - x) % prime == 0
        self.result = GOOD if good else BAD

    def _double(self, point: "tuple[int, int, int]") -> "tuple[int, int, int]":
        """2 P, with a = -3."""
        x, y, z = point
        if z == 0:
            return point
        prime = self._prime
        square = z * z % prime
        yy = y * y % prime
        s = 4 * x * yy % prime
        m = 3 * (x - square) * (x + square) % prime
        x3 = (m * m - 2 * s) % prime
        return x3, (m * (s - x3) - 8 * yy * yy) % prime, 2 * y * z % prime

    def _add(self, one: "tuple[int, int, int]", other: "tuple[int, int, int]") -> "tuple[int, int, int]":
        """P + Q, whatever they are."""
        x1, y1, z1 = one
        x2, y2, z2 = other
        if z1 == 0:
            return other
        if z2 == 0:
            return one
        prime = self._prime
        zz1 = z1 * z1 % prime
        zz2 = z2 * z2 % prime
        u1 = x1 * zz2 % prime
        s1 = y1 * zz2 * z2 % prime
        h = (x2 * zz1 - u1) % prime
        r = (y2 * zz1 * z1 - s1) % prime
        if h == 0:
            return _NOTHING if r else self._double(one)
        hh = h * h % prime
        hhh = h * hh % prime
        v = u1 * hh % prime
        x3 = (r * r - hhh - 2 * v) % prime
        return x3, (r * (v - x3) - s1 * hhh) % prime, h * z1 * z2 % prime


def verify(digest: bytes, signature: bytes, key: bytes) -> bool:
    """Whether `signature` (r and s, 64 bytes) of the SHA-256 `digest` is right for the P-256 key (x and y, 64 bytes).

    All slices in one go: about a second on an ESP32. Where something else has to go on meanwhile, use `Verifier`.
    """
    verifier = Verifier(P256, digest, signature, key)
    while verifier.step() == GOING:
        pass
    return verifier.result == GOOD
