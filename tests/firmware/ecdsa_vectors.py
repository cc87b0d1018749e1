# SPDX-License-Identifier: Apache-2.0
"""Makes `hw/podlet/vectors/ecdsa.json`: signatures at the corners of ECDSA on P-256, in the manner of Wycheproof.

    python tests/firmware/ecdsa_vectors.py > hw/podlet/vectors/ecdsa.json

Whether each is right is told by the package `cryptography`, not by the code that is tested.
"""

import hashlib
import json
from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from podsteam_firmware.crypto.ecdsa import P256

P, B, N, GX, GY, _ = P256
Point = tuple[int, int] | None
G: Point = (GX, GY)
Case = tuple[str, bytes, bytes, bytes]


def add(one: Point, other: Point) -> Point:
    """Sum of two points in affine coordinates; None is infinity."""
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = (3 * one[0] ** 2 - 3) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope**2 - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def times(factor: int, point: Point) -> Point:
    """Multiple of a point."""
    total: Point = None
    while factor:
        if factor & 1:
            total = add(total, point)
        point = add(point, point)
        factor >>= 1
    return total


def at_x(x: int) -> Point:
    """The first point at or after x."""
    while True:
        square = (x**3 - 3 * x + B) % P
        y = pow(square, (P + 1) // 4, P)
        if y * y % P == square:
            return x, y
        x += 1


def both(a: int, b: int) -> bytes:
    return (a % 2**256).to_bytes(32, "big") + (b % 2**256).to_bytes(32, "big")


def signed(secret: int, nonce: int, digest: bytes) -> tuple[int, int]:
    """r and s of a digest."""
    point = times(nonce, G)
    assert point is not None
    r = point[0] % N
    return r, pow(nonce, -1, N) * (int.from_bytes(digest, "big") + r * secret) % N


def from_sum(u1: int, u2: int, total: Point) -> tuple[bytes, bytes, bytes]:
    """Digest, signature and key for which u1 G + u2 Q is that point."""
    assert total is not None
    key = times(pow(u2, -1, N), add(total, times(N - u1, G)))
    assert key is not None
    r = total[0] % N
    s = r * pow(u2, -1, N) % N
    return (u1 * s % N).to_bytes(32, "big"), both(r, s), both(*key)


def cases() -> Iterator[Case]:
    """(what, digest, signature, key)."""
    secret = int.from_bytes(hashlib.sha256(b"podlet").digest(), "big") % N
    key_point = times(secret, G)
    assert key_point is not None
    key = both(*key_point)
    for number in range(8):
        digest = hashlib.sha256(b"message %d" % number).digest()
        r, s = signed(secret, 1 + int.from_bytes(hashlib.sha256(b"k%d" % number).digest(), "big") % (N - 1), digest)
        yield f"right {number}", digest, both(r, s), key
        yield f"right {number}, other s", digest, both(r, N - s), key
    for at in (0, 7, 128, 255):
        yield f"digest bit {at} turned", (int.from_bytes(digest, "big") ^ 1 << at).to_bytes(32, "big"), both(r, s), key
        yield f"r bit {at} turned", digest, both(r ^ 1 << at, s), key
        yield f"s bit {at} turned", digest, both(r, s ^ 1 << at), key
    for name, value in (("0", 0), ("1", 1), ("n - 1", N - 1), ("n", N), ("n + 1", N + 1), ("p", P), ("2^256 - 1", -1)):
        yield f"r is {name}", digest, both(value, s), key
        yield f"s is {name}", digest, both(r, value), key
        yield f"both are {name}", digest, both(value, value), key
    yield "r and s exchanged", digest, both(s, r), key
    for name, odd in (("zero", bytes(32)), ("ones", b"\xff" * 32), ("n", N.to_bytes(32, "big"))):
        yield f"digest {name}", odd, both(*signed(secret, 77, odd)), key
    yield "x of the sum is above n", *from_sum(1234567, 7654321, at_x(N + 1))
    yield "x of the sum is small", *from_sum(987654321, 3, at_x(2))
    yield "x of the sum is almost p", *from_sum(5, 11, at_x(P - 60))
    yield "u1 is 1, u2 is 1", *from_sum(1, 1, times(99, G))
    yield "u1 is n - 1", *from_sum(N - 1, 2, times(98, G))
    for name, factor in (("the base point", 1), ("its opposite", N - 1), ("its double", 2), ("its half", (N + 1) // 2)):
        point = times(factor, G)
        assert point is not None
        yield f"key is {name}", digest, both(*signed(factor, 4242, digest)), both(*point)
        # u1 = u2: the digest is r.
        r2, s2 = signed(factor, 2121, (times(2121, G) or (0, 0))[0].to_bytes(32, "big"))
        yield f"key is {name}, digest is r", r2.to_bytes(32, "big"), both(r2, s2), both(*point)
    # u1 + u2 d = 0: nothing is left of the sum.
    yield "the sum is infinity", ((-r * secret) % N).to_bytes(32, "big"), both(r, s), key
    root = at_x(0)
    assert root is not None
    yield "key with x = 0, wrong signature", digest, both(r, s), both(*root)
    x, y = key_point
    for name, bad in (("y + 1", (x, y + 1)), ("0, 0", (0, 0)), ("x + p", (x + P, y)), ("p - 1, p - 1", (P - 1, P - 1))):
        yield f"key is no point: {name}", digest, both(r, s), both(*bad)
    yield "key of another", digest, both(r, s), both(*(times(secret + 1, G) or (0, 0)))
    yield "key of the opposite y", digest, both(r, s), both(x, P - y)


def is_right(digest: bytes, signature: bytes, key: bytes) -> bool:
    """The verdict of `cryptography`."""
    x, y, r, s = (int.from_bytes(part, "big") for part in (key[:32], key[32:], signature[:32], signature[32:]))
    try:
        public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        public.verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    except (InvalidSignature, ValueError):
        return False
    return True


def rows() -> list[list[str | bool]]:
    """The file's rows: what, digest, signature, key, right."""
    return [
        [what, digest.hex(), signature.hex(), key.hex(), is_right(digest, signature, key)]
        for what, digest, signature, key in cases()
    ]


if __name__ == "__main__":
    print("[\n" + ",\n".join(json.dumps(row) for row in rows()) + "\n]")
