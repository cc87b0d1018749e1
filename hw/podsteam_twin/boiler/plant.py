# SPDX-License-Identifier: Apache-2.0
"""The lumped boiler: element, wall, scale, water, steam and outlet, stepped 40 times a second.

Equations and their limits are in `hw/boiler/README.md`. Explicit Euler in steps of 25 ms: the fastest time constant,
wall against strongly boiling water, is 0.15 s. Energy is conserved to rounding: what the element gives is stored,
lost to the room, or leaves with the steam.
"""

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.water import evaporation_j_g, saturation_c

STEP_US = 25000
"""us in one step of the plant."""
_STEPS_S = 40
_STEP_S = STEP_US / 1000000


class Boiler:
    """The true state of the simulated boiler. Temperatures in degC, masses in g, energies in J.

    Heat contents count from water and metal at 0 degC.
    """

    def __init__(self, constants: Constants) -> None:
        """A boiler at `constants.start_c` with `constants.water_g` of water."""
        start = constants.start_c
        self.element_c = start
        self.wall_c = start
        self.surface_c = start
        """Between scale and water; the wall's own when there is no scale."""
        self.water_c = start
        """Water, or what is left in its place."""
        self.outlet_c = start
        self.water_g = constants.water_g
        self.steam_g = 0.0
        """Steam made since the start."""
        self.steam_g_min = 0.0
        """Steam made in the last step, as g/min."""
        self.energy_in_j = 0.0
        """From the element since the start."""
        self.energy_fill_j = 0.0
        """Heat content of water added since the start."""
        self.energy_lost_j = 0.0
        """Lost to the room since the start."""
        self.energy_steam_j = 0.0
        """Carried off by steam since the start."""
        self.wall_probe_c = start
        """Body of the wall's NTC."""
        self.water_probe_c = start
        self.outlet_probe_c = start
        self.wall_contact = 1.0
        """1: the NTC sits on the wall; 0: it hangs in the room; between: it is badly fixed."""
        self.water_contact = 1.0
        self.outlet_contact = 1.0
        self.wettable = 1.0
        """Part of the wall that the water can reach: 1 upright, `constants.tilted_wet` tilted."""
        self.apply(constants)

    def apply(self, constants: Constants) -> None:
        """Take over constants that were changed; temperatures and masses stay."""
        c = constants
        self._capacity_g = c.capacity_g
        self._water_j_gk = c.water_j_gk
        self._element_j_k = c.element_j_k
        self._wall_j_k = c.wall_j_k
        self._fittings_j_k = c.fittings_j_k
        boiling_c = saturation_c(c.altitude_m)
        scale_w_k = 1000 * c.scale_w_mk * c.area_m2 / c.scale_mm if c.scale_mm > 0 else 0.0
        self._water_k = (
            c.convection_w_m2k * c.area_m2,
            c.boiling_w_m2k3 * c.area_m2,
            c.critical_w_m2 * c.area_m2,
            scale_w_k,
            c.dry_g,
            c.dry_w_k,
            c.water_j_gk,
            c.fittings_j_k,
            c.water_loss_w_k,
            c.fittings_loss_w_k,
            evaporation_j_g(boiling_c),
            boiling_c,
        )
        self._metal_k = (
            c.element_wall_w_k,
            c.wall_loss_w_k,
            _STEP_S / c.element_j_k,
            _STEP_S / c.wall_j_k,
            c.ambient_c,
        )
        self._outlet_k = (
            c.air_g_min * c.air_j_gk,
            c.steam_j_gk + c.air_ratio * c.air_j_gk,
            c.steam_j_gk,
            c.outlet_flow_w_k,
            c.outlet_loss_w_k,
            _STEP_S / c.outlet_j_k,
        )
        # Backward Euler, which no lag can make unstable.
        self._probe_k = (
            _STEP_S / (_STEP_S + c.wall_lag_s),
            _STEP_S / (_STEP_S + c.water_lag_s),
            _STEP_S / (_STEP_S + c.outlet_lag_s),
        )

    def add_water(self, grams: float, water_c: float) -> float:
        """Pour in `grams` of water at `water_c`, as far as there is room. Returns the g that went in.

        Negative: as much is drained, as far as there is any, at the water's own temperature.
        """
        grams = max(min(grams, self._capacity_g - self.water_g), -self.water_g)
        if grams < 0:
            water_c = self.water_c
        cold = self.water_g * self._water_j_gk + self._fittings_j_k
        poured = grams * self._water_j_gk
        self.water_c = (cold * self.water_c + poured * water_c) / (cold + poured)
        self.water_g += grams
        self.energy_fill_j += poured * water_c
        return grams

    def stored_j(self) -> float:
        """Heat content of element, wall, fittings and water, J above 0 degC."""
        water_j_k = self.water_g * self._water_j_gk + self._fittings_j_k
        return self._element_j_k * self.element_c + self._wall_j_k * self.wall_c + water_j_k * self.water_c

    def run(self, dt_s: float, element_w: float) -> None:
        """Go on by `dt_s` seconds, rounded to whole steps of 25 ms, at a mean element power of `element_w`."""
        self.run_steps(int(dt_s * _STEPS_S + 0.5), element_w)

    def run_steps(self, steps: int, element_w: float) -> None:
        """Go on by `steps` of 25 ms at an element power of `element_w`.

        One long function, because calls and attributes cost more than the arithmetic on both interpreters.
        """
        convection, boiling, critical, scale, dry_g, dry_w_k, cp, fittings, water_loss, fittings_loss, latent, t_sat = (
            self._water_k
        )
        element_wall, wall_loss, k_element, k_wall, ambient = self._metal_k
        air, per_steam, steam_cp, flow_w_k, outlet_loss, k_outlet = self._outlet_k
        k_wall_probe, k_water_probe, k_outlet_probe = self._probe_k
        wall_contact = self.wall_contact
        water_contact = self.water_contact
        outlet_contact = self.outlet_contact
        wettable = self.wettable
        wet_g = dry_g * wettable
        step_s = _STEP_S
        per_min = 60 * _STEPS_S
        t_element = self.element_c
        t_wall = self.wall_c
        t_surface = self.surface_c
        t_water = self.water_c
        t_outlet = self.outlet_c
        mass = self.water_g
        wall_probe = self.wall_probe_c
        water_probe = self.water_probe_c
        outlet_probe = self.outlet_probe_c
        lost_w = 0.0
        made_g = 0.0
        evaporated = 0.0
        for _ in range(steps):
            # Heat from the wall into the water: convection, and above the boiling point nucleate boiling as well.
            wet = mass / dry_g if mass < wet_g else wettable
            superheat = t_surface - t_sat
            if scale:
                # The surface has no heat capacity: one Newton step a time step towards equal flow on both sides.
                flow = convection * (t_surface - t_water)
                slope = convection
                if superheat > 0:
                    square = boiling * superheat * superheat
                    flow += square * superheat
                    slope += 3 * square
                t_surface += (scale * (t_wall - t_surface) - flow) / (scale + slope)
            else:
                t_surface = t_wall
            superheat = t_surface - t_sat
            flow = convection * (t_surface - t_water)
            if superheat > 0:
                flow += boiling * superheat * superheat * superheat
            if flow > critical:
                flow = critical
            into_water = wet * flow + (1 - wet) * dry_w_k * (t_wall - t_water)
            into_wall = element_wall * (t_element - t_wall)
            wall_w = wall_loss * (t_wall - ambient)
            water_w = (wet * water_loss + fittings_loss) * (t_water - ambient)
            lost_w += wall_w + water_w
            t_element += (element_w - into_wall) * k_element
            t_wall += (into_wall - into_water - wall_w) * k_wall

            # Water: warms up, and turns into steam what would bring it over the boiling point.
            water_j_k = mass * cp + fittings
            t_water += (into_water - water_w) * step_s / water_j_k
            evaporated = 0.0
            if t_water > t_sat and mass > 0:
                excess_j = (t_water - t_sat) * water_j_k
                evaporated = excess_j / latent
                if evaporated < mass:
                    t_water = t_sat
                    mass -= evaporated
                else:
                    evaporated = mass
                    mass = 0.0
                    t_water = t_sat + (excess_j - evaporated * latent) / fittings
                made_g += evaporated

            # Outlet: steam and the room air that it draws in pass the nozzle.
            warming = outlet_loss * (ambient - t_outlet)
            if evaporated > 0:
                rate = evaporated * per_min
                mixed = ambient + (t_sat - ambient) * (rate * steam_cp / (rate * per_steam + air))
                warming += flow_w_k * rate * (mixed - t_outlet)
            t_outlet += warming * k_outlet

            wall_probe += (ambient + wall_contact * (t_wall - ambient) - wall_probe) * k_wall_probe
            water_probe += (ambient + water_contact * (t_water - ambient) - water_probe) * k_water_probe
            outlet_probe += (ambient + outlet_contact * (t_outlet - ambient) - outlet_probe) * k_outlet_probe

        self.element_c = t_element
        self.wall_c = t_wall
        self.surface_c = t_surface
        self.water_c = t_water
        self.outlet_c = t_outlet
        self.water_g = mass
        self.wall_probe_c = wall_probe
        self.water_probe_c = water_probe
        self.outlet_probe_c = outlet_probe
        self.energy_in_j += element_w * (steps * step_s)
        self.energy_lost_j += lost_w * step_s
        if steps:
            self.steam_g_min = evaporated * per_min
            self.steam_g += made_g
            self.energy_steam_j += made_g * (latent + cp * t_sat)
