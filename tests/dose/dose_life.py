# SPDX-License-Identifier: Apache-2.0
"""A life of the doser against a reference ledger: each action may raise Wrong, which names the rule that was broken.

The doser, its caps, its book and the ledger ring are the firmware's; flash loses its power at any operation, torn in
every way; podlets are numbers. The reference keeps true time and each pulse that the valve was told to give, and knows
nothing of how the firmware counts. Runs on both interpreters; `test_dose_life.py` drives it with Hypothesis, `drive`
with seeds.

The rules: commanded <= every cap (shot, session, 24 hours, interval); ledger >= commanded; ledger - commanded <= one
shot for each power cut; no number of a podlet's dose twice; no pulse outside the interlocks.
"""

from ledger_bench import ERASE_TEARS, PROG_TEARS, Cut, RingHal

from podsteam_firmware.dose import calibration, wall
from podsteam_firmware.dose.book import INTENT, Book
from podsteam_firmware.dose.engine import Doser
from podsteam_firmware.podlet import reader as rd
from podsteam_firmware.podlet.policy import Limits
from podsteam_firmware.signals import Inputs
from podsteam_firmware.store.ledger import Ledger
from podsteam_protocol import messages as m
from podsteam_twin.rng import Rng

TICK_MS = 50
MASK = 0x3FFFFFFF
DAY_MS = 86_400_000
SHOT_NL = 250_000
SESSION_NL = 3_000_000
DAY_NL = 6_000_000
INTERVAL_S = 5
SECTORS = 6
TEARS = PROG_TEARS + ERASE_TEARS
YEAR_2026_MIN = 29_454_720


class Wrong(Exception):
    """A rule was broken."""


class Podlet:
    """One podlet: its limits, what its tag says, and what it truly gave."""

    def __init__(self, number: int) -> None:
        self.uid = bytearray((4, 0xA0, 0, 0, 0, number >> 8, number & 255))
        self.dose_nl = 50_000
        self.session_cap_nl = 400_000
        self.min_interval_s = 10
        self.flow_nl_ms = 500
        self.count = 40
        self.used = 0
        """As the tag says."""
        self.given = 0
        """Highest number of a dose that was given."""


class LifeReader(Limits):
    """The reader with a podlet in it, or none."""

    def __init__(self, chance: Rng) -> None:
        super().__init__()
        self._chance = chance
        self.podlet = None
        self.uid = bytearray(7)
        self.present = False
        self.insertion = 0
        self.in_use = False
        self.write_state = rd.WRITE_IDLE
        self.fail_writes = 0
        self.no = 0
        self._ticks = 0

    def put(self, podlet) -> None:
        """Another podlet, or None: it is taken out."""
        if self.write_state == rd.WRITE_BUSY:
            self.torn()
            self.write_state = rd.WRITE_FAILED
        self.podlet = podlet
        self.present = podlet is not None
        if podlet is None:
            self.state = m.PODLET_REMOVED if self.in_use else m.PODLET_ABSENT
            self.clear_limits()
            return
        self.insertion = (self.insertion + 1) & MASK
        self.uid[:] = podlet.uid
        self.read()

    def read(self) -> None:
        """Take what its tag says now."""
        podlet = self.podlet
        self.dose_nl = podlet.dose_nl
        self.session_cap_nl = podlet.session_cap_nl
        self.min_interval_s = podlet.min_interval_s
        self.flow_nl_ms = podlet.flow_nl_ms
        self.outlet_min_cdeg = 3000
        self.outlet_max_cdeg = 6000
        self.doses_used = podlet.used
        self.doses_left = max(0, podlet.count - podlet.used)
        self.state = m.PODLET_GUEST if self.doses_left else m.PODLET_EXHAUSTED

    def note_dose(self, dose_no: int, nl: int, session: int, day: int) -> bool:
        if not self.usable() or self.write_state == rd.WRITE_BUSY:
            return False
        self.no = dose_no
        self._ticks = 1 + self._chance.bits(2)
        self.write_state = rd.WRITE_BUSY
        return True

    def torn(self) -> None:
        """A write that is cut has reached the tag, or it has not."""
        if self.podlet and self._chance.bits(1):
            self.podlet.used = max(self.podlet.used, self.no)

    def tick(self) -> None:
        if self.write_state != rd.WRITE_BUSY:
            return
        self._ticks -= 1
        if self._ticks > 0:
            return
        if self.fail_writes:
            self.fail_writes -= 1
            self.torn()
            self.write_state = rd.WRITE_FAILED
            return
        self.podlet.used = self.no
        self.write_state = rd.WRITE_DONE
        self.read()


class Events:
    """Keeps no events but the count of shots that were begun and ended."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0

    def emit(self, event: int, a: int, b: int) -> None:
        if event == m.EVENT_DOSE_INTENT:
            self.begun += 1
        elif event == m.EVENT_DOSE_RESULT:
            self.ended += 1
            if self.ended > self.begun:
                raise Wrong("a result without an intent")


class DoseLife:
    """Device, podlets, clocks and reference. Every method but the private ones is an action."""

    def __init__(self, seed: int = 1, clock: bool = True) -> None:
        """`clock`: a battery clock is fitted."""
        self.chance = Rng(seed)
        self.hal = RingHal(SECTORS, seed)
        self.hal.set_clock = self._set
        self.podlets = [Podlet(i) for i in range(6)]
        self.made = 6
        self.true_ms = 0
        """True time since the device was made."""
        self.fitted = clock
        self.clock_ms = YEAR_2026_MIN * 60_000
        """What the battery clock adds to true time."""
        self.clock_set = clock
        self.pulses = []
        """(true time in ms, nL, session, podlet) of the last days' shots."""
        self.shots = 0
        self.cuts = 0
        self.steps = 0
        self.session = 0
        self.session_nl = 0
        self.last_ms = -DAY_MS
        self.seqs = []
        """(sequence, nL) of the intents that were seen before a pulse."""
        self.intents = 0
        """Intents that are or may be in the ring and had no pulse."""
        self.stored = calibration.NEW
        self.outlet_cdeg = 4500
        self.steam_ok = True
        self.latch = True
        self.content = True
        self._boot()

    # The device -----------------------------------------------------------------------------------------------
    def _clock_min(self) -> int:
        return (self.clock_ms + self.true_ms) // 60_000 if self.clock_set else 0

    def _boot(self) -> None:
        """A start, as the core makes it. A cut may interrupt it."""
        self.session = 0
        self.clock_set = self.clock_set and self.fitted
        self.running = self.paused = False
        self.now_ms = self.chance.bits(30)
        self.steam_ms = 0
        self.open_us = 0
        self.marked = 0
        self.inputs = Inputs()
        self.events = Events()
        self.reader = LifeReader(self.chance)
        self.ledger = Ledger(self.hal)
        self.book = Book(self.ledger, self.reader)
        self.doser = Doser(self.reader, self.events, self.book)
        calibration.apply(self.stored, self.doser.caps, 22_000)
        self._check_book()
        self.book.settle()
        self.book.recall(self.doser.caps, self.now_ms, self._clock_min())
        if self.book.settle():
            raise Wrong("assumed twice")
        self._check_window()

    def _check_book(self) -> None:
        """Every shot that was given stands in the ring, and hardly more."""
        found = {}
        for entry in self.ledger.entries():
            if entry[1] == INTENT:
                found[entry[0]] = entry[3]
        whole = self.ledger.whole()
        for seq, nl in self.seqs:
            if seq >= whole and found.get(seq) != nl:
                raise Wrong("a given dose is missing from the ledger")
        known = len([seq for seq, _ in self.seqs if seq in found])
        self.seqs = [each for each in self.seqs if each[0] >= self.ledger.oldest()]
        if len(found) - known > self.cuts:
            raise Wrong("%d intents beyond the shots given, %d cuts" % (len(found) - known, self.cuts))

    def _check_window(self) -> None:
        """What the device remembers of 24 hours is no less than what it gave in them."""
        since = self.true_ms - DAY_MS
        self.pulses = [pulse for pulse in self.pulses if pulse[0] > since]
        if self.doser.caps.window.total_nl() < sum(pulse[1] for pulse in self.pulses):
            raise Wrong("less remembered than was given in 24 hours")

    def _lost(self) -> None:
        """The power is gone: everything but flash, tag and battery clock starts anew."""
        self.cuts += 1
        if self.reader.write_state == rd.WRITE_BUSY:
            self.reader.torn()
        podlet = self.reader.podlet
        self.hal.cut_in = -1
        while True:
            try:
                self._boot()
                break
            except Cut:
                self.cuts += 1
        self.reader.put(podlet)

    def _time(self, ms: int) -> None:
        self.now_ms = (self.now_ms + ms) & MASK
        self.true_ms += ms

    def _tick(self) -> None:
        """One tick as the core and the loop make it."""
        inputs = self.inputs
        inputs.latch_closed = self.latch
        inputs.coil_on = self.open_us > 0
        doser = self.doser
        doser.steam_s = self.steam_ms // 1000
        doser.outlet_cdeg = self.outlet_cdeg
        doser.steam_ok = self.steam_ok
        allow = self.running and not self.paused and self.content
        doser.step(self.now_ms, inputs, allow)
        if doser.valve_off:
            self.open_us = 0
        if doser.pulse_us:
            self._pulse(doser.pulse_us, allow)
        self.reader.tick()
        self._time(TICK_MS)
        self.open_us = max(0, self.open_us - TICK_MS * 1000)
        if self.steam_ok and allow:
            self.steam_ms += TICK_MS

    def _pulse(self, width_us: int, allow: bool) -> None:
        """The valve opens: is that right?"""
        reader = self.reader
        podlet = reader.podlet
        if self.open_us:
            raise Wrong("a pulse while one runs")
        if not allow:
            raise Wrong("a pulse that is not allowed")
        if not (self.steam_ok and self.latch and 3000 <= self.outlet_cdeg <= 6000):
            raise Wrong("a pulse outside the interlocks")
        if self.bound is None:
            self.bound = podlet
        if podlet is None or podlet is not self.bound:
            raise Wrong("a pulse from another podlet than the session's")
        gain, dead, p95 = self.stored[:3]
        nl = (width_us - dead) * podlet.flow_nl_ms * gain // 1_000_000
        whole = 1 + p95 / 1000
        slack = podlet.flow_nl_ms + 2
        if nl > min(SHOT_NL / whole, podlet.dose_nl) + slack:
            raise Wrong("%d nL in a shot" % nl)
        self.session_nl += nl
        if self.session_nl > min(SESSION_NL, podlet.session_cap_nl) / whole + slack * (1 + self.shots):
            raise Wrong("%d nL in a session" % self.session_nl)
        self.pulses.append((self.true_ms, nl))
        if self.true_ms - self.last_ms < max(INTERVAL_S, podlet.min_interval_s) * 1000:
            raise Wrong("a pulse %d ms after the last" % (self.true_ms - self.last_ms))
        self.last_ms = self.true_ms
        since = self.true_ms - DAY_MS
        day_nl = sum(pulse[1] for pulse in self.pulses if pulse[0] > since)
        if day_nl > DAY_NL / whole + slack * len(self.pulses):
            raise Wrong("%d nL in 24 hours" % day_nl)
        if reader.no <= podlet.given or podlet.used < reader.no:
            raise Wrong("dose %d after %d, tag says %d" % (reader.no, podlet.given, podlet.used))
        podlet.given = reader.no
        record = self.ledger.read(self.ledger.head - 1)
        if record is None or record[1] != INTENT or record[4] != reader.no or record[3] + slack < nl:
            raise Wrong("a pulse without its intent in the ledger")
        self.seqs.append((record[0], record[3]))
        self.shots += 1
        self.inputs.coil_pulses = (self.inputs.coil_pulses + 1) & MASK
        self.open_us = width_us

    def _do(self, work) -> None:
        """An action that a cut may end."""
        self.steps += 1
        try:
            work()
        except Cut:
            self._lost()

    # Actions --------------------------------------------------------------------------------------------------
    def run(self, ticks: int) -> None:
        """Time passes, tick by tick."""

        def work() -> None:
            for _ in range(ticks):
                self._tick()

        self._do(work)

    def idle(self, minutes: int) -> None:
        """Nobody is there: the session ends, the device stands about and keeps its ledger."""

        def work() -> None:
            self._stop()
            while self.ledger.prepare():
                pass
            left = minutes
            while left > 0:
                step = min(left, 30)
                left -= step
                self._time(step * 60_000)
                self._tick()
                self._mark()

        self._do(work)

    def _mark(self) -> None:
        book, total_nl = self.book, self.doser.caps.window.total_nl()
        if book.minute != self.marked:
            self.marked = book.minute
            if total_nl and book.mark_due(self._clock_min()):
                book.mark(self._clock_min(), total_nl)

    def start(self, first_s: int, every_s: int, count: int, nl: int) -> None:
        """A session begins."""

        def work() -> None:
            self._stop()
            while self.ledger.prepare():
                pass
            self.session = (self.session + 1) & 0xFFFF
            self.session_nl = 0
            self.steam_ms = 0
            self.running, self.paused = True, False
            self.book.session = self.session
            calibration.apply(self.stored, self.doser.caps, 22_000)
            self.book.mark(self._clock_min(), self.doser.caps.window.total_nl())
            self.bound = self.reader.podlet
            self.doser.start(first_s, every_s, count, nl, self.session, 20_000)

        self._do(work)

    def _stop(self) -> None:
        self.doser.stop()
        self.running = self.paused = False

    def stop(self) -> None:
        """The button: the shot ends as well."""

        def work() -> None:
            self._stop()
            self._tick()
            if self.open_us:
                raise Wrong("the button did not end the shot")

        self._do(work)

    def pause(self) -> None:
        """Or go on, if it is paused."""
        self.steps += 1
        self.paused = not self.paused

    def insert(self, number: int) -> None:
        """Put a podlet in; one that is there is swapped."""
        self.steps += 1
        self.reader.put(self.podlets[number % len(self.podlets)])

    def remove(self) -> None:
        """Take it out."""
        self.steps += 1
        self.reader.put(None)

    def fresh(self, number: int, dose_nl: int, cap_nl: int, flow: int, interval_s: int) -> None:
        """A new podlet of other limits stands ready (fill)."""
        self.steps += 1
        podlet = Podlet(self.made)
        self.made += 1
        podlet.dose_nl, podlet.session_cap_nl = dose_nl, cap_nl
        podlet.flow_nl_ms, podlet.min_interval_s = flow, interval_s
        number %= len(self.podlets)
        if self.podlets[number] is not self.reader.podlet:
            self.podlets[number] = podlet

    def tamper(self, what: int) -> None:
        """Latch, steam, outlet or supervisor change; what was wrong comes right again."""
        self.steps += 1
        self.latch = what != 0
        self.steam_ok = what != 1
        self.outlet_cdeg = 2900 if what == 2 else 6100 if what == 3 else 4500
        self.content = what != 4
        self.reader.fail_writes = 2 if what == 5 else 0

    def cut(self, after: int, tear: int, off_min: int) -> None:
        """The power goes at a flash operation to come, or at once (`after` 0); it comes back `off_min` later."""
        self.steps += 1
        if after:
            self.hal.cut_in, self.hal.tear = after - 1, TEARS[tear % len(TEARS)]
        else:
            self.true_ms += off_min * 60_000
            self._lost()

    def reset(self) -> None:
        """The chip starts anew: as a cut, without time."""
        self.cut(0, 0, 0)

    def set_clock(self, minutes: int) -> None:
        """A host tells the time, whatever it says: it may lie. Without a battery clock a restart forgets it."""

        def work() -> None:
            unix_s = max(1, YEAR_2026_MIN + minutes) * 60
            wall.set_clock(self.hal, self.book, self.doser.caps.window.total_nl(), unix_s)

        self._do(work)

    def _set(self, unix_s: int) -> bool:
        """The HAL's verb."""
        self.clock_set = True
        self.clock_ms = unix_s * 1000 - self.true_ms
        return True

    def battery(self) -> None:
        """The clock's battery is empty: it says that it was never set."""
        self.steps += 1
        self.clock_set = False

    def calibrate(self, gain: int, dead_us: int, p95: int) -> None:
        """Another calibration, between sessions."""
        self.steps += 1
        values = (gain, dead_us, p95, 2200, 0, 10, 0)
        if not self.running and calibration.check(values) < 0:
            self.stored = values
            calibration.apply(values, self.doser.caps, 22_000)


def one(life: DoseLife, chance: Rng) -> None:
    """One action by chance, so that most sessions get somewhere."""
    dice = chance.bits(6)
    if dice < 26:
        life.run(1 + chance.bits(6))
    elif dice < 34:
        life.run(200 + chance.bits(8))
    elif dice < 42:
        nl = 0 if chance.bits(1) else chance.bits(19)
        life.start(chance.bits(1), 5 + chance.bits(4), 1 + chance.bits(5), nl)
    elif dice < 46:
        life.insert(chance.bits(3))
    elif dice < 47:
        life.remove()
    elif dice < 49:
        life.fresh(chance.bits(3), 1 + chance.bits(19), 1 + chance.bits(23), 1 + chance.bits(10), chance.bits(5))
    elif dice < 52:
        life.tamper(chance.bits(4))
    elif dice < 54:
        life.tamper(9)
    elif dice < 55:
        life.pause()
    elif dice < 57:
        life.stop()
    elif dice < 59:
        life.cut(chance.bits(3), chance.bits(4), chance.bits(11) if chance.bits(1) else 0)
    elif dice < 60:
        life.idle(1 + chance.bits(9))
    elif dice < 61:
        life.set_clock(chance.bits(14) - 8192)
    elif dice < 62:
        life.battery() if chance.bits(3) == 0 else life.reset()
    elif dice < 63:
        life.calibrate(800 + chance.bits(9), 2000 + chance.bits(11), chance.bits(9))
    else:
        life.run(20)


def drive(seed: int, steps: int) -> "tuple[int, int, int]":
    """A life of so many actions. Returns (shots given, power cuts, shots made smaller or refused by the day's cap)."""
    life = DoseLife(seed, seed % 3 != 0)
    chance = Rng(seed ^ 0x5EED)
    days = 0
    for _ in range(steps):
        one(life, chance)
        if life.doser.reason == m.DOSE_DAY_CAP:
            days += 1
            life.idle(600)
    life.reset()
    return life.shots, life.cuts, days


if __name__ == "__main__":
    import sys

    print(*drive(int(sys.argv[1]), int(sys.argv[2])))
