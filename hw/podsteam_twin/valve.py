# SPDX-License-Identifier: Apache-2.0
"""The podlet's micro-valve on the simulated board: coil, supply and what flows."""

from podsteam_twin.electrics import Relay


class Valve:
    """The normally-closed micro-valve: coil pulses that end by themselves, volume = flow x (time - dead time)."""

    def __init__(self, relay: Relay, flow_nl_ms: float = 40.0, dead_ms: float = 3.0) -> None:
        """A closed valve whose supply hangs on `relay`'s edges. Flow and dead time are hypotheses."""
        self._relay = relay
        self.flow_nl_ms = flow_nl_ms
        """nL for each ms that it is open: that of the podlet's liquid in this valve."""
        self.dead_us = int(dead_ms * 1000)
        """us from the coil's current to the flow, less the same at the end."""
        self.delivered_nl = 0.0
        """Delivered up to the last `run_to`."""
        self.coil_pulses = 0
        """Coil current pulses that hardware has counted."""
        self.coil_open = False
        """Fault: the coil's wire is broken."""
        self.stuck_closed = False
        """Fault: the coil works and nothing flows."""
        self.leak_nl_ms = 0.0
        """Fault: nL that flow in each ms without the coil; a valve that is stuck open leaks its whole flow."""
        self.clogged = 1.0
        """Part of the flow that is left."""
        self.wear_us = 0.0
        """Fault: us that the dead time grows with each pulse."""
        self.wear_flow = 0.0
        """Fault: part of the flow that each pulse takes off."""
        self.air_nl = 0.0
        """Fault: air in the line; nothing else comes before it is out."""
        self.left_nl = 1e12
        """What the podlet still holds; a full one holds more than it ever gives."""
        self.flow_us = 0
        """When liquid flowed last, up to the last `run_to`."""
        self.stuck_on = False
        """Fault: the coil's driver conducts always; set by `stick_on`."""
        self._end_us = 0
        self._dead_left_us = 0
        self._worn_us = 0.0
        self._t_us = 0

    def pulse(self, t_us: int, width_us: int) -> None:
        """Open for `width_us` (1,000 to 1,000,000). Raises ValueError while `busy` or for another width."""
        if self.busy(t_us) or not 1000 <= width_us <= 1000000:
            raise ValueError("valve pulse of %d us" % width_us)
        was_on = self.coil_on(t_us)
        self.run_to(t_us)
        self._end_us = t_us + width_us
        self._edge(t_us, was_on)

    def busy(self, t_us: int) -> bool:
        """Whether a pulse is being sent."""
        return t_us < self._end_us

    def abort(self, t_us: int) -> None:
        """End a pulse now."""
        self.run_to(t_us)
        if t_us < self._end_us:
            self._end_us = t_us

    def stick_on(self, t_us: int, stuck: bool) -> None:
        """Fault: the coil's driver conducts always (`stuck`), or it is mended."""
        was_on = self.coil_on(t_us)
        self.run_to(t_us)
        self.stuck_on = stuck
        self._edge(t_us, was_on)

    def coil_on(self, t_us: int) -> bool:
        """Whether coil current flows."""
        return (self.stuck_on or t_us < self._end_us) and not self.coil_open and self._relay.fed(t_us)

    def run_to(self, t_us: int) -> None:
        """Bring `delivered_nl` up to `t_us`."""
        end_us = t_us
        if not self.stuck_on and end_us > self._end_us:
            end_us = self._end_us
        if end_us > self._relay.drop_us:
            end_us = self._relay.drop_us
        on_us = end_us - self._t_us
        if on_us > 0 and not self.coil_open:
            dead_us = self._dead_left_us if self._dead_left_us < on_us else on_us
            self._dead_left_us -= dead_us
            if not self.stuck_closed and on_us > dead_us:
                self._flow(self.flow_nl_ms * self.clogged * (on_us - dead_us) / 1000, end_us)
        if self.leak_nl_ms > 0 and t_us > self._t_us:
            self._flow(self.leak_nl_ms * (t_us - self._t_us) / 1000, t_us)
        if t_us > self._t_us:
            self._t_us = t_us

    def _flow(self, nl: float, t_us: int) -> None:
        """So much would come out by `t_us`: air comes first, and no more than is left."""
        air_nl = self.air_nl if self.air_nl < nl else nl
        self.air_nl -= air_nl
        nl -= air_nl
        if nl > self.left_nl:
            nl = self.left_nl
        self.left_nl -= nl
        self.delivered_nl += nl
        if nl > 0:
            self.flow_us = t_us

    def _edge(self, t_us: int, was_on: bool) -> None:
        if not was_on and self.coil_on(t_us):
            self.coil_pulses += 1
            self._dead_left_us = self.dead_us + int(self._worn_us)
            self._worn_us += self.wear_us
            self.flow_nl_ms -= self.flow_nl_ms * self.wear_flow
