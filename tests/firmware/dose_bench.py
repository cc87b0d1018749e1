# SPDX-License-Identifier: Apache-2.0
"""A doser on a bench: the firmware's Doser over a podlet that is only numbers and a valve that is only a coil.

Runs on both interpreters.
"""

from podsteam_firmware.dose.engine import Doser
from podsteam_firmware.podlet import reader as rd
from podsteam_firmware.podlet.policy import Limits
from podsteam_firmware.signals import Inputs
from podsteam_protocol import messages as m

TICK_MS = 50
MASK = 0x3FFFFFFF


class FakeReader(Limits):
    """A podlet of 20 doses of 50 uL that takes each count after `write_ticks`, unless told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.state = m.PODLET_GUEST
        self.present = True
        self.insertion = 1
        self.in_use = False
        self.write_state = rd.WRITE_IDLE
        self.write_ticks = 2
        self.writes = 0
        self.fail_writes = 0
        self.noted_no = 0
        self.noted_nl = 0
        self.dose_nl = 50_000
        self.session_cap_nl = 500_000
        self.min_interval_s = 10
        self.outlet_min_cdeg = 3000
        self.outlet_max_cdeg = 6000
        self.flow_nl_ms = 500
        self.doses_left = 20
        self._ticks = 0

    def note_dose(self, dose_no: int, nl: int, session: int, day: int) -> bool:
        if not self.usable() or self.write_state == rd.WRITE_BUSY:
            return False
        self.noted_no = dose_no
        self.noted_nl = nl
        self._ticks = self.write_ticks
        self.write_state = rd.WRITE_BUSY
        return True

    def tick(self) -> None:
        if self.write_state == rd.WRITE_BUSY:
            self._ticks -= 1
            if self._ticks <= 0:
                self.writes += 1
                if self.fail_writes:
                    self.fail_writes -= 1
                    self.write_state = rd.WRITE_FAILED
                    return
                self.write_state = rd.WRITE_DONE
                self.doses_used = self.noted_no
                self.doses_left -= 1
                if not self.doses_left:
                    self.state = m.PODLET_EXHAUSTED

    def remove(self) -> None:
        self.present = False
        self.state = m.PODLET_REMOVED
        self.clear_limits()
        if self.write_state == rd.WRITE_BUSY:
            self.write_state = rd.WRITE_FAILED


class Sink:
    """Keeps the events in preallocated lists."""

    def __init__(self) -> None:
        self.count = 0
        self.event = [0] * 400
        self.a = [0] * 400
        self.b = [0] * 400

    def emit(self, event: int, a: int, b: int) -> None:
        i = self.count
        self.event[i] = event
        self.a[i] = a
        self.b[i] = b
        self.count = i + 1

    def all(self) -> "list[tuple[int, int, int]]":
        return [(self.event[i], self.a[i], self.b[i]) for i in range(self.count)]


class FakeBook:
    """Takes everything down, unless told that it is full or that it fails; counts."""

    def __init__(self) -> None:
        self.full = False
        self.failing = False
        self.minute = 0
        self.intents = 0
        self.results = 0

    def ready(self) -> bool:
        return not self.full

    def intent(self, nl: int, dose_no: int) -> bool:
        if self.failing:
            return False
        self.intents += 1
        return True

    def result(self, result: int, nl: int) -> None:
        self.results += 1


class DoseBench:
    """Doser, podlet, coil and clock; conditions are fields to set."""

    def __init__(self, start_ms: int = 0) -> None:
        self.now_ms = start_ms
        self.reader = FakeReader()
        self.sink = Sink()
        self.book = FakeBook()
        self.doser = Doser(self.reader, self.sink, self.book)  # type: ignore[arg-type]
        self.inputs = Inputs()
        self.inputs.latch_closed = True
        self.steam_ms = 0
        self.steam_ok = True
        self.allow = True
        self.outlet_cdeg = 4500
        self.coil_works = True
        self.coil_stuck = False
        self.pulse_count = 0
        self.pulse_us = 0
        self.pulsed_us = 0
        """Widths of all pulses together."""
        self.cuts = 0
        self._open_us = 0

    def tick(self) -> None:
        """One tick as the loop makes it: sample, step, carry out, pump."""
        inputs = self.inputs
        inputs.coil_on = self.coil_stuck or (self._open_us > 0 and self.coil_works)
        doser = self.doser
        doser.steam_s = self.steam_ms // 1000
        doser.outlet_cdeg = self.outlet_cdeg
        doser.steam_ok = self.steam_ok
        doser.step(self.now_ms, inputs, self.allow)
        if doser.valve_off:
            self.cuts += 1
            self._open_us = 0
        if doser.pulse_us:
            assert not self._open_us, "a pulse while one runs"
            self.pulse_count += 1
            self.pulse_us = doser.pulse_us
            self.pulsed_us += doser.pulse_us
            self._open_us = doser.pulse_us
            if self.coil_works:
                inputs.coil_pulses = (inputs.coil_pulses + 1) & MASK
        self.reader.tick()
        self.now_ms = (self.now_ms + TICK_MS) & MASK
        self._open_us = max(0, self._open_us - TICK_MS * 1000)
        if self.steam_ok:
            self.steam_ms += TICK_MS

    def run(self, s: float) -> None:
        for _ in range(int(s * 1000) // TICK_MS):
            self.tick()

    def run_until(self, condition, limit_s: float = 60) -> None:  # type: ignore[no-untyped-def]
        for _ in range(int(limit_s * 1000) // TICK_MS):
            if condition(self):
                return
            self.tick()
        raise AssertionError("did not happen in time")
