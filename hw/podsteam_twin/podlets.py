# SPDX-License-Identifier: Apache-2.0
"""Writes a podlet onto a simulated tag, and the demo podlets.

The layout is the one of `podsteam_protocol.podlet`, described with an example in `hw/podlet/README.md`. All
names and batches are invented.
"""

import struct
from binascii import crc32

from podsteam_protocol import podlet as p
from podsteam_twin.nfc.memory import DEFAULT_UID
from podsteam_twin.nfc.ntag import Ntag

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    Value = bool | int | str | bytes
    Fields = dict[int, Value]

_USER = 16
"""Address of the first user byte, page 4."""
_NONE_USED = bytes(p.SLOT_SIZE)


def day(year: int, month: int, day_of_month: int) -> int:
    """Days since 1970-01-01 of a Gregorian date from then on."""
    # Years start in March, so that the leap day comes last (the usual civil-calendar arithmetic).
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day_of_month - 719469


def _head(major: int, value: int) -> bytes:
    major <<= 5
    if value < 24:
        return bytes((major | value,))
    if value < 1 << 8:
        return bytes((major | 24, value))
    if value < 1 << 16:
        return struct.pack(">BH", major | 25, value)
    return struct.pack(">BI", major | 26, value)


def cbor(value: "Value | Fields") -> bytes:
    """CBOR (RFC 8949) of a bool, an integer from -2^32 to 2^32 - 1, text, bytes, or a map of integers to these.

    Shortest heads, definite lengths, keys in rising order.
    """
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, str):
        data = value.encode()
        return _head(3, len(data)) + data
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    out = _head(5, len(value))
    for key in sorted(value):
        out += cbor(key) + cbor(value[key])
    return out


def slot(seq: int, doses: int, used_nl: int, first_day: int, session: int) -> bytes:
    """One usage slot with its CRC."""
    data = struct.pack(p.SLOT_FMT, seq, doses, used_nl, first_day, session, 0)[:-4]
    return data + struct.pack("<I", crc32(data))


def payload(fields: "Fields", address: int, slots: bytes) -> bytes:
    """`meta | main | aux` for a payload that starts at `address` in tag memory; aux falls on a page."""
    main = cbor(fields)
    crc = crc32(main)
    meta = gap = b""
    size = -1
    while len(meta) != size:
        size = len(meta)
        aux = size + len(main)
        aux += -(address + aux) % 4
        meta = cbor(
            {
                p.META_MAIN_OFFSET: size,
                p.META_MAIN_SIZE: len(main),
                p.META_AUX_OFFSET: aux,
                p.META_AUX_SIZE: len(slots),
                p.META_MAIN_CRC: crc,
            }
        )
        gap = bytes(aux - size - len(main))
    return meta + main + gap + slots


def _tlv(message: bytes) -> bytes:
    size = len(message)
    head = bytes((3, size)) if size < 255 else struct.pack(">BBH", 3, 255, size)
    return head + message + b"\xfe"


def ndef(fields: "Fields", slots: bytes = _NONE_USED + _NONE_USED) -> bytes:
    """The NDEF TLV and the terminator of a podlet, as they stand from page 4 on."""
    name = fields.get(p.MAIN_NAME, "")
    text = b"\x02enpodlet: " + (name.encode() if isinstance(name, str) else b"")
    first = bytes((0x91, 1, len(text))) + b"T" + text
    kind = p.MIME_TYPE
    # Lengths decide the form of the length fields, those the address, that the padding, and this the lengths.
    # The third form always fits: one short step of the padding cannot undo both longer fields.
    for record_head, tlv_head in ((3, 2), (3, 4), (6, 4)):
        body = payload(fields, _USER + tlv_head + len(first) + record_head + len(kind), slots)
        if record_head == 6:
            record = struct.pack(">BBI", 0x42, len(kind), len(body)) + kind + body
        elif len(body) < 256:
            record = bytes((0x52, len(kind), len(body))) + kind + body
        else:
            continue
        if (len(first) + len(record) < 255) == (tlv_head == 2):
            return _tlv(first + record)
    raise ValueError("the podlet has no NDEF form")


def write_ndef(tag: Ntag, tlv: bytes) -> None:
    """Put a TLV block into user memory from page 4 on. ValueError when it does not fit."""
    room = tag.mem[14] * 8
    if len(tlv) > room:
        raise ValueError(f"the podlet needs {len(tlv)} bytes and an {tag.model} holds {room}")
    tag.mem[_USER : _USER + room] = tlv + bytes(room - len(tlv))


def build(
    fields: "Fields", tag: str = "NTAG215", uid: bytes = DEFAULT_UID, slots: bytes = _NONE_USED + _NONE_USED
) -> Ntag:
    """A tag that holds a podlet. `fields`: the MAIN keys; `slots`: the two usage slots, unused by default.

    ValueError for an unknown tag model, a UID that is not 7 bytes, or a podlet too big for the tag.
    """
    made = Ntag(tag, uid)
    write_ndef(made, ndef(fields, slots))
    return made


def _calming() -> "Fields":
    return {
        p.MAIN_ID: b"PS-C0001",
        p.MAIN_NAME: "Calming mist",
        p.MAIN_MAKER: "Podsteam samples",
        p.MAIN_BATCH: "C2601A",
        p.MAIN_FILL_NL: 1_000_000,
        p.MAIN_DOSE_NL: 50_000,
        p.MAIN_DOSE_COUNT: 20,
        p.MAIN_SESSION_CAP_NL: 500_000,
        p.MAIN_MIN_INTERVAL_S: 20,
        p.MAIN_OUTLET_MIN_CDEG: 3000,
        p.MAIN_OUTLET_MAX_CDEG: 6000,
        p.MAIN_FLOW_NL_MS: 400,
        p.MAIN_MADE_DAY: day(2026, 1, 15),
        p.MAIN_EXPIRES_DAY: day(2036, 1, 14),
        p.MAIN_PAO_DAYS: 180,
        p.MAIN_INCI: "Aqua, Glycerin, Panthenol, Allantoin",
    }


def _changed(**changes: "Value") -> "Fields":
    fields = _calming()
    for name in changes:
        fields[getattr(p, "MAIN_" + name)] = changes[name]
    return fields


DEMO = ("demo", "cleaning", "empty", "expired", "foreign", "blank", "fragile")
"""Names that `demo` knows."""


def demo(name: str) -> Ntag:
    """A demo podlet, new each time. ValueError for an unknown name.

    demo: 20 doses of 50 uL. cleaning: rinses. empty: `demo` with all doses used. expired: good until mid 2024.
    fragile: large doses, tight caps, a narrow window. foreign: a tag with nothing but a web address.
    blank: an empty NDEF message.
    """
    if name not in DEMO:
        raise ValueError(f"no demo podlet {name}; there are {', '.join(DEMO)}")
    uid = b"\x04\x50\x53\x10\x20\x30" + bytes((0x81 + DEMO.index(name),))
    if name == "foreign" or name == "blank":
        tag = Ntag("NTAG215", uid)
        # A URI record; 4 stands for "https://".
        write_ndef(tag, _tlv(b"\xd1\x01\x0cU\x04example.org" if name == "foreign" else b""))
        return tag
    slots = _NONE_USED + _NONE_USED
    fields = _calming()
    if name == "cleaning":
        fields = _changed(
            ID=b"PS-R0001",
            NAME="Rinse",
            BATCH="R2601A",
            FILL_NL=2_000_000,
            DOSE_NL=200_000,
            DOSE_COUNT=10,
            SESSION_CAP_NL=2_000_000,
            MIN_INTERVAL_S=10,
            FLOW_NL_MS=480,
            INCI="Aqua, Citric Acid",
            CLEANING=True,
        )
    elif name == "empty":
        used_day = day(2026, 2, 1)
        slots = slot(20, 20, 1_000_000, used_day, 4) + slot(19, 19, 950_000, used_day, 4)
    elif name == "expired":
        fields = _changed(ID=b"PS-C0002", BATCH="C2207B", MADE_DAY=day(2022, 7, 1), EXPIRES_DAY=day(2024, 6, 30))
    elif name == "fragile":
        fields = _changed(
            ID=b"PS-F0001",
            NAME="Rich serum",
            BATCH="F2601A",
            DOSE_NL=200_000,
            DOSE_COUNT=5,
            SESSION_CAP_NL=400_000,
            MIN_INTERVAL_S=120,
            OUTLET_MIN_CDEG=3500,
            OUTLET_MAX_CDEG=4500,
            FLOW_NL_MS=320,
            PAO_DAYS=30,
            INCI="Aqua, Glycerin, Niacinamide, Xanthan Gum",
        )
    return build(fields, "NTAG215", uid, slots)
