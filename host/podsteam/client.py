# SPDX-License-Identifier: Apache-2.0
"""A device as a Python object: what can be asked of it, as typed requests."""

import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING

from podsteam import program as program_file
from podsteam.connection import Connection
from podsteam.errors import (
    ButtonNotPressed,
    DeviceLost,
    Incomplete,
    IntegrityFailed,
    Refused,
    WrongVersion,
)
from podsteam.link import R
from podsteam.refusals import not_ready
from podsteam.wire import messages as m
from podsteam.wire.base import Message

if TYPE_CHECKING:
    from podsteam.runs import Sessions

_SMALL = 400
"""Bytes of a record that two requests bring as quickly."""
OPEN_S = 2.0
"""Device time in which a relay that was just commanded open surely is."""
PROOF_S = 5.0
"""Time for a device to prove that heat is off after STOP."""
_WRITE_S = 4.0
"""Device time for a few pages of a tag, retries included."""
_RECALL_S = 40.0
"""Device time for a check of a signature."""
_RESTING = (m.StateValue.IDLE, m.StateValue.COOLING, m.StateValue.FAULT)


class Device(Connection):
    """What a device is asked and told. Use it in a `with` block, or call `close`."""

    @property
    def session(self) -> "Sessions":
        """Sessions of this device, for scripts: `device.session.run("gentle").wait()`."""
        from podsteam.runs import Sessions

        return Sessions(self)

    # What it is ---------------------------------------------------------------------------------------------
    def info(self) -> m.InfoGetReply:
        """What runs on the device."""
        return self.request(m.InfoGetRequest(), m.InfoGetReply)

    def selftest(self) -> m.SelftestGetReply:
        """What the device's self-test found. Refused, with WrongVersion, by one that is older than protocol 1.2."""
        return self.request(m.SelftestGetRequest(), m.SelftestGetReply)

    # Session ------------------------------------------------------------------------------------------------
    def arm(self, name: str = "") -> m.ArmReply:
        """Arm a stored program, "": the default one. Its button starts it; `poll` then keeps it alive."""
        wire_name = program_file.padded(name) if name else bytes(16)
        return self._armed(m.ArmRequest(self.token, wire_name), m.ArmReply)

    def tune(self) -> m.TuneReply:
        """Arm a session that identifies the boiler; in everything else as `arm`."""
        return self._armed(m.TuneRequest(self.token, m.TuneKindValue.HEAT_UP), m.TuneReply)

    def _armed(self, message: Message, expect: type[R]) -> R:
        try:
            reply = self.request(message, expect)
        except Refused as e:
            if e.name != "NOT_READY":
                raise
            raise not_ready(e, self.status().flags) from None
        self.keep_lease()
        return reply

    def stop(self) -> m.StopReply:
        """End whatever runs, heater and dosing off."""
        return self.request(m.StopRequest(), m.StopReply)

    def stop_and_prove(self) -> m.StatusGetReply:
        """STOP, then wait until the device itself says that it rests with its relay open. Raises DeviceLost."""
        clock = self.port.clock
        self.stop()
        deadline = clock.now() + PROOF_S
        while True:
            status = self.status()
            if status.state in _RESTING and not status.flags & m.FlagBits.RELAY:
                return status
            if clock.now() >= deadline:
                raise DeviceLost("The device does not confirm that heat is off; unplug it from the mains.")
            clock.sleep(0.02)

    def pause(self) -> m.PauseReply:
        """Heater and dosing off, session kept."""
        return self.request(m.PauseRequest(self.token), m.PauseReply)

    def resume(self) -> m.ResumeReply:
        """Ask to go on with a paused session; the button confirms."""
        return self.request(m.ResumeRequest(self.token), m.ResumeReply)

    # What must not be dosed ---------------------------------------------------------------------------------
    def allergens(self, replace_by: int | None = None) -> m.AllergensReply:
        """Its owner's allergens, a bit for each, after replacing them by `replace_by` unless that is None.

        Raises WrongVersion when it does not know this request, Refused while a session runs.
        """
        change = replace_by is not None
        return self._when_open(m.AllergensRequest(change, replace_by or 0), m.AllergensReply)

    def podlet_tag(self, password: bytes = b"") -> m.PodletTagReply:
        """What the tag in the holder is: NXP's signature, counter, locks. With 4 bytes, try them as its password.

        Refused while a session runs. A tag that does not answer is FAILED in the reply.
        """
        kind = 2 if password else 1
        reply = self._when_open(m.PodletTagRequest(kind, password), m.PodletTagReply)
        deadline = self.port.clock.now() + self.in_clock(_RECALL_S)
        while reply.state == m.WriteValue.BUSY and self.port.clock.now() < deadline:
            self.port.clock.sleep(self.in_clock(0.2))
            reply = self.request(m.PodletTagRequest(0), m.PodletTagReply)
        return reply

    def recall(self, inbox: int = 0) -> m.RecallReply:
        """How the last recall list went, after taking up blob `inbox` of the inbox unless that is 0."""
        return self._when_open(m.RecallRequest(inbox), m.RecallReply)

    def send_recall(self, raw: bytes, inbox: int) -> m.RecallReply:
        """Send a signed recall list, and wait until the device has checked it. Raises IntegrityFailed if it refuses."""
        from podsteam.bulk import push
        from podsteam.refusals import sentence

        push(self, m.BlobValue.INBOX, inbox, raw)
        reply = self.recall(inbox)
        deadline = self.port.clock.now() + self.in_clock(_RECALL_S)
        while reply.stage == m.RecallValue.CHECKING and self.port.clock.now() < deadline:
            self.port.clock.sleep(self.in_clock(0.25))
            reply = self.recall()
        if reply.stage != m.RecallValue.TAKEN:
            raise IntegrityFailed(f"The device did not take the list: {sentence(reply.code)}.")
        return reply

    # Its clock ----------------------------------------------------------------------------------------------
    def clock(self, set_to_unix_s: int = 0) -> m.ClockReply:
        """Its wall clock, after setting it to `set_to_unix_s` (UTC, s since 1970) unless that is 0.

        Raises WrongVersion when it does not know this request, Refused while a session runs.
        """
        return self._when_open(m.ClockRequest(set_to_unix_s), m.ClockReply)

    # Its settings -------------------------------------------------------------------------------------------
    def config(self) -> m.Config:
        """The settings in use. One that an older device does not have is a new unit's."""
        from podsteam.config import of_device

        return of_device(self.request(m.ConfigGetRequest(), m.ConfigGetReply).config)

    def set_config(self, config: m.Config) -> list[str]:
        """Replace the settings, all or none. Returns the keys of those that an older device does not have.

        Raises IntegrityFailed when the device stored something else.
        """
        from podsteam.config import lacking

        raw = config.pack()
        stored = self._when_open(m.ConfigSetRequest(raw), m.ConfigSetReply).config[: len(raw)]
        if not stored or stored != raw[: len(stored)]:
            raise IntegrityFailed("The device did not store the settings as they were sent; apply them again.")
        return lacking(stored)

    def config_notes(self) -> m.ConfigNotesReply | None:
        """What became of the stored settings. None: the device is too old to tell."""
        try:
            return self.request(m.ConfigNotesRequest(), m.ConfigNotesReply)
        except WrongVersion:
            return None

    # Its calibration ----------------------------------------------------------------------------------------
    def tune_values(self, found: bool = False) -> m.TuneGetReply:
        """How the last tuning went, with the values in use, or with those that it `found`, used or not."""
        return self.request(m.TuneGetRequest(found), m.TuneGetReply)

    def calibration(self) -> m.Calibration:
        """The calibration in use."""
        return m.Calibration.unpack(self.request(m.CalGetRequest(), m.CalGetReply).calibration)

    def set_calibration(self, calibration: m.Calibration) -> None:
        """Replace the calibration whole. Raises IntegrityFailed when the device stored something else."""
        raw = calibration.pack()
        if self._when_open(m.CalSetRequest(raw), m.CalSetReply).calibration[: len(raw)] != raw:
            raise IntegrityFailed("The device did not store the calibration as it was sent; send it again.")

    def dose_calibration(self) -> m.DoseCalibration:
        """The valve's calibration in use."""
        return m.DoseCalibration.unpack(self.request(m.DoseCalGetRequest(), m.DoseCalGetReply).calibration)

    def set_dose_calibration(self, calibration: m.DoseCalibration) -> None:
        """Replace the valve's calibration whole. Raises IntegrityFailed when the device stored something else."""
        raw = calibration.pack()
        if self._when_open(m.DoseCalSetRequest(raw), m.DoseCalSetReply).calibration[: len(raw)] != raw:
            raise IntegrityFailed("The device did not store the valve's calibration as it was sent; send it again.")

    def descaled(self) -> None:
        """Tell the device that its boiler was descaled."""
        self._when_open(m.DescaleDoneRequest(), m.DescaleDoneReply)

    def _when_open(self, message: Message, expect: type[R]) -> R:
        """A request that writes. Right after a session its relay is not surely open for 0.3 s: that is waited for."""
        clock = self.port.clock
        deadline = clock.now() + self.in_clock(OPEN_S)
        while True:
            try:
                return self.request(message, expect)
            except Refused as e:
                over = clock.now() >= deadline or self.status().state not in _RESTING
                if e.name != "BUSY_SESSION" or over:
                    raise
            clock.sleep(self.in_clock(0.1))

    # What it stores -----------------------------------------------------------------------------------------
    def programs(self) -> list[m.ProgramListReply]:
        """The stored programs' entries."""
        first = self.request(m.ProgramListRequest(0), m.ProgramListReply)
        rest = [self.request(m.ProgramListRequest(i), m.ProgramListReply) for i in range(1, first.count)]
        return [first, *rest]

    def program(self, name: str) -> m.Program:
        """One stored program."""
        reply = self.request(m.ProgramGetRequest(program_file.padded(name)), m.ProgramGetReply)
        return m.Program.unpack(reply.program)

    def put_program(self, program: m.Program) -> None:
        """Store a program under its name. Raises IntegrityFailed when the device stored something else."""
        raw = program.pack()
        reply = self.request(m.ProgramPutRequest(raw), m.ProgramPutReply)
        if reply.crc != binascii.crc32(raw):
            raise IntegrityFailed("The device did not store the program as it was sent; send it again.")

    def set_default_program(self, name: str) -> None:
        """Make a stored program the one that the button alone starts."""
        self.request(m.ProgramDefaultRequest(program_file.padded(name)), m.ProgramDefaultReply)

    def podlet(self) -> m.PodletGetReply:
        """The podlet as the device judges it."""
        return self.request(m.PodletGetRequest(), m.PodletGetReply)

    def podlet_memory(self, size: int) -> bytes:
        """The tag's memory as last read, up to `size` bytes."""
        data = b""
        while len(data) < size:
            reply = self.request(m.PodletReadRequest(len(data)), m.PodletReadReply)
            if not reply.data or reply.offset != len(data):
                break
            data += reply.data
        return data[:size]

    def settled_podlet(self, limit_s: float = 6.0) -> m.PodletGetReply:
        """The podlet once its tag has been read; as it is then, if that takes longer than `limit_s` of device time."""
        deadline = self.port.clock.now() + self.in_clock(limit_s)
        reply = self.podlet()
        while reply.state == m.PodletValue.READING and self.port.clock.now() < deadline:
            self.port.clock.sleep(self.in_clock(0.1))
            reply = self.podlet()
        return reply

    def write_podlet(self, uid: bytes, page: int, data: bytes) -> None:
        """Write 4 to 16 bytes to the tag with this UID, whole pages, and wait until they were read back.

        Raises Refused, and IntegrityFailed when the tag did not take them.
        """
        deadline = self.port.clock.now() + self.in_clock(_WRITE_S)
        asked: m.PodletWriteReply | None = None
        while asked is None:
            try:
                asked = self.request(m.PodletWriteRequest(uid, page, data), m.PodletWriteReply)
            except Refused as e:
                if e.name != "PODLET_BUSY" or self.port.clock.now() > deadline:
                    raise
                self.port.clock.sleep(self.in_clock(0.05))
        while asked.state == m.WriteValue.BUSY and self.port.clock.now() < deadline:
            self.port.clock.sleep(self.in_clock(0.02))
            asked = self.request(m.PodletWriteRequest(uid, page, b""), m.PodletWriteReply)
        if asked.state != m.WriteValue.DONE:
            raise IntegrityFailed(f"The tag did not take page {page}; hold it still and write again.")

    def podlet_keys(self, change: int = 0, data: bytes = b"", asked: Callable[[int], None] | None = None) -> list[str]:
        """Ids of the makers' keys that the device knows, in hex.

        `change`: 0 asks only, 1 adds the key whose x and y are `data`, 2 drops the key with that id. A unit that was
        provisioned wants its button for a change; `asked` is called with the seconds left for that press. Raises
        ButtonNotPressed, Refused.
        """
        from podsteam import identity

        try:
            reply = self.request(m.PodletKeysRequest(change, data), m.PodletKeysReply)
        except ButtonNotPressed as e:
            if asked is not None:
                asked(e.detail)
            identity.settle(self, e.detail, "podlet keys")
            reply = self.request(m.PodletKeysRequest(0, b""), m.PodletKeysReply)
        return [reply.ids[at : at + 8].hex() for at in range(0, 8 * reply.count, 8)]

    def records(self) -> list[m.RecordListReply]:
        """The session records that the device holds, oldest first."""
        entries: list[m.RecordListReply] = []
        while True:
            try:
                entry = self.request(m.RecordListRequest(len(entries)), m.RecordListReply)
            except Refused as e:
                if e.name != "NOT_FOUND":
                    raise
                return entries
            entries.append(entry)
            if len(entries) >= min(entry.count, 255):
                return entries

    def record(self, number: int, size: int, progress: Callable[[int], None] | None = None) -> bytes:
        """One session record, of which the first `size` bytes are wanted. `progress` gets the bytes so far.

        A device that has blobs proves what it sends, and a lost connection is opened again (`bulk.pull`). Raises
        Incomplete when less than `size` comes.
        """
        if self.hello.caps & m.CapBits.BULK and size > _SMALL:
            from podsteam.bulk import pull

            tell: Callable[[int, int], None] | None = None if progress is None else lambda done, _: progress(done)
            return pull(self, m.BlobValue.RECORD, number, tell)[:size]
        data = b""
        while len(data) < size:
            reply = self.request(m.RecordReadRequest(number, len(data)), m.RecordReadReply)
            if not reply.data or reply.offset != len(data):
                raise Incomplete(f"Record {number} ends after {len(data)} of {size} bytes; pull it again.")
            data += reply.data
            if progress is not None:
                progress(len(data))
        return data[:size]
