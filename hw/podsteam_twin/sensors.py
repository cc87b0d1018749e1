# SPDX-License-Identifier: Apache-2.0
"""The analogue inputs of the simulated board: what the ADC reads at its pins, in microvolts.

Three NTCs (100 kOhm at 25 degC, B25/85 3950 K) to ground, each under 22.0 kOhm to 2.500 V; a reference channel at
half of the 2.500 V; the mains voltage at 5,000 uV for each effective volt. The lag of an NTC's body is part of the
plant (`Boiler.wall_probe_c` and so on), so that a reading does not depend on how often it is taken.
"""

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.plant import Boiler
from podsteam_twin.electrics import Mains
from podsteam_twin.rng import Rng

SUPPLY_UV = 2500000
REFERENCE_UV = 1250000
MAINS_UV_V = 5000
_BOW_MID_UV = 1300000
_BOW_HALF_UV = 1150000

SENSORS = ("wall", "water", "outlet")
"""The NTCs, in the order of the ADC's channels."""
_SPIKE_ONE_IN = 8
_TABLE_MIN_C = -20
_TABLE_STEP_C = 2
# Divider voltage in uV every 2 K from -20 degC, made offline with R = 100k * exp(3950 * (1/T - 1/298.15)); linear
# interpolation is right within 0.02 K. `tests/twin/test_sensors.py` computes it again.
# fmt: off
_TABLE_UV = (
    2448877, 2442380, 2435198, 2427279, 2418569, 2409009, 2398544, 2387114, 2374662, 2361128, 2346457,
    2330592, 2313481, 2295072, 2275321, 2254185, 2231630, 2207626, 2182152, 2155194, 2126747, 2096818,
    2065421, 2032583, 1998340, 1962741, 1925843, 1887717, 1848442, 1808107, 1766810, 1724656, 1681758,
    1638233, 1594201, 1549788, 1505118, 1460315, 1415504, 1370804, 1326332, 1282199, 1238511, 1195364,
    1152851, 1111054, 1070048, 1029899, 990665, 952396, 915132, 878907, 843748, 809673, 776694,
    744817, 714044, 684369, 655783, 628274, 601825, 576416, 552026, 528629, 506201, 484713,
    464138, 444446, 425606, 407590, 390367, 373907, 358181, 343158, 328811, 315111, 302030,
    289542, 277621, 266241, 255379, 245010, 235111, 225663, 216642, 208030, 199807, 191954,
    184455, 177292, 170449, 163911, 157664, 151693, 145986, 140529, 135311, 130321, 125546,
    120978, 116606, 112422, 108415, 104578, 100902, 97381, 94007, 90772, 87671, 84697,
    81845, 79108, 76482, 73961, 71541, 69217, 66985, 64840, 62778, 60797, 58892,
)
# fmt: on


def ntc_uv(c: float) -> float:
    """Divider voltage in uV of an NTC at `c` degC, -20 to 220; the value at the end beyond them."""
    x = (c - _TABLE_MIN_C) / _TABLE_STEP_C
    last = len(_TABLE_UV) - 1
    if x <= 0:
        return float(_TABLE_UV[0])
    if x >= last:
        return float(_TABLE_UV[last])
    i = int(x)
    low = _TABLE_UV[i]
    return low + (_TABLE_UV[i + 1] - low) * (x - i)


class Channel:
    """One input of the ADC with its faults. Each has a noise sequence of its own."""

    def __init__(self, constants: Constants, seed: int, bow_uv: float = 0.0) -> None:
        """A healthy input; `seed` decides its noise. `bow_uv`: see `Constants.adc_bow_uv`."""
        self._rng = Rng(seed)
        self._noise_uv = constants.adc_noise_uv
        self._quantum_uv = int(constants.adc_quantum_uv)
        self._floor_uv = int(constants.adc_floor_uv)
        self._gain = 1 + constants.adc_gain_error
        self._bow_uv = bow_uv
        self._last_uv = -1
        self.fault = ""
        """`open`: the wire to the sensor is broken; `short`: the pin is grounded; `frozen`: the reading stays, at
        `stays_uv`; `held`: the voltage at the pin stays, and has its noise."""
        self.stays_uv = -1.0
        """What stays; below 0: what was there when the fault began."""
        self._held_uv = -1.0
        self.spike_uv = 0
        """Fault: one reading of eight, at random, is wrong by so much, up or down."""
        self._spikes = Rng(seed + 1000003)
        self.noise_factor = 1.0
        """Multiplies the noise's standard deviation."""

    def read(self, pin_uv: float) -> int:
        """A reading in uV of an input that carries `pin_uv`."""
        # Drawn in every case, so that a fault does not shift the noise that comes after it.
        noise = self._rng.noise() * self._noise_uv * self.noise_factor
        if self.fault == "frozen":
            if self.stays_uv >= 0:
                return int(self.stays_uv)
            if self._last_uv >= 0:
                return self._last_uv
        if self.fault == "held":
            if self._held_uv < 0:
                self._held_uv = self.stays_uv if self.stays_uv >= 0 else pin_uv
            pin_uv = self._held_uv
        else:
            self._held_uv = -1.0
            if self.fault == "open":
                pin_uv = SUPPLY_UV
            elif self.fault == "short":
                pin_uv = 0
        if self._bow_uv:
            pin_uv += self._bow(pin_uv)
        uv = int(pin_uv * self._gain + noise)
        if self.spike_uv:
            word = self._spikes.bits(8)
            if word % _SPIKE_ONE_IN == 0:
                uv += self.spike_uv if word & 128 else -self.spike_uv
        if uv < self._floor_uv:
            uv = self._floor_uv
        quantum = self._quantum_uv
        self._last_uv = (uv + quantum // 2) // quantum * quantum
        return self._last_uv

    def _bow(self, pin_uv: float) -> float:
        """What the curved characteristic adds."""
        x = (pin_uv - _BOW_MID_UV) / _BOW_HALF_UV
        return self._bow_uv * (1 - x * x) if -1 < x < 1 else 0.0


class Sensors:
    """All analogue inputs. Each read is one reading: 64 samples, taken at once."""

    def __init__(self, boiler: Boiler, mains: Mains, constants: Constants, seed: int) -> None:
        """Inputs that look at `boiler` and `mains`; `seed` decides the noise."""
        self._boiler = boiler
        self._mains = mains
        # Not the mains sense: its error is stated as a whole.
        bow_uv = constants.adc_bow_uv
        self.wall = Channel(constants, 8 * seed, bow_uv)
        self.water = Channel(constants, 8 * seed + 1, bow_uv)
        self.outlet = Channel(constants, 8 * seed + 2, bow_uv)
        self.reference = Channel(constants, 8 * seed + 3, bow_uv)
        self.mains = Channel(constants, 8 * seed + 4)
        self.wall_offset_mc = int(constants.wall_offset_mc)
        """0.001 K that the NTC shows too much; likewise below."""
        self.water_offset_mc = int(constants.water_offset_mc)
        self.outlet_offset_mc = int(constants.outlet_offset_mc)
        self.errors: "dict[str, tuple[float, float, int]]" = {
            "wall": (0.0, 0.0, 0),
            "water": (0.0, 0.0, 0),
            "outlet": (0.0, 0.0, 0),
        }
        """Fault of each NTC: K that it shows too much, K/min by which that grows, and since when, us."""
        self.swapped = ""
        """Fault: the plugs of these two are in each other's place, as `wall_water`."""
        self.reference_drift: "tuple[float, int]" = (0.0, 0)
        """Fault of the reference channel: relative error per minute, and since when, us."""
        self.t_us = 0
        """The time of the readings, for what drifts."""
        self.supply_error = 0.0
        """Relative error of the 2.500 V: shifts the dividers and the reference."""
        self.reference_error = 0.0
        """Relative error of the reference channel alone."""
        self.mains_error = constants.mains_sense_error
        """Relative error of the mains voltage sense."""

    def wall_uv(self) -> int:
        """Wall NTC divider in uV."""
        return self.wall.read(self._plugged_uv("wall"))

    def water_uv(self) -> int:
        """Water NTC divider in uV."""
        return self.water.read(self._plugged_uv("water"))

    def outlet_uv(self) -> int:
        """Outlet NTC divider in uV."""
        return self.outlet.read(self._plugged_uv("outlet"))

    def reference_uv(self) -> int:
        """Reference channel in uV, 1,250,000 when all is well."""
        per_min, since_us = self.reference_drift
        error = self.reference_error + (per_min * (self.t_us - since_us) / 60000000 if per_min else 0.0)
        return self.reference.read(REFERENCE_UV * (1 + self.supply_error) * (1 + error))

    def mains_uv(self) -> int:
        """Mains voltage sense in uV, 5,000 for each effective volt."""
        return self.mains.read(self._mains.volts * MAINS_UV_V * (1 + self.mains_error))

    def _plugged_uv(self, name: str) -> float:
        """Divider voltage of the NTC that is plugged in at this channel."""
        if self.swapped:
            one, _, other = self.swapped.partition("_")
            name = other if name == one else one if name == other else name
        boiler = self._boiler
        if name == "wall":
            probe_c, offset_mc = boiler.wall_probe_c, self.wall_offset_mc
        elif name == "water":
            probe_c, offset_mc = boiler.water_probe_c, self.water_offset_mc
        else:
            probe_c, offset_mc = boiler.outlet_probe_c, self.outlet_offset_mc
        offset_k, k_min, since_us = self.errors[name]
        if k_min:
            offset_k += k_min * (self.t_us - since_us) / 60000000
        return self._divider_uv(probe_c + offset_k, offset_mc)

    def _divider_uv(self, probe_c: float, offset_mc: int) -> float:
        return ntc_uv(probe_c + offset_mc / 1000) * (1 + self.supply_error)
