# SPDX-License-Identifier: Apache-2.0
"""Every attack on an update that is tried, as one list: what the package is, and what the host announces.

An attack is a package that the unit's key did not sign as it stands, or that was signed and must be refused all the
same. It is accepted when the slot gets ready, or when anything but the old application starts afterwards.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import update_bench as bench

from podsteam_firmware.store import update
from podsteam_loader import record
from podsteam_twin.files import FileStore
from podsteam_twin.flash import Flash
from podsteam_twin.loading import fill
from podsteam_twin.powercut import Tape, mounted

Packages = dict[str, bytes]
OLD = "0.1.0"
SIGNATURE = 64
HEAD = SIGNATURE + 4
MASKS = (0x01, 0x80, 0xFF)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256's group (SEC 2, section 2.4.2)."""


@dataclass(frozen=True)
class Attack:
    """One of them. `digest` is announced instead of that of the package's manifest."""

    kind: str
    label: str
    package: bytes
    digest: bytes | None = None


def parts(package: bytes) -> tuple[bytes, bytes, list[bytes]]:
    """Signature, manifest, contents of the files of a whole package."""
    length = int.from_bytes(package[SIGNATURE:HEAD], "little")
    manifest = package[HEAD : HEAD + length]
    contents: list[bytes] = []
    at = HEAD + length
    for line in manifest.decode().splitlines():
        if line.startswith("file "):
            size = int(line.split(" ")[1])
            contents.append(package[at : at + size])
            at += size
    assert at == len(package)
    return package[:SIGNATURE], manifest, contents


def joined(signature: bytes, manifest: bytes, contents: list[bytes]) -> bytes:
    """A package of these."""
    return signature + len(manifest).to_bytes(4, "little") + manifest + b"".join(contents)


def flipped(packages: Packages) -> Iterator[tuple[str, bytes]]:
    new = packages["new"]
    for at in range(len(new)):
        for mask in MASKS:
            yield f"byte {at} ^ {mask:#x}", new[:at] + bytes([new[at] ^ mask]) + new[at + 1 :]


def truncated(packages: Packages) -> Iterator[tuple[str, bytes]]:
    new = packages["new"]
    for length in range(len(new)):
        yield f"the first {length} bytes", new[:length]


def reordered(packages: Packages) -> Iterator[tuple[str, bytes]]:
    signature, manifest, contents = parts(packages["new"])
    lines = manifest.splitlines(keepends=True)
    for i in range(len(lines)):
        for j in range(i + 1, len(lines)):
            other = list(lines)
            other[i], other[j] = lines[j], lines[i]
            yield f"lines {i} and {j} of the manifest", joined(signature, b"".join(other), contents)
    for i in range(len(contents)):
        for j in range(i + 1, len(contents)):
            other = list(contents)
            other[i], other[j] = contents[j], contents[i]
            if other != contents:
                yield f"files {i} and {j}", joined(signature, manifest, other)
    yield "signed, not in order", packages["not in order"]


def _renamed(packages: Packages, change: Callable[[str], str]) -> Iterator[tuple[str, bytes]]:
    """Each path of the manifest changed, not signed anew."""
    signature, manifest, contents = parts(packages["new"])
    lines = manifest.decode().splitlines(keepends=True)
    for i, line in enumerate(lines):
        words = line.rstrip("\n").split(" ")
        if words[0] == "file":
            path = change(words[3])
            text = "".join([*lines[:i], " ".join([*words[:3], path]) + "\n", *lines[i + 1 :]])
            yield f"{words[3]} as {path}", joined(signature, text.encode(), contents)


def renamed(packages: Packages) -> Iterator[tuple[str, bytes]]:
    for change in (
        lambda path: path + "x",
        lambda path: path.replace("podsteam", "podstream"),
        lambda path: path.upper(),
        lambda path: "manifest",
        lambda path: "boot.py",
    ):
        yield from _renamed(packages, change)
    yield "signed, the manifest itself", packages["the manifest itself"]
    yield "signed, one path twice", packages["twice"]


def outside(packages: Packages) -> Iterator[tuple[str, bytes]]:
    for change in (
        lambda path: "../a/" + path,
        lambda path: "x/../../" + path,
        lambda path: "/" + path,
        lambda path: "./" + path,
        lambda path: path.replace("/", "//"),
        lambda path: path + "/..",
    ):
        yield from _renamed(packages, change)
    yield "signed, ..", packages["dots"]
    yield "signed, absolute", packages["absolute"]


def oversize(packages: Packages) -> Iterator[tuple[str, bytes]]:
    yield "signed, larger than a slot", packages["oversize"]
    yield "signed, a negative size", packages["negative"]
    new = packages["new"]
    for length in (0, 8193, 65_536, 0x7FFFFFFF, 0xFFFFFFFF):
        yield f"a manifest of {length} bytes", new[:SIGNATURE] + length.to_bytes(4, "little") + new[HEAD:]


def spliced(packages: Packages) -> Iterator[tuple[str, bytes]]:
    whole = {name: parts(packages[name]) for name in ("new", "newer", "old")}
    for a, (signature, _, _) in whole.items():
        for b, (_, manifest, _) in whole.items():
            for c, (_, _, contents) in whole.items():
                if not a == b == c:
                    yield f"signature {a}, manifest {b}, files {c}", joined(signature, manifest, contents)


def nonsense(packages: Packages) -> Iterator[tuple[str, bytes]]:
    body = packages["new"][SIGNATURE:]
    edges = (0, 1, ORDER - 1, ORDER, ORDER + 1, (1 << 256) - 1)
    for r in edges:
        for s in edges:
            yield f"signature ({r:#x}, {s:#x})", r.to_bytes(32, "big") + s.to_bytes(32, "big") + body


def _named(*names: str) -> Callable[[Packages], Iterator[tuple[str, bytes]]]:
    return lambda packages: ((name, packages[name]) for name in names)


KINDS: dict[str, Callable[[Packages], Iterator[tuple[str, bytes]]]] = {
    "flipped": flipped,
    "truncated": truncated,
    "reordered": reordered,
    "renamed": renamed,
    "outside the slot": outside,
    "oversize": oversize,
    "spliced": spliced,
    "nonsense signature": nonsense,
    "other board": _named("other board"),
    "other product": _named("other product"),
    "other key": _named("other key"),
    "unsigned": _named("unsigned"),
    "older version": _named("old"),
    "malformed": _named("interpreter", "no version"),
}
"""Makes the packages of each kind, with labels."""
CUT = tuple(kind for kind in KINDS if kind not in ("flipped", "truncated"))
"""The kinds that are tried across power cuts, each attack; of the others some."""


def attacks(packages: Packages) -> list[Attack]:
    """The whole list, always in the same order."""
    new, newer = packages["new"], packages["newer"]
    made = [Attack(kind, label, raw) for kind, make in KINDS.items() for label, raw in make(packages)]
    # A change that changes nothing, such as an empty file in another place, is none.
    made = [attack for attack in made if attack.package != new]
    return [
        *made,
        Attack("other digest", "newer sent as new", newer, bench.digest_of(new)),
        Attack("other digest", "nothing announced", new, bytes(32)),
    ]


class Target:
    """A unit with the old application in slot a and the key, as it is before each attack."""

    def __init__(self, packages: Packages, blocks: int = 40) -> None:
        self._packages = packages
        self._flash = Flash(blocks)
        files = FileStore(self._flash)
        fill(files, "a", OLD, b"old application" * 20)
        assert files.file_write("update_key", packages["key"])
        bench.start(files)
        self._image = self._flash.image()

    def accepts(self, attack: Attack) -> bool:
        """Whether the attack is accepted: the slot gets ready, or another application starts."""
        self._flash.load(self._image)
        files = FileStore(self._flash)
        done = send(files, attack)
        return done.stage == update.STAGE_READY or bench.version(files, bench.start(files)) != OLD

    def takes_the_right_one(self) -> bool:
        """Whether the unit, as the last attack left it, takes what it should."""
        files = FileStore(self._flash)
        return bench.send(files, record.A, self._packages["new"]).stage == update.STAGE_READY


def send(files: FileStore, attack: Attack, chunk: int = 400) -> "update.Update":
    """The attack's package through an update."""
    return bench.send(files, record.A, attack.package, chunk, attack.digest)


class Cut:
    """An attack as a scenario of power cuts: whatever is cut, the old application runs, and it is refused again."""

    def __init__(self, packages: Packages, attack: Attack) -> None:
        self._packages = packages
        self._attack = attack

    def build(self, seed: int):
        flash = Flash(24)
        files = FileStore(flash)
        fill(files, "a", OLD, b"old application" * 20)
        assert files.file_write("update_key", self._packages["key"])
        bench.start(files)
        return [flash], OLD

    def run(self, devices: list[Flash], tape: Tape, seed: int) -> None:
        files = mounted(devices[0])
        assert send(files, self._attack).stage != update.STAGE_READY
        bench.start(files)

    def check(self, devices: list[Flash], promise: str) -> list[str]:
        files = mounted(devices[0])
        slot = bench.start(files)
        if slot != record.A or bench.version(files, slot) != promise:
            return [f"slot {slot} runs"]
        if send(files, self._attack).stage == update.STAGE_READY:
            return ["accepted after the cut"]
        slot = bench.start(files)
        return [] if slot == record.A and bench.version(files, slot) == promise else [f"slot {slot} runs then"]

    def recover(self, devices: list[Flash], tape: Tape, seed: int) -> None:
        files = mounted(devices[0])
        bench.start(files)
        send(files, self._attack)
