# SPDX-License-Identifier: Apache-2.0
"""Where doses are written down: the podlet's tag, the ledger ring, and both together. Runs on both interpreters."""

from cut_files import Before
from podlet_bench import Bench

from podsteam_firmware.dose.book import INTENT, Book
from podsteam_firmware.podlet.reader import WRITE_BUSY, WRITE_DONE
from podsteam_firmware.podlet.record import Record
from podsteam_firmware.store.ledger import Ledger
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_twin import podlets
from podsteam_twin.flash import Flash
from podsteam_twin.rng import Rng


# Ledger -------------------------------------------------------------------------------------------------------
class Ring:
    """The HAL's verbs for the raw partition, on a flash of its own."""

    def __init__(self, flash: Flash) -> None:
        self._flash = flash

    def ring_size(self) -> int:
        return self._flash.blocks * self._flash.block_size

    def ring_read(self, offset: int, buf: bytearray) -> int:
        self._flash.readblocks(0, buf, offset)
        return len(buf)

    def ring_program(self, offset: int, buf: bytearray, length: int) -> bool:
        size = self._flash.block_size
        return not self._flash.writeblocks(offset // size, memoryview(buf)[:length], offset % size)

    def ring_erase(self, sector: int) -> bool:
        return not self._flash.erase(sector)


class LedgerScenario:
    """The promise: (all records taken so far, how many of them, the one that is being written or None).

    The list grows behind its readers' backs, hence the count. The newest of them are found in order and whole; the
    one that is being written may be found too; nothing else is.
    """

    SECTORS = 6
    KEPT = (SECTORS - 4) * 127

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def build(self, seed: int):
        flash = Flash(self.SECTORS, 4096)
        tape = Before()
        tape.promise = ([], 0, None)
        self._live(flash, tape, 600 + seed * 37 % 500, seed)
        return [flash], tape.promise

    def run(self, devices, tape, seed: int) -> None:
        self._live(devices[0], tape, self._rounds, seed)

    def recover(self, devices, tape, seed: int) -> None:
        taken = list(Ledger(Ring(devices[0])).entries())
        tape.promise = (taken, len(taken), None)
        self._live(devices[0], tape, 3, seed)

    def check(self, devices, promise) -> list[str]:
        taken, count, open_one = promise
        found = list(Ledger(Ring(devices[0])).entries())
        if open_one and found and found[-1][1:] == open_one and (not count or found[-1][0] > taken[count - 1][0]):
            found.pop()
        if len(found) < min(count, self.KEPT):
            return ["%d records found of %d taken" % (len(found), count)]
        if found != taken[count - len(found) : count]:
            return ["the records found are not those that were taken"]
        return []

    def _live(self, flash: Flash, tape, rounds: int, seed: int) -> None:
        chance = Rng(seed)
        ledger = Ledger(Ring(flash))
        taken, _, _ = tape.promise
        for _ in range(rounds):
            while ledger.prepare():
                pass
            values = [chance.bits(20) for _ in range(5)]
            kind = 1 + chance.bits(3)
            for i in range(5):
                ledger.values[i] = values[i]
            record = (kind, 7) + tuple(values)
            tape.promise = (taken, len(taken), record)
            assert ledger.append(kind, 7)
            taken.append((ledger.head - 1,) + record)
            tape.promise = (taken, len(taken), None)


# What a tag says ----------------------------------------------------------------------------------------------
def tag_complaints(tag, given: int, known: int, most: int) -> list[str]:
    """What is wrong with the count on a tag that said `known`, with `given` doses given and at most `most` begun."""
    said = Record()
    image = tag.image()
    if not said.parse(bytearray(image), len(image)):
        return ["the tag cannot be read"]
    complaints = []
    if said.doses_used < given:
        complaints.append("the tag says %d doses used, %d were given" % (said.doses_used, given))
    if said.doses_used < known and given:
        complaints.append("the tag says %d doses used, it said %d" % (said.doses_used, known))
    if said.doses_used > most:
        complaints.append("the tag says %d doses used, at most %d were begun" % (said.doses_used, most))
    if said.nl_used < given * said.values[p.MAIN_DOSE_NL]:
        complaints.append("the tag says %d nL used after %d doses" % (said.nl_used, given))
    return complaints


# Doses: tag and ledger together -------------------------------------------------------------------------------
class DoseScenario:
    """Doses as the doser gives them: the tag's slot, the intent in the book, the pulse, the result.

    The promise: (doses given, doses begun, most that the tag may say, whether the last one lacks its result: 1, or -1
    while that may be either way). No given dose is missing from tag or book; the one without a result is settled as
    assumed, once.
    """

    def build(self, seed: int):
        devices = [Flash(LedgerScenario.SECTORS, 4096), podlets.build(PODLET)]
        tape = Before()
        tape.promise = (0, 0, 0, 0)
        self._dose(devices, tape, seed % 5)
        return devices, tape.promise

    def run(self, devices, tape, seed: int) -> None:
        self._dose(devices, tape, 6)

    def recover(self, devices, tape, seed: int) -> None:
        self._dose(devices, tape, 1)

    def check(self, devices, promise) -> list[str]:
        given, begun, most, lacks = promise
        ring, tag = devices
        complaints = tag_complaints(tag, given, given, most)
        intents = len([entry for entry in Ledger(Ring(ring)).entries() if entry[1] == INTENT])
        if not given <= intents <= begun:
            complaints.append("%d doses in the book, %d were given, %d begun" % (intents, given, begun))
        assumed_nl = self._settle(ring, tag)
        if (lacks == 1 and not assumed_nl) or (lacks == 0 and assumed_nl):
            complaints.append("%d nL assumed, result %s" % (assumed_nl, "lacking" if lacks else "there"))
        if self._settle(ring, tag):
            complaints.append("assumed twice")
        return complaints

    def _settle(self, ring: Flash, tag) -> int:
        return Book(Ledger(Ring(ring)), Bench(tag).reader).settle()

    def _dose(self, devices, tape, doses: int) -> None:
        ring, tag = devices
        bench = Bench(tag)
        reader = bench.reader
        ledger = Ledger(Ring(ring))
        book = Book(ledger, reader)
        given, begun, most, lacks = tape.promise
        tape.promise = (given, begun, most, -1 if lacks else 0)
        book.settle()
        tape.promise = (given, begun, most, 0)
        bench.run_until(lambda reader: reader.usable())
        for _ in range(doses):
            while ledger.prepare():
                pass
            used = reader.doses_used + 1
            most = max(most, used)
            tape.promise = (given, begun, most, 0)
            assert reader.note_dose(used, reader.dose_nl, 1, 0)
            bench.run_until(lambda reader: reader.write_state != WRITE_BUSY)
            assert reader.write_state == WRITE_DONE
            begun += 1
            tape.promise = (given, begun, most, -1)
            assert book.intent(reader.dose_nl, used)
            given += 1
            tape.promise = (given, begun, most, 1)
            self._pulse_over(book, reader, tape)

    def _pulse_over(self, book: Book, reader, tape) -> None:
        given, begun, most, _ = tape.promise
        tape.promise = (given, begun, most, -1)
        book.result(m.DOSE_GIVEN, reader.dose_nl)
        tape.promise = (given, begun, most, 0)


# The tag ------------------------------------------------------------------------------------------------------
class TagScenario:
    """Doses written to the podlet by the firmware's reader. The promise: (doses given, doses known, most).

    A dose is given only after its slot was read back, so a cut may leave the tag saying one dose more than were
    given, never less; a second cut one more. `known` is what the device has read and gone on from: it never goes
    down, but for one case. A new podlet whose first write was torn counts as used once; when the second attempt
    is torn so that nothing but zeros is left, it is a new podlet again. No dose was given from it.
    """

    def __init__(self, states) -> None:
        self._states = states

    def build(self, seed: int):
        slots, used = self._states[seed % len(self._states)]
        return [podlets.build(PODLET, slots=slots)], (used, used, used)

    def run(self, devices, tape, seed: int) -> None:
        self._dose(devices[0], tape, 8)

    def recover(self, devices, tape, seed: int) -> None:
        self._dose(devices[0], tape, 1)

    def check(self, devices, promise) -> list[str]:
        return tag_complaints(devices[0], *promise)

    def _dose(self, tag, tape, doses: int) -> None:
        bench = Bench(tag)
        reader = bench.reader
        bench.run_until(lambda reader: reader.usable())
        given, _, most = tape.promise
        for _ in range(doses):
            used = reader.doses_used
            most = max(most, used + 1)
            tape.promise = (given, used, most)
            assert reader.note_dose(used + 1, reader.dose_nl, 1, 0)
            bench.run_until(lambda reader: reader.write_state != WRITE_BUSY)
            assert reader.write_state == WRITE_DONE
            given += 1
            tape.promise = (given, used + 1, most)


def _used(seq: int, doses: int) -> bytes:
    return podlets.slot(seq, doses, doses * 50_000, 0, 1)


_NO_SLOT = bytes(p.SLOT_SIZE)
PODLET = {p.MAIN_NAME: "Mist", p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 30, p.MAIN_FLOW_NL_MS: 400}


def tag_states():
    """(slots, doses used): new, used once, and used more often with either slot the newer, across the wrap."""
    states = [(_NO_SLOT + _NO_SLOT, 0), (_used(1, 1) + _NO_SLOT, 1)]
    for seq, doses in ((2, 2), (3, 3), (9, 9), (18, 18), (0xFFFD, 5), (0xFFFE, 6), (0xFFFF, 9), (0, 10), (1, 11)):
        newer, older = _used(seq, doses), _used((seq - 1) & 0xFFFF, doses - 1)
        states.append((newer + older, doses))
        states.append((older + newer, doses))
    return states
