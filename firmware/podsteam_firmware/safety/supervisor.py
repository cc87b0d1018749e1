# SPDX-License-Identifier: Apache-2.0
"""The supervisor: may the element be on? It judges raw microvolts and counts, apart from the controller.

It has its own limits and its own detectors, reads nothing that the controller computed, and has the last
word: `allow` for the element, `allow_valve` for dosing, `relay` for the heartbeat. A fault is latched with its
code and the reading that decided; only `clear`, asked for at the device, takes it back, and only when the wall is
cool. Inside one interpreter this is no independence: that is the business of relay, thermal link and bimetal.
"""

from podsteam_firmware.safety.budget import Budget
from podsteam_firmware.safety.clock import Clock
from podsteam_firmware.safety.cooling import Cooling
from podsteam_firmware.safety.detached import Detached
from podsteam_firmware.safety.dry import Dry
from podsteam_firmware.safety.frozen import Frozen
from podsteam_firmware.safety.load import Load
from podsteam_firmware.safety.noisy import Noisy
from podsteam_firmware.safety.ranges import Ranges
from podsteam_firmware.safety.rise import Rise
from podsteam_firmware.safety.spit import Spit
from podsteam_firmware.safety.swapped import Swapped
from podsteam_firmware.safety.trend import LOOKS, Trend
from podsteam_firmware.safety.unmoved import Unmoved
from podsteam_firmware.safety.weld import Weld
from podsteam_firmware.ticks import add, diff, due
from podsteam_protocol.const import const
from podsteam_protocol.messages import (
    CODE_CLOCK,
    CODE_DRY_BOIL,
    CODE_FROZEN,
    CODE_HEATING_FAILED,
    CODE_MAX_ON_TIME,
    CODE_MEMORY,
    CODE_RELAY_WELDED,
    CODE_SAMPLES_STALE,
    CODE_SENSOR_NOISY,
    CODE_SSR_WELDED,
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
_REST_SOON_MS = const(900000)
_REST_NOW_MS = const(1770000)
_REST_SOON = const(500)
_REST_NOW = const(980)
"""Half of either limit and the last of it; the energy in permille."""
_SETTLE_MS = const(400)
"""From the first heartbeat until heat: the relay closes (two edges) and a welded SSR shows itself before."""
_LEASE_MAX_MS = const(2000)
_MAINS_UV = const(850000)
"""170 V: below it is lost; the controller stops long before, at 185 V."""
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
        self.rest = 0
        """How far the limits on time and energy are used up: 1 half, rest before the next start; 2 nearly, rest now."""
        self.spit_risk = False
        """The heat-up is too slow for any filling that is allowed: told, no fault."""
        self.weld = Weld()
        """Test of the safety relay. While it is `testing` the element has its burst, and the relay no heartbeat."""
        self._fault_inverse = ~0
        self._ranges = Ranges()
        self._load = Load()
        self._frozen = Frozen()
        self._noisy = Noisy()
        self._trend = Trend()
        self._rise = Rise()
        self._swapped = Swapped()
        self._detached = Detached()
        self._unmoved = Unmoved()
        self._cooling = Cooling()
        self._dry = Dry()
        self._spit = Spit()
        self._clock = Clock()
        self._budget = Budget()
        self._crossings = -1
        self._passed = 0
        self._slow_ticks = 0
        self._last_ms = -1
        self._relay_ms = 0
        self._on_ms = 0
        self._on_inverse = ~0
        self._rest_ms = 0
        self._inverse = ~0

    # Lease ------------------------------------------------------------------------------------------------
    def lease_begin(self, now_ms: int, lease_ms: int) -> None:
        """A host arms a session: from now on heat needs its lease (1 to 2000 ms, clamped)."""
        self.lease_required = True
        self.lease_lost = False
        self.lease_deadline_ms = add(now_ms, min(lease_ms, _LEASE_MAX_MS))
        self._seal()

    def lease_renew(self, now_ms: int, lease_ms: int) -> None:
        """The host lives. A lease that has lapsed is not revived."""
        if self.lease_required and not self.lease_lost:
            self.lease_deadline_ms = add(now_ms, min(lease_ms, _LEASE_MAX_MS))
            self._seal()

    def lease_end(self) -> None:
        """The session is over, or the button alone started it: no lease is needed."""
        self.lease_required = False
        self.lease_lost = False
        self._seal()

    def sound(self) -> bool:
        """Whether every reading of the newest tick is inside its range."""
        return self._ranges.sound

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
        self.rest = 0
        self._budget.restart()
        return True

    def _off(self) -> None:
        self.allow = False
        self.allow_valve = False
        self.relay = False
        self.weld.stop()

    # The tick ---------------------------------------------------------------------------------------------
    def step(self, now_ms: int, inputs: "Inputs", heat_wanted: bool, valve_wanted: bool) -> None:
        """Judge one tick. `heat_wanted`: a session wants to heat now or soon; `valve_wanted`: it wants to dose."""
        self._memory()
        self._samples(now_ms, inputs)
        self._detect(inputs, heat_wanted, heat_wanted or valve_wanted)
        self._time(now_ms, heat_wanted)
        self._lease(now_ms)
        if self.fault != 0:
            self._off()
        else:
            self._decide(heat_wanted, valve_wanted)
        self._seal()

    def _decide(self, heat_wanted: bool, valve_wanted: bool) -> None:
        """What may be on: the relay for whoever wants it, once it was seen to open; the rest when it has closed."""
        self.relay = (heat_wanted or valve_wanted) and self.weld.passed
        if not self.relay:
            self._relay_ms = 0
        self.allow_valve = valve_wanted and not self.lease_lost and self._relay_ms >= _SETTLE_MS
        self.allow = heat_wanted and self._ranges.sound and not self.mains_lost and not self._detached.doubt
        self.allow = self.allow and not self.lease_lost and self._relay_ms >= _SETTLE_MS

    def _memory(self) -> None:
        """The variables that decide are kept twice, once inverted; a difference is a fault of its own."""
        if self._fault_inverse != ~self.fault or self._on_inverse != ~self._on_ms or self._inverse != ~self._others():
            self.fault = CODE_MEMORY
            self._fault_inverse = ~CODE_MEMORY
            self.fault_detail = -1
            self._on_inverse = ~self._on_ms

    def _others(self) -> int:
        """All the other variables that decide, in one number that a flipped bit changes."""
        flags = (1 if self.lease_required else 0) | (2 if self.lease_lost else 0)
        return self._relay_ms ^ self.lease_deadline_ms ^ flags << 28

    def _seal(self) -> None:
        self._inverse = ~self._others()

    def _samples(self, now_ms: int, inputs: "Inputs") -> None:
        age_ms = diff(now_ms, inputs.sampled_ms)
        # Samples are taken a little after the loop has read the clock, so their age may be just below 0.
        if age_ms > _STALE_MS or age_ms < -_STALE_MS:
            self.trip(CODE_SAMPLES_STALE, age_ms)

    def _detect(self, inputs: "Inputs", heat_wanted: bool, relay_wanted: bool) -> None:
        self._count(inputs.zero_cross)
        self._mains(inputs.mains_uv)
        code = self._ranges.step(inputs)
        if code != 0:
            self.trip(code, self._ranges.detail)
        testing = self.weld.testing
        code = self._load.step(inputs, not self.mains_lost and not testing)
        if code != 0:
            self.trip(code, self._load.detail)
        self._relay(relay_wanted)
        self._clocks(inputs, heat_wanted)
        if self._ranges.sound:
            self._thermal(inputs, 0 if testing else self._load.commanded)
        elif self._ranges.near:
            self._jumping(inputs)
        else:
            self._noisy.restart()

    def _count(self, zero_cross: int) -> None:
        """Half-cycles of the mains since the last tick; 64 at most: more is a counter that was set back."""
        crossings = (zero_cross - self._crossings) & _COUNT_MASK if self._crossings >= 0 else 0
        self._passed = crossings if crossings < _CROSSINGS_MAX else _CROSSINGS_MAX
        self._crossings = zero_cross

    def _mains(self, mains_uv: int) -> None:
        """Too few crossings count when they were too few twice: a tick may come early."""
        self._slow_ticks = self._slow_ticks + 1 if self._passed < _CROSSINGS else 0
        self.mains_lost = mains_uv < _MAINS_UV or self._slow_ticks >= 2

    def _relay(self, wanted: bool) -> None:
        """Its test, unless a fault is latched."""
        weld = self.weld
        if self.fault == 0 and weld.step(wanted, self.relay, not self.mains_lost, self._load.counted):
            self.trip(CODE_RELAY_WELDED, weld.detail)

    def _clocks(self, inputs: "Inputs", heat_wanted: bool) -> None:
        """What counts in half-cycles, beside the milliseconds."""
        clock = self._clock
        if clock.step(inputs, heat_wanted and not self.mains_lost):
            self.trip(CODE_CLOCK, clock.detail)
        self._budget.rate = clock.rate or self._budget.rate
        self._spend(self._passed if heat_wanted else 0, inputs.mains_uv)

    def _spend(self, wanted: int, mains_uv: int) -> None:
        powered = max(self._load.commanded, self._load.counted)
        code = self._budget.step(wanted, powered, mains_uv)
        if code != 0:
            self.trip(code, self._budget.energy)

    def _thermal(self, inputs: "Inputs", commanded: int) -> None:
        crossings = self._passed
        if self._frozen.step(inputs, commanded > 0 and commanded * 5 >= crossings * 4):
            self.trip(CODE_FROZEN, self._frozen.detail)
        self._jumping(inputs)
        if self._dry.step(inputs.wall_uv, inputs.water_uv, commanded):
            self.trip(CODE_DRY_BOIL, self._dry.detail)
        slot = self._trend.step(inputs, commanded, crossings)
        if slot == 3:
            self._rising(inputs.mains_uv)
        elif slot == 4 and self._trend.known >= LOOKS:
            self._contradicting()

    def _jumping(self, inputs: "Inputs") -> None:
        if self._noisy.step(inputs):
            self.trip(CODE_SENSOR_NOISY, self._noisy.detail)

    def _rising(self, mains_uv: int) -> None:
        """The slow detectors of a heat-up. `rise` knows by itself what it may judge at the start."""
        if self._rise.step(self._trend, mains_uv):
            self.trip(CODE_HEATING_FAILED, self._rise.detail)
        if self._trend.known < LOOKS:
            return
        if self._trend.surged:
            self._dry.settle()
        code = self._swapped.step(self._trend)
        if code != 0:
            self.trip(code, self._swapped.detail)
        if self._spit.step(self._trend, mains_uv):
            self.spit_risk = True

    def _contradicting(self) -> None:
        """The slow detectors that hold one reading against another, or against the power."""
        code = self._detached.step(self._trend, self.relay)
        if code != 0:
            self.trip(code, self._detached.detail)
        code = self._unmoved.step(self._trend)
        if code != 0:
            self.trip(code, self._unmoved.detail)
        if self._cooling.step(self._trend, self.relay):
            self.trip(CODE_SSR_WELDED, self._cooling.detail)

    def _time(self, now_ms: int, heat_wanted: bool) -> None:
        elapsed_ms = diff(now_ms, self._last_ms) if self._last_ms >= 0 else 0
        self._last_ms = now_ms
        if self.relay:
            relay_ms = self._relay_ms + elapsed_ms
            self._relay_ms = relay_ms if relay_ms < _SETTLE_MS else _SETTLE_MS
        else:
            self._relay_ms = 0
        if heat_wanted:
            self._on_ms += elapsed_ms
            self._rest_ms = 0
            self._tire()
        elif self._rest_ms < _REST_MS:
            self._rest_ms += elapsed_ms
        else:
            self._on_ms = 0
            self.rest = 0
            self._budget.restart()
        self._on_inverse = ~self._on_ms
        if self._on_ms > _MAX_ON_MS:
            self.trip(CODE_MAX_ON_TIME, self._on_ms)

    def _tire(self) -> None:
        """Tell the session in time, so that it rests before either limit makes a fault of it."""
        spent = self._budget.spent()
        if self._on_ms > _REST_NOW_MS or spent > _REST_NOW:
            self.rest = 2
        elif self._on_ms > _REST_SOON_MS or spent > _REST_SOON:
            self.rest = 1

    def _lease(self, now_ms: int) -> None:
        if self.lease_required and due(now_ms, self.lease_deadline_ms):
            self.lease_lost = True
