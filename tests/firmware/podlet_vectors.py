# SPDX-License-Identifier: Apache-2.0
"""Makes `hw/podlet/vectors/records.json`: records as they stand in a tag's user memory, and what they say.

    python tests/firmware/podlet_vectors.py > hw/podlet/vectors/records.json

Each row: what, the NTAG's size in bytes, main's fields (bytes in hex), the slots, the bytes from page 4 on, whether the
limits can be read, and doses used, nL used, sequence, number of the slot that counts.
"""

import json
from typing import Any

from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_codec as codec

SMALL = {p.MAIN_NAME: "Mist", p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20}
FULL = {
    p.MAIN_ID: b"PS-1",
    p.MAIN_NAME: "Crème de brume",
    p.MAIN_MAKER: "Maker",
    p.MAIN_BATCH: "B1",
    p.MAIN_FILL_NL: 1_000_000,
    p.MAIN_DOSE_NL: 50_000,
    p.MAIN_DOSE_COUNT: 20,
    p.MAIN_SESSION_CAP_NL: 500_000,
    p.MAIN_MIN_INTERVAL_S: 20,
    p.MAIN_OUTLET_MIN_CDEG: -500,
    p.MAIN_OUTLET_MAX_CDEG: 6000,
    p.MAIN_FLOW_NL_MS: 400,
    p.MAIN_MADE_DAY: 20_000,
    p.MAIN_EXPIRES_DAY: 21_365,
    p.MAIN_PAO_DAYS: 90,
    p.MAIN_INCI: "Aqua, Glycerin",
    p.MAIN_ALLERGENS: 1 << 21 | 1,
    p.MAIN_CLEANING: True,
    p.MAIN_PROGRAM: "gentle",
    p.MAIN_VISCOSITY_UPAS: 1250,
    p.MAIN_PULSES: bytes.fromhex("c8001415f401c832"),
}
BLANK = bytes(16)
TORN = bytes.fromhex("07000700") + bytes(12)


def slot(number: int) -> bytes:
    """The slot after that many doses of 50 uL."""
    return codec.slot(number & 0xFFFF, min(number, 20), 50_000 * min(number, 20), 20_697, 3)


CASES: tuple[tuple[str, int, dict[int, Any], bytes, int, int], ...] = (
    # What, bytes of the tag, main, slots, grain, floor page.
    ("new", 180, SMALL, BLANK + BLANK, 4, 0),
    ("new, slots in a lock granule of their own", 180, SMALL, BLANK + BLANK, 8, 0),
    ("one dose", 180, SMALL, slot(1) + BLANK, 4, 0),
    ("two doses", 180, SMALL, slot(1) + slot(2), 4, 0),
    ("all doses", 180, SMALL, slot(19) + slot(20), 4, 0),
    ("the sequence has wrapped", 180, SMALL, slot(0x10000) + slot(0xFFFF), 4, 0),
    ("the first slot was torn", 180, SMALL, TORN + BLANK, 4, 0),
    ("one is whole, one torn", 180, SMALL, slot(6) + TORN, 4, 0),
    ("both are torn", 180, SMALL, TORN + TORN, 4, 0),
    ("every field", 540, FULL, slot(3) + slot(4), 64, 0),
    ("a floor, nothing locked", 540, FULL, slot(1) + BLANK, 64, 4),
    ("a long list", 924, {**FULL, p.MAIN_INCI: "Aqua, " * 80 + "Parfum"}, slot(7) + slot(8), 64, 0),
    ("no dose volume", 540, {p.MAIN_NAME: "x", p.MAIN_DOSE_COUNT: 3}, BLANK + BLANK, 4, 0),
    ("a dose of nothing", 540, {**SMALL, p.MAIN_DOSE_NL: 0}, BLANK + BLANK, 4, 0),
    ("unknown keys", 540, {**SMALL, 29: "later", 70_000: b"x"}, BLANK + BLANK, 4, 0),
)


def row(what: str, size: int, main: dict[int, Any], slots: bytes, grain: int, floor: int) -> dict[str, Any]:
    """One row; what the record says is reckoned here, from the rules of the specification."""
    first = codec.first_record(str(main.get(p.MAIN_NAME, "")))
    memory = codec.ndef(codec.cbor(main), first, slots, grain, floor)
    parts = (slots[:16], slots[16:])
    whole = [int.from_bytes(part[0:2], "little") if is_whole(part) else None for part in parts]
    damaged = sum(seq is None and any(part) for seq, part in zip(whole, parts))
    told = [int.from_bytes(part[2:4], "little") for seq, part in zip(whole, parts) if seq is not None]
    volumes = [int.from_bytes(part[4:8], "little") for seq, part in zip(whole, parts) if seq is not None]
    counts = -1
    if whole[0] is not None or whole[1] is not None:
        a, b = whole
        counts = 0 if b is None or (a is not None and 0 < (a - b) & 0xFFFF < 0x8000) else 1
    dose = main.get(p.MAIN_DOSE_NL, 0)
    readable = dose > 0 and main.get(p.MAIN_DOSE_COUNT, 0) > 0 and damaged < 2
    # A first slot that is torn may have been given.
    expect = [max(told, default=damaged), max(volumes, default=damaged * dose), whole[counts] or 0, counts]
    fields = {str(key): value.hex() if isinstance(value, bytes) else value for key, value in main.items()}
    return {
        "what": what,
        "size": size,
        "main": fields,
        "bytes": [key for key in fields if isinstance(main[int(key)], bytes)],
        "slots": slots.hex(),
        "grain": grain,
        "floor": floor,
        "memory": memory.hex(),
        "readable": readable,
        "record": expect if readable else None,
    }


def is_whole(part: bytes) -> bool:
    """Whether a slot's CRC is right."""
    import zlib

    return zlib.crc32(part[:12]).to_bytes(4, "little") == part[12:]


def rows() -> list[dict[str, Any]]:
    """The file's rows."""
    return [row(*case) for case in CASES]


if __name__ == "__main__":
    print("[\n" + ",\n".join(json.dumps(each) for each in rows()) + "\n]")
