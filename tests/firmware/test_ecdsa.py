# SPDX-License-Identifier: Apache-2.0
"""The signature verifier: corners, NXP's published pair, lengths, and whatever `cryptography` signs."""

import json
from hashlib import sha256
from pathlib import Path

import ecdsa_checks
import ecdsa_vectors
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.crypto import ecdsa

VECTORS = Path(__file__).parents[2] / "hw" / "podlet" / "vectors" / "ecdsa.json"


def test_the_recorded_vectors_are_what_cryptography_says() -> None:
    assert json.loads(VECTORS.read_text()) == ecdsa_vectors.rows()


def test_vectors_on_cpython() -> None:
    count, right, slices = ecdsa_checks.check_vectors(str(VECTORS))
    assert count > 60 and 20 < right < count - 30
    assert 400 < slices < 550


def test_vectors_on_micropython(run_micropython) -> None:
    printed = run_micropython(Path(ecdsa_checks.__file__), str(VECTORS)).split()
    assert tuple(map(int, printed[:3])) == ecdsa_checks.check_vectors(str(VECTORS))


def test_the_published_pair_of_a_tag() -> None:
    assert ecdsa_checks.original(ecdsa_checks.UID)
    for bit in range(56):
        wrong = int.from_bytes(ecdsa_checks.UID, "big") ^ 1 << bit
        assert not ecdsa_checks.original(wrong.to_bytes(7, "big"))


@pytest.mark.parametrize("size", [0, 1, 31, 63, 65, 128])
def test_a_wrong_length_is_bad(size: int) -> None:
    _, digest, signature, key, right = json.loads(VECTORS.read_text())[0]
    digest, signature, key = map(bytes.fromhex, (digest, signature, key))
    assert right and ecdsa.verify(digest, signature, key)
    assert not ecdsa.verify(digest, (signature * 2)[:size], key)
    assert not ecdsa.verify(digest, signature, (key * 2)[:size])


def test_a_result_stays() -> None:
    verifier = ecdsa.Verifier(ecdsa.P256, bytes(32), bytes(64), bytes(64))
    assert [verifier.step() for _ in range(3)] == [ecdsa.BAD] * 3


@tries(25)
@given(st.integers(1, ecdsa.P256[2] - 1), st.binary(max_size=80))
def test_whatever_is_signed_is_good_and_nothing_else(secret: int, message: bytes) -> None:
    private = ec.derive_private_key(secret, ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    r, s = utils.decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
    signature, key = ecdsa_vectors.both(r, s), ecdsa_vectors.both(numbers.x, numbers.y)
    assert ecdsa.verify(sha256(message).digest(), signature, key)
    assert not ecdsa.verify(sha256(message + b"x").digest(), signature, key)
