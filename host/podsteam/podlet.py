# SPDX-License-Identifier: Apache-2.0
"""A podlet's label: what its maker wrote on the tag, for people to read.

The format is the one of `podsteam_protocol.podlet` and `hw/podlet/`. The device judges a podlet by its own reading;
this one only shows it, so everything here is untrusted text and damage is reported, not acted on.
"""

import binascii
import datetime
import struct
from collections.abc import Iterator
from typing import Any

from podsteam.cbor import Value, decode_map
from podsteam.errors import IntegrityFailed
from podsteam.text import safe
from podsteam_protocol import podlet as p

TAG_MODELS = {0x0F: "NTAG213", 0x11: "NTAG215", 0x13: "NTAG216"}
"""By the storage byte of the chip's version."""
_USER = 16
_TEXT = {"name": p.MAIN_NAME, "maker": p.MAIN_MAKER, "batch": p.MAIN_BATCH, "ingredients": p.MAIN_INCI}
_NUMBERS = {
    "fill_nl": p.MAIN_FILL_NL,
    "dose_nl": p.MAIN_DOSE_NL,
    "dose_count": p.MAIN_DOSE_COUNT,
    "session_cap_nl": p.MAIN_SESSION_CAP_NL,
    "min_interval_s": p.MAIN_MIN_INTERVAL_S,
    "outlet_min_cdeg": p.MAIN_OUTLET_MIN_CDEG,
    "outlet_max_cdeg": p.MAIN_OUTLET_MAX_CDEG,
    "flow_nl_per_ms": p.MAIN_FLOW_NL_MS,
    "pao_days": p.MAIN_PAO_DAYS,
    "allergens": p.MAIN_ALLERGENS,
}
_DATES = {"made": p.MAIN_MADE_DAY, "expires": p.MAIN_EXPIRES_DAY}


def read_tag(memory: bytes) -> dict[str, Any] | None:
    """The label in a tag's memory (from page 0 on), None when it holds no podlet record.

    `problem` in it says what is damaged, None: nothing.
    """
    try:
        payload = _payload(memory)
    except IntegrityFailed as e:
        return {"problem": str(e)}
    if payload is None:
        return None
    try:
        return {**_label(payload), "problem": None}
    except IntegrityFailed as e:
        return {"problem": str(e)}


def find_record(memory: bytes) -> tuple[int, int, tuple[int, int]] | None:
    """Address and size of the MIME record's payload, and (start, end) of the records before it; None: there is none.

    Raises IntegrityFailed when the message is damaged.
    """
    begin, message = _ndef(memory)
    for name_format, kind, start, body, end in _records(message):
        if name_format == 2 and kind == p.MIME_TYPE:
            return begin + body, end - body, (begin, begin + start)
    return None


def _payload(memory: bytes) -> bytes | None:
    """The MIME record's payload."""
    found = find_record(memory)
    return None if found is None else memory[found[0] : found[0] + found[1]]


def _ndef(memory: bytes) -> tuple[int, bytes]:
    """Address and bytes of the first NDEF message among the TLV blocks; NFC Forum Type 2 Tag, 2.3."""
    at = _USER
    while at < len(memory):
        kind = memory[at]
        if kind == 0xFE:
            break
        if kind == 0:
            at += 1
            continue
        length, start = _length(memory, at + 1)
        if kind == 3:
            if start + length > len(memory):
                raise IntegrityFailed("The record on the tag is cut off.")
            return start, memory[start : start + length]
        at = start + length
    return 0, b""


def _length(memory: bytes, at: int) -> tuple[int, int]:
    """A TLV's length and where its value starts."""
    if at >= len(memory):
        raise IntegrityFailed("The record on the tag is cut off.")
    if memory[at] != 0xFF:
        return memory[at], at + 1
    return int.from_bytes(memory[at + 1 : at + 3], "big"), at + 3


def _records(message: bytes) -> Iterator[tuple[int, bytes, int, int, int]]:
    """(type name format, type, start, start of the payload, end) of each record; NFC Forum NDEF 1.0, 3.2."""
    at = 0
    while at < len(message):
        begin = at
        head = message[at]
        short, has_id = head & 0x10, head & 0x08
        sizes = message[at + 1 : at + 2 + (1 if short else 4) + (1 if has_id else 0)]
        if len(sizes) < 2 + (0 if short else 3) + (1 if has_id else 0):
            raise IntegrityFailed("The record on the tag is cut off.")
        type_length = sizes[0]
        payload_length = int.from_bytes(sizes[1 : 2 if short else 5], "big")
        id_length = sizes[-1] if has_id else 0
        start = at + 1 + len(sizes)
        body = start + type_length + id_length
        at = body + payload_length
        if at > len(message):
            raise IntegrityFailed("The record on the tag is cut off.")
        name_format = 5 if head & 0x20 else head & 7  # A record in chunks is never it.
        yield name_format, message[start : start + type_length], begin, body, at


def _number(found: dict[int | str, Value], key: int, default: int = -1) -> int:
    value = found.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _part(payload: bytes, offset: int, size: int) -> bytes:
    if offset < 0 or size < 0 or offset + size > len(payload):
        raise IntegrityFailed("The tag points outside its own record.")
    return payload[offset : offset + size]


def _label(payload: bytes) -> dict[str, Any]:
    meta = decode_map(payload)
    raw = _part(payload, _number(meta, p.META_MAIN_OFFSET), _number(meta, p.META_MAIN_SIZE))
    if _number(meta, p.META_MAIN_CRC) != binascii.crc32(raw):
        raise IntegrityFailed("The podlet's data fails its check.")
    main = decode_map(raw)
    label: dict[str, Any] = {}
    identity = main.get(p.MAIN_ID)
    label["id"] = safe(identity, 32) if isinstance(identity, bytes) else ""
    for name, key in _TEXT.items():
        value = main.get(key)
        label[name] = safe(value) if isinstance(value, str) else ""
    for name, key in _NUMBERS.items():
        label[name] = _number(main, key) if key in main else None
    for name, key in _DATES.items():
        label[name] = _date(_number(main, key)) if key in main else None
    label["cleaning"] = main.get(p.MAIN_CLEANING) is True
    aux = _part(payload, _number(meta, p.META_AUX_OFFSET), _number(meta, p.META_AUX_SIZE, 0))
    label["used"] = _used(aux)
    return label


def _date(day: int) -> str | None:
    try:
        return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()
    except OverflowError:
        return None


def _used(aux: bytes) -> dict[str, Any] | None:
    """The newer valid usage slot, None when the podlet was never used."""
    best: tuple[int, ...] | None = None
    for at in range(0, len(aux) - p.SLOT_SIZE + 1, p.SLOT_SIZE):
        raw = aux[at : at + p.SLOT_SIZE]
        slot = struct.unpack(p.SLOT_FMT, raw)
        if slot[5] == binascii.crc32(raw[:12]) and (best is None or 0 < (slot[0] - best[0]) & 0xFFFF < 0x8000):
            best = slot
    if best is None:
        return None
    return {"doses": best[1], "volume_nl": best[2], "first_use": _date(best[3]), "session": best[4]}


def label_rows(label: dict[str, Any]) -> list[tuple[str, str]]:
    """The label for people: names and values."""
    if label["problem"]:
        return [("label", label["problem"])]
    made_by = ", ".join(text for text in (label["maker"], f"batch {label['batch']}" if label["batch"] else "") if text)
    dates = [f"{name} {label[name]}" for name in ("made", "expires") if label[name]]
    if label["pao_days"]:
        dates.append(f"good for {label['pao_days']} days after the first use")
    rows = [
        ("name", label["name"] + (" (cleaning)" if label["cleaning"] else "")),
        ("made by", made_by),
        ("dates", ", ".join(dates)),
        ("ingredients", label["ingredients"]),
    ]
    if label["used"]:
        used = label["used"]
        rows.append(("used", f"{used['doses']} doses, {used['volume_nl'] / 1000:g} µL, first on {used['first_use']}"))
    return [(name, value) for name, value in rows if value]
