# SPDX-License-Identifier: Apache-2.0
"""Tag memory with a podlet in it: made new, changed in place, signed, emptied; and what differs between two of them."""

import binascii
import secrets
from dataclasses import dataclass

from podsteam.cbor import items_of
from podsteam.errors import IntegrityFailed, UsageProblem
from podsteam.podlet import find_record
from podsteam.podlet_file import Fields, PodletFile
from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_codec
from podsteam_protocol.podlet_codec import NONE_USED, USER, cbor

_PLACES = {0x12: ("NTAG213", 180, 8), 0x3E: ("NTAG215", 540, 64), 0x6D: ("NTAG216", 924, 64)}
"""By the capability container's size byte: model, bytes of a whole dump, bytes of a lock granule."""
DUMPS = {size: model for model, size, _ in _PLACES.values()}
"""Model by the bytes of a whole dump."""
FLOOR_PAGE = 4


@dataclass(frozen=True)
class Regions:
    """A podlet's record in a tag's memory, by address."""

    main: int
    main_size: int
    aux: int
    aux_size: int
    floor: int
    first: bytes
    """The NDEF record before it."""


def model_of(memory: bytes) -> str:
    """NTAG213, NTAG215 or NTAG216, by the capability container. Raises IntegrityFailed for another tag."""
    return _place(memory)[0]


def _place(memory: bytes) -> tuple[str, int, int]:
    if len(memory) < USER or memory[12] != 0xE1 or memory[14] not in _PLACES:
        raise IntegrityFailed("The tag is no NTAG213, NTAG215 or NTAG216, or its capability container is damaged.")
    return _PLACES[memory[14]]


def room_of(memory: bytes) -> int:
    """Bytes for NDEF, from page 4 on."""
    _place(memory)
    return memory[14] * 8


def uid_of(memory: bytes) -> bytes:
    """The UID's 7 bytes."""
    return memory[0:3] + memory[4:8]


def blank(model: str, uid: bytes = b"") -> bytes:
    """The dump of a tag as it leaves the factory. `uid`: 7 bytes, random when there are none."""
    cc, size = next((cc, size) for cc, (name, size, _) in _PLACES.items() if name == model)
    # 7 bits in each byte, so that none is the cascade tag 88.
    u = uid or bytes((4, *(secrets.randbits(7) for _ in range(6))))
    head = u[:3] + bytes((0x88 ^ u[0] ^ u[1] ^ u[2],)) + u[3:]
    head += bytes((u[3] ^ u[4] ^ u[5] ^ u[6], 0x48, 0, 0, 0xE1, 0x10, cc, 0))
    tail = bytes.fromhex("000000bd040000ff00050000ffffffff00000000")
    return head + b"\x03\x00\xfe".ljust(size - 36, b"\0") + tail


def make(memory: bytes, file: PodletFile, identity: bytes) -> bytes:
    """The memory with a new, unused podlet. Raises UsageProblem when it does not fit, IntegrityFailed: no such tag."""
    model = model_of(memory)
    if file.model and file.model != model:
        raise UsageProblem(f"tag: the file is for an {file.model}, and this is an {model}.")
    main: Fields = {p.MAIN_ID: identity, **file.main}
    name = main.get(p.MAIN_NAME, "")
    first = podlet_codec.first_record(str(name), file.uri)
    return _put(memory, cbor(main), first, NONE_USED, FLOOR_PAGE if file.floor else 0)


def _put(memory: bytes, main: bytes, first: bytes, slots: bytes, floor: int) -> bytes:
    model, _, grain = _place(memory)
    room = room_of(memory)
    tlv = podlet_codec.ndef(main, first, slots, grain, floor)
    if len(tlv) > room + 1:
        # Without the slots in a granule of their own, which only a tag that is locked needs.
        tlv = podlet_codec.ndef(main, first, slots, 4, floor)
    if len(tlv) == room + 1:
        # A full tag needs no terminator.
        tlv = tlv[:-1]
    if len(tlv) > room:
        raise UsageProblem(
            f"inci: the podlet needs {len(tlv)} bytes and an {model} holds {room};"
            " shorten the ingredients or another text, or use a larger tag."
        )
    return memory[:USER] + tlv.ljust(room, b"\0") + memory[USER + room :]


def regions(memory: bytes) -> Regions:
    """Where the podlet's record is. Raises IntegrityFailed when there is none, or it is damaged."""
    found = find_record(memory)
    if found is None:
        raise IntegrityFailed("The tag holds no podlet record.")
    start, size, first = found
    meta = {key: value for key, value in items_of(memory[start : start + size])[0] if isinstance(key, int)}
    numbers = [_number(meta.get(key)) for key in range(6)]
    main, main_size, aux, aux_size, crc, floor = numbers
    if min(main, main_size, aux, aux_size) < 0 or main + main_size > size or aux + aux_size > size or aux < main:
        raise IntegrityFailed("The tag points outside its own record.")
    if binascii.crc32(memory[start + main : start + main + main_size]) != crc:
        raise IntegrityFailed("The podlet's data fails its check.")
    return Regions(start + main, main_size, start + aux, aux_size, max(floor, 0), memory[first[0] : first[1]])


def identity(memory: bytes) -> bytes:
    """The id of a podlet that is to be made on this tag: that of the one there while it was never used, else a new one.

    A podlet that is filled again is another one: a device goes on with the doses that it has given from the one before.
    """
    try:
        at = regions(memory)
        known = main_of(memory)[0].get(p.MAIN_ID)
    except IntegrityFailed:
        known = None
    else:
        if any(memory[at.aux : at.aux + 2 * p.SLOT_SIZE]):
            known = None
    return known if isinstance(known, bytes) else secrets.token_bytes(8)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def main_of(memory: bytes) -> tuple[Fields, list[tuple[bytes, bytes]]]:
    """main's known fields, and the pairs with unknown keys, as they stand. Raises IntegrityFailed."""
    at = regions(memory)
    found, raw = items_of(memory[at.main : at.main + at.main_size])
    known: Fields = {}
    rest: list[tuple[bytes, bytes]] = []
    for (key, value), pair in zip(found, raw, strict=True):
        if isinstance(key, int) and 0 <= key <= p.MAIN_SIGNATURE and isinstance(value, (bool, int, str, bytes)):
            known[key] = value
        else:
            rest.append(pair)
    return known, rest


def change(memory: bytes, fields: Fields) -> bytes:
    """The memory with these fields of main in place of its own ones; unknown keys and the use so far stay.

    The regions stay where they are while main fits before aux, so that little is written; else all moves.
    Raises IntegrityFailed, and UsageProblem when the tag is too small.
    """
    at = regions(memory)
    _, rest = main_of(memory)
    main = cbor(fields, rest)
    slots = memory[at.aux : at.aux + at.aux_size]
    moved = _put(memory, main, at.first, slots, at.floor)
    if len(main) > at.aux - at.main:
        return moved
    record = find_record(memory)
    assert record is not None
    start = record[0]
    meta_room = at.main - start
    meta: Fields = {
        p.META_MAIN_OFFSET: at.main - start,
        p.META_MAIN_SIZE: len(main),
        p.META_AUX_OFFSET: at.aux - start,
        p.META_AUX_SIZE: at.aux_size,
        p.META_MAIN_CRC: binascii.crc32(main),
    }
    if at.floor:
        meta[p.META_FLOOR_PAGE] = at.floor
    head = cbor(meta)
    if len(head) > meta_room:
        return moved
    out = bytearray(memory)
    out[start : start + len(head)] = head
    out[at.main : at.aux] = main.ljust(at.aux - at.main, b"\0")
    return bytes(out)


def empty(memory: bytes) -> bytes:
    """The memory with an empty NDEF message, all else of it zero."""
    room = room_of(memory)
    return memory[:USER] + b"\x03\x00\xfe".ljust(room, b"\0") + memory[USER + room :]


def spans(old: bytes, new: bytes) -> list[tuple[int, bytes]]:
    """(page, 4 to 16 bytes) that turn the old memory into the new, the pages that differ alone; page 4 comes last.

    A reader that comes between finds an empty message or a record that fails its check, never half a podlet.
    """
    pages = [
        page for page in range(USER // 4, len(new) // 4) if old[4 * page : 4 * page + 4] != new[4 * page : 4 * page + 4]
    ]
    first = USER // 4
    out: list[tuple[int, bytes]] = []
    if not pages:
        return out
    for page in pages:
        if page == first:
            continue
        if out and out[-1][0] + len(out[-1][1]) // 4 == page and len(out[-1][1]) < 16:
            out[-1] = (out[-1][0], out[-1][1] + new[4 * page : 4 * page + 4])
        else:
            out.append((page, new[4 * page : 4 * page + 4]))
    if len(out) > 1 or first in pages:
        return [(first, b"\x03\x00\xfe\x00"), *out, (first, new[4 * first : 4 * first + 4])]
    return out
