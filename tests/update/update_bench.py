# SPDX-License-Identifier: Apache-2.0
"""An update and what it meets, on both interpreters: a flash with slots, the real update code, the loader's judgement.

`packages` holds signed packages made by the host's own code beforehand (`packages.json` beside the run), because
MicroPython has no signing.
"""

import json

from podsteam_firmware.store import slots as app
from podsteam_firmware.store import update as up
from podsteam_loader import choose, record
from podsteam_twin.loading import in_files

BOARD = "bench"


def load(path: str):
    with open(path) as f:
        raw = json.load(f)
    return {name: bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)]) for name, text in raw.items()}


def digest_of(package: bytes) -> bytes:
    import hashlib

    length = int.from_bytes(package[64:68], "little")
    return hashlib.sha256(package[68 : 68 + length]).digest()


def send(files, slot: int, package: bytes, chunk: int = 200, digest=None):
    """The whole package through an update; returns it, READY or FAILED. `digest`: announced in place of its own."""
    update = up.Update(files, files, slot, BOARD)
    if update.begin(digest_of(package) if digest is None else digest) < 0:
        return update
    for _ in range(100_000):
        while update.step():
            pass
        if update.stage in (up.STAGE_READY, up.STAGE_FAILED) or update.next >= len(package):
            break
        if update.put(update.next, package[update.next : update.next + chunk]) < 0:
            break
    # As whoever begins another one does; a file that nobody closes is more than littlefs can bear.
    update.leave()
    return update


def start(files, failed: int = record.NONE, fails=(0, 0)) -> int:
    """One start as the loader makes it: judges the slots, stores what changes. Returns the slot, NONE: safe mode."""
    found = record.load(files)
    states = [in_files(files, "a", True), in_files(files, "b", True)]
    slot, after = choose.choose(states, found, failed, fails)
    if after is not None:
        record.save(files, after)
    return slot


def version(files, slot: int) -> str:
    return app.slot_version(files, slot)
