# SPDX-License-Identifier: Apache-2.0
"""What one tick takes in and gives out: plain preallocated objects that the loop fills and reads.

Counters wrap at 2^30. Microvolts are at the ADC pin, after the HAL's oversampling (64 samples, trimmed mean).
"""


class Inputs:
    """Everything the firmware knows of the outside in one 50 ms tick. Filled by `Hal.sample`."""

    def __init__(self) -> None:
        self.sampled_ms = 0
        """Device time of the samples."""
        self.wall_uv = 0
        """Wall NTC divider, microvolts."""
        self.water_uv = 0
        """Water NTC divider, microvolts."""
        self.outlet_uv = 0
        """Outlet NTC divider, microvolts."""
        self.reference_uv = 0
        """Half of the 2.5 V that feeds the dividers: 1,250,000 uV when all is well."""
        self.mains_uv = 0
        """Mains sense: 5,000 uV for each effective volt (230 V: 1,150,000 uV)."""
        self.zero_cross = 0
        """Mains half-cycles counted by hardware since start."""
        self.load_halves = 0
        """Half-cycles in which element current flowed, counted by hardware since start."""
        self.burst_halves = 0
        """Half-cycles commanded on by bursts since start, as far as they have been sent."""
        self.water_ok = False
        """Water switch: there is water."""
        self.latch_closed = False
        """Podlet latch."""
        self.upright = False
        """Tilt switch."""
        self.drained = False
        """Condensate switch: the trap under the outlet is not full."""
        self.button = False
        """Start/stop button held down (raw; debounced by the session)."""
        self.coil_on = False
        """Valve coil current flows now."""
        self.coil_pulses = 0
        """Coil current pulses counted by hardware since start."""


class Outputs:
    """What the firmware wants of the outside after one tick. Carried out by the loop, off before on."""

    def __init__(self) -> None:
        self.heat = False
        """False: the running burst is aborted and none is started."""
        self.heartbeat = False
        """True: one edge for the relay's charge pump. Given only when every checkpoint of the tick passed."""
        self.feed = False
        """True: feed the watchdog."""
        self.valve_us = 0
        """Start a valve pulse of this width; 0: none. The pulse ends in hardware."""
        self.valve_off = False
        """True: end a running valve pulse now."""
        self.light = 0
        """Lamps that are to be lit: red 1, green 2, blue 4."""
        self.light_changed = True
        """True: show them now."""
        self.beep = 0
        """A SOUND word to play now; 0: none."""
