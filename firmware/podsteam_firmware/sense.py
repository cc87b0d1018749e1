# SPDX-License-Identifier: Apache-2.0
"""From raw samples to what the controller works with: corrected temperatures, mains, delivered power and energy.

Called once in each tick of 50 ms. All arithmetic is in integers below 2^30; nothing is allocated.
"""

from array import array

from podsteam_firmware.heat.thermistor import temperature_mc
from podsteam_firmware.ticks import diff
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.signals import Inputs

_WINDOW = const(20)
"""Ticks over which power and mains frequency are averaged: 1 s."""
_COUNT_MASK = const(0x3FFFFFFF)
_HALVES_MAX = const(64)
"""0.6 s of full power in one tick: more is a counter that was set back."""
_UV_PER_DV = const(500)
"""Mains sense: 5,000 uV for each volt."""
_MAINS_MIN_DV = const(1850)
_MAINS_MAX_DV = const(2650)
_RATED_DV_2 = const(529)
"""(230 V in 0.1 V)^2 / 10,000."""


class Sense:
    """The measured state of the steamer. `update` fills the attributes."""

    def __init__(self) -> None:
        self.element_dw = 4000
        """Rated power of the element at 230 V, 0.1 W (1,000 to 10,000)."""
        self.wall_mc = 0
        """Boiler wall, milli-degC. Like the other two through a first-order filter of 0.17 s (gain 1/4)."""
        self.water_mc = 0
        """Water, milli-degC."""
        self.outlet_mc = 0
        """Steam outlet, milli-degC."""
        self.mains_dv = 0
        """Mains voltage, effective, 0.1 V; filtered as the temperatures are."""
        self.mains_ok = False
        """185 to 265 V in the newest sample, and 45 to 65 Hz over the last second."""
        self.cycle_us = 20000
        """Mains period: 20000 or 16667; 20000 until known."""
        self.full_dw = 0
        """What the element would take if it were on all the time, at the mains voltage of now; 0.1 W."""
        self.power_dw = 0
        """Delivered power over the last second, 0.1 W: counted load half-cycles x `full_dw`."""
        self.energy_dj = 0
        """Delivered since `reset_energy`, 0.1 J."""
        self.on_halves = 0
        """Half-cycles in which current flowed, since `reset_energy`."""
        self.wall_mk = 0
        """Added to the wall's reading, milli-K (-3,000 to 3,000); the next two likewise. See `store.calibration`."""
        self.outlet_mk = 0
        self.water_mk = 0
        """At `_low_mc` and below."""
        self._low_mc = 0
        self._rise_mk = 0
        self._span_mc = 1
        self._wall = 0
        self._water = 0
        self._outlet = 0
        self._mains = 0
        self._load = 0
        self._rest_mj = 0
        self._sum_mj = 0
        self._slot = -1
        self._times = array("i", bytes(4 * _WINDOW))
        self._crossings = array("i", bytes(4 * _WINDOW))
        self._energies = array("i", bytes(4 * _WINDOW))

    def reset_energy(self) -> None:
        """Start of a session: `energy_dj` and `on_halves` count from 0."""
        self.energy_dj = 0
        self.on_halves = 0
        self._rest_mj = 0

    def correct(self, wall_mk: int, water_mk: int, outlet_mk: int) -> None:
        """Add these to the readings, milli-K (-3,000 to 3,000 each), whatever they are."""
        self.wall_mk = wall_mk
        self.water_mk = water_mk
        self.outlet_mk = outlet_mk
        self._rise_mk = 0
        self._span_mc = 1

    def correct_high(self, low_mc: int, high_mk: int, high_mc: int) -> None:
        """The water's correction changes in a straight line from `water_mk` at a reading of `low_mc` to `high_mk` at
        `high_mc`, which is 30,000 to 101,000 above; it is constant outside."""
        self._low_mc = low_mc
        self._rise_mk = high_mk - self.water_mk
        self._span_mc = high_mc - low_mc

    def water_mk_at(self, reading_mc: int) -> int:
        """What is added to the water's reading of `reading_mc`, milli-K."""
        if self._rise_mk == 0:
            return self.water_mk
        above = max(0, min(reading_mc - self._low_mc, self._span_mc))
        return self.water_mk + self._rise_mk * above // self._span_mc

    def _water_mc(self, inputs: "Inputs") -> int:
        reading = temperature_mc(inputs.water_uv, inputs.reference_uv)
        return reading + self.water_mk_at(reading)

    def update(self, now_ms: int, inputs: "Inputs") -> None:
        """Take in the samples of one tick. The time that counts is theirs; `now_ms` is only when they are taken in."""
        if self._slot < 0:
            self._begin(inputs.sampled_ms, inputs)
        reference_uv = inputs.reference_uv
        # A filter's state is four times its output: with gain 1/4 no rounding error stays in it.
        self._wall += temperature_mc(inputs.wall_uv, reference_uv) + self.wall_mk - (self._wall >> 2)
        self._water += self._water_mc(inputs) - (self._water >> 2)
        self._outlet += temperature_mc(inputs.outlet_uv, reference_uv) + self.outlet_mk - (self._outlet >> 2)
        self._mains += inputs.mains_uv // _UV_PER_DV - (self._mains >> 2)
        self.wall_mc = self._wall >> 2
        self.water_mc = self._water >> 2
        self.outlet_mc = self._outlet >> 2
        self.mains_dv = self._mains >> 2
        self.full_dw = self.element_dw * (self.mains_dv * self.mains_dv // _RATED_DV_2) // 10000
        self._window(inputs.sampled_ms, inputs)

    def _begin(self, sampled_ms: int, inputs: "Inputs") -> None:
        reference_uv = inputs.reference_uv
        self._wall = temperature_mc(inputs.wall_uv, reference_uv) + self.wall_mk << 2
        self._water = self._water_mc(inputs) << 2
        self._outlet = temperature_mc(inputs.outlet_uv, reference_uv) + self.outlet_mk << 2
        self._mains = inputs.mains_uv // _UV_PER_DV << 2
        self._load = inputs.load_halves
        for i in range(_WINDOW):
            self._times[i] = sampled_ms
            self._crossings[i] = inputs.zero_cross
        self._slot = 0

    def _window(self, sampled_ms: int, inputs: "Inputs") -> None:
        """Mains frequency, power and energy from the counters, against those of a second ago."""
        i = self._slot
        elapsed_ms = diff(sampled_ms, self._times[i])
        self._times[i] = sampled_ms
        self._frequency(i, elapsed_ms, inputs)
        self._account(i, inputs.load_halves)
        self.power_dw = self._sum_mj * 10 // elapsed_ms if elapsed_ms >= 50 else 0
        self._slot = i + 1 if i + 1 < _WINDOW else 0

    def _frequency(self, slot: int, elapsed_ms: int, inputs: "Inputs") -> None:
        crossings = (inputs.zero_cross - self._crossings[slot]) & _COUNT_MASK
        self._crossings[slot] = inputs.zero_cross
        # Too short a time says nothing; and a counter that jumped must not overflow the product.
        dhz = crossings * 5000 // elapsed_ms if elapsed_ms >= 450 and crossings < 100000 else 0
        if 450 <= dhz <= 650:
            self.cycle_us = 20000 if dhz < 550 else 16667
            self.mains_ok = _MAINS_MIN_DV <= inputs.mains_uv // _UV_PER_DV <= _MAINS_MAX_DV
        else:
            self.mains_ok = False

    def _account(self, slot: int, load_halves: int) -> None:
        """Book the energy of the new half-cycles: full power (0.1 W) x half a period (us) / 10,000 = mJ for each."""
        halves = min((load_halves - self._load) & _COUNT_MASK, _HALVES_MAX)
        self._load = load_halves
        mj = halves * (self.full_dw * (self.cycle_us >> 1) // 10000)
        self.on_halves += halves
        self._sum_mj += mj - self._energies[slot]
        self._energies[slot] = mj
        mj += self._rest_mj
        self.energy_dj += mj // 100
        self._rest_mj = mj % 100
