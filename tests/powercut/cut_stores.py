# SPDX-License-Identifier: Apache-2.0
"""The stores that keep files: for each a life of it, random but by its own calls, and how the device reads it at its
start. Runs on both interpreters."""

import struct

from cut_unit import Unit

from podsteam_firmware.dose import calibration as dose_calibration
from podsteam_firmware.podlet import signed
from podsteam_firmware.session.program import GENTLE
from podsteam_firmware.store import calibration, identity, latch, params
from podsteam_firmware.store.programs import Programs, text
from podsteam_loader import choose, record
from podsteam_protocol import messages as m
from podsteam_twin.flash import Flash
from podsteam_twin.rng import Rng


# Any files ----------------------------------------------------------------------------------------------------
def live_files(files, seed: int, rounds: int) -> None:
    """Files replaced, lengthened and removed, in two folders."""
    chance = Rng(seed)
    for _ in range(rounds):
        data = bytes([chance.bits(8)]) * (1 + chance.bits(9))
        name = ("a/", "b/")[chance.bits(1)] + "012"[chance.bits(6) % 3]
        act = chance.bits(2)
        if act < 2:
            assert files.file_write(name, data)
        elif act == 2 or not files.file_remove(name):
            assert files.file_append(name, data)


def look_files(files) -> list[str]:
    return []


# Programs -----------------------------------------------------------------------------------------------------
def live_programs(files, seed: int, rounds: int) -> None:
    chance = Rng(seed)
    programs = Programs(files)
    for _ in range(rounds):
        name = b"p%d" % chance.bits(2)
        raw = name + bytes(16 - len(name)) + GENTLE[16:18] + struct.pack("<H", chance.bits(10)) + GENTLE[20:]
        assert programs.put(raw)
        if not chance.bits(2):
            assert programs.set_default(text(raw[:16]))


def look_programs(files) -> list[str]:
    programs = Programs(files)
    complaints = ["program %s cannot be read" % name for name in programs.names() if programs.get(name) is None]
    if programs.get(programs.default_name()) is None:
        complaints.append("no default program")
    return complaints


# Latched fault ------------------------------------------------------------------------------------------------
def live_latch(files, seed: int, rounds: int) -> None:
    chance = Rng(seed)
    for _ in range(rounds):
        if latch.load(files):
            assert latch.clear(files)
        assert latch.save(files, 100 + chance.bits(6), chance.bits(20))


def look_latch(files) -> list[str]:
    return ["the fault's record is torn"] if latch.load(files) == m.CODE_INTERNAL else []


# Parameter sets: an application that migrates, and the older one that it is rolled back to --------------------
OLD = (("<ii", None),)
NEW = OLD + (("<iii", lambda values: values + (0,)),)


def live_params(files, seed: int, rounds: int) -> None:
    chance = Rng(seed)
    for _ in range(rounds):
        layouts = NEW if chance.bits(1) else OLD
        values = params.load(files, "set", layouts)[0] or (0, 0, 0)
        values = (chance.bits(20),) + values[1 : len(layouts) + 1]
        assert params.save(files, "set", layouts, values)


def look_params(files) -> list[str]:
    if params.load(files, "set", OLD)[0] or params.load(files, "set", NEW)[0]:
        return []
    return ["no parameter set can be read"]


# Identity: the block, and the four places that its parts are brought to ------------------------------------------
OWN = 3000
"""Added by a calibration that the owner makes after the unit was provisioned."""


def _calibrated(number: int):
    return (1000 + number,) + calibration.NEW[1:]


def block(number: int) -> bytes:
    """The identity of this number, all its parts told by it."""
    serial = b"U%d" % number
    name = serial + bytes(32 - len(serial))
    dose = (500 + number,) + dose_calibration.NEW[1:]
    keys = [bytes([number + i]) * 64 for i in range(number % 9)]
    raw = name + name + bytes((15, len(keys))) + struct.pack(m.CALIBRATION_FMT, *_calibrated(number))
    raw += struct.pack(m.DOSE_CALIBRATION_FMT, *dose) + bytes([number]) * 64 + b"".join(keys)
    return raw + bytes(identity.SIZE - len(raw))


def live_identity(files, seed: int, rounds: int) -> None:
    """Units that are provisioned anew, and calibrated by their owners between."""
    chance = Rng(seed)
    for _ in range(rounds):
        number = chance.bits(7)
        if identity.load(files) == block(number):
            # A unit does nothing with the block that it has (`Change.keep`).
            number ^= 1
        for step in range(identity.STEPS):
            assert identity.store(files, block(number), step)
        if chance.bits(1):
            assert calibration.keep(files, _calibrated(number + OWN))


def live_identity_in_pieces(files, seed: int, rounds: int) -> None:
    """The control: one after the other, with nothing that tells of the rest."""
    chance = Rng(seed)
    for _ in range(rounds):
        raw = block(chance.bits(7))
        for step in range(1, identity.STEPS - 1):
            assert identity.store(files, raw, step)


def look_identity(files) -> list[str]:
    """As the start does, then everything must be of one number, and the owner's calibration the newer one."""
    own = calibration.recall(files)[0]
    if files.file_read(identity.DUE, 1):
        identity.finish(files)
    raw = identity.load(files)
    if raw is None:
        return ["the unit is nobody"]
    number = int(raw[1:32].rstrip(b"\0"))
    power = calibration.recall(files)[0]
    complaints = []
    if raw != block(number):
        complaints.append("the block of %d is a mixture" % number)
    if power != 1000 + number and power != 1000 + number + OWN:
        complaints.append("a calibration of %d in unit %d" % (power, number))
    if own == 1000 + number + OWN and power != own:
        complaints.append("the owner's calibration was undone")
    if dose_calibration.recall(files)[0] != 500 + number:
        complaints.append("another valve's calibration in unit %d" % number)
    if files.file_read("update_key", 65) != bytes([number]) * 64:
        complaints.append("another update key in unit %d" % number)
    if signed.keys(files) != [bytes([number + i]) * 64 for i in range(number % 9)]:
        complaints.append("other podlet keys in unit %d" % number)
    return complaints


# Boot record --------------------------------------------------------------------------------------------------
def live_boot_record(files, seed: int, rounds: int) -> None:
    """Updates that prove themselves after one to three tries, or never do."""
    chance = Rng(seed)
    for _ in range(rounds):
        kept = choose.installed(record.load(files), chance.bits(1))
        assert record.save(files, kept)
        for _ in range(1 + chance.bits(2)):
            after = choose.choose((2, 2), kept, kept.trial, (0, 0))[1]
            if after is not None:
                kept = after
                assert record.save(files, kept)
        if chance.bits(1) and kept.trial != record.NONE:
            assert record.save(files, choose.confirmed(kept))


def look_boot_record(files) -> list[str]:
    kept = record.load(files)
    if kept is None:
        return ["the boot record is lost"]
    if choose.choose((2, 2), kept, record.NONE, (0, 0))[0] == record.NONE:
        return ["safe mode with two good slots"]
    return []


# Journal ------------------------------------------------------------------------------------------------------
def live_journal(files, seed: int, rounds: int) -> None:
    """Whole records, as sessions leave them, until the oldest go."""
    unit = Unit(files)
    for _ in range(rounds):
        unit.record(Rng(seed))
        seed += 1


def look_journal(files) -> list[str]:
    return [] if Unit(files).core.session.number else ["no record is there"]


# Boot: the whole device ---------------------------------------------------------------------------------------
def live_device(files, seed: int, rounds: int, ring: Flash) -> None:
    """Faults latched and cleared, programs and parameters stored, sessions recorded and their doses written down: all
    that can stand in the way of a start."""
    for _ in range(rounds):
        live_programs(files, seed, 1)
        live_latch(files, seed + 1, 1)
        live_params(files, seed + 2, 1)
        unit = Unit(files, ring)
        unit.shot(50_000)
        unit.record(Rng(seed + 3))
        seed += 4


def look_device(files, ring: Flash) -> list[str]:
    """Start the whole firmware and let it tick."""
    latched = latch.load(files)
    unit = Unit(files, ring)
    unit.turns(3)
    core = unit.core
    complaints = look_programs(files)
    if core.supervisor.fault != latched:
        complaints.append("fault %d is latched, %d is stored" % (core.supervisor.fault, latched))
    if (core.session.state == m.STATE_FAULT) != (latched != 0):
        complaints.append("state %d with fault %d" % (core.session.state, latched))
    if core.book.settle():
        complaints.append("a shot was not settled at the start")
    return complaints
