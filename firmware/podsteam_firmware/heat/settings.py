# SPDX-License-Identifier: Apache-2.0
"""What the controller believes of its boiler. Compiled-in defaults; the bounds hold for every source of a value.

Learned values come from `store.learned`, measured ones from `store.calibration`. Power, heat capacities and losses are
in the unit's own watts: those of the element as it is believed to be. A wrong nameplate scales them all alike, and
the gain of one weighed run puts that right.
"""

from podsteam_protocol.const import const

METAL_J_K = const(130)
"""Heat capacity of element and wall as compiled in: not learned."""


class Settings:
    """Constants of one boiler, all integers."""

    def __init__(self) -> None:
        self.gain_permille = 1000
        """Steam that a weighed run gave over the steam that was counted, permille (700 to 1,300)."""
        self.loss_mw_k = 350
        """Loss of wall and water to the room, mW/K (100 to 1000). Hypothesis: 35 W at the boiling point, 15 to 50."""
        self.loss_known = 0
        """1: `loss_mw_k` was learned from cooling."""
        self.metal_j_k = METAL_J_K
        """Heat capacity of element and wall, J/K (40 to 300), until a heat-up has shown it. Hypothesis: 70 to 190."""
        self.pocket_j_k = 4
        """Heat capacity of what follows the water without being water, J/K. Hypothesis."""
        self.capacity_j_k = 366
        """All that is heated, J/K, until a heat-up has shown it: `metal_j_k` and 56 g of water."""
        self.ambient_mc = 22000
        """Room, until a cold start has shown it; milli-degC."""
        self.boiling_mc = 0
        """Boiling point as the water sensor showed it in an earlier session, milli-degC; 0: not known."""
        self.boil_doubt_mc = 2000
        """Until it is seen again it is taken this much lower: the device may have been carried up a mountain."""
        self.water_lag_ms = 8000
        """Lag of the water sensor at the boiling onset, ms. On the high side by intent: 8 s is the slowest of the
        envelope; too low a value would let boiling begin at full power (+50 % steam), too high one costs 1 to 2 s."""
        self.lag_known = 0
        """1: `water_lag_ms` was learned."""
        self.boil_floor_mc = 88000
        """Lowest water reading at which water may boil, milli-degC: 90 degC at 3000 m, less 2 K of sensor error."""
        self.boil_margin_mc = 1000
        """Where a learned boiling point is believed: this much lower."""
        self.settle_ms = 1500
        """Time that what is stored in the hot element takes to come through, ms, when power is reduced to 60 %: it is
        reduced that much early. This and the next are two thirds of it where the wall's plateau is known."""
        self.pause_ms = 1000
        """Pause of the element at the end of full power, ms, when that is reduced to 60 %: what the element gives off
        too much comes down faster. What the wall holds too much is measured and comes on top. More of both costs 0.7 %
        of the heat-up for each 0.5 s; found on plants 0 to 199."""
        self.onset_permille = 1100
        """Power at which boiling is let begin, relative to what the wanted steam takes, while the boiling point is
        not known: high, because the way from the floor to it may be 12 K."""
        self.onset_learned_permille = 1030
        """The same once it is known."""
        self.wall_fold_mc = 120000
        """Wall at which power is folded back, to nothing 8 K above; milli-degC. Scale, not water, takes it there."""
        self.outlet_rise_mc = 8000
        """Outlet above room that proves steam: 1 g/min gives 11 K on the simulated board."""
        self.hold_gain_dw_k = 0
        """Proportional gain of HOLD from a tuning, 0.1 W/K; this and the next two are 0 until there was one."""
        self.hold_integral_ds = 0
        """Its integral time, 0.1 s."""
        self.hold_derivative_ds = 0
        """Its derivative time, 0.1 s."""
        self.superheat_mc = 0
        """Wall over water, as the sensors show it, while the clean wall boils at `superheat_dw`; milli-K."""
        self.superheat_dw = 0
        """Power into the water at that time, 0.1 W; 0: there is no baseline yet."""
        self.excess_mk_kw = 0
        """What scale added to the wall's resistance since, milli-K/kW."""
