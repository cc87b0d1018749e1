# SPDX-License-Identifier: Apache-2.0
"""A boiler of a few equations, to close the loop round heat and supervisor without the simulated board.

Element, wall, water, outlet and first-order sensors. Heat goes from wall to water by convection and, above the
boiling point, by nucleate boiling (Rohsenow, water on stainless steel: 138.4 W/m2 per K^3). Numbers are
hypotheses until a real boiler is measured; the simulated board's plant is the reference, this one is a second
opinion that shares no code with it.
"""

import math
import random

from podsteam_firmware.signals import Inputs

REFERENCE_UV = 1_250_000
COUNT_MASK = 0x3FFFFFFF


def uv_of(celsius: float, reference_uv: float = REFERENCE_UV) -> float:
    """Divider voltage of the NTC at a temperature: Beta equation, 100 kOhm, 3950 K, 22 kOhm to twice the reference."""
    ohm = 100e3 * math.exp(3950.0 * (1.0 / (celsius + 273.15) - 1.0 / 298.15))
    return 2.0 * reference_uv * ohm / (ohm + 22e3)


def boiling_point(altitude_m: float) -> float:
    """degC, from the table of the standard atmosphere, 0 to 3000 m."""
    table = ((0, 100.0), (500, 98.3), (1000, 96.7), (1500, 95.0), (2000, 93.4), (3000, 90.0))
    for (a0, t0), (a1, t1) in zip(table, table[1:]):
        if altitude_m <= a1:
            return t0 + (t1 - t0) * (altitude_m - a0) / (a1 - a0)
    return table[-1][1]


class SmallBoiler:
    """The plant and its sensors. `cycle` runs one mains cycle, `sample` fills `Inputs`."""

    def __init__(self, **changes: float) -> None:
        self.rated_w = 400.0
        self.volts = 230.0
        self.hz = 50.0
        self.ambient = 20.0
        self.altitude_m = 0.0
        self.water_g = 60.0
        self.wall_j_k = 90.0
        self.element_j_k = 25.0
        self.element_w_k = 20.0
        self.area_m2 = 0.004
        self.convection = 1000.0
        self.dry_below_g = 6.0
        self.wall_loss_w_k = 0.1
        self.water_loss_w_k = 0.2
        self.wall_lag_s = 3.0
        self.water_lag_s = 5.0
        self.outlet_lag_s = 2.0
        self.noise_k = 0.1
        self.scale_mm = 0.0
        self.seed = 1
        for name, value in changes.items():
            if not hasattr(self, name):
                raise ValueError(name)
            setattr(self, name, value)
        self.random = random.Random(int(self.seed))
        self.boiling = boiling_point(self.altitude_m)
        self.element = self.wall = self.water = self.outlet = self.ambient
        self.wall_ntc = self.water_ntc = self.outlet_ntc = self.ambient
        self.steam_g_s = 0.0
        self.steam_g = 0.0
        self.energy_j = 0.0
        self.halves = 0
        self.load = 0
        self.burst = 0
        self.welded = False
        self.open = False
        self.relay = True
        self.stuck_uv: dict[str, float] = {}

    def hot(self, celsius: float) -> None:
        """Everything at one temperature."""
        self.element = self.wall = self.water = celsius
        self.wall_ntc = self.water_ntc = celsius

    def _flux_w(self) -> float:
        """Heat from wall to water, with scale between them solved by halving."""
        wet = min(1.0, self.water_g / self.dry_below_g)

        def flux(surface: float) -> float:
            boil = max(0.0, surface - self.boiling)
            return self.convection * (surface - self.water) + 138.4 * boil**3

        surface = self.wall
        if self.scale_mm and self.wall > self.water:
            resistance = self.scale_mm * 1e-3 / 2.2
            low, high = self.water, self.wall
            for _ in range(14):
                surface = 0.5 * (low + high)
                if flux(surface) * resistance > self.wall - surface:
                    high = surface
                else:
                    low = surface
        return self.area_m2 * wet * flux(surface)

    def cycle(self, on: bool) -> None:
        """One mains cycle with the element commanded on or off."""
        dt = 1.0 / self.hz
        live = self.volts > 100.0
        conducts = live and self.relay and (on or self.welded) and not self.open
        self.burst += 2 if on else 0
        self.load += 2 if conducts else 0
        self.halves += 2 if live else 0
        power = self.rated_w * (self.volts / 230.0) ** 2 if conducts else 0.0
        self.energy_j += power * dt
        through = self.element_w_k * (self.element - self.wall)
        flux = self._flux_w()
        self.element += (power - through) * dt / self.element_j_k
        self.wall += (through - flux - self.wall_loss_w_k * (self.wall - self.ambient)) * dt / self.wall_j_k
        net = flux - self.water_loss_w_k * (self.water - self.ambient)
        capacity = max(self.water_g, 0.3) * 4.19
        self.water += net * dt / capacity
        self.steam_g_s = 0.0
        if self.water > self.boiling and self.water_g > 0.0:
            made = min(self.water_g, (self.water - self.boiling) * capacity / 2257.0)
            self.water = self.boiling
            self.water_g -= made
            self.steam_g += made
            self.steam_g_s = made / dt
        elif self.water_g <= 0.0:
            self.water += (min(self.wall, 150.0) - self.water) * dt / 120.0
        share = self.steam_g_s / (self.steam_g_s + 0.01)
        self.outlet += (self.ambient + share * (self.boiling - 2.0 - self.ambient) - self.outlet) * dt / 3.0
        self.wall_ntc += (self.wall - self.wall_ntc) * dt / self.wall_lag_s
        self.water_ntc += (self.water - self.water_ntc) * dt / self.water_lag_s
        self.outlet_ntc += (self.outlet - self.outlet_ntc) * dt / self.outlet_lag_s

    def _read(self, name: str, celsius: float) -> int:
        if name in self.stuck_uv:
            return int(self.stuck_uv[name])
        return int(uv_of(celsius + self.random.gauss(0.0, self.noise_k)))

    def sample(self, inputs: Inputs, now_ms: int) -> None:
        """What the HAL would read now."""
        inputs.sampled_ms = now_ms
        inputs.wall_uv = self._read("wall", self.wall_ntc)
        inputs.water_uv = self._read("water", self.water_ntc)
        inputs.outlet_uv = self._read("outlet", self.outlet_ntc)
        inputs.reference_uv = int(self.stuck_uv.get("reference", REFERENCE_UV))
        inputs.mains_uv = int(self.volts * 5000)
        inputs.zero_cross = self.halves & COUNT_MASK
        inputs.load_halves = self.load & COUNT_MASK
        inputs.burst_halves = self.burst & COUNT_MASK
