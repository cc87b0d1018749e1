# SPDX-License-Identifier: Apache-2.0
"""The mains side of the simulated board: mains, safety relay, solid-state relay with the element.

A current that flows ends at a zero crossing, in the solid-state relay (SSR) as well as in the arc of a contact that
opens. So everything is decided at the crossings: a half-cycle conducts whole or not at all. What is done at the very
instant of a crossing comes too late for it.
"""

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.plant import STEP_US, Boiler

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_twin.valve import Valve

_NEVER = 1 << 60
_LOST_V = 50
# Half a period in us is this over the frequency in mHz.
_HALF_US_MHZ = 500000000
_NOMINAL_V = 230

RELAY_CLOSE_US = 150000
"""Two edges within this time close the relay."""
RELAY_HOLD_US = 180000
"""The relay opens this long after the last edge (the board's bounds: 120 to 250 ms)."""

BURST_MAX_CYCLES = 25
BURST_MAX_US = 500000
_LATE_US = 3000


class Mains:
    """Mains voltage and its zero crossings. Below 50 V it counts as lost: there are no crossings."""

    def __init__(self, volts: float, mhz: int) -> None:
        """`volts` effective at `mhz` mHz; the first crossing is one half-cycle after the start."""
        self.volts = volts
        self.mhz = mhz
        self._base_us = 0
        self._base = 0

    def present(self) -> bool:
        """Whether there are zero crossings."""
        return self.volts >= _LOST_V

    def count(self, t_us: int) -> int:
        """Zero crossings up to and at `t_us`."""
        if self.volts < _LOST_V:
            return self._base
        return self._base + (t_us - self._base_us) * self.mhz // _HALF_US_MHZ

    def crossing_us(self, number: int) -> int:
        """Time of crossing `number`; far away when mains is lost."""
        if self.volts < _LOST_V:
            return _NEVER
        return self._base_us + ((number - self._base) * _HALF_US_MHZ + self.mhz - 1) // self.mhz

    def change(self, t_us: int, volts: float, mhz: int) -> None:
        """New voltage and frequency from `t_us` on. The phase goes on unless it was lost or the frequency changes."""
        was_present = self.present()
        # The count is kept, so that it never runs back.
        if mhz != self.mhz or was_present != (volts >= _LOST_V):
            self._base = self.count(t_us)
            self._base_us = t_us
        self.volts = volts
        self.mhz = mhz


class Relay:
    """The safety relay, its coil fed through a charge pump by edges that must keep coming.

    The valve's supply hangs on the same edges through a switch of its own.
    """

    def __init__(self) -> None:
        self._last_us = -_NEVER
        self.drop_us = 0
        """Time at which coil and valve supply are without feed unless another edge comes."""
        self.welded = False
        """Fault: the contact never opens."""
        self.stuck_open = False
        """Fault: the contact never closes."""
        self.hold_us = RELAY_HOLD_US
        """The relay opens this long after the last edge; more than 250 ms is a fault of the charge pump."""
        self.edges = 0
        """Edges since the start."""

    def heartbeat(self, t_us: int) -> None:
        """One edge. Parts that draw on the relay must have been brought up to `t_us` before (`Heater.heartbeat`)."""
        if t_us < self.drop_us or t_us - self._last_us <= RELAY_CLOSE_US:
            self.drop_us = t_us + self.hold_us
        self._last_us = t_us
        self.edges += 1

    def fed(self, t_us: int) -> bool:
        """Whether coil and valve supply are fed at `t_us`, which is not before the last edge."""
        return t_us < self.drop_us

    def closed(self, t_us: int) -> bool:
        """Whether the contact is closed at `t_us`."""
        return self.welded or (t_us < self.drop_us and not self.stuck_open)


class Heater:
    """Mains, relay, SSR and element on the boiler, brought forward only when somebody looks (`run_to`).

    Every method with a time first runs to it; times must not run back. The boiler's steps lie on a fixed grid of
    25 ms, so its state does not depend on how often `run_to` is called.
    """

    def __init__(self, boiler: Boiler, constants: Constants) -> None:
        """A heater at time 0, everything off."""
        self.boiler = boiler
        self.mains = Mains(constants.mains_v, int(constants.mains_mhz))
        self.relay = Relay()
        self.ssr_welded = False
        """Fault: the SSR conducts whatever its input says."""
        self.ssr_open = False
        """Fault: the element's circuit is broken (SSR, element or thermal link)."""
        self.half_wave = False
        """Fault: one half of the SSR conducts no more, so that every second half-cycle is missing."""
        self.weak = 1.0
        """Part of the element that is whole: below 1 it takes so much less power."""
        self.sense_dead = False
        """Fault: the load sense counts nothing."""
        self.sense_stuck = False
        """Fault: the load sense counts every half-cycle of the mains."""
        self.crossings_factor = 1
        """Fault: the zero-cross input counts so many for each crossing: 0 or 2."""
        self.cutout_open = False
        """The bimetal on the wall has opened; set it back by hand."""
        self.load_halves = 0
        """Half-cycles in which the load sense saw element current, up to the last `run_to`."""
        self.true_halves = 0
        """Half-cycles in which element current flowed, whatever the sense saw."""
        self.current_us = 0
        """End of the last of them."""
        self.strays = 0
        """Half-cycles with current that no burst commanded."""
        self.stray_us = 0
        """End of the second of them, so of a whole mains cycle; set `strays` to 0 to see the next."""
        self.peak_c = boiler.wall_c
        """degC of the wall at its hottest since the start."""
        self.burst_halves = 0
        """Half-cycles commanded on by bursts, as far as they have been sent, up to the last `run_to`."""
        self.done_us = 0
        """End of the last burst."""
        self.valve: "Valve | None" = None
        """The valve that is fed by the same edges."""
        self._cutout_c = constants.cutout_c
        self._element_w = constants.element_w / (1 + constants.element_error)
        self._full_w = self._power_w()
        self._pattern = 0
        self._cycle_us = 20000
        self._start_us = 0
        self._span_us = 0
        self._sent = 0
        self._conducts = False
        self._t_us = 0
        self._crossing = 1
        self._crossing_us = self.mains.crossing_us(1)
        self._grid_us = STEP_US
        self._step_j_us = 0.0
        self._counted = 0
        self._counted_at = 0

    def _power_w(self) -> float:
        relative = self.mains.volts / _NOMINAL_V
        return self._element_w * self.weak * relative * relative

    # Commands ----------------------------------------------------------------------------------------------
    def burst(self, t_us: int, pattern: int, cycles: int, cycle_us: int) -> None:
        """Send a burst: bit i of `pattern` is mains cycle i, of `cycles` (1 to 25), each `cycle_us` long.

        As on the board, all edges but the first fall in the middle of half-cycles: a burst given up to 3 ms after
        the middle starts at once with a shortened first cycle, one given at another time waits for the next middle.
        Raises ValueError when a burst is being sent (the RMT would block) or it would last longer than 0.5 s.
        """
        if t_us < self.done_us:
            raise ValueError("burst while one is being sent")
        if not 1 <= cycles <= BURST_MAX_CYCLES or cycles * cycle_us > BURST_MAX_US:
            raise ValueError("burst of %d cycles of %d us" % (cycles, cycle_us))
        self.run_to(t_us)
        start_us = t_us
        if self.mains.present():
            half_us = _HALF_US_MHZ // self.mains.mhz
            start_us = self._crossing_us - half_us // 2
            if t_us > start_us + _LATE_US:
                start_us += half_us
        self._pattern = pattern
        self._cycle_us = cycle_us
        self._start_us = start_us
        self._span_us = cycles * cycle_us
        self._sent = 0
        self.done_us = start_us + self._span_us

    def busy(self, t_us: int) -> bool:
        """Whether a burst is being sent."""
        return t_us < self.done_us

    def abort(self, t_us: int) -> None:
        """End a burst now. A half-cycle that conducts still ends at its zero crossing."""
        self.run_to(t_us)
        self._span_us = 0
        if t_us < self.done_us:
            self.done_us = t_us

    def heartbeat(self, t_us: int) -> None:
        """One edge on the relay's charge pump."""
        self.run_to(t_us)
        if self.valve:
            self.valve.run_to(t_us)
        self.relay.heartbeat(t_us)

    def set_mains(self, t_us: int, volts: float, mhz: int) -> None:
        """Change the mains; below 50 V it is lost."""
        self.run_to(t_us)
        self._conduct_to(t_us)
        self.mains.change(t_us, volts, mhz)
        if not self.mains.present():
            self._conducts = False
        self._full_w = self._power_w()
        self._crossing = self.mains.count(t_us) + 1
        self._crossing_us = self.mains.crossing_us(self._crossing)

    def weaken(self, t_us: int, whole: float) -> None:
        """Only the part `whole` (0 to 1) of the element takes power from now on."""
        self.run_to(t_us)
        self._conduct_to(t_us)
        self.weak = whole
        self._full_w = self._power_w()

    def miscount(self, t_us: int, factor: int) -> None:
        """The zero-cross input counts `factor` (0, 1, 2) for each crossing from now on."""
        self._counted = self.zero_cross(t_us)
        self._counted_at = self.mains.count(t_us)
        self.crossings_factor = factor

    # Signs -------------------------------------------------------------------------------------------------
    def zero_cross(self, t_us: int) -> int:
        """Mains half-cycles as the input has counted them since the start."""
        return self._counted + (self.mains.count(t_us) - self._counted_at) * self.crossings_factor

    def relay_closed(self, t_us: int) -> bool:
        """Whether the safety relay's contact is closed."""
        return self.relay.closed(t_us)

    # Time --------------------------------------------------------------------------------------------------
    def run_to(self, t_us: int) -> None:
        """Bring half-cycles, counters and boiler up to `t_us`."""
        while True:
            if self._crossing_us <= self._grid_us:
                if self._crossing_us > t_us:
                    break
                self._cross()
            else:
                if self._grid_us > t_us:
                    break
                self._step()
        half_us = self._cycle_us // 2
        due_us = self._start_us + half_us // 2 + self._sent * half_us
        while due_us <= t_us and due_us < self._start_us + self._span_us:
            self.burst_halves += self._pattern >> (self._sent >> 1) & 1
            self._sent += 1
            due_us += half_us

    def _conduct_to(self, t_us: int) -> None:
        if self._conducts:
            self._step_j_us += self._full_w * (t_us - self._t_us)
        self._t_us = t_us

    def _cross(self) -> None:
        t_us = self._crossing_us
        self._conduct_to(t_us)
        wanted = False
        since_us = t_us - self._start_us
        if 0 <= since_us < self._span_us:
            wanted = self._pattern >> (since_us // self._cycle_us) & 1 == 1
        stray = self.ssr_welded and not wanted
        wanted = wanted or stray
        if self.half_wave and self._crossing & 1:
            wanted = False
        self._conducts = wanted and not self.ssr_open and not self.cutout_open and self.relay.closed(t_us)
        if self._conducts:
            self.true_halves += 1
            self.current_us = t_us + _HALF_US_MHZ // self.mains.mhz
            if stray:
                self.strays += 1
                if self.strays == 2:
                    self.stray_us = self.current_us
        if self.sense_stuck or (self._conducts and not self.sense_dead):
            self.load_halves += 1
        self._crossing += 1
        self._crossing_us = self.mains.crossing_us(self._crossing)

    def _step(self) -> None:
        self._conduct_to(self._grid_us)
        self.boiler.run_steps(1, self._step_j_us / STEP_US)
        wall_c = self.boiler.wall_c
        if wall_c > self._cutout_c:
            self.cutout_open = True
        if wall_c > self.peak_c:
            self.peak_c = wall_c
        self._step_j_us = 0.0
        self._grid_us += STEP_US
