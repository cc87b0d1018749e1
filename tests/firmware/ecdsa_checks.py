# SPDX-License-Identifier: Apache-2.0
"""Checks of the signature verifier. Runs on both interpreters: `ecdsa_checks.py VECTORS`.

Prints how many vectors were judged, how many were right, how many slices the longest check took, and the microseconds
of the longest slice and of a whole check.
"""

import json
import sys
import time
from binascii import unhexlify

from podsteam_firmware.crypto import ecdsa

UID = unhexlify("04ab87f2ca1190")
ORIGINAL = unhexlify("67b1750bcceb1174f9a33bf20e0226551a6366939b31f949848c3c087350fa90")
"""A published pair of an NXP tag's UID and its signature."""
NXP_KEY = unhexlify("494e1a386d3d3cfe3dc10e5de68a499b1c202db5b132393e89ed19fe5be8bc61")


def slices(verifier: ecdsa.Verifier) -> "tuple[int, int]":
    """The result, and how many slices it took."""
    count = 1
    while verifier.step() == ecdsa.GOING:
        count += 1
    return verifier.result, count


def original(uid: bytes) -> bool:
    """NXP's signature of a UID: no hash."""
    return slices(ecdsa.Verifier(ecdsa.SECP128R1, uid, ORIGINAL, NXP_KEY))[0] == ecdsa.GOOD


def check_vectors(path: str) -> "tuple[int, int, int]":
    """How many there are, how many are right, and the most slices."""
    with open(path) as file:
        rows = json.load(file)
    right = most = 0
    for what, digest, signature, key, expected in rows:
        digest, signature, key = unhexlify(digest), unhexlify(signature), unhexlify(key)
        result, count = slices(ecdsa.Verifier(ecdsa.P256, digest, signature, key))
        assert (result == ecdsa.GOOD) == expected, what
        right += expected
        most = max(most, count)
    assert original(UID) and not original(UID[:6] + b"\x91")
    return len(rows), right, most


def slice_us(path: str) -> "tuple[int, int]":
    """us of the longest slice and of a whole check. Each slice counts with the least of seven runs: the code's time,
    without what else the machine does and without collections."""
    with open(path) as file:
        _, digest, signature, key, _ = json.load(file)[0]
    ticks = getattr(time, "ticks_us", None) or (lambda: int(time.perf_counter() * 1e6))
    best = []
    for _ in range(7):
        verifier = ecdsa.Verifier(ecdsa.P256, unhexlify(digest), unhexlify(signature), unhexlify(key))
        times = []
        while verifier.result == ecdsa.GOING:
            begin = ticks()
            verifier.step()
            times.append(ticks() - begin)
        best = [min(pair) for pair in zip(best, times)] if best else times
    return max(best), sum(best)


if __name__ == "__main__":
    for value in check_vectors(sys.argv[1]) + slice_us(sys.argv[1]):
        print(value)
