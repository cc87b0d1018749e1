# SPDX-License-Identifier: Apache-2.0
"""Update packages: made from the installed sources, signed with ECDSA P-256, checked as the device checks them.

A package is the signature (64 bytes, r and s; zeros: unsigned), the manifest's length (u32), the manifest, and the
files one after the other. The manifest is the slot's own (docs/boot.md) with product, board and oldest interpreter.
Nothing in it tells of a folder, a time or a machine: the same sources give the same bytes.
"""

import hashlib
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podsteam.errors import IntegrityFailed, StoreFailed, UsageProblem
from podsteam.flash import image
from podsteam.flash.container import OLDEST
from podsteam.text import safe

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

PRODUCT = "podsteam"
SIGNATURE = 64
HEAD = 68
_MOST = 1 << 20
_VERSION = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}([-+][0-9A-Za-z.+-]{1,20})?")


@dataclass(frozen=True)
class Package:
    """An update that was read and whose files are as its manifest says. The signature is another matter."""

    signature: bytes
    manifest: bytes
    files: dict[str, bytes]
    version: str
    board: str
    interpreter: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the manifest: what is signed."""
        return hashlib.sha256(self.manifest).digest()

    @property
    def signed(self) -> bool:
        """Whether there is a signature at all."""
        return any(self.signature)

    def pack(self) -> bytes:
        """As it is stored and sent."""
        return self.signature + struct.pack("<I", len(self.manifest)) + self.manifest + b"".join(self.files.values())

    def as_data(self) -> dict[str, Any]:
        """For JSON and for people."""
        return {
            "version": self.version,
            "board": self.board,
            "interpreter": self.interpreter,
            "files": len(self.files),
            "bytes": len(self.pack()),
            "manifest_sha256": self.digest.hex(),
            "sha256": hashlib.sha256(self.pack()).hexdigest(),
            "signed": self.signed,
        }


def build(compiled: Mapping[str, bytes], version: str, board: str) -> Package:
    """An unsigned package of the compiled application. Raises UsageProblem."""
    if not _VERSION.fullmatch(version):
        raise UsageProblem(f"'{safe(version, 40)}' is no version; write major.minor.patch.")
    more = [f"product {PRODUCT}", f"board {board}", f"interpreter {OLDEST[0]}.{OLDEST[1]}"]
    files = image.slot_files(compiled, version, more)
    manifest = files.pop("manifest")
    return Package(bytes(SIGNATURE), manifest, dict(sorted(files.items())), version, board, more[2].split()[1])


def parse(raw: bytes, shown: str) -> Package:
    """The package in these bytes. Raises IntegrityFailed when they are none, or damaged."""
    try:
        (length,) = struct.unpack_from("<I", raw, SIGNATURE)
        manifest = raw[HEAD : HEAD + length]
        if len(manifest) != length:
            raise ValueError
        lines = [line.split(" ") for line in manifest.decode("ascii").splitlines()]
        said = {words[0]: words[1] for words in lines[:5]}
        files: dict[str, bytes] = {}
        at = HEAD + length
        for words in lines[5:-1]:
            word, size, digest, path = words
            data = raw[at : at + int(size)]
            if word != "file" or len(data) != int(size) or hashlib.sha256(data).hexdigest() != digest:
                raise ValueError
            files[path] = data
            at += len(data)
        more = [f"{name} {said[name]}" for name in ("product", "board", "interpreter")]
        whole = image.manifest(files, said["version"], more)
        if at != len(raw) or whole != manifest or said["product"] != PRODUCT or not _VERSION.fullmatch(said["version"]):
            raise ValueError
    except (struct.error, ValueError, KeyError, IndexError, UsageProblem) as e:
        raise IntegrityFailed(f"{shown} is no whole update of podsteam; get it anew.") from e
    return Package(raw[:SIGNATURE], manifest, files, said["version"], said["board"], said["interpreter"])


def load(path: Path) -> Package:
    """Read a package. Raises UsageProblem, IntegrityFailed."""
    shown = safe(str(path))
    try:
        if path.stat().st_size > _MOST:
            raise IntegrityFailed(f"{shown} is too large for an update of podsteam.")
        return parse(path.read_bytes(), shown)
    except OSError as e:
        raise UsageProblem(f"The update {shown} cannot be read ({e.strerror}).") from e


# Keys ----------------------------------------------------------------------------------------------------------------


def new_key(private: Path, public: Path) -> None:
    """Make a pair of keys as PEM files; the private one is readable by its owner alone. Refuses to overwrite."""
    import os

    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    shown = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    for path, data, mode in ((private, secret, 0o600), (public, shown, 0o644)):
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as f:
                f.write(data)
        except FileExistsError as e:
            raise UsageProblem(f"{safe(str(path))} exists already; a key is not overwritten.") from e
        except OSError as e:
            raise StoreFailed(f"{safe(str(path))} cannot be written ({e.strerror}).") from e


def private_key(path: Path) -> "EllipticCurvePrivateKey":
    """The private key in a PEM file. Raises UsageProblem."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    def read(raw: bytes) -> Any:
        return load_pem_private_key(raw, None)

    key = _pem(path, read)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageProblem(f"{safe(str(path))} holds no private key for P-256.")
    return key


def public_key(path: Path) -> "EllipticCurvePublicKey":
    """The public key in a PEM file; of a private one, its public half. Raises UsageProblem."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    def read(raw: bytes) -> Any:
        if b"PRIVATE KEY" in raw:
            return load_pem_private_key(raw, None)
        return load_pem_public_key(raw)

    key = _pem(path, read)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        key = key.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageProblem(f"{safe(str(path))} holds no key for P-256.")
    return key


def _pem(path: Path, read: Callable[[bytes], Any]) -> Any:
    try:
        return read(path.read_bytes())
    except OSError as e:
        raise UsageProblem(f"The key {safe(str(path))} cannot be read ({e.strerror}).") from e
    except (ValueError, TypeError) as e:
        raise UsageProblem(f"{safe(str(path))} is no PEM file with a key (a private one without passphrase).") from e


def raw_key(key: "EllipticCurvePublicKey") -> bytes:
    """The key as a device has it: x and y, 64 bytes."""
    numbers = key.public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def sign(package: Package, key: "EllipticCurvePrivateKey") -> Package:
    """The package with its signature."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    r, s = decode_dss_signature(key.sign(package.digest, ec.ECDSA(Prehashed(SHA256()))))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return Package(signature, package.manifest, package.files, package.version, package.board, package.interpreter)


def verify(package: Package, key: "EllipticCurvePublicKey") -> None:
    """Raises IntegrityFailed when the signature is not right for this key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    if not package.signed:
        raise IntegrityFailed("The update is not signed.")
    r, s = (int.from_bytes(part, "big") for part in (package.signature[:32], package.signature[32:]))
    try:
        key.verify(encode_dss_signature(r, s), package.digest, ec.ECDSA(Prehashed(SHA256())))
    except InvalidSignature as e:
        raise IntegrityFailed("The update's signature is not right for this key.") from e
