# SPDX-License-Identifier: Apache-2.0
"""Who a unit is: serial number, revision, keys and calibration, written to it as one block that it keeps whole."""

import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podsteam.errors import ButtonNotPressed, IntegrityFailed, Refused, UsageProblem, WrongVersion
from podsteam.refusals import sentence
from podsteam.text import name_of
from podsteam.wire import messages as m

if TYPE_CHECKING:
    from podsteam.client import Device

MOST_KEYS = 8
KEY = 64
"""Bytes of a key: x and y."""
_ID = 8
_CHUNK = 224
_SIZE = struct.calcsize(m.Identity.FORMAT)
_LOOK_S = 0.1
_STORE_S = 20.0
"""Device time in which the block and its parts are surely stored: seven steps, each with an erase or two."""


@dataclass(frozen=True, slots=True)
class Block:
    """What is written. None: the unit keeps its own."""

    serial: str
    hardware: str
    calibration: m.Calibration | None = None
    dose_calibration: m.DoseCalibration | None = None
    update_key: bytes | None = None
    """x and y of the key that updates are signed with."""
    podlet_keys: tuple[bytes, ...] | None = None
    """Those of the makers of podlets, 8 at most."""

    def pack(self) -> bytes:
        """As the device keeps it. Raises UsageProblem for what has no room or does not fit its field."""
        keys = self.podlet_keys
        if keys is not None and len(keys) > MOST_KEYS:
            raise UsageProblem(f"A unit keeps {MOST_KEYS} podlet keys at most; {len(keys)} were given.")
        bits = m.PartBits
        given = {
            bits.CALIBRATION: self.calibration,
            bits.DOSE_CALIBRATION: self.dose_calibration,
            bits.UPDATE_KEY: self.update_key,
            bits.PODLET_KEYS: keys,
        }
        try:
            return m.Identity(
                self.serial.encode().ljust(32, b"\0"),
                self.hardware.encode().ljust(32, b"\0"),
                sum(bit for bit, part in given.items() if part is not None),
                len(keys or ()),
                (self.calibration or m.Calibration()).pack(),
                (self.dose_calibration or m.DoseCalibration()).pack(),
                self.update_key or bytes(KEY),
                b"".join(keys or ()).ljust(MOST_KEYS * KEY, b"\0"),
            ).pack()
        except (struct.error, ValueError) as e:
            raise UsageProblem("A value of the calibration is out of its range.") from e


def unpack(raw: bytes) -> Block:
    """A block that a unit keeps."""
    found = m.Identity.unpack(raw)
    bits = m.PartBits
    keys = [found.podlet_key[at : at + KEY] for at in range(0, min(found.podlet_keys, MOST_KEYS) * KEY, KEY)]
    return Block(
        name_of(found.serial),
        name_of(found.hardware),
        m.Calibration.unpack(found.calibration) if found.parts & bits.CALIBRATION else None,
        m.DoseCalibration.unpack(found.dose_calibration) if found.parts & bits.DOSE_CALIBRATION else None,
        found.update_key if found.parts & bits.UPDATE_KEY else None,
        tuple(keys) if found.parts & bits.PODLET_KEYS else None,
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What a unit says of itself."""

    provisioned: bool
    serial: str = ""
    hardware: str = ""
    crc: int = 0
    """CRC-32 of the block; 0: there is none."""
    update_key: str = ""
    """Its id, 16 hexadecimal digits; "": not provisioned."""
    podlet_keys: tuple[str, ...] = ()


def known(device: "Device") -> Known:
    """Ask a unit who it is. Raises WrongVersion for firmware that does not know the question."""
    reply = _ask(device)
    if not reply.provisioned:
        return Known(False)
    ids = tuple(reply.podlet_keys[at : at + _ID].hex() for at in range(0, len(reply.podlet_keys), _ID))
    key = reply.update_key.hex() if reply.parts & m.PartBits.UPDATE_KEY else ""
    return Known(True, name_of(reply.serial), name_of(reply.hardware), reply.crc, key, ids)


def _ask(device: "Device") -> m.IdentityGetReply:
    try:
        return device.request(m.IdentityGetRequest(), m.IdentityGetReply)
    except WrongVersion as e:
        raise WrongVersion(
            "The firmware of this unit keeps no serial number; `podsteam flash` installs one that does."
        ) from e


def read(device: "Device") -> Block | None:
    """The block that a unit keeps, None: it was never provisioned. Raises IntegrityFailed when it comes damaged."""
    found = _ask(device)
    if not found.provisioned:
        return None
    raw = b""
    # A device that never ends is not believed.
    while len(raw) < _SIZE and (part := device.request(m.IdentityReadRequest(len(raw)), m.IdentityReadReply).data):
        raw += part
    if binascii.crc32(raw) != found.crc:
        raise IntegrityFailed("The unit's identity came damaged, or was changed meanwhile; ask again.")
    return unpack(raw)


def write(device: "Device", block: Block, asked: Callable[[int], None]) -> Known:
    """Have a unit keep a block, and read back that it does. The block that is there already is left as it is.

    `asked` is called with the seconds left when its button is to be pressed and released. Raises ButtonNotPressed,
    Refused, and IntegrityFailed when the unit keeps something else.
    """
    raw = block.pack()
    crc = binascii.crc32(raw)
    _ask(device)
    at = 0
    while at < len(raw):
        taken = device.request(m.IdentityWriteRequest(at, raw[at : at + _CHUNK]), m.IdentityWriteReply).next
        if not at < taken <= len(raw):
            raise IntegrityFailed("The unit does not take the block in order; update its firmware, or try again.")
        at = taken
    wait_s = device.request(m.IdentityKeepRequest(crc), m.IdentityKeepReply).armed_s
    if wait_s:
        asked(wait_s)
    settle(device, wait_s, "identity")
    after = known(device)
    if after.crc != crc:
        raise IntegrityFailed("The unit does not keep the identity that was sent; try again.")
    return after


def settle(device: "Device", wait_s: int, what: str) -> None:
    """Wait for the end of a change that the unit may want its button for, `wait_s` at most. `what` is being changed.

    Raises ButtonNotPressed, Refused, and IntegrityFailed when the unit does not get on.
    """
    clock = device.port.clock
    deadline = clock.now() + device.in_clock(wait_s + _STORE_S)
    while (found := _ask(device)).state in (m.IdentityValue.BUTTON, m.IdentityValue.WRITING):
        if clock.now() > deadline:
            raise IntegrityFailed(f"The unit does not get on with storing its {what}; try again.")
        clock.sleep(device.in_clock(_LOOK_S))
    if found.state == m.IdentityValue.FAILED:
        name = m.CODES[found.code].name if found.code in m.CODES else ""
        if name == "NEED_BUTTON":
            raise ButtonNotPressed(f"The button on the unit was not pressed in time, so it keeps the {what} it had.")
        raise Refused(f"The unit did not store its {what}: {sentence(found.code)}.", found.code, name)
