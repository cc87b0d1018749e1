# SPDX-License-Identifier: Apache-2.0
"""What the controller believes of its boiler. Compiled-in defaults; the bounds hold for every source of a value."""


class Settings:
    """Constants of one boiler, all integers."""

    def __init__(self) -> None:
        self.loss_mw_k = 350
        """Loss of wall and water to the room, mW/K (100 to 1000). Hypothesis: 35 W at the boiling point, 15 to 50."""
        self.metal_j_k = 115
        """Heat capacity of element and wall, J/K (60 to 300). Hypothesis."""
        self.capacity_j_k = 366
        """All that is heated, J/K, until a heat-up has shown it: `metal_j_k` and 60 g of water."""
        self.ambient_mc = 22000
        """Room, until a cold start has shown it; milli-degC."""
        self.boiling_mc = 0
        """Boiling point as the water sensor showed it in an earlier session, milli-degC; 0: not known."""
        self.boil_doubt_mc = 2000
        """Until it is seen again it is taken this much lower: the device may have been carried up a mountain. A move by
        2500 m then makes no stronger a start than a first use (5.2 against 5.0 g/min on the simulated board)."""
        self.water_lag_ms = 8000
        """Lag of the water sensor at the boiling onset, ms. On the high side by intent: 8 s is the slowest of the
        envelope; too low a value would let boiling begin at full power (+50 % steam), too high one costs 1 to 2 s."""
        self.boil_floor_mc = 88000
        """Lowest water reading at which water may boil, milli-degC: 90 degC at 3000 m, less 2 K of sensor error."""
        self.boil_margin_mc = 2500
        """Where a learned boiling point is believed: this much lower."""
        self.onset_permille = 1200
        """Power at which boiling is let begin, relative to what the wanted steam takes, while the boiling point is
        not known: high, because the way from the floor to it may be 12 K."""
        self.onset_learned_permille = 1080
        """The same once it is known and 2.5 K away."""
        self.wall_fold_mc = 120000
        """Wall at which power is folded back, to nothing 8 K above; milli-degC. Scale, not water, takes it there."""
        self.outlet_rise_mc = 8000
        """Outlet above room that proves steam: 1 g/min gives 11 K on the simulated board."""
