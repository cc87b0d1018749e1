# SPDX-License-Identifier: Apache-2.0
"""The core: `step(now_ms, inputs) -> outputs` twenty times a second, and `pump(now_ms)` between the steps.

One datum's way through `step`: sense, supervise, session, heat, dose, outputs. It never turns back. `pump` talks to
the link, the podlet reader and the store, for at most 5 ms at a time (the store only while the relay is open).
"""

from podsteam_firmware import ticks
from podsteam_firmware.dose import calibration as dose_calibration
from podsteam_firmware.dose.book import Book
from podsteam_firmware.dose.engine import Doser
from podsteam_firmware.heat.burst import Burst
from podsteam_firmware.heat.regimes import Heat
from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.link.dispatch import Dispatcher
from podsteam_firmware.link.events import Events
from podsteam_firmware.link.lease import Lease
from podsteam_firmware.link.port import Port
from podsteam_firmware.link.telemetry import Telemetry
from podsteam_firmware.podlet.reader import Reader
from podsteam_firmware.safety import checkpoint, selftest
from podsteam_firmware.safety.supervisor import Supervisor
from podsteam_firmware.sense import Sense
from podsteam_firmware.session.button import HOLD_TICKS
from podsteam_firmware.session.program import valid_name
from podsteam_firmware.session.session import Session
from podsteam_firmware.signals import Inputs, Outputs
from podsteam_firmware.signs import Signs
from podsteam_firmware.store import calibration, config, latch, learned, params
from podsteam_firmware.store.journal import Journal
from podsteam_firmware.store.ledger import Ledger
from podsteam_firmware.store.programs import Programs, text
from podsteam_protocol import messages as m
from podsteam_protocol.const import const
from podsteam_protocol.podlet import MAIN_CLEANING

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal, Work
    from podsteam_firmware.podlet.recall import Intake
    from podsteam_firmware.store.identity import Change

TICK_MS = const(50)
"""Period of `step`."""
_RELAY_OPEN_TICKS = const(12)
"""Ticks (600 ms) without a heartbeat after which the relay is surely open: its hold-up is 250 ms at most, and a clock
that is twice too fast makes 300 ms of them."""
_ANSWER_MS = const(300)
"""What the answer to a request for a restart takes to leave."""
LINE = (("<HI", None),)
"""Layouts of the set "line": doses since the last cleaning, and the known minute (`dose.window`) of the last one."""
_CLEAN_SHOTS = const(200)
"""Doses after which the line is to be cleaned. An estimate: ten podlets."""
_CLEAN_REST = const(4320)
"""Minutes that a treatment may stand in it. An estimate: three days."""
_RINSE_MS = const(60_000)
"""Verified steam without a dose that cleans it too."""
_HOT_MC = const(100_000)
"""Where the change of a correction counts for what was learned."""
_LEARNED_MS = const(30_000)
"""A session with less verified steam teaches nothing that is kept."""


class Core:
    """All parts of one steamer, wired."""

    def __init__(self, hal: "Hal", inputs: Inputs) -> None:
        self.hal = hal
        self.inputs = inputs
        self.outputs = Outputs()
        self.now_ms = hal.now_ms()
        self.flags = 0
        """FLAG bits of the last tick or the one before."""
        # The largest piece of memory first, while there is one.
        self.journal = Journal(self)
        self.events = Events()
        self.sense = Sense()
        self.supervisor = Supervisor()
        self.checkpoints = checkpoint.Checkpoints()
        self.selftest = selftest.SelfTest()
        settings = Settings()
        if hal.file_read("identity_due", 1):
            # The power went while a new identity was being put to use.
            from podsteam_firmware.store import identity

            identity.finish(hal)
        learned.recall(hal, settings)
        self.calibration = calibration.recall(hal)
        """Values of the set that is in use."""
        calibration.apply(self.calibration, self.sense, settings)
        self.heat = Heat(settings)
        self.burst = Burst()
        self.session = Session(self.events, self.heat)
        self.config = config.recall(hal)
        """Values of the settings in use."""
        self.session.most_mg_min = self.config[3]
        self.reader = Reader(hal)
        self.reader.allergens = config.allergens(hal)
        self.reader.recalls = bool(hal.file_list("recall"))
        self.reader.keys = bool(hal.file_read("podlet_keys", 1))
        self.signs = Signs(self.session, self.supervisor, self.reader)
        self.ledger = Ledger(hal)
        self.reader.ledger = self.ledger
        self.book = Book(self.ledger, self.reader)
        self.doser = Doser(self.reader, self.events, self.book)
        self.lease = Lease()
        self.programs = Programs(hal)
        self.telemetry = Telemetry()
        self.dispatcher = Dispatcher(self)
        self.port = Port(self, self.dispatcher)
        self.extra: "Work | None" = None
        """Work between the ticks that is loaded on demand: an update, or the trial of one."""
        self.updating = False
        """That work is an update."""
        self.recall: "Intake | None" = None
        """The recall list that is being taken up, or was last."""
        self.change: "Change | None" = None
        """The last change of the unit's identity since the start."""
        self.restart_ms = -1
        """When a restart was asked for, below 0: none was. It comes once the answer has left."""
        self._odd = False
        self._regime = m.REGIME_IDLE
        # A start takes longer than the relay's hold-up, so after any reset the relay is open by now.
        self._open_ticks = _RELAY_OPEN_TICKS
        self._line = params.load(hal, "line", LINE)[0] or (0, 0)
        self._line_news = False
        self._cleaner = -1
        """The insertion of the cleaning podlet with which the session began, -1: there was none."""
        self._clean = False
        """The line is to be cleaned."""
        self._ending = False
        """A session is over, and its end is not in the ring yet."""
        self._learned = False
        self._tuned = False
        """Gains that a tuning found are to be stored."""
        self._stored = latch.load(hal)
        # The ring knows of a fault that the power was cut at before the file was written.
        self._latched = self._stored or latch.uncleared(self.ledger)
        self._tested = False
        self._spit_risk = False
        self._reader_changes = 0
        self._doser_fault = 0
        self.events.now_ms = self.now_ms
        # Number of the session that the last power cut or reset ended, 0: none. It is told once.
        cut_off = latch.cut_off(self.ledger)
        self.events.emit(m.EVENT_BOOT, hal.reset_cause, cut_off)
        self.session.number = cut_off
        if self._latched:
            self.supervisor.trip(self._latched, 0)
            self.session.stop(self.now_ms, m.STOP_FAULT, self._latched)
        elif self.selftest.power_on():
            self.supervisor.trip(m.CODE_SELF_TEST, self.selftest.failed)
        elif cut_off and (hal.reset_cause == m.RESET_HARD or hal.reset_cause == m.RESET_WATCHDOG):
            # The firmware ended it, by an exception, a panic or a hang: somebody is to look before it heats again. It
            # is latched here, before the end is written: from then on nothing else would know of it.
            self.supervisor.trip(m.CODE_EXCEPTION, hal.reset_cause)
            self._trip(self.now_ms)
        if cut_off:
            latch.note(self.ledger, latch.END, cut_off, m.STOP_NONE, 0)
        self.dose_calibration = dose_calibration.recall(hal)
        """Values of the valve's set that is in use."""
        dose_calibration.apply(self.dose_calibration, self.doser.caps, self.heat.settings.ambient_mc)
        assumed_nl = self.book.settle()
        self.book.recall(self.doser.caps, self.now_ms, hal.unix_s() // 60)
        self._marked = 0
        self._look_at_line()
        if assumed_nl:
            self.events.emit(m.EVENT_DOSE_RESULT, m.DOSE_ASSUMED, assumed_nl)
        # A session that was cut off is in the book, but has no record.
        self.session.number = max(self.journal.last_number(), self.book.session, cut_off)

    # The tick -----------------------------------------------------------------------------------------------
    def step(self, now_ms: int, inputs: Inputs) -> Outputs:
        """One tick. Allocates nothing. Returns what the loop is to carry out."""
        elapsed_ms = ticks.diff(now_ms, self.now_ms)
        self.now_ms = now_ms
        self.events.now_ms = now_ms
        checkpoints = self.checkpoints
        checkpoints.begin()
        self.sense.update(now_ms, inputs)
        checkpoints.mark(checkpoint.SENSE)
        self._supervise(now_ms, inputs)
        checkpoints.mark(checkpoint.SUPERVISE)
        self.session.step(now_ms, elapsed_ms, inputs, self.sense)
        checkpoints.mark(checkpoint.SESSION)
        self._heat(now_ms)
        checkpoints.mark(checkpoint.HEAT)
        self._dose(now_ms, inputs)
        checkpoints.mark(checkpoint.DOSE)
        self._outputs(now_ms, inputs)
        return self.outputs

    def _supervise(self, now_ms: int, inputs: Inputs) -> None:
        """The supervisor's verdict, and what follows from it."""
        session = self.session
        self.supervisor.step(now_ms, inputs, session.heating(), session.state == m.STATE_STEAM)
        self._self_test(inputs)
        self._verdict(now_ms, inputs)

    def _self_test(self, inputs: Inputs) -> None:
        """A little of it in every tick, and what the hardware shows before the relay closes for a session."""
        supervisor = self.supervisor
        failed = self.selftest.step()
        if not supervisor.relay:
            self._tested = False
        elif not self._tested:
            self._tested = True
            failed |= self.selftest.before_heat(inputs, supervisor, self.ledger.room())
        if failed:
            supervisor.trip(m.CODE_SELF_TEST, failed)
        if supervisor.spit_risk != self._spit_risk:
            self._spit_risk = supervisor.spit_risk
            if self._spit_risk:
                self.events.emit(m.EVENT_FAULT, m.CODE_SPIT_RISK, 0)

    def _verdict(self, now_ms: int, inputs: Inputs) -> None:
        supervisor = self.supervisor
        session = self.session
        session.rest = supervisor.rest
        if supervisor.fault and not self._latched:
            self._trip(now_ms)
        elif supervisor.lease_lost and session.running():
            self.events.emit(m.EVENT_LEASE, 0, 0)
            session.stop(now_ms, m.STOP_LEASE_LOST, 0)
        elif session.button.held_ticks == HOLD_TICKS:
            if not self._latched:
                self._agree()
            elif supervisor.clear(now_ms, inputs):
                self._cleared()

    def _agree(self) -> None:
        """The button was held for 3 s: a podlet that waits for that is judged again, between the ticks."""
        reader = self.reader
        if reader.state == m.PODLET_ALLERGEN and self.session.take_hold():
            reader.agreed = True
            self.events.emit(m.EVENT_ALLERGEN, reader.listed, 1)

    def _cleared(self) -> None:
        """The fault was cleared at the device."""
        self.events.emit(m.EVENT_FAULT_CLEARED, self._latched, 0)
        latch.note(self.ledger, latch.CLEARED, self.session.number, self._latched, 0)
        self._latched = 0
        self.session.leave_fault()

    def _trip(self, now_ms: int) -> None:
        """A fault has been found: latch it and end whatever runs."""
        supervisor = self.supervisor
        self._latched = supervisor.fault
        self.events.emit(m.EVENT_FAULT, supervisor.fault, supervisor.fault_detail)
        latch.note(self.ledger, latch.FAULT, self.session.number, supervisor.fault, supervisor.fault_detail)
        self.session.stop(now_ms, m.STOP_FAULT, supervisor.fault)

    def _heat(self, now_ms: int) -> None:
        """Control every second tick."""
        self._odd = not self._odd
        if self._odd:
            self.heat.step(now_ms, self.sense)
            if self.heat.regime != self._regime:
                self.events.emit(m.EVENT_REGIME, self._regime, self.heat.regime)
                self._regime = self.heat.regime

    def _dose(self, now_ms: int, inputs: Inputs) -> None:
        doser = self.doser
        doser.steam_s = self.session.steam_ms // 1000
        doser.outlet_cdeg = self.sense.outlet_mc // 10
        doser.steam_ok = self.heat.steam_ok
        doser.step(now_ms, inputs, self.session.state == m.STATE_STEAM and self.supervisor.allow_valve)
        if doser.fault != self._doser_fault:
            self._doser_fault = doser.fault
            if doser.fault == m.CODE_VALVE_STUCK_ON:
                self.supervisor.trip(doser.fault, 0)
            elif doser.fault:
                self.events.emit(m.EVENT_FAULT, doser.fault, 0)

    def _outputs(self, now_ms: int, inputs: Inputs) -> None:
        whole = self.checkpoints.passed()
        if not whole:
            self.supervisor.trip(m.CODE_CHECKPOINT, self.checkpoints.reached)
        self.outputs.feed = whole
        self._switch(whole and self.session.heating())
        self._show(inputs)
        if not self._odd:
            # Only the host sees them, and not more often than this: the tick that has no control to do has the time.
            self.flags = self._flags(now_ms, inputs)

    def _switch(self, heating: bool) -> None:
        """Element, relay and valve: what is wanted and the supervisor allows."""
        outputs = self.outputs
        supervisor = self.supervisor
        outputs.heat = (heating and supervisor.allow) or supervisor.weld.testing
        outputs.heartbeat = heating and supervisor.relay
        dosing = heating and supervisor.allow_valve
        outputs.valve_us = self.doser.pulse_us if dosing else 0
        outputs.valve_off = self.doser.valve_off or not dosing
        if outputs.heartbeat:
            self._open_ticks = 0
        elif self._open_ticks < _RELAY_OPEN_TICKS:
            self._open_ticks += 1

    def _show(self, inputs: Inputs) -> None:
        outputs = self.outputs
        signs = self.signs
        signs.descale = self.heat.descale
        signs.confirm = self.reader.state == m.PODLET_ALLERGEN and not self.session.running()
        signs.step(self.session.state == m.STATE_IDLE and self.session.ready(inputs, self.sense))
        outputs.light = signs.lights
        outputs.light_changed = signs.changed
        outputs.beep = signs.sound if self.config[0] or self.supervisor.fault else 0

    def _flags(self, now_ms: int, inputs: Inputs) -> int:
        flags = m.FLAG_RELAY if self.outputs.heartbeat else 0
        if self.heat.steam_ok:
            flags |= m.FLAG_STEAM_OK
        if inputs.water_ok:
            flags |= m.FLAG_WATER_OK
        if inputs.latch_closed:
            flags |= m.FLAG_LATCH_CLOSED
        if inputs.upright:
            flags |= m.FLAG_UPRIGHT
        if not inputs.drained:
            flags |= m.FLAG_UNDRAINED
        if self.session.scalding(self.sense):
            flags |= m.FLAG_OUTLET_HOT
        if self.session.rest:
            flags |= m.FLAG_REST
        if inputs.button:
            flags |= m.FLAG_BUTTON
        if self.reader.present:
            flags |= m.FLAG_PODLET
        if self.sense.mains_ok:
            flags |= m.FLAG_MAINS_OK
        if self.lease.left_ms(now_ms):
            flags |= m.FLAG_LEASE
        if self.heat.descale:
            flags |= m.FLAG_DESCALE
        if self._clean:
            flags |= m.FLAG_CLEAN
        return flags

    # Between the ticks --------------------------------------------------------------------------------------
    def next_burst(self, cycles: int) -> int:
        """Pattern of the next burst of `cycles` mains cycles."""
        if self.supervisor.weld.testing:
            return self.supervisor.weld.pattern()
        return self.burst.pattern(self.heat.duty_permille, cycles)

    def relay_open(self) -> bool:
        """Whether the relay is surely open, so that flash may be erased."""
        return self._open_ticks >= _RELAY_OPEN_TICKS

    def may_write(self) -> bool:
        """Whether a host may store something now."""
        return self.relay_open() and not self.session.running()

    def calibrate(self, values: "tuple[int, ...]") -> bool:
        """Store a calibration that is within its bounds, and use it. False: it failed, and the old one counts."""
        if not calibration.keep(self.hal, values):
            return False
        sense = self.sense
        wall_mk = sense.wall_mk
        water_mk = sense.water_mk_at(_HOT_MC)
        if values[1] != self.calibration[1]:
            self.heat.account.weighed()
        self.calibration = values
        calibration.apply(values, sense, self.heat.settings)
        self.heat.recalibrated(sense.wall_mk - wall_mk, sense.water_mk_at(_HOT_MC) - water_mk)
        self._learned = True
        return True

    def configure(self, values: "tuple[int, ...]") -> bool:
        """Store settings that are within their bounds, and use them. False: it failed, and the old ones count."""
        if not config.keep(self.hal, values):
            return False
        self.config = values
        self.session.most_mg_min = values[3]
        return True

    def calibrate_dose(self, values: "tuple[int, ...]") -> bool:
        """Store a calibration of the valve that is within its bounds, and use it. False: it failed."""
        if not dose_calibration.keep(self.hal, values):
            return False
        self.dose_calibration = values
        dose_calibration.apply(values, self.doser.caps, self.heat.energy.ambient_mc)
        return True

    def descaled(self) -> bool:
        """The boiler is clean: what its wall shows from now on is the baseline. False: that could not be stored."""
        self.heat.reset_scale()
        return learned.keep(self.hal, self.heat)

    def find_program(self, padded: bytes) -> "bytes | None":
        """The program of a zero-padded name; an empty one stands for the default. None when there is none."""
        if not padded.rstrip(b"\0"):
            return self.programs.get(self.programs.default_name())
        return self.programs.get(text(padded)) if valid_name(padded) else None

    def pump(self, now_ms: int) -> bool:
        """Reader, line and store, a little of each. Returns True when there is more to do at once."""
        if self.session.started:
            # From its first tick on, so that nothing of the reader's is loaded while the element is hot.
            self.reader.in_use = True
        more = self.reader.pump(now_ms)
        if self.reader.agreed and self.reader.state == m.PODLET_ALLERGEN:
            self.reader.judge_again()
        if self.reader.changes != self._reader_changes:
            self._reader_changes = self.reader.changes
            self.events.emit(m.EVENT_PODLET, self.reader.state, self.reader.doses_left)
        if self.session.start_default:
            self._start_default(now_ms)
        self.port.pump(now_ms)
        self._keep(now_ms)
        if self.extra is not None and self.may_write() and self.extra.step():
            more = True
        if self.restart_ms >= 0 and ticks.diff(now_ms, self.restart_ms) > _ANSWER_MS and self.may_write():
            self.hal.reset()
        return more

    def _start_default(self, now_ms: int) -> None:
        """The button alone: arm and start the default program, as a session that needs no host."""
        session = self.session
        session.start_default = False
        if self.change and self.change.pressed():
            return
        raw = self.programs.get(self.programs.default_name())
        if raw is None or self._latched or not self.config[1] or not session.ready(self.inputs, self.sense):
            return
        self.lease.drop()
        self.supervisor.lease_end()
        self.arm(now_ms, raw, False)
        session.start()

    def arm(self, now_ms: int, raw: bytes, by_host: bool, tuning: bool = False) -> None:
        """As `Session.arm`, once all is loaded that a podlet may need that comes while it is hot."""
        self.reader.load()
        self.session.arm(now_ms, raw, by_host, tuning)

    def _keep(self, now_ms: int) -> None:
        """Open and close session records, write what may be written, latch faults."""
        session = self.session
        relay_open = self.relay_open()
        if session.started:
            session.started = False
            self._begin()
        if session.ended:
            session.ended = False
            self.doser.stop()
            self._count_line()
            self._tuned = session.tuning and session.stop_reason == m.STOP_DONE
            self._learned = self._tuned or (session.steam_ms >= _LEARNED_MS and session.stop_reason != m.STOP_FAULT)
            self.journal.end()
            self.lease.drop()
            self.supervisor.lease_end()
            self._ending = True
        if not self.journal.pump(relay_open) and relay_open:
            self._store()
        if self._ending and relay_open:
            # It is over when its relay is open and its record written: what comes between has cut it off.
            self._ending = False
            latch.note(self.ledger, latch.END, session.number, session.stop_reason, 0)

    def _count_line(self) -> None:
        """What went through the line in the session that has ended."""
        doses = self.doser.doses
        line = self._line
        if doses and self._cleaner != self.reader.insertion:
            line = (min(line[0] + doses, 0xFFFF), self.book.minute)
        elif doses or (self.session.steam_ms >= _RINSE_MS and not self.session.program.dose_count):
            line = (0, 0)
        if doses and self.reader.record.floor_page:
            self.reader.read_again()
        self._line_news = line != self._line
        self._line = line

    def _look_at_line(self) -> None:
        shots, minute = self._line
        self._clean = shots >= _CLEAN_SHOTS or (shots > 0 and self.book.minute - minute >= _CLEAN_REST)

    def _store(self) -> None:
        """One thing that is to be stored, if there is any: each may erase flash, 400 ms at worst, and the watchdog
        is fed only by the tick."""
        kept = True
        if self._latched != self._stored:
            self._stored = self._latched
            kept = latch.save(self.hal, self._latched, 0) if self._latched else latch.clear(self.hal)
        elif self._learned or self.heat.account.news:
            self._learned = False
            self.heat.account.news = False
            kept = learned.keep(self.hal, self.heat)
        elif self._tuned:
            self._tuned = False
            kept = self._keep_gains()
        elif self._line_news:
            self._line_news = False
            kept = params.save(self.hal, "line", LINE, self._line)
            self._look_at_line()
        elif not self.ledger.prepare():
            self._mark()
        if not kept:
            self.events.emit(m.EVENT_STORE, m.CODE_STORE_FAILED, self._latched)

    def _mark(self) -> None:
        """Write down the known time when that is due, while volume is remembered, and each new day. Looks once a
        minute."""
        book = self.book
        if book.minute == self._marked:
            return
        self._marked = book.minute
        self._look_at_line()
        total_nl = self.doser.caps.window.total_nl()
        clock_min = self.hal.unix_s() // 60
        if (total_nl or clock_min // 1440 > book.day) and book.mark_due(clock_min):
            book.mark(clock_min, total_nl)

    def _keep_gains(self) -> bool:
        """Store what a tuning found for keeping warm. False: that failed, and the gains from before are in use."""
        settings = self.heat.settings
        values = self.calibration[:8]
        values += (settings.hold_gain_dw_k, settings.hold_integral_ds, settings.hold_derivative_ds)
        kept = calibration.check(values) < 0 and calibration.keep(self.hal, values)
        if kept:
            self.calibration = values
        calibration.apply(self.calibration, self.sense, settings)
        return kept

    def _begin(self) -> None:
        """A session has started: everything counts from zero."""
        program = self.session.program
        reader = self.reader
        reader.judge_again()
        self._cleaner = reader.insertion if reader.usable() and reader.record.values[MAIN_CLEANING] else -1
        if reader.listed:
            self.events.emit(m.EVENT_ALLERGEN, reader.listed, reader.agreed)
        unix_s = self.hal.unix_s()
        day = unix_s // 86400
        self.sense.reset_energy()
        self.heat.reset_steam()
        self.book.session = self.session.number
        caps = self.doser.caps
        dose_calibration.apply(self.dose_calibration, caps, self.heat.energy.ambient_mc)
        if program.dose_count:
            self.book.mark(unix_s // 60, caps.window.total_nl())
        latch.note(self.ledger, latch.BEGIN, self.session.number, 0, 0)
        self.doser.start(
            program.dose_first_s, program.dose_every_s, program.dose_count, program.dose_nl, self.session.number, day
        )
        self.journal.begin()
