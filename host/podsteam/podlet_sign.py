# SPDX-License-Identifier: Apache-2.0
"""Signatures of podlets: ECDSA on P-256, bound to the tag's UID, made by a key file or by a command of the user's.

Needs the package `cryptography` (`pip install 'podsteam[podlet]'`), which is imported when it is used.
"""

import binascii
import contextlib
import hashlib
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podsteam.errors import IntegrityFailed, UsageProblem
from podsteam.podlet_file import Fields
from podsteam.podlet_image import change, main_of, regions, uid_of
from podsteam_protocol import podlet as p

_TAIL = 67
"""Bytes of the signature's pair: key 16, head 58 40, 64 bytes."""
_SIGNER_S = 60

Signer = Callable[[bytes], bytes]
"""From a message to r and s, 64 bytes."""


def key_id(key: bytes) -> bytes:
    """Id of a public key, given as x and y, 64 bytes."""
    return hashlib.sha256(key).digest()[:8]


def message(memory: bytes) -> bytes:
    """What is signed: "podlet:", the UID, and main up to the signature's pair. Raises IntegrityFailed."""
    at = regions(memory)
    main = memory[at.main : at.main + at.main_size]
    if main[-_TAIL : -_TAIL + 3] != b"\x16\x58\x40":
        raise IntegrityFailed("The podlet is not signed.")
    return b"podlet:" + uid_of(memory) + main[:-_TAIL]


def sign(memory: bytes, key: bytes, signer: Signer) -> bytes:
    """The memory with its podlet signed by the key with this public part. Raises IntegrityFailed, UsageProblem."""
    fields = dict(main_of(memory)[0])
    fields[p.MAIN_KEY_ID] = key_id(key)
    fields[p.MAIN_SIGNATURE] = bytes(64)
    unsigned = change(memory, fields)
    fields[p.MAIN_SIGNATURE] = signer(message(unsigned))
    signed = change(unsigned, fields)
    if not is_right(signed, key):
        raise IntegrityFailed("What was signed does not verify with the public key; the keys do not belong together.")
    return signed


def is_right(memory: bytes, key: bytes) -> bool:
    """Whether the podlet's signature is right for the key. Raises IntegrityFailed when there is none."""
    signed = message(memory)
    signature = main_of(memory)[0].get(p.MAIN_SIGNATURE)
    assert isinstance(signature, bytes)
    return verify(signed, signature, key)


def verify(signed: bytes, signature: bytes, key: bytes) -> bool:
    """Whether r and s, 64 bytes, are this key's signature of the message."""
    ec, utils, hashes = _modules()
    from cryptography.exceptions import InvalidSignature

    numbers = ec.EllipticCurvePublicNumbers(*_halves(key), ec.SECP256R1())
    try:
        der = utils.encode_dss_signature(*_halves(signature))
        numbers.public_key().verify(der, signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def signed_by(memory: bytes) -> str:
    """Id of the key that the podlet names, in hex; empty when it is not signed. Raises IntegrityFailed."""
    fields: Fields = main_of(memory)[0]
    name = fields.get(p.MAIN_KEY_ID)
    return name.hex() if isinstance(name, bytes) and p.MAIN_SIGNATURE in fields else ""


# Keys -----------------------------------------------------------------------------------------------------------


def _modules() -> tuple[Any, Any, Any]:
    try:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils
    except ImportError as e:
        raise UsageProblem("Signing needs the package cryptography; run `pip install 'podsteam[podlet]'`.") from e
    return ec, utils, hashes


def _halves(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[:32], "big"), int.from_bytes(data[32:], "big")


def _joined(a: int, b: int) -> bytes:
    return a.to_bytes(32, "big") + b.to_bytes(32, "big")


def new_key() -> tuple[bytes, bytes]:
    """A new pair as PEM texts: private (PKCS 8, without a password) and public."""
    ec, _, _ = _modules()
    from cryptography.hazmat.primitives import serialization as form

    private = ec.generate_private_key(ec.SECP256R1())
    secret = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return secret, private.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)


def public_key(path: Path) -> bytes:
    """x and y from a PEM file with a public or a private P-256 key. Raises UsageProblem."""
    key = _load(path)
    numbers = (key.public_key() if hasattr(key, "private_numbers") else key).public_numbers()
    return _joined(numbers.x, numbers.y)


def file_signer(path: Path) -> Signer:
    """Signs with the private key in a PEM file. Raises UsageProblem."""
    ec, utils, hashes = _modules()
    key = _load(path)
    if not hasattr(key, "private_numbers"):
        raise UsageProblem(f"{path}: holds a public key; signing takes the private one.")

    def signer(data: bytes) -> bytes:
        return _joined(*utils.decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256()))))

    return signer


def _load(path: Path) -> Any:
    ec, _, _ = _modules()
    from cryptography.hazmat.primitives import serialization as form

    try:
        data = path.read_bytes()
    except OSError as e:
        raise UsageProblem(f"{path}: cannot be read ({e.strerror or e}).") from e
    try:
        if b"PRIVATE KEY" in data:
            key: Any = form.load_pem_private_key(data, None)
        else:
            key = form.load_pem_public_key(data)
    except TypeError as e:
        raise UsageProblem(f"{path}: the key is under a password; use --signer with a command that asks for it.") from e
    except ValueError as e:
        raise UsageProblem(f"{path}: holds no key in PEM form.") from e
    if not isinstance(getattr(key, "curve", None), ec.SECP256R1):
        raise UsageProblem(f"{path}: the key is not one of ECDSA on P-256.")
    return key


def command_signer(command: str) -> Signer:
    """Signs by running a command: it gets the message on its standard input, and writes the signature to its output.

    SHA-256 is its part. The signature may be DER or r and s in 64 bytes, either as it is or in hex.
    """
    try:
        words = shlex.split(command)
    except ValueError as e:
        raise UsageProblem(f"--signer: not a command ({e}).") from e
    if not words:
        raise UsageProblem("--signer: the command is empty.")

    def signer(data: bytes) -> bytes:
        try:
            done = subprocess.run(words, input=data, capture_output=True, timeout=_SIGNER_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise UsageProblem(f"--signer: {words[0]} did not run ({e}).") from e
        if done.returncode:
            raise UsageProblem(f"--signer: {words[0]} ended with status {done.returncode}.")
        return _signature(done.stdout, words[0])

    return signer


def _signature(out: bytes, name: str) -> bytes:
    """r and s from what a signer wrote."""
    _, utils, _ = _modules()
    forms = [out]
    with contextlib.suppress(ValueError):
        forms.append(binascii.unhexlify(out.strip()))
    for data in forms:
        if len(data) == 64:
            return data
        try:
            return _joined(*utils.decode_dss_signature(data))
        except (ValueError, OverflowError):
            continue
    raise UsageProblem(f"--signer: {name} wrote no signature (DER, or r and s in 64 bytes; as it is or in hex).")
