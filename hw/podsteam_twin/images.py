# SPDX-License-Identifier: Apache-2.0
"""What outlives a run of a named twin: its flash and ring, the tag in its holder, its address. CPython only."""

import hashlib
import importlib.util
import json
import os
import re
from pathlib import Path
from typing import Any

import platformdirs

NAME = re.compile(r"[a-z0-9_-]{1,32}")


def firmware_hash() -> str:
    """First 8 bytes, in hex, of the SHA-256 over the firmware's files: names and contents, sorted by name."""
    digest = hashlib.sha256()
    for package in ("podsteam_firmware", "podsteam_protocol"):
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        root = Path(spec.origin).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{package}/{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def state_folder() -> Path:
    """Where twins keep their state."""
    return platformdirs.user_state_path("podsteam") / "twins"


class Keeper:
    """The files of one named twin, locked while it runs. Raises ValueError for a bad name, BlockingIOError when it
    runs already."""

    def __init__(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise ValueError(f"a twin's name is 1 to 32 of a-z, 0-9, - and _: {name!r}")
        self._folder = state_folder() / name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder / "lock").open("a+b")
        _lock(self._lock.fileno(), name)

    def load(self) -> dict[str, Any]:
        """Options for the machine: what was kept, or for a new twin its address and the demo podlet."""
        path = self._folder / "state.json"
        if path.exists():
            kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return kept
        return {"uid": os.urandom(6).hex(), "podlet": "demo"}

    def save(self, images: dict[str, Any]) -> None:
        """Keep what the machine's `images` command gave, and let go of the lock."""
        kept = {key: images[key] for key in ("uid", "flash", "ring", "tag", "tag_counts", "set_s") if key in images}
        temporary = self._folder / "state.json.new"
        temporary.write_text(json.dumps(kept), encoding="utf-8")
        temporary.replace(self._folder / "state.json")
        self._lock.close()


def _lock(descriptor: int, name: str) -> None:
    """Lock the file for as long as it is open. POSIX and Windows each have their own call."""
    if os.name == "posix":
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BlockingIOError(f"the twin {name!r} is running already") from error
    else:
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(f"the twin {name!r} is running already") from error
