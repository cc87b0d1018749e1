# SPDX-License-Identifier: Apache-2.0
"""The podlet as the device sees it: finds the tag, reads it, watches that it stays, and writes its usage slots.

A chain of PN532 commands, driven from outside by `pump`: a call makes at most one bus transfer and never waits. Each
visit to the tag begins with its selection, so a swap is seen before anything is read or written, and ends with the
tag released and the RF field off. A reader that fails is reset; one that stays silent is held in reset, field off,
and tried again every few seconds (`chip`).
"""

from podsteam_firmware import ticks
from podsteam_firmware.podlet import chip, iso14443, ntag, pn532
from podsteam_firmware.podlet.policy import Limits
from podsteam_firmware.podlet.record import Record
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.crypto.ecdsa import Verifier
    from podsteam_firmware.hal.verbs import Hal
    from podsteam_firmware.podlet.errand import Errand
    from podsteam_firmware.podlet.witness import Search
    from podsteam_firmware.store.ledger import Ledger

WRITE_IDLE = const(0)
WRITE_BUSY = const(1)
WRITE_DONE = const(2)
WRITE_FAILED = const(3)

_POLL_MS = const(250)
"""Between two looks for a tag."""
_WATCH_MS = const(300)
"""Between two looks at a tag that is there."""
_AGAIN_MS = const(60)
"""After a tag was missed once."""
_LOST_MS = const(700)
"""While the reader fails, a tag that was not seen for so long counts as gone."""
_REREAD_MS = const(2_000)
"""Between attempts at a tag that could not be read."""
_SETTLE_MS = const(700)
"""After a host wrote pages, before the tag is read again: more are likely to come."""
_TRIES = const(3)
_UID_SIZE = const(7)

# What runs now. _LOCATE to _RECALL is decoding, without a command.
_REST = const(0)
_FIELD_OFF = const(1)
_RELEASE = const(2)
_LIST = const(3)
_LOCATE = const(4)
_MAIN = const(5)
_SLOTS = const(6)
_RECALL = const(7)
_READ = const(8)
_WRITE = const(9)
_ERRAND = const(10)
_OPEN = const(11)


class Reader(Limits):
    """The podlet reader. `pump` it often; its attributes may be read at any time."""

    def __init__(self, hal: "Hal") -> None:
        super().__init__()
        self._hal = hal
        self._chip = chip.Chip(hal)
        self._visit = ntag.Visit(self._chip)
        self._phase = _REST
        self._due_ms = hal.now_ms()
        self._seen_ms = 0
        self._reread_ms = 0
        self._misses = 0
        self._tries = 0
        self._to_read = False
        self._found = bytearray(_UID_SIZE)
        self._slot = bytearray(p.SLOT_SIZE)
        self._slot_doses = 0
        self._slot_nl = 0
        self._slot_session = 0
        self._slot_day = 0
        self._size = 0
        """Bytes in `_slot` that a host wants at `_at`; 0: it is a usage slot."""
        self._at = 0
        self.recalls = False
        """There are recall lists to look into."""
        self.keys = True
        """There may be keys of makers."""
        self.ledger: "Ledger | None" = None
        """The doses that this device has given."""
        self._search: "Search | None" = None
        self._check: "Verifier | None" = None
        """The signature's check, while it goes on."""
        self._slices = 0
        self._wrong = False
        """The signature was checked, and is not right."""
        self.record = Record()
        """What the tag says; meaningful while `dose_nl` is not 0."""
        self.present = False
        """A single tag is in the holder."""
        self.uid = bytearray(_UID_SIZE)
        """Its UID, zeros when there is none or it is no NTAG21x."""
        self.tag_type = 0
        """Storage byte of GET_VERSION, 0 until it is known."""
        self.image = self._visit.image
        """Tag memory from page 0."""
        self.image_size = 0
        """Bytes of it that were read, 0 while there is no whole reading."""
        self.insertion = 0
        """Grows with each tag that comes, so that a swap cannot go unnoticed; wraps at 2^30."""
        self.fault = 0
        """0, CODE_READER_SILENT, CODE_TWO_TAGS, CODE_TAG_FORMAT, CODE_TAG_CHANGED, CODE_ALLERGEN, CODE_RECALLED,
        CODE_SIGNATURE_WRONG, CODE_ROLLED_BACK, or what `date_note` says."""
        self.write_state = WRITE_IDLE
        """How the last `note_dose` went: WRITE_BUSY, WRITE_DONE or WRITE_FAILED."""
        self.errand: "Errand | None" = None
        """What else is to be done with the tag, or was last."""
        self.opener: "Errand | None" = None
        """Gives the password before each write, once a host gave the right one; until the tag goes."""
        self.in_use = False
        """Set while a session doses: a tag that goes then leaves PODLET_REMOVED behind until this is cleared."""

    def note_dose(self, dose_no: int, nl: int, session: int, day: int) -> bool:
        """Start writing the next usage slot: `dose_no` doses used with the one to come, whose volume is `nl`.

        `day` (days since 1970-01-01, 0: unknown) counts when it is the podlet's first. `write_state` tells how it
        goes: WRITE_DONE when the slot was read back right. Returns False when there is nothing to write to.
        """
        if not self.usable() or self.write_state == WRITE_BUSY:
            return False
        self._slot_doses = dose_no
        self._slot_nl = nl
        self._slot_session = session
        self._slot_day = day
        self._size = 0
        self._tries = 0
        self.write_state = WRITE_BUSY
        return True

    def write_pages(self, page: int, data: memoryview) -> bool:
        """Start writing `data`, 1 to 4 pages, into user memory; `write_state` tells how it goes.

        The tag is read again when nothing more has come for a while. Returns False when there is no tag that was
        read, or something is being written.
        """
        if not self.image_size or self.write_state == WRITE_BUSY or self.in_use:
            return False
        self._size = len(data)
        self._at = page * 4
        self._slot[: len(data)] = data
        self._tries = 0
        self.write_state = WRITE_BUSY
        return True

    def pump(self, now_ms: int) -> bool:
        """Carry on. Returns True when there is more to do at once, False when it waits for the chip or for time."""
        if self.state == m.PODLET_REMOVED and not self.in_use:
            self.enter(m.PODLET_ABSENT)
        result = self._chip.poll(now_ms)
        if result == pn532.PENDING:
            if self._chip.silent and self.fault != m.CODE_READER_SILENT:
                self._lost()
                self.fault = m.CODE_READER_SILENT
            return self._chip.eager()
        if result == chip.AGAIN:
            if self.present and ticks.diff(now_ms, self._seen_ms) > _LOST_MS:
                self._lost()
            self._go(_LIST)
        elif self._phase == _REST:
            return self._start(now_ms)
        else:
            self._advance(now_ms)
        return self._phase != _REST

    def _start(self, now_ms: int) -> bool:
        """Begin a visit when it is time, or at once when there is something to write; a missed tag gets its pause."""
        if not ticks.due(now_ms, self._due_ms) and (self._misses or self.write_state != WRITE_BUSY):
            return self._check_on()
        self._go(_LIST)
        return True

    def _check_on(self) -> bool:
        """The next slice of the signature's check, between two looks; four in a row, then the loop may sleep.

        500 slices take 7 s so, and a tick is never late by more than one. False: there is nothing to do at once.
        """
        check = self._check
        if check is None:
            return False
        self._slices = (self._slices + 1) & 3
        result = check.step()
        if result:
            self._check = None
            self.signed = result == 1
            self._wrong = not self.signed
            self._judge()
        return self._slices > 0

    def _begin_check(self) -> None:
        """Start checking the signature, if there is one by a key that is known."""
        self._unsigned()
        if self.record.signature_at and self.keys:
            from podsteam_firmware.podlet import signed

            self._check = signed.begin(self._hal, self.image, self.uid, self.record)

    def load(self) -> None:
        """Load what a podlet may need that comes while the element is hot, when a tick cannot wait for it."""
        from podsteam_firmware.podlet import witness as _

        if self.recalls:
            from podsteam_firmware.podlet import recall as _
        elif self.keys:
            from podsteam_firmware.podlet import signed as _  # noqa: F401

    def _unsigned(self) -> None:
        self._check = None
        self.signed = self._wrong = False

    def _go(self, phase: int) -> None:
        """Enter a phase and start its command, if it has one."""
        self._phase = phase
        if phase == _LIST:
            self._chip.list_targets()
        elif phase == _RELEASE:
            self._chip.release()
        elif phase == _FIELD_OFF:
            self._chip.field_off()

    def _advance(self, now_ms: int) -> None:
        """The phase's command was answered, or it has none: judge it and go on."""
        phase = self._phase
        if phase >= _READ:
            self._take(phase, now_ms)
        elif phase >= _LOCATE:
            self._decode(phase)
        elif phase == _LIST:
            self._take_list(now_ms)
        elif phase == _RELEASE:
            self._go(_FIELD_OFF)
        else:
            self._visit_over(now_ms)

    def _visit_over(self, now_ms: int) -> None:
        """The field is off, and all went well."""
        self._chip.works()
        if self.fault == m.CODE_READER_SILENT:
            self.fault = 0
        self._phase = _REST
        self._due_ms = ticks.add(now_ms, _AGAIN_MS if self._misses else _WATCH_MS if self.present else _POLL_MS)

    def _lost(self) -> None:
        """There is no tag any more."""
        self._misses = 0
        self._to_read = False
        self.present = False
        self.fault = self.tag_type = self.image_size = self.listed = 0
        self.agreed = self.recalled = False
        self.opener = None
        self.uid[:] = bytes(_UID_SIZE)
        self.clear_limits()
        self._unsigned()
        if self.write_state == WRITE_BUSY:
            self.write_state = WRITE_FAILED
        if self.state != m.PODLET_ABSENT:
            self.enter(m.PODLET_REMOVED if self.in_use else m.PODLET_ABSENT)

    def _take_list(self, now_ms: int) -> None:
        """The selection was answered: none, one, two or a foreign tag."""
        found = iso14443.selected(self._chip.buf, self._chip.at, self._chip.length, self._found)
        if found == iso14443.NONE:
            if self.present and self._misses == 0:
                self._misses = 1
            elif self.state != m.PODLET_ABSENT:
                self._lost()
            self._go(_FIELD_OFF)
            return
        self._misses = 0
        self._seen_ms = now_ms
        if found == iso14443.ONE:
            if not self.present or self._found != self.uid:
                self._arrived(now_ms)
            self._begin(now_ms)
            return
        if self.uid[0] or self.state != m.PODLET_UNREADABLE:
            self._lost()
            self.insertion = (self.insertion + 1) & 0x3FFFFFFF
        self.present = found == iso14443.FOREIGN
        self._unreadable()
        if not self.present:
            self.fault = m.CODE_TWO_TAGS

    def _arrived(self, now_ms: int) -> None:
        """Another tag than before is selected."""
        while_reading = self.present and self._to_read
        self._lost()
        self.present = True
        self.insertion = (self.insertion + 1) & 0x3FFFFFFF
        self.uid[:] = self._found
        if while_reading:
            self.fault = m.CODE_TAG_CHANGED
        self._to_read = True
        self._reread_ms = now_ms
        self._tries = 0
        self.enter(m.PODLET_READING)

    def _begin(self, now_ms: int) -> None:
        """The tag is selected: what is there to do?"""
        reads = self._to_read and (self._tries or ticks.due(now_ms, self._reread_ms))
        if self.write_state == WRITE_BUSY and (self._size or not reads):
            if self.opener is not None and self.opener.open(self._chip):
                self._phase = _OPEN
            else:
                self._write()
        elif reads:
            self._phase = _READ
            self.image_size = 0
            self._visit.read(self.uid)
        elif self.errand is not None and self.errand.begin(self._chip):
            self._phase = _ERRAND
        else:
            self._go(_RELEASE)

    def _write(self) -> None:
        """Write what a host wants there, or the next usage slot."""
        self._phase = _WRITE
        size = self._size
        at = self._at
        if not size:
            record = self.record
            nl = record.nl_used + self._slot_nl
            record.encode_next(self._slot, self._slot_doses, nl, self._slot_day, self._slot_session)
            at = record.next_slot_at()
            size = p.SLOT_SIZE
        self._visit.write(at, self._slot, size)

    def _take(self, phase: int, now_ms: int) -> None:
        """A command of a reading, a writing or an errand was answered."""
        if phase >= _ERRAND:
            errand = self.errand if phase == _ERRAND else self.opener
            if errand is None or errand.take():
                self._visited(phase, now_ms)
            return
        visit = self._visit
        outcome = visit.take()
        if outcome == ntag.FAILED:
            self._tag_failed(now_ms)
        elif outcome == ntag.FOREIGN:
            self._unreadable()
        elif outcome == ntag.DONE and phase == _READ:
            self.tag_type = visit.tag_type
            self.image_size = visit.image_size
            self._go(_LOCATE)
        elif outcome == ntag.DONE and self._size:
            self._written(now_ms)
        elif outcome == ntag.DONE:
            at = self.record.next_slot_at()
            self.image[at : at + p.SLOT_SIZE] = self._slot
            self.record.read_slots(self.image)
            self._judge()
            self.write_state = WRITE_DONE
            self._go(_RELEASE)

    def _visited(self, phase: int, now_ms: int) -> None:
        """An errand's visit is over: then a write may follow, if it was to open the tag."""
        if phase == _ERRAND or self.opener is None:
            self._go(_RELEASE)
        elif self.opener.state == WRITE_DONE:
            self._write()
        else:
            self._tag_failed(now_ms)

    def _written(self, now_ms: int) -> None:
        """A host's pages are on the tag: what it holds is to be judged anew, in a while."""
        self.image[self._at : self._at + self._size] = memoryview(self._slot)[: self._size]
        self.write_state = WRITE_DONE
        self.agreed = False
        self.clear_limits()
        self._unsigned()
        self._to_read = True
        self._reread_ms = ticks.add(now_ms, _SETTLE_MS)
        self.enter(m.PODLET_READING)
        self._go(_RELEASE)

    def _tag_failed(self, now_ms: int) -> None:
        """The tag did not answer, or refused: select it again, and after some tries leave it for now."""
        self._tries += 1
        if self._tries < _TRIES:
            self._go(_LIST)
            return
        self._tries = 0
        if self.write_state == WRITE_BUSY:
            self.write_state = WRITE_FAILED
            self._go(_RELEASE)
        else:
            self._reread_ms = ticks.add(now_ms, _REREAD_MS)
            self._unreadable()
            self._to_read = True

    def _decode(self, phase: int) -> None:
        """One part of the record, so that no call lasts long."""
        record = self.record
        if phase == _LOCATE:
            good = record.locate(self.image, self.image_size)
        elif phase == _MAIN:
            good = record.read_main(self.image)
        elif phase == _SLOTS:
            good = record.read_slots(self.image)
        else:
            good = True
        if not good:
            self._unreadable()
        elif phase < _SLOTS or self._looks(phase):
            self._phase = min(phase + 1, _RECALL)
        else:
            self._to_read = False
            self._begin_check()
            self._judge()
            if record.floor_page and not self.in_use:
                from podsteam_firmware.podlet import errand

                self.errand = errand.floor(self) or self.errand
            self._go(_RELEASE)

    def _looks(self, phase: int) -> bool:
        """One look at what else is known of the podlet (`witness`); False when that was the last."""
        if phase == _SLOTS and (self.recalls or (self.ledger is not None and self.ledger.head)):
            from podsteam_firmware.podlet import witness

            self._search = witness.Search(self._hal, self)
        search = self._search
        if search is not None and not search.step():
            self._search = search = None
        return search is not None

    def read_again(self) -> None:
        """What the tag says is to be judged from the beginning."""
        if self.image_size:
            self._tries = 0
            self._to_read = True
            self._reread_ms = self._hal.now_ms()

    def _unreadable(self) -> None:
        self._to_read = False
        self._unsigned()
        self.fault = m.CODE_TAG_FORMAT
        self.enter(m.PODLET_UNREADABLE)
        self._go(_RELEASE)

    def judge_again(self) -> None:
        """The clock was set, or time has passed: judge the podlet that was read by today's date."""
        state = self.state
        if m.PODLET_GUEST <= state <= m.PODLET_EXPIRED or state >= m.PODLET_ALLERGEN:
            self._judge()

    def _judge(self) -> None:
        self.judge(self.record, self.uid, self._hal.unix_s() // 86400)
        self.fault = m.CODE_ROLLED_BACK if self.rolled_back else self.date_note
        if self._wrong:
            self.fault = m.CODE_SIGNATURE_WRONG
        if self.state >= m.PODLET_ALLERGEN:
            # Each of these states has a note of its own, in the same order.
            self.fault = self.state - m.PODLET_ALLERGEN + m.CODE_ALLERGEN
