# SPDX-License-Identifier: Apache-2.0
"""A second boiler of another structure, so that no result rests on the plant it was tuned on.

Its water lies in two layers: the lower one on the wall, the upper one above it with the water's sensor. Equations and
limits are in `hw/boiler/README.md`. It has the attributes and methods of `Boiler` and conserves energy as well.
"""

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.plant import STEP_US, Boiler

_STEP_S = STEP_US / 1000000
_PER_MIN = 60000000 / STEP_US
_DROP_G = 0.1
"""g below which there is one layer: of less than this the lower one would dry out in a step."""


class LayeredBoiler(Boiler):
    """The true state. `water_c` is the upper layer's temperature, which the sensor sees."""

    # For the type checker, which looks for the types of these where they are assigned.
    element_c: float
    wall_c: float
    surface_c: float
    water_c: float
    outlet_c: float
    water_g: float
    steam_g: float
    steam_g_min: float
    energy_in_j: float
    energy_fill_j: float
    energy_lost_j: float
    energy_steam_j: float
    wall_probe_c: float
    water_probe_c: float
    outlet_probe_c: float

    def __init__(self, constants: Constants) -> None:
        """A boiler at `constants.start_c` with `constants.water_g` of water."""
        self.lower_c = constants.start_c
        """The layer on the wall."""
        super().__init__(constants)

    def apply(self, constants: Constants) -> None:
        """Take over constants that were changed; temperatures and masses stay. A new share moves no water at once."""
        super().apply(constants)
        c = constants
        self._share = c.lower_share
        self._layers_k = (c.mixing_w_k, c.bubbling_w_k, c.collapse_k)

    def add_water(self, grams: float, water_c: float) -> float:
        """Pour in `grams` of water at `water_c` from above, as far as there is room. Returns the g that went in.

        Negative: as much is drained of both layers, as far as there is any, at their own temperatures.
        """
        cp = self._water_j_gk
        grams = max(min(grams, self._capacity_g - self.water_g), -self.water_g)
        lower_g = self._share * self.water_g
        if grams < 0:
            share = self._share
            self.energy_fill_j += grams * cp * (share * self.lower_c + (1 - share) * self.water_c)
            self.water_g += grams
            return grams
        cold = (self.water_g - lower_g) * cp + self._fittings_j_k
        poured = grams * cp
        self.water_c = (cold * self.water_c + poured * water_c) / (cold + poured)
        self.water_g += grams
        self.energy_fill_j += poured * water_c
        # What the upper layer has too much goes down, so that the shares are kept.
        down_g = self._share * grams
        if down_g > 0:
            self.lower_c = (lower_g * self.lower_c + down_g * self.water_c) / (lower_g + down_g)
        return grams

    def stored_j(self) -> float:
        """Heat content of element, wall, fittings and both layers, J above 0 degC."""
        lower_j_k = self._share * self.water_g * self._water_j_gk
        upper_j_k = (1 - self._share) * self.water_g * self._water_j_gk + self._fittings_j_k
        metal_j = self._element_j_k * self.element_c + self._wall_j_k * self.wall_c
        return metal_j + lower_j_k * self.lower_c + upper_j_k * self.water_c

    def run_steps(self, steps: int, element_w: float) -> None:
        """Go on by `steps` of 25 ms at an element power of `element_w`."""
        for _ in range(steps):
            flow_w, nucleate_w, dry_w, top_w = self._metal(element_w)
            steam_g = self._layers(flow_w, nucleate_w, dry_w, top_w)
            self._outlet(steam_g)
        self.energy_in_j += element_w * (steps * _STEP_S)

    def _metal(self, element_w: float) -> "tuple[float, float, float, float]":
        """Element and wall. Returns W into the lower layer, W of nucleate boiling in it, W from dry wall to
        the fittings, W that the upper layer and the fittings lose.
        """
        convection, boiling, critical, scale, dry_g, dry_w_k, _, _, water_loss, fittings_loss, _, t_sat = self._water_k
        element_wall, wall_loss, k_element, k_wall, ambient = self._metal_k
        wet = min(self.water_g / dry_g, self.wettable)
        t_wall = self.wall_c
        t_lower = self.lower_c
        t_surface = self.surface_c
        if scale:
            superheat = max(t_surface - t_sat, 0.0)
            square = boiling * superheat * superheat
            flow = convection * (t_surface - t_lower) + square * superheat
            t_surface += (scale * (t_wall - t_surface) - flow) / (scale + convection + 3 * square)
        else:
            t_surface = t_wall
        self.surface_c = t_surface
        superheat = max(t_surface - t_sat, 0.0)
        nucleate = boiling * superheat * superheat * superheat
        flow_w = wet * min(convection * (t_surface - t_lower) + nucleate, critical)
        nucleate_w = min(wet * nucleate, flow_w) if flow_w > 0 else 0.0
        dry_w = (1 - wet) * dry_w_k * (t_wall - self.water_c)
        into_wall = element_wall * (self.element_c - t_wall)
        wall_w = wall_loss * (t_wall - ambient)
        top_w = (wet * water_loss + fittings_loss) * (self.water_c - ambient)
        self.energy_lost_j += (wall_w + top_w) * _STEP_S
        self.element_c += (element_w - into_wall) * k_element
        self.wall_c = t_wall + (into_wall - flow_w - dry_w - wall_w) * k_wall
        return flow_w, nucleate_w, dry_w, top_w

    def _layers(self, flow_w: float, nucleate_w: float, dry_w: float, top_w: float) -> float:
        """Both layers through one step. Returns the g of steam that leave."""
        cp, fittings = self._water_k[6], self._water_k[7]
        latent, t_sat = self._water_k[10], self._water_k[11]
        mixing, bubbling, collapse = self._layers_k
        lower_g = self._share * self.water_g
        upper_g = self.water_g - lower_g
        lower_j_k = lower_g * cp
        upper_j_k = upper_g * cp + fittings
        t_lower, t_upper = self.lower_c, self.water_c
        if self.water_g < _DROP_G:
            return self._drop((flow_w + dry_w - top_w) * _STEP_S)

        # Mixing, implicit, so that no thin layer makes it unstable.
        conductance = mixing + bubbling * nucleate_w
        mixed_j = (t_lower - t_upper) * conductance * _STEP_S
        mixed_j /= 1 + conductance * _STEP_S * (1 / lower_j_k + 1 / upper_j_k)
        t_lower += (flow_w * _STEP_S - mixed_j) / lower_j_k
        t_upper += ((dry_w - top_w) * _STEP_S + mixed_j) / upper_j_k

        # The lower layer turns into vapour what would bring it over the boiling point.
        vapour_g = 0.0
        if t_lower > t_sat:
            excess_j = (t_lower - t_sat) * lower_j_k
            vapour_g = min(excess_j / latent, lower_g)
            t_lower = t_sat
            lower_g -= vapour_g
            t_upper += (excess_j - vapour_g * latent) / upper_j_k
        # On its way up it collapses in what is colder, the more the colder that is, and warms it to boiling at most.
        cooler_k = t_sat - t_upper
        steam_g = vapour_g
        if vapour_g > 0 and cooler_k > 0:
            collapsed_g = min(vapour_g * cooler_k / (cooler_k + collapse), upper_j_k * cooler_k / latent)
            grown_j_k = upper_j_k + collapsed_g * cp
            t_upper = (upper_j_k * t_upper + collapsed_g * (latent + cp * t_sat)) / grown_j_k
            upper_j_k = grown_j_k
            upper_g += collapsed_g
            steam_g -= collapsed_g
        elif cooler_k < 0:
            excess_j = -cooler_k * upper_j_k
            boiled_g = min(excess_j / latent, upper_g)
            upper_g -= boiled_g
            upper_j_k = upper_g * cp + fittings
            t_upper = t_sat + (excess_j - boiled_g * latent) / upper_j_k
            steam_g += boiled_g

        # Water goes down, or up, so that the shares are kept.
        total_g = lower_g + upper_g
        kept_g = self._share * total_g
        down_g = kept_g - lower_g
        if down_g > 0:
            t_lower = (lower_g * t_lower + down_g * t_upper) / kept_g
        elif down_g < 0:
            t_upper = (upper_j_k * t_upper - down_g * cp * t_lower) / (upper_j_k - down_g * cp)
        self.lower_c = t_lower
        self.water_c = t_upper
        self.water_g = total_g
        self.steam_g += steam_g
        self.energy_steam_j += steam_g * (latent + cp * t_sat)
        return steam_g

    def _drop(self, heat_j: float) -> float:
        """A last drop, or none, through one step: too little for layers. Returns the g of steam that leave."""
        cp, fittings = self._water_k[6], self._water_k[7]
        latent, t_sat = self._water_k[10], self._water_k[11]
        lower_j_k = self._share * self.water_g * cp
        drop_j_k = self.water_g * cp + fittings
        t_drop = self.water_c + (lower_j_k * (self.lower_c - self.water_c) + heat_j) / drop_j_k
        steam_g = 0.0
        if t_drop > t_sat and self.water_g > 0:
            excess_j = (t_drop - t_sat) * drop_j_k
            steam_g = min(excess_j / latent, self.water_g)
            self.water_g -= steam_g
            t_drop = t_sat + (excess_j - steam_g * latent) / (self.water_g * cp + fittings)
        self.water_c = t_drop
        self.lower_c = t_drop
        self.steam_g += steam_g
        self.energy_steam_j += steam_g * (latent + cp * t_sat)
        return steam_g

    def _outlet(self, steam_g: float) -> None:
        """Nozzle and sensors through one step, as in `Boiler`."""
        air, per_steam, steam_cp, flow_w_k, outlet_loss, k_outlet = self._outlet_k
        ambient = self._metal_k[4]
        rate = steam_g * _PER_MIN
        self.steam_g_min = rate
        warming = outlet_loss * (ambient - self.outlet_c)
        if rate > 0:
            mixed = ambient + (self._water_k[11] - ambient) * (rate * steam_cp / (rate * per_steam + air))
            warming += flow_w_k * rate * (mixed - self.outlet_c)
        self.outlet_c += warming * k_outlet
        k_wall, k_water, k_outlet = self._probe_k
        wall_c = ambient + self.wall_contact * (self.wall_c - ambient)
        water_c = ambient + self.water_contact * (self.water_c - ambient)
        outlet_c = ambient + self.outlet_contact * (self.outlet_c - ambient)
        self.wall_probe_c += (wall_c - self.wall_probe_c) * k_wall
        self.water_probe_c += (water_c - self.water_probe_c) * k_water
        self.outlet_probe_c += (outlet_c - self.outlet_probe_c) * k_outlet
