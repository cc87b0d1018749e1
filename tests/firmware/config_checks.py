# SPDX-License-Identifier: Apache-2.0
"""Stored settings of other versions, on real littlefs and on either interpreter: what is in use, and what is told."""

import binascii
import struct

from podsteam_firmware.store import config, migrate, params
from podsteam_twin.files import FileStore
from podsteam_twin.flash import Flash


def stored_set(version: int, sequence: int, payload: bytes) -> bytes:
    """A parameter set as the firmware of that version writes it."""
    raw = struct.pack("<4sHHI", b"PSet", version, len(payload), sequence) + payload
    return raw + struct.pack("<I", binascii.crc32(raw))


def _cfg(sounds: int, button: int, records: int, steam: int, more: bytes = b"") -> bytes:
    return struct.pack("<BBBH", sounds, button, records, steam) + more


def _store(sets: "list[tuple[int, str, int, bytes]]") -> FileStore:
    store = FileStore(Flash(16, 4096))
    for version, which, sequence, payload in sets:
        assert store.file_write("params/cfg%d%s" % (version, which), stored_set(version, sequence, payload))
    return store


# Name, and what is stored: version, file's letter, sequence, payload.
CASES: "list[tuple[str, list[tuple[int, str, int, bytes]]]]" = [
    ("none", []),
    ("own", [(1, "a", 1, _cfg(0, 1, 9, 3000))]),
    ("own, newer copy", [(1, "a", 1, _cfg(0, 1, 9, 3000)), (1, "b", 2, _cfg(1, 0, 4, 0))]),
    ("own, one field out of range", [(1, "a", 1, _cfg(0, 1, 99, 3000))]),
    ("own, all out of range", [(1, "a", 1, _cfg(2, 3, 0, 499))]),
    ("newer", [(2, "a", 1, _cfg(0, 0, 5, 4000, b"\x07\x08"))]),
    ("newer, two copies", [(2, "a", 3, _cfg(0, 0, 5, 4000, b"\x07")), (2, "b", 4, _cfg(1, 0, 6, 0, b"\x07"))]),
    ("two newer", [(2, "a", 9, _cfg(0, 0, 5, 4000, b"\x07")), (12, "a", 1, _cfg(1, 0, 7, 0, bytes(40)))]),
    ("newer, out of range here", [(3, "b", 1, _cfg(0, 1, 40, 20000, bytes(9)))]),
    ("own and newer", [(1, "a", 1, _cfg(0, 1, 9, 3000)), (2, "a", 7, _cfg(1, 1, 1, 0, b"\x01"))]),
    ("newer that is shorter", [(2, "a", 1, b"\x01\x01\x05")]),
]


def results() -> "list[str]":
    """One line a case: what is in use; version, unknown bytes of what is stored; whether the newer one's files stay."""
    lines: list[str] = []
    for name, sets in CASES:
        store = _store(sets)
        before = store.file_list("params")
        in_use = config.recall(store)
        version, _, unknown = migrate.stored(store, "cfg", config.CFG)
        assert store.file_list("params") == before
        assert config.check(in_use) == -1
        assert config.keep(store, (1, 0, 3, 700)) and config.recall(store) == (1, 0, 3, 700)
        kept = [entry for entry in store.file_list("params") if entry in before]
        newer = [entry for entry in before if entry[0][:4] != "cfg1"]
        assert [entry for entry in newer if entry not in kept] == []
        lines.append("%s: %s %d %d" % (name, in_use, version, unknown))
    return lines


def damaged() -> int:
    """A newer set with any one byte of it wrong is not taken. Returns how many were tried."""
    whole = stored_set(2, 1, _cfg(0, 0, 5, 4000, b"\x07"))
    for at in range(len(whole)):
        store = FileStore(Flash(16, 4096))
        raw = bytearray(whole)
        raw[at] ^= 0x10
        assert store.file_write("params/cfg2a", raw)
        assert config.recall(store) == config.NEW
    for length in range(len(whole)):
        store = FileStore(Flash(16, 4096))
        assert store.file_write("params/cfg2a", whole[:length])
        assert config.recall(store) == config.NEW
    return 2 * len(whole)


def older() -> "list[str]":
    """A set of version 1 under a firmware that knows three."""
    v2 = (("<ii", None), ("<iiB", lambda values: values + (5,)))
    v3 = v2 + (("<iiBB", lambda values: values + (values[2] + 1,)),)
    store = FileStore(Flash(16, 4096))
    lines: list[str] = []
    for layouts, values in ((v2[:1], (3, 4)), (v2, (3, 4, 8)), (v3, (3, 4, 8, 1))):
        lines.append("%s %s" % migrate.stored(store, "x", v3)[:2])
        assert params.save(store, "x", layouts, values)
    lines.append("%s %s" % migrate.stored(store, "x", v3)[:2])
    return lines


def main() -> "list[str]":
    return results() + [str(damaged())] + older()


if __name__ == "__main__":
    for line in main():
        print(line)
