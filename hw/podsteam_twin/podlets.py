# SPDX-License-Identifier: Apache-2.0
"""Writes a podlet onto a simulated tag, and the demo podlets.

The layout is the one of `podsteam_protocol.podlet`, described with an example in `hw/podlet/README.md`. All
names and batches are invented.
"""

from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_codec
from podsteam_protocol.podlet_codec import cbor, slot
from podsteam_twin.nfc.memory import DEFAULT_UID
from podsteam_twin.nfc.ntag import Ntag

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_protocol.podlet_codec import Fields, Value

_USER = 16
"""Address of the first user byte, page 4."""
_NONE_USED = podlet_codec.NONE_USED


def day(year: int, month: int, day_of_month: int) -> int:
    """Days since 1970-01-01 of a Gregorian date from then on."""
    # Years start in March, so that the leap day comes last (the usual civil-calendar arithmetic).
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day_of_month - 719469


def payload(fields: "Fields", address: int, slots: bytes) -> bytes:
    """`meta | main | aux` for a payload that starts at `address` in tag memory; aux falls on a page."""
    return podlet_codec.payload(cbor(fields), address, slots)


def ndef(fields: "Fields", slots: bytes = _NONE_USED) -> bytes:
    """The NDEF TLV and the terminator of a podlet, as they stand from page 4 on."""
    name = fields.get(p.MAIN_NAME, "")
    return podlet_codec.ndef(cbor(fields), podlet_codec.first_record(name if isinstance(name, str) else ""), slots)


def write_ndef(tag: Ntag, tlv: bytes) -> None:
    """Put a TLV block into user memory from page 4 on. ValueError when it does not fit."""
    room = tag.mem[14] * 8
    if len(tlv) > room:
        raise ValueError(f"the podlet needs {len(tlv)} bytes and an {tag.model} holds {room}")
    tag.mem[_USER : _USER + room] = tlv + bytes(room - len(tlv))


def build(fields: "Fields", tag: str = "NTAG215", uid: bytes = DEFAULT_UID, slots: bytes = _NONE_USED) -> Ntag:
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
        write_ndef(tag, podlet_codec.tlv(b"\xd1\x01\x0cU\x04example.org" if name == "foreign" else b""))
        return tag
    slots = _NONE_USED
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
