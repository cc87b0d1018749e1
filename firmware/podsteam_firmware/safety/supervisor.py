# SPDX-License-Identifier: Apache-2.0
"""The supervisor: may the element be on? It judges raw microvolts and counts, apart from the controller.

It has its own limits and its own detectors, reads nothing that the controller computed, and has the last
word: `allow` for the element, `allow_valve` for dosing, `relay` for the heartbeat. A fault is latched with its
code and the reading that decided; only `clear`, asked for at the device, takes it back, and only when the wall is
cool. Inside one interpreter this is no independence: that is the business of relay, thermal link and bimetal.
"""

from podsteam_firmware.safety.dry import Dry
from podsteam_firmware.safety.load import Load
from podsteam_firmware.safety.ranges import Ranges
from podsteam_firmware.safety.rise import Rise
from podsteam_firmware.ticks import add, diff, due
from podsteam_protocol.const import const
from podsteam_protocol.messages import (
    CODE_CHECKPOINT,
    CODE_DRY_BOIL,
    CODE_HEATING_FAILED,
    CODE_MAX_ON_TIME,
    CODE_SAMPLES_STALE,
)

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.signals import Inputs

_STALE_MS = const(150)
_MAX_ON_MS = const(1800000)
"""30 min of wanted heat, whatever the program says."""
_REST_MS = const(60000)
"""The on-time counts from 0 again when no heat was wanted for this long."""
_SETTLE_MS = const(400)
"""From the first heartbeat until heat: the relay closes (two edges) and a welded SSR shows itself before."""
_LEASE_MAX_MS = const(2000)
_MAINS_UV = const(850000)
"""170 V: below it is lost; the controller stops long before, at 195 V."""
_CROSSINGS = const(3)
"""Half-cycles in a tick of 50 ms at least: 4 at 45 Hz, less one for a late tick."""
_CROSSINGS_MAX = const(64)
_COUNT_MASK = const(0x3FFFFFFF)
_COOL_UV = const(1549800)
"""50 degC: cool enough to clear a fault."""
_OPEN_UV = const(2409000)


class Supervisor:
    """Judges every tick. `step` 20 times a second, then read `allow`, `allow_valve`, `relay` and `fault`."""

    def __init__(self) -> None:
        self.allow = False
        """The element may be on until the next tick."""
        self.allow_valve = False
        """The valve may be open until the next tick."""
        self.relay = False
        """The relay may have its heartbeat: somebody wants it and no fault is latched."""
        self.fault = 0
        """CODE of the latched fault, 0: none. Only `trip` and `clear` change it."""
        self.fault_detail = 0
        """The reading that decided: uV, half-cycles, ms, or the stage of a checkpoint; see the detectors."""
        self.mains_lost = False
        """No mains now: a stop, not a fault."""
        self.lease_required = False
        """A host started the session: heat only while its lease lives."""
        self.lease_deadline_ms = 0
        """Device time at which the lease lapses."""
        self.lease_lost = False
        """The lease has lapsed; stays until `lease_begin` or `lease_end`."""
        self._fault_inverse = ~0
        self._ranges = Ranges()
        self._load = Load()
        self._rise = Rise()
        self._dry = Dry()
        self._crossings = -1
        self._slow_ticks = 0
        self._last_ms = -1
        self._relay_ms = 0
        self._on_ms = 0
        self._on_inverse = ~0
        self._rest_ms = 0

    # Lease ------------------------------------------------------------------------------------------------
    def lease_begin(self, now_ms: int, lease_ms: int) -> None:
        """A host arms a session: from now on heat needs its lease (1 to 2000 ms, clamped)."""
        self.lease_required = True
        self.lease_lost = False
        self.lease_deadline_ms = add(now_ms, min(lease_ms, _LEASE_MAX_MS))

    def lease_renew(self, now_ms: int, lease_ms: int) -> None:
        """The host lives. A lease that has lapsed is not revived."""
        if self.lease_required and not self.lease_lost:
            self.lease_deadline_ms = add(now_ms, min(lease_ms, _LEASE_MAX_MS))

    def lease_end(self) -> None:
        """The session is over, or the button alone started it: no lease is needed."""
        self.lease_required = False
        self.lease_lost = False

    # Faults -----------------------------------------------------------------------------------------------
    def trip(self, code: int, detail: int) -> None:
        """Latch a fault (a CODE of the protocol) and take everything back at once. The first one stays."""
        if self.fault == 0:
            self.fault = code
            self.fault_detail = detail
            self._fault_inverse = ~code
        self._off()

    def clear(self, now_ms: int, inputs: "Inputs") -> bool:
        """Take the fault back, on a request made at the device. False, and nothing is changed, while the wall
        is at 50 degC or more or cannot be read."""
        if not _COOL_UV <= inputs.wall_uv <= _OPEN_UV or diff(now_ms, inputs.sampled_ms) > _STALE_MS:
            return False
        self.fault = 0
        self.fault_detail = 0
        self._fault_inverse = ~0
        self._on_ms = 0
        self._on_inverse = ~0
        return True

    def _off(self) -> None:
        self.allow = False
        self.allow_valve = False
        self.relay = False

    # The tick ---------------------------------------------------------------------------------------------
    def step(self, now_ms: int, inputs: "Inputs", heat_wanted: bool, valve_wanted: bool) -> None:
        """Judge one tick. `heat_wanted`: a session wants to heat now or soon; `valve_wanted`: it wants to dose."""
        self._memory()
        self._samples(now_ms, inputs)
        self._detect(inputs)
        self._time(now_ms, heat_wanted)
        self._lease(now_ms)
        if self.fault != 0:
            self._off()
            return
        if not (heat_wanted or valve_wanted):
            self._relay_ms = 0
        self.relay = heat_wanted or valve_wanted
        self.allow_valve = valve_wanted and not self.lease_lost and self._relay_ms >= _SETTLE_MS
        self.allow = heat_wanted and self._ranges.sound and not self.mains_lost
        self.allow = self.allow and not self.lease_lost and self._relay_ms >= _SETTLE_MS

    def _memory(self) -> None:
        """The variables that decide are kept twice, once inverted; a difference is a fault of its own."""
        if self._fault_inverse != ~self.fault or self._on_inverse != ~self._on_ms:
            self.fault = CODE_CHECKPOINT
            self._fault_inverse = ~CODE_CHECKPOINT
            self.fault_detail = -1
            self._on_inverse = ~self._on_ms

    def _samples(self, now_ms: int, inputs: "Inputs") -> None:
        age_ms = diff(now_ms, inputs.sampled_ms)
        # Samples are taken a little after the loop has read the clock, so their age may be just below 0.
        if age_ms > _STALE_MS or age_ms < -_STALE_MS:
            self.trip(CODE_SAMPLES_STALE, age_ms)

    def _detect(self, inputs: "Inputs") -> None:
        crossings = (inputs.zero_cross - self._crossings) & _COUNT_MASK if self._crossings >= 0 else 0
        crossings = min(crossings, _CROSSINGS_MAX)
        self._crossings = inputs.zero_cross
        self._mains(inputs.mains_uv, crossings)
        code = self._ranges.step(inputs)
        if code != 0:
            self.trip(code, self._ranges.detail)
        code = self._load.step(inputs, not self.mains_lost)
        if code != 0:
            self.trip(code, self._load.detail)
        if self._ranges.sound:
            self._thermal(inputs, crossings)

    def _mains(self, mains_uv: int, crossings: int) -> None:
        """Too few crossings count when they were too few twice: a tick may come early."""
        self._slow_ticks = self._slow_ticks + 1 if crossings < _CROSSINGS else 0
        self.mains_lost = mains_uv < _MAINS_UV or self._slow_ticks >= 2

    def _thermal(self, inputs: "Inputs", crossings: int) -> None:
        commanded = self._load.commanded
        if self._dry.step(inputs.wall_uv, inputs.water_uv, commanded):
            self.trip(CODE_DRY_BOIL, self._dry.detail)
        if self._rise.step(inputs.wall_uv, commanded, crossings):
            self.trip(CODE_HEATING_FAILED, self._rise.detail)

    def _time(self, now_ms: int, heat_wanted: bool) -> None:
        elapsed_ms = diff(now_ms, self._last_ms) if self._last_ms >= 0 else 0
        self._last_ms = now_ms
        if self.relay:
            self._relay_ms = min(self._relay_ms + elapsed_ms, _SETTLE_MS)
        else:
            self._relay_ms = 0
        if heat_wanted:
            self._on_ms += elapsed_ms
            self._rest_ms = 0
        elif self._rest_ms < _REST_MS:
            self._rest_ms += elapsed_ms
        else:
            self._on_ms = 0
        self._on_inverse = ~self._on_ms
        if self._on_ms > _MAX_ON_MS:
            self.trip(CODE_MAX_ON_TIME, self._on_ms)

    def _lease(self, now_ms: int) -> None:
        if self.lease_required and due(now_ms, self.lease_deadline_ms):
            self.lease_lost = True
